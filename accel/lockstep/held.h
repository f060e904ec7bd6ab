// Held: devices, time and other threads stand still while it lives.
#pragma once

#include "accel/environment.h"

namespace twin86 {

class Held {
  public:
    explicit Held(VcpuEnvironment& machine) : machine_(machine) { machine_.hold_devices(); }
    ~Held() { machine_.release_devices(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

  private:
    VcpuEnvironment& machine_;
};

}  // namespace twin86
