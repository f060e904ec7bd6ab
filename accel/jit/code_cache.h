// CodeCache: the bounded arena of emitted code, W^X through two mappings of one memfd.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/types.h"

namespace twin86::jit {

class CodeCache {
  public:
    /// Reserves `size` bytes twice: executable and writable. Errors: no memory, or executable mappings forbidden.
    static Result<std::unique_ptr<CodeCache>> create(u64 size);
    ~CodeCache();
    CodeCache(const CodeCache&) = delete;
    CodeCache& operator=(const CodeCache&) = delete;

    /// Where the next piece of code will execute. Not aligned: processors predict indirect branches by the low bits of
    /// the addresses that led there (Zen 4: 14 ns -> 2 ns a dispatch in a small interpreter).
    const u8* next() const { return rx_ + hot_; }
    /// The same for code that hardly ever runs. It lies apart: what runs fills the host's caches by itself.
    const u8* next_cold() const { return rx_ + cold_; }
    u64 room() const { return std::min(size_ / 2 - hot_, size_ - cold_); }
    u64 used() const { return hot_ + cold_ - size_ / 2; }
    u64 size() const { return size_; }
    /// Copies code emitted for next() and next_cold() into the arena.
    void commit(std::span<const u8> hot, std::span<const u8> cold);
    /// The last `size` bytes of hot code are overwritten by the next piece.
    void give_back(u32 size) { hot_ -= size; }
    void* writable(const u8* executable) const { return rw_ + (executable - rx_); }
    bool contains(const void* pc) const { return static_cast<const u8*>(pc) >= rx_ && static_cast<const u8*>(pc) < rx_ + size_; }
    const u8* base() const { return rx_; }
    const u8* cold_base() const { return rx_ + size_ / 2; }

    /// Everything committed after this point is dropped by reset_to_mark (thunks stay, blocks go).
    void mark() { mark_ = hot_; }
    void reset_to_mark() { hot_ = mark_, cold_ = size_ / 2; }

  private:
    CodeCache() = default;
    u8* rx_ = nullptr;
    u8* rw_ = nullptr;
    u64 size_ = 0, hot_ = 0, cold_ = 0, mark_ = 0;
};

}  // namespace twin86::jit
