// SDM vol. 2: VGATHER*, VPGATHER*, VSCATTER*, VPSCATTER*, MASKMOVQ, MASKMOVDQU; exception classes 12 and E12
// in 2.4, 2.8.
#include "accel/jit/vector_memory.h"

#include <algorithm>
#include <cstring>

#include "accel/jit/vector_image.h"
#include "base/check.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/xsave_image.h"

namespace twin86::jit {

namespace {

u64 element_offset(const Cpu& cpu, const Insn& insn, const Elements& e, const u8* indices, unsigned n) {
    i64 index = 0;
    if (e.index_bytes == 8) {
        std::memcpy(&index, indices + n * 8, 8);
    } else {
        i32 narrow;
        std::memcpy(&narrow, indices + n * 4, 4);
        index = narrow;
    }
    const u64 offset = effective_address(cpu, insn) + static_cast<u64>(index) * insn.mem.scale;
    return truncate(offset, insn.address_bits / 8);
}

/// Which elements are still to be done: an opmask, or the sign bits of a vector.
u64 read_mask(const Insn& insn, const VectorImage& image, const Elements& e) {
    if (insn.encoding == Encoding::kEvex) return image.mask(insn.mask_register) & e.all();
    u8 vector[64];
    image.read(insn.vvvv_field, vector);
    u64 mask = 0;
    for (unsigned n = 0; n < e.count; ++n) mask |= static_cast<u64>(vector[(n + 1) * e.data_bytes - 1] >> 7) << n;
    return mask;
}

/// At the end all of the mask is zero.
void clear_mask(const Insn& insn, VectorImage& image) {
    static constexpr u8 kZero[64] = {};
    if (insn.encoding == Encoding::kEvex)
        image.set_mask(insn.mask_register, 0);
    else
        image.write(insn.vvvv_field, kZero, insn.vector_bits);
}

/// At a fault the elements below it are done. What the manual leaves open is as on AMD's processors: the rest of the
/// mask keeps its contents.
void clear_mask_below(const Insn& insn, VectorImage& image, const Elements& e, unsigned end) {
    if (insn.encoding == Encoding::kEvex)
        return image.set_mask(insn.mask_register, image.mask(insn.mask_register) & ~(bit(end) - 1));
    u8 vector[64];
    image.read(insn.vvvv_field, vector);
    std::memset(vector, 0, end * e.data_bytes);
    image.write_all(insn.vvvv_field, vector);
}

/// Does the selected elements from the lowest on until one faults. `end` is then that one, else the count.
template <class F>
Outcome for_elements(const Elements& e, u64 selected, unsigned& end, F f) {
    for (end = 0; end < e.count; ++end)
        if (selected >> end & 1) TRY_GUEST(f(end));
    return Outcome::success();
}

/// Elements raise no #AC: SDM vol. 2, VPGATHER and VPSCATTER.
Outcome gather(Cpu& cpu, const Insn& insn) {
    const Elements e = Elements::of(insn);
    VectorImage image(cpu.s, cpu.traits.xsave);
    u8 data[64], indices[64];
    image.read(insn.reg_field, data);
    image.read(insn.mem.index, indices);
    const u64 selected = read_mask(insn, image, e);
    unsigned end;
    const Outcome outcome = for_elements(e, selected, end, [&](unsigned n) {
        const u64 offset = element_offset(cpu, insn, e, indices, n);
        TRY_GUEST(check_segment(cpu, insn.mem.segment, offset, e.data_bytes, false));
        return cpu.host.read_linear(segment_linear(cpu.s, insn.mem.segment, offset), data + n * e.data_bytes, e.data_bytes);
    });
    if (outcome.ok()) {
        clear_mask(insn, image);
        image.write(insn.reg_field, data, e.data_bits());
    } else if (end != 0) {
        clear_mask_below(insn, image, e, end);
        const bool loaded = (selected & (bit(end) - 1)) != 0;
        if (insn.encoding == Encoding::kEvex && loaded) image.write(insn.reg_field, data, insn.vector_bits);
        if (insn.encoding == Encoding::kVex) image.write_all(insn.reg_field, data);
    }
    return outcome;
}

Outcome scatter(Cpu& cpu, const Insn& insn) {
    const Elements e = Elements::of(insn);
    VectorImage image(cpu.s, cpu.traits.xsave);
    u8 data[64], indices[64];
    image.read(insn.reg_field, data);
    image.read(insn.mem.index, indices);
    unsigned end;
    const Outcome outcome = for_elements(e, read_mask(insn, image, e), end, [&](unsigned n) {
        const u64 offset = element_offset(cpu, insn, e, indices, n);
        TRY_GUEST(check_segment(cpu, insn.mem.segment, offset, e.data_bytes, true));
        return cpu.host.write_linear(segment_linear(cpu.s, insn.mem.segment, offset), data + n * e.data_bytes, e.data_bytes);
    });
    if (outcome.ok())
        clear_mask(insn, image);
    else
        clear_mask_below(insn, image, e, end);
    return outcome;
}

constexpr unsigned kSlotBytes = 16;  ///< of one x87 register in the XSAVE image

/// What every MMX instruction does to the x87 state: all registers valid, TOP 0. SDM vol. 1, 9.6.2, vol. 3, 12.2.
void enter_mmx_state(XsaveImage& image) {
    image.set_top(0);
    *image.at(kXsaveFtw) = 0xff;
    image.mark_in_use(kXfeatureX87);
}

/// Calls f(start, length) for each run of set bits.
template <class F>
Outcome for_runs(u64 bytes, F f) {
    while (bytes != 0) {
        const auto start = static_cast<unsigned>(__builtin_ctzll(bytes));
        const auto length = static_cast<unsigned>(__builtin_ctzll(~(bytes >> start)));
        TRY_GUEST(f(start, length));
        bytes &= ~((bit(length) - 1) << start);
    }
    return Outcome::success();
}

/// Stores the bytes of `data` whose mask bytes have the sign bit. Whether the others may fault is up to the processor;
/// here, as on AMD's, they do: all of the operand must be writable. With alignment checks it must be aligned to 8 bytes (as Zen 4 has it).
/// With 16-bit addresses it goes on at the start of the segment; each half must lie within the limit by itself (as Zen 5 has it).
Outcome store_selected(Cpu& cpu, const Insn& insn, const u8* data, const u8* mask, unsigned size) {
    u64 selected = 0;
    for (unsigned n = 0; n < size; ++n) selected |= static_cast<u64>(mask[n] >> 7) << n;
    const u64 base = effective_address(cpu, insn);
    const bool wraps = insn.address_bits == 16 && base + size > 64 * KiB;
    const unsigned before = wraps ? static_cast<unsigned>(64 * KiB - base) : size;
    const auto offset = [&](unsigned n) { return n < before ? base + n : u64{n - before}; };
    const auto linear = [&](unsigned n) { return segment_linear(cpu.s, insn.mem.segment, offset(n)); };
    for (unsigned n = 0; n < size; n += 8) TRY_GUEST(check_segment(cpu, insn.mem.segment, offset(n), 8, true));
    TRY_GUEST(check_alignment(cpu, linear(0), 8));
    TRY_GUEST(cpu.host.probe_write(linear(0), before));
    if (wraps) TRY_GUEST(cpu.host.probe_write(linear(before), size - before));
    const auto store = [&](unsigned n, unsigned length) { return cpu.host.write_linear(linear(n), data + n, length); };
    TRY_GUEST(for_runs(selected & (bit(before) - 1), store));
    return for_runs(selected & ~(bit(before) - 1), store);
}

Outcome maskmov_mmx(Cpu& cpu, const Insn& insn) {
    XsaveImage x87(cpu);
    x87.normalize(kXfeatureX87);
    if (x87.read16(kXsaveFsw) & kFswErrorSummary) return Outcome::fault(kVectorMF);
    enter_mmx_state(x87);
    const u8* registers = x87.at(kXsaveSt0);
    return store_selected(cpu, insn, registers + insn.reg_field * kSlotBytes, registers + insn.rm_field * kSlotBytes,
                          8);
}

Outcome maskmov(Cpu& cpu, const Insn& insn) {
    if (insn.uses_fpu) return maskmov_mmx(cpu, insn);
    const VectorImage image(cpu.s, cpu.traits.xsave);
    u8 data[64], mask[64];
    image.read(insn.reg_field, data);
    image.read(insn.rm_field, mask);
    return store_selected(cpu, insn, data, mask, 16);
}

}  // namespace

Elements Elements::of(const Insn& insn) {
    const unsigned data = insn.mem.element_size, index = insn.opcode & 1 ? 8 : 4;
    CHECK(data == 4 || data == 8, "elements of {} bytes", data);
    return {data, index, insn.vector_bits / 8 / std::max(data, index)};
}

bool Elements::allowed(const Insn& insn) {
    if (insn.address_bits == 16) return false;
    const u8 index = insn.mem.index;
    if (insn.encoding == Encoding::kVex)
        return insn.reg_field != index && insn.reg_field != insn.vvvv_field && index != insn.vvvv_field;
    return insn.mask_register != 0 && !insn.mask_zeroing && (insn.op == Op::kScatter || insn.reg_field != index);
}

Outcome vector_memory_op(Cpu& cpu, const Insn& insn) {
    if (insn.op == Op::kMaskmov) return maskmov(cpu, insn);
    if (!Elements::allowed(insn)) return Outcome::fault(kVectorUD);
    return insn.op == Op::kGather ? gather(cpu, insn) : scatter(cpu, insn);
}

}  // namespace twin86::jit
