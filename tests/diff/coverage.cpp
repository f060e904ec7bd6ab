#include "tests/diff/coverage.h"

#include <fmt/format.h>

#include <algorithm>

#include "cpu/decode/table.h"

namespace twin86::diff {

void Coverage::add(const Case& c, int vector, const Decoder& decoder) {
    const auto code = c.program.assemble(kCodeBase + c.code_offset);
    if (!code) return;
    Insn insn;
    for (u64 at = 0; at < code->size(); at += insn.length) {
        const std::span<const u8> rest(code->data() + at, std::min<u64>(15, code->size() - at));
        if (decoder.decode(rest, 0, c.bits, insn) != DecodeStatus::kOk) return;
        Count& n = counts_[insn.mnemonic];
        ++n.run;
        if (vector == 3) ++n.completed;
    }
}

std::string Coverage::report(std::initializer_list<const Corpus*> corpora, const Decoder& decoder) const {
    std::set<u16> known;
    for (const Corpus* c : corpora)
        for (const auto& [mnemonic, forms] : c->forms()) known.insert(mnemonic);
    std::string never, faults, absent;
    unsigned covered = 0, absent_count = 0;
    for (const u16 m : known) {
        const auto at = counts_.find(m);
        if (at == counts_.end()) never += " " + Corpus::name(m);
        else if (at->second.completed == 0) faults += " " + Corpus::name(m);
        else ++covered;
    }
    for (u16 m = 1; m < 1800; ++m) {
        if (decoder.table().row(m).klass == InsnClass::kUndefined || known.contains(m) || counts_.contains(m)) continue;
        absent += " " + Corpus::name(m);
        ++absent_count;
    }
    return fmt::format("rows covered: {} of {}\nnever run:{}\nnever without an exception:{}\nrows outside of this runner ({}):{}\n", covered,
                       known.size(), never, faults, absent_count, absent);
}

}  // namespace twin86::diff
