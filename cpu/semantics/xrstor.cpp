// XRSTOR and XRSTORS, SDM vol. 1, 13.8 and 13.12. The area is hostile: it is copied once and checked before state
// changes.
#include <algorithm>
#include <cstring>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/xsave_area.h"
#include "cpu/semantics/xsave_checks.h"

namespace twin86 {
namespace {

constexpr u64 kCompactedFlag = bit(63);

Outcome general_protection() {
    return Outcome::fault(kVectorGP, 0);
}

struct Header {
    u64 xstate_bv = 0, xcomp_bv = 0, reserved[6] = {};
    bool compacted() const { return xcomp_bv & kCompactedFlag; }
};

bool valid_standard(const Header& h, u64 enabled) {
    return !(h.xstate_bv & ~enabled) && h.xcomp_bv == 0 && h.reserved[0] == 0;
}

bool valid_compacted(const Header& h, u64 enabled) {
    const u64 components = h.xcomp_bv & ~kCompactedFlag;
    if (components & ~enabled || h.xstate_bv & ~components) return false;
    return std::all_of(h.reserved, h.reserved + 6, [](u64 word) { return word == 0; });
}

class Restore {
  public:
    Restore(Cpu& cpu, const Insn& insn, const Header& header, u64 requested)
        : cpu_(cpu), insn_(insn), header_(header), requested_(requested), offsets_(cpu.traits.xsave, header.xcomp_bv) {}

    Outcome run() {
        select_ranges();
        TRY_GUEST(fetch());
        if (mxcsr_from_memory_ && loaded_mxcsr() & ~XsaveImage(cpu_).mxcsr_mask()) return general_protection();
        commit();
        return Outcome::success();
    }

  private:
    void select_ranges() {
        loaded_ = requested_ & header_.xstate_bv;
        // The standard format takes MXCSR from memory whatever XSTATE_BV says, the compacted one as a part of SSE.
        const u64 with_mxcsr =
            header_.compacted() ? loaded_ & kXfeatureSse : requested_ & (kXfeatureSse | kXfeatureAvx);
        mxcsr_from_memory_ = with_mxcsr != 0;
        add_legacy_ranges(ranges_, cpu_.s, loaded_);
        add_extended_ranges(ranges_, cpu_, loaded_, header_.compacted() ? &offsets_ : nullptr);
    }

    /// Copies the ranges of memory to where they lie in the image.
    Outcome fetch() {
        const u64 area = effective_address(cpu_, insn_);
        if (mxcsr_from_memory_)
            TRY_GUEST(read_segment(cpu_, insn_.mem.segment, area + kXsaveMxcsr, copy_ + kXsaveMxcsr, 4));
        for (const auto& r : ranges_)
            TRY_GUEST(read_segment(cpu_, insn_.mem.segment, area + r.memory, copy_ + r.image, r.size));
        return Outcome::success();
    }

    u32 loaded_mxcsr() const {
        u32 value;
        std::memcpy(&value, copy_ + kXsaveMxcsr, 4);
        return value;
    }

    void commit() {
        XsaveImage image(cpu_);
        initialize(image, requested_ & ~header_.xstate_bv);
        image.normalize(loaded_);  // registers that do not exist in the current mode keep their values
        for (const auto& r : ranges_) std::memcpy(image.at(r.image), copy_ + r.image, r.size);
        if (loaded_ & kXfeatureX87) image.set_control_and_status(image.read16(kXsaveFcw), image.read16(kXsaveFsw));
        image.mark_in_use(loaded_);
        if (mxcsr_from_memory_)
            image.set_mxcsr(loaded_mxcsr());
        else if (requested_ & kXfeatureSse)
            image.set_mxcsr(kInitialMxcsr);
    }

    /// Outside of 64-bit mode the upper registers keep their values.
    void initialize(XsaveImage& image, u64 components) {
        if (cpu_.s.mode64()) return image.initialize(components);
        image.normalize(components);
        for (const auto& r : standard_ranges(cpu_, components)) std::memset(image.at(r.image), 0, r.size);
        if (components & kXfeatureX87) image.set_control_and_status(kInitialFcw, 0);
    }

    Cpu& cpu_;
    const Insn& insn_;
    const Header& header_;
    const u64 requested_;
    const CompactedOffsets offsets_;
    XsaveRanges ranges_;
    u64 loaded_ = 0;
    bool mxcsr_from_memory_ = false;
    u8 copy_[kXsaveAreaSize];
};

/// The area's start is touched first, whatever is asked for: its #PF comes before the #GP of a bad header (as Zen 4 has it).
Outcome read_header(Cpu& cpu, const Insn& insn, Header& header) {
    TRY_GUEST(check_xsave_operand(cpu, insn));
    const u64 area = effective_address(cpu, insn);
    TRY_GUEST(probe_operand(cpu, insn, 0, 1, false));
    return read_segment(cpu, insn.mem.segment, area + kXsaveXstateBv, &header, sizeof header);
}

}  // namespace

Outcome do_xrstor(Cpu& cpu, const Insn& insn) {
    const u64 enabled = cpu.s.xcr0;
    Header header;
    TRY_GUEST(read_header(cpu, insn, header));
    const bool valid =
        header.compacted() ? cpu.traits.xsavec && valid_compacted(header, enabled) : valid_standard(header, enabled);
    if (!valid) return general_protection();
    // The end of the area is touched whatever XSTATE_BV says (as Zen 4 has it).
    const unsigned end = standard_size(cpu.traits.xsave, requested_components(cpu.s) & enabled) - 1;
    if (!header.compacted()) TRY_GUEST(probe_operand(cpu, insn, end, 1, false));
    return Restore(cpu, insn, header, requested_components(cpu.s) & enabled).run();
}

Outcome do_xrstors(Cpu& cpu, const Insn& insn) {
    if (cpu.s.cr4 & kCr4OSXSAVE) TRY_GUEST(require_cpl0(cpu.s));
    const u64 enabled = cpu.s.xcr0 | cpu.s.xss;
    Header header;
    TRY_GUEST(read_header(cpu, insn, header));
    if (!header.compacted() || !valid_compacted(header, enabled)) return general_protection();
    return Restore(cpu, insn, header, requested_components(cpu.s) & enabled).run();
}

}  // namespace twin86
