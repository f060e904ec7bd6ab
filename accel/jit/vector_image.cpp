#include "accel/jit/vector_image.h"

#include <algorithm>
#include <cstring>

namespace twin86::jit {

namespace {
enum Component : unsigned { kSse = 1, kAvx = 2, kOpmask = 5, kZmmHi256 = 6, kHi16Zmm = 7 };
}

bool VectorImage::present(unsigned n) const {
    u64 xstate_bv;
    std::memcpy(&xstate_bv, s_.xsave + kXsaveXstateBv, sizeof xstate_bv);
    return (xstate_bv >> n & 1) != 0 && (n < 2 || layout_.component[n].size != 0);
}

/// The component's bytes; before a write, one in its initial state is filled with zeros and marked.
u8* VectorImage::component(unsigned n, bool for_write) {
    u8* at = n == kSse ? s_.xsave + kXsaveXmm0 : s_.xsave + layout_.component[n].offset;
    if (for_write && !present(n)) {
        std::memset(at, 0, n == kSse ? 256 : layout_.component[n].size);
        u64 xstate_bv;
        std::memcpy(&xstate_bv, s_.xsave + kXsaveXstateBv, sizeof xstate_bv);
        xstate_bv |= u64{1} << n;
        std::memcpy(s_.xsave + kXsaveXstateBv, &xstate_bv, sizeof xstate_bv);
    }
    return at;
}

u64 VectorImage::mask(unsigned k) const {
    if (!present(kOpmask)) return 0;
    u64 value;
    std::memcpy(&value, component(kOpmask) + k * 8, sizeof value);
    return value;
}

void VectorImage::set_mask(unsigned k, u64 value) { std::memcpy(component(kOpmask, true) + k * 8, &value, sizeof value); }

void VectorImage::read(unsigned number, u8 to[64]) const {
    std::memset(to, 0, 64);
    if (number >= 16) {
        if (present(kHi16Zmm)) std::memcpy(to, component(kHi16Zmm) + (number - 16) * 64, 64);
        return;
    }
    if (present(kSse)) std::memcpy(to, s_.xsave + kXsaveXmm0 + number * 16, 16);
    if (present(kAvx)) std::memcpy(to + 16, component(kAvx) + number * 16, 16);
    if (present(kZmmHi256)) std::memcpy(to + 32, component(kZmmHi256) + number * 32, 32);
}

void VectorImage::write(unsigned number, const u8 from[64], unsigned bits) {
    u8 full[64] = {};
    std::memcpy(full, from, bits / 8);
    if (number >= 16) {
        std::memcpy(component(kHi16Zmm, true) + (number - 16) * 64, full, 64);
        return;
    }
    std::memcpy(component(kSse, true) + number * 16, full, 16);
    if (layout_.component[kAvx].size != 0) std::memcpy(component(kAvx, true) + number * 16, full + 16, 16);
    if (bits == 512 || present(kZmmHi256)) std::memcpy(component(kZmmHi256, true) + number * 32, full + 32, 32);
}

void VectorImage::write_all(unsigned number, const u8 from[64]) {
    write(number, from, number >= 16 || present(kZmmHi256) ? 512 : 256);
}

u64 active_bytes(const Insn& insn, const VectorImage& image) {
    const unsigned element = std::max<unsigned>(insn.mem.element_size, 1);
    const unsigned count = insn.mem.size / element;
    u64 active = 0;
    if (insn.mask_register != 0) {
        active = image.mask(insn.mask_register);
    } else {  // VMASKMOV, VPMASKMOV: the sign bits of the elements of vvvv
        u8 control[64];
        image.read(insn.vvvv_field, control);
        for (unsigned i = 0; i < count; ++i) active |= static_cast<u64>(control[(i + 1) * element - 1] >> 7) << i;
    }
    // An element of a broadcast is read when any lane that it feeds is active.
    if (insn.mem.broadcast_lanes > count) {
        if (insn.mem.broadcast_lanes < 64) active &= (u64{1} << insn.mem.broadcast_lanes) - 1;
        for (unsigned lane = insn.mem.broadcast_lanes / 2; lane >= count; lane /= 2) active |= active >> lane;
    }
    if (count < 64) active &= (u64{1} << count) - 1;
    // Expanding loads and compressing stores touch as many leading elements as there are active ones.
    if (insn.mem.packed_by_mask) {
        const unsigned n = static_cast<unsigned>(__builtin_popcountll(active));
        active = n == 64 ? ~u64{0} : (u64{1} << n) - 1;
    }
    u64 bytes = 0;
    for (unsigned i = 0; i < count; ++i)
        if (active >> i & 1) bytes |= ((element == 64 ? ~u64{0} : (u64{1} << element) - 1)) << (i * element);
    return bytes;
}

}  // namespace twin86::jit
