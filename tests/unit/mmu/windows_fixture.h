// Page tables in guest RAM and the windows on them; what the host's own page tables allow is asked of child processes.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmu/windows.h"
#include "tests/unit/mmu/fixture.h"

namespace twin86 {

inline constexpr u64 kPcide = 1 << 17;

/// What the host lets a process do at an address.
enum class HostRights { kNothing, kRead, kWrite };

/// A child process reads the byte and writes it back; where it dies says what it may. Other deaths fail the test.
inline HostRights host_rights(const void* address) {
    auto* const stage =
        static_cast<volatile int*>(mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    REQUIRE(stage != MAP_FAILED);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit no_core{};
        setrlimit(RLIMIT_CORE, &no_core);
        for (const int s : {SIGSEGV, SIGBUS, SIGABRT}) signal(s, SIG_DFL);
        auto* const at = static_cast<volatile u8*>(const_cast<void*>(address));
        const u8 value = *at;
        *stage = 1;
        *at = value;
        *stage = 2;
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    const HostRights rights = *stage == 0 ? HostRights::kNothing : *stage == 1 ? HostRights::kRead : HostRights::kWrite;
    munmap(const_cast<int*>(stage), kPageSize);
    REQUIRE((rights == HostRights::kWrite ? WIFEXITED(status) : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
    return rights;
}

/// Windows are on at once with `always`; WindowPolicy has tests of its own.
struct WindowMachine : Memory, PhysMapListener {
    explicit WindowMachine(u64 size = 32 * MiB, bool always = true) : Memory(size, size), root(new_page()) {
        windows = Windows::create(*map, {user, supervisor, supervisor_ac}, always);
        REQUIRE(windows != nullptr);
        map->add_listener(*this);
        windows->switch_space(context(), false);
    }
    ~WindowMachine() override { map->remove_listener(*this); }

    void writes_protected(Gpa base, u64 bytes) override { windows->protect(base, bytes); }
    void range_remapped(Gpa base, u64 bytes) override { windows->forget(base, bytes); }

    /// A zeroed page for tables; those of the tests' data lie from kData on.
    static constexpr Gpa kData = 16 * MiB;
    Gpa new_page() { return next_ += kPageSize; }

    /// The entry of `address` in the table of a level (1: PTE), whose upper tables are made on the way.
    Gpa slot(Gva address, unsigned level = 1) {
        Gpa table = root;
        for (unsigned at = 4;; --at) {
            const Gpa entry = table + (address >> (12 + 9 * (at - 1)) & 511) * 8;
            if (at == level) return entry;
            if (!(get<u64>(entry) & kP)) put<u64>(entry, new_page() | kP | kRw | kUs);
            table = get<u64>(entry) & 0xf'ffff'ffff'f000;
        }
    }
    void page(Gva address, Gpa physical, u64 flags, unsigned level = 1) {
        put<u64>(slot(address, level), physical | kP | flags | (level > 1 ? kPs : 0));
    }
    u64 entry(Gva address, unsigned level = 1) { return get<u64>(slot(address, level)); }
    bool accessed(Gva address, unsigned level = 1) { return entry(address, level) & kA; }
    bool dirty(Gva address, unsigned level = 1) { return entry(address, level) & kD; }

    PagingContext context() const {
        PagingContext c;
        c.cr0 = kCr0 | kWp;
        c.cr3 = root | pcid;
        c.cr4 = kPae | kPge | kPcide | kSmap;
        c.efer = kLma | kNxe;
        return c;
    }
    Windows::Fill read(Gva address) { return windows->fill(address, false, context()).what; }
    Windows::Fill write(Gva address) { return windows->fill(address, true, context()).what; }
    /// An address space of its own, empty, with this PCID; current from now on.
    void enter(Gpa table, u64 with_pcid, bool stale) {
        root = table;
        pcid = with_pcid;
        windows->switch_space(context(), stale);
    }

    static u8* host(const u64* table, Gva a) { return reinterpret_cast<u8*>(a + table[a >> 39 & 511]); }
    u8* as_user(Gva a) const { return host(user, a); }
    u8* as_supervisor(Gva a) const { return host(supervisor, a); }
    u8* as_supervisor_ac(Gva a) const { return host(supervisor_ac, a); }
    HostRights rights(Gva a) const { return host_rights(a >> 63 ? as_supervisor(a) : as_user(a)); }
    u64 mapped() const { return windows->counters().runs - windows->counters().unmapped; }

    u64 user[512], supervisor[512], supervisor_ac[512];
    Gpa next_ = 0;
    Gpa root;
    u64 pcid = 0;
    std::unique_ptr<Windows> windows;
};

using Fill = Windows::Fill;
inline constexpr u64 kUserRw = kUs | kRw;
inline constexpr Gva kVa = 0x0000'1234'5678'9000;

}  // namespace twin86
