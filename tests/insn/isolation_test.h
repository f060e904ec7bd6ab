// Two guests with equal memory, one behind windows and one behind the soft TLB, and what must not change around them.
#pragma once

#include <memory>
#include <vector>

#include "tests/insn/insn_test.h"

namespace twin86::test {

/// Host memory next to the windows that nobody may write to.
class Canaries {
  public:
    Canaries();
    ~Canaries();
    bool intact() const;

  private:
    void plant(u64 address);
    std::vector<u64*> pages_;
};

class IsolationPair {
  public:
    IsolationPair();
    ~IsolationPair();

    /// One random program in both guests; fails the test when they differ. The vector of the exception that ended it.
    int run(u64 seed);
    u64 window_fills();

  private:
    struct Program;
    void map_memory(JitGuest& guest);
    GuestStop run_one(JitGuest& guest, const Program& program);
    void compare(const GuestStop& shadow, const GuestStop& soft);

    std::unique_ptr<JitGuest> shadow_, soft_;
    std::unique_ptr<Canaries> canaries_;
};

/// Remembers what this process has mapped. Returns where new windows begin and end.
std::pair<u64, u64> look_at_host();
/// Page-aligned addresses of user pages (first) and of kernel pages; near the borders of regions of 512 GiB.
const std::vector<Gva>& user_islands();
const std::vector<Gva>& kernel_islands();
/// Addresses that programs start with: guest memory, what lies near borders, what is not canonical, and places in the
/// host, as they are and as the windows' deltas would lead there.
std::vector<u64> wild_pointers(u64 seed);
/// A program for `at`, which ends by going to `end`.
std::vector<u8> wild_program(u64 seed, Gva at, Gva end);

}  // namespace twin86::test
