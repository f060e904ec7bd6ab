// exit_segment: the checks of a segmented access in full, for what emitted code cannot decide.
#include <cstring>

#include "accel/jit/jit_vcpu.h"
#include "accel/jit/vector_image.h"
#include "cpu/semantics/memory.h"

namespace twin86::jit {

namespace {

/// The selected bytes of a masked operand, one by one: they are few, and such operands in odd segments are rare. With 16-bit
/// addresses they do not go on at the start of the segment (as on Zen 5; they do on Zen 4).
Outcome check_selected(const Cpu& cpu, const SegmentMeta& meta, u64 offset, u64 bytes) {
    for (unsigned n = 0; n < meta.size; ++n)
        if (bytes >> n & 1) TRY_GUEST(check_segment(cpu, meta.segment, offset + n, 1, meta.access & kAccessWrite));
    return Outcome::success();
}

}  // namespace

bool JitVcpu::on_segment() {
    const u8* resume_at = reinterpret_cast<const u8*>(frame_.resume_pc);
    SegmentMeta meta;
    std::memcpy(&meta, &frame_.payload, sizeof meta);
    const Block* block = blocks_.at_code(resume_at);
    CHECK(block != nullptr, "segment check outside of blocks");
    const u32 guest_offset = block->point_at(resume_at - 1).guest_offset;
    const HelperSite* site = meta.masked ? block->helper_at(guest_offset) : nullptr;
    const Gva linear = segment_linear(cpu_.s, meta.segment, frame_.address);
    Outcome fault;
    if (site != nullptr) {
        const u64 bytes = active_bytes(site->insn, VectorImage(frame_.cpu, cpu_.traits.xsave));
        fault = check_selected(cpu_, meta, frame_.address, bytes);
        if (fault.ok() && bytes != 0 && !meta.aligned && cpu_.traits.amd) fault = check_alignment(cpu_, linear, meta.element);
    } else {
        fault = check_segment(cpu_, meta.segment, frame_.address, meta.size, meta.access & kAccessWrite);
        const bool whole = meta.element == 0 || cpu_.traits.packs_whole;
        if (fault.ok() && !meta.aligned) fault = check_alignment(cpu_, linear, whole ? meta.size : meta.element);
    }
    if (fault.ok()) return resume(sizeof meta);
    // Not aligned and not canonical: the former comes first (as on Zen 4 and Zen 5), which tells #GP from #SS.
    if (meta.aligned && cpu_.s.mode64() && linear % meta.size != 0) fault = Outcome::fault(kVectorGP, 0);
    frame_.cpu.rip = rip_of(*block, guest_offset);
    const bool pending = frame_.cpu.xsave[2] & 0x80;  // FSW.ES
    deliver_fault(meta.waits && pending ? Outcome::fault(kVectorMF) : fault);
    return false;
}

}  // namespace twin86::jit
