// CpuState: the complete architectural state of one logical processor, as plain data.
//
// Both engines load from it and store to it; the slow paths of cpu/semantics work on it directly. The translator embeds
// it in its frame, so that memory-resident guest registers are this very object.
#pragma once

#include <type_traits>

#include "base/types.h"
#include "cpu/state/registers.h"

namespace twin86 {

/// A segment register with its hidden part. Attributes are in the layout of descriptor bits 40..55 (access byte in bits
/// 0-7, AVL/L/DB/G in bits 12-15), SDM vol. 3, 3.4.5.
struct Segment {
    u64 base = 0;
    u32 limit = 0;  ///< in bytes, already scaled by G
    u16 selector = 0;
    u16 attributes = 0;

    unsigned type() const { return attributes & 0xf; }
    bool code_or_data() const { return attributes & 0x10; }
    unsigned dpl() const { return (attributes >> 5) & 3; }
    bool present() const { return attributes & 0x80; }
    bool long_mode() const { return attributes & 0x2000; }
    bool default_big() const { return attributes & 0x4000; }
    bool granularity() const { return attributes & 0x8000; }
    bool is_code() const { return (attributes & 0x18) == 0x18; }
    bool conforming_or_expand_down() const { return attributes & 4; }
    bool writable_or_readable() const { return attributes & 2; }
    /// A null selector was loaded: any access through it is #GP (outside 64-bit mode).
    bool unusable() const { return !present(); }
};

struct DescriptorTable {
    u64 base = 0;
    u16 limit = 0;
};

/// Why the next instruction boundary must not take interrupts.
enum Shadow : u8 { kShadowNone = 0, kShadowSti = 1, kShadowMovSs = 2 };

enum class Activity : u8 { kRunning, kHalted, kWaitForSipi, kShutdown };

/// An event that was taken from its source, or raised by an instruction, and whose delivery comes before the next
/// instruction. Only moves between engines leave one: slow paths deliver at once.
struct PendingEvent {
    enum class Kind : u8 { kNone, kExternal, kNmi, kException } kind = Kind::kNone;
    u8 vector = 0;
    bool has_error_code = false;
    u32 error_code = 0;
    bool operator==(const PendingEvent&) const = default;
};

/// Size of the XSAVE area kept for a guest: x87, SSE, AVX, opmask and ZMM state in the standard format.
constexpr unsigned kXsaveAreaSize = 2816;
/// XCR0 components that guests may use: x87, SSE, AVX, opmask, ZMM_Hi256, Hi16_ZMM.
constexpr u64 kXcr0Supported = 0xe7;

/// Banks of machine-check registers, as many as QEMU offers.
constexpr unsigned kMachineCheckBanks = 10;

struct CpuState {
    u64 gpr[16] = {};
    u64 rip = 0;
    u64 rflags = 2;

    Segment segment[6];  ///< indexed by SegmentIndex
    Segment ldtr, tr;
    DescriptorTable gdtr, idtr;

    u64 cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, xcr0 = 1;
    u64 dr[8] = {};
    u64 efer = 0;

    u64 star = 0, lstar = 0, cstar = 0, sfmask = 0, kernel_gs_base = 0;
    u64 sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
    u64 tsc_aux = 0, tsc_offset = 0, tsc_adjust = 0, pat = 0x0007040600070406, xss = 0;
    u64 misc_enable = 0, spec_ctrl = 0, mtrr_def_type = 0, mtrr_fixed[11] = {}, mtrr_variable[16] = {};

    u64 mcg_status = 0, mcg_ctl = 0, mc_ctl[kMachineCheckBanks] = {}, mc_addr[kMachineCheckBanks] = {};

    u8 shadow = kShadowNone;
    bool nmi_blocked = false;
    bool nmi_pending = false;
    Activity activity = Activity::kRunning;
    u64 pending_db = 0;  ///< DR6 causes to be reported at the next boundary (TF, data breakpoints)
    PendingEvent pending;

    alignas(64) u8 xsave[kXsaveAreaSize] = {};

    /// Current privilege level: the DPL of SS, which equals CPL in every mode (SDM vol. 3, 5.5).
    unsigned cpl() const { return segment[kSs].dpl(); }
    bool protected_mode() const { return cr0 & kCr0PE; }
    bool long_mode() const { return efer & kEferLMA; }
    bool mode64() const { return long_mode() && segment[kCs].long_mode(); }
    bool vm86() const { return rflags & kFlagVM; }
    unsigned iopl() const { return (rflags >> 12) & 3; }
};

static_assert(std::is_standard_layout_v<CpuState> && std::is_trivially_copyable_v<CpuState>);

}  // namespace twin86
