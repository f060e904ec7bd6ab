#include "cpu/state/host_cpuid.h"

#include <cpuid.h>

#include <array>
#include <cstring>

#include "base/bits.h"
#include "cpu/state/cpu_state.h"

namespace twin86 {

namespace {

struct Registers {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// Zeroes for leaves that the host does not have.
Registers query(u32 leaf, u32 subleaf = 0) {
    Registers r;
    if (__get_cpuid_max(leaf & 0x80000000, nullptr) >= leaf) __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
}

std::string text(std::initializer_list<u32> words) {
    std::string s;
    for (u32 w : words) s.append(reinterpret_cast<const char*>(&w), 4);
    return s.c_str();
}

u64 host_xcr0() {
    u32 low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | u64{high} << 32;
}

FeatureSet query_features() {
    FeatureSet f;
    using enum FeatureWord;
    const Registers one = query(1), seven = query(7), seven1 = seven.eax >= 1 ? query(7, 1) : Registers{}, ext = query(0x80000001);
    f[k1Edx] = one.edx;
    f[k1Ecx] = one.ecx;
    f[k6Eax] = query(6).eax;
    f[k7Ebx] = seven.ebx;
    f[k7Ecx] = seven.ecx;
    f[k7Edx] = seven.edx;
    f[k7_1Eax] = seven1.eax;
    f[k7_1Edx] = seven1.edx;
    f[kD_1Eax] = query(0xd, 1).eax;
    f[k8_1Edx] = ext.edx;
    f[k8_1Ecx] = ext.ecx;
    f[k8_7Edx] = query(0x80000007).edx;
    f[k8_8Ebx] = query(0x80000008).ebx;
    f[k8_21Eax] = query(0x80000021).eax;
    f[k8_21Ecx] = query(0x80000021).ecx;
    return f;
}

/// A component that our XSAVE area could not hold is as good as absent.
bool fits(const XsaveRegion& c) { return c.size != 0 && c.offset + c.size <= kXsaveAreaSize; }

void query_xsave(HostCpuid& host) {
    if (!host.features.has(Feature::kOsxsave)) {
        host.features.set(Feature::kXsave, false);
        return;
    }
    host.xcr0 = host_xcr0() & kXcr0Supported;
    for (unsigned i = 2; i < std::size(host.xsave); ++i) {
        if ((host.xcr0 & bit(i)) == 0) continue;
        const Registers r = query(0xd, i);
        host.xsave[i] = {r.eax, r.ebx, (r.ecx & 2) != 0};
        if (!fits(host.xsave[i])) host.xcr0 &= ~bit(i);
    }
    if ((host.xcr0 & 4) == 0) host.features.set(Feature::kAvx, false);
    if ((host.xcr0 & 0xe0) != 0xe0) host.features.set(Feature::kAvx512f, false);
}

}  // namespace

HostCpuid HostCpuid::probe() {
    HostCpuid host;
    host.features = query_features();
    const Registers zero = query(0), one = query(1);
    host.vendor = text({zero.ebx, zero.edx, zero.ecx});
    const u32 base_family = one.eax >> 8 & 15;
    host.family = base_family + (base_family == 15 ? one.eax >> 20 & 0xff : 0);
    host.model = (one.eax >> 4 & 15) | (base_family == 15 || base_family == 6 ? one.eax >> 12 & 0xf0 : 0);
    host.stepping = one.eax & 15;
    for (u32 leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
        const Registers r = query(leaf);
        host.brand += text({r.eax, r.ebx, r.ecx, r.edx});
    }
    if (const u32 bits = query(0x80000008).eax & 0xff; bits >= 36 && bits <= 52) host.physical_bits = static_cast<u8>(bits);
    query_xsave(host);
    return host;
}

}  // namespace twin86
