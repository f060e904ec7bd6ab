#include "tests/diff/compare.h"

#include <fmt/format.h>

#include <cstring>

#include "cpu/state/fault.h"
#include "cpu/state/host_cpuid.h"

namespace twin86::diff {

namespace {

constexpr const char* kGprNames[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

std::string hex(const u8* p, u64 n) {
    std::string s;
    for (u64 i = n; i-- > 0;) s += fmt::format("{:02x}", p[i]);
    return s;
}

/// An XSAVE image with the components that are in their initial state spelled out. SDM vol. 1, 13.6.
struct Image {
    explicit Image(const u8* area) {
        static const HostCpuid host = HostCpuid::probe();
        std::memcpy(bytes, area, sizeof bytes);
        u64 present;
        std::memcpy(&present, area + 512, 8);
        if (!(present & 1)) {
            std::memset(bytes, 0, 24);
            const u16 fcw = 0x37f;
            std::memcpy(bytes, &fcw, 2);
            std::memset(bytes + 32, 0, 128);
        }
        if (!(present & 2)) std::memset(bytes + 160, 0, 256);
        for (const unsigned c : {2, 5, 6, 7}) {
            const XsaveRegion& r = host.xsave[c];
            if (!(present & (1u << c)) && r.offset + r.size <= sizeof bytes) std::memset(bytes + r.offset, 0, r.size);
        }
    }
    u8 bytes[kXsaveAreaSize];
};

class Comparison {
  public:
    void value(const char* name, u64 native, u64 guest) {
        if (native != guest) lines.push_back(fmt::format("{}: native {:#x}, guest {:#x}", name, native, guest));
    }
    void bytes(const char* name, const u8* native, const u8* guest, u64 n) {
        if (std::memcmp(native, guest, n) != 0)
            lines.push_back(fmt::format("{}: native {}, guest {}", name, hex(native, n), hex(guest, n)));
    }
    /// `count` registers of `size` bytes whose images lie `step` bytes apart.
    void registers(const char* name, unsigned count, unsigned size, unsigned step, const u8* native, const u8* guest) {
        if (step == size && std::memcmp(native, guest, count * size) == 0) return;
        for (unsigned i = 0; i < count; ++i)
            if (std::memcmp(native + i * step, guest + i * step, size) != 0)
                bytes(fmt::format("{}{}", name, i).c_str(), native + i * step, guest + i * step, size);
    }
    void vector_state(const Image& native, const Image& guest) {
        static const HostCpuid host = HostCpuid::probe();
        const u8 *n = native.bytes, *g = guest.bytes;
        bytes("fcw", n, g, 2);
        bytes("fsw", n + 2, g + 2, 2);
        bytes("ftw", n + 4, g + 4, 1);
        bytes("mxcsr", n + 24, g + 24, 4);
        registers("st", 8, 10, 16, n + 32, g + 32);
        registers("xmm", 16, 16, 16, n + 160, g + 160);
        part(host.xsave[2], "ymm_hi", 16, 16, n, g);
        part(host.xsave[5], "k", 8, 8, n, g);
        part(host.xsave[6], "zmm_hi", 16, 32, n, g);
        part(host.xsave[7], "zmm16+", 16, 64, n, g);
    }
    void memory(const u8* native, const u8* guest) {
        if (std::memcmp(native, guest, kDataSize) == 0) return;
        for (u64 at = 0, shown = 0; at < kDataSize && shown < 4; at += 8) {
            if (std::memcmp(native + at, guest + at, 8) == 0) continue;
            bytes(fmt::format("memory {:#x}", kDataBase + at).c_str(), native + at, guest + at, 8);
            ++shown;
        }
    }
    std::vector<std::string> lines;

  private:
    void part(const XsaveRegion& r, const char* name, unsigned count, unsigned size, const u8* n, const u8* g) {
        if (r.size == 0 || r.offset + r.size > kXsaveAreaSize) return;
        registers(name, count, size, size, n + r.offset, g + r.offset);
    }
};

/// Null selectors are all alike: a return to ring 3 may change one into another.
u16 loaded(u16 selector) { return selector < 4 ? u16{0} : selector; }

}  // namespace

std::vector<std::string> compare(const JobResult& native, const JobResult& guest, u64 flags, bool selectors) {
    Comparison c;
    c.value("vector", static_cast<u64>(native.vector), static_cast<u64>(guest.vector));
    // Linux hides from processes whether an address of its own half is mapped.
    const u64 code_mask = native.cr2 >= 0x7fff'ffff'f000 ? ~u64{kPfPresent} : ~u64{0};
    c.value("error code", native.error_code & code_mask, guest.error_code & code_mask);
    c.value("cr2", native.cr2, guest.cr2);
    c.value("rip", native.out.rip, guest.out.rip);
    for (unsigned i = 0; i < 16; ++i) c.value(kGprNames[i], native.out.gpr[i], guest.out.gpr[i]);
    static constexpr const char* kSegments[6] = {"es", "cs", "ss", "ds", "fs", "gs"};
    for (unsigned i = 0; selectors && i < 6; ++i) c.value(kSegments[i], loaded(native.selector[i]), loaded(guest.selector[i]));
    c.value("rflags", native.out.rflags & flags, guest.out.rflags & flags);
    if (std::memcmp(native.out.xsave, guest.out.xsave, kXsaveAreaSize) != 0)
        c.vector_state(Image(native.out.xsave), Image(guest.out.xsave));
    c.memory(native.data, guest.data);
    return std::move(c.lines);
}

}  // namespace twin86::diff
