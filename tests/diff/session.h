// Session: the native side and the translators, and the verdict on a case.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cpu/decode/decoder.h"
#include "tests/diff/flag_walk.h"
#include "tests/diff/guest_runner.h"
#include "tests/diff/native_oracle.h"
#include "tests/diff/program.h"

namespace twin86::diff {

struct Verdict {
    bool comparable = false;  ///< assembled, and the native side survived it
    std::vector<std::string> differences;
    int vector = -1;  ///< how the native side ended
};

class Session {
  public:
    Session();

    /// Judges up to NativeOracle::kBatch cases; `verdicts` has room for all.
    void judge(std::span<const Case> cases, std::span<Verdict> verdicts);
    Verdict judge(const Case& c);

    /// It assembles, and its results do not depend on undefined flags.
    bool usable(const Case& c) const;

    const Decoder& decoder() const { return decoder_; }
    const CpuModel& model() const { return blocks_->model(); }
    u64 restarts() const { return oracle_.restarts(); }

  private:
    struct Trial;
    u16 native_store(u8 modrm, u16 otherwise);
    SystemSelectors native_selectors();
    void run_guest(GuestRunner& runner, const char* name, const Trial& trial);
    void judge_job(const Job& job, const JobResult& native, const FlagWalk& walk, bool several, Verdict& verdict);

    NativeOracle oracle_;  // first: it forks before there are threads
    std::unique_ptr<GuestRunner> blocks_, steps_, kernel_;
    Decoder decoder_;
};

}  // namespace twin86::diff
