#include "tests/fuzz/fuzz_run.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

// Sanitizers end the process without a signal, and tell who asks here; without them there is no such function.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace twin86::fuzz {

namespace {

constexpr time_t kHangSeconds = 120;  ///< of processor time: a case takes a fraction of a second, on a busy host too

const char* program_name = "";
char in_flight[4096];

void say(const char* text) {
    if (write(2, text, std::strlen(text)) < 0) _exit(3);
}

void name_case() {
    say(program_name);
    say(": the process dies in case:\n");
    say(in_flight);
}

void allow_seconds(time_t seconds) {
    const itimerval limit{{}, {seconds, 0}};
    setitimer(ITIMER_PROF, &limit, nullptr);
}

void on_signal(int signal) {
    name_case();
    say(signal == SIGPROF ? "the case hangs\n" : "by a signal\n");
    _exit(2);
}

}  // namespace

RunOptions::RunOptions() : seed(std::random_device{}()) {}

bool RunOptions::parse(int& argc, char** argv) {
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        const bool number = a == "--seconds" || a == "--minutes" || a == "--cases" || a == "--seed";
        if (number && i + 1 >= argc) return false;
        if (a == "--only") only = true;
        else if (a == "--seconds") seconds = std::strtod(argv[++i], nullptr);
        else if (a == "--minutes") seconds = 60 * std::strtod(argv[++i], nullptr);
        else if (a == "--cases") cases = std::strtoull(argv[++i], nullptr, 0);
        else if (a == "--seed") seed = std::strtoull(argv[++i], nullptr, 0);
        else argv[kept++] = argv[i];
    }
    argc = kept;
    return true;
}

void report_crashes(const char* program) {
    program_name = program;
    for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF}) signal(s, on_signal);
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(name_case);
}

void set_in_flight(const std::string& text) {
    std::snprintf(in_flight, sizeof in_flight, "%s\n", text.c_str());
    allow_seconds(kHangSeconds);
}

int run_cases(const RunOptions& o, const std::function<std::optional<std::string>(u64 seed)>& one,
              const std::function<std::string()>& summary) {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
    fmt::print("seed {}\n", o.seed);
    u64 done = 0;
    for (; o.only ? done < 1 : o.cases ? done < o.cases : elapsed() < o.seconds; ++done) {
        const auto problem = one(o.only ? o.seed : o.seed * 0x9e3779b97f4a7c15 + done);
        if (problem) return fmt::print("failure: {}\n{}", *problem, in_flight), 1;
    }
    allow_seconds(0);
    fmt::print("{} cases in {:.0f} s{}; 0 failures\n", done, elapsed(), summary());
    return done == 0;
}

}  // namespace twin86::fuzz
