#include "tests/fuzz/fuzz_tables.h"

#include <cstring>

#include "tests/lib/jit_guest.h"

namespace twin86::fuzz {

namespace {

constexpr u64 kPresent = 1, kWritable = 2, kUser = 4, kLarge = 0x80;
constexpr u16 kSelectorOfCode0 = 0x08, kSelectorOfData0 = 0x10, kSelectorOfCode3 = 0x1b, kSelectorOfData3 = 0x23, kSelectorOfTss = 0x28;
constexpr unsigned kGdtEntries = 64;

/// Descriptor bits 40-55.
constexpr u16 kData0 = 0xc093, kData3 = 0xc0f3;

class Memory {
  public:
    Memory(const FuzzCase& c, Random& r, u8* ram) : c_(c), r_(r), ram_(ram) {}

    void fill() {
        std::memset(ram_, 0, kRamSize);
        for (Gpa at = kDataAt; at < kDataAt + 0x8000; at += 8) put<u64>(at, interesting());
        for (Gpa at = kTssAt; at < kTssAt + 0x200; at += 8) put<u64>(at, interesting());
        descriptors();
        gates();
        if (c_.mode == StartMode::kReal || c_.mode == StartMode::kVm86) real_vectors();
        task_state();
        paging();
        std::memcpy(ram_ + kCodeAt, c_.code.data(), c_.code.size());
        std::memset(ram_ + kCodeAt + c_.code.size(), 0xf4, 64);
    }

    u64 interesting() {
        switch (r_.below(10)) {
            case 0: return r_.next();
            case 1: return r_.below(0x100);
            case 2: return kCodeAt + r_.below(c_.code.size() + 1);
            case 3: return kDataAt + r_.below(0x8000);
            case 4: return r_.below(kGdtEntries) * 8 + r_.below(4);
            case 5: return r_.pick<u64>({0xc0000080, 0xc0000081, 0xc0000082, 0x174, 0x1b, 0x10, 0x277, 0xda0, 0xc0000100, 0x800, 0xfe});
            case 6: return kGdtAt + r_.below(0x3000);
            case 7: return kPagingAt + r_.below(0x6000);
            case 8: return kDeviceAt + r_.below(0x1000);
            default: return u64{1} << r_.below(64);
        }
    }

  private:
    template <class T>
    void put(Gpa at, T value) {
        std::memcpy(ram_ + at, &value, sizeof value);
    }
    bool wild() { return r_.chance(c_.wild_tables ? 500 : 8); }

    u64 descriptor(u32 base, u32 limit, u16 attributes) const {
        return (limit & 0xffff) | u64{base & 0xffffff} << 16 | u64{attributes} << 40 | u64{limit >> 16 & 0xf} << 48 | u64{base >> 24} << 56;
    }

    void descriptors() {
        const u16 code = code_bits(c_.mode) == 64 ? 0xa09b : code_bits(c_.mode) == 32 ? 0xc09b : 0x809b;
        put<u64>(kGdtAt + kSelectorOfCode0, descriptor(0, 0xfffff, code));
        put<u64>(kGdtAt + kSelectorOfData0, descriptor(0, 0xfffff, kData0));
        put<u64>(kGdtAt + (kSelectorOfCode3 & ~7), descriptor(0, 0xfffff, code | 0x60));
        put<u64>(kGdtAt + (kSelectorOfData3 & ~7), descriptor(0, 0xfffff, kData3));
        put<u64>(kGdtAt + kSelectorOfTss, descriptor(kTssAt, 0x1ff, 0x8b));
        // Call gates, task gates, LDTs, other segments: any type, bases and limits that reach into the layout.
        for (unsigned n = 8; n < kGdtEntries; ++n) {
            const u16 attributes = static_cast<u16>(0x80 | r_.below(0x80) | r_.below(16) << 12);
            put<u64>(kGdtAt + n * 8, descriptor(static_cast<u32>(interesting()), static_cast<u32>(r_.next()) & 0xfffff, attributes));
        }
        if (wild())
            for (unsigned n = 0; n < kGdtEntries; ++n) put<u64>(kGdtAt + n * 8, r_.next());
    }

    /// Handlers in the code itself, so that exceptions go on.
    void gates() {
        const bool wide = c_.mode == StartMode::kLong64 || c_.mode == StartMode::kCompatibility;
        for (unsigned v = 0; v < 256; ++v) {
            const u64 offset = kCodeAt + r_.below(c_.code.size() + 32);
            const u16 type = r_.pick<u16>({0x8e00, 0xee00, 0x8f00, 0xef00, 0x8600, 0x8500});
            const u64 gate = (offset & 0xffff) | u64{kSelectorOfCode0} << 16 | u64{type} << 32 | (offset >> 16 & 0xffff) << 48;
            const u64 value = wild() ? r_.next() : gate;
            if (wide) put<u64>(kIdtAt + v * 16, value | u64{r_.below(3)} << 32);
            else put<u64>(kIdtAt + v * 8, value);
        }
    }

    void real_vectors() {
        for (unsigned v = 0; v < 256; ++v) put<u32>(v * 4, static_cast<u32>((kCodeAt >> 4) << 16 | r_.below(c_.code.size() + 32)));
    }

    /// Stacks for all rings in both layouts; an I/O bitmap at random. SDM vol. 3, figures 8-2 and 8-11.
    void task_state() {
        if (c_.mode == StartMode::kLong64 || c_.mode == StartMode::kCompatibility) {
            for (unsigned n = 4; n < 0x60; n += 8) put<u64>(kTssAt + n, kStackTop - 0x1000 - n * 16);
        } else {
            for (unsigned n = 4; n < 0x1c; n += 8) put<u32>(kTssAt + n, kStackTop - 0x1000), put<u32>(kTssAt + n + 4, kSelectorOfData0);
        }
        put<u16>(kTssAt + 0x66, static_cast<u16>(r_.below(0x180)));
    }

    u64 entry(Gpa to, u64 flags) {
        if (wild()) return r_.next();
        if (wild()) return (kPagingAt + r_.below(8) * kPageSize) | flags;  // tables that show themselves
        return to | flags | (r_.chance(30) ? 0 : kPresent);
    }
    u64 rights() {
        u64 flags = kUser | kWritable;
        if (r_.chance(30)) flags &= ~kUser;
        if (r_.chance(30)) flags &= ~kWritable;
        if (r_.chance(30)) flags |= 0x100;
        return flags;
    }

    /// The first 4 MiB as they are, by the paging mode's tables at kPagingAt.
    void paging() {
        const Gpa at = kPagingAt;
        switch (c_.mode) {
            case StartMode::kPaged32:
                put<u32>(at, static_cast<u32>((at + kPageSize) | kPresent | kUser | kWritable));
                for (unsigned n = 0; n < 1024; ++n) put<u32>(at + kPageSize + n * 4, static_cast<u32>(entry(n * kPageSize, rights())));
                for (unsigned n = 1; n < 8; ++n) put<u32>(at + n * 4, static_cast<u32>(entry(n << 22, rights() | kLarge)));
                break;
            case StartMode::kPae32:
                put<u64>(at, (at + kPageSize) | kPresent);
                directories(at + kPageSize, at + 2 * kPageSize);
                break;
            default:
                put<u64>(at, (at + kPageSize) | kPresent | kUser | kWritable);
                put<u64>(at + 511 * 8, (at + kPageSize) | kPresent | kUser | kWritable);
                put<u64>(at + kPageSize, (at + 2 * kPageSize) | kPresent | kUser | kWritable);
                directories(at + 2 * kPageSize, at + 3 * kPageSize);
                break;
        }
    }
    void directories(Gpa directory, Gpa tables) {
        for (unsigned d = 0; d < 2; ++d) {
            put<u64>(directory + d * 8, (tables + d * kPageSize) | kPresent | kUser | kWritable);
            for (unsigned n = 0; n < 512; ++n) put<u64>(tables + d * kPageSize + n * 8, entry((d * 512 + n) * kPageSize, rights()));
        }
        for (unsigned n = 2; n < 8; ++n) put<u64>(directory + n * 8, entry(u64{n} << 21, rights() | kLarge));
    }

    const FuzzCase& c_;
    Random& r_;
    u8* ram_;
};

Segment segment(u16 selector, u16 attributes, u64 base = 0, u32 limit = 0xffffffff) { return {base, limit, selector, attributes}; }

void real_segments(CpuState& s, bool vm86) {
    const u16 attributes = vm86 ? 0xf3 : 0x93;
    for (Segment& g : s.segment) g = segment(kDataAt >> 4, attributes, kDataAt, 0xffff);
    s.segment[kCs] = segment(kCodeAt >> 4, attributes, kCodeAt, 0xffff);
    s.segment[kSs] = segment(0x2000, attributes, 0x20000, 0xffff);
}

void protected_segments(CpuState& s, const FuzzCase& c) {
    const unsigned bits = code_bits(c.mode);
    const u16 code = bits == 64 ? 0xa09b : bits == 32 ? 0xc09b : 0x809b;
    s.segment[kCs] = segment(c.user ? kSelectorOfCode3 : kSelectorOfCode0, c.user ? code | 0x60 : code);
    for (const unsigned n : {kSs, kDs, kEs, kFs, kGs}) s.segment[n] = segment(c.user ? kSelectorOfData3 : kSelectorOfData0, c.user ? kData3 : kData0);
    if (bits == 16) s.segment[kSs].attributes &= ~0x4000;
}

void control_registers(CpuState& s, const FuzzCase& c, const CpuState& reset, Random& r) {
    s.cr0 = kCr0ET | kCr0NE | (c.mode == StartMode::kReal ? 0 : u64{kCr0PE}) | (r.chance(100) ? u64{kCr0TS} : 0) | (r.chance(500) ? u64{kCr0WP} : 0) |
            (r.chance(100) ? u64{kCr0AM} : 0);
    const u64 vector = reset.cr4 & (kCr4OSFXSR | kCr4OSXMMEXCPT | kCr4OSXSAVE);
    switch (c.mode) {
        case StartMode::kPaged32: s.cr0 |= kCr0PG, s.cr4 = vector | kCr4PSE; break;
        case StartMode::kPae32: s.cr0 |= kCr0PG, s.cr4 = vector | kCr4PAE, s.efer = kEferNXE; break;
        case StartMode::kLong64:
        case StartMode::kCompatibility: s.cr0 |= kCr0PG, s.cr4 = reset.cr4, s.efer = kEferLME | kEferLMA | kEferNXE | kEferSCE; break;
        default: s.cr4 = vector; break;
    }
    s.cr3 = kPagingAt;
}

}  // namespace

void set_up(const FuzzCase& c, const CpuState& reset, u8* ram, CpuState& s) {
    Random r(c.seed ^ 0x5eed);
    Memory memory(c, r, ram);
    memory.fill();
    s = CpuState{};
    test::reset_xsave(s.xsave);
    s.xcr0 = reset.xcr0;
    control_registers(s, c, reset, r);
    const bool real = c.mode == StartMode::kReal, vm86 = c.mode == StartMode::kVm86;
    if (real || vm86) real_segments(s, vm86);
    else protected_segments(s, c);
    s.gdtr = {kGdtAt, kGdtEntries * 8 - 1};
    s.idtr = real ? DescriptorTable{0, 0x3ff} : DescriptorTable{kIdtAt, 0xfff};
    s.tr = segment(kSelectorOfTss, 0x8b, kTssAt, 0x1ff);
    s.rip = real || vm86 ? 0 : kCodeAt;
    for (u64& g : s.gpr) g = memory.interesting();
    if (!s.mode64())
        for (u64& g : s.gpr) g = static_cast<u32>(g);
    s.gpr[kRsp] = real || vm86 ? 0xf000 : kStackTop;
    s.rflags = 2 | (r.next() & kFlagsArithmetic) | (vm86 ? u64{kFlagVM} : 0) | (r.chance(300) ? u64{kFlagIF} : 0) | (r.chance(200) ? 3u << 12 : 0) |
               (r.chance(30) ? u64{kFlagTF} : 0) | (r.chance(50) ? u64{kFlagDF} : 0);
    s.lstar = s.cstar = s.sysenter_eip = kCodeAt, s.sysenter_cs = kSelectorOfCode0, s.sysenter_esp = kStackTop - 0x800;
    s.star = u64{kSelectorOfCode0} << 32 | u64{kSelectorOfData0} << 48;
}

}  // namespace twin86::fuzz
