// Notation of the table_<chapter>.cpp files.
#pragma once

#include <Zydis/Mnemonic.h>

#include "cpu/decode/table.h"

namespace twin86 {

/// A mnemonic whose forms are all translated by one op.
#define OP_ROW(mnemonic, op_name) {ZYDIS_MNEMONIC_##mnemonic, class_of_op(Op::k##op_name), Op::k##op_name}
/// A mnemonic whose forms differ; copied unless `resolver` says otherwise.
#define FORMS_ROW(mnemonic, resolver) {ZYDIS_MNEMONIC_##mnemonic, InsnClass::kCopy, Op::kNone, resolver}
/// An element of a list of copied mnemonics, for X-macro lists.
#define MNEMONIC(mnemonic) ZYDIS_MNEMONIC_##mnemonic,

inline void set_op(Insn& insn, Op op) {
    insn.op = op;
    insn.klass = class_of_op(op);
}

inline void set_undefined(Insn& insn) {
    insn.op = Op::kNone;
    insn.klass = InsnClass::kUndefined;
}

}  // namespace twin86
