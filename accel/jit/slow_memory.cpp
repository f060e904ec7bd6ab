// Accesses that the soft TLB cannot express: MMIO, page crossings, writes to pages with code, faults; and the linear
// memory of the slow paths.
#include <algorithm>
#include <cstring>

#include "accel/jit/jit_vcpu.h"
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/mode_now.h"
#include "accel/jit/leaf/tlb_fill.h"
#include "accel/jit/vector_image.h"
#include "base/bits.h"
#include "cpu/semantics/breakpoints.h"

namespace twin86::jit {

PagingContext JitVcpu::paging_context(bool user, bool ac) const {
    return jit::paging_context(frame_, user, ac);
}

Outcome JitVcpu::resolve_view(Gva address, unsigned size, Access access, u8 view, bool stack, Pieces& out) {
    const CpuState& s = frame_.cpu;
    const PagingContext context = paging_context(view == kViewUser, view == kViewSupervisorAc);
    PagingMemory memory(phys_.pages());
    out.count = 0;
    if ((s.efer & kEferLMA) && !(is_canonical(address, s.cr4) && is_canonical(address + size - 1, s.cr4)))
        return Outcome::fault(stack ? kVectorSS : kVectorGP, 0);
    while (size != 0) {
        const unsigned part = static_cast<unsigned>(std::min<u64>(size, kPageSize - (address & 0xfff)));
        const WalkResult walk = translate(context, memory, address, access);
        if (memory.code_touched() != PagingMemory::kNone) phys_.written(memory.code_touched(), 8);
        if (!walk.ok) return Outcome::page_fault(walk.error_code, address);
        out.at[out.count++] = {walk.page.physical, part};
        address += part;
        if (!frame_.mode.has(Mode::kCode64) && !(s.efer & kEferLMA)) address &= 0xffffffff;
        size -= part;
    }
    return Outcome::success();
}

bool JitVcpu::valid_pae_pointers(u64 cr3) {
    PagingContext context = paging_context(false, false);
    context.cr3 = cr3;
    return twin86::valid_pae_pointers(context, PagingMemory(phys_.pages()));
}

/// The TLB view of a slow path's access. `supervisor`: an implicit one, which ignores CPL and EFLAGS.AC.
Outcome JitVcpu::resolve(Gva address, unsigned size, Access access, bool supervisor, Pieces& out) {
    return resolve_view(address, size, access, view_now(frame_.cpu, supervisor), false, out);
}

/// Host address of an access within one page that the soft TLB can express, else null: frames, descriptors and task
/// states are read again and again.
u8* JitVcpu::through_tlb(Gva address, unsigned size, u8 kind, bool supervisor) {
    if (size > kPageSize - (address & 0xfff)) return nullptr;
    const TlbView view = view_now(frame_.cpu, supervisor);
    const TlbEntry& e = frame_.tlb[view].entries[tlb_index(address)];
    const u64 offset = address + (kind & kAccessWrite ? e.write_tag : e.read_tag);
    if (offset < kPageSize) return reinterpret_cast<u8*>(e.host + offset);
    const AccessMeta meta{static_cast<u16>(size), kind, view};
    if (twin86_leaf_fill(&frame_, address, std::bit_cast<u32>(meta)) != kLeafDone) return nullptr;
    return reinterpret_cast<u8*>(address + e.delta);
}

void JitVcpu::read_pieces(const Pieces& pieces, u8* to) {
    for (unsigned i = 0; i < pieces.count; ++i) {
        auto [address, left] = pieces.at[i];
        const u64 entry = phys_.pages().entry(address);
        if (!page_is_mmio(entry)) {
            std::memcpy(to, page_host(entry) + (address & 0xfff), left);
            to += left;
            continue;
        }
        while (left != 0) {
            const unsigned n = widest_aligned(address, left);
            const u64 value = env_.mmio_read(address, n);
            std::memcpy(to, &value, n);
            to += n, address += n, left -= n;
        }
    }
}

void JitVcpu::write_pieces(const Pieces& pieces, const u8* from) {
    for (unsigned i = 0; i < pieces.count; ++i) {
        auto [address, left] = pieces.at[i];
        const u64 entry = phys_.pages().entry(address);
        if (page_is_ram(entry)) {
            std::memcpy(page_host(entry) + (address & 0xfff), from, left);
            phys_.written(address, left);
            from += left;
            continue;
        }
        while (left != 0) {
            const unsigned n = widest_aligned(address, left);
            u64 value = 0;
            std::memcpy(&value, from, n);
            if (page_writes_trap(entry)) env_.mmio_write(address, n, value);  // ROM: dropped
            from += n, address += n, left -= n;
        }
    }
}

bool JitVcpu::is_ram(const Pieces& pieces) const {
    for (unsigned i = 0; i < pieces.count; ++i)
        if (page_is_mmio(phys_.pages().entry(pieces.at[i].physical))) return false;
    return true;
}

Outcome JitVcpu::read_linear(Gva address, void* to, unsigned size, bool supervisor) {
    if (const u8* host = through_tlb(address, size, kAccessRead, supervisor)) {
        std::memcpy(to, host, size);
        return Outcome::success();
    }
    u8* out = static_cast<u8*>(to);
    for (unsigned done = 0; done < size;) {  // large images (XSAVE) page by page
        const unsigned part = std::min<unsigned>(size - done, kPageSize);
        Pieces pieces;
        TRY_GUEST(resolve(address + done, part, Access::kRead, supervisor, pieces));
        read_pieces(pieces, out + done);
        done += part;
    }
    if (!supervisor) note_helper_access(address, size, false);
    return Outcome::success();
}

Outcome JitVcpu::write_linear(Gva address, const void* from, unsigned size, bool supervisor) {
    CHECK(size <= kPageSize, "write of {} bytes", size);
    if (u8* host = through_tlb(address, size, kAccessWrite, supervisor)) {
        std::memcpy(host, from, size);
        return Outcome::success();
    }
    Pieces pieces;
    TRY_GUEST(resolve(address, size, Access::kWrite, supervisor, pieces));
    write_pieces(pieces, static_cast<const u8*>(from));
    if (!supervisor) note_helper_access(address, size, true);
    return Outcome::success();
}

Outcome JitVcpu::probe_read(Gva address, unsigned size) {
    if (through_tlb(address, size, kAccessRead, false) != nullptr) return Outcome::success();
    Pieces pieces;
    TRY_GUEST(resolve(address, size, Access::kRead, false, pieces));
    note_helper_access(address, size, false);
    return Outcome::success();
}

Outcome JitVcpu::probe_write(Gva address, unsigned size, bool supervisor) {
    if (through_tlb(address, size, kAccessWrite, supervisor) != nullptr) return Outcome::success();
    Pieces pieces;
    return resolve(address, size, Access::kWrite, supervisor, pieces);
}

namespace {

/// Calls f(start, length) for each run of set bits of a byte mask until it fails.
template <class F>
Outcome for_runs(u64 bytes, unsigned size, F f) {
    for (unsigned at = 0; at < size;) {
        if (!(bytes >> at & 1)) {
            ++at;
            continue;
        }
        unsigned end = at;
        while (end < size && (bytes >> end & 1)) ++end;
        TRY_GUEST(f(at, end - at));
        at = end;
    }
    return Outcome::success();
}

/// The data breakpoints that an access hits. `selected`: the bytes of a masked one; the others hit none, as on Zen 4.
u64 breakpoints_hit(const CpuState& s, Gva address, const AccessMeta& meta, const u64* selected) {
    const bool write = meta.access & kAccessWrite;
    if (selected == nullptr) return data_breakpoints(s, address, meta.size, write);
    u64 hits = 0;
    (void)for_runs(*selected, meta.size, [&](unsigned start, unsigned length) {
        hits |= data_breakpoints(s, address + start, length, write);
        return Outcome::success();
    });
    return hits;
}

}  // namespace

/// Checks a bounced access and fills the buffer with the old contents. Bytes that a mask switches off are left alone.
Outcome JitVcpu::prepare_bounce(const AccessMeta& meta, const HelperSite* masked, u8* buffer) {
    const Gva address = frame_.address;
    const bool misaligned = (meta.view & kAccessAligned) && address % meta.size != 0;
    if (misaligned && (masked == nullptr || bounce_bytes_ != 0)) return Outcome::fault(kVectorGP, 0);
    const Access access = meta.access & kAccessWrite ? Access::kWrite : Access::kRead;
    const auto prepare = [&](unsigned start, unsigned length) {
        Pieces pieces;
        // SDM vol. 3, 5.3: with a limit of 4 GiB processors may fault here; those at hand do.
        if ((meta.view & kAccessFlat) && address + start + length > 4 * GiB)
            return Outcome::fault(meta.view & kAccessStack ? kVectorSS : kVectorGP, 0);
        TRY_GUEST(resolve_view(address + start, length, access, meta.view & 3, meta.view & kAccessStack, pieces));
        // A pure write never reads MMIO.
        if ((meta.access & kAccessRead) || is_ram(pieces)) read_pieces(pieces, buffer + start);
        return Outcome::success();
    };
    if (masked == nullptr) return prepare(0, meta.size);
    std::memset(buffer, 0, meta.size);
    return for_runs(bounce_bytes_, meta.size, prepare);
}

/// Whether a checked write changes the code of the block that it is in.
bool JitVcpu::writes_into(const Block& block, const AccessMeta& meta) {
    Pieces pieces;
    if (resolve_view(frame_.address, meta.size, Access::kWrite, meta.view & 3, false, pieces).faulted()) return false;
    bool found = false;
    for (unsigned i = 0; i < pieces.count; ++i) found |= block.made_from(pieces.at[i].physical, pieces.at[i].size);
    return found;
}

/// exit_slow: raises the fault, or fills the bounce buffer and lets the instruction run on it.
bool JitVcpu::on_slow() {
    const u8* resume_at = reinterpret_cast<const u8*>(frame_.resume_pc);
    AccessMeta meta;
    std::memcpy(&meta, resume_at, sizeof meta);
    const Block* block = blocks_.at_code(resume_at);
    CHECK(block != nullptr, "slow access outside of blocks");
    const u32 guest_offset = block->point_at(resume_at - 1).guest_offset;
    recorder_.exit(rip_of(*block, guest_offset), ExitReason::kSlow, frame_.address);
    if (meta.access & kAccessRun) {
        frame_.cpu.rip = rip_of(*block, guest_offset);
        return run_first(*block, guest_offset);
    }
    const HelperSite* masked = meta.view & kAccessMasked ? block->helper_at(guest_offset) : nullptr;

    if (masked != nullptr) bounce_bytes_ = active_bytes(masked->insn, VectorImage(frame_.cpu, cpu_.traits.xsave));
    const u64* const selected = masked != nullptr ? &bounce_bytes_ : nullptr;
    if (frame_.watched_data != 0 && !note_data_breakpoints(block->key.mode, breakpoints_hit(frame_.cpu, frame_.address, meta, selected))) {
        frame_.cpu.rip = rip_of(*block, guest_offset);
        return false;
    }
    // Alignment inside a cache line is kept, so that alignment checks of vector instructions come out the same.
    u8* buffer = frame_.bounce.data + (frame_.address & 63);
    if (const Outcome fault = prepare_bounce(meta, masked, buffer); fault.faulted()) {
        frame_.cpu.rip = rip_of(*block, guest_offset);
        const bool pending = frame_.cpu.xsave[2] & 0x80;  // FSW.ES
        deliver_fault((meta.view & kAccessWaits) && pending ? Outcome::fault(kVectorMF) : fault);
        return false;
    }
    if ((meta.view & kAccessGoesOn) && block->insn_count > 1 && writes_into(*block, meta)) {
        frame_.cpu.rip = rip_of(*block, guest_offset);
        run_one_ = partial_ = true;
        return false;
    }
    frame_.leaf_bounce.to_commit = 0;  // an instruction on the buffer may have faulted
    frame_.bounce_address = frame_.address;
    frame_.bounce_meta = std::bit_cast<u32>(meta);
    frame_.address = reinterpret_cast<u64>(buffer);
    return resume(sizeof meta);
}

/// exit_commit: the instruction has run on the bounce buffer; its result goes to the guest.
bool JitVcpu::on_commit() {
    const u8* resume_at = reinterpret_cast<const u8*>(frame_.resume_pc);
    const Block* block = blocks_.at_code(resume_at);
    CHECK(block != nullptr, "commit outside of blocks");
    const AccessMeta meta = std::bit_cast<AccessMeta>(frame_.bounce_meta);
    const u8* buffer = frame_.bounce.data + (frame_.bounce_address & 63);
    const auto commit = [&](unsigned start, unsigned length) {
        Pieces pieces;
        TRY_GUEST(resolve_view(frame_.bounce_address + start, length, Access::kWrite, meta.view & 3, false, pieces));
        write_pieces(pieces, buffer + start);
        return Outcome::success();
    };
    blocks_.set_writer(block);
    const Outcome fault = meta.view & kAccessMasked ? for_runs(bounce_bytes_, meta.size, commit) : commit(0, meta.size);
    blocks_.set_writer(nullptr);
    CHECK(!fault.faulted(), "a probed write to {:#x} faults", frame_.bounce_address);
    // What follows in the block is no longer what is in memory, unless it is the rest of the instruction itself: CALL and
    // PUSH, which still have SP to change, are alone in their block then (on_slow).
    if (block->valid || !blocks_.writer_changed() || block->insn_count == 1) return resume(0);
    frame_.cpu.rip = rip_of(*block, block->point_at(resume_at - 1).guest_offset);
    partial_ = true;
    return false;
}

}  // namespace twin86::jit
