// The translator against itself and against KVM: nothing is found where nothing is wrong, and what is put into one of the two is found where
// it was put.
#include "accel/lockstep/lockstep_vcpu.h"

#include <asmjit/x86.h>

#include <regex>

#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

using namespace asmjit;

constexpr Gva kProgram = 0x400000, kStackTop = 0x802000, kBuffer = 0x700000;
constexpr u64 kRounds = 1000, kWrongRound = 400;
constexpr u8 kVector = 0x41;

/// Where the parts of the program lie.
struct Program {
    std::vector<u8> code;
    u64 next = 0, branch = 0;
};

/// Each round needs the carry of the one before.
Program program() {
    CodeHolder holder;
    holder.init(Environment::host(), kProgram);
    x86::Assembler a(&holder);
    const Label next = a.newLabel();
    a.mov(x86::ecx, kRounds);
    a.stc();
    a.bind(next);
    a.adc(x86::rax, x86::rcx);
    a.rol(x86::rax, 7);
    a.imul(x86::rdx, x86::rax, 0x21);
    a.mov(x86::ebx, x86::ecx);
    a.and_(x86::ebx, 0xff);
    a.mov(x86::qword_ptr(x86::rdi, x86::rbx, 3), x86::rdx);
    a.mov(x86::r9, x86::rdi);
    a.mov(x86::rsi, x86::rdi);
    a.lea(x86::rdi, x86::ptr(x86::rdi, 0x1000));
    a.mov(x86::ecx, x86::ebx);
    a.rep().movsb();
    a.mov(x86::rdi, x86::r9);
    a.mov(x86::ecx, x86::r8d);
    a.dec(x86::ecx);
    a.mov(x86::r8d, x86::ecx);
    const u64 branch = a.offset();
    a.jnz(next);
    a.int3();
    const auto& text = holder.textSection()->buffer();
    return {{text.data(), text.data() + text.size()}, kProgram + holder.labelOffset(next), kProgram + branch};
}

using Bug = std::function<void(CpuState&, PhysMap&)>;

/// An engine with a bug at one RIP.
class Wrong : public Vcpu {
  public:
    Wrong(std::unique_ptr<Vcpu> right, u64 rip, Bug bug, PhysMap& phys)
        : right_(std::move(right)), rip_(rip), bug_(std::move(bug)), phys_(phys) {}
    Step step(u64 blocks) override {
        Step did;
        for (u64 n = 0; n < blocks && did.exit == RunExit::kInterrupted && !did.raised; ++n) {
            did = right_->step(1);
            if (bug_ && state().rip == rip_) bug_(state(), phys_);
        }
        return did;
    }
    void limit_blocks(unsigned instructions) override { right_->limit_blocks(instructions); }
    std::string code_here() override { return right_->code_here(); }
    RunExit run() override { return right_->run(); }
    void request_exit() override { right_->request_exit(); }
    void kick() override { right_->kick(); }
    void set_timer_deadline(u64 tsc) override { right_->set_timer_deadline(tsc); }
    CpuState& state() override { return right_->state(); }
    void state_changed() override { right_->state_changed(); }
    void set_nmi_pending() override { right_->set_nmi_pending(); }
    bool wakes() override { return right_->wakes(); }
    const std::string& failure() const override { return right_->failure(); }
    std::string statistics() const override { return right_->statistics(); }
    void dump_history() const override {}

  private:
    std::unique_ptr<Vcpu> right_;
    const u64 rip_;
    const Bug bug_;
    PhysMap& phys_;
};

/// KVM on a test guest's memory.
struct Kvm {
    explicit Kvm(PhysMap& phys)
        : backend(*kvm::probe_backend()), vm(kvm::KvmVm::create(kvm::KvmSystem::open().take()).take()), slots(*vm, phys) {}
    kvm::Backend backend;
    std::unique_ptr<kvm::KvmVm> vm;
    kvm::MemorySlots slots;
};

class Machine {
  public:
    explicit Machine(Bug bug = {}, u64 unchecked_ns = 0, bool with_kvm = false, bool ring3 = true)
        : report_(std::tmpfile()), log_(report_) {
        const unsigned user = ring3 ? unsigned{kUserPage} : 0;
        guest.map_new(kProgram, kPageSize, user);
        guest.map_new(kStackTop - kPageSize, kPageSize, user | kWritablePage);
        guest.map_new(kBuffer, 16 * kPageSize, user | kWritablePage);
        guest.write(kProgram, program_.code);
        auto environments = std::make_unique<LockstepVcpu::Environments>(guest.environment());
        auto checked = engine(environments->checked, {.code_size = 8 * MiB});
        auto simple = engine(environments->reference,
                             {.code_size = 8 * MiB, .max_insns = 1, .chain = false, .mmu = jit::MmuMode::kSoft});
        std::unique_ptr<Vcpu> preferred;
        if (with_kvm) {
            kvm_ = std::make_unique<Kvm>(guest.phys());
            preferred = kvm::KvmVcpu::create(*kvm_->vm, kvm_->slots, guest.model(), guest.phys(), environments->reference,
                                             kvm_->backend, log_)
                            .take();
        }
        vcpu = std::make_unique<LockstepVcpu>(
            std::move(environments),
            std::make_unique<Wrong>(std::move(checked), program_.next, std::move(bug), guest.phys()),
            Reference(std::move(preferred), std::move(simple)), MemoryBase::create(guest.phys()).take(),
            LockstepOptions{50, unchecked_ns}, guest.model(), guest.phys(), log_);
        guest.start(kProgram, kStackTop, ring3);
        vcpu->state() = guest.state();
        CpuState& s = vcpu->state();
        s.gpr[kRdi] = kBuffer, s.gpr[kR8] = kRounds, s.gpr[kRax] = 1;
        vcpu->state_changed();
    }
    ~Machine() { std::fclose(report_); }

    std::string report() {
        std::string text(static_cast<std::size_t>(std::ftell(report_)), ' ');
        std::rewind(report_);
        REQUIRE(std::fread(text.data(), 1, text.size(), report_) == text.size());
        return text;
    }
    const Program& code() const { return program_; }

    JitGuest guest;

  private:
    std::unique_ptr<Kvm> kvm_;

  public:
    std::unique_ptr<LockstepVcpu> vcpu;

  private:
    std::unique_ptr<Vcpu> engine(VcpuEnvironment& environment, jit::JitOptions options) {
        options.shares_memory = true;
        return jit::JitVcpu::create(options, guest.model(), guest.phys(), environment, log_).take();
    }

    const Program program_ = program();
    std::FILE* report_;
    Log log_;
};

Bug in_round(u64 round, Bug what) {
    return [round, what](CpuState& s, PhysMap& phys) {
        if (s.gpr[kR8] == round) what(s, phys);
    };
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("engines that agree run to the end") {
    for (const u64 unchecked : {0, 20'000}) {
        Machine m({}, unchecked);
        REQUIRE(m.vcpu->run() == RunExit::kHalted);
        CHECK(m.vcpu->intervals() > (unchecked != 0 ? 0 : kRounds / 50));
        CHECK(m.vcpu->state().gpr[kR8] == 0);
    }
}

TEST_CASE("a wrong register is reported with the instruction, and the run ends") {
    Machine m(in_round(kWrongRound, [](CpuState& s, PhysMap&) { s.gpr[kRbx] ^= 0x40; }));
    REQUIRE(m.vcpu->run() == RunExit::kFatal);
    const std::string text = m.report();
    INFO(text);
    CHECK(has(text, fmt::format("from {:#x} to {:#x}: jnz", m.code().branch, m.code().next)));
    CHECK(has(text, "rbx"));
    CHECK_FALSE(has(text, "\n  rdx "));
    CHECK(has(text, "jnz 0x"));  // the block's listing
    CHECK(has(m.vcpu->failure(), fmt::format("{:#x}", m.code().branch)));
}

/// "reference N instructions, M of them by the preferred engine"
std::pair<u64, u64> counted(const std::string& statistics) {
    std::smatch found;
    REQUIRE(std::regex_search(statistics, found, std::regex("reference +(\\d+) instructions, (\\d+) of them")));
    return {std::stoull(found[1]), std::stoull(found[2])};
}

TEST_CASE("KVM executes what the translator does") {
    NEED_KVM();
    const bool ring3 = GENERATE(false, true);
    Machine m({}, 0, true, ring3);
    REQUIRE(m.vcpu->run() == RunExit::kHalted);
    CHECK(m.vcpu->state().gpr[kR8] == 0);
    const std::string text = m.vcpu->statistics();
    INFO(text);
    const auto [all, by_kvm] = counted(text);
    CHECK(by_kvm > kRounds * 10);
    // The others are long strings and what ends the program.
    CHECK((ring3 || has(text, "a long string")));
    CHECK(by_kvm > all / 2);
    CHECK_FALSE(has(text, "ring 3"));
}

TEST_CASE("KVM does not step what shows or changes the trap flag, nor what a program steps itself") {
    NEED_KVM();
    const auto [name, code] = GENERATE(table<const char*, std::vector<u8>>({
        {"pushf", {0x9c, 0x5b}},                                              // pushf; pop rbx
        {"popf", {0x68, 0x46, 0, 0, 0, 0x9d, 0x9c, 0x5b}},                    // push 46h; popf; pushf; pop rbx
        {"int1", {0xf1}}, {"int3", {0xcc}},
        {"trap", {0x68, 0x46, 1, 0, 0, 0x9d, 0x90, 0x90}},                    // push 146h; popf; nop; nop
    }));
    INFO(name);
    Machine m({}, 0, true);
    std::vector<u8> program = code;
    program.insert(program.end(), {0x48, 0xff, 0xc0, 0xcc});  // inc rax; int3
    m.guest.write(kProgram, program);
    CHECK(m.vcpu->run() == RunExit::kHalted);
    INFO(m.report());
    CHECK((m.vcpu->state().rflags & kFlagTF) == 0);
}

TEST_CASE("KVM shows a wrong register of the translator") {
    NEED_KVM();
    const bool ring3 = GENERATE(false, true);
    Machine m(in_round(kWrongRound, [](CpuState& s, PhysMap&) { s.gpr[kRbx] ^= 0x40; }), 0, true, ring3);
    REQUIRE(m.vcpu->run() == RunExit::kFatal);
    const std::string text = m.report();
    INFO(text);
    CHECK(has(text, fmt::format("from {:#x} to {:#x}: jnz", m.code().branch, m.code().next)));
    CHECK(has(text, "\n  rbx "));
}

TEST_CASE("a wrong flag is reported when the next instruction reads it") {
    Machine m(in_round(kWrongRound, [](CpuState& s, PhysMap&) { s.rflags ^= kFlagCF; }));
    REQUIRE(m.vcpu->run() == RunExit::kFatal);
    CHECK(has(m.report(), "rflags"));
}

TEST_CASE("a flag that is overwritten before anything reads it may differ") {
    Machine m(in_round(kWrongRound, [](CpuState& s, PhysMap&) { s.rflags ^= kFlagZF; }));
    CHECK(m.vcpu->run() == RunExit::kHalted);
}

TEST_CASE("a wrong vector register is reported") {
    Machine m(in_round(kWrongRound, [](CpuState& s, PhysMap&) { s.xsave[160 + 16 * 5] ^= 1, s.xsave[512] |= 2; }));
    REQUIRE(m.vcpu->run() == RunExit::kFatal);
    CHECK(has(m.report(), "xmm5"));
}

TEST_CASE("wrong memory is reported by its physical address") {
    Gpa address = 0;
    Machine m(in_round(kWrongRound, [&](CpuState&, PhysMap& phys) { phys.write(address, 4, 0x12345678); }));
    address = m.guest.physical(kBuffer + 0xf008);
    REQUIRE(m.vcpu->run() == RunExit::kFatal);
    const std::string text = m.report();
    INFO(text);
    CHECK(has(text, fmt::format("memory {:#010x} 0x12345678", address)));
}

TEST_CASE("memory that a bus master writes meanwhile is nobody's difference") {
    Machine m(in_round(kWrongRound, [](CpuState&, PhysMap& phys) {
        const u8 byte = 0x5a;
        REQUIRE(phys.dma_write(0xf00000, {&byte, 1}));
    }));
    CHECK(m.vcpu->run() == RunExit::kHalted);
    CHECK(has(m.vcpu->statistics(), ", 1 not because"));
}

TEST_CASE("an interrupt is taken by both") {
    Machine m;
    m.vcpu->state().rflags |= kFlagIF;
    m.guest.environment().pending_vector = kVector;
    REQUIRE(m.vcpu->run() == RunExit::kHalted);
    CHECK(m.guest.environment().pending_vector == -1);
    CHECK(m.vcpu->state().gpr[kR8] != 0);  // in the handler
}

TEST_CASE("an interrupt that comes later wakes a halted processor") {
    Machine m;
    REQUIRE(m.vcpu->run() == RunExit::kHalted);
    m.vcpu->state().rflags |= kFlagIF;
    CHECK_FALSE(m.vcpu->wakes());
    m.guest.environment().pending_vector = kVector;
    CHECK(m.vcpu->wakes());
    m.vcpu->state().rflags &= ~u64{kFlagIF};
    CHECK_FALSE(m.vcpu->wakes());
}

TEST_CASE("what a device was told is told once") {
    Machine m;
    CpuState& s = m.vcpu->state();
    const std::vector<u8> code{0xb0, 0x41, 0xe6, 0x80, 0xe4, 0x81, 0xf4};  // mov al, 41h; out 80h, al; in al, 81h; hlt
    m.guest.write(kProgram, code);
    m.guest.environment().port_value = 0x77;
    s.rflags |= 3 << 12;  // IOPL
    REQUIRE(m.vcpu->run() == RunExit::kHalted);
    const auto& ports = m.guest.environment().ports;
    REQUIRE(ports.size() == 2);
    CHECK(ports[0].write);
    CHECK(ports[0].value == 0x41);
    CHECK((m.vcpu->state().gpr[kRax] & 0xff) == 0x77);
}

}  // namespace twin86::test
