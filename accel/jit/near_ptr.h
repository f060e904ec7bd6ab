// NearPtr: a pointer in 4 bytes, from one record of an Arena to another. It counts from its own place, so it is not copied.
#pragma once

#include "base/check.h"
#include "base/types.h"

namespace twin86::jit {

template <class T>
class NearPtr {
  public:
    /// Both are multiples of this away from each other; they lie within 2^31 times as much.
    static constexpr i64 kUnit = 4;

    NearPtr() = default;
    NearPtr(const NearPtr&) = delete;
    NearPtr& operator=(const NearPtr&) = delete;

    NearPtr& operator=(T* to) {
        const i64 bytes = to == nullptr ? 0 : static_cast<i64>(reinterpret_cast<u64>(to) - reinterpret_cast<u64>(this));
        distance_ = static_cast<i32>(bytes / kUnit);
        CHECK(distance_ * kUnit == bytes, "a record lies {} bytes away", bytes);
        return *this;
    }
    T* get() const {
        return distance_ == 0 ? nullptr : reinterpret_cast<T*>(reinterpret_cast<u64>(this) + static_cast<u64>(distance_ * kUnit));
    }
    operator T*() const { return get(); }
    T* operator->() const { return get(); }
    T& operator*() const { return *get(); }

  private:
    i32 distance_ = 0;
};

}  // namespace twin86::jit
