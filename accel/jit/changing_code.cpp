// Code that is written to: translations go, and where that happens all the time they look for themselves (restless_code.h).
#include <cstring>

#include "accel/jit/jit_vcpu.h"
#include "base/host_time.h"

namespace twin86::jit {

void JitVcpu::code_written(Gpa address, u64 size) { blocks_.written(address, size, monotonic_ns()); }

/// A block has found other code than it was made from. Nothing of it has run.
bool JitVcpu::on_stale(Block& block) {
    frame_.cpu.rip = rip_of(block, 0);
    recorder_.exit(frame_.cpu.rip, ExitReason::kStale);
    note_immediates(block);
    re_entered_rip_ = frame_.cpu.rip;  // `-d exec` has shown it as entered
    const Mode mode = block.key.mode;
    blocks_.forget(block);
    const Block* const fresh = find_block(mode);
    if (fresh == nullptr) return false;
    enter(fresh->body());
    return true;
}

/// Finds the moves of which nothing but the immediate has changed.
void JitVcpu::note_immediates(const Block& block) {
    const CheckedBytes& b = *block.checked;
    if (b.second != nullptr) return;
    const unsigned bits = block.key.mode.code_bits();
    for (std::size_t at = 0; at < b.bytes.size();) {
        Insn was;
        if (translator_.decoder().decode(std::span<const u8>(b.bytes).subspan(at), block.rip + at, bits, was) != DecodeStatus::kOk) return;
        const u8* const old = b.bytes.data() + at;
        if (std::memcmp(old, b.first + at, was.imm_at) != 0) return;
        const bool changed = std::memcmp(old + was.imm_at, b.first + at + was.imm_at, was.imm_size) != 0;
        if (changed && moves_immediate(was)) blocks_.restless().note_immediate(block.key.physical + at);
        at += was.length;
    }
}

/// Code that has been restless for long enough is treated as any other again.
void JitVcpu::settle_code() {
    if (!blocks_.restless().any()) return;
    for (const Gpa page : blocks_.restless().settled(monotonic_ns())) blocks_.invalidate(page, kPageSize);
}

}  // namespace twin86::jit
