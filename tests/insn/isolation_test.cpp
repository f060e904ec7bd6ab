// Isolation of windows: random programs full of wild pointers do through windows exactly what they do through the soft
// TLB, and no host memory outside of guest RAM changes.
//
// TWIN86_ISOLATION_CASES=N and TWIN86_ISOLATION_SEED=S make longer and other runs; a failure prints its seed.
#include "tests/insn/isolation_test.h"

#include <cstdlib>

namespace twin86::test {

namespace {

u64 from_environment(const char* name, u64 otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::strtoull(value, nullptr, 0) : otherwise;
}

constexpr u64 kCasesPerPair = 128;  // then fresh guests: instructions that miss too often stop using windows

}  // namespace

TEST_CASE("Random pointers through windows: the soft TLB's results, and nothing else in the host changes",
          "[insn][isolation]") {
    const u64 cases = from_environment("TWIN86_ISOLATION_CASES", 4000);
    const u64 first = from_environment("TWIN86_ISOLATION_SEED", 1);
    u64 fills = 0, normal_ends = 0;
    for (u64 seed = first; seed < first + cases;) {
        IsolationPair pair;
        for (u64 n = 0; n < kCasesPerPair && seed < first + cases; ++n, ++seed) {
            INFO("TWIN86_ISOLATION_SEED=" << seed);
            normal_ends += pair.run(seed) == kVectorBP;
        }
        fills += pair.window_fills();
    }
    // Otherwise this would be a test of something else.
    CHECK(fills > cases / 20);
    CHECK(normal_ends > cases / 500);
}

}  // namespace twin86::test
