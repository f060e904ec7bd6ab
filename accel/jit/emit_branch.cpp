// Control flow: direct branches are chain sites, indirect ones go through a jump table.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

u64 BlockBuilder::branch_target(const Insn& insn) const {
    const u64 target = insn.next_rip() + static_cast<u64>(insn.imm);
    if (insn.is64()) return target;
    return truncate(target, insn.operand_bits / 8);
}

bool BlockBuilder::steps() const {
    return block_.key.mode.has(Mode::kSingleStep | Mode::kShadowed | Mode::kOneInsn) || !context_.chain;
}

/// Whether a branch to `rip` may become a direct jump; otherwise it goes through the jump table.
bool BlockBuilder::linkable(u64 rip) const {
    if (offset_in_page(rip) < kPageSize || steps()) return true;
    return baked() && context_.may_link(context_.self, rip);
}

/// A direct successor. Its rel32 starts at the cold exit and is patched to the successor's code when the run loop has
/// found it.
template <class Emit>
void BlockBuilder::chain_site(u64 rip, Emit emit) {
    ChainSite* site = new_chain_site(rip);
    const Label exit = a.newLabel(), patch_end = a.newLabel();
    emit(exit);
    a.bind(patch_end);
    buffer_.chains.push_back({site, patch_end, exit});
    chain_exit(site, exit);
}

ChainSite* BlockBuilder::new_chain_site(u64 rip) {
    const u64 offset = offset_in_page(rip);
    auto* const site = context_.arena.make<ChainSite>();
    site->from = &block_;
    site->target_rip = baked() ? rip : offset;
    site->cross_page = offset >= kPageSize;
    site->allow_user = mode_.has(Mode::kAllowUser);
    if (rip == block_.rip && block_.loop_offset != 0) end_round(*site);
    site->next = block_.chains.get();
    block_.chains = site;
    return site;
}

/// The first branch back to the start ends a round; what is behind it in the block is not part of the loop.
void BlockBuilder::end_round(ChainSite& back) {
    if (!loop_.all().empty() && loop_.all_accessed())
        back.loop = delta_anchor_ == loop_anchor_ ? LoopEntry::kKept : LoopEntry::kLoop;
    loop_ = {};
}

void BlockBuilder::to_other_page(u64 rip) {
    const i64 distance = static_cast<i64>(offset_in_page(rip) & kPageMask);
    if (!baked() && distance == static_cast<i32>(distance)) return page_link(rip);
    load_rip(kHostAddress, rip);
    look_up();
}

/// Ends a path at a direct successor.
void BlockBuilder::chain_to(u64 rip) {
    if (linkable(rip)) {
        chain_site(rip, [&](const Label& exit) { a.long_().jmp(exit); });
    } else {
        to_other_page(rip);
    }
    ended_ = true;
}

/// Leaves for a direct successor when the condition holds; the path goes on behind it.
void BlockBuilder::chain_if(x86::CondCode condition, u64 rip) {
    if (linkable(rip)) return chain_site(rip, [&](const Label& exit) { a.long_().j(condition, exit); });
    const Label taken = a.newLabel();
    a.long_().j(condition, taken);
    cold();
    point(offset_in_block(*current_));
    a.bind(taken);
    to_other_page(rip);
    hot();
}

void BlockBuilder::chain_exit(ChainSite* site, const Label& entry) {
    const bool was_cold = in_cold_;
    if (!was_cold) cold();
    point(offset_in_block(*current_));
    a.bind(entry);
    leave(context_.thunks.exit_chain, site);
    if (!was_cold) hot();
}

/// Goes to the RIP in rbp through the jump table.
void BlockBuilder::look_up() {
    const LookUpTemplate& t = buffer_.look_up;
    point(offset_in_block(*current_));
    buffer_.fixups.push_back({in_cold_, static_cast<u32>(a.offset()) + t.exit_at, context_.thunks.exit_miss});
    a.embed(t.bytes, t.length);
}

/// The RIP in rbp, as a branch of this operand size takes it.
void BlockBuilder::cut_target(unsigned operand_bits) {
    if (operand_bits == 32) a.mov(x86::ebp, x86::ebp);
    if (operand_bits == 16) a.movzx(x86::ebp, x86::bp);
}

/// Ends a path at the RIP in rbp.
void BlockBuilder::indirect(unsigned operand_bits) {
    cut_target(operand_bits);
    if (steps()) {
        call(context_.thunks.exit_lookup);
        a.embedUInt64(0);
    } else {
        look_up();
    }
    ended_ = true;
}

void BlockBuilder::emit_jcc(const Insn& insn) {
    static constexpr x86::CondCode kCodes[16] = {
        x86::CondCode::kO, x86::CondCode::kNO, x86::CondCode::kB, x86::CondCode::kNB, x86::CondCode::kZ, x86::CondCode::kNZ,
        x86::CondCode::kBE, x86::CondCode::kNBE, x86::CondCode::kS, x86::CondCode::kNS, x86::CondCode::kP, x86::CondCode::kNP,
        x86::CondCode::kL, x86::CondCode::kNL, x86::CondCode::kLE, x86::CondCode::kNLE};
    if (goes_round_) chain_if(kCodes[(insn.opcode & 15) ^ 1], insn.next_rip());
    else chain_if(kCodes[insn.opcode & 15], branch_target(insn));
    delta_kept_ = held_kept_ = true;  // on the path that goes on
}

/// What must be taken back when the target turns out to be invalid: that is found out behind the branch.
void BlockBuilder::note_branch(const Insn& insn, i32 sp, unsigned counter_bits) {
    block_.branch_offset = offset_in_block(insn);
    block_.branch_sp = sp;
    block_.branch_counter_bits = static_cast<u8>(counter_bits);
}

/// LOOP/LOOPE/LOOPNE/JCXZ: the host's instruction decides on the guest's own rcx and flags.
void BlockBuilder::emit_loop(const Insn& insn) {
    const Label taken = a.newLabel(), fall = a.newLabel();
    if (insn.op != Op::kJcxz) note_branch(insn, 0, insn.address_bits);
    if (insn.address_bits == 16) {
        // No 16-bit form in 64-bit mode: CX is counted by lea, which leaves the flags alone.
        a.movzx(x86::r10d, x86::cx);
        if (insn.op != Op::kJcxz) {
            a.lea(x86::r10d, x86::ptr(x86::r10, -1));
            a.mov(x86::cx, x86::r10w);
            if (insn.op == Op::kLoope) a.jnz(fall);
            if (insn.op == Op::kLoopne) a.jz(fall);
            a.movzx(x86::r10d, x86::cx);
        }
        a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
        a.mov(x86::ecx, x86::r10d);
        const Label zero = a.newLabel();
        a.jecxz(x86::ecx, zero);
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
        a.jmp(insn.op == Op::kJcxz ? fall : taken);
        a.bind(zero);
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
        a.jmp(insn.op == Op::kJcxz ? taken : fall);
    } else {
        const x86::Gp counter = insn.address_bits == 64 ? x86::Gp(x86::rcx) : x86::Gp(x86::ecx);
        switch (insn.op) {
            case Op::kLoop: a.loop(counter, taken); break;
            case Op::kLoope: a.loope(counter, taken); break;
            case Op::kLoopne: a.loopne(counter, taken); break;
            default: a.jecxz(counter, taken); break;
        }
        a.jmp(fall);
    }
    a.bind(fall);
    chain_to(insn.next_rip());
    a.bind(taken);
    chain_to(branch_target(insn));
}

void BlockBuilder::emit_jmp_rel(const Insn& insn) { chain_to(branch_target(insn)); }

/// Loads the operand of an indirect near branch into host register `to`.
void BlockBuilder::load_branch_operand(const Insn& insn, u8 to) {
    const unsigned bytes = insn.operand_bits / 8;
    if (!insn.has_mem) {
        const u8 host = read_gpr(insn.rm_field, to);
        if (host != to) a.mov(host64(to), host64(host));
        return;
    }
    access_operand(insn, bytes, kAccessRead, [&] {
        if (bytes == 8) a.mov(host64(to), at(8));
        else if (bytes == 4) a.mov(host32(to), at(4));
        else a.movzx(host32(to), at(2));
    }, false);
}

void BlockBuilder::emit_jmp_rm(const Insn& insn) {
    load_branch_operand(insn, kHostAddress);
    indirect(insn.operand_bits);
}

/// The target in rbp, before CALL pushes: #GP beyond a limit of CS. SDM vol. 2, CALL.
void BlockBuilder::check_call_target(const Insn& insn) {
    if (insn.is64() || mode_.code_limit() == ~u32{0}) return;
    cut_target(insn.operand_bits);
    const Label beyond = a.newLabel();
    compare_with_limit(kCs, 1, beyond);
    cold();
    point(offset_in_block(insn));
    a.bind(beyond);
    if (flags_live_ != 0) a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    raise(insn, kVectorGP);
    hot();
}

void BlockBuilder::emit_call(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    const bool direct = insn.op == Op::kCallRel;
    if (direct && !insn.is64() && branch_target(insn) > mode_.code_limit()) return emit_raise(insn, kVectorGP);
    note_branch(insn, -static_cast<i32>(bytes), 0);
    const x86::Mem target = field(offsetof(JitFrame, target));
    if (!direct) {
        load_branch_operand(insn, kHostAddress);
        check_call_target(insn);
        a.mov(target, x86::rbp);
    }
    push_value(bytes, [&] {
        const u64 rip = insn.next_rip();
        const bool short_constant = baked() && static_cast<u64>(static_cast<i64>(static_cast<i32>(rip))) == rip;
        if (bytes == 8 && short_constant) {
            a.mov(at(8), static_cast<i32>(rip));
        } else {
            const u8 value = free_temp();
            load_rip(value, rip);
            if (bytes == 8) a.mov(at(8), host64(value));
            else if (bytes == 4) a.mov(at(4), host32(value));
            else a.mov(at(2), x86::gpw(value));
        }
    });
    if (direct) return chain_to(branch_target(insn));
    a.mov(x86::rbp, target);
    indirect(insn.operand_bits);
}

void BlockBuilder::emit_ret(const Insn& insn) {
    const unsigned bytes = insn.operand_bits / 8;
    const i32 popped = static_cast<i32>(bytes + (insn.op == Op::kRetImm ? static_cast<u32>(insn.imm) & 0xffff : 0));
    note_branch(insn, popped, 0);
    access_stack(0, bytes, kAccessRead, [&] {
        if (bytes == 8) a.mov(x86::rbp, at(8));
        else if (bytes == 4) a.mov(x86::ebp, at(4));
        else a.movzx(x86::ebp, at(2));
    });
    adjust_sp(popped);
    indirect(insn.operand_bits);
}

}  // namespace twin86::jit
