// What the character back-end tests share: a loop, a receiver that collects, and a peer that reads until it has enough.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <string>

#include "base/host_time.h"
#include "ui/terminal/event_loop.h"
#include "ui/terminal/host_backend.h"

namespace twin86 {

struct CollectingReceiver : CharReceiver {
    std::size_t receive_room() const override { return room; }
    void receive(std::span<const u8> bytes) override {
        text.append(bytes.begin(), bytes.end());
        room -= bytes.size();
    }
    void receive_break() override { ++breaks; }
    std::string text;
    std::size_t room = 1 << 20;
    int breaks = 0;
};

struct CharRig {
    std::mutex lock;
    EventLoop loop{lock};
    CollectingReceiver receiver;

    /// Runs the loop until the condition holds; false when nothing happened for two seconds.
    template <class Condition>
    bool run_until(Condition&& done) {
        for (int i = 0; i < 200 && !done(); ++i) loop.run_once(monotonic_ns() + 10'000'000);
        return done();
    }
};

inline void write_text(CharBackend& backend, std::string_view text) {
    backend.write({reinterpret_cast<const u8*>(text.data()), text.size()});
}

/// What the peer's descriptor has now.
inline std::string read_available(int fd) {
    std::string text;
    char buffer[4096];
    pollfd p{fd, POLLIN, 0};
    while (::poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n <= 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

}  // namespace twin86
