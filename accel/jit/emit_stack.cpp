// Stack instructions. Guest rsp lives in host r15; it changes only after the access that may fault.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr u8 kHostSp = kHostOf[kRsp];

x86::Gp sized(u8 host, unsigned bytes) {
    return bytes == 2 ? x86::Gp(x86::gpw(host)) : bytes == 4 ? x86::Gp(host32(host)) : x86::Gp(host64(host));
}

}  // namespace

void BlockBuilder::stack_address(i32 displacement, unsigned size, u8 kind) {
    stack_access_ = true;
    const unsigned width = block_.key.mode.stack_bits();
    const x86::Mem ea = x86::ptr(host64(kHostSp), displacement);
    if (width == 64) a.lea(x86::rbp, ea);
    else a.lea(x86::ebp, ea);
    if (width == 16) a.movzx(x86::ebp, x86::bp);
    to_linear(kSs, size, kind);
}

void BlockBuilder::adjust_sp(i32 delta) {
    const unsigned width = block_.key.mode.stack_bits();
    const x86::Mem sum = x86::ptr(host64(kHostSp), delta);
    if (width == 64) {
        a.lea(host64(kHostSp), sum);
        return moved_by_stack_op();
    }
    if (width == 32) return (void)a.lea(host32(kHostSp), sum);
    a.lea(x86::r10d, sum);
    a.mov(x86::gpw(kHostSp), x86::r10w);
}

void BlockBuilder::emit_push_reg(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    push_value(bytes, [&] { a.mov(at(bytes), sized(read_gpr(insn.opcode_field, free_temp()), bytes)); });
}

void BlockBuilder::emit_push_imm(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    push_value(bytes, [&] { a.mov(at(bytes), static_cast<i32>(insn.imm)); });
}

/// PUSH r/m: a memory operand is read before the stack is probed; its value waits in frame.borrow.
void BlockBuilder::emit_push_rm(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    if (!insn.has_mem) {
        push_value(bytes, [&] { a.mov(at(bytes), sized(read_gpr(insn.rm_field, free_temp()), bytes)); });
        return;
    }
    const x86::Mem saved = field(offsetof(JitFrame, borrow), bytes);
    access_operand(insn, bytes, kAccessRead, [&] {
        const u8 value = free_temp();
        a.mov(sized(value, bytes), at(bytes));
        a.mov(saved, sized(value, bytes));
    });
    push_value(bytes, [&] {
        const u8 value = free_temp();
        a.mov(sized(value, bytes), saved);
        a.mov(at(bytes), sized(value, bytes));
    });
}

void BlockBuilder::emit_pop_reg(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    const u8 guest = insn.opcode_field;
    access_stack(0, bytes, kAccessRead, [&] { a.mov(sized(kHostAddress, bytes), at(bytes)); });
    // The value is in rbp. POP SP loads it instead of incrementing, so the increment comes first.
    adjust_sp(static_cast<i32>(bytes));
    write_gpr_sized(guest, kHostAddress, insn.operand_bits);
}

/// POP m: the address of the destination is computed with the incremented stack pointer. SDM vol. 2, POP.
void BlockBuilder::emit_pop_rm(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    access_stack(0, bytes, kAccessRead, [&] { a.mov(sized(kHostAddress, bytes), at(bytes)); });
    if (!insn.has_mem) {
        adjust_sp(static_cast<i32>(bytes));
        return write_gpr_sized(insn.rm_field, kHostAddress, insn.operand_bits);
    }
    const x86::Mem saved = field(offsetof(JitFrame, borrow), bytes);
    a.mov(saved, sized(kHostAddress, bytes));
    Insn destination = insn;
    if (insn.mem.base == kRsp) destination.mem.disp += bytes;
    goes_on_ = true;
    access_operand(destination, bytes, kAccessWrite, [&] {
        const u8 value = free_temp();
        a.mov(sized(value, bytes), saved);
        a.mov(at(bytes), sized(value, bytes));
    });
    goes_on_ = false;
    adjust_sp(static_cast<i32>(bytes));
}

/// LEAVE: SP = BP, then POP BP.
void BlockBuilder::emit_leave(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    const unsigned width = block_.key.mode.stack_bits();
    const u8 bp = kHostOf[kRbp];
    stack_access_ = true;
    const auto load = [&] { a.mov(sized(kHostAddress, bytes), at(bytes)); };
    if (fold_stack(kRbp, 0)) {
        load();
    } else {
        if (width == 64) a.mov(x86::rbp, host64(bp));
        else a.mov(x86::ebp, host32(bp));
        if (width == 16) a.movzx(x86::ebp, x86::bp);
        to_linear(kSs, bytes, kAccessRead);
        access(bytes, kAccessRead, load);
    }
    delta_kept_ = false;  // SP and BP go elsewhere
    write_gpr_sized(kRsp, bp, width);
    adjust_sp(static_cast<i32>(bytes));
    write_gpr_sized(kRbp, kHostAddress, insn.operand_bits);
}

}  // namespace twin86::jit
