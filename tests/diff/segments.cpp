#include "tests/diff/segments.h"

#include <asm/ldt.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace twin86::diff {

namespace {

constexpr u16 kAccessedData = 0x93, kAccessedReadOnly = 0x91, kAccessedDown = 0x97, kAccessedCode = 0x9b;
constexpr u16 kBig = 0x4000, kPages = 0x8000, kPresent = 0x80, kUserLevel = 0x60;
constexpr u16 kUserDataSelector = 0x2b;  // Linux's __USER_DS

struct Shape {
    u32 base, limit;  ///< the limit as the descriptor has it: in bytes or pages
    u16 attributes;   ///< bits 40-55 of a descriptor, SDM vol. 3, figure 3-8; DPL aside
};

constexpr u32 kData = static_cast<u32>(kDataBase);
constexpr Shape code_shape(u32 bits, CodeView v) {
    if (bits == 16) return {static_cast<u32>(kCodeBase + code_shift(v)), 0xffff, kAccessedCode};
    return {static_cast<u32>(code_shift(v)), 0x2ffff, kAccessedCode | kBig | kPages};  // with a limit even base 0 is no flat segment
}

constexpr Shape kShapes[kLdtEnd - kLdtFirst] = {
    {static_cast<u32>(kCodeBase), 0xffff, kAccessedCode},
    {kData - 0x1000, 0xffff, kAccessedData},
    {kData - 0x2345, 0xffff, kAccessedData},
    {kData - 0x800, 0x800 + kWritableSize - 0x403, kAccessedData},
    {kData - 0x1000, 0x17ff, kAccessedDown},
    {kData - 0x8000, 0xfffff, kAccessedData | kBig | kPages},
    {kData - 0x1000, 1, kAccessedDown | kBig | kPages},
    {kData - 0x1000, 0xffff, kAccessedReadOnly},
    {kData - 0x1000, 0xfffff, kAccessedData | kPages},
    {static_cast<u32>(kCodeBase), 0xffff, kAccessedCode | kBig},
    {static_cast<u32>(kCodeBase), 0xffff, kAccessedCode & ~2},
    {kData - 0x1000, 0xffff, kAccessedData & ~kPresent},
    {static_cast<u32>(kCodeBase), 0xffff, kAccessedCode & ~kPresent},
    code_shape(16, kCodeNext),
    code_shape(16, kCodePage),
    code_shape(16, kCodeAlias),
    code_shape(32, kCodeHere),
    code_shape(32, kCodeNext),
    code_shape(32, kCodePage),
    code_shape(32, kCodeAlias),
};

const Shape& shape(SegmentNumber number) { return kShapes[number - kLdtFirst]; }

bool write_entry(unsigned entry, const Shape& s) {
    user_desc d;
    std::memset(&d, 0, sizeof d);
    d.entry_number = entry, d.base_addr = s.base, d.limit = s.limit;
    d.seg_32bit = (s.attributes & kBig) != 0, d.limit_in_pages = (s.attributes & kPages) != 0;
    d.contents = s.attributes >> 2 & 3;  // expand-down, code
    d.read_exec_only = (s.attributes & 2) == 0;
    d.seg_not_present = (s.attributes & kPresent) == 0;
    constexpr int kWriteEntry = 0x11;
    return syscall(SYS_modify_ldt, kWriteEntry, &d, sizeof d) == 0;
}

}  // namespace

bool host_has_ldt() {
    static const bool has = write_entry(0, kShapes[0]);
    return has;
}

void install_ldt() {
    for (unsigned n = 0; n < std::size(kShapes); ++n) CHECK(write_entry(n, kShapes[n]));
}

u16 native_selector(SegmentNumber number) {
    if (number == kFlatSegment) return kUserDataSelector;
    if (number == kNullSegment) return 0;
    return static_cast<u16>((number - kLdtFirst) << 3 | 7);
}

u64 guest_descriptor(SegmentNumber number) {
    const Shape& s = shape(number);
    const u64 attributes = s.attributes | kUserLevel;
    return (s.limit & 0xffff) | u64{s.base & 0xffffff} << 16 | attributes << 40 | u64{s.limit >> 16} << 48 | u64{s.base >> 24} << 56;
}

u32 segment_limit(SegmentNumber number) {
    if (number < kLdtFirst) return number == kFlatSegment ? ~u32{0} : 0;
    const Shape& s = shape(number);
    return s.attributes & kPages ? s.limit << 12 | 0xfff : s.limit;
}

Segment guest_segment(SegmentNumber number, bool user) {
    const u16 level = user ? kUserLevel : 0;
    if (number == kNullSegment) return {0, 0, 0, level};
    if (number == kFlatSegment) return {0, ~u32{0}, kUserDataSelector, static_cast<u16>(kAccessedData | kBig | kPages | level)};
    const Shape& s = shape(number);
    return {s.base, segment_limit(number), native_selector(number), static_cast<u16>(s.attributes | level)};
}

Gva segment_base(const MachineState& s, u32 bits, unsigned segment) {
    if (bits == 64) return segment == kFs ? s.fs_base : segment == kGs ? s.gs_base : 0;
    const auto number = static_cast<SegmentNumber>(s.segment[segment]);
    return number < kLdtFirst ? 0 : shape(number).base;
}

SegmentNumber code_segment(u32 bits, CodeView view) {
    if (bits == 16) return view == kCodeHere ? kCode16 : static_cast<SegmentNumber>(kCode16Next + view - kCodeNext);
    return static_cast<SegmentNumber>(kCode32Here + view);
}

bool is_big(SegmentNumber number) { return number == kFlatSegment || (number >= kLdtFirst && (shape(number).attributes & kBig) != 0); }

}  // namespace twin86::diff
