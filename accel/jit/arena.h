// Arena: memory for the records of translations, which live until all of them go. Nothing in it is destroyed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/types.h"

namespace twin86::jit {

class Arena {
  public:
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

    struct Mark {
        std::size_t chunk = 0, used = 0;
    };
    Mark mark() const { return {chunk_, used_}; }
    /// What was taken since goes.
    void rewind(Mark to) { chunk_ = to.chunk, used_ = to.used; }
    void clear() { rewind({}); }
    u64 bytes() const { return chunk_ * kChunk + used_; }

  private:
    static constexpr std::size_t kChunk = 256 * KiB;

    void* take(std::size_t bytes, std::size_t alignment) {
        used_ = (used_ + alignment - 1) & ~(alignment - 1);
        if (used_ + bytes > kChunk || chunks_.empty()) next_chunk();
        return chunks_[chunk_].get() + std::exchange(used_, used_ + bytes);
    }
    void next_chunk() {
        if (!chunks_.empty()) ++chunk_;
        if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunk));
        used_ = 0;
    }

    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::size_t chunk_ = 0, used_ = 0;
};

}  // namespace twin86::jit
