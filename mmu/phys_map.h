// PhysMap: guest physical memory as the processor and bus masters see it.
//
// PC layout: one GuestRam appears at [0, low_size) and [4 GiB, 4 GiB + rest); ROM images and device memory (frame
// buffers) lie over it or beside it; everything else is the MMIO bus. Ranges may be switched at run time (i440FX PAM,
// PCI BARs): the per-page table of phys_pages.h is the single source of truth.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "devices/core/bus.h"
#include "devices/core/dma.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_pages.h"

namespace twin86 {

/// What remap() puts into a range.
enum class Backing : u8 {
    kMmio,
    kRam,          ///< the RAM of that address; MMIO where the layout has none
    kRamReadOnly,  ///< the same, writes dropped
    kRom,          ///< the ROM or device memory mapped there last; MMIO where there is none
};

/// Told when bytes of a page with kPageHasCode were written by anything but translated code.
class CodeWriteListener {
  public:
    virtual ~CodeWriteListener() = default;
    /// Runs before the write counts as done. The range lies within one page.
    virtual void code_written(Gpa address, u64 size) = 0;
    /// Whether it still has translations of this page.
    virtual bool has_code(Gpa page) const = 0;
};

/// Told when cached host addresses or write permissions of pages are no longer good.
class PhysMapListener {
  public:
    virtual ~PhysMapListener() = default;
    /// Writes to these pages must come through the slow path again.
    virtual void writes_protected(Gpa base, u64 size) = 0;
    /// Something else lies there now.
    virtual void range_remapped(Gpa base, u64 size) = 0;
    /// All addresses lead elsewhere now: PhysPages::driven has changed.
    virtual void address_lines_changed() {}
    /// Somebody is about to read the dirty flags of this range: writes that are logged elsewhere must be put there.
    virtual void collect_dirty(Gpa, u64) {}
};

/// A run of pages with the same backing, contiguous in the guest and in the host.
struct HostRange {
    Gpa base = 0;
    u64 size = 0;
    Hva host = nullptr;
    bool writable = false;
    std::string name;
};

/// A range of device memory.
struct GpaRange {
    Gpa base = 0;
    u64 size = 0;
    bool operator==(const GpaRange&) const = default;
};

class PhysMap : public DmaView {
  public:
    static constexpr Gpa kHighRamBase = 4 * GiB;

    /// `low_size` bytes of `ram` lie below 4 GiB, the rest from 4 GiB on. `limit`: how far device memory may reach.
    static Result<std::unique_ptr<PhysMap>> create(GuestRam& ram, u64 low_size, MmioBus& bus, Gpa limit = 0);

    const PhysPages& pages() const { return pages_; }
    Hva ram_page(Gpa address) const { return pages_.ram_page(address); }
    GuestRam& ram() const { return ram_; }
    u64 low_size() const { return low_size_; }
    u64 high_size() const { return ram_.size() - low_size_; }

    /// Copies a ROM image to `base` (page-aligned); the rest of its last page reads as ones. Stays for good.
    Status map_rom(Gpa base, std::span<const u8> image, std::string name);
    /// Shows page-aligned host memory at `base` until the handle goes. What was mapped last wins.
    [[nodiscard]] Mapping map_memory(Gpa base, u64 size, Hva host, bool writable, std::string name);
    /// The same for memory that the guest reads while each of its writes goes to the MMIO bus.
    [[nodiscard]] Mapping map_flash(Gpa base, u64 size, Hva host, std::string name);
    /// Writes to this device memory have no effect that the guest could notice before its next access to any device: an
    /// engine may collect them and deliver them late, in their order. Until the handle goes.
    [[nodiscard]] Mapping allow_late_writes(Gpa base, u64 size);
    const std::vector<GpaRange>& late_writes() const { return late_writes_; }
    /// A20M#: whether processors drive address bit 20. Bus masters always do.
    void set_a20(bool driven);
    bool a20() const { return pages_.driven == ~u64{0}; }
    /// Switches whole pages.
    void remap(Gpa base, u64 size, Backing backing);

    // Processor accesses: any alignment, 1 to 8 bytes. Parts that are not RAM or ROM go to the MMIO bus in accesses of
    // 1, 2, 4 or 8 bytes within a page.
    u64 read(Gpa address, unsigned size);
    void write(Gpa address, unsigned size, u64 value);

    bool dma_read(Gpa address, std::span<u8> to) override;
    bool dma_write(Gpa address, std::span<const u8> from) override;

    // Code pages and dirty tracking.
    void add_listener(PhysMapListener& listener) { listeners_.push_back(&listener); }
    void remove_listener(PhysMapListener& listener) { std::erase(listeners_, &listener); }
    void add_code_listener(CodeWriteListener& listener) { code_listeners_.push_back(&listener); }
    void remove_code_listener(CodeWriteListener& listener) { std::erase(code_listeners_, &listener); }
    /// Pages that have no host memory are never marked; a mark reaches the listeners before this returns. It stays until no
    /// CodeWriteListener has code there.
    void set_has_code(Gpa page, bool on);
    /// Reports a write that was done by other means (page-table updates, engines' slow paths) to [address, +size).
    void written(Gpa address, u64 size);
    /// How often bus masters have written.
    u64 dma_writes() const { return dma_writes_.load(); }
    /// Appends the page addresses written since the last call by this client, one of the kPageDirty flags.
    void take_dirty(Gpa base, u64 size, PageFlag client, std::vector<Gpa>& pages);

    /// All host memory in address order, for `info mtree` and for engines that keep slots.
    std::vector<HostRange> host_ranges() const;

  private:
    struct Region {
        Gpa base;
        u64 size;
        Hva host;
        bool writable;
        bool writes_trap;
        std::string name;
        bool covers(Gpa page) const { return page - base < size; }
    };

    PhysMap(GuestRam& ram, u64 low_size, MmioBus& bus, HostPages table);

    const Region* top_region(Gpa page) const;
    u64 ram_entry(Gpa page) const;
    u64 region_entry(Gpa page) const;
    u64 natural_entry(Gpa page) const;
    template <class EntryOf>
    void replace(Gpa base, u64 size, EntryOf entry_of);
    void changed(Gpa base, u64 size);
    Mapping map_region(const Region& region);
    void unmap(const Region& region);
    std::string name_of(Gpa page, Hva host) const;
    void code_was_written(Gpa address, u64 size);
    void after_write(Gpa address, u64 size, u64 entry);
    u64 mmio_read(Gpa address, unsigned size);
    void mmio_write(Gpa address, unsigned size, u64 value);

    GuestRam& ram_;
    u64 low_size_;
    MmioBus& bus_;
    HostPages table_;
    PhysPages pages_;
    std::vector<Region> regions_;  // in order of mapping
    std::vector<HostPages> rom_images_;
    std::vector<GpaRange> late_writes_;
    std::vector<PhysMapListener*> listeners_;
    std::vector<CodeWriteListener*> code_listeners_;
    std::atomic<u64> dma_writes_ = 0;
};

}  // namespace twin86
