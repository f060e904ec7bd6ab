#include "accel/kvm/kvm_system.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace twin86::kvm {

namespace {

struct Need {
    int capability;
    const char* name;
    const char* since;
};

constexpr Need kNeeds[] = {
    {KVM_CAP_USER_MEMORY, "memory slots", "2.6.25"},   {KVM_CAP_EXT_CPUID, "CPUID tables", "2.6.26"},
    {KVM_CAP_VCPU_EVENTS, "event state", "2.6.33"},    {KVM_CAP_DEBUGREGS, "debug registers", "2.6.35"},
    {KVM_CAP_XSAVE, "XSAVE state", "2.6.36"},          {KVM_CAP_XCRS, "XCR0", "2.6.36"},
    {KVM_CAP_READONLY_MEM, "read-only slots", "3.8"},  {KVM_CAP_IMMEDIATE_EXIT, "immediate exit", "4.11"},
    {KVM_CAP_X86_USER_SPACE_MSR, "MSR exits", "5.10"}, {KVM_CAP_X86_MSR_FILTER, "MSR filter", "5.10"},
};

}  // namespace

std::string missing_capability(const std::function<int(int)>& check) {
    for (const Need& need : kNeeds)
        if (check(need.capability) <= 0) return fmt::format("{} (Linux {})", need.name, need.since);
    return {};
}

Error open_error(const std::string& path, int cause) {
    switch (cause) {
        case ENOENT:
            return error(
                "{} does not exist: switch on virtualization in the firmware's setup and load the kvm_intel or "
                "kvm_amd module",
                path);
        case EACCES:
        case EPERM:
            return error("no permission to open {}: add this user to the group 'kvm' and log in again", path);
        case ENODEV:
        case ENXIO:
            return error("{}: the processor has no VT-x or SVM, or the firmware's setup has it switched off", path);
        case EBUSY:
            return error("{}: another hypervisor uses the processor's virtualization", path);
        default:
            return error("cannot open {}: {}", path, std::strerror(cause));
    }
}

int KvmSystem::check(int capability) const {
    return ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
}

Result<KvmSystem> KvmSystem::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return open_error(path, errno);
    const int version = ::ioctl(fd.get(), KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return error("{}: this is no KVM that is known here (API version {}, not {})", path, version, KVM_API_VERSION);
    const int run_bytes = ::ioctl(fd.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_bytes < 0) return error("{}: KVM_GET_VCPU_MMAP_SIZE: {}", path, std::strerror(errno));
    KvmSystem system(std::move(fd), static_cast<u64>(run_bytes));
    if (const std::string what = missing_capability([&](int cap) { return system.check(cap); }); !what.empty())
        return error("{}: this kernel's KVM is too old, it lacks {}", path, what);
    return system;
}

}  // namespace twin86::kvm
