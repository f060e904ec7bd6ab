// quiet_thread: a thread that no signal is delivered to. Signals of the process are the main thread's.
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace twin86 {

template <class Body>
std::thread quiet_thread(Body body) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace twin86
