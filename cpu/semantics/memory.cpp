#include "cpu/semantics/memory.h"

#include "base/check.h"

namespace twin86 {

bool canonical(const CpuState& s, u64 address) {
    const unsigned unused = (s.cr4 & kCr4LA57) ? 7 : 16;
    return static_cast<u64>(static_cast<i64>(address << unused) >> unused) == address;
}

u64 read_gpr(const CpuState& s, unsigned number, unsigned operand_bits) {
    return truncate(s.gpr[number & 15], operand_bits / 8);
}

void write_gpr(CpuState& s, unsigned number, unsigned operand_bits, u64 value) {
    u64& reg = s.gpr[number & 15];
    if (operand_bits >= 32) {
        reg = truncate(value, operand_bits / 8);
    } else {
        const u64 mask = bit(operand_bits) - 1;
        reg = (reg & ~mask) | (value & mask);
    }
}

u64 effective_address(const Cpu& cpu, const Insn& insn) {
    const MemOperand& m = insn.mem;
    u64 ea = static_cast<u64>(m.disp);
    if (m.rip_relative) ea += insn.next_rip();
    if (m.base != kNoGpr) ea += cpu.s.gpr[m.base & 15];
    if (m.index != kNoGpr && !m.vsib) ea += cpu.s.gpr[m.index & 15] * m.scale;
    return truncate(ea, insn.address_bits / 8);
}

Gva segment_linear(const CpuState& s, unsigned segment, u64 offset) {
    if (s.mode64()) return segment == kFs || segment == kGs ? s.segment[segment].base + offset : offset;
    return static_cast<u32>(s.segment[segment].base + offset);
}

Gva linear_address(const Cpu& cpu, const Insn& insn) {
    return segment_linear(cpu.s, insn.mem.segment, effective_address(cpu, insn));
}

namespace {

Outcome segment_fault(unsigned segment) {
    return Outcome::fault(segment == kSs ? kVectorSS : kVectorGP, 0);
}

bool within_limit(const Segment& seg, u64 offset, unsigned size) {
    const u64 last = offset + size - 1;
    const bool expand_down = seg.code_or_data() && !seg.is_code() && seg.conforming_or_expand_down();
    if (!expand_down) return last <= seg.limit;
    const u64 top = seg.default_big() ? 0xffffffff : 0xffff;
    return offset > seg.limit && last <= top;
}

bool is_vector(unsigned size) { return size == 16 || size == 32 || size == 64; }

/// Of scalars and x87 environments; strings of bytes have none.
unsigned alignment_of(unsigned size) {
    switch (size) {
        case 2:
        case 14:
        case 94:
            return 2;
        case 4:
        case 6:
        case 28:
        case 108:
            return 4;
        case 8:
        case 10:
            return 8;
        default:
            return 1;
    }
}

bool access_allowed(const Segment& seg, bool write) {
    if (seg.unusable()) return false;
    if (seg.is_code()) return !write && seg.writable_or_readable();
    return !write || seg.writable_or_readable();
}

/// `allowed`: whether the segment's type permits the access, where types count.
Outcome check_segment_of_type(const CpuState& s, unsigned segment, u64 offset, unsigned size, bool allowed) {
    if (s.mode64()) {
        const Gva first = segment_linear(s, segment, offset);
        return canonical(s, first) && canonical(s, first + size - 1) ? Outcome::success() : segment_fault(segment);
    }
    const bool typed = s.protected_mode() && !s.vm86();
    const bool good = (!typed || allowed) && within_limit(s.segment[segment], offset, size);
    return good ? Outcome::success() : segment_fault(segment);
}

/// The first byte of something that is named, not read.
Outcome probe(Cpu& cpu, unsigned segment, u64 offset, bool allowed) {
    TRY_GUEST(check_segment_of_type(cpu.s, segment, offset, 1, allowed));
    return cpu.host.probe_read(segment_linear(cpu.s, segment, offset), 1);
}

}  // namespace

Outcome check_segment(const Cpu& cpu, unsigned segment, u64 offset, unsigned size, bool write) {
    return check_segment_of_type(cpu.s, segment, offset, size, access_allowed(cpu.s.segment[segment], write));
}

Outcome probe_line(Cpu& cpu, unsigned segment, u64 offset) {
    return probe(cpu, segment, offset, !cpu.s.segment[segment].unusable());
}

Outcome probe_segment(Cpu& cpu, unsigned segment, u64 offset) {
    return probe(cpu, segment, offset, access_allowed(cpu.s.segment[segment], false));
}

Outcome check_alignment(const Cpu& cpu, Gva linear, unsigned size) {
    const CpuState& s = cpu.s;
    if (!(s.cr0 & kCr0AM) || !(s.rflags & kFlagAC) || s.cpl() != 3) return Outcome::success();
    const unsigned alignment = is_vector(size) && cpu.traits.amd ? 16 : alignment_of(size);
    return linear % alignment ? Outcome::fault(kVectorAC, 0) : Outcome::success();
}

Outcome read_segment(Cpu& cpu, unsigned segment, u64 offset, void* to, unsigned size) {
    TRY_GUEST(check_segment(cpu, segment, offset, size, false));
    const Gva linear = segment_linear(cpu.s, segment, offset);
    TRY_GUEST(check_alignment(cpu, linear, size));
    return cpu.host.read_linear(linear, to, size);
}

Outcome write_segment(Cpu& cpu, unsigned segment, u64 offset, const void* from, unsigned size) {
    TRY_GUEST(check_segment(cpu, segment, offset, size, true));
    const Gva linear = segment_linear(cpu.s, segment, offset);
    TRY_GUEST(check_alignment(cpu, linear, size));
    return cpu.host.write_linear(linear, from, size);
}

Outcome read_operand(Cpu& cpu, const Insn& insn, void* to, unsigned size) {
    return read_segment(cpu, insn.mem.segment, effective_address(cpu, insn), to, size);
}

Outcome write_operand(Cpu& cpu, const Insn& insn, const void* from, unsigned size) {
    return write_segment(cpu, insn.mem.segment, effective_address(cpu, insn), from, size);
}

Outcome probe_operand(Cpu& cpu, const Insn& insn, unsigned offset, unsigned size, bool write) {
    const u64 at = effective_address(cpu, insn) + offset;
    TRY_GUEST(check_segment(cpu, insn.mem.segment, at, size, write));
    const Gva linear = segment_linear(cpu.s, insn.mem.segment, at);
    if (write) return cpu.host.probe_write(linear, size);
    u32 value;
    CHECK(size <= sizeof value);
    return cpu.host.read_linear(linear, &value, size);
}

Outcome read_rm16(Cpu& cpu, const Insn& insn, u16& value) {
    if (insn.has_mem) return read_operand(cpu, insn, value);
    value = static_cast<u16>(read_gpr(cpu.s, insn.rm_field, 16));
    return Outcome::success();
}

}  // namespace twin86
