// Arena: memory for the records of translations, which live until all of them go. Nothing in it is destroyed. It is one piece of
// address space, so that records reach each other by NearPtr.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

#include "base/types.h"

namespace twin86::jit {

class Arena {
  public:
    /// `size`: the most that may be taken. Address space alone, until it is.
    explicit Arena(u64 size);
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// A record, value-initialised.
    template <class T>
    T* make() {
        static_assert(std::is_trivially_destructible_v<T>);
        return new (take(sizeof(T), alignof(T))) T{};
    }
    /// Room for `count` elements, which the caller fills.
    template <class T>
    std::span<T> room(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);
        return {static_cast<T*>(take(count * sizeof(T), alignof(T))), count};
    }

    /// What has been taken, for rewind().
    using Mark = u64;
    Mark mark() const { return used_; }
    /// What was taken since goes.
    void rewind(Mark to) { used_ = to; }
    void clear() { rewind(0); }
    u64 bytes() const { return used_; }
    u64 left() const { return size_ - used_; }

  private:
    void* take(std::size_t bytes, std::size_t alignment) {
        used_ = (used_ + alignment - 1) & ~(alignment - 1);
        if (used_ + bytes > open_) open(used_ + bytes);
        std::byte* const at = base_ + used_;
        used_ += bytes;
        return at;
    }
    void open(u64 end);

    std::byte* base_;
    u64 size_, open_ = 0, used_ = 0;
};

}  // namespace twin86::jit
