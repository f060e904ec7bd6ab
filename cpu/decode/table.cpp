#include "cpu/decode/table.h"

#include <Zydis/Mnemonic.h>

#include "base/check.h"

namespace twin86 {

std::array<Chapter, 7> InstructionTable::chapters() {
    return {integer_chapter(), control_chapter(), system_chapter(), x87_chapter(),
            sse_chapter(),     avx_chapter(),     avx512_chapter()};
}

InstructionTable::InstructionTable() {
    static_assert(ZYDIS_MNEMONIC_MAX_VALUE < kMnemonics);
    for (const Chapter& chapter : chapters()) {
        for (const u16 mnemonic : chapter.copied) add({mnemonic, InsnClass::kCopy});
        for (const Row& row : chapter.rows) add(row);
    }
}

void InstructionTable::add(const Row& row) {
    CHECK(row.mnemonic != ZYDIS_MNEMONIC_INVALID && row.mnemonic < kMnemonics);
    CHECK(row.klass != InsnClass::kUndefined);
    CHECK(rows_[row.mnemonic].klass == InsnClass::kUndefined);
    rows_[row.mnemonic] = row;
}

void InstructionTable::classify(Insn& insn) const {
    const Row& found = rows_[insn.mnemonic];
    insn.klass = found.klass;
    insn.op = found.op;
    if (found.resolve) found.resolve(insn);
    if (insn.klass == InsnClass::kCopy && insn.has_mem) insn.klass = InsnClass::kRewriteMem;
}

const char* class_name(InsnClass klass) {
    switch (klass) {
        case InsnClass::kUndefined: return "Undefined";
        case InsnClass::kCopy: return "Copy";
        case InsnClass::kRewriteMem: return "RewriteMem";
        case InsnClass::kSpecial: return "Special";
        case InsnClass::kHelper: return "Helper";
        case InsnClass::kEndBlock: return "EndBlock";
    }
    return "?";
}

const char* op_name(Op op) {
    static constexpr const char* kNames[] = {"None",
#define X(name) #name,
                                             TWIN86_SPECIAL_OPS(X) TWIN86_HELPER_OPS(X) TWIN86_END_BLOCK_OPS(X)
#undef X
    };
    return op < Op::kCount ? kNames[static_cast<unsigned>(op)] : "?";
}

}  // namespace twin86
