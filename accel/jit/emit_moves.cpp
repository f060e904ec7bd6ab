// LEA, MOV moffs, XLAT, MOV from segment, bit-string operations and the one-byte forms that 64-bit mode lacks.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::emit_lea(const Insn& insn) {
    const u8 dst = insn.reg_field;
    // A 64-bit LEA of pinned registers goes straight to its destination. A memory-resident one would be loaded there
    // first, over a source that may be the same register.
    const auto pinned = [](u8 guest) { return guest == kNoGpr || !in_memory(guest); };
    if (insn.operand_bits == 64 && insn.address_bits == 64 && pinned(dst) && pinned(insn.mem.base) && pinned(insn.mem.index)) {
        delta_kept_ = held_kept_ = true;
        return effective_address(insn, kHostOf[dst]);
    }
    effective_address(insn, kHostAddress);
    write_gpr_sized(dst, kHostAddress, insn.operand_bits);
}

/// MOV between the accumulator and an absolute offset.
void BlockBuilder::emit_moffs(const Insn& insn) {
    load_constant(kHostAddress, truncate(static_cast<u64>(insn.mem.disp), insn.address_bits / 8));
    const unsigned bytes = insn.operand_bits / 8;
    to_linear(insn.mem.segment, bytes, insn.mem.access);
    const x86::Mem at = x86::Mem(x86::rbp, 0, bytes);
    const x86::Gp acc = bytes == 1 ? x86::Gp(x86::al) : bytes == 2 ? x86::Gp(x86::ax) : bytes == 4 ? x86::Gp(x86::eax) : x86::Gp(x86::rax);
    if (insn.mem.access & kAccessWrite) access(bytes, kAccessWrite, [&] { a.mov(at, acc); });
    else access(bytes, kAccessRead, [&] { a.mov(acc, at); });
}

void BlockBuilder::emit_xlat(const Insn& insn) {
    a.movzx(x86::r10d, x86::al);
    if (insn.address_bits == 64) a.lea(x86::rbp, x86::ptr(x86::rbx, x86::r10));
    else a.lea(x86::ebp, x86::ptr(x86::rbx, x86::r10));
    if (insn.address_bits == 16) a.movzx(x86::ebp, x86::bp);
    to_linear(insn.mem.segment, 1, kAccessRead);
    access(1, kAccessRead, [&] { a.mov(x86::al, x86::byte_ptr(x86::rbp)); });
}

void BlockBuilder::emit_mov_from_seg(const Insn& insn) {
    const std::size_t selector =
        segment_field(insn.reg_field & 7, offsetof(Segment, selector));
    if (insn.has_mem) {
        access_operand(insn, 2, kAccessWrite, [&] {
            const u8 value = free_temp();
            a.movzx(host32(value), field(selector, 2));
            a.mov(at(2), x86::gpw(value));
        });
        return;
    }
    a.movzx(x86::r10d, field(selector, 2));
    write_gpr_sized(insn.rm_field, kHostTemp, insn.operand_bits);
}

/// BT/BTS/BTR/BTC m, r: the bit number addresses memory beyond the operand. SDM vol. 2, BT.
void BlockBuilder::emit_bit_mem(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    const unsigned log2_bits = bytes == 8 ? 6 : bytes == 4 ? 5 : 4;
    effective_address(insn, kHostAddress);
    // r10 = signed bit number >> log2_bits, by sarx with rcx (or rbx) as the borrowed count.
    const u8 count = insn.reg_field == kRbx ? kRdx : kRbx;
    a.mov(field(offsetof(JitFrame, borrow)), host64(count));
    a.mov(host32(count), log2_bits);
    const u8 source = read_gpr(insn.reg_field, kHostTemp);
    if (bytes == 8) {
        a.sarx(x86::r10, host64(source), host64(count));
    } else if (bytes == 4) {
        a.sarx(x86::r10d, host32(source), host32(count));
        a.movsxd(x86::r10, x86::r10d);
    } else {
        a.movsx(x86::r10d, x86::gpw(source));
        a.sarx(x86::r10d, x86::r10d, host32(count));
        a.movsxd(x86::r10, x86::r10d);
    }
    a.mov(host64(count), field(offsetof(JitFrame, borrow)));
    const unsigned shift = bytes == 8 ? 3 : bytes == 4 ? 2 : 1;
    if (insn.address_bits == 64) a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10, shift));
    else a.lea(x86::ebp, x86::ptr(x86::rbp, x86::r10, shift));
    if (insn.address_bits == 16) a.movzx(x86::ebp, x86::bp);
    const u8 kind = insn.op == Op::kBtMem ? kAccessRead : kAccessReadWrite;
    to_linear(insn.mem.segment, bytes, kind);

    const std::size_t mask = offsetof(JitFrame, bit_masks) + (log2_bits - 4) * 8;
    access(bytes, kind, [&] {
        const u8 bit_source = read_gpr(insn.reg_field, kHostTemp);
        a.pext(x86::r10, host64(bit_source), field(mask));
        FieldMap map = FieldMap::of(insn);
        map.reg = kHostTemp;
        embed(insn, map);
    });
}

/// 40+r and 48+r of 16/32-bit modes, which are REX prefixes in 64-bit mode.
void BlockBuilder::emit_inc_dec(const Insn& insn) {
    const u8 host = kHostOf[insn.opcode_field];
    const bool inc = insn.op == Op::kIncShort;
    const x86::Gp reg = insn.operand_bits == 16 ? x86::Gp(x86::gpw(host)) : x86::Gp(host32(host));
    if (inc) a.inc(reg);
    else a.dec(reg);
}

/// SALC: AL = CF ? 0xff : 0, flags unchanged.
void BlockBuilder::emit_salc() {
    Label clear = a.newLabel(), done = a.newLabel();
    a.jnc(clear);
    a.mov(x86::al, 0xff);
    a.jmp(done);
    a.bind(clear);
    a.mov(x86::al, 0);
    a.bind(done);
}

/// RDFSBASE/RDGSBASE.
void BlockBuilder::emit_read_base(const Insn& insn) {
    if (block_.key.mode.has(Mode::kNoFsgsbase)) return emit_raise(insn, kVectorUD);
    const unsigned segment = insn.op == Op::kRdfsbase ? kFs : kGs;
    a.mov(x86::r10, field(segment_field(segment, offsetof(Segment, base))));
    write_gpr_sized(insn.rm_field, kHostTemp, insn.operand_bits);
}

}  // namespace twin86::jit
