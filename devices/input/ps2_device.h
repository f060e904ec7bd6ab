// What keyboard and mouse share on the PS/2 wire: replies go before events, one byte at a time, and FE repeats the last
// one.
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>

#include "base/types.h"
#include "devices/core/device.h"

namespace twin86 {

class Ps2Device {
  public:
    virtual ~Ps2Device() = default;

    /// A byte from the controller.
    virtual void write(u8 byte) = 0;

    bool has_output() const { return !replies_.empty() || !events_.empty(); }
    /// The next byte for the controller; only when has_output().
    u8 take_output();
    /// The controller's wish to hear of new output.
    void set_on_output(std::function<void()> callback) { on_output_ = std::move(callback); }

  protected:
    static constexpr u8 kAck = 0xfa, kResend = 0xfe, kTestPassed = 0xaa;
    static constexpr std::size_t kMaxReplies = 16;

    /// Replaces the replies that were not fetched: a new command ends the old one.
    void reply(std::initializer_list<u8> bytes);
    void add_reply(u8 byte);
    /// False (nothing queued) when the events that wait and these are more than `capacity`.
    bool queue_event(const u8* bytes, std::size_t count, std::size_t capacity);
    bool events_waiting() const { return !events_.empty(); }
    std::size_t event_count() const { return events_.size(); }
    void clear_events() { events_.clear(); }
    void clear_output();
    void resend();
    void visit_queues(StateArchive& archive, std::size_t event_capacity);

    /// The last waiting event byte was fetched.
    virtual void events_drained() {}

  private:
    void notify() const {
        if (on_output_) on_output_();
    }

    std::function<void()> on_output_;
    std::deque<u8> replies_;
    std::deque<u8> events_;
    u8 last_sent_ = 0;
};

}  // namespace twin86
