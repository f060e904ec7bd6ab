// General registers: where guest values are and how they get there.
#include <limits>

#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

u8 BlockBuilder::read_gpr(u8 guest, u8 temp) {
    if (!in_memory(guest)) return kHostOf[guest];
    a.mov(host64(temp), slot(guest));
    return temp;
}

/// rbp = a memory-resident register, unless that is there already. What changes rbp or the register says so; only instructions
/// that say that both stay (held_kept_) let the next one rely on it.
void BlockBuilder::hold(u8 guest) {
    if (held_ != guest) a.mov(x86::rbp, slot(guest));
    holds(guest);
}

/// rbp is the present value of a memory-resident register.
void BlockBuilder::holds(u8 guest) {
    held_ = guest;
    held_kept_ = true;
}

/// The temporary that stood for a register is its new value.
void BlockBuilder::write_temp(u8 guest, u8 temp) {
    write_gpr(guest, temp);
    if (temp == kHostAddress && in_memory(guest)) holds(guest);
}

/// After each instruction.
void BlockBuilder::keep_held() {
    if (!held_kept_) held_ = kNoGpr;
    held_kept_ = false;
}

void BlockBuilder::write_gpr(u8 guest, u8 host) {
    if (held_ == guest) held_ = kNoGpr;
    if (in_memory(guest)) a.mov(slot(guest), host64(host));
    else if (kHostOf[guest] != host) a.mov(host64(kHostOf[guest]), host64(host));
}

void BlockBuilder::write_gpr_sized(u8 guest, u8 host, unsigned bits) {
    if (bits == 64) return write_gpr(guest, host);
    if (held_ == guest) held_ = kNoGpr;
    if (bits == 32) {
        if (in_memory(guest)) {
            a.mov(host32(host), host32(host));
            a.mov(slot(guest), host64(host));
        } else {
            a.mov(host32(kHostOf[guest]), host32(host));
        }
        return;
    }
    if (in_memory(guest)) a.mov(field(offsetof(JitFrame, mem_gpr) + slot_of(guest) * 8, 2), x86::gpw(host));
    else a.mov(x86::gpw(kHostOf[guest]), x86::gpw(host));
}

void BlockBuilder::load_constant(u8 host, u64 value) {
    if (value <= 0xffffffff) a.mov(host32(host), static_cast<u32>(value));
    else a.mov(host64(host), static_cast<i64>(value));
}

void BlockBuilder::load_rip(u8 host, u64 rip) {
    if (baked()) return load_constant(host, rip);
    a.mov(host64(host), field(offsetof(JitFrame, page_va)));
    i64 offset = static_cast<i64>(offset_in_page(rip));
    constexpr i64 kFarthest = std::numeric_limits<i32>::max();
    for (; offset > kFarthest; offset -= kFarthest) a.lea(host64(host), x86::ptr(host64(host), kFarthest));
    if (offset != 0) a.lea(host64(host), x86::ptr(host64(host), static_cast<i32>(offset)));
}

}  // namespace twin86::jit
