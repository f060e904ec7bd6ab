#include "accel/jit/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <mutex>

namespace twin86::jit {

namespace {

struct Active {
    JitFrame* frame = nullptr;
    const CodeCache* cache = nullptr;
    const u8* recover = nullptr;
};

// A signal handler has no argument of ours: what it needs of the running vCPU is per thread.
thread_local Active active;

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction previous[NSIG];

void pass_on(int signal, siginfo_t* info, void* context) {
    const struct sigaction& old = previous[signal];
    if (old.sa_flags & SA_SIGINFO) return old.sa_sigaction(signal, info, context);
    if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
    // The default: run the instruction again without a handler, so that the core shows the real place.
    sigaction(signal, &old, nullptr);
}

void on_fault(int signal, siginfo_t* info, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto pc = reinterpret_cast<const u8*>(registers[REG_RIP]);
    JitFrame* frame = active.frame;
    if (frame == nullptr || !active.cache->contains(pc) || registers[REG_RSP] != reinterpret_cast<greg_t>(frame))
        return pass_on(signal, info, context);
    frame->fault_pc = reinterpret_cast<u64>(pc);
    frame->fault_trap = static_cast<u32>(registers[REG_TRAPNO]);
    frame->fault_address = reinterpret_cast<u64>(info->si_addr);
    frame->temp = static_cast<u64>(registers[REG_R10]);
    frame->fault_error = static_cast<u32>(registers[REG_ERR]);
    registers[REG_RIP] = reinterpret_cast<greg_t>(active.recover);
}

void install_handlers() {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (const int s : kSignals) sigaction(s, &action, &previous[s]);
}

/// The alternate stack of one thread: the frame of a host with AVX-512 or AMX is larger than MINSIGSTKSZ says.
class AlternateStack {
  public:
    AlternateStack() {
        size_ = getauxval(AT_MINSIGSTKSZ) + 16 * KiB;
        memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack_t stack{};
        stack.ss_sp = memory_;
        stack.ss_size = size_;
        sigaltstack(&stack, &old_);
    }
    ~AlternateStack() {
        sigaltstack(&old_, nullptr);
        munmap(memory_, size_);
    }

  private:
    void* memory_;
    u64 size_;
    stack_t old_{};
};

}  // namespace

FaultScope::FaultScope(JitFrame& frame, const CodeCache& cache, const u8* recover) {
    static std::once_flag installed;
    std::call_once(installed, install_handlers);
    static thread_local AlternateStack stack;
    active = {&frame, &cache, recover};
}

FaultScope::~FaultScope() { active = {}; }

}  // namespace twin86::jit
