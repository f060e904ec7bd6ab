// DeviceSession: one case of the device fuzzer, from a seed to a verdict.
#pragma once

#include <optional>
#include <string>

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

  private:
    void step(DeviceRig& rig);
    void surroundings(DeviceRig& rig);
    /// A rig that loads what this one saves saves the same; one that loads it with damage goes on.
    std::optional<std::string> check_state();
    void load_damaged(std::vector<u8> state);

    const u64 seed_;
    const DeviceOptions& options_;
    Random random_;
    DeviceRig rig_;
    const DeviceProgram* focus_;
};

}  // namespace twin86::fuzz
