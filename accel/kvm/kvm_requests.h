// ioctl numbers of structures that end in an array of any size. The number holds the structure's size, which the
// kernel's header gives wrong to C++: there an empty structure is not empty.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/types.h"

namespace twin86::kvm {

constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, u64);
constexpr unsigned long kGetMsrs = _IOWR(KVMIO, 0x88, u64);
constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, u64);
constexpr unsigned long kSetSignalMask = _IOW(KVMIO, 0x8b, u32);
constexpr unsigned long kGetXsave = _IOR(KVMIO, 0xa4, u8[4096]);
constexpr unsigned long kSetXsave = _IOW(KVMIO, 0xa5, u8[4096]);
constexpr unsigned long kSetGsiRouting = _IOW(KVMIO, 0x6a, u64);
constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, u64);

}  // namespace twin86::kvm
