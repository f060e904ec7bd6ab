// For LD_PRELOAD: from the N-th call to KVM on (environment variable KVM_FAILS_FROM), all but KVM_RUN fail with ENOMEM.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int ioctl(int fd, unsigned long request, ...) {
    static int (*next)(int, unsigned long, void*);
    static int calls;
    va_list rest;
    va_start(rest, request);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    if (next == NULL) next = (int (*)(int, unsigned long, void*))dlsym(RTLD_NEXT, "ioctl");
    if (_IOC_TYPE(request) == KVMIO && request != KVM_RUN &&
        __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) >= atoi(getenv("KVM_FAILS_FROM"))) {
        errno = ENOMEM;
        return -1;
    }
    return next(fd, request, argument);
}
