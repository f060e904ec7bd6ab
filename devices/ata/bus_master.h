// Bus master IDE of one channel. "Programming Interface for Bus Master IDE Controller", revision 1.0; Intel 82371SB
// (PIIX3, 290550), 2.7.
#pragma once

#include <span>

#include "base/state_archive.h"
#include "devices/core/dma.h"

namespace twin86 {

class BusMaster {
  public:
    static constexpr unsigned kPorts = 8;

    explicit BusMaster(DmaView& memory) : memory_(memory) {}

    u8 read(u16 offset) const;
    /// True: the engine was started by this write.
    bool write(u16 offset, u8 value);

    bool running() const { return (command_ & kStart) != 0 && (status_ & kActive) != 0; }
    /// INTRQ of the channel rose.
    void interrupt();
    /// Move along the descriptors; fewer bytes than given when they end, when they are not in RAM or when the engine
    /// goes the other way.
    std::size_t to_memory(std::span<const u8> from);
    std::size_t from_memory(std::span<u8> to);

    void reset();
    void visit(StateArchive& archive);

  private:
    enum : u8 { kStart = 0x01, kToMemory = 0x08 };
    enum : u8 { kActive = 0x01, kFailed = 0x02, kInterrupt = 0x04, kDrivesCapable = 0x60 };

    bool next_descriptor();
    template <class Move>
    std::size_t run(std::size_t bytes, Move move);
    void stop(u8 status) { status_ = static_cast<u8>((status_ & ~kActive) | status); }

    DmaView& memory_;
    u8 command_ = 0, status_ = 0;
    u32 table_ = 0;
    u32 next_ = 0;               // address of the next descriptor
    u32 region_ = 0, left_ = 0;  // what the current one still has
    bool last_ = false;
};

}  // namespace twin86
