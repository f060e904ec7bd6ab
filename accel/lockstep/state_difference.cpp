#include "accel/lockstep/state_difference.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "cpu/semantics/xsave_image.h"

namespace twin86 {

namespace {

constexpr const char* kGprNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* kSegmentNames[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
constexpr const char* kDebugNames[] = {"dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"};

class Comparison {
  public:
    void value(std::string_view name, u64 a, u64 b) {
        if (a != b) found.push_back({std::string(name), a, b});
    }

    /// A null selector's hidden part says nothing but for the bases of FS and GS.
    void segment(const char* name, const Segment& a, const Segment& b, bool has_base) {
        value(name, a.selector, b.selector);
        const bool hidden = a.present() || b.present();
        if (hidden || has_base) part(name, ".base", a.base, b.base);
        if (!hidden) return;
        part(name, ".limit", a.limit, b.limit);
        part(name, ".attributes", a.attributes, b.attributes);
    }

    void part(const char* name, const char* of, u64 a, u64 b) {
        if (a != b) found.push_back({std::string(name) + of, a, b});
    }

    void bytes(const std::string& name, const u8* a, const u8* b, unsigned size) {
        for (unsigned at = 0; at < size; at += 8) {
            u64 x = 0, y = 0;
            std::memcpy(&x, a + at, std::min(8u, size - at));
            std::memcpy(&y, b + at, std::min(8u, size - at));
            value(size > 8 ? fmt::format("{}[{}]", name, at) : name, x, y);
        }
    }

    std::vector<RegisterDifference> found;
};

void compare_integer(Comparison& c, const CpuState& a, const CpuState& b, u64 unsure) {
    const u64 flags = ~(u64{kFlagRF} | unsure);
    c.value("rip", a.rip, b.rip);
    for (unsigned n = 0; n < 16; ++n) c.value(kGprNames[n], a.gpr[n], b.gpr[n]);
    c.value("rflags", a.rflags & flags, b.rflags & flags);
}

void compare_segments(Comparison& c, const CpuState& a, const CpuState& b) {
    for (unsigned n = 0; n < 6; ++n) c.segment(kSegmentNames[n], a.segment[n], b.segment[n], n == kFs || n == kGs);
    c.segment("ldtr", a.ldtr, b.ldtr, false);
    c.segment("tr", a.tr, b.tr, false);
    c.value("gdtr.base", a.gdtr.base, b.gdtr.base);
    c.value("gdtr.limit", a.gdtr.limit, b.gdtr.limit);
    c.value("idtr.base", a.idtr.base, b.idtr.base);
    c.value("idtr.limit", a.idtr.limit, b.idtr.limit);
}

void compare_system(Comparison& c, const CpuState& a, const CpuState& b) {
    c.value("cr0", a.cr0, b.cr0);
    c.value("cr2", a.cr2, b.cr2);
    c.value("cr3", a.cr3, b.cr3);
    c.value("cr4", a.cr4, b.cr4);
    c.value("efer", a.efer, b.efer);
    c.value("xcr0", a.xcr0, b.xcr0);
    for (unsigned n = 0; n < 8; ++n) c.value(kDebugNames[n], a.dr[n], b.dr[n]);
    c.value("star", a.star, b.star);
    c.value("lstar", a.lstar, b.lstar);
    c.value("cstar", a.cstar, b.cstar);
    c.value("sfmask", a.sfmask, b.sfmask);
    c.value("kernel_gs_base", a.kernel_gs_base, b.kernel_gs_base);
    c.value("sysenter_cs", a.sysenter_cs, b.sysenter_cs);
    c.value("sysenter_esp", a.sysenter_esp, b.sysenter_esp);
    c.value("sysenter_eip", a.sysenter_eip, b.sysenter_eip);
    c.value("tsc_aux", a.tsc_aux, b.tsc_aux);
    c.value("activity", static_cast<u64>(a.activity), static_cast<u64>(b.activity));
    c.value("nmi_blocked", a.nmi_blocked, b.nmi_blocked);
    c.value("pending_db", a.pending_db, b.pending_db);
}

XsaveLayout layout_of(const CpuModel& model) {
    XsaveLayout layout;
    layout.component[1] = {kXsaveXmm0, 256};
    for (unsigned n = 2; n < kXsaveComponents; ++n) {
        const XsaveRegion& r = model.xsave_component(n);
        layout.component[n] = {static_cast<u16>(r.offset), static_cast<u16>(r.size)};
    }
    return layout;
}

/// Components that are in their initial state need not have its bytes in memory (SDM vol. 1, 13.6): copies have.
void compare_vectors(Comparison& c, CpuState first, CpuState second, const CpuModel& model) {
    const XsaveLayout layout = layout_of(model);
    for (CpuState* const s : {&first, &second}) XsaveImage(*s, layout).normalize(kXcr0Supported);
    const auto bytes = [&](const std::string& name, unsigned at, unsigned size) {
        c.bytes(name, first.xsave + at, second.xsave + at, size);
    };
    bytes("fcw", kXsaveFcw, 2);
    bytes("fsw", kXsaveFsw, 2);
    bytes("ftw", kXsaveFtw, 1);
    bytes("mxcsr", kXsaveMxcsr, 4);
    for (unsigned n = 0; n < 8; ++n) bytes(fmt::format("st{}", n), kXsaveSt0 + 16 * n, 10);
    for (unsigned n = 0; n < 16; ++n) bytes(fmt::format("xmm{}", n), kXsaveXmm0 + 16 * n, 16);
    constexpr const char* kNames[] = {"", "", "ymm_hi", "", "", "k", "zmm_hi", "zmm16"};
    for (unsigned n = 2; n < kXsaveComponents; ++n) bytes(kNames[n], layout.component[n].offset, layout.component[n].size);
}

}  // namespace

std::vector<RegisterDifference> differences(const CpuState& first, const CpuState& second, u64 unsure,
                                            const CpuModel& model) {
    Comparison c;
    compare_integer(c, first, second, unsure);
    compare_segments(c, first, second);
    compare_system(c, first, second);
    if (std::memcmp(first.xsave, second.xsave, kXsaveAreaSize) != 0) compare_vectors(c, first, second, model);
    return std::move(c.found);
}

}  // namespace twin86
