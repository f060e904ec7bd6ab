#include "tests/fuzz/fuzz_machine.h"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

namespace twin86::fuzz {

namespace {

CpuModel max_model() {
    auto model = CpuModel::parse("max,+mca,+monitor,+osvw,+fxsr-opt", HostCpuid::probe());
    CHECK(model, "{}", model ? "" : model.failure().message);
    return model.take();
}

/// What emitted code borrows from the process and must give back.
struct HostState {
    u32 mxcsr = 0;
    u16 fcw = 0;
    u64 flags = 0, fs_base = 0;
    sigset_t blocked{};

    static HostState now() {
        HostState h;
        std::memset(&h.blocked, 0, sizeof h.blocked);
        asm volatile("stmxcsr %0\n fnstcw %1\n pushfq\n pop %2\n mov %%fs:0, %3" : "=m"(h.mxcsr), "=m"(h.fcw), "=r"(h.flags), "=r"(h.fs_base));
        h.flags &= kFlagDF | kFlagTF | kFlagAC;
        h.mxcsr &= ~0x3fu;
        pthread_sigmask(SIG_SETMASK, nullptr, &h.blocked);
        return h;
    }
    bool operator==(const HostState& other) const {
        return mxcsr == other.mxcsr && fcw == other.fcw && flags == other.flags && fs_base == other.fs_base &&
               std::memcmp(&blocked, &other.blocked, sizeof(u64)) == 0;
    }
};

}  // namespace

FuzzMachine::FuzzMachine() : model_(max_model()), ram_(GuestRam::create(kRamSize).take()), phys_(PhysMap::create(ram_, kRamSize, bus_).take()) {
    reset_.cr4 = model_.cr4_allowed() & (kCr4PAE | kCr4PSE | kCr4PGE | kCr4OSFXSR | kCr4OSXMMEXCPT | kCr4FSGSBASE | kCr4OSXSAVE);
    reset_.xcr0 = model_.xcr0_allowed();
    create_engine();
    watchdog_ = std::jthread([this](std::stop_token stop) { watch(stop); });
}

FuzzMachine::~FuzzMachine() = default;

void FuzzMachine::create_engine() {
    vcpu_.reset();
    jit::JitOptions options;
    options.code_size = 8 * MiB;
    const char* mmu = std::getenv("TWIN86_TEST_MMU");
    options.mmu = mmu != nullptr && std::string_view(mmu) == "soft" ? jit::MmuMode::kSoft : jit::MmuMode::kShadow;
    if (cases_ / kCasesPerEngine % 2) options.mmu = jit::MmuMode::kSoft;
    if (cases_ / kCasesPerEngine % 5 == 4) options.max_insns = 1;
    vcpu_ = jit::JitVcpu::create(options, model_, *phys_, environment_, log_).take();
}

/// Ends runs that go on, and the process when one cannot be ended.
void FuzzMachine::watch(std::stop_token stop) {
    u64 last = 0;
    unsigned ticks = 0;
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(kRunMilliseconds));
        const u64 now = run_number_;
        ticks = now == last && running_ ? ticks + 1 : 0;
        last = now;
        if (ticks > 0) vcpu_->request_exit();
        if (ticks > kHangSeconds * 1000 / kRunMilliseconds) {
            fmt::print(stderr, "hang: the engine does not come back\n");
            std::abort();
        }
    }
}

/// True: it halted and may go on with an interrupt.
bool FuzzMachine::run_once() {
    ++run_number_;
    running_ = true;
    const RunExit exit = vcpu_->run();
    running_ = false;
    switch (exit) {
        case RunExit::kHalted: return ++ends_.halted, true;
        case RunExit::kShutdown: ++ends_.shutdown; break;
        case RunExit::kInterrupted: ++ends_.interrupted; break;
        case RunExit::kFatal: break;
    }
    return false;
}

std::optional<std::string> FuzzMachine::run(const FuzzCase& c) {
    if (cases_++ % kCasesPerEngine == 0) create_engine();
    environment_.start(c.seed);
    set_up(c, reset_, ram_.base(), vcpu_->state());
    phys_->written(0, kRamSize);
    vcpu_->state_changed();
    const HostState before = HostState::now();
    for (unsigned n = 0; n < 4 && run_once(); ++n) environment_.raise_some_interrupt();
    if (!(HostState::now() == before)) return "the host's floating-point, flag or signal state has changed";
    if (vcpu_->failure().empty()) return std::nullopt;
    const std::string why = vcpu_->failure();
    create_engine();
    // What a bus without memory there would answer is not emulated: the machine stops with this message.
    if (!why.starts_with("the guest executes at physical address")) return why;
    ++ends_.outside;
    return std::nullopt;
}

}  // namespace twin86::fuzz
