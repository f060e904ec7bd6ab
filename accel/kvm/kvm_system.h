// KvmSystem: /dev/kvm of this host: is it there, may we use it, and can it do what this engine needs.
//
// Linux Documentation/virt/kvm/api.rst; section names in comments are of that page.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"

namespace twin86::kvm {

class KvmSystem {
  public:
    /// Fails with one line that says what is missing and what to do.
    static Result<KvmSystem> open(const std::string& path = "/dev/kvm");

    int fd() const { return fd_.get(); }
    /// KVM_CHECK_EXTENSION.
    int check(int capability) const;
    /// Size of struct kvm_run with what follows it.
    u64 run_bytes() const { return run_bytes_; }

  private:
    KvmSystem(UniqueFd fd, u64 run_bytes) : fd_(std::move(fd)), run_bytes_(run_bytes) {}

    UniqueFd fd_;
    u64 run_bytes_;
};

/// Why open(2) of the device failed, and the remedy.
Error open_error(const std::string& path, int cause);

/// The first capability that is missing, with the Linux version that has it; empty when all are there.
std::string missing_capability(const std::function<int(int)>& check);

}  // namespace twin86::kvm
