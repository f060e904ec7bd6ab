// CodeCache: the bounded arena of emitted code, W^X through two mappings of one memfd.
#pragma once

#include <cstring>
#include <memory>

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
    const u8* next() const { return rx_ + used_; }
    u64 room() const { return size_ - used_; }
    u64 used() const { return used_; }
    u64 size() const { return size_; }
    /// Copies code emitted for next() into the arena.
    const u8* commit(const u8* code, u64 size);
    void* writable(const u8* executable) const { return rw_ + (executable - rx_); }
    bool contains(const void* pc) const { return static_cast<const u8*>(pc) >= rx_ && static_cast<const u8*>(pc) < rx_ + size_; }
    const u8* base() const { return rx_; }

    /// Everything committed after this point is dropped by reset_to_mark (thunks stay, blocks go).
    void mark() { mark_ = used_; }
    void reset_to_mark() { used_ = mark_; }

  private:
    CodeCache() = default;
    u8* rx_ = nullptr;
    u8* rw_ = nullptr;
    u64 size_ = 0, used_ = 0, mark_ = 0;
};

}  // namespace twin86::jit
