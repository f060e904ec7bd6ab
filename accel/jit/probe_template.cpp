#include "accel/jit/probe_template.h"

#include <asmjit/x86.h>

#include <cstring>

#include "base/check.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

/// A field of the TLB entry whose byte offset in the table is r10 << shift.
x86::Mem tlb_field(u8 view, std::size_t entry_field, unsigned shift) {
    return x86::Mem(x86::rsp, x86::r10, shift,
                    static_cast<i32>(offsetof(JitFrame, tlb) + view * sizeof(TlbTable) + entry_field), 8);
}

x86::Mem frame_field(std::size_t offset) { return x86::Mem(x86::rsp, static_cast<i32>(offset), 8); }

/// Stands for constants that are patched, so that the assembler chooses their 32-bit form.
constexpr i32 kPlaceholder = 0x7fff;

/// rbp: linear -> host address. r10 and flags are clobbered; on a miss rbp holds the offset from the wrong page.
void assemble_dead(x86::Assembler& a, u8 view, std::size_t tag, ProbeTemplate& t) {
    const Label miss = a.newLabel();
    a.rorx(x86::r10, x86::rbp, 7);
    a.and_(x86::r10d, (kTlbEntries - 1) * static_cast<u32>(sizeof(TlbEntry)));
    a.add(x86::rbp, tlb_field(view, tag, 0));
    a.cmp(x86::rbp, kPlaceholder);
    t.size_at = static_cast<u8>(a.offset() - 4);
    a.long_().ja(miss);
    t.miss_at = static_cast<u8>(a.offset() - 4);
    a.add(x86::rbp, tlb_field(view, offsetof(TlbEntry, host), 0));
    a.bind(miss);
}

/// The same without touching flags: pext and lea for arithmetic, jrcxz for the decision. rbp is intact on a miss.
void assemble_live(x86::Assembler& a, u8 view, std::size_t tag, ProbeTemplate& t) {
    const Label hit = a.newLabel(), miss = a.newLabel();
    a.mov(frame_field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.pext(x86::r10, x86::rbp, frame_field(offsetof(JitFrame, tlb_index_mask)));
    a.lea(x86::r10, x86::ptr(0, x86::r10, 2));
    a.mov(x86::rcx, tlb_field(view, tag, 3));
    a.lea(x86::rcx, x86::ptr(x86::rcx, x86::rbp, 0, kPlaceholder));
    t.size_at = static_cast<u8>(a.offset() - 4);
    a.pext(x86::rcx, x86::rcx, frame_field(offsetof(JitFrame, page_number_mask)));
    a.jecxz(x86::rcx, hit);
    a.long_().jmp(miss);
    t.miss_at = static_cast<u8>(a.offset() - 4);
    a.bind(hit);
    a.mov(x86::rcx, frame_field(offsetof(JitFrame, save_rcx)));
    a.mov(x86::r10, tlb_field(view, offsetof(TlbEntry, delta), 3));
    a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
    a.bind(miss);
}

ProbeTemplate assemble(u8 view, bool write, bool live) {
    ProbeTemplate t;
    t.live = live;
    const std::size_t tag = write ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag);
    CodeHolder code;
    code.init(Environment::host());
    x86::Assembler a(&code);
    if (live) assemble_live(a, view, tag, t);
    else assemble_dead(a, view, tag, t);
    const std::size_t end = a.offset();
    if (live) a.mov(x86::rcx, frame_field(offsetof(JitFrame, save_rcx)));
    else a.sub(x86::rbp, tlb_field(view, tag, 0));
    const CodeBuffer& bytes = code.textSection()->buffer();
    CHECK(end <= sizeof t.bytes && bytes.size() - end <= sizeof t.undo);
    std::memcpy(t.bytes, bytes.data(), end);
    t.length = static_cast<u8>(end);
    std::memcpy(t.undo, bytes.data() + end, bytes.size() - end);
    t.undo_length = static_cast<u8>(bytes.size() - end);
    return t;
}

}  // namespace

ProbeTemplates::ProbeTemplates() {
    for (u8 view = 0; view < kViews; ++view)
        for (const bool write : {false, true})
            for (const bool live : {false, true}) templates_[view][write][live] = assemble(view, write, live);
}

}  // namespace twin86::jit
