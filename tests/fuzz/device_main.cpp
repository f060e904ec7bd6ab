// twin86-fuzz-devices: hostile drivers against every device of the board. See README.md.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/device_session.h"
#include "tests/fuzz/fuzz_run.h"

namespace twin86::fuzz {

namespace {

constexpr std::string_view kUsage =
    "usage: twin86-fuzz-devices [--seconds N | --minutes N | --cases N] [--seed S] [--only [--trace]] [--steps N] [--device NAME]\nDevices:";

void print_usage() {
    fmt::print(stderr, "{}", kUsage);
    for (const DeviceProgram& p : device_programs()) fmt::print(stderr, " {}", p.name);
    fmt::print(stderr, "\n");
}

bool is_device(std::string_view name) {
    const auto all = device_programs();
    return std::any_of(all.begin(), all.end(), [&](const DeviceProgram& p) { return p.name == name; });
}

bool parse(int argc, char** argv, DeviceOptions& o) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        if (a == "--trace") o.trace = true;
        else if (a == "--help" || i + 1 >= argc) return false;
        else if (a == "--steps") o.steps = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 0));
        else if (a == "--device" && is_device(argv[i + 1])) o.device = argv[++i];
        else return false;
    }
    return true;
}

/// `digest` takes in what the devices came to.
std::optional<std::string> one(u64 seed, const DeviceOptions& o, u64& digest) {
    const std::string device = o.device.empty() ? "" : " --device " + o.device;
    set_in_flight(fmt::format("  twin86-fuzz-devices --only --seed {} --steps {}{}", seed, o.steps, device));
    DeviceSession session(seed, o);
    auto problem = session.run();
    digest = digest * 31 + session.digest();
    return problem;
}

}  // namespace

}  // namespace twin86::fuzz

int main(int argc, char** argv) {
    using namespace twin86::fuzz;
    RunOptions options;
    DeviceOptions devices;
    if (!options.parse(argc, argv) || !parse(argc, argv, devices)) return print_usage(), 2;
    report_crashes("twin86-fuzz-devices");
    twin86::u64 digest = 0;
    return run_cases(
        options, [&](twin86::u64 seed) { return one(seed, devices, digest); }, [&] { return fmt::format(", digest {:016x}", digest); });
}
