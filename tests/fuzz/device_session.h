// DeviceSession: one case of the device fuzzer, from a seed to a verdict.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/device_programs.h"

namespace twin86::fuzz {

struct DeviceOptions {
    std::string device;  ///< name of the program that does most of the steps; empty: another one in each case
    unsigned steps = 1500;
    bool trace = false;  ///< print the name of each step
};

class DeviceSession {
  public:
    DeviceSession(u64 seed, const DeviceOptions& options);

    /// Runs the case. A text: what must never happen.
    std::optional<std::string> run();
    /// Of the state of all devices after run(): the same in each run of the case.
    u64 digest() { return std::hash<std::string_view>()(as_text(rig_.save())); }

  private:
    static std::string_view as_text(const std::vector<u8>& bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    void step(DeviceRig& rig, Random& r);
    /// A rig that loads what this one saves saves the same; one that loads it with damage goes on.
    std::optional<std::string> check_state();
    /// What happens to both rigs does the same to both.
    std::optional<std::string> check_twin(DeviceRig& twin);
    void load_damaged(std::vector<u8> state);

    const u64 seed_;
    const DeviceOptions& options_;
    Random random_;
    DeviceRig rig_;
    const DeviceProgram* focus_;
};

}  // namespace twin86::fuzz
