// Moves between two engines, with engines that do what the test says.
#include "accel/hybrid/hybrid_vcpu.h"

#include "base/thread_time.h"

#include <catch2/catch.hpp>
#include <deque>
#include <functional>

using namespace twin86;

namespace {

struct FakeVcpu : Vcpu {
    std::deque<std::function<RunExit(FakeVcpu&)>> script;
    CpuState cpu;
    std::string why, calls;
    unsigned changes = 0, register_changes = 0;
    bool flushed = false, wakeful = false;
    std::atomic<unsigned> requests = 0, kicks = 0;

    RunExit run() override {
        if (script.empty()) return RunExit::kShutdown;
        const auto step = script.front();
        script.pop_front();
        return step(*this);
    }
    void request_exit() override { ++requests; }
    void kick() override { ++kicks; }
    CpuState& state() override { return cpu; }
    void state_changed() override { ++changes; }
    void registers_changed() override { ++register_changes; }
    bool take_flushes() override { return std::exchange(flushed, false); }
    void watch_code() override { calls += "watch "; }
    void report_code_writes() override { calls += "report "; }
    bool return_at_user() override { return calls += "until-user ", true; }
    void set_nmi_pending() override { cpu.nmi_pending = true; }
    bool wakes() override { return wakeful; }
    const std::string& failure() const override { return why; }
    std::string statistics() const override { return {}; }
    void dump_history() const override {}
};

struct Pair {
    explicit Pair(Engine start, HybridVcpu::Suits suits = {}) {
        auto a = std::make_unique<FakeVcpu>(), b = std::make_unique<FakeVcpu>();
        first = a.get(), complete = b.get();
        vcpu = std::make_unique<HybridVcpu>(std::move(a), std::move(b), start, 0, std::move(suits));
    }
    FakeVcpu *first, *complete;
    std::unique_ptr<HybridVcpu> vcpu;
};

}  // namespace

TEST_CASE("a failure moves the state and is counted by its reason") {
    Pair p(Engine::kFirst);
    p.first->script = {[](FakeVcpu& v) { return v.cpu.rip = 0x1234, v.why = "no clac", RunExit::kFatal; }};
    p.complete->script = {[](FakeVcpu& v) { return v.cpu.rip += 3, RunExit::kHalted; }};
    CHECK(p.vcpu->run() == RunExit::kHalted);
    CHECK(p.vcpu->state().rip == 0x1237);
    CHECK(p.complete->register_changes == 1);
    CHECK(p.vcpu->failures().at("no clac") == 1);
    CHECK(p.vcpu->statistics().find("1 times: no clac") != std::string::npos);
}

TEST_CASE("after its stay the processor goes back") {
    Pair p(Engine::kFirst);
    p.first->script = {[](FakeVcpu&) { return RunExit::kFatal; },
                       [](FakeVcpu& v) { return v.cpu.rip += 1, RunExit::kShutdown; }};
    p.complete->script = {[](FakeVcpu& v) {
        v.cpu.rip = 0x10;
        while (v.requests == 0) std::this_thread::yield();  // the end of the stay
        return RunExit::kInterrupted;
    }};
    CHECK(p.vcpu->run() == RunExit::kShutdown);
    CHECK(p.vcpu->state().rip == 0x11);
    CHECK(p.vcpu->switches() == 2);
}

TEST_CASE("the failure of the complete engine is the machine's") {
    Pair p(Engine::kComplete);
    p.complete->script = {[](FakeVcpu& v) { return v.why = "broken", RunExit::kFatal; }};
    CHECK(p.vcpu->run() == RunExit::kFatal);
    CHECK(p.vcpu->failure() == "broken");
}

TEST_CASE("select moves at the next boundary, there and back") {
    Pair p(Engine::kFirst);
    HybridVcpu& vcpu = *p.vcpu;
    p.first->script = {
        [&](FakeVcpu& v) { return v.cpu.rip = 7, vcpu.select(Engine::kComplete), RunExit::kInterrupted; },
        [](FakeVcpu& v) { return v.cpu.rip *= 2, RunExit::kHalted; }};
    p.complete->script = {
        [&](FakeVcpu& v) { return v.cpu.rip += 1, vcpu.select(Engine::kFirst), RunExit::kInterrupted; }};
    CHECK(vcpu.run() == RunExit::kHalted);
    CHECK(vcpu.state().rip == 16);
    CHECK(vcpu.switches() == 2);
}

TEST_CASE("a request of the machine ends the run, whichever engine has it") {
    Pair p(Engine::kFirst);
    HybridVcpu& vcpu = *p.vcpu;
    p.first->script = {[&](FakeVcpu&) { return vcpu.request_exit(), RunExit::kInterrupted; }};
    CHECK(vcpu.run() == RunExit::kInterrupted);
    CHECK(p.first->requests == 1);
    vcpu.request_exit();
    CHECK(vcpu.run() == RunExit::kInterrupted);
    CHECK(vcpu.run() == RunExit::kShutdown);  // the script is at its end: nothing is left of the requests
}

TEST_CASE("an engine drops its translations when the guest has flushed in the other, or somebody outside changed the state") {
    Pair p(Engine::kFirst);
    HybridVcpu& vcpu = *p.vcpu;
    const auto go_to = [&](Engine which, bool flushed) {
        return [&vcpu, which, flushed](FakeVcpu& v) { return v.flushed = flushed, vcpu.select(which), RunExit::kInterrupted; };
    };
    p.first->script = {go_to(Engine::kComplete, false), go_to(Engine::kComplete, true)};
    p.complete->script = {go_to(Engine::kFirst, true), [](FakeVcpu&) { return RunExit::kHalted; }};
    CHECK(vcpu.run() == RunExit::kHalted);
    CHECK((p.first->changes == 1 && p.first->register_changes == 0));
    CHECK((p.complete->changes == 1 && p.complete->register_changes == 1));
    vcpu.state_changed();
    vcpu.select(Engine::kFirst);
    CHECK(vcpu.run() == RunExit::kShutdown);
    CHECK((p.first->changes == 2 && p.complete->changes == 2));
}

TEST_CASE("a processor whose interrupt waits does not go back to an engine that would leave it at once") {
    Pair p(Engine::kFirst, [](const CpuState&) { return true; });
    p.first->script = {[](FakeVcpu&) { return RunExit::kFatal; }};
    const auto until_asked = [](FakeVcpu& v) {
        while (v.requests.exchange(0) == 0) std::this_thread::yield();
        return RunExit::kInterrupted;
    };
    p.complete->wakeful = true;
    p.complete->script = {until_asked, [&](FakeVcpu& v) { return v.wakeful = false, until_asked(v); }};
    CHECK(p.vcpu->run() == RunExit::kShutdown);
    CHECK((p.complete->script.empty() && p.vcpu->switches() == 2));
}

TEST_CASE("an engine that was worth its crossings comes back right behind the handler of an interrupt") {
    Pair p(Engine::kFirst, [](const CpuState& s) { return s.rip == 3; });
    const auto interrupted = [](FakeVcpu& v) {
        const ThreadTime time;
        while (time.ns() < FallbackPolicy::kWorthwhile_ns * 3) {
        }
        return v.wakeful = true, RunExit::kFatal;
    };
    p.first->script = {interrupted, [](FakeVcpu& v) { return v.wakeful = false, RunExit::kHalted; }};
    p.complete->script = {[](FakeVcpu& v) { return v.cpu.rip = 1, RunExit::kInterrupted; },  // not yet
                          [](FakeVcpu& v) { return v.cpu.rip = 3, RunExit::kInterrupted; }};
    CHECK(p.vcpu->run() == RunExit::kHalted);
    CHECK(p.vcpu->switches() == 2);
    CHECK(p.complete->calls == "until-user ");
    CHECK(p.complete->requests == 0);  // no alarm
}

TEST_CASE("the first engine notes writes to code while it runs, and reports them before the other goes on") {
    Pair p(Engine::kComplete);
    HybridVcpu& vcpu = *p.vcpu;
    vcpu.select(Engine::kFirst);
    p.first->script = {
        [&](FakeVcpu& v) { return v.calls += "run ", vcpu.select(Engine::kComplete), RunExit::kInterrupted; }};
    p.complete->script = {[&](FakeVcpu&) { return p.first->calls += "translator", RunExit::kHalted; }};
    CHECK(vcpu.run() == RunExit::kHalted);
    CHECK(p.first->calls == "watch run report translator");
    CHECK(p.complete->calls.empty());
}

TEST_CASE("moves at random come by the time of the thread: one that gets none is not interrupted") {
    auto first = std::make_unique<FakeVcpu>(), complete = std::make_unique<FakeVcpu>();
    FakeVcpu& slow = *first;
    HybridVcpu vcpu(std::move(first), std::move(complete), Engine::kFirst, 5'000'000, HybridVcpu::Suits());
    slow.script = {[](FakeVcpu& v) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        CHECK(v.requests == 0);
        while (v.requests == 0) {
        }
        return RunExit::kInterrupted;
    }};
    CHECK(vcpu.run() == RunExit::kShutdown);
    CHECK(vcpu.switches() == 1);
}

TEST_CASE("stays grow while failures follow each other, and shrink by runs that were worth it") {
    FallbackPolicy policy;
    CHECK(policy.stay_after(0) == 2 * FallbackPolicy::kShortest_ns);
    for (int n = 0; n < 20; ++n) (void)policy.stay_after(FallbackPolicy::kWorthwhile_ns - 1);
    CHECK(policy.stay_after(0) == FallbackPolicy::kLongest_ns);
    CHECK(policy.stay_after(FallbackPolicy::kWorthwhile_ns) == FallbackPolicy::kLongest_ns / 4);
    for (int n = 0; n < 20; ++n) (void)policy.stay_after(FallbackPolicy::kWorthwhile_ns);
    CHECK(policy.stay_after(FallbackPolicy::kWorthwhile_ns) == FallbackPolicy::kShortest_ns);
}
