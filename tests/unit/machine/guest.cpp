#include "guest.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace twin86::test {

TempFile::TempFile(std::span<const u8> content) : path_("/tmp/twin86-test-XXXXXX") {
    const int fd = mkstemp(path_.data());
    CHECK(fd >= 0 && ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    ::close(fd);
}

TempFile::~TempFile() { ::unlink(path_.c_str()); }

/// Multiboot Specification 0.6.96, 3.1, with the address fields.
std::vector<u8> multiboot_image(std::span<const u8> code) {
    const u32 magic = 0x1badb002, flags = 1 << 16;
    const u32 header[8] = {magic, flags, 0 - magic - flags, kHeaderBase, kHeaderBase, 0, 0, kCodeBase};
    std::vector<u8> image(sizeof header + code.size());
    std::memcpy(image.data(), header, sizeof header);
    std::copy(code.begin(), code.end(), image.begin() + sizeof header);
    return image;
}

Guest::Guest(std::span<const u8> code, Options options) : kernel_(multiboot_image(code)) {
    options.kernel = kernel_.path();
    options.ram_bytes = 16 * MiB;
    options.accel.code_cache_bytes = 4 * MiB;
    options.accel.engines = {"jit"};
    auto created = Machine::create(options, lock, loop_, {&serial}, log_);
    CHECK(bool(created), "{}", created.failure().message);
    machine_ = created.take();
}

Guest::~Guest() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock held(lock);
        machine_->quit(0);
    }
    thread_.join();
}

void Guest::start() {
    thread_ = std::thread([this] { status_ = machine_->run(); });
}

int Guest::wait() {
    thread_.join();
    return status_;
}

u32 Guest::counter() {
    u32 value = 0;
    const std::scoped_lock held(lock);
    CHECK(machine_->phys().dma_read(kCounter, {reinterpret_cast<u8*>(&value), sizeof value}));
    return value;
}

std::string Guest::text() {
    const std::scoped_lock held(lock);
    return serial.text;
}

void Guest::wait_for_counter(u32 above) {
    while (counter() <= above) std::this_thread::yield();
}

void Guest::wait_for_text(std::size_t length) {
    while (text().size() < length) std::this_thread::yield();
}

void Guest::wait_for_state(RunState state) {
    for (;;) {
        {
            const std::scoped_lock held(lock);
            if (machine_->run_state() == state) return;
        }
        std::this_thread::yield();
    }
}

}  // namespace twin86::test
