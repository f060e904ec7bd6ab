// Guest: a machine with a hand-made Multiboot kernel, run on a thread of its own.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "machine/machine.h"

namespace twin86::test {

/// A file that goes away with this.
class TempFile {
  public:
    explicit TempFile(std::span<const u8> content);
    ~TempFile();
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Code loaded at kCodeBase and entered in flat 32-bit mode, behind a Multiboot header.
constexpr u32 kHeaderBase = 0x100000, kCodeBase = 0x100020, kCounter = 0x200000;
std::vector<u8> multiboot_image(std::span<const u8> code);

/// What the guest writes to its serial port. Looked at with the machine's lock held.
class Capture : public CharBackend {
  public:
    void write(std::span<const u8> bytes) override { text.append(bytes.begin(), bytes.end()); }
    void set_receiver(CharReceiver*) override {}
    void receiver_ready() override {}
    std::string text;
};

class Guest {
  public:
    explicit Guest(std::span<const u8> code, Options options = {});
    ~Guest();

    /// Starts the machine's main loop on its thread.
    void start();
    /// Waits for the end; the exit status.
    int wait();

    std::mutex lock;
    Capture serial;
    Machine& machine() { return *machine_; }
    /// The dword at kCounter.
    u32 counter();
    std::string text();
    /// Waits until the counter is above this.
    void wait_for_counter(u32 above);
    void wait_for_text(std::size_t length);
    void wait_for_state(RunState state);

  private:
    TempFile kernel_;
    Log log_;
    EventLoop loop_{lock};
    std::unique_ptr<Machine> machine_;
    std::thread thread_;
    int status_ = -1;
};

}  // namespace twin86::test
