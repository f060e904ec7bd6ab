// IoBus and MmioBus: who answers at which port or physical address.
//
// Mappings are RAII handles; overlap is a wiring error at start. Unmapped reads are all ones, writes are dropped, and
// both are counted.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/types.h"
#include "devices/core/doorbell.h"

namespace twin86 {

/// Port handler; `offset` is relative to the mapping, size is 1, 2 or 4 bytes.
class IoHandler {
  public:
    virtual ~IoHandler() = default;
    virtual u32 io_read(u16 offset, unsigned size) = 0;
    virtual void io_write(u16 offset, unsigned size, u32 value) = 0;
    /// At the moment, relative to the mapping.
    virtual std::vector<Doorbell> doorbells() const { return {}; }
};

/// MMIO handler; `offset` is relative to the mapping, size is 1, 2, 4 or 8 bytes.
class MmioHandler {
  public:
    virtual ~MmioHandler() = default;
    virtual u64 mmio_read(u64 offset, unsigned size) = 0;
    virtual void mmio_write(u64 offset, unsigned size, u64 value) = 0;
    /// At the moment, relative to the mapping.
    virtual std::vector<Doorbell> doorbells() const { return {}; }
};

/// Keeps a mapping alive; unmaps when destroyed.
class Mapping {
  public:
    Mapping() = default;
    explicit Mapping(std::function<void()> unmap) : unmap_(std::move(unmap)) {}
    Mapping(Mapping&& other) noexcept : unmap_(std::exchange(other.unmap_, nullptr)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        release();
        unmap_ = std::exchange(other.unmap_, nullptr);
        return *this;
    }
    ~Mapping() { release(); }
    void release() {
        if (unmap_) std::exchange(unmap_, nullptr)();
    }

  private:
    std::function<void()> unmap_;
};

struct BusCounters {
    u64 reads = 0, writes = 0, unmapped_reads = 0, unmapped_writes = 0;
};

/// What `info mtree` prints of one mapping.
struct BusRange {
    u64 base, size;
    std::string name;
};

/// The doorbells of the mappings of a bus, and who hears of changes.
class DoorbellKeeper {
  public:
    /// Called after each change.
    void set_on_doorbells(std::function<void()> changed) { changed_ = std::move(changed); }

  protected:
    /// Tells where there was one or is one now.
    void replace(std::vector<Doorbell>& old, std::vector<Doorbell> now) {
        if (old.empty() && now.empty()) return;
        old = std::move(now);
        if (changed_) changed_();
    }
    static void append(std::vector<Doorbell>& all, const std::vector<Doorbell>& relative, u64 base, bool port) {
        for (Doorbell d : relative) {
            d.address += base, d.port = port;
            all.push_back(d);
        }
    }

  private:
    std::function<void()> changed_;
};

/// The 64 KiB port space.
class IoBus : public DoorbellKeeper {
  public:
    /// Access sizes a handler takes (bit 0: 1 byte, bit 1: 2, bit 2: 4). Wider accesses are split into the widest
    /// allowed size at consecutive ports, least significant first; narrower ones that are not allowed are widened.
    enum Sizes : u8 { kByte = 1, kWord = 2, kDword = 4, kAll = 7 };

    IoBus();
    [[nodiscard]] Mapping map(IoPort base, u32 size, IoHandler& handler, std::string name, u8 sizes = kByte);

    u32 read(IoPort port, unsigned size);
    void write(IoPort port, unsigned size, u32 value);

    /// Nobody answers in [base, +size), which ends within the port space.
    bool is_free(IoPort base, u32 size) const;

    /// All that handlers have, by port; and a handler whose list is another one now.
    std::vector<Doorbell> doorbells() const;
    void doorbells_changed(const IoHandler& of);

    const BusCounters& counters() const { return counters_; }
    std::vector<BusRange> ranges() const;

  private:
    struct Slot {
        u16 base = 0;
        u32 size = 0;
        IoHandler* handler = nullptr;
        u8 sizes = 0;
        std::string name;
        std::vector<Doorbell> doorbells;  ///< relative to base
    };
    const Slot* find(IoPort port) const;

    std::vector<u8> index_;    // port -> slot number, 0: unmapped
    std::vector<Slot> slots_;  // slot 0 is unused
    BusCounters counters_;
};

/// Physical addresses that are not RAM or ROM.
class MmioBus : public DoorbellKeeper {
  public:
    [[nodiscard]] Mapping map(Gpa base, u64 size, MmioHandler& handler, std::string name);
    /// Answers before everybody else, wherever it lies: accesses that do not leave the processor. One at a time.
    [[nodiscard]] Mapping map_in_front(Gpa base, u64 size, MmioHandler& handler, std::string name);

    u64 read(Gpa address, unsigned size);
    void write(Gpa address, unsigned size, u64 value);
    bool mapped(Gpa address) const { return find(address) != nullptr; }
    /// Nobody answers in [base, +size), which does not wrap; what is in front does not count.
    bool is_free(Gpa base, u64 size) const;

    /// As those of IoBus.
    std::vector<Doorbell> doorbells() const;
    void doorbells_changed(const MmioHandler& of);

    const BusCounters& counters() const { return counters_; }
    std::vector<BusRange> ranges() const;

  private:
    struct Slot {
        Gpa base;
        u64 size;
        MmioHandler* handler;
        std::string name;
        std::vector<Doorbell> doorbells = {};  ///< relative to base
    };
    const Slot* find(Gpa address) const;
    const Slot* find_behind(Gpa address) const;

    std::vector<Slot> slots_;  // sorted by base
    std::optional<Slot> front_;
    BusCounters counters_;
};

}  // namespace twin86
