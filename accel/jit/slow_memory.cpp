// Accesses that the soft TLB cannot express: MMIO, page crossings, writes to pages with code, faults; and the linear
// memory of the slow paths.
#include <algorithm>
#include <cstring>

#include "accel/jit/jit_vcpu.h"

namespace twin86::jit {

PagingContext JitVcpu::paging_context(bool user, bool ac) const {
    const CpuState& s = frame_.cpu;
    PagingContext c;
    c.cr0 = s.cr0;
    c.cr3 = s.cr3;
    c.cr4 = s.cr4;
    c.efer = s.efer;
    c.user = user;
    c.smap_override = ac;
    return c;
}

Outcome JitVcpu::resolve_view(Gva address, unsigned size, Access access, u8 view, bool stack, Pieces& out) {
    const CpuState& s = frame_.cpu;
    const PagingContext context = paging_context(view == kViewUser, view == kViewSupervisorAc);
    PagingMemory memory(phys_.pages());
    out.count = 0;
    while (size != 0) {
        const unsigned part = static_cast<unsigned>(std::min<u64>(size, kPageSize - (address & 0xfff)));
        if ((s.efer & kEferLMA) && !is_canonical(address, s.cr4))
            return Outcome::fault(stack ? kVectorSS : kVectorGP, 0);
        const WalkResult walk = translate(context, memory, address, access);
        if (memory.code_touched() != PagingMemory::kNone) phys_.written(memory.code_touched(), 8);
        if (!walk.ok) return Outcome::page_fault(walk.error_code, address);
        out.at[out.count++] = {walk.page.physical, part};
        address += part;
        if (!mode_.has(Mode::kCode64) && !(s.efer & kEferLMA)) address &= 0xffffffff;
        size -= part;
    }
    return Outcome::success();
}

Outcome JitVcpu::resolve(Gva address, unsigned size, Access access, bool supervisor, Pieces& out) {
    const CpuState& s = frame_.cpu;
    const bool user = !supervisor && s.cpl() == 3;
    const bool ac = !(s.cr4 & kCr4SMAP) || (!supervisor && (s.rflags & kFlagAC));
    return resolve_view(address, size, access, user ? kViewUser : ac ? kViewSupervisorAc : kViewSupervisor, false, out);
}

u64 JitVcpu::physical_read(Gpa address, unsigned size) {
    if (!page_is_mmio(phys_.pages().entry(address))) return phys_.read(address, size);
    return env_.mmio_read(address, size);
}

void JitVcpu::physical_write(Gpa address, unsigned size, u64 value) {
    if (!page_is_mmio(phys_.pages().entry(address))) return phys_.write(address, size, value);
    env_.mmio_write(address, size, value);
}

namespace {

/// The widest naturally aligned access of at most 8 bytes at this place.
unsigned chunk(Gpa address, unsigned left) {
    unsigned n = 8;
    while (n > left || (address & (n - 1)) != 0) n /= 2;
    return n;
}

}  // namespace

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
            const unsigned n = chunk(address, left);
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
            const unsigned n = chunk(address, left);
            u64 value = 0;
            std::memcpy(&value, from, n);
            if (page_is_mmio(entry)) env_.mmio_write(address, n, value);  // ROM: dropped
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
    u8* out = static_cast<u8*>(to);
    for (unsigned done = 0; done < size;) {  // large images (XSAVE) page by page
        const unsigned part = std::min<unsigned>(size - done, kPageSize);
        Pieces pieces;
        TRY_GUEST(resolve(address + done, part, Access::kRead, supervisor, pieces));
        read_pieces(pieces, out + done);
        done += part;
    }
    return Outcome::success();
}

Outcome JitVcpu::write_linear(Gva address, const void* from, unsigned size, bool supervisor) {
    CHECK(size <= kPageSize, "write of {} bytes", size);
    Pieces pieces;
    TRY_GUEST(resolve(address, size, Access::kWrite, supervisor, pieces));
    write_pieces(pieces, static_cast<const u8*>(from));
    return Outcome::success();
}

Outcome JitVcpu::probe_write(Gva address, unsigned size, bool supervisor) {
    Pieces pieces;
    return resolve(address, size, Access::kWrite, supervisor, pieces);
}

/// exit_slow: raises the fault, or fills the bounce buffer and lets the instruction run on it.
bool JitVcpu::on_slow() {
    const u8* resume_at = reinterpret_cast<const u8*>(frame_.resume_pc);
    AccessMeta meta;
    std::memcpy(&meta, resume_at, sizeof meta);
    const Block* block = blocks_.at_code(resume_at);
    CHECK(block != nullptr, "slow access outside of blocks");
    const SidePoint& point = block->point_at(resume_at - 1);
    CpuState& s = frame_.cpu;
    const Gva address = frame_.address;
    Pieces pieces;
    const bool write = meta.access & kAccessWrite;
    const Outcome fault = resolve_view(address, meta.size, write ? Access::kWrite : Access::kRead, meta.view & 3,
                                       meta.view & 0x80, pieces);
    if (fault.faulted()) {
        s.rip = rip_of(*block, point.guest_offset);
        deliver_fault(fault);
        return false;
    }
    // Alignment inside a cache line is kept, so that alignment checks of vector instructions come out the same.
    u8* buffer = frame_.bounce.data + (address & 63);
    if ((meta.access & kAccessRead) || is_ram(pieces)) read_pieces(pieces, buffer);
    frame_.bounce_address = address;
    frame_.bounce_meta = std::bit_cast<u32>(meta);
    frame_.address = reinterpret_cast<u64>(buffer);
    return resume(sizeof meta);
}

/// exit_commit: the instruction has run on the bounce buffer; its result goes to the guest.
bool JitVcpu::on_commit() {
    const u8* resume_at = reinterpret_cast<const u8*>(frame_.resume_pc);
    const Block* block = blocks_.at_code(resume_at);
    CHECK(block != nullptr, "commit outside of blocks");
    const SidePoint& point = block->point_at(resume_at - 1);
    const AccessMeta meta = std::bit_cast<AccessMeta>(frame_.bounce_meta);
    Pieces pieces;
    const Outcome fault = resolve_view(frame_.bounce_address, meta.size, Access::kWrite, meta.view & 3, false, pieces);
    CHECK(!fault.faulted(), "a probed write to {:#x} faults", frame_.bounce_address);
    write_pieces(pieces, frame_.bounce.data + (frame_.bounce_address & 63));
    if (block->valid) return resume(0);
    frame_.cpu.rip = rip_of(*block, point.guest_offset);
    return false;
}

}  // namespace twin86::jit
