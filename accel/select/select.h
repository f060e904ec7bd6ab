// Which engine runs: by -accel, or the best that works on this host.
#pragma once

#include "accel/accel_options.h"
#include "accel/accelerator.h"
#include "base/log.h"
#include "cpu/state/cpuid_model.h"
#include "mmu/phys_map.h"

namespace twin86 {

struct Selection {
    std::unique_ptr<Accelerator> accelerator;
    std::string why;  ///< one line for the user: which and why, when -accel left a choice
};

/// The first engine of `options.engines` that works; with none named the best that works. Features that the engine cannot
/// provide are taken from the model. Model, map and log outlive the accelerator.
Result<Selection> select_accelerator(const AccelOptions& options, CpuModel& model, PhysMap& phys, Log& log);

}  // namespace twin86
