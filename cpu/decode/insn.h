// Insn: one decoded guest instruction, everything that the translator needs to re-encode it.
//
// It is independent of the decoder library: decoder.h fills it. Emitters never look at Zydis.
#pragma once

#include "base/types.h"
#include "cpu/decode/op.h"
#include "cpu/state/registers.h"

namespace twin86 {

/// How the translator treats an instruction form (design: the default is never Copy).
enum class InsnClass : u8 {
    kUndefined,   ///< #UD in the guest plus one log line: undecodable, unknown, or not offered by CPUID
    kCopy,        ///< no memory operand, unprivileged: copied with renamed registers
    kRewriteMem,  ///< one memory operand described by `mem`, copied with the operand replaced
    kSpecial,     ///< an emitter of its own (branches, stack, strings, encodings that 64-bit mode lacks ...)
    kHelper,      ///< a C++ slow path; execution continues in the block
    kEndBlock,    ///< a C++ slow path after which the block key may have changed: ends the block
};

enum class Encoding : u8 { kLegacy, kVex, kEvex };

/// Explicit register fields of the encoding that hold a general register.
enum GprField : u8 {
    kFieldReg = 1,    ///< ModRM.reg (REX.R)
    kFieldRm = 2,     ///< ModRM.rm with mod = 3 (REX.B)
    kFieldVvvv = 4,   ///< VEX/EVEX.vvvv
    kFieldOpcode = 8, ///< low three bits of the opcode (REX.B)
};

enum AccessKind : u8 { kAccessNone = 0, kAccessRead = 1, kAccessWrite = 2, kAccessReadWrite = 3 };

/// The memory operand. Effective address = base + index * scale + disp, wrapped to address_bits, plus the segment base.
struct MemOperand {
    u8 base = kNoGpr;       ///< Gpr, or kNoGpr
    u8 index = kNoGpr;      ///< Gpr, or kNoGpr; with vsib: number of the vector register
    u8 scale = 1;           ///< 1, 2, 4, 8
    u8 segment = kDs;       ///< SegmentIndex after defaults and overrides
    bool rip_relative = false;
    bool vsib = false;
    u8 access = kAccessNone;
    u16 size = 0;           ///< bytes accessed; with EVEX broadcast the element size
    u8 element_size = 0;    ///< bytes of one element (MMIO split, partial masks)
    bool suppresses_faults = false;  ///< masked-off elements (mask_register, or VMASKMOV's vvvv) are not accessed
    u8 broadcast_lanes = 0;          ///< a broadcast feeds this many lanes of the vector, each with its mask bit; 0: none
    bool aligned = false;            ///< #GP unless the address is a multiple of `size`, before any page fault
    bool packed_by_mask = false;     ///< expanding load or compressing store: the active elements lie side by side, all of them without a mask
    i64 disp = 0;
    bool operator==(const MemOperand&) const = default;
};

struct Insn {
    u64 rip = 0;     ///< guest RIP of the first byte
    u8 bytes[16] = {};
    u8 length = 0;
    u8 mode_bits = 64;     ///< 16, 32 or 64: the mode it was decoded for
    u8 operand_bits = 32;  ///< effective operand size of general-register operations: 8 (byte forms), 16, 32, 64
    u8 address_bits = 64;
    InsnClass klass = InsnClass::kUndefined;
    Encoding encoding = Encoding::kLegacy;
    u16 mnemonic = 0;      ///< ZydisMnemonic value
    Op op = Op::kNone;     ///< which emitter or slow path, for Special, Helper and EndBlock

    // Layout of the bytes.
    u8 map = 0;            ///< legacy: 0 (one byte), 1 (0F), 2 (0F38), 3 (0F3A), 4 (3DNow!); VEX/EVEX: mmmmm
    u8 opcode = 0;         ///< 82 is given as its alias 80, here and in `bytes`
    u8 opcode_at = 0;      ///< index of the opcode byte in `bytes`
    bool has_modrm = false;
    u8 modrm = 0, sib = 0;
    u8 disp_at = 0;        ///< index of the first displacement (or moffs) byte (== length when none)
    u8 disp_size = 0;      ///< encoded bytes of the displacement, before EVEX disp8*N scaling
    u8 imm_at = 0;         ///< index of the first immediate byte (== length when none)
    u8 imm_size = 0;       ///< total bytes of immediates (length - imm_at)
    bool imm_signed = false;  ///< the immediate is extended by its sign
    i64 imm = 0;           ///< first immediate, sign-extended where the instruction says so; branch: displacement
    u32 imm2 = 0;          ///< second immediate (enter, far pointers' selector, extrq)

    // Prefixes as decoded.
    bool lock = false, repe = false, repne = false;  ///< F3 / F2 seen (also as mandatory prefix)
    bool prefix66 = false, prefix67 = false;
    u8 mandatory_prefix = 0;  ///< 66, F2 or F3 when it selects the legacy instruction (F3 of a string instruction: see repe), else 0
    bool host66 = false;      ///< the 64-bit mode encoding needs prefix 66: mandatory, or the operand size is 16 in any mode
    bool host_w0 = false;     ///< VEX/EVEX.W is set but outside of 64-bit mode does not widen general registers: encode it as 0
    u8 segment_override = kNoSegment;  ///< the one in force; in 64-bit mode FS or GS only
    u8 rex = 0;            ///< the REX byte that is in force, or 0

    // Operands.
    u8 reg_field = 0;      ///< full number (0-31) in ModRM.reg with REX/VEX/EVEX extension, whatever the register class
    u8 rm_field = 0;       ///< full number in ModRM.rm, when mod = 3
    u8 vvvv_field = 0;     ///< full number in VEX/EVEX.vvvv
    u8 opcode_field = 0;   ///< register number in the opcode byte with REX.B
    u8 gpr_fields = 0;     ///< GprField mask: explicit fields that are general registers
    u8 gpr_read = 0;       ///< GprField mask: those of them that are read
    u8 gpr_written = 0;    ///< GprField mask: those that are written
    u16 implicit_read = 0;     ///< bit n: general register n is an implicit (hidden) input
    u16 implicit_written = 0;  ///< bit n: general register n is an implicit output
    u8 mask_register = 0;      ///< EVEX.aaa: k1-k7, or 0 for no mask
    bool mask_zeroing = false; ///< EVEX.z: masked-off elements become zero
    u16 vector_bits = 0;       ///< VEX/EVEX vector length: 128, 256, 512; 0 for others
    bool high_byte = false;    ///< AH, CH, DH or BH is an explicit operand: the instruction cannot have a REX byte
    u8 high_fields = 0;        ///< GprField mask: the fields that are AH..BH (values 4-7; in `movzx esi, bh` rm only)
    bool has_mem = false;      ///< `mem` is meaningful and accessed (LEA, PREFETCH: address only, mem.access none)
    MemOperand mem;

    // Flags, as kFlag* bits. Undefined ones count as written for liveness.
    u16 flags_read = 0;
    u16 flags_written = 0;   ///< always written or left undefined: earlier values of these are dead afterwards
    u16 flags_maybe_written = 0;  ///< written on some executions only (shift by CL, REP CMPS/SCAS): earlier values stay live
    u16 flags_undefined = 0;
    u8 cpu_feature = 0;      ///< value of Feature (cpu/state/features.h)
    bool requires_vl = false;  ///< EVEX with 128 or 256 bits: Feature::kAvx512Vl is needed too

    bool uses_fpu = false;     ///< x87/MMX: checks CR0.EM/TS (#NM)
    bool uses_sse = false;     ///< SSE: CR0.EM/TS, CR4.OSFXSR
    bool uses_avx = false;     ///< VEX/EVEX vector: CR0.TS, CR4.OSXSAVE, XCR0
    bool uses_avx512 = false;  ///< EVEX or opmask
    bool is_fwait = false;     ///< FWAIT: #NM when CR0.TS and CR0.MP are both set, whatever CR0.EM (uses_fpu is false)

    unsigned mod() const { return modrm >> 6; }
    u64 next_rip() const { return rip + length; }
    bool is64() const { return mode_bits == 64; }
    bool operator==(const Insn&) const = default;
};

}  // namespace twin86
