// The two halves of a character connection: a back-end (terminal, socket, file) and a front-end (UART, debug port).
#pragma once

#include <span>

#include "base/types.h"

namespace twin86 {

/// The front-end's view of where its output goes.
class CharSink {
  public:
    virtual ~CharSink() = default;
    /// Takes every byte; a sink that cannot write now buffers or drops by its own documented policy, it never blocks.
    virtual void write(std::span<const u8> bytes) = 0;
};

/// The back-end's view of who takes its input.
class CharReceiver {
  public:
    virtual ~CharReceiver() = default;
    /// How many bytes receive() takes now.
    virtual std::size_t receive_room() const = 0;
    virtual void receive(std::span<const u8> bytes) = 0;
    /// A break condition on the line.
    virtual void receive_break() {}
};

/// A back-end: a sink that may have one receiver.
class CharBackend : public CharSink {
  public:
    virtual void set_receiver(CharReceiver* receiver) = 0;
    /// The receiver has room again after receive_room() was 0.
    virtual void receiver_ready() = 0;
};

}  // namespace twin86
