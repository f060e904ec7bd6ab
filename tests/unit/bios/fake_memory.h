// RAM for loader tests: lazily allocated, with counters of what was refused.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "bios/boot_memory.h"

namespace twin86 {

class FakeMemory : public BootMemory {
  public:
    explicit FakeMemory(u64 low, u64 high = 0) : low_(low), high_(high) {
        ram_ = static_cast<u8*>(
            mmap(nullptr, low + high, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    }
    ~FakeMemory() override { munmap(ram_, low_ + high_); }
    FakeMemory(const FakeMemory&) = delete;

    u64 low_size() const override { return low_; }
    u64 high_size() const override { return high_; }
    bool write(Gpa address, std::span<const u8> from) override {
        u8* at = find(address, from.size());
        if (at == nullptr) return false;
        std::memcpy(at, from.data(), from.size());
        return true;
    }
    bool read(Gpa address, std::span<u8> to) override {
        u8* at = find(address, to.size());
        if (at == nullptr) return false;
        std::memcpy(to.data(), at, to.size());
        return true;
    }
    template <class T>
    T get(Gpa address) {
        T value{};
        const bool ok = read(address, std::span(reinterpret_cast<u8*>(&value), sizeof value));
        if (!ok) throw std::out_of_range("not RAM");
        return value;
    }
    std::vector<u8> bytes(Gpa address, u64 size) {
        std::vector<u8> to(size);
        if (!read(address, to)) throw std::out_of_range("not RAM");
        return to;
    }
    std::string text(Gpa address) {
        std::string s;
        while (const char c = get<char>(address++)) s.push_back(c);
        return s;
    }

  private:
    u8* find(Gpa address, u64 size) {
        if (address <= low_ && size <= low_ - address) return ram_ + address;
        if (address < 4 * GiB || address - 4 * GiB > high_ || size > high_ - (address - 4 * GiB)) return nullptr;
        return ram_ + low_ + (address - 4 * GiB);
    }
    u64 low_, high_;
    u8* ram_;
};

}  // namespace twin86
