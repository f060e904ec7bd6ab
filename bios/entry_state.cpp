#include "bios/entry_state.h"

#include <algorithm>
#include <vector>

#include "bios/byte_view.h"

namespace twin86 {
namespace {

// SDM vol. 3, 3.4.5: flat segments, present, DPL 0, accessed.
constexpr u64 kCode64 = 0x00af9b000000ffff;
constexpr u64 kCode32 = 0x00cf9b000000ffff;
constexpr u64 kData = 0x00cf93000000ffff;
constexpr u64 kBusyTss = 0x00008b0000000067;  // base 0, limit 0x67

constexpr u16 kCodeSelector = 0x10;
constexpr u16 kDataSelector = 0x18;
constexpr u16 kTaskSelector = 0x20;

constexpr u64 kPresentWritable = 3;
constexpr u64 kLargePage = bit(7);
constexpr u64 kEntriesPerTable = 512;
constexpr u64 kIdentityGiB = 4;

/// PML4, one PDPT and a page directory of 2 MiB pages for each GiB, as they lie at `base`.
std::vector<u8> identity_tables(Gpa base) {
    std::vector<u8> tables((2 + kIdentityGiB) * kPageSize);
    put<u64>(tables, 0, (base + kPageSize) | kPresentWritable);
    for (u64 gib = 0; gib < kIdentityGiB; ++gib) {
        put<u64>(tables, kPageSize + gib * 8, (base + (2 + gib) * kPageSize) | kPresentWritable);
        for (u64 i = 0; i < kEntriesPerTable; ++i)
            put<u64>(tables, (2 + gib) * kPageSize + i * 8, (gib * GiB + i * 2 * MiB) | kPresentWritable | kLargePage);
    }
    return tables;
}

Status add_long_mode(BootPlan& plan, BootAllocator& allocator, BootMemory& memory) {
    const auto base = allocator.lowest((2 + kIdentityGiB) * kPageSize, kPageSize, kLoaderAreaBase, kVideoHole);
    if (!base) return error("no room below 640 KiB for the start page tables");
    plan.cr0 |= kCr0PG;
    plan.cr3 = *base;
    plan.cr4 = kCr4PAE;
    plan.efer = kEferLME | kEferLMA;
    return store(memory, *base, identity_tables(*base));
}

}  // namespace

Status store(BootMemory& memory, Gpa address, std::span<const u8> bytes) {
    if (!memory.write(address, bytes)) return error("guest memory at {:#x} + {:#x} is not RAM", address, bytes.size());
    return {};
}

Status store_zeros(BootMemory& memory, Gpa address, u64 size) {
    const std::vector<u8> zeros(std::min<u64>(size, 64 * KiB));
    while (size != 0) {
        const u64 part = std::min<u64>(size, zeros.size());
        if (Status s = store(memory, address, std::span(zeros).first(part)); !s) return s;
        address += part;
        size -= part;
    }
    return {};
}

Result<Gpa> place_low(BootAllocator& allocator, BootMemory& memory, std::span<const u8> bytes, u64 alignment) {
    const auto at = allocator.lowest(bytes.size(), alignment, kLoaderAreaBase, kVideoHole);
    if (!at) return error("no room below 640 KiB for {} bytes of start parameters", bytes.size());
    if (Status s = store(memory, *at, bytes); !s) return s.failure();
    return *at;
}

Result<BootPlan> make_entry_state(EntryKind kind, BootAllocator& allocator, BootMemory& memory) {
    const bool long_mode = kind == EntryKind::kLong64;
    BootPlan plan;
    plan.kind = kind;
    plan.code = {kCodeSelector, long_mode ? kCode64 : kCode32};
    plan.data = {kDataSelector, kData};
    plan.task = {kTaskSelector, kBusyTss};
    plan.cr0 = kCr0PE | kCr0ET | (long_mode ? u64{kCr0NE} : 0);

    // Six slots: a TSS descriptor takes two in long mode.
    std::vector<u8> gdt(6 * 8);
    for (const BootSegment& s : {plan.code, plan.data, plan.task}) put<u64>(gdt, s.selector, s.descriptor);
    Result<Gpa> gdt_base = place_low(allocator, memory, gdt);
    if (!gdt_base) return gdt_base.failure();
    plan.gdt_base = *gdt_base;
    plan.gdt_limit = static_cast<u16>(gdt.size() - 1);

    if (long_mode)
        if (Status s = add_long_mode(plan, allocator, memory); !s) return s.failure();
    return plan;
}

Status write_bios_data_area(BootMemory& memory) {
    std::vector<u8> area(0x100);
    put<u16>(area, 0x0e, kEbdaBase >> 4);
    put<u16>(area, 0x13, kEbdaBase / KiB);
    if (Status s = store(memory, 0x400, area); !s) return s;
    std::vector<u8> ebda(kVideoHole - kEbdaBase);
    ebda[0] = 1;  // its size in KiB
    return store(memory, kEbdaBase, ebda);
}

}  // namespace twin86
