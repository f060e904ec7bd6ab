#include "ui/terminal/terminal_backend.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <thread>

#include "tests/unit/ui/char_rig.h"
#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct PtyPair {
    PtyPair() : master(::posix_openpt(O_RDWR | O_NOCTTY)) {
        REQUIRE(master);
        REQUIRE(::grantpt(master.get()) == 0);
        REQUIRE(::unlockpt(master.get()) == 0);
        slave.reset(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY));
        REQUIRE(slave);
    }
    termios mode() const {
        termios t{};
        REQUIRE(::tcgetattr(slave.get(), &t) == 0);
        return t;
    }
    UniqueFd master, slave;
};

struct PipePair {
    PipePair() {
        int fds[2];
        REQUIRE(::pipe(fds) == 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    UniqueFd read, write;
};

constexpr tcflag_t kCooked = ECHO | ICANON | ISIG;

}  // namespace

TEST_CASE("a terminal is raw while the back-end lives and passes bytes both ways") {
    CharRig rig;
    PtyPair pty;
    const termios before = pty.mode();
    REQUIRE((before.c_lflag & kCooked) == kCooked);
    {
        TerminalBackend backend(rig.loop, {pty.slave.get(), pty.slave.get(), false});
        backend.set_receiver(&rig.receiver);
        CHECK((pty.mode().c_lflag & kCooked) == 0);
        REQUIRE(::write(pty.master.get(), "a\x03\x1a", 3) == 3);
        CHECK(rig.run_until([&] { return rig.receiver.text.size() == 3; }));
        CHECK(rig.receiver.text == "a\x03\x1a");
        write_text(backend, "prompt");  // no newline: the loop writes it
        std::string seen;
        CHECK(rig.run_until([&] { return (seen += read_available(pty.master.get())) == "prompt"; }));
    }
    CHECK(pty.mode().c_lflag == before.c_lflag);
    CHECK(pty.mode().c_iflag == before.c_iflag);
}

TEST_CASE("Ctrl-C stays a signal when signals are kept") {
    CharRig rig;
    PtyPair pty;
    const TerminalBackend backend(rig.loop, {pty.slave.get(), pty.slave.get(), true});
    CHECK((pty.mode().c_lflag & kCooked) == ISIG);
}

TEST_CASE("the terminal is restored by fatal signals and by exit") {
    for (const int signal : {SIGSEGV, SIGABRT, SIGTERM, SIGHUP, 0}) {
        PtyPair pty;
        const termios before = pty.mode();
        int to_parent[2];
        REQUIRE(::pipe(to_parent) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            // The test framework's own handlers must not be taken for somebody who restores the terminal.
            for (const int s : {SIGSEGV, SIGABRT, SIGTERM, SIGHUP}) ::signal(s, SIG_DFL);
            auto* raw = new RawTerminal(pty.slave.get(), false);
            const bool is_raw = raw->is_terminal() && (pty.mode().c_lflag & kCooked) == 0;
            [[maybe_unused]] const ssize_t n = ::write(to_parent[1], is_raw ? "y" : "n", 1);
            if (signal == 0) std::exit(0);
            ::raise(signal);
            ::_exit(99);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        char answer = 0;
        REQUIRE(::read(to_parent[0], &answer, 1) == 1);
        ::close(to_parent[0]);
        ::close(to_parent[1]);
        CHECK(answer == 'y');
        if (signal != 0) {
            REQUIRE(WIFSIGNALED(status));
            CHECK(WTERMSIG(status) == signal);
        }
        CHECK(pty.mode().c_lflag == before.c_lflag);
    }
}

TEST_CASE("pipes work, and end of file on the input is not the end of the output") {
    CharRig rig;
    PipePair in, out;
    TerminalBackend backend(rig.loop, {in.read.get(), out.write.get(), true});
    backend.set_receiver(&rig.receiver);
    REQUIRE(::write(in.write.get(), "bye", 3) == 3);
    in.write.reset();
    CHECK(rig.run_until([&] { return rig.receiver.text == "bye"; }));
    for (int i = 0; i < 3; ++i) rig.loop.run_once(0);
    write_text(backend, "still here\n");
    CHECK(read_available(out.read.get()) == "still here\n");
}

TEST_CASE("input waits while the receiver has no room") {
    CharRig rig;
    PipePair in, out;
    TerminalBackend backend(rig.loop, {in.read.get(), out.write.get(), true});
    rig.receiver.room = 2;
    backend.set_receiver(&rig.receiver);
    REQUIRE(::write(in.write.get(), "12345", 5) == 5);
    CHECK(rig.run_until([&] { return rig.receiver.text == "12"; }));
    for (int i = 0; i < 3; ++i) rig.loop.run_once(0);
    CHECK(rig.receiver.text == "12");
    rig.receiver.room = 100;
    backend.receiver_ready();
    CHECK(rig.run_until([&] { return rig.receiver.text == "12345"; }));
}

TEST_CASE("a slow pipe reader gets every byte, and the pipe's flags stay as they were") {
    CharRig rig;
    PipePair in, out;
    const int flags = ::fcntl(out.write.get(), F_GETFL);
    std::string expected, seen;
    for (int i = 0; i < 100'000; ++i) expected += "line " + std::to_string(i) + "\n";  // far above the bound
    std::thread reader;
    {
        TerminalBackend backend(rig.loop, {in.read.get(), out.write.get(), true});
        CHECK(::fcntl(out.write.get(), F_GETFL) == flags);
        reader = std::thread([&] {
            char buffer[512];
            while (seen.size() < expected.size()) {
                const ssize_t n = ::read(out.read.get(), buffer, sizeof buffer);
                if (n <= 0) break;
                seen.append(buffer, static_cast<std::size_t>(n));
            }
        });
        for (std::size_t at = 0; at < expected.size(); at += 1000) write_text(backend, std::string_view(expected).substr(at, 1000));
    }
    reader.join();
    CHECK(seen.size() == expected.size());
    CHECK((seen == expected));
}

TEST_CASE("a reader that goes away, and closed descriptors, are no error") {
    CharRig rig;
    PipePair in, out;
    TerminalBackend backend(rig.loop, {in.read.get(), out.write.get(), true});
    out.read.reset();
    for (int i = 0; i < 1000; ++i) write_text(backend, "into the void\n");
    for (int i = 0; i < 3; ++i) rig.loop.run_once(0);
    TerminalBackend closed(rig.loop, {-1, -1, true});
    closed.set_receiver(&rig.receiver);
    write_text(closed, "nowhere\n");
    CHECK(rig.receiver.text.empty());
}

TEST_CASE("a stuck reader does not keep a terminating process") {
    CharRig rig;
    PipePair in, out;
    auto signals = rig.loop.on_signals({SIGTERM}, [](int) {});
    TerminalBackend backend(rig.loop, {in.read.get(), out.write.get(), true});
    ::kill(::getpid(), SIGTERM);  // is not delivered: the loop does not run
    const std::string block(OutputBuffer::kBound, 'x');
    for (int i = 0; i < 4; ++i) write_text(backend, block);
    out.read.reset();
    for (int i = 0; i < 3; ++i) rig.loop.run_once(0);
    CHECK(true);  // reaching this line is the test: without the check write() waits for ever
}
