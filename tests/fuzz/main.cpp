// twin86-fuzz: random code in every mode and ring against the translator. See README.md.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "tests/fuzz/fuzz_machine.h"

namespace twin86::fuzz {

namespace {

struct Options {
    u64 seed = std::random_device{}();
    u64 cases = 0;  ///< 0: by time
    double seconds = 20;
    bool only = false;
    std::string corpus = TWIN86_FUZZ_CORPUS;
};

constexpr std::string_view kUsage = "usage: twin86-fuzz [--seconds N | --minutes N | --cases N] [--seed S] [--only] [--corpus DIRECTORY]\n";

bool parse(int argc, char** argv, Options& o) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        if (a == "--only") {
            o.only = true;
            continue;
        }
        if (i + 1 >= argc) return false;
        const char* value = argv[++i];
        if (a == "--seconds") o.seconds = std::strtod(value, nullptr);
        else if (a == "--minutes") o.seconds = 60 * std::strtod(value, nullptr);
        else if (a == "--cases") o.cases = std::strtoull(value, nullptr, 0);
        else if (a == "--seed") o.seed = std::strtoull(value, nullptr, 0);
        else if (a == "--corpus") o.corpus = value;
        else return false;
    }
    return true;
}

// The case in flight, for the message when it takes the process down.
char in_flight[4096];

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    const int n = std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (write(2, text, static_cast<std::size_t>(n)) < 0) _exit(3);
}

void on_crash(int signal) {
    say("twin86-fuzz: signal %d in case:\n", signal);
    if (write(2, in_flight, std::strlen(in_flight)) < 0) _exit(3);
    _exit(2);
}

class Run {
  public:
    Run(const Options& o, std::vector<Seed> seeds)
        : o_(o), decoder_(DecoderOptions{.amd_branches = machine_.model().is_amd()}), maker_(decoder_, machine_.model().features(), std::move(seeds)) {}

    int run() {
        const auto start = std::chrono::steady_clock::now();
        const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
        fmt::print("seed {}\n", o_.seed);
        u64 done = 0;
        for (; o_.only ? done < 1 : o_.cases ? done < o_.cases : elapsed() < o_.seconds; ++done)
            if (!one(o_.only ? o_.seed : o_.seed * 0x9e3779b97f4a7c15 + done)) return 1;
        const auto& e = machine_.ends();
        fmt::print("{} cases in {:.0f} s: {} halts, {} shutdowns, {} ended by the clock, {} outside of memory; 0 failures\n", done, elapsed(), e.halted, e.shutdown,
                   e.interrupted, e.outside);
        return done == 0;
    }

  private:
    bool one(u64 seed) {
        const FuzzCase c = maker_.make(seed);
        std::snprintf(in_flight, sizeof in_flight, "  twin86-fuzz --only --seed %llu\n  %s\n", static_cast<unsigned long long>(seed), c.describe().c_str());
        const auto problem = machine_.run(c);
        if (problem) fmt::print("failure: {}\n{}", *problem, in_flight);
        return !problem;
    }

    const Options& o_;
    FuzzMachine machine_;
    Decoder decoder_;
    CaseMaker maker_;
};

}  // namespace

}  // namespace twin86::fuzz

int main(int argc, char** argv) {
    using namespace twin86::fuzz;
    Options options;
    if (!parse(argc, argv, options)) return fmt::print(stderr, "{}", kUsage), 2;
    auto seeds = read_seeds(options.corpus);
    if (!seeds) return fmt::print(stderr, "twin86-fuzz: {}\n", seeds.failure().message), 2;
    for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(s, on_crash);
    return Run(options, seeds.take()).run();
}
