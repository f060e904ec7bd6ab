// Exceptions: those known at translation time, and signals in emitted code, of which some are exceptions.
#include "accel/jit/jit_vcpu.h"
#include "cpu/decode/disassemble.h"
#include "cpu/semantics/interrupts.h"

namespace twin86::jit {

void JitVcpu::deliver_fault(const Outcome& fault) {
    ++counters_.exceptions;
    raised_ = true;
    recorder_.exception(frame_.cpu.rip, static_cast<u8>(fault.vector), fault.address);
    log_.write(kLogInt, "exception {} error {:#x} address {:#x} at {:#x} cpl {}", fault.vector, fault.error_code, fault.address,
               frame_.cpu.rip, frame_.cpu.cpl());
    frame_.cpu.shadow = kShadowNone;
    if (fault.vector == kVectorMF && !(frame_.cpu.cr0 & kCr0NE)) return signal_x87_error();
    raise(cpu_, fault);
    frame_.cpu.pending_db = 0;
}

/// An exception that was known when the block was translated.
bool JitVcpu::on_raise(HelperSite& site) {
    CpuState& s = frame_.cpu;
    const Insn insn = located(site);
    s.rip = insn.rip;
    i16 vector = site.vector;
    if (vector == kVectorNM) {
        // Priorities: #UD for what is not enabled, then #NM. SDM vol. 3, 2.5 and vol. 2, exception tables.
        const bool ud = insn.encoding != Encoding::kLegacy && !(s.protected_mode() && !s.vm86()) ? true
                        : insn.uses_avx || insn.uses_avx512
                            ? !(s.cr4 & kCr4OSXSAVE) || (s.xcr0 & 6) != 6 || (insn.uses_avx512 && (s.xcr0 & 0xe0) != 0xe0)
                            : insn.uses_sse && ((s.cr0 & kCr0EM) || !(s.cr4 & kCr4OSFXSR));
        const bool mmx = insn.uses_fpu && !(insn.map == 0 && (insn.opcode & 0xf8) == 0xd8);
        if (ud || (mmx && (s.cr0 & kCr0EM))) vector = kVectorUD;
    }
    if (vector == kVectorUD && log_.on(kLogUnimp)) {
        std::string bytes;
        for (unsigned i = 0; i < insn.length; ++i) bytes += fmt::format(" {:02x}", insn.bytes[i]);
        log_.write(kLogUnimp, "undefined instruction at {:#x}:{}", s.rip, bytes);
    }
    deliver_fault(vector == kVectorGP ? Outcome::fault(kVectorGP, 0) : Outcome::fault(static_cast<Vector>(vector)));
    return false;
}

/// A native string instruction has deltas in its pointers (emit_string.cpp).
void JitVcpu::add_string_deltas(const SidePoint& point, int sign) {
    CpuState& s = frame_.cpu;
    if (point.flags & kSideSource) s.gpr[kRsi] += static_cast<u64>(sign) * frame_.address;
    if (point.flags & kSideDestination) s.gpr[kRdi] += static_cast<u64>(sign) * frame_.temp;
}

/// A signal in emitted code: a kick at a poll, an exception of a copied instruction, or a page that a window does not show.
bool JitVcpu::on_fault() {
    CpuState& s = frame_.cpu;
    const u8* pc = reinterpret_cast<const u8*>(frame_.fault_pc);
    const Block* block = blocks_.at_code(pc);
    CHECK(block != nullptr, "fault {} at {} outside of blocks", frame_.fault_trap, static_cast<const void*>(pc));
    const SidePoint& point = block->point_at(pc);
    s.rip = rip_of(*block, point.guest_offset);
    // Non-canonical host addresses: #SS when the base is rbp, else #GP.
    const bool access = frame_.fault_trap == kVectorPF || frame_.fault_trap == kVectorGP || frame_.fault_trap == kVectorSS;
    const bool window = access && block->key.mode.has(Mode::kWindows) && !(point.flags & kSidePoll);
    Windows::FillResult filled{Windows::Fill::kNotHere};
    if (stepping_ && (point.flags & kSidePoll) && passes_poll(*block, point)) {
        enter(pc + kPollLoadBytes);
        return true;
    }
    add_string_deltas(point, -1);
    if (window) filled = fill_window(*block, point.guest_offset);
    if (filled.what == Windows::Fill::kShown) {
        add_string_deltas(point, 1);
        enter(pc);
        return true;
    }
    if (point.borrowed != 0xff)
        for (unsigned g = 0; g < 16; ++g)
            if (kHostOf[g] == point.borrowed) s.gpr[g] = frame_.borrow;
    if (point.flags & kSidePoll) {
        ++counters_.kicks;
        recorder_.exit(s.rip, ExitReason::kFault);
        re_entered_rip_ = s.rip;
        if (watched_code_ && frame_.mode.has(Mode::kOneInsn)) s.rflags |= resume_flag_;
        return false;
    }
    // Outside of 64-bit mode what begins there may end beyond 4 GiB: the probe's slow path knows what that is.
    const bool at_border = !block->key.mode.has(Mode::kCode64) && filled.address >= 4 * GiB - kPageSize;
    if (filled.what == Windows::Fill::kDenied && block->key.mode.has(Mode::kUser) && !at_border) {
        deliver_fault(Outcome::page_fault(filled.error_code, filled.address));
        return false;
    }
    if (window) return run_with_probe(*block, point.guest_offset);
    switch (frame_.fault_trap) {
        case kVectorDE:
        case kVectorUD: deliver_fault(Outcome::fault(static_cast<Vector>(frame_.fault_trap))); return false;
        case kVectorMF:
        case kVectorXM: deliver_fault(Outcome::fault(static_cast<Vector>(frame_.fault_trap))); return false;
        case kVectorGP: deliver_fault(Outcome::fault(kVectorGP, 0)); return false;
        case kVectorAC: deliver_fault(Outcome::fault(kVectorAC, 0)); return false;
        default: break;
    }
    failure_ = fmt::format("emitted code faulted (trap {}, address {:#x}) at guest rip {:#x}, host offset {:#x} of its block",
                           frame_.fault_trap, frame_.fault_address, s.rip, pc - block->code);
    log_.always("{}", disassemble({block->code, block->code_size}, 0, 64));
    fatal_ = true;
    return false;
}

}  // namespace twin86::jit
