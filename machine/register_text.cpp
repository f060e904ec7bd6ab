#include "machine/register_text.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace twin86 {

namespace {

constexpr std::array<std::string_view, 16> kNames64{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr std::array<std::string_view, 6> kSegments{"es", "cs", "ss", "ds", "fs", "gs"};

std::string general_registers(const CpuState& s, bool wide) {
    static constexpr Gpr kOrder[16] = {kRax, kRbx, kRcx, kRdx, kRsi, kRdi, kRbp, kRsp,
                                       kR8,  kR9,  kR10, kR11, kR12, kR13, kR14, kR15};
    std::string text;
    for (unsigned i = 0; i < (wide ? 16u : 8u); ++i) {
        std::string name(kNames64[kOrder[i]]);
        for (char& c : name) c = static_cast<char>(std::toupper(c));
        if (!wide) name[0] = 'E';
        const char end = i % 4 == 3 ? '\n' : ' ';
        if (wide)
            text += fmt::format("{:<3}={:016x}{}", name, s.gpr[kOrder[i]], end);
        else
            text += fmt::format("{}={:08x}{}", name, static_cast<u32>(s.gpr[kOrder[i]]), end);
    }
    return text;
}

std::string flag_letters(u64 flags) {
    static constexpr std::pair<u64, char> kLetters[] = {{kFlagDF, 'D'}, {kFlagOF, 'O'}, {kFlagSF, 'S'}, {kFlagZF, 'Z'},
                                                        {kFlagAF, 'A'}, {kFlagPF, 'P'}, {kFlagCF, 'C'}};
    std::string text;
    for (const auto& [mask, letter] : kLetters) text += (flags & mask) != 0 ? letter : '-';
    return text;
}

/// SDM vol. 3, 3.4.5.1 and 3.5.
std::string segment_kind(const Segment& s, bool long_mode) {
    if (!s.present()) return "";
    const auto on = [&](unsigned n, char letter) { return (s.attributes >> n & 1) != 0 ? letter : '-'; };
    if (!s.code_or_data()) return fmt::format(" DPL={} type {:#x}", s.dpl(), s.type());
    if (!s.is_code())
        return fmt::format(" DPL={} DS{} [{}{}{}]", s.dpl(), s.default_big() ? "  " : "16", on(2, 'E'), on(1, 'W'),
                           on(0, 'A'));
    const char* bits = s.long_mode() && long_mode ? "64" : s.default_big() ? "32" : "16";
    return fmt::format(" DPL={} CS{} [{}{}{}]", s.dpl(), bits, on(2, 'C'), on(1, 'R'), on(0, 'A'));
}

std::string segment_line(std::string_view name, const Segment& s, bool wide) {
    return fmt::format("{:<3}={:04x} {:0{}x} {:08x} {:08x}{}\n", name, s.selector, s.base, wide ? 16 : 8, s.limit,
                       u32{s.attributes} << 8, segment_kind(s, wide));
}

std::string segments(const CpuState& s, bool wide) {
    std::string text;
    for (unsigned n = 0; n < 6; ++n) {
        const char name[3] = {static_cast<char>(std::toupper(kSegments[n][0])), 'S', 0};
        text += segment_line(name, s.segment[n], wide);
    }
    text += segment_line("LDT", s.ldtr, wide) + segment_line("TR", s.tr, wide);
    const int digits = wide ? 16 : 8;
    text += fmt::format("GDT=     {:0{}x} {:08x}\n", s.gdtr.base, digits, s.gdtr.limit);
    return text + fmt::format("IDT=     {:0{}x} {:08x}\n", s.idtr.base, digits, s.idtr.limit);
}

std::string control_registers(const CpuState& s, bool wide) {
    const int digits = wide ? 16 : 8;
    std::string text =
        fmt::format("CR0={:08x} CR2={:0{}x} CR3={:0{}x} CR4={:08x}\n", s.cr0, s.cr2, digits, s.cr3, digits, s.cr4);
    for (unsigned n = 0; n < 4; ++n) text += fmt::format("DR{}={:0{}x}{}", n, s.dr[n], digits, n < 3 ? ' ' : '\n');
    text += fmt::format("DR6={:0{}x} DR7={:0{}x}\n", s.dr[6], digits, s.dr[7], digits);
    return text + fmt::format("EFER={:016x} XCR0={:016x}\n", s.efer, s.xcr0);
}

template <class T>
T in_xsave(const CpuState& s, std::size_t offset) {
    T value;
    std::memcpy(&value, s.xsave + offset, sizeof value);
    return value;
}

/// The legacy region of the XSAVE image, SDM vol. 1, 13.4.1.
std::string vector_registers(const CpuState& s, bool wide) {
    const u16 fsw = in_xsave<u16>(s, 2);
    std::string text = fmt::format("FCW={:04x} FSW={:04x} [ST={}] FTW={:02x} MXCSR={:08x}\n", in_xsave<u16>(s, 0), fsw,
                                   fsw >> 11 & 7, s.xsave[4], in_xsave<u32>(s, 24));
    for (unsigned n = 0; n < 8; ++n)
        text += fmt::format("ST{}={:016x} {:04x}{}", n, in_xsave<u64>(s, 32 + 16 * n), in_xsave<u16>(s, 40 + 16 * n),
                            n % 2 ? '\n' : ' ');
    for (unsigned n = 0; n < (wide ? 16u : 8u); ++n)
        text += fmt::format("XMM{:02}={:016x} {:016x}{}", n, in_xsave<u64>(s, 168 + 16 * n),
                            in_xsave<u64>(s, 160 + 16 * n), n % 2 ? '\n' : ' ');
    return text;
}

/// The number behind a prefix: "cr3", "dr7", "r8".
std::optional<unsigned> numbered(std::string_view name, std::string_view prefix, unsigned last) {
    if (name.size() != prefix.size() + 1 || name.substr(0, prefix.size()) != prefix) return {};
    const unsigned n = static_cast<unsigned>(name.back() - '0');
    return n <= last ? std::optional(n) : std::nullopt;
}

std::optional<u64> general_by_name(const CpuState& s, std::string_view name) {
    for (unsigned n = 0; n < 16; ++n) {
        const std::string_view wide = kNames64[n];
        if (name == wide) return s.gpr[n];
        if (n >= 8) continue;
        if (name == wide.substr(1)) return static_cast<u16>(s.gpr[n]);
        if (name.size() == 3 && name[0] == 'e' && name.substr(1) == wide.substr(1)) return static_cast<u32>(s.gpr[n]);
    }
    return {};
}

std::optional<u64> segment_by_name(const CpuState& s, std::string_view name) {
    for (unsigned n = 0; n < 6; ++n) {
        if (name == kSegments[n]) return s.segment[n].selector;
        if (name.substr(0, 2) == kSegments[n] && name.substr(2) == "_base") return s.segment[n].base;
    }
    return {};
}

}  // namespace

std::string register_text(const CpuState& s, bool a20) {
    const bool wide = s.long_mode();
    std::string text = general_registers(s, wide);
    text += fmt::format("{}={:0{}x} {}={:08x} [{}] CPL={} II={} A20={:d} SMM=0 HLT={:d}\n", wide ? "RIP" : "EIP", s.rip,
                        wide ? 16 : 8, wide ? "RFL" : "EFL", s.rflags, flag_letters(s.rflags), s.cpl(), s.shadow, a20,
                        s.activity == Activity::kHalted);
    return text + segments(s, wide) + control_registers(s, wide) + vector_registers(s, wide);
}

std::optional<u64> register_by_name(const CpuState& s, std::string_view name) {
    if (const auto value = general_by_name(s, name)) return value;
    if (const auto value = segment_by_name(s, name)) return value;
    if (name == "rip" || name == "pc") return s.rip;
    if (name == "eip") return static_cast<u32>(s.rip);
    if (name == "rflags" || name == "eflags") return s.rflags;
    if (name == "efer") return s.efer;
    if (name == "kernel_gs_base") return s.kernel_gs_base;
    if (const auto n = numbered(name, "dr", 7)) return s.dr[*n];
    if (const auto n = numbered(name, "cr", 4)) {
        if (*n == 1) return {};
        const u64 values[5] = {s.cr0, 0, s.cr2, s.cr3, s.cr4};
        return values[*n];
    }
    return {};
}

}  // namespace twin86
