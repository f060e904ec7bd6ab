// twin86-fuzz: random code in every mode and ring against the translator. See README.md.
#include <fmt/format.h>

#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/fuzz_run.h"

namespace twin86::fuzz {

namespace {

constexpr std::string_view kUsage = "usage: twin86-fuzz [--seconds N | --minutes N | --cases N] [--seed S] [--only] [--corpus DIRECTORY]\n";

class Fuzzer {
  public:
    explicit Fuzzer(std::vector<Seed> seeds)
        : decoder_(DecoderOptions{.amd_branches = machine_.model().is_amd()}), maker_(decoder_, machine_.model().features(), std::move(seeds)) {}

    std::optional<std::string> one(u64 seed) {
        const FuzzCase c = maker_.make(seed);
        set_in_flight(fmt::format("  twin86-fuzz --only --seed {}\n  {}", seed, c.describe()));
        return machine_.run(c);
    }
    std::string summary() const {
        const auto& e = machine_.ends();
        return fmt::format(": {} halts, {} shutdowns, {} ended by the clock, {} outside of memory", e.halted, e.shutdown, e.interrupted, e.outside);
    }

  private:
    FuzzMachine machine_;
    Decoder decoder_;
    CaseMaker maker_;
};

/// The seeds' directory; empty: the arguments make no sense.
std::string corpus_of(int argc, char** argv) {
    if (argc == 1) return TWIN86_FUZZ_CORPUS;
    return argc == 3 && std::string_view(argv[1]) == "--corpus" ? argv[2] : "";
}

}  // namespace

}  // namespace twin86::fuzz

int main(int argc, char** argv) {
    using namespace twin86::fuzz;
    RunOptions options;
    if (!options.parse(argc, argv)) return fmt::print(stderr, "{}", kUsage), 2;
    const std::string corpus = corpus_of(argc, argv);
    if (corpus.empty()) return fmt::print(stderr, "{}", kUsage), 2;
    auto seeds = read_seeds(corpus);
    if (!seeds) return fmt::print(stderr, "twin86-fuzz: {}\n", seeds.failure().message), 2;
    report_crashes("twin86-fuzz");
    Fuzzer fuzzer(seeds.take());
    return run_cases(options, [&](twin86::u64 seed) { return fuzzer.one(seed); }, [&] { return fuzzer.summary(); });
}
