#include "accel/jit/page_link.h"

#include <asmjit/x86.h>

#include <cstring>

#include "accel/jit/frame.h"
#include "base/check.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

x86::Mem field(std::size_t offset) { return x86::ptr(x86::rsp, static_cast<i32>(offset), 8); }

/// All of it but the distance, in whose place it has four bytes.
struct Template {
    u8 bytes[PageLink::kLength];
    u8 distance_at;

    Template() {
        CodeHolder code;
        code.init(Environment::host());
        x86::Assembler a(&code);
        const Label miss = a.newLabel();
        a.mov(x86::rbp, field(offsetof(JitFrame, page_va)));
        a.mov(x86::r10, field(offsetof(JitFrame, jump_table)));
        a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
        constexpr u8 kLeaRbp[] = {0x48, 0x8d, 0xad};
        a.embed(kLeaRbp, sizeof kLeaRbp);
        distance_at = static_cast<u8>(a.offset());
        a.embedUInt32(0);
        a.long_().mov(x86::rcx, x86::ptr(x86::r10, PageLink::place(CodePages::kNone)));
        CHECK(a.offset() == PageLink::kPlaceAt + sizeof(i32), "place at {}", a.offset());
        a.lea(x86::rcx, x86::ptr(x86::rcx, x86::rbp));
        a.loop(x86::rcx, miss);  // unless that was 1
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
        a.mov(field(offsetof(JitFrame, page_va)), x86::rbp);
        a.embedUInt8(0xe9);
        CHECK(a.offset() == PageLink::kJumpAt, "jump at {}", a.offset());
        a.embedUInt32(0);
        a.bind(miss);
        a.embedUInt8(0xe9);
        CHECK(a.offset() == PageLink::kMissAt, "miss at {}", a.offset());
        a.embedUInt32(0);
        std::memcpy(bytes, code.textSection()->buffer().data(), sizeof bytes);
    }
};

}  // namespace

PageLink::PageLink(u64 page_distance) {
    static const Template made;
    const i32 distance = static_cast<i32>(page_distance);
    std::memcpy(bytes, made.bytes, sizeof bytes);
    std::memcpy(bytes + made.distance_at, &distance, sizeof distance);
}

i32 PageLink::place(u16 number) {
    return static_cast<i32>(offsetof(JumpTable, less_place) + number * sizeof(JumpTable::less_place[0]));
}

}  // namespace twin86::jit
