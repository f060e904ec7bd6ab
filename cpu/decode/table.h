// The instruction table: a white list with one row for each mnemonic, found by its number in O(1).
//
// A mnemonic without a row is undefined. A row says how all forms of the mnemonic are translated; where forms differ (MOV
// to a segment, PUSH of a register or of memory, MOVSD the string and the vector instruction ...) it has a resolver.
// The rows stand in table_<chapter>.cpp.
#pragma once

#include <array>
#include <span>

#include "base/types.h"
#include "cpu/decode/insn.h"

namespace twin86 {

/// Special, Helper or EndBlock, by the list that names the op in op.h.
constexpr InsnClass class_of_op(Op op) {
    switch (op) {
#define X(name) case Op::k##name:
        TWIN86_SPECIAL_OPS(X) return InsnClass::kSpecial;
        TWIN86_HELPER_OPS(X) return InsnClass::kHelper;
        TWIN86_END_BLOCK_OPS(X) return InsnClass::kEndBlock;
#undef X
        default: return InsnClass::kUndefined;
    }
}

/// Completes class and op of a form from the fields that the decoder has filled.
using Resolver = void (*)(Insn& insn);

struct Row {
    u16 mnemonic = 0;  ///< ZydisMnemonic
    /// kCopy stands for both copied classes: a form with a memory operand becomes kRewriteMem.
    InsnClass klass = InsnClass::kUndefined;
    Op op = Op::kNone;
    Resolver resolve = nullptr;
};

/// A chapter of the table: forms that are copied as they are, and rows of their own.
struct Chapter {
    const char* name;
    std::span<const u16> copied;
    std::span<const Row> rows;
};

Chapter integer_chapter();
Chapter control_chapter();
Chapter system_chapter();
Chapter x87_chapter();
Chapter sse_chapter();
Chapter avx_chapter();
Chapter avx512_chapter();

class InstructionTable {
  public:
    InstructionTable();

    /// The row of a mnemonic; klass is kUndefined when the table has none.
    const Row& row(u16 mnemonic) const { return rows_[mnemonic]; }
    /// Sets class and op of a decoded instruction.
    void classify(Insn& insn) const;

    static std::array<Chapter, 7> chapters();

  private:
    static constexpr unsigned kMnemonics = 2048;
    std::array<Row, kMnemonics> rows_{};

    void add(const Row& row);
};

/// "RewriteMem" and so on.
const char* class_name(InsnClass klass);
/// "Jcc" and so on.
const char* op_name(Op op);

}  // namespace twin86
