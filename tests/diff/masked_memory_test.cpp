// Masked loads and stores whose operand reaches over an edge of the window: every form whose masks suppress faults,
// with the elements beyond the edge switched off, and with them on, against the host.
#include <cstring>
#include <set>

#include "tests/diff/both_sides.h"
#include "tests/diff/corpus.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::diff {

namespace {

constexpr Gva kEnd = kDataBase + kDataSize, kReadOnly = kDataBase + kWritableSize;

/// Random bytes of the form, decoded; false when its operand cannot be aimed through one register.
bool random_insn(const Corpus& corpus, const Decoder& decoder, const Form& form, Random& r, Insn& insn) {
    u8 bytes[32];
    for (unsigned attempt = 0; attempt < 20; ++attempt) {
        corpus.encode(form, r, bytes);
        if (decoder.decode({bytes, 15}, kCodeBase, 64, insn) != DecodeStatus::kOk || !Corpus::runnable(insn)) continue;
        const MemOperand& m = insn.mem;
        const bool plain =
            m.base != kNoGpr && m.index == kNoGpr && insn.address_bits == 64 && m.segment != kFs && m.segment != kGs;
        if (insn.has_mem && m.suppresses_faults && plain) return true;
    }
    return false;
}

/// How many elements of the operand the memory before the edge holds, for this position.
void set_masks(MachineState& s, const Insn& insn, u64 mask) {
    if (insn.mask_register != 0) return set_mask(s, insn.mask_register, mask);
    u8 control[32] = {};
    for (unsigned n = 0; n < insn.mem.size / insn.mem.element_size; ++n)
        control[(n + 1) * insn.mem.element_size - 1] = mask >> n & 1 ? 0x80 : 0;
    set_vector(s, insn.vvvv_field, control, 32);
}

template <class F>
void for_forms(BothSides& both, Random& r, F f) {
    const Decoder decoder(DecoderOptions{.amd_branches = both.model().is_amd()});
    const Corpus corpus(decoder, both.model().features(), 64);
    for (const auto& [mnemonic, forms] : corpus.forms())
        for (const Form& form : forms) {
            Insn insn;
            if (form.mem && form.encoding != Encoding::kLegacy && random_insn(corpus, decoder, form, r, insn)) f(insn);
        }
}

/// Runs it with the operand `before` bytes in front of `edge`.
std::vector<std::string> run_at(BothSides& both, Random& r, const Insn& insn, Gva edge, unsigned before, u64 mask) {
    MachineState& s = both.job().in;
    random_state(r, s);
    s.xsave[24] = 0x80, s.xsave[25] = 0x1f;  // no floating-point exceptions
    both.job().data_seed = static_cast<u32>(r.next());
    set_masks(s, insn, mask);
    s.gpr[insn.mem.base] = edge - before - static_cast<u64>(insn.mem.disp);
    u8 code[17];
    std::memcpy(code, insn.bytes, insn.length);
    code[insn.length] = 0xcc;
    return both.run(code, insn.length + 1u);
}

std::string describe(const Insn& insn, unsigned before, u64 mask) {
    std::string bytes;
    for (unsigned n = 0; n < insn.length; ++n) bytes += fmt::format("{:02x} ", insn.bytes[n]);
    return fmt::format("{} {}, {} of {} bytes before the edge, mask {:#x}", Corpus::name(insn.mnemonic), bytes, before,
                       insn.mem.size, mask);
}

}  // namespace

TEST_CASE("masked-off elements beyond the end of memory do not fault", "[diff]") {
    BothSides both;
    Random r(11);
    std::set<u16> seen;
    unsigned stores = 0;
    for_forms(both, r, [&](const Insn& insn) {
        const unsigned size = insn.mem.size, element = insn.mem.element_size;
        if (size <= element || insn.mem.aligned) return;
        seen.insert(insn.mnemonic);
        const bool store = insn.mem.access & kAccessWrite;
        stores += store;
        for (unsigned repeat = 0; repeat < 4; ++repeat) {
            // Whole elements before the edge, and for the last repeats all of the mask at random: faults agree, too.
            const auto whole = static_cast<unsigned>(1 + r.below(size / element - 1));
            u64 mask = r.next() & ((u64{1} << whole) - 1);
            if (repeat >= 2) mask = r.next();
            const Gva edge = store && r.chance(500) ? kReadOnly : kEnd;
            const auto differences = run_at(both, r, insn, edge, whole * element, mask);
            INFO(describe(insn, whole * element, mask) << joined(differences));
            CHECK(differences.empty());
        }
    });
    CHECK(seen.size() >= 4);
    CHECK(stores > 0);
}

TEST_CASE("a masked store with an empty mask to a read-only page does nothing", "[diff]") {
    BothSides both;
    Random r(12);
    unsigned stores = 0;
    for_forms(both, r, [&](const Insn& insn) {
        if (!(insn.mem.access & kAccessWrite) || insn.mask_register == 0) return;
        ++stores;
        for (const Gva edge : {kReadOnly, kEnd}) {
            const auto differences = run_at(both, r, insn, edge, insn.mem.aligned ? 0 : insn.mem.element_size, 0);
            INFO(describe(insn, insn.mem.element_size, 0) << joined(differences));
            CHECK(differences.empty());
            CHECK(both.guest().vector == kVectorBP);
        }
    });
    CHECK((stores > 0 || !both.model().has(Feature::kAvx512f)));
}

}  // namespace twin86::diff
