#include "tests/diff/guest_runner.h"

#include <cstring>
#include <ctime>

#include "tests/diff/segments.h"

namespace twin86::diff {

using test::GuestStop;
using test::JitGuest;

namespace {
constexpr Gva kLdtAt = JitGuest::kSystemBase + 0x20000;
}  // namespace

GuestRunner::GuestRunner(const jit::JitOptions& options, bool user, SystemSelectors selectors) : options_(options), user_(user), selectors_(selectors) {
    create();
    watchdog_ = std::jthread([this](std::stop_token stop) {
        u64 last = 0;
        std::clock_t since = std::clock();  // CPU time: other programs may have the machine for as long as they like
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            const u64 now = started_;
            const bool same = running_ && now == last;
            last = now;
            if (same && std::clock() - since <= kTimeoutSeconds * CLOCKS_PER_SEC) continue;
            if (same) guest_->vcpu().request_exit();
            since = std::clock();
        }
    });
}

void GuestRunner::create() {
    guest_ = std::make_unique<JitGuest>(test::GuestOptions{.jit = options_});
    // Neighbours in linear memory are strangers in physical memory.
    const Gpa pages = guest_->allocate(16);
    static constexpr unsigned kOrder[] = {5, 1, 9, 3, 12, 7};
    for (unsigned i = 0; i < kDataSize / kPageSize; ++i)
        guest_->map(kDataBase + i * kPageSize, pages + kOrder[i] * kPageSize, kPageSize,
                    test::kUserPage | test::kNoExecutePage | (i * kPageSize < kWritableSize ? unsigned{test::kWritablePage} : 0));
    for (unsigned i = 0; i < kCodeSize / kPageSize; ++i)
        guest_->map(kCodeBase + i * kPageSize, pages + kOrder[4 + i] * kPageSize, kPageSize, test::kUserPage);
    guest_->map(kCodeAliasBase, guest_->physical(kCodeBase), kPageSize, test::kUserPage);
    guest_->map_new(kLdtAt, kPageSize, test::kWritablePage | test::kGlobalPage);
    for (unsigned n = kLdtFirst; n < kLdtEnd; ++n) {
        const u64 descriptor = guest_descriptor(static_cast<SegmentNumber>(n));
        guest_->write(kLdtAt + (n - kLdtFirst) * 8, {reinterpret_cast<const u8*>(&descriptor), 8});
    }
    static const std::vector<u8> traps(kCodeSize, 0xcc);
    guest_->write(kCodeBase, traps);
    guest_->start(kCodeBase, 0, user_, 64);
    start_[0] = guest_->state();
    guest_->start(kCodeBase, 0, user_, 32);
    start_[1] = guest_->state();
}

bool GuestRunner::run(const Job& job, JobResult& result) {
    JitGuest& g = *guest_;
    const u8* pattern = data_pattern(job.data_seed);
    for (u64 at = 0; at < kDataSize; at += kPageSize)
        std::memcpy(g.phys().ram().base() + g.physical(kDataBase + at), pattern + at, kPageSize);
    g.write(kCodeBase + job.code_offset, {job.code, job.code_size});
    CpuState& s = g.state();
    s = start_[job.bits != 64];
    std::memcpy(s.gpr, job.in.gpr, sizeof s.gpr);
    s.rip = job.start();
    s.rflags = job.in.rflags | 0x202;
    s.segment[kFs].base = job.in.fs_base, s.segment[kGs].base = job.in.gs_base;
    if (job.bits != 64)
        for (unsigned n = 0; n < 6; ++n)
            if (job.in.segment[n] != kFlatSegment) s.segment[n] = guest_segment(static_cast<SegmentNumber>(job.in.segment[n]), user_);
    std::memcpy(s.xsave, job.in.xsave, sizeof s.xsave);
    s.ldtr = {kLdtAt, (kLdtEnd - kLdtFirst) * 8 - 1, selectors_.ldt, 0x82};
    s.tr.selector = selectors_.task;
    s.cr0 |= kCr0AM;  // as Linux has it

    ++started_;
    running_ = true;
    const GuestStop stop = g.run();
    running_ = false;
    if (stop.exit != RunExit::kHalted || stop.vector < 0) {
        failure_ = stop.exit == RunExit::kFatal         ? g.vcpu().failure()
                   : stop.exit == RunExit::kInterrupted ? "no end"
                                                        : fmt::format("exit {} at {:#x}", static_cast<int>(stop.exit), stop.rip);
        create();
        return false;
    }
    std::memcpy(result.out.gpr, s.gpr, sizeof s.gpr);
    result.out.gpr[kRsp] = stop.rsp;
    result.out.rip = stop.rip;
    result.out.rflags = stop.rflags;
    result.out.fs_base = s.segment[kFs].base, result.out.gs_base = s.segment[kGs].base;
    std::memcpy(result.out.xsave, s.xsave, sizeof s.xsave);
    result.vector = stop.vector;
    result.error_code = stop.vector == kVectorPF ? stop.error_code | (user_ ? 0 : u32{kPfUser}) : job.loads_segments ? stop.error_code : 0;
    for (unsigned n = 0; n < 6; ++n) result.selector[n] = s.segment[n].selector;
    result.selector[kCs] = stop.cs, result.selector[kSs] = stop.ss;
    result.cr2 = stop.vector == kVectorPF ? stop.cr2 : 0;
    g.read(kDataBase, result.data);
    const std::vector<u8> traps(job.code_size, 0xcc);
    g.write(kCodeBase + job.code_offset, traps);
    return true;
}

}  // namespace twin86::diff
