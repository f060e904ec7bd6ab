// Xoshiro256**: small, fast, the same everywhere for a seed.
#pragma once

#include <initializer_list>

#include "base/types.h"

namespace twin86::diff {

class Random {
  public:
    explicit Random(u64 seed) {
        for (u64& word : s_) {  // splitmix64
            u64 z = (seed += 0x9e3779b97f4a7c15);
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            word = z ^ (z >> 31);
        }
    }
    u64 next() {
        const u64 result = rotl(s_[1] * 5, 7) * 9;
        const u64 t = s_[1] << 17;
        s_[2] ^= s_[0], s_[3] ^= s_[1], s_[1] ^= s_[2], s_[0] ^= s_[3];
        s_[2] ^= t;
        s_[3] = rotl(s_[3], 45);
        return result;
    }
    u64 below(u64 n) { return next() % n; }
    /// True with p in a thousand.
    bool chance(unsigned per_mille) { return below(1000) < per_mille; }
    template <class T>
    T pick(std::initializer_list<T> values) {
        return values.begin()[below(values.size())];
    }
    template <class C>
    auto& pick_from(C& c) {
        return c[below(c.size())];
    }

  private:
    static u64 rotl(u64 x, int k) { return (x << k) | (x >> (64 - k)); }
    u64 s_[4];
};

}  // namespace twin86::diff
