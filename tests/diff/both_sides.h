// BothSides: one program, natively and through the translator, for tests that choose state and memory themselves.
#pragma once

#include <asmjit/x86.h>

#include <memory>

#include "cpu/state/host_cpuid.h"
#include "tests/diff/compare.h"
#include "tests/diff/guest_runner.h"
#include "tests/diff/native_oracle.h"
#include "tests/diff/random_state.h"

namespace twin86::diff {

class BothSides {
  public:
    BothSides() : guest_(std::make_unique<GuestRunner>(jit::JitOptions{.code_size = 16 * MiB}, true, SystemSelectors{})) {}

    Job& job() { return oracle_.job(0); }
    const JobResult& native() const { return oracle_.result(0); }
    const JobResult& guest() const { return *result_; }
    const CpuModel& model() const { return guest_->model(); }

    /// Runs the bytes from job().in; what differs, in words.
    std::vector<std::string> run(const u8* code, u64 size, u32 bits = 64) {
        Job& j = job();
        std::memcpy(j.code, code, size);
        j.code_size = static_cast<u32>(size), j.code_offset = 0x40, j.bits = bits;
        oracle_.execute(1);
        if (!oracle_.valid(0)) return {"the native side has no result"};
        if (!guest_->run(j, *result_)) return {guest_->failure()};
        return compare(native(), guest(), kComparedFlags);
    }

    /// The same for what `program` assembles.
    template <class F>
    std::vector<std::string> run(F program) {
        asmjit::CodeHolder code;
        code.init(asmjit::Environment::host(), kCodeBase + 0x40);
        asmjit::x86::Assembler a(&code);
        program(a);
        a.int3();
        if (code.flatten() != asmjit::kErrorOk || code.codeSize() > kMaxCode) return {"the program does not assemble"};
        return run(code.textSection()->data(), code.codeSize());
    }

  private:
    NativeOracle oracle_;  // first: it forks before there are threads
    std::unique_ptr<GuestRunner> guest_;
    std::unique_ptr<JobResult> result_ = std::make_unique<JobResult>();
};

inline const HostCpuid& host_cpuid() {
    static const HostCpuid h = HostCpuid::probe();
    return h;
}

inline void set_mask(MachineState& s, unsigned k, u64 value) {
    std::memcpy(s.xsave + host_cpuid().xsave[5].offset + k * 8, &value, 8);
}

inline u64 mask_of(const MachineState& s, unsigned k) {
    u64 present, value;
    std::memcpy(&present, s.xsave + 512, 8);
    std::memcpy(&value, s.xsave + host_cpuid().xsave[5].offset + k * 8, 8);
    return present & 0x20 ? value : 0;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += "\n  " + line;
    return all;
}

}  // namespace twin86::diff
