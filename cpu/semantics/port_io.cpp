// IN, OUT, INS and OUTS, SDM vol. 2; permission: SDM vol. 1, 18.5.
#include "cpu/semantics/breakpoints.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/string_step.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

unsigned port_bytes(const Insn& insn) {
    return insn.operand_bits == 8 ? 1 : insn.operand_bits == 16 ? 2 : 4;
}

/// E4-E7 name the port in an immediate byte, EC-EF in DX.
IoPort port_number(const CpuState& s, const Insn& insn) {
    return insn.imm_size ? insn.imm & 0xff : static_cast<IoPort>(s.gpr[kRdx]);
}

Outcome ins_chunk(Cpu& cpu, const StringStep& step, IoPort port, u64 count) {
    const unsigned size = step.bytes();
    const u64 offset = step.offset(cpu.s, kRdi);
    const unsigned total = static_cast<unsigned>(count * size);
    TRY_GUEST(check_segment(cpu, kEs, offset, total, true));
    const Gva address = segment_linear(cpu.s, kEs, offset);
    TRY_GUEST(cpu.host.probe_write(address, total));
    u8 buffer[StringStep::kMaxChunkBytes];
    for (unsigned at = 0; at < total; at += size) {
        const u32 value = cpu.host.port_read(port, size);
        for (unsigned b = 0; b < size; ++b) buffer[at + b] = static_cast<u8>(value >> (8 * b));
    }
    return cpu.host.write_linear(address, buffer, total);
}

Outcome outs_chunk(Cpu& cpu, const StringStep& step, IoPort port, unsigned segment, u64 count) {
    const unsigned size = step.bytes();
    const unsigned total = static_cast<unsigned>(count * size);
    u8 buffer[StringStep::kMaxChunkBytes];
    TRY_GUEST(read_segment(cpu, segment, step.offset(cpu.s, kRsi), buffer, total));
    for (unsigned at = 0; at < total; at += size) {
        u32 value = 0;
        for (unsigned b = 0; b < size; ++b) value |= u32{buffer[at + b]} << (8 * b);
        cpu.host.port_write(port, size, value);
    }
    return Outcome::success();
}

}  // namespace

Outcome do_in(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const IoPort port = port_number(s, insn);
    const unsigned size = port_bytes(insn);
    TRY_GUEST(check_io_permission(cpu, port, size));
    write_gpr(s, kRax, size * 8, cpu.host.port_read(port, size));
    s.pending_db |= port_breakpoints(s, port, size);
    return Outcome::success();
}

Outcome do_out(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const IoPort port = port_number(s, insn);
    const unsigned size = port_bytes(insn);
    TRY_GUEST(check_io_permission(cpu, port, size));
    cpu.host.port_write(port, size, static_cast<u32>(read_gpr(s, kRax, size * 8)));
    s.pending_db |= port_breakpoints(s, port, size);
    return Outcome::success();
}

Outcome do_ins(Cpu& cpu, const Insn& insn) {
    const IoPort port = static_cast<IoPort>(cpu.s.gpr[kRdx]);
    const StringStep step(insn, port_bytes(insn));
    TRY_GUEST(check_io_permission(cpu, port, step.bytes()));
    const u64 count = step.chunk(cpu.s, kRdi, segment_linear(cpu.s, kEs, step.offset(cpu.s, kRdi)));
    if (count) TRY_GUEST(ins_chunk(cpu, step, port, count));
    if (count) cpu.s.pending_db |= port_breakpoints(cpu.s, port, step.bytes());
    step.advance(cpu.s, kRdi, count);
    return Outcome::success();
}

Outcome do_outs(Cpu& cpu, const Insn& insn) {
    const IoPort port = static_cast<IoPort>(cpu.s.gpr[kRdx]);
    const unsigned segment = insn.segment_override == kNoSegment ? +kDs : insn.segment_override;
    const StringStep step(insn, port_bytes(insn));
    TRY_GUEST(check_io_permission(cpu, port, step.bytes()));
    const u64 count = step.chunk(cpu.s, kRsi, segment_linear(cpu.s, segment, step.offset(cpu.s, kRsi)));
    if (count) TRY_GUEST(outs_chunk(cpu, step, port, segment, count));
    if (count) cpu.s.pending_db |= port_breakpoints(cpu.s, port, step.bytes());
    step.advance(cpu.s, kRsi, count);
    return Outcome::success();
}

}  // namespace twin86
