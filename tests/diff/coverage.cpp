#include "tests/diff/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string_view>

#include "cpu/decode/table.h"

namespace twin86::diff {

namespace {

constexpr u16 kMnemonics = 1800;  ///< more than Zydis has

std::string listing_line(const Insn& insn) {
    std::string line = fmt::format("block ({}-bit\n  {:016x} ", insn.mode_bits, insn.rip);
    for (unsigned i = 0; i < insn.length; ++i) line += fmt::format("{:02x}", insn.bytes[i]);
    return line + "\n";
}

}  // namespace

bool Coverage::write_listing(const std::string& path) const {
    std::ofstream file(path);
    for (const auto& [mnemonic, n] : counts_) file << n.sample;
    return file.good();
}

void Coverage::add(const Case& c, int vector, const Decoder& decoder) {
    const auto code = c.program.assemble(kCodeBase + c.code_offset);
    if (!code) return;
    Insn insn;
    for (u64 at = 0; at < code->size(); at += insn.length) {
        const std::span<const u8> rest(code->data() + at, std::min<u64>(15, code->size() - at));
        if (decoder.decode(rest, 0, c.bits, insn) != DecodeStatus::kOk) return;
        Count& n = counts_[insn.mnemonic];
        if (n.run++ == 0) n.sample = listing_line(insn);
        count_forms(insn);
        if (vector == 3) ++n.completed;
    }
}

void Coverage::count_forms(const Insn& insn) { forms_.insert({insn.mnemonic, insn.has_mem, insn.vector_bits}); }

bool Coverage::add_listing(const std::string& path, const Decoder& decoder) {
    std::ifstream file(path);
    if (!file) return false;
    unsigned bits = 64;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("block ")) {
            const std::size_t at = line.find("-bit");
            if (at != line.npos && at >= 2) bits = static_cast<unsigned>(std::strtoul(line.c_str() + at - 2, nullptr, 10));
            continue;
        }
        // Two blanks, the address in 16 digits, a blank, the bytes.
        if (line.size() < 21 || !line.starts_with("  ") || line[18] != ' ' || line[2] == ' ') continue;
        std::vector<u8> bytes;
        for (std::size_t at = 19; at + 1 < line.size() && line[at] != ' '; at += 2)
            bytes.push_back(static_cast<u8>(std::strtoul(line.substr(at, 2).c_str(), nullptr, 16)));
        Insn insn;
        if (!bytes.empty() && decoder.decode(bytes, 0, bits, insn) == DecodeStatus::kOk) listed_.insert(insn.mnemonic);
    }
    return true;
}

namespace {

/// How many rows of the table each class has. Rows of class Copy become RewriteMem with a memory operand.
std::string rows_by_class(const InstructionTable& table) {
    std::map<std::string_view, unsigned> counts;
    for (u16 m = 1; m < kMnemonics; ++m)
        if (const InsnClass c = table.row(m).klass; c != InsnClass::kUndefined) ++counts[class_name(c)];
    std::string text;
    for (const auto& [name, count] : counts) text += fmt::format(" {} {}", name, count);
    return text;
}

}  // namespace

std::string Coverage::report(std::initializer_list<const Corpus*> corpora, const Decoder& decoder) const {
    std::set<u16> known;
    for (const Corpus* c : corpora)
        for (const auto& [mnemonic, forms] : c->forms()) known.insert(mnemonic);
    std::string never, faults, absent, lacking;
    unsigned covered = 0, absent_count = 0, lacking_count = 0;
    for (const u16 m : known) {
        const auto at = counts_.find(m);
        if (at == counts_.end() && listed_.contains(m)) ++covered;
        else if (at == counts_.end()) never += " " + Corpus::name(m);
        else if (at->second.completed == 0) faults += " " + Corpus::name(m);
        else ++covered;
    }
    for (u16 m = 1; m < kMnemonics; ++m) {
        if (decoder.table().row(m).klass == InsnClass::kUndefined || known.contains(m) || counts_.contains(m)) continue;
        if (listed_.contains(m)) continue;
        const bool host_lacks = std::any_of(corpora.begin(), corpora.end(), [m](const Corpus* c) { return c->not_offered().contains(m); });
        (host_lacks ? lacking : absent) += " " + Corpus::name(m);
        ++(host_lacks ? lacking_count : absent_count);
    }
    return fmt::format("rows by class:{}\nrows covered: {} of {}, in {} forms (mnemonic, memory, vector length)\nnever run:{}\nnever without an exception:{}\n"
                       "rows of listings: {}\nrows that nothing ran ({}):{}\n"
                       "rows that this host does not offer ({}):{}\n",
                       rows_by_class(decoder.table()), covered, known.size(), forms_.size(), never, faults, listed_.size(), absent_count, absent, lacking_count, lacking);
}

}  // namespace twin86::diff
