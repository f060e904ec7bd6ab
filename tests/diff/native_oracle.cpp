#include "tests/diff/native_oracle.h"

#include <immintrin.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

struct NativeOracle::Shared {
    volatile u32 count;
    volatile u32 done;
    u8 valid[kBatch];
    Job jobs[kBatch];
    JobResult results[kBatch];
};

// What the entry code reads: RIP-relative, so that no register is needed.
extern "C" {
u64 diff_gpr[16];
u64 diff_flags, diff_target, diff_host_rsp, diff_fs, diff_gs, diff_use_bases;
struct {
    u32 offset;
    u16 selector;
} __attribute__((packed, aligned(8))) diff_far;
u16 diff_fs_selector, diff_gs_selector;
void* diff_xsave;
void diff_enter();
void diff_enter32();
void diff_enter_segments();  // with FS and GS
[[noreturn]] void diff_leave();
}

#define LOAD_ALL                                                                        \
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"            \
    "mov %rsp, diff_host_rsp(%rip)\n"                                                   \
    "mov diff_xsave(%rip), %rcx\n mov $0xe7, %eax\n xor %edx, %edx\n xrstor64 (%rcx)\n"  \
    "cmpq $0, diff_use_bases(%rip)\n je 1f\n"                                           \
    "mov diff_fs(%rip), %rax\n wrfsbase %rax\n mov diff_gs(%rip), %rax\n wrgsbase %rax\n" \
    "1: push diff_flags(%rip)\n popfq\n"                                                \
    "mov diff_gpr+0(%rip), %rax\n mov diff_gpr+8(%rip), %rcx\n mov diff_gpr+16(%rip), %rdx\n mov diff_gpr+24(%rip), %rbx\n" \
    "mov diff_gpr+32(%rip), %rsp\n mov diff_gpr+40(%rip), %rbp\n mov diff_gpr+48(%rip), %rsi\n mov diff_gpr+56(%rip), %rdi\n" \
    "mov diff_gpr+64(%rip), %r8\n mov diff_gpr+72(%rip), %r9\n mov diff_gpr+80(%rip), %r10\n mov diff_gpr+88(%rip), %r11\n" \
    "mov diff_gpr+96(%rip), %r12\n mov diff_gpr+104(%rip), %r13\n mov diff_gpr+112(%rip), %r14\n mov diff_gpr+120(%rip), %r15\n"

asm(".text\n"
    "diff_enter:\n" LOAD_ALL "jmp *diff_target(%rip)\n"
    "diff_enter32:\n" LOAD_ALL "ljmp *diff_far(%rip)\n"
    "diff_enter_segments:\n" LOAD_ALL "mov diff_fs_selector(%rip), %fs\n mov diff_gs_selector(%rip), %gs\n ljmp *diff_far(%rip)\n"
    "diff_leave:\n"
    "mov diff_host_rsp(%rip), %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

namespace {

constexpr int kGregOf[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
constexpr u16 kUserCode32Selector = 0x23;
constexpr int kPollTimeoutMs = 300'000;  // the child ends what hangs; this is for one that is stuck otherwise

JobResult* current;
const JobResult* ticked;
bool timed_out, compatibility, loads_segments;
u64 host_fs;

/// For compatibility mode: DS and ES are null in a 64-bit process. The stack's segment means nothing until then.
void load_segments(const MachineState& in) {
    const auto selector = [&](unsigned n) { return u32{native_selector(static_cast<SegmentNumber>(in.segment[n]))}; };
    diff_fs_selector = static_cast<u16>(selector(kFs)), diff_gs_selector = static_cast<u16>(selector(kGs));
    diff_far.selector = in.segment[kCs] == kFlatSegment ? kUserCode32Selector : static_cast<u16>(selector(kCs));
    asm volatile("mov %0, %%ds\n mov %1, %%es\n mov %2, %%ss" ::"r"(selector(kDs)), "r"(selector(kEs)), "r"(selector(kSs)));
}

/// Handlers begin with the program's flags: what they do themselves need not be aligned.
void clear_ac() { asm volatile("pushfq\n andl $~0x40000, (%%rsp)\n popfq" ::: "cc", "memory"); }

/// CPU time has passed: a case that is still the same one does not end.
void on_tick(int, siginfo_t*, void*) {
    clear_ac();
    if (ticked == current && current != nullptr) {
        if (diff_use_bases) asm volatile("wrfsbase %0" ::"r"(host_fs));
        timed_out = true;
        diff_leave();
    }
    ticked = current;
}

/// The program has ended, one way or other: registers and vector state are in the signal frame.
[[gnu::no_sanitize("address")]] void on_signal(int, siginfo_t*, void* context) {
    clear_ac();
    if (diff_use_bases) asm volatile("wrfsbase %0" ::"r"(host_fs));
    const auto& mc = static_cast<ucontext_t*>(context)->uc_mcontext;
    JobResult& r = *current;
    for (unsigned i = 0; i < 16; ++i) r.out.gpr[i] = static_cast<u64>(mc.gregs[kGregOf[i]]);
    if (compatibility) r.out.gpr[kRsp] &= 0xffffffff;  // the kernel's own bits, behind an interrupt on a 16-bit stack
    r.out.rip = static_cast<u64>(mc.gregs[REG_RIP]);
    r.out.rflags = static_cast<u64>(mc.gregs[REG_EFL]);
    r.vector = static_cast<i32>(mc.gregs[REG_TRAPNO]);
    r.error_code = r.vector == 14 || loads_segments ? static_cast<u32>(mc.gregs[REG_ERR]) : 0;
    r.selector[kCs] = static_cast<u16>(mc.gregs[REG_CSGSFS]), r.selector[kSs] = static_cast<u16>(static_cast<u64>(mc.gregs[REG_CSGSFS]) >> 48);
    asm volatile("mov %%es, %0\n mov %%ds, %1\n mov %%fs, %2\n mov %%gs, %3" : "=m"(r.selector[kEs]), "=m"(r.selector[kDs]), "=m"(r.selector[kFs]), "=m"(r.selector[kGs]));
    r.cr2 = r.vector == 14 ? static_cast<u64>(mc.gregs[REG_CR2]) : 0;
    u32 xstate_size;
    std::memcpy(&xstate_size, reinterpret_cast<const u8*>(mc.fpregs) + 464 + 16, 4);  // sw_reserved.xstate_size
    std::memcpy(r.out.xsave, mc.fpregs, std::min<u64>(xstate_size, kXsaveAreaSize));
    diff_leave();
}

struct Window {
    u8* writable;
};

/// A memfd shown at `at` with `first` rights (and `rest` rights from `split` on), and writable elsewhere.
Window map_window(Gva at, u64 size, u64 split, int first, int rest) {
    const int fd = memfd_create("twin86-diff", 0);
    CHECK(fd >= 0 && ftruncate(fd, static_cast<off_t>(size)) == 0);
    void* const alias = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    CHECK(alias != MAP_FAILED);
    void* const base = reinterpret_cast<void*>(at);
    CHECK(mmap(base, size, first, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, 0) == base);
    if (split < size) CHECK(mprotect(static_cast<u8*>(base) + split, size - split, rest) == 0);
    close(fd);
    return {static_cast<u8*>(alias)};
}

}  // namespace

bool host_has_fsgsbase() { return (getauxval(AT_HWCAP2) & 2) != 0; }

NativeOracle::NativeOracle() {
    void* p = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    shared_ = static_cast<Shared*>(p);
    start_child();
}

NativeOracle::~NativeOracle() {
    stop_child();
    munmap(shared_, sizeof(Shared));
}

Job& NativeOracle::job(unsigned n) { return shared_->jobs[n]; }
const JobResult& NativeOracle::result(unsigned n) const { return shared_->results[n]; }
bool NativeOracle::valid(unsigned n) const { return shared_->valid[n]; }

void NativeOracle::start_child() {
    int down[2], up[2];
    CHECK(pipe(down) == 0 && pipe(up) == 0);
    child_ = fork();
    CHECK(child_ >= 0);
    if (child_ == 0) {
        close(down[1]), close(up[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_loop(down[0], up[1]);
    }
    close(down[0]), close(up[1]);
    to_child_ = down[1], from_child_ = up[0];
}

void NativeOracle::stop_child() {
    close(to_child_), close(from_child_);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

void NativeOracle::execute(unsigned count) {
    std::memset(shared_->valid, 0, sizeof shared_->valid);
    shared_->done = 0;
    while (shared_->done < count) {
        shared_->count = count;
        char go = 1;
        CHECK(write(to_child_, &go, 1) == 1);
        pollfd p{from_child_, POLLIN, 0};
        const bool answered = poll(&p, 1, kPollTimeoutMs) == 1 && read(from_child_, &go, 1) == 1;
        if (answered) return;
        ++restarts_;
        stop_child();
        start_child();
        shared_->done = shared_->done + 1;  // skip the case that took the child down
    }
}

void NativeOracle::child_loop(int from_parent, int to_parent) {
    const Window data = map_window(kDataBase, kDataSize, kWritableSize, PROT_READ | PROT_WRITE, PROT_READ);
    const Window code = map_window(kCodeBase, kCodeSize, kCodeSize, PROT_READ | PROT_EXEC, 0);
    std::memset(code.writable, 0xcc, kCodeSize);
    // An old size of 0 makes a second mapping of the same pages: mremap(2).
    void* const alias = reinterpret_cast<void*>(kCodeAliasBase);
    CHECK(mremap(reinterpret_cast<void*>(kCodeBase), 0, kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, alias) == alias);
    const u64 stack_size = getauxval(AT_MINSIGSTKSZ) + 64 * KiB;
    stack_t stack{mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0, stack_size};
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigaction(s, &action, nullptr);
    // Ten milliseconds of CPU time, whatever else the machine does: the longest block that ends needs microseconds.
    action.sa_sigaction = on_tick;
    sigaction(SIGVTALRM, &action, nullptr);
    const itimerval tick{{0, 10'000}, {0, 10'000}};
    setitimer(ITIMER_VIRTUAL, &tick, nullptr);
    diff_use_bases = host_has_fsgsbase();
    if (diff_use_bases) asm volatile("rdfsbase %0" : "=r"(host_fs));
    static MachineState in;
    diff_xsave = in.xsave;
    data_pattern(0);  // made now: memory cannot be had afterwards
    if (host_has_ldt()) install_ldt();
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);

    char go;
    while (read(from_parent, &go, 1) == 1) {
        for (u32 n = shared_->done; n < shared_->count; ++n) {
            const Job& job = shared_->jobs[n];
            std::memcpy(data.writable, data_pattern(job.data_seed), kDataSize);
            std::memcpy(code.writable + job.code_offset, job.code, job.code_size);
            in = job.in;
            std::memcpy(diff_gpr, in.gpr, sizeof in.gpr);
            diff_flags = in.rflags | 0x202;
            diff_fs = in.fs_base, diff_gs = in.gs_base;
            diff_target = job.start();
            diff_far.offset = static_cast<u32>(diff_target);
            timed_out = false, compatibility = job.bits != 64, loads_segments = job.loads_segments;
            ticked = nullptr;
            current = &shared_->results[n];
            if (job.bits == 64) diff_enter();
            else load_segments(in), diff_use_bases ? diff_enter_segments() : diff_enter32();
            current = nullptr;
            std::memcpy(shared_->results[n].data, data.writable, kDataSize);
            std::memset(code.writable + job.code_offset, 0xcc, job.code_size);
            shared_->valid[n] = !timed_out;
            shared_->done = n + 1;
        }
        if (write(to_parent, &go, 1) != 1) break;
    }
    _exit(0);
}

}  // namespace twin86::diff
