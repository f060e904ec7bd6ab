#include "ui/terminal/raw_terminal.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace twin86 {
namespace {

constexpr std::array kFatalSignals{SIGHUP, SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                   SIGFPE, SIGSEGV, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS,  SIGALRM};

// Signal handlers take no context argument, so the terminal they restore is found here.
std::atomic<const RawTerminal*> protected_terminal{nullptr};

/// tcsetattr from the background would stop the process unless SIGTTOU is blocked.
class SigttouBlock {
  public:
    SigttouBlock() {
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGTTOU);
        pthread_sigmask(SIG_BLOCK, &mask, &old_);
    }
    ~SigttouBlock() { pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

  private:
    sigset_t old_{};
};

bool in_foreground(int fd) {
    const pid_t group = ::tcgetpgrp(fd);
    return group < 0 || group == ::getpgrp();  // not our controlling terminal: nobody else arbitrates it
}

termios make_raw(termios mode, bool keep_signals) {
    mode.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    mode.c_oflag |= OPOST;  // our own lines on the same terminal end in \n alone
    mode.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | IEXTEN);
    if (!keep_signals) mode.c_lflag &= ~static_cast<tcflag_t>(ISIG);
    mode.c_cflag = (mode.c_cflag & ~static_cast<tcflag_t>(CSIZE | PARENB)) | CS8;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    return mode;
}

}  // namespace

RawTerminal::RawTerminal(int fd, bool keep_signals) : fd_(fd) {
    if (::tcgetattr(fd, &saved_) != 0) return;
    is_terminal_ = true;
    raw_ = make_raw(saved_, keep_signals);
    const RawTerminal* expected = nullptr;
    protected_ = protected_terminal.compare_exchange_strong(expected, this);
    if (protected_) install_handlers();
    apply();
}

RawTerminal::~RawTerminal() {
    if (!is_terminal_) return;
    if (protected_) {
        remove_handlers();
        protected_terminal.store(nullptr);
    }
    const SigttouBlock block;
    ::tcsetattr(fd_, TCSADRAIN, &saved_);
}

void RawTerminal::apply() const {
    if (in_foreground(fd_)) ::tcsetattr(fd_, TCSANOW, &raw_);
}

void RawTerminal::restore_now() {
    const RawTerminal* terminal = protected_terminal.load();
    if (terminal == nullptr) return;
    const SigttouBlock block;
    ::tcsetattr(terminal->fd_, TCSANOW, &terminal->saved_);
}

void RawTerminal::install_handlers() {
    static std::atomic_flag registered;
    if (!registered.test_and_set()) std::atexit([] { restore_now(); });
    const auto install = [this](int signal, void (*handler)(int), int flags) {
        struct sigaction old {};
        if (::sigaction(signal, nullptr, &old) != 0 || (old.sa_flags & SA_SIGINFO) || old.sa_handler != SIG_DFL) return;
        struct sigaction action {};
        action.sa_handler = handler;
        action.sa_flags = flags;
        sigemptyset(&action.sa_mask);
        ::sigaction(signal, &action, nullptr);
        handled_signals_ |= u64{1} << signal;
    };
    for (const int signal : kFatalSignals)
        install(signal, on_fatal_signal, static_cast<int>(SA_ONSTACK | SA_RESETHAND));
    install(SIGCONT, on_continue, SA_ONSTACK | SA_RESTART);
}

void RawTerminal::remove_handlers() const {
    for (int signal = 1; signal < 64; ++signal) {
        if (!((handled_signals_ >> signal) & 1)) continue;
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        const bool ours = now.sa_handler == on_fatal_signal || now.sa_handler == on_continue;
        if (ours && !(now.sa_flags & SA_SIGINFO)) ::signal(signal, SIG_DFL);
    }
}

/// SA_RESETHAND made the action the default one again: the signal ends the process when this returns.
void RawTerminal::on_fatal_signal(int signal) {
    restore_now();
    ::raise(signal);
}

void RawTerminal::on_continue(int) {
    const int saved_errno = errno;
    const RawTerminal* terminal = protected_terminal.load();
    if (terminal != nullptr) terminal->apply();
    errno = saved_errno;
}

}  // namespace twin86
