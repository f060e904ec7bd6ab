// twin86-diff: random instructions and blocks, natively and through the translator. See README.md.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "tests/diff/coverage.h"
#include "tests/diff/generator.h"
#include "tests/diff/segments.h"
#include "tests/diff/shrink.h"

namespace twin86::diff {

namespace {

struct Options {
    u64 cases = 100'000;
    u64 seed = 0;
    bool random_seed = true;
    std::optional<u64> only;
    std::string filter;
    bool singles = true, blocks = true, segments = false;
    unsigned bits = 64;
    unsigned minutes = 0;
    unsigned reports = 20;
    bool coverage = false;
    std::vector<std::string> listings;
    std::string write_listing;
};

constexpr std::string_view kUsage =
    "usage: twin86-diff [--cases N] [--minutes M] [--seed S] [--only INDEX] [--filter MNEMONIC] [--singles|--blocks|--segments]\n"
    "                   [--bits 64|32|16] [--reports N] [--coverage [--listing FILE]...] [--write-listing FILE]\n";

bool parse(int argc, char** argv, Options& o) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (a == "--singles") o.blocks = false;
        else if (a == "--blocks") o.singles = false;
        else if (a == "--segments") o.segments = true;
        else if (a == "--coverage") o.coverage = true;
        else if (value == nullptr) return false;
        else if (++i, a == "--cases") o.cases = std::strtoull(value, nullptr, 0);
        else if (a == "--seed") o.seed = std::strtoull(value, nullptr, 0), o.random_seed = false;
        else if (a == "--only") o.only = std::strtoull(value, nullptr, 0);
        else if (a == "--filter") o.filter = value;
        else if (a == "--bits") o.bits = static_cast<unsigned>(std::strtoul(value, nullptr, 0));
        else if (a == "--minutes") o.minutes = static_cast<unsigned>(std::strtoul(value, nullptr, 0));
        else if (a == "--listing") o.listings.push_back(value), o.coverage = true;
        else if (a == "--write-listing") o.write_listing = value, o.coverage = true;
        else if (a == "--reports") o.reports = static_cast<unsigned>(std::strtoul(value, nullptr, 0));
        else return false;
    }
    if (o.segments && o.bits == 64) o.bits = 16;
    return o.bits == 64 || o.bits == 32 || o.bits == 16;
}

// The case in flight, for the message when the translator itself crashes.
char replay[256];
u64 volatile replay_index;

void on_crash(int signal) {
    char text[320];
    const int n = std::snprintf(text, sizeof text, "twin86-diff: signal %d; replay: twin86-diff %s --only %llu (or up to %u later)\n", signal,
                                replay, static_cast<unsigned long long>(replay_index), NativeOracle::kBatch);
    if (write(2, text, static_cast<std::size_t>(n)) < 0) _exit(3);
    _exit(2);
}

class Run {
  public:
    explicit Run(const Options& o)
        : o_(o), corpus_(session_.decoder(), session_.model().features(), o.bits), generator_(corpus_, session_.decoder(), session_.model().features()) {
        if (!o_.filter.empty()) corpus_.keep(o_.filter);
        arguments_ = fmt::format("--seed {} --bits {}{}{}", o_.seed, o_.bits, o_.filter.empty() ? "" : " --filter " + o_.filter,
                                 o_.segments ? " --segments" : !o_.blocks ? " --singles" : !o_.singles ? " --blocks" : "");
        std::snprintf(replay, sizeof replay, "%s", arguments_.c_str());
    }

    int run() {
        if (corpus_.forms().empty()) return fmt::print(stderr, "no instruction matches '{}'\n", o_.filter), 2;
        const auto start = std::chrono::steady_clock::now();
        fmt::print("seed {}, {} mnemonics\n", o_.seed, corpus_.forms().size());
        const u64 first = o_.only.value_or(0), last = o_.only ? *o_.only + 1 : o_.minutes ? ~u64{0} : o_.cases;
        for (u64 at = first; at < last && reported_ < o_.reports; at += NativeOracle::kBatch) {
            batch(at, std::min<u64>(NativeOracle::kBatch, last - at));
            if (o_.minutes && std::chrono::steady_clock::now() - start > std::chrono::minutes(o_.minutes)) break;
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        for (const std::string& listing : o_.listings)
            if (!coverage_.add_listing(listing, session_.decoder())) return fmt::print(stderr, "{}: cannot be read\n", listing), 2;
        if (!o_.write_listing.empty() && !coverage_.write_listing(o_.write_listing)) return fmt::print(stderr, "{}: cannot be written\n", o_.write_listing), 2;
        if (o_.coverage) fmt::print("{}", coverage_.report({&corpus_}, session_.decoder()));
        fmt::print("{} cases compared ({:.0f} per second), {} differ, {} not comparable ({} native restarts); {} ended in exceptions\n", compared_,
                   static_cast<double>(compared_) / seconds, differing_, skipped_, session_.restarts(), exceptions_);
        return differing_ != 0;
    }

  private:
    Case generate(u64 index) const {
        Random r(o_.seed * 0x9e3779b97f4a7c15 + index);
        const bool block = o_.blocks && (!o_.singles || index % 2 != 0);
        for (;;) {
            Case c = o_.segments ? segments(r) : block ? generator_.block(r) : index % 8 == 0 ? generator_.mangled(r) : generator_.single(r);
            if (session_.usable(c)) return c;
        }
    }

    Case segments(Random& r) const { return o_.bits == 32 || r.chance(300) ? generator_.code_segments(r) : generator_.segments(r); }

    void batch(u64 first, u64 count) {
        replay_index = first;
        std::vector<Case> cases;
        for (u64 i = 0; i < count; ++i) cases.push_back(generate(first + i));
        if (o_.only) fmt::print("{}", cases[0].describe()), std::fflush(stdout);  // it may crash
        std::vector<Verdict> verdicts(count);
        const u64 restarts = session_.restarts();
        session_.judge(cases, verdicts);
        if (session_.restarts() != restarts) fmt::print("native child lost in batch {}\n", first);
        for (u64 i = 0; i < count; ++i) {
            const Verdict& v = verdicts[i];
            if (!v.comparable) {
                ++skipped_;
                if (o_.only) fmt::print("no native result\n");
                continue;
            }
            ++compared_;
            exceptions_ += v.vector != kVectorBP;
            if (o_.coverage) coverage_.add(cases[i], v.vector, session_.decoder());
            if (!v.differences.empty()) difference(first + i, cases[i], v);
        }
    }

    void difference(u64 index, const Case& c, const Verdict& v) {
        ++differing_;
        const bool known = c.program.items.size() == 1 && c.program.items[0].mnemonic != 0;
        if (!o_.only && known && ++seen_[c.program.items[0].mnemonic] > 1) return;
        const Case small = shrink(session_, c);
        if (!o_.only && small.program.items.size() <= 2 && c.program.items.size() > 1) {
            u32 key = 0x10000;
            for (const Item& i : small.program.items) key = key * 1800 + i.mnemonic;
            if (++seen_[key] > 1) return;
        }
        const Verdict again = session_.judge(small);
        fmt::print("--- case {}; replay: twin86-diff {} --only {}\n{}", index, arguments_, index, small.describe());
        for (const std::string& line : again.differences.empty() ? v.differences : again.differences) fmt::print("  {}\n", line);
        if (again.differences.empty()) fmt::print("  (not reproducible on its own)\n{}", c.describe());
        std::fflush(stdout);
        ++reported_;
    }

    const Options& o_;
    Session session_;
    Corpus corpus_;
    Generator generator_;
    Coverage coverage_;
    std::string arguments_;
    std::map<u32, unsigned> seen_;
    u64 compared_ = 0, differing_ = 0, skipped_ = 0, exceptions_ = 0;
    unsigned reported_ = 0;
};

}  // namespace

}  // namespace twin86::diff

int main(int argc, char** argv) {
    using namespace twin86::diff;
    Options options;
    if (!parse(argc, argv, options)) {
        fmt::print(stderr, "{}", kUsage);
        return 2;
    }
    if (options.random_seed) options.seed = std::random_device{}();
    if ((options.bits == 16 || options.segments) && !host_has_ldt()) {
        fmt::print(stderr, "twin86-diff: the host has no modify_ldt: no 16-bit code natively\n");
        return 77;  // meson: skipped
    }
    for (const int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(s, on_crash);
    return Run(options).run();
}
