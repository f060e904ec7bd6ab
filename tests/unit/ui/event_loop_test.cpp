#include "ui/terminal/event_loop.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "base/host_time.h"

using namespace twin86;

namespace {

struct Pipe {
    Pipe() {
        int fds[2];
        REQUIRE(::pipe(fds) == 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    UniqueFd read, write;
};

}  // namespace

TEST_CASE("a readable descriptor calls back under the machine lock") {
    std::mutex lock;
    EventLoop loop(lock);
    Pipe pipe;
    int calls = 0;
    bool was_locked = false;
    FdWatch watch = loop.add_fd(pipe.read.get(), POLLIN, [&](short) {
        char c;
        REQUIRE(::read(pipe.read.get(), &c, 1) == 1);
        std::thread([&] { was_locked = !lock.try_lock(); }).join();
        ++calls;
    });
    REQUIRE(::write(pipe.write.get(), "x", 1) == 1);
    loop.run_once();
    if (calls == 0) loop.run_once();  // the first return may be the wake of add_fd
    CHECK(calls == 1);
    CHECK(was_locked);
}

TEST_CASE("a deadline in the past does not wait") {
    std::mutex lock;
    EventLoop loop(lock);
    loop.run_once(0);
    const u64 deadline = monotonic_ns() + 2'000'000;
    while (monotonic_ns() < deadline) loop.run_once(deadline);
    CHECK(monotonic_ns() >= deadline);
}

TEST_CASE("wake ends a wait without deadline") {
    std::mutex lock;
    EventLoop loop(lock);
    std::atomic<bool> woken{false};
    std::thread waiter([&] {
        loop.run_once();
        woken = true;
    });
    loop.wake();
    waiter.join();
    CHECK(woken);
}

TEST_CASE("a watch may be dropped inside its own callback and by another one") {
    std::mutex lock;
    EventLoop loop(lock);
    Pipe a, b;
    int calls = 0;
    FdWatch first, second;
    const auto drop_both = [&](short) {
        ++calls;
        first.release();
        second.release();
    };
    first = loop.add_fd(a.read.get(), POLLIN, drop_both);
    second = loop.add_fd(b.read.get(), POLLIN, drop_both);
    REQUIRE(::write(a.write.get(), "x", 1) == 1);
    REQUIRE(::write(b.write.get(), "x", 1) == 1);
    for (int i = 0; i < 3; ++i) loop.run_once(0);
    CHECK(calls == 1);
}

TEST_CASE("no events means not even a hang-up") {
    std::mutex lock;
    EventLoop loop(lock);
    Pipe pipe;
    int calls = 0;
    FdWatch watch = loop.add_fd(pipe.read.get(), 0, [&](short) { ++calls; });
    pipe.write.reset();
    for (int i = 0; i < 3; ++i) loop.run_once(0);
    CHECK(calls == 0);
    watch.set_events(POLLIN);
    loop.run_once(0);
    CHECK(calls == 1);
}

TEST_CASE("signals arrive as callbacks") {
    std::mutex lock;
    EventLoop loop(lock);
    int got = 0;
    auto signals = loop.on_signals({SIGUSR1, SIGTERM}, [&](int signal) { got = signal; });
    ::kill(::getpid(), SIGTERM);
    for (int i = 0; i < 3 && got == 0; ++i) loop.run_once();
    CHECK(got == SIGTERM);
}

TEST_CASE("watches may outlive the loop") {
    std::mutex lock;
    FdWatch watch;
    Pipe pipe;
    {
        EventLoop loop(lock);
        watch = loop.add_fd(pipe.read.get(), POLLIN, [](short) {});
    }
    watch.set_events(0);
    CHECK(watch);
}
