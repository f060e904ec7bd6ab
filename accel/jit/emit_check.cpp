// Code in restless pages (restless_code.h): a block compares the bytes that it was made from, eight at a time, before it runs.
// Nothing between that and its end can change them: it ends behind the first instruction that writes memory. Immediates
// that change all the time are no part of it: they are loaded from the code.
#include <algorithm>
#include <bit>

#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr i64 kWordSize = sizeof(u64);

/// Eight bytes of guest memory, those of them that count, and what they were.
struct Word {
    const u8* at;
    u64 mask = 0, expected = 0;
};

/// The part of a block in one page, from `host`, which lies `offset` into the page. `counts`: of its bytes.
void add_words(std::vector<Word>& words, const u8* host, i64 offset, std::span<const u8> bytes, std::span<const u8> counts) {
    const i64 size = static_cast<i64>(bytes.size()), last = static_cast<i64>(kPageSize) - kWordSize - offset;
    for (i64 from = 0; from < size; from += kWordSize) {
        const i64 start = std::min(from, last);  // within the page
        Word w{host + start};
        for (i64 n = from; n < std::min(from + kWordSize, size); ++n) {
            w.mask |= u64{counts[n]} << (n - start) * 8;
            w.expected |= u64(bytes[n] & counts[n]) << (n - start) * 8;
        }
        if (w.mask != 0) words.push_back(w);
    }
}

/// What pext makes of `value`.
u64 extract(u64 value, u64 mask) {
    u64 out = 0;
    for (unsigned to = 0; mask != 0; mask &= mask - 1, ++to) out |= (value >> std::countr_zero(mask) & 1) << to;
    return out;
}

}  // namespace

/// Whether the instruction is a move of an immediate that is loaded instead.
bool BlockBuilder::varies(const Insn& insn) const {
    return block_.checked != nullptr && block_.checked->second == nullptr && moves_immediate(insn) &&
           context_.varies(context_.self, block_.key.physical + offset_in_block(insn));
}

/// Register = immediate, from where it stands in the code now.
void BlockBuilder::emit_varying_move(const Insn& insn) {
    load_constant(kHostAddress, reinterpret_cast<u64>(block_.checked->first + offset_in_block(insn) + insn.imm_at));
    if (insn.operand_bits != 64) a.mov(x86::ebp, x86::dword_ptr(x86::rbp));
    else if (insn.imm_size == 4) a.movsxd(x86::rbp, x86::dword_ptr(x86::rbp));
    else a.mov(x86::rbp, x86::qword_ptr(x86::rbp));
    write_gpr_sized((insn.opcode & 0xf8) == 0xb8 ? insn.opcode_field : insn.rm_field, kHostAddress, insn.operand_bits);
    delta_kept_ = true;
}

/// Leaves for the run loop, which makes the block anew, when the code is no longer what the block was made from.
void BlockBuilder::check_bytes(std::span<const Insn> insns) {
    const CheckedBytes& b = *block_.checked;
    std::vector<u8> counts(b.bytes.size(), 0xff);
    for (const Insn& i : insns)
        if (varies(i)) std::fill_n(counts.begin() + offset_in_block(i) + i.imm_at, i.imm_size, u8{0});
    const std::size_t in_first = std::min<std::size_t>(b.bytes.size(), kPageSize - block_.page_offset());
    const std::span<const u8> bytes(b.bytes), all(counts);
    std::vector<Word> words;
    add_words(words, b.first, block_.page_offset(), bytes.first(in_first), all.first(in_first));
    add_words(words, b.second, 0, bytes.subspan(in_first), all.subspan(in_first));
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    const Label changed = a.newLabel();
    for (std::size_t n = 0; n < words.size(); n += 2) {
        const Label miss = a.newLabel(), over = a.newLabel();
        for (std::size_t m = n; m < std::min(n + 2, words.size()); ++m) compare_word(words[m].at, words[m].mask, words[m].expected, miss);
        a.short_().jmp(over);
        a.bind(miss);  // as far as LOOP reaches
        a.long_().jmp(changed);
        a.bind(over);
    }
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    cold();
    point(0);
    a.bind(changed);
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    leave(context_.thunks.exit_stale, &block_);
    hot();
}

/// To `miss` unless the bytes in the mask are the expected ones. Flags stay.
void BlockBuilder::compare_word(const u8* at, u64 mask, u64 expected, const Label& miss) {
    a.mov(x86::rcx, imm(reinterpret_cast<u64>(at)));
    a.mov(x86::rbp, x86::ptr(x86::rcx));
    if (mask != ~u64{0}) {
        a.mov(x86::r10, imm(mask));
        a.pext(x86::rbp, x86::rbp, x86::r10);
        expected = extract(expected, mask);
    }
    a.mov(x86::rcx, imm(1 - expected));
    a.lea(x86::rcx, x86::ptr(x86::rcx, x86::rbp));
    a.loop(x86::rcx, miss);  // unless that was 1
}

}  // namespace twin86::jit
