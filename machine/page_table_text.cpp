// SDM vol. 3, 4.3 (32-bit), 4.4 (PAE), 4.5 (4-level and 5-level).
#include "machine/page_table_text.h"

#include <fmt/format.h>

#include <functional>

#include "base/bits.h"

namespace twin86 {

namespace {

constexpr u64 kPresent = bit(0), kWritable = bit(1), kUser = bit(2), kLarge = bit(7), kNoExecute = bit(63);
constexpr u64 kRights = kWritable | kUser;
constexpr u64 kMaxEntries = 4'000'000;  ///< table entries looked at
constexpr u64 kMaxLines = 20'000;

struct Leaf {
    Gva address;
    u64 size;
    Gpa physical;
    u64 entry;   ///< as it stands in the table, plus kLarge only for large pages
    u64 rights;  ///< kWritable and kUser of all levels together
};

/// Visits every present leaf in address order.
class TableWalk {
  public:
    using Visitor = std::function<bool(const Leaf&)>;  ///< false: enough

    TableWalk(const PagingContext& context, const PhysPages& pages, Visitor visit)
        : context_(context), memory_(pages), visit_(std::move(visit)) {}

    /// False: stopped by the visitor or by the bound.
    bool run() {
        const u64 address_mask = bit(context_.physical_bits) - 1;
        if ((context_.efer & kEferLMA) != 0) {
            const unsigned levels = (context_.cr4 & kCr4LA57) != 0 ? 5 : 4;
            return table(context_.cr3 & address_mask & kPageMask, levels, 0, kRights);
        }
        if ((context_.cr4 & kCr4PAE) == 0) return table32(context_.cr3 & 0xfffff000);
        for (u64 n = 0; n < 4; ++n) {
            const u64 e = memory_.read<u64>((context_.cr3 & 0xffffffe0) + n * 8);
            if ((e & kPresent) != 0 && !table(e & address_mask & kPageMask, 2, n << 30, kRights)) return false;
        }
        return true;
    }

  private:
    bool table(Gpa base, unsigned level, Gva start, u64 rights) {
        const unsigned shift = 12 + 9 * (level - 1);
        const unsigned top = (context_.cr4 & kCr4LA57) != 0 ? 57 : 48;
        for (u64 n = 0; n < 512; ++n) {
            if (++seen_ > kMaxEntries) return false;
            const u64 e = memory_.read<u64>(base + n * 8);
            if ((e & kPresent) == 0) continue;
            Gva address = start | n << shift;
            if ((context_.efer & kEferLMA) != 0)
                address = static_cast<Gva>(static_cast<i64>(address << (64 - top)) >> (64 - top));
            const Gpa target = e & (bit(context_.physical_bits) - 1) & kPageMask;
            const bool leaf = level == 1 || ((e & kLarge) != 0 && level <= 3);
            if (leaf) {
                const u64 size = u64{1} << shift;
                if (!visit_({address, size, target & ~(size - 1), level == 1 ? e & ~kLarge : e, rights & e}))
                    return false;
            } else if (!table(target, level - 1, address, rights & e)) {
                return false;
            }
        }
        return true;
    }

    bool table32(Gpa directory) {
        for (u64 n = 0; n < 1024; ++n) {
            const u64 e = memory_.read<u32>(directory + n * 4);
            if ((e & kPresent) == 0) continue;
            const Gva address = n << 22;
            if ((e & kLarge) != 0 && (context_.cr4 & kCr4PSE) != 0) {
                const Gpa physical = (e & 0xffc00000) | bits(e, 20, 13) << 32;
                if (!visit_({address, 4 * MiB, physical, e, e & kRights})) return false;
                continue;
            }
            for (u64 m = 0; m < 1024; ++m) {
                if (++seen_ > kMaxEntries) return false;
                const u64 p = memory_.read<u32>((e & 0xfffff000) + m * 4);
                if ((p & kPresent) == 0) continue;
                if (!visit_({address | m << 12, kPageSize, p & 0xfffff000, p & ~kLarge, e & p & kRights})) return false;
            }
        }
        return true;
    }

    const PagingContext& context_;
    PagingMemory memory_;
    Visitor visit_;
    u64 seen_ = 0;
};

constexpr const char* kStopped = "... (more than is shown)\n";

}  // namespace

PagingContext paging_context(const CpuState& s, u8 physical_bits) {
    PagingContext c;
    c.cr0 = s.cr0;
    c.cr3 = s.cr3;
    c.cr4 = s.cr4;
    c.efer = s.efer;
    c.physical_bits = physical_bits;
    return c;
}

std::string mapped_ranges_text(const PagingContext& context, const PhysPages& pages) {
    if ((context.cr0 & kCr0PG) == 0) return "PG disabled\n";
    std::string text;
    u64 lines = 0;
    Leaf run{0, 0, 0, 0, 0};
    const auto flush = [&] {
        if (run.size == 0) return;
        text += fmt::format("{:016x}-{:016x} {:016x} {}r{}\n", run.address, run.address + run.size, run.size,
                            (run.rights & kUser) != 0 ? 'u' : '-', (run.rights & kWritable) != 0 ? 'w' : '-');
        ++lines;
    };
    TableWalk walk(context, pages, [&](const Leaf& leaf) {
        if (run.size != 0 && run.address + run.size == leaf.address && run.rights == leaf.rights) {
            run.size += leaf.size;
            return true;
        }
        flush();
        run = leaf;
        return lines < kMaxLines;
    });
    const bool complete = walk.run();
    if (lines < kMaxLines) flush();
    return complete ? text : text + kStopped;
}

std::string mapped_pages_text(const PagingContext& context, const PhysPages& pages) {
    if ((context.cr0 & kCr0PG) == 0) return "PG disabled\n";
    static constexpr std::pair<u64, char> kLetters[] = {{kNoExecute, 'X'}, {bit(8), 'G'}, {kLarge, 'P'},
                                                        {bit(6), 'D'},     {bit(5), 'A'}, {bit(4), 'C'},
                                                        {bit(3), 'T'},     {kUser, 'U'},  {kWritable, 'W'}};
    std::string text;
    u64 lines = 0;
    TableWalk walk(context, pages, [&](const Leaf& leaf) {
        if (++lines > kMaxLines) return false;
        std::string letters;
        for (const auto& [mask, letter] : kLetters) letters += (leaf.entry & mask) != 0 ? letter : '-';
        text += fmt::format("{:016x}: {:016x} {}\n", leaf.address, leaf.physical, letters);
        return true;
    });
    return walk.run() ? text : text + kStopped;
}

}  // namespace twin86
