#include "tests/diff/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cpu/decode/disassemble.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

Item raw(std::initializer_list<unsigned> bytes, Fix fix, u8 fix_at, std::size_t target) {
    Item i;
    for (const unsigned b : bytes) i.bytes[i.length++] = static_cast<u8>(b);
    i.fix = fix, i.fix_at = fix_at, i.target = static_cast<u16>(target);
    return i;
}

std::optional<std::vector<u8>> Program::assemble(Gva at) const {
    std::vector<u64> starts;
    u64 size = 0;
    for (const Item& i : items) {
        starts.push_back(size);
        size += i.length;
    }
    starts.push_back(size);
    std::vector<u8> out;
    for (std::size_t n = 0; n < items.size(); ++n) {
        const Item& i = items[n];
        u8 bytes[16];
        std::memcpy(bytes, i.bytes, sizeof bytes);
        const u64 next = starts[n + 1];
        const i64 distance = i.fix == Fix::kData32 ? static_cast<i64>(i.address - (at + next))
                                                   : static_cast<i64>(starts[i.target]) - static_cast<i64>(next);
        const u32 absolute = static_cast<u32>(at + starts[i.target] - i.address);
        const i32 distance32 = static_cast<i32>(distance);
        if (i.fix == Fix::kBranch8) {
            if (distance != static_cast<i8>(distance)) return std::nullopt;
            bytes[i.fix_at] = static_cast<u8>(distance);
        } else if (i.fix == Fix::kItemAbs32) {
            std::memcpy(bytes + i.fix_at, &absolute, 4);
        } else if (i.fix == Fix::kItemAbs16 || i.fix == Fix::kBranch16) {
            std::memcpy(bytes + i.fix_at, i.fix == Fix::kItemAbs16 ? static_cast<const void*>(&absolute) : &distance32, 2);
        } else if (i.fix != Fix::kNone) {
            std::memcpy(bytes + i.fix_at, &distance32, 4);
        }
        out.insert(out.end(), bytes, bytes + i.length);
    }
    return out;
}

void Program::remove(std::size_t n) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(n));
    for (Item& i : items)
        if (i.target > n) --i.target;
}

bool Case::to_job(Job& job) const {
    auto code = program.assemble(start());
    if (!code) return false;
    code->push_back(0xcc);
    // One instruction may go on behind the code pages, where nothing is.
    if (program.items.size() == 1 && code_offset < kCodeSize) code->resize(std::min<u64>(code->size(), kCodeSize - code_offset));
    if (code->size() > kMaxCode || code_offset + code->size() > kCodeSize) return false;
    std::memcpy(job.code, code->data(), code->size());
    job.code_size = static_cast<u32>(code->size());
    job.code_offset = code_offset;
    job.data_seed = data_seed;
    job.bits = bits;
    job.loads_segments = loads_segments;
    job.in = in;
    return true;
}

std::string Case::describe() const {
    std::string out;
    if (const auto code = program.assemble(start())) out += disassemble(*code, start(), bits);
    static constexpr const char* kNames[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; ++i) out += fmt::format("{}={:#x}{}", kNames[i], in.gpr[i], i % 4 == 3 ? "\n" : " ");
    u32 mxcsr;
    u16 fcw, fsw;
    std::memcpy(&mxcsr, in.xsave + 24, 4), std::memcpy(&fcw, in.xsave, 2), std::memcpy(&fsw, in.xsave + 2, 2);
    out += fmt::format("rflags={:#x} mxcsr={:#x} fcw={:#x} fsw={:#x} fs={:#x} gs={:#x} data seed {}\n", in.rflags, mxcsr, fcw, fsw,
                       in.fs_base, in.gs_base, data_seed);
    static constexpr const char* kSegments[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    for (const unsigned s : {kEs, kSs, kDs, kFs, kGs}) {
        if (bits == 64 || in.segment[s] == kFlatSegment) continue;
        const auto number = static_cast<SegmentNumber>(in.segment[s]);
        const Segment g = guest_segment(number, true);
        out += fmt::format("{}: base {:#x} limit {:#x} attributes {:#x}\n", kSegments[s], g.base, g.limit, g.attributes);
    }
    return out;
}

}  // namespace twin86::diff
