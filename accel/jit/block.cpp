#include "accel/jit/block.h"

#include <algorithm>

namespace twin86::jit {

void Block::set_points(std::span<SidePoint> points) {
    CHECK(points.size() <= 0xffff, "{} points", points.size());
    points_ = points.data();
    point_count_ = static_cast<u16>(points.size());
}

const SidePoint& Block::point_at(const u8* pc) const {
    const u32 offset = static_cast<u32>(pc - code);
    const auto all = points();
    auto at = std::upper_bound(all.begin(), all.end(), offset,
                               [](u32 o, const SidePoint& p) { return o < p.host_offset; });
    return *(at - 1);
}

bool Block::made_from(Gpa address, u64 size) const {
    bool found = false;
    for_pieces([&](Gpa start, Gpa end) { found |= address < end && start < address + size; });
    return found;
}

const HelperSite* Block::helper_at(u32 guest_offset) const {
    for (const HelperSite* site = helpers; site != nullptr; site = site->next)
        if (site->guest_offset == guest_offset) return site;
    return nullptr;
}

bool moves_immediate(const Insn& insn) {
    if (insn.encoding != Encoding::kLegacy || insn.map != 0 || insn.operand_bits < 32) return false;
    return (insn.opcode & 0xf8) == 0xb8 || (insn.opcode == 0xc7 && insn.mod() == 3 && insn.klass == InsnClass::kCopy);
}

}  // namespace twin86::jit
