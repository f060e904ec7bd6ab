// Held: a part of the state as KVM has it, while that is known: asking and telling cost microseconds each.
#pragma once

#include <cstring>

#include "base/types.h"

namespace twin86::kvm {

/// As bytes: struct kvm_xsave ends in an array of any size.
template <class T>
class Held {
  public:
    void forget() { known_ = false; }
    bool known() const { return known_; }
    bool is(const T& value) const { return known_ && std::memcmp(bytes_, &value, sizeof value) == 0; }
    void hold(const T& value) { std::memcpy(bytes_, &value, sizeof value), known_ = true; }
    void copy_to(T& value) const { std::memcpy(&value, bytes_, sizeof value); }

  private:
    bool known_ = false;
    u8 bytes_[sizeof(T)];
};

}  // namespace twin86::kvm
