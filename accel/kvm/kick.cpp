#include "accel/kvm/kick.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "accel/kvm/kvm_requests.h"

namespace twin86::kvm {

namespace {

/// Real-time signals below are glibc's and debuggers'.
int kick_signal() {
    return SIGRTMIN + 5;
}

sigset_t only_kick() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, kick_signal());
    return set;
}

/// struct kvm_signal_mask with the kernel's own set of 64 signals behind it.
struct SignalMask {
    u32 bytes;
    u8 set[8];
};

}  // namespace

Status Kick::bind() {
    const pid_t self = ::gettid();
    if (bound_ == self) return {};
    const sigset_t kick = only_kick();
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, &kick, &mask);
    sigdelset(&mask, kick_signal());
    SignalMask inside{8, {}};
    std::memcpy(inside.set, &mask, sizeof inside.set);
    if (const int r = vcpu_.call(kSetSignalMask, &inside); r < 0)
        return error("KVM_SET_SIGNAL_MASK: {}", std::strerror(-r));
    bound_ = self;
    thread_ = self;
    return {};
}

bool Kick::begin() {
    inside_ = true;
    if (!wanted_.exchange(false)) return true;
    inside_ = false;
    return false;
}

void Kick::end() {
    inside_ = false;
    vcpu_.run().immediate_exit = 0;
}

void Kick::consume() {
    const sigset_t kick = only_kick();
    const timespec now{};
    while (sigtimedwait(&kick, nullptr, &now) > 0) {
    }
}

void Kick::operator()() {
    wanted_ = true;
    if (!inside_) return;
    __atomic_store_n(&vcpu_.run().immediate_exit, 1, __ATOMIC_SEQ_CST);
    ::tgkill(::getpid(), thread_, kick_signal());
}

}  // namespace twin86::kvm
