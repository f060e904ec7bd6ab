#include "tests/unit/cpu_semantics/fixture.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "cpu/semantics/segment_load.h"

namespace twin86 {

u64 descriptor_bits(u32 base, u32 limit, u16 attributes) {
    const u32 low = base << 16 | (limit & 0xffff);
    const u32 high = (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) | u32{attributes} << 8;
    return low | u64{high} << 32;
}

Fixture::Fixture(bool amd) : cpuid(amd) {
    gdt(kCode0, descriptor_bits(0, 0xfffff, 0xa09b));
    gdt(kData0, descriptor_bits(0, 0xfffff, 0xc093));
    gdt(kCode32, descriptor_bits(0, 0xfffff, 0xc09b));
    gdt(kData3, descriptor_bits(0, 0xfffff, 0xc0f3));
    gdt(kCode3, descriptor_bits(0, 0xfffff, 0xa0fb));
    gdt(kUser32, descriptor_bits(0, 0xfffff, 0xc0fb));
    gdt(kTssSelector, descriptor_bits(kTss, 0x67, 0x8b));
    gdt(kLdtSelector, descriptor_bits(0x7000, 0xff, 0x82));
    s.gdtr = {kGdt, 0xff};
    s.idtr = {kIdt, 0xfff};
    s.tr = {kTss, 0x67, kTssSelector, 0x8b};
    s.rip = kCodeAt;
    s.dr[6] = 0xffff0ff0;
    s.dr[7] = 0x400;
    s.cr0 = kCr0ET;
    holder.emplace(s, host, cpuid);
}

void Fixture::set_segments(u16 cs, u16 ss) {
    const auto load = [&](u16 selector) {
        const u64 raw = host.load<u64>(kGdt + (selector & 0xfff8));
        return make_segment(selector, {static_cast<u32>(raw), static_cast<u32>(raw >> 32), 0});
    };
    s.segment[kCs] = load(cs);
    s.segment[kSs] = load(ss);
    for (const unsigned i : {kEs, kDs, kFs, kGs}) s.segment[i] = load(ss);
    s.gpr[kRsp] = s.cpl() == 3 ? kStack3 : kStack0;
}

void Fixture::long_mode(unsigned cpl) {
    s.cr0 = kCr0PE | kCr0PG | kCr0ET | kCr0NE | kCr0WP;
    s.cr4 = kCr4PAE | kCr4OSFXSR | kCr4OSXSAVE;
    s.efer = kEferSCE | kEferLME | kEferLMA | kEferNXE;
    set_segments(cpl ? kCode3 : kCode0, cpl ? kData3 : kData0);
    host.store(kTss + 4, kStack0);
    host.store(kTss + 36, kIst1);
}

void Fixture::compatibility_mode() {
    long_mode(3);
    set_segments(kUser32, kData3);
}

void Fixture::protected_mode(unsigned cpl) {
    s.cr0 = kCr0PE | kCr0ET;
    set_segments(cpl ? kUser32 : kCode32, cpl ? kData3 : kData0);
    host.store(kTss + 4, static_cast<u32>(kStack0));
    host.store(kTss + 8, u32{kData0});
}

void Fixture::real_mode() {
    s.cr0 = kCr0ET;
    s.idtr = {0, 0x3ff};
    for (Segment& seg : s.segment) seg = {0, 0xffff, 0, 0x93};
    s.gpr[kRsp] = 0x7000;
}

void Fixture::vm86_mode(unsigned iopl) {
    protected_mode(0);
    s.rflags = kFlagVM | kFlagReserved1 | kFlagIF | iopl << 12;
    for (unsigned i = 0; i < 6; ++i) s.segment[i] = segment_vm86(static_cast<u16>(0x100 * (i + 1)));
    s.segment[kCs] = segment_vm86(0x800);
    s.segment[kSs] = segment_vm86(0x3000);
    s.rip = 0;
    s.gpr[kRsp] = 0x1000;
}

void Fixture::gate64(u8 vector, u16 selector, u64 offset, unsigned type, unsigned dpl, unsigned ist) {
    const u32 high = static_cast<u32>(offset & 0xffff0000) | 0x8000 | dpl << 13 | type << 8 | ist;
    host.store(kIdt + vector * 16u, u32{selector} << 16 | static_cast<u32>(offset & 0xffff));
    host.store(kIdt + vector * 16u + 4, high);
    host.store(kIdt + vector * 16u + 8, offset >> 32);
}

void Fixture::gate(u8 vector, u16 selector, u32 offset, unsigned type, unsigned dpl) {
    host.store(kIdt + vector * 8u, u32{selector} << 16 | (offset & 0xffff));
    host.store(kIdt + vector * 8u + 4, (offset & 0xffff0000) | 0x8000 | dpl << 13 | type << 8);
}

/// TWIN86_TEST_BLOCKS=FILE: the instruction goes there as in a listing of blocks, for tools/coverage.
static void note_executed(const Insn& insn) {
    const char* path = std::getenv("TWIN86_TEST_BLOCKS");
    static std::FILE* const file = path != nullptr ? std::fopen(path, "a") : nullptr;
    if (file == nullptr) return;
    std::string bytes;
    for (unsigned i = 0; i < insn.length; ++i) bytes += fmt::format("{:02x}", insn.bytes[i]);
    fmt::print(file, "block ({}-bit\n  {:016x} {}\n", insn.mode_bits, insn.rip, bytes);
}

Outcome Fixture::run(std::string_view hex) {
    u8 bytes[16] = {};
    unsigned count = 0;
    for (std::size_t i = 0; i + 1 < hex.size(); ++i) {
        if (hex[i] == ' ') continue;
        bytes[count++] = static_cast<u8>(std::stoul(std::string(hex.substr(i++, 2)), nullptr, 16));
    }
    const unsigned mode = s.mode64() ? 64 : s.segment[kCs].default_big() ? 32 : 16;
    Insn insn;
    REQUIRE(decoder_.decode({bytes, count}, s.rip, mode, insn) == DecodeStatus::kOk);
    REQUIRE(insn.length == count);
    note_executed(insn);
    const OpHandler handler = op_handler(insn.op);
    REQUIRE(handler != nullptr);
    s.rip = insn.next_rip();
    const Outcome outcome = handler(cpu(), insn);
    if (outcome.faulted()) s.rip = insn.rip;
    return outcome;
}

void Fixture::run_and_raise(std::string_view hex) {
    const Outcome outcome = run(hex);
    REQUIRE(outcome.faulted());
    raise(cpu(), outcome);
}

u64 Fixture::stack(unsigned slot, unsigned bytes) const {
    return truncate(host.load<u64>(s.segment[kSs].base + s.gpr[kRsp] + slot * bytes), bytes);
}

bool is_fault(const Outcome& outcome, Vector vector, u32 code) {
    UNSCOPED_INFO("got vector " << outcome.vector << ", error code " << outcome.error_code);
    return outcome.vector == vector && outcome.has_error_code && outcome.error_code == code;
}

bool is_fault(const Outcome& outcome, Vector vector) {
    return outcome.vector == vector && !outcome.has_error_code;
}

}  // namespace twin86
