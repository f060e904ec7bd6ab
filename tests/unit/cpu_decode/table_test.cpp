// The instruction table as a whole, over all encodings.
#include <catch2/catch.hpp>

#include <Zydis/Zydis.h>

#include <cstring>
#include <map>
#include <set>
#include <string>

#include "cpu/decode/disassemble.h"
#include "cpu/decode/isa_features.h"
#include "cpu/decode/offered.h"
#include "cpu/decode/table.h"
#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

namespace {

std::string mnemonic_name(u16 mnemonic) { return ZydisMnemonicGetString(static_cast<ZydisMnemonic>(mnemonic)); }

void visit_all(const EncodingVisitor& visit) {
    visit_legacy_encodings(visit);
    visit_vector_encodings(visit);
}

bool is_copied(InsnClass klass) { return klass == InsnClass::kCopy || klass == InsnClass::kRewriteMem; }

/// Instructions that would read or change host state, or leave the translator's control, if they were copied.
const std::set<std::string> kNeverCopied = {
    "cpuid", "rdtsc", "rdtscp", "rdpid", "rdpru", "rdpmc", "xgetbv", "xsetbv", "sgdt", "sidt", "sldt", "str", "smsw",
    "lmsw", "lgdt", "lidt", "lldt", "ltr", "lar", "lsl", "verr", "verw", "arpl", "rdfsbase", "rdgsbase", "wrfsbase",
    "wrgsbase", "rdpkru", "wrpkru", "pushf", "pushfd", "pushfq", "popf", "popfd", "popfq", "int", "int1", "int3",
    "into", "bound", "syscall", "sysret", "sysenter", "sysexit", "xbegin", "xend", "xabort", "xtest", "monitor",
    "mwait", "monitorx", "mwaitx", "umonitor", "umwait", "tpause", "enqcmd", "enqcmds", "rdsspd", "rdsspq", "incsspd",
    "incsspq", "saveprevssp", "rstorssp", "wrssd", "wrssq", "wrussd", "wrussq", "setssbsy", "clrssbsy", "vmcall",
    "vmmcall", "vmfunc", "vmlaunch", "vmrun", "vmload", "vmsave", "clui", "stui", "testui", "senduipi", "uiret",
    "ptwrite", "movdir64b", "in", "out", "insb", "insw", "insd", "outsb", "outsw", "outsd", "cli", "sti", "cld", "std",
    "stac", "clac", "clts", "hlt", "invd", "wbinvd", "invlpg", "invpcid", "swapgs", "rdmsr", "wrmsr", "rsm", "lds",
    "les", "lfs", "lgs", "lss", "push", "pop", "pusha", "pushad", "popa", "popad", "enter", "leave", "call", "ret",
    "jmp", "loop", "loope", "loopne", "jcxz", "jecxz", "jrcxz", "iret", "iretd", "iretq", "xsave", "xsave64",
    "xsaveopt", "xsaveopt64", "xsavec", "xsavec64", "xsaves", "xsaves64", "xrstor", "xrstor64", "xrstors", "xrstors64",
    "fxsave", "fxsave64", "fxrstor", "fxrstor64", "fnsave", "frstor", "fnstenv", "fldenv", "lea", "xlat", "movsb",
    "movsw", "movsq", "stosb", "stosw", "stosd", "stosq", "lodsb", "lodsw", "lodsd", "lodsq", "scasb", "scasw", "scasd",
    "scasq", "cmpsb", "cmpsw", "cmpsq", "maskmovq", "maskmovdqu", "vmaskmovdqu", "clzero", "getsec", "encls", "enclu",
    "enclv", "hreset", "pconfig", "ldtilecfg", "tilerelease", "skinit", "stgi", "clgi", "bndmov", "bndstx", "llwpcb",
    "mcommit", "invlpgb", "tlbsync", "psmash", "pvalidate", "aaa", "aas", "aad", "aam", "daa", "das", "salc"};

/// The form's bytes as 64-bit code with operand [rax] instead of the memory operand, as an emitter would write it.
std::vector<u8> as_64bit_code(const Insn& insn) {
    std::vector<u8> bytes;
    if (insn.encoding == Encoding::kLegacy) {
        if (insn.lock) bytes.push_back(0xf0);
        if (insn.host66) bytes.push_back(0x66);
        if (insn.mandatory_prefix && insn.mandatory_prefix != 0x66) bytes.push_back(insn.mandatory_prefix);
        if (insn.map >= 1) bytes.push_back(0x0f);
        if (insn.map == 2) bytes.push_back(0x38);
        if (insn.map == 3) bytes.push_back(0x3a);
    } else {
        for (unsigned i = insn.encoding == Encoding::kVex && insn.bytes[insn.opcode_at - 2] == 0xc5 ? insn.opcode_at - 2
                     : insn.encoding == Encoding::kVex                                           ? insn.opcode_at - 3
                                                                                                  : insn.opcode_at - 4;
             i < insn.opcode_at; i++)
            bytes.push_back(insn.bytes[i]);
    }
    bytes.push_back(insn.opcode);
    if (insn.has_modrm) bytes.push_back(insn.has_mem ? insn.modrm & 0x38 : insn.modrm);
    for (unsigned i = insn.imm_at; i < insn.length; i++) bytes.push_back(insn.bytes[i]);
    return bytes;
}

}  // namespace

TEST_CASE("every row is reached by some encoding, and its fields are sound") {
    std::set<u16> seen;
    visit_all([&](std::span<const u8> bytes, unsigned mode_bits) {
        Insn insn;
        if (amd_decoder().decode(bytes, 0, mode_bits, insn) != DecodeStatus::kOk) return;
        seen.insert(insn.mnemonic);
        const auto require = [&](bool condition, const char* what) {
            if (condition) return;
            FAIL(what << ": " << format(insn) << " in mode " << mode_bits);
        };
        require(insn.cpu_feature != static_cast<u8>(Feature::kNone), "feature");
        require(is_copied(insn.klass) == (insn.op == Op::kNone), "copied forms have no op, others have one");
        require(is_copied(insn.klass) || class_of_op(insn.op) == insn.klass, "class of the op");
        require(insn.klass != InsnClass::kCopy || !insn.has_mem, "Copy has no memory operand");
        require((insn.gpr_read & ~insn.gpr_fields) == 0 && (insn.gpr_written & ~insn.gpr_fields) == 0, "gpr masks");
        require((insn.flags_written & insn.flags_maybe_written) == 0, "written or maybe written");
        require((insn.flags_undefined & ~(insn.flags_written | insn.flags_maybe_written)) == 0, "undefined is written");
        require(insn.imm_at + insn.imm_size == insn.length, "immediate");
        if (insn.klass == InsnClass::kRewriteMem) {
            require(insn.mem.size >= 1 && insn.mem.size <= 64, "memory size");
            require(insn.mem.access != kAccessNone, "memory access");
            require(insn.mem.element_size >= 1 && insn.mem.element_size <= insn.mem.size, "element size");
            require(insn.has_modrm && insn.mod() != 3, "memory operand in ModRM");
            require(!insn.mem.vsib, "VSIB is special");
        }
    });
    for (const Chapter& chapter : InstructionTable::chapters()) {
        INFO(chapter.name);
        for (const u16 mnemonic : chapter.copied) {
            if (!seen.contains(mnemonic)) FAIL_CHECK("no encoding found: " << mnemonic_name(mnemonic));
        }
        for (const Row& row : chapter.rows) {
            if (!seen.contains(row.mnemonic)) FAIL_CHECK("no encoding found: " << mnemonic_name(row.mnemonic));
        }
    }
}

TEST_CASE("instructions that show host state are never copied") {
    std::set<std::string> tried;
    visit_all([&](std::span<const u8> bytes, unsigned mode_bits) {
        Insn insn;
        amd_decoder().decode(bytes, 0, mode_bits, insn);
        if (!insn.mnemonic) return;
        const std::string name = mnemonic_name(insn.mnemonic);
        if (!kNeverCopied.contains(name)) return;
        tried.insert(name);
        if (is_copied(insn.klass)) FAIL("copied: " << format(insn));
    });
    CHECK(tried.size() > kNeverCopied.size() * 3 / 4);
    // MOV and the string halves of MOVSD and CMPSD share a mnemonic with copied forms.
    for (const char* hex : {"8e d8", "8c d8", "8e 18", "8c 18", "0f 20 c0", "0f 22 c0", "0f 21 c0", "0f 23 c0",
                            "a1 00 00 00 00 00 00 00 00", "a5", "a7", "0f a0", "0f a1"}) {
        INFO(hex);
        CHECK_FALSE(is_copied(decode(64, hex).klass));
        CHECK(decode(64, hex).klass != InsnClass::kUndefined);
    }
    CHECK(is_copied(decode(64, "f2 0f 10 c1").klass));
    CHECK(is_copied(decode(64, "f2 0f c2 c1 00").klass));
}

TEST_CASE("all instructions of a covered feature have a row") {
    ZydisDecoder plain;
    ZydisDecoderInit(&plain, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (const ZydisDecoderMode mode : {ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_CLDEMOTE})
        ZydisDecoderEnableMode(&plain, mode, false);
    std::set<std::string> missing;
    visit_all([&](std::span<const u8> bytes, unsigned mode_bits) {
        if (mode_bits != 64) return;
        ZydisDecodedInstruction instruction;
        ZydisDecoderContext context;
        if (!ZYAN_SUCCESS(
                ZydisDecoderDecodeInstruction(&plain, &context, bytes.data(), bytes.size(), &instruction)))
            return;
        if (feature_of(instruction) == Feature::kNone) return;
        if (amd_decoder().table().row(instruction.mnemonic).klass == InsnClass::kUndefined)
            missing.insert(mnemonic_name(instruction.mnemonic));
    });
    CHECK(missing == std::set<std::string>{"movdir64b"});  // its own CPUID bit, not offered
}

TEST_CASE("copied forms of 16- and 32-bit mode mean the same when re-encoded for 64-bit mode") {
    unsigned compared = 0;
    visit_legacy_encodings([&](std::span<const u8> bytes, unsigned mode_bits) {
        Insn insn, again;
        if (mode_bits == 64 || amd_decoder().decode(bytes, 0, mode_bits, insn) != DecodeStatus::kOk) return;
        if (!is_copied(insn.klass)) return;
        const std::vector<u8> code = as_64bit_code(insn);
        const DecodeStatus status = amd_decoder().decode(code, 0, 64, again);
        const auto require = [&](bool condition, const char* what) {
            if (condition) return;
            FAIL(what << ": " << format(insn) << " in mode " << mode_bits << " became " << format(again));
        };
        require(status == DecodeStatus::kOk && again.length == code.size(), "decodes");
        require(again.mnemonic == insn.mnemonic && again.klass == insn.klass, "same instruction");
        require(again.mem.size == insn.mem.size && again.mem.access == insn.mem.access, "same memory access");
        require(again.gpr_fields == insn.gpr_fields && again.gpr_read == insn.gpr_read &&
                    again.gpr_written == insn.gpr_written && again.high_byte == insn.high_byte,
                "same registers");
        require(again.implicit_read == insn.implicit_read && again.implicit_written == insn.implicit_written,
                "same implicit registers");
        require(again.imm == insn.imm, "same immediate");
        const bool sized = insn.encoding == Encoding::kLegacy && insn.gpr_fields;
        require(!sized || again.operand_bits == insn.operand_bits, "same operand size");
        compared++;
    });
    CHECK(compared > 100000);
}

TEST_CASE("forms and their ops") {
    struct Case {
        unsigned mode_bits;
        const char* hex;
        InsnClass klass;
        Op op;
    };
    static const Case kCases[] = {
        {64, "ff d0", InsnClass::kSpecial, Op::kCallRm},
        {64, "ff e0", InsnClass::kSpecial, Op::kJmpRm},
        {64, "ff 18", InsnClass::kEndBlock, Op::kFarCall},
        {64, "e8 00 00 00 00", InsnClass::kSpecial, Op::kCallRel},
        {32, "9a 00 00 00 00 00 00", InsnClass::kEndBlock, Op::kFarCall},
        {64, "c3", InsnClass::kSpecial, Op::kRet},
        {64, "c2 08 00", InsnClass::kSpecial, Op::kRetImm},
        {64, "cb", InsnClass::kEndBlock, Op::kFarRet},
        {64, "ca 08 00", InsnClass::kEndBlock, Op::kFarRet},
        {64, "48 cf", InsnClass::kEndBlock, Op::kIret},
        {64, "0f 84 00 00 00 00", InsnClass::kSpecial, Op::kJcc},
        {64, "e3 00", InsnClass::kSpecial, Op::kJcxz},
        {64, "68 00 00 00 00", InsnClass::kSpecial, Op::kPushImm},
        {64, "ff 30", InsnClass::kSpecial, Op::kPushRm},
        {64, "ff f0", InsnClass::kSpecial, Op::kPushRm},
        {64, "8f c0", InsnClass::kSpecial, Op::kPopRm},
        {64, "0f a0", InsnClass::kEndBlock, Op::kPushSeg},
        {32, "06", InsnClass::kEndBlock, Op::kPushSeg},
        {32, "1f", InsnClass::kEndBlock, Op::kPopSeg},
        {32, "40", InsnClass::kSpecial, Op::kIncShort},
        {32, "4f", InsnClass::kSpecial, Op::kDecShort},
        {64, "ff c0", InsnClass::kCopy, Op::kNone},
        {32, "d6", InsnClass::kSpecial, Op::kSalc},
        {64, "0f ab 08", InsnClass::kSpecial, Op::kBtsMem},
        {64, "f0 0f b3 08", InsnClass::kSpecial, Op::kBtrMem},
        {64, "0f ab c8", InsnClass::kCopy, Op::kNone},
        {64, "0f ba 28 05", InsnClass::kRewriteMem, Op::kNone},
        {64, "90", InsnClass::kSpecial, Op::kNop},
        {64, "f3 90", InsnClass::kCopy, Op::kNone},
        {64, "41 90", InsnClass::kCopy, Op::kNone},
        {64, "0f 1f 84 00 00 00 00 00", InsnClass::kSpecial, Op::kNop},
        {64, "f3 0f 1e fa", InsnClass::kSpecial, Op::kNop},
        {64, "f3 48 0f 1e c8", InsnClass::kSpecial, Op::kNop},
        {64, "0f 18 08", InsnClass::kSpecial, Op::kPrefetch},
        {64, "0f 0d 08", InsnClass::kSpecial, Op::kPrefetch},
        {64, "0f 1c 00", InsnClass::kSpecial, Op::kNop},
        {64, "0f 0b", InsnClass::kEndBlock, Op::kUd},
        {64, "0f b9 c0", InsnClass::kEndBlock, Op::kUd},
        {64, "0f c7 f0", InsnClass::kCopy, Op::kNone},
        {64, "66 0f ae 38", InsnClass::kHelper, Op::kClflush},
        {64, "66 0f ae 30", InsnClass::kHelper, Op::kClflush},
        {64, "0f 01 f8", InsnClass::kEndBlock, Op::kSwapgs},
        {64, "fc", InsnClass::kEndBlock, Op::kCld},
        {64, "d9 30", InsnClass::kHelper, Op::kFnstenv},
        {64, "d9 38", InsnClass::kRewriteMem, Op::kNone},
        {64, "f3 48 0f ae c0", InsnClass::kSpecial, Op::kRdfsbase},
        {64, "63 c8", InsnClass::kCopy, Op::kNone},
        {32, "63 c8", InsnClass::kHelper, Op::kArpl},
        {32, "c5 00", InsnClass::kEndBlock, Op::kLoadFarPointer},
        {32, "62 00", InsnClass::kHelper, Op::kBound},
    };
    for (const Case& test : kCases) {
        INFO(test.hex << " in mode " << test.mode_bits);
        const Insn insn = decode(test.mode_bits, test.hex);
        CHECK(insn.length == from_hex(test.hex).size());
        CHECK(std::string(class_name(insn.klass)) == class_name(test.klass));
        CHECK(std::string(op_name(insn.op)) == op_name(test.op));
    }
    CHECK_FALSE(decode(64, "0f 1f 84 00 00 00 00 00").has_mem);
}

TEST_CASE("every op of op.h is named by some encoding") {
    std::set<Op> seen;
    visit_all([&](std::span<const u8> bytes, unsigned mode_bits) {
        Insn insn;
        if (amd_decoder().decode(bytes, 0, mode_bits, insn) == DecodeStatus::kOk) seen.insert(insn.op);
    });
    for (unsigned op = 1; op < static_cast<unsigned>(Op::kCount); op++) {
        if (!seen.contains(static_cast<Op>(op))) FAIL_CHECK(op_name(static_cast<Op>(op)));
    }
}

TEST_CASE("features") {
    struct Case {
        const char* hex;
        Feature feature;
    };
    static const Case kCases[] = {
        {"0f 58 c1", Feature::kSse},           {"66 0f 58 c1", Feature::kSse2},
        {"66 0f 3a 15 c0 01", Feature::kSse41}, {"66 0f c5 c0 01", Feature::kSse2},
        {"c5 f8 58 c1", Feature::kAvx},        {"c5 f5 fc c1", Feature::kAvx2},
        {"c5 f1 fc c1", Feature::kAvx},        {"62 f1 7d 48 fc c1", Feature::kAvx512bw},
        {"c4 e2 f1 b8 c1", Feature::kFma},     {"0f c7 08", Feature::kCx8},
        {"48 0f c7 08", Feature::kCx16},       {"0f 05", Feature::kSyscall},
        {"0f 34", Feature::kSep},              {"9f", Feature::kLahf64},
        {"c4 e2 7d dc c1", Feature::kVaes},    {"c4 e2 79 dc c1", Feature::kAes},
    };
    for (const Case& test : kCases) {
        INFO(test.hex);
        CHECK(feature_info(static_cast<Feature>(decode(64, test.hex).cpu_feature)).name ==
              feature_info(test.feature).name);
    }
    FeatureSet set;
    CHECK(offered(set, decode(64, "01 c8")));
    CHECK_FALSE(offered(set, decode(64, "0f 58 c1")));
    set.set(Feature::kVaes);
    CHECK_FALSE(offered(set, decode(64, "c4 e2 7d dc c1")));
    set.set(Feature::kAvx);
    CHECK(offered(set, decode(64, "c4 e2 7d dc c1")));
    set.set(Feature::kAvx512f);
    CHECK(offered(set, decode(64, "62 f2 7d 48 dc c1")));
    CHECK_FALSE(offered(set, decode(64, "62 f2 7d 28 dc c1")));  // 256 bits: AVX512VL
    set.set(Feature::kAvx512vl);
    CHECK(offered(set, decode(64, "62 f2 7d 28 dc c1")));
}

TEST_CASE("listings") {
    CHECK(format(decode(64, "48 01 d8")) == "add rax, rbx");
    Insn bad;
    status_of(64, "06 00 00", bad);
    CHECK(format(bad).starts_with("(bad)"));
    const std::string listing = disassemble(from_hex("90 e9 fb ff ff ff 06"), 0x1000);
    CHECK(listing.find("nop") != std::string::npos);
    CHECK(listing.find("jmp 0x0000000000001001") != std::string::npos);
    CHECK(listing.find("(bad) 06") != std::string::npos);
}

}  // namespace twin86
