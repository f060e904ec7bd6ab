// CpuModel: parsing, policy, leaves.
#include "cpu/state/cpuid_model.h"

#include <cpuid.h>

#include <algorithm>

#include "cpu/state/cpu_models.h"

#include <catch2/catch.hpp>  // last: its CHECK replaces that of base/check.h

using namespace twin86;

namespace {

/// A host like an AMD Zen 5, or as much of it as a test leaves.
HostCpuid zen() {
    HostCpuid host;
    host.vendor = "AuthenticAMD";
    host.family = 26, host.model = 2, host.stepping = 1;
    host.physical_bits = 48;
    host.xcr0 = 0xe7;
    for (Feature f : kNativeFeatures) host.features.set(f);
    host.xsave[2] = {256, 576, false};
    host.xsave[5] = {64, 832, false};
    host.xsave[6] = {512, 896, false};
    host.xsave[7] = {1024, 1408, true};
    return host;
}

CpuModel model(std::string_view spec, const HostCpuid& host = zen()) {
    auto m = CpuModel::parse(spec, host);
    INFO(spec << ": " << (m ? "" : m.failure().message));
    REQUIRE(m);
    return m.take();
}

std::string problem(std::string_view spec, const HostCpuid& host = zen()) {
    const auto m = CpuModel::parse(spec, host);
    REQUIRE_FALSE(m);
    CHECK(m.failure().message.find('\n') == std::string::npos);
    return m.failure().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every feature has a place of its own and a name of its own") {
    for (unsigned a = kFirstFeature; a < static_cast<unsigned>(Feature::kCount); ++a) {
        FeatureSet set;
        set.set(static_cast<Feature>(a));
        for (unsigned b = kFirstFeature; b < static_cast<unsigned>(Feature::kCount); ++b) {
            INFO(kFeatures[a].name << " and " << kFeatures[b].name);
            CHECK(set.has(static_cast<Feature>(b)) == (a == b));
            if (a != b) CHECK(kFeatures[a].name != kFeatures[b].name);
        }
    }
    CHECK(FeatureSet{}.has(Feature::kBase));
    CHECK_FALSE(FeatureSet{}.has(Feature::kNone));
}

TEST_CASE("no feature is both emulated and native, and dependencies are in an order that one pass resolves") {
    for (Feature f : kEmulatedFeatures)
        CHECK(std::find(kNativeFeatures.begin(), kNativeFeatures.end(), f) == kNativeFeatures.end());
    for (std::size_t i = 0; i < kFeatureDependencies.size(); ++i)
        for (std::size_t later = i + 1; later < kFeatureDependencies.size(); ++later) {
            INFO(feature_info(kFeatureDependencies[i].feature).name << " needs " << feature_info(kFeatureDependencies[i].needs).name);
            CHECK(kFeatureDependencies[later].feature != kFeatureDependencies[i].needs);
        }
}

TEST_CASE("max is what the host has, and never what is not emulated") {
    HostCpuid host = zen();
    host.features.set(Feature::kAvx512fp16, false);
    for (Feature f : {Feature::kPku, Feature::kAmxTile, Feature::kSvm, Feature::kVmx, Feature::kIbpb, Feature::kSsbd, Feature::kMonitor, Feature::kShstk,
                      Feature::kAvxIfma, Feature::kAvxVnniInt8, Feature::kLa57, Feature::kTopoext,
                      Feature::kPerfctrCore, Feature::kMpx})
        host.features.set(f);
    const CpuModel m = model("max", host);
    CHECK(m.has(Feature::kAvx512f));
    CHECK_FALSE(m.has(Feature::kAvx512fp16));
    CHECK(m.has(Feature::kX2apic));
    CHECK(m.has(Feature::kAutoIbrs));
    CHECK(m.is_amd());
    CHECK(m.family() == 26);
    for (Feature f : {Feature::kPku, Feature::kAmxTile, Feature::kSvm, Feature::kVmx, Feature::kIbpb, Feature::kSsbd, Feature::kMonitor, Feature::kShstk,
                      Feature::kAvxIfma, Feature::kAvxVnniInt8, Feature::kLa57, Feature::kTopoext,
                      Feature::kPerfctrCore, Feature::kMpx, Feature::kArchCapabilities}) {
        INFO(feature_info(f).name);
        CHECK_FALSE(m.has(f));
    }
    CHECK(model("host", host).features() == m.features());
}

TEST_CASE("on an Intel host max says 'not affected' in Intel's way") {
    HostCpuid host = zen();
    host.vendor = "GenuineIntel";
    host.family = 6, host.model = 0x8f;
    const CpuModel m = model("max", host);
    CHECK_FALSE(m.is_amd());
    CHECK(m.has(Feature::kArchCapabilities));
    CHECK(m.has(Feature::kSpecCtrl));
    CHECK_FALSE(m.has(Feature::kAutoIbrs));
    const CpuState s;
    CHECK(m.cpuid(0x80000000, 0, s).eax == 0x80000008);
    CHECK(m.cpuid(1, 0, s).eax == (0x806f0 | host.stepping));
    CHECK((m.cpuid(4, 0, s).eax & 31) == 1);
    CHECK((m.cpuid(4, 4, s).eax & 31) == 0);
    CHECK(m.cpuid(0x80000001, 0, s).edx == (bit(11) | bit(20) | bit(22) | bit(26) | bit(27) | bit(29)));
}

TEST_CASE("features are switched in QEMU's spelling") {
    CHECK_FALSE(model("max,-avx2").has(Feature::kAvx2));
    CHECK_FALSE(model("max,-avx2").has(Feature::kAvx512vl));  // builds on it
    CHECK_FALSE(model("max,avx=off").has(Feature::kFma));
    CHECK_FALSE(model("max,xsave=no").has(Feature::kAvx));
    CHECK(model("max,-x2apic,x2apic=on").has(Feature::kX2apic));
}

TEST_CASE("adding a feature needs what it builds on, in whatever order it was named") {
    CHECK(model("qemu64,+ssse3,+sse4_1").has(Feature::kSse41));
    CHECK(model("qemu64,sse4-1,+ssse3").has(Feature::kSse41));
    CHECK(contains(problem("qemu64,+avx2"), "avx2 needs avx"));
}

TEST_CASE("mistakes are named in one line") {
    CHECK(contains(problem("mix"), "did you mean 'max'"));
    CHECK(contains(problem(""), "unknown model"));
    CHECK(contains(problem("max,+avx512ff"), "did you mean 'avx512f'"));
    CHECK(contains(problem("max,+svm"), "not emulated"));
    CHECK(contains(problem("max,+spec-ctrl"), "not emulated: spec-ctrl"));
    CHECK(contains(problem("max,avx=maybe"), "neither on nor off"));
    CHECK(contains(problem("max,family=1x"), "family must be a number"));
    CHECK(contains(problem("max,phys-bits=64"), "phys-bits must be a number from 32 to 52"));
    CHECK(contains(problem("max,nosuch=on"), "unknown feature 'nosuch' (the nearest is '"));
    CHECK(contains(problem("max,-nosuch"), "unknown feature 'nosuch' (the nearest is '"));
    CHECK(contains(problem("max,+avx,-nosuch2"), "'-cpu help' lists them"));
    HostCpuid old = zen();
    old.features.set(Feature::kBmi2, false);
    old.features.set(Feature::kMovbe, false);
    const std::string missing = problem("x86-64-v3", old);
    CHECK(contains(missing, "movbe"));
    CHECK(contains(missing, "bmi2"));
    CHECK_FALSE(contains(missing, "avx2"));
    CHECK(model("x86-64-v3,-bmi2,-movbe", old).has(Feature::kAvx2));
    CHECK(contains(problem("max,+bmi2", old), "this host lacks bmi2"));
}

TEST_CASE("the named models are what their names promise") {
    const CpuState s;
    const CpuModel plain = model("qemu64");
    CHECK(plain.cpuid(1, 0, s).eax == 0x60fb1);
    CHECK(plain.xcr0_allowed() == 0);
    CHECK((plain.cr4_allowed() & (kCr4OSXSAVE | kCr4SMEP)) == 0);
    const CpuModel v3 = model("x86-64-v3");
    for (Feature f : {Feature::kAvx2, Feature::kBmi1, Feature::kBmi2, Feature::kF16c, Feature::kFma, Feature::kLzcnt, Feature::kMovbe, Feature::kPopcnt,
                      Feature::kSse42, Feature::kCx16, Feature::kLahfLm})
        CHECK(v3.has(f));
    CHECK_FALSE(v3.has(Feature::kAvx512f));
    CHECK(v3.xcr0_allowed() == 7);
    CHECK(model("x86-64-v4").xcr0_allowed() == 0xe7);
    for (const NamedModel& m : kNamedModels) CHECK(contains(CpuModel::help(), m.name));
}

TEST_CASE("what is missing: refused, warned of, or left out in silence") {
    HostCpuid old = zen();
    old.features.set(Feature::kMovbe, false);
    CHECK(contains(problem("Haswell", old), "this host lacks movbe; not emulated: "));
    CHECK(contains(problem("Haswell,enforce", zen()), "rtm (enforce)"));
    const CpuModel warned = model("Haswell,check", old);
    CHECK_FALSE(warned.has(Feature::kMovbe));
    CHECK(contains(warned.warning(), "this host lacks movbe; not emulated: "));
    CHECK(contains(warned.warning(), "hle"));
    CHECK(warned.warning().find('\n') == std::string::npos);
    CHECK(model("Haswell,check=off", old).warning().empty());
    CHECK(model("Haswell,-check", old).has(Feature::kAvx2));
    CHECK(contains(model("Haswell").warning(), "hle"));
    CHECK(model("Haswell,-hle,rtm=off,-vme").warning().empty());
    CHECK_FALSE(contains(model("Haswell-noTSX").warning(), "hle"));
    CHECK(model("max,+monitor,+osvw").cpuid(5, 0, CpuState{}).eax == 64);
    CHECK(model("max").has(Feature::kMca));
    CHECK(model("max,enforce").warning().empty());
    CHECK(contains(model("max,+svm,check").warning(), "svm"));
    CHECK(contains(problem("max,+svm,enforce"), "svm"));
}

TEST_CASE("vendors, generations and variants") {
    const CpuState s;
    CHECK(model("Nehalem").vendor() == "GenuineIntel");
    CHECK(model("Nehalem").cpuid(1, 0, s).eax == 0x106a3);
    CHECK(model("Skylake-Server").cpuid(1, 0, s).eax == 0x50654);
    CHECK(model("EPYC-Milan").cpuid(1, 0, s).eax == 0xa00f11);
    CHECK(model("486").cpuid(1, 0, s).eax == 0x480);
    CHECK_FALSE(model("486").has(Feature::kCx8));
    CHECK_FALSE(model("qemu32").has(Feature::kLm));
    CHECK(model("kvm64").has(Feature::kLm));
    CHECK(model("base").features() == FeatureSet{});
    CHECK(model("base,+fpu,+lm,+pae").has(Feature::kLm));
    CHECK_FALSE(model("Westmere").has(Feature::kAvx));
    CHECK(model("SandyBridge").has(Feature::kAvx));
    CHECK_FALSE(model("IvyBridge").has(Feature::kAvx2));
    CHECK_FALSE(model("Skylake-Client").has(Feature::kAvx512f));
    CHECK(model("Cascadelake-Server").has(Feature::kAvx512vnni));
    CHECK_FALSE(model("EPYC").has(Feature::kClwb));
    CHECK(model("EPYC-Rome").has(Feature::kClwb));
    CHECK(model("x86-64-v1").has(Feature::kSse2));
    CHECK_FALSE(model("x86-64-v1").has(Feature::kPopcnt));
    CHECK(model("Broadwell-noTSX-IBRS").has(Feature::kAdx));
    CHECK(model("EPYC-IBPB").features() == model("EPYC").features());
    CHECK(contains(problem("EPYC-IBRS"), "unknown model"));
    CHECK(contains(problem("Nehalem-noTSX"), "unknown model"));
    CHECK(contains(problem("Haswel"), "did you mean 'Haswell'"));
    // Linux spares itself the mitigations of the real ones.
    CHECK(model("Haswell").has(Feature::kArchCapabilities));
    CHECK(model("EPYC").has(Feature::kAutoIbrs));
}

TEST_CASE("every named model can be had on a host that has everything, and says what it cannot") {
    for (const NamedModel& m : kNamedModels) {
        const CpuModel made = model(m.name);
        INFO(m.name << ": " << made.warning());
        CHECK_FALSE(contains(made.warning(), "host lacks"));
        CHECK(made.cpuid(1, 0, CpuState{}).edx == (made.features()[FeatureWord::k1Edx]));
    }
}

TEST_CASE("keys of -cpu beside features") {
    const CpuState s;
    const CpuModel m = model("Haswell,vendor=AuthenticAMD,family=0x17,model=8,stepping=2,level=7,xlevel=0x80000008");
    CHECK(m.is_amd());
    CHECK(m.cpuid(1, 0, s).eax == 0x800f82);
    CHECK(m.cpuid(0, 0, s).eax == 7);
    CHECK(m.cpuid(0xd, 0, s) == CpuidLeaf{});
    CHECK(m.cpuid(0x80000000, 0, s).eax == 0x80000008);
    CHECK(m.cpuid(0x80000021, 0, s) == CpuidLeaf{});
    CHECK(model("qemu64,host-phys-bits=on").physical_bits() == 48);
    CHECK(model("qemu64").physical_bits() == 40);
    CHECK(model("max").physical_bits() == 40);
    CHECK(model("host").physical_bits() == 48);
    CHECK_FALSE(model("max").ignores_unknown_msrs());
    CHECK(model("max,ignore-msrs").ignores_unknown_msrs());
    CHECK(model("max,ignore_msrs=on").ignores_unknown_msrs());
    CHECK(contains(problem("max,host-phys-bits=7"), "neither on nor off"));
    CHECK(contains(problem("max,level=0x400"), "level must be a number"));
    CHECK(contains(problem("max,enforc"), "did you mean 'enforce'"));
    // QEMU's flags for its own engines may be off.
    CHECK(model("host,-kvmclock,hv_time=off,migratable=no,pmu=off").features() == model("host").features());
    CHECK(contains(problem("host,+hv-time"), "QEMU's engines"));
}

TEST_CASE("CPUID shows the dynamic bits") {
    CpuModel m = model("max");
    CpuState s;
    CHECK((m.cpuid(1, 0, s).ecx & bit(27)) == 0);
    CHECK(m.cpuid(0xd, 0, s).ebx == 576);
    s.cr4 = kCr4OSXSAVE;
    s.xcr0 = 7;
    CHECK((m.cpuid(1, 0, s).ecx & bit(27)) != 0);
    const CpuidLeaf d = m.cpuid(0xd, 0, s);
    CHECK(d == CpuidLeaf{0xe7, 832, 2432, 0});
    s.xcr0 = 0xe7;
    CHECK(m.cpuid(0xd, 0, s).ebx == 2432);
    CHECK(m.cpuid(0xd, 1, s).ebx == 576 + 256 + 64 + 512 + 1024);
    CHECK(m.cpuid(0xd, 7, s) == CpuidLeaf{1024, 1408, 2, 0});
    CHECK(m.cpuid(0xd, 3, s) == CpuidLeaf{});
    CHECK(m.cpuid(1, 0, s, 3).ebx >> 24 == 3);
    CHECK(m.cpuid(0xb, 0, s, 3).edx == 3);
}

TEST_CASE("topology follows the number of processors") {
    CpuModel m = model("max");
    const CpuState s;
    CHECK((m.cpuid(1, 0, s).edx & bit(28)) == 0);
    CHECK(m.cpuid(0x80000008, 0, s).ecx == 0);
    m.set_cpu_count(3);
    CHECK((m.cpuid(1, 0, s).edx & bit(28)) != 0);
    CHECK((m.cpuid(1, 0, s).ebx >> 16 & 0xff) == 3);
    CHECK((m.cpuid(0x80000001, 0, s).ecx & 2) != 0);
    CHECK(m.cpuid(0x80000008, 0, s).ecx == 0x2002);
    CHECK(m.cpuid(0xb, 1, s).eax == 2);
    CHECK(m.cpuid(0xb, 1, s).ebx == 3);
}

TEST_CASE("identification leaves") {
    CpuModel m = model("max,model-id=My processor,phys-bits=39");
    m.set_frequencies(2600000, 1000000);
    const CpuState s;
    const CpuidLeaf zero = m.cpuid(0, 0, s);
    CHECK(zero == CpuidLeaf{0xd, 0x68747541, 0x444d4163, 0x69746e65});
    CHECK(m.cpuid(0x80000002, 0, s).eax == 0x7020794d);  // "My p"
    CHECK(m.cpuid(0x80000004, 0, s) == CpuidLeaf{});
    CHECK(m.cpuid(0x80000008, 0, s).eax == (39 | 48 << 8));
    CHECK(model("max,+la57,phys-bits=39").cpuid(0x80000008, 0, s).eax == (39 | 57 << 8));
    CHECK(m.cpuid(0x40000010, 0, s) == CpuidLeaf{2600000, 1000000, 0, 0});
    CHECK((m.cpuid(0x80000001, 0, s).edx & 1) != 0);  // AMD repeats leaf 1
    CHECK(m.cpuid(0x80000007, 0, s).edx == bit(8));
    CHECK((m.cpuid(0x80000021, 0, s).eax & bit(8)) != 0);
    CHECK(m.cpuid(0x80000021, 0, s).ecx == (bit(1) | bit(2)));  // TSA_SQ_NO, TSA_L1_NO: Linux flushes nothing on its way out
    for (u32 leaf : {0xeu, 0x15u, 0x1fu, 0x7fffffffu, 0x40000011u, 0x80000022u, 0x8fffffffu, 0xffffffffu}) CHECK(m.cpuid(leaf, 0, s) == CpuidLeaf{});
    CHECK(model("max,-hypervisor").cpuid(0x40000000, 0, s) == CpuidLeaf{});
}

TEST_CASE("control registers allow what CPUID offers") {
    const CpuModel m = model("max");
    CHECK((m.cr4_allowed() & (kCr4LA57 | kCr4PKE | kCr4VME)) == 0);
    CHECK((m.cr4_allowed() & (kCr4PCIDE | kCr4SMEP | kCr4SMAP | kCr4UMIP | kCr4FSGSBASE | kCr4OSXSAVE)) ==
          (kCr4PCIDE | kCr4SMEP | kCr4SMAP | kCr4UMIP | kCr4FSGSBASE | kCr4OSXSAVE));
    CHECK(m.efer_allowed() == (kEferSCE | kEferLME | kEferLMA | kEferNXE | kEferAIBRSE));
    CHECK((model("max,-nx").efer_allowed() & kEferNXE) == 0);
}

TEST_CASE("probing this host finds what its CPUID says") {
    const HostCpuid host = HostCpuid::probe();
    u32 a = 0, b = 0, c = 0, d = 0;
    __cpuid(1, a, b, c, d);
    CHECK(host.features.has(Feature::kSse42) == ((c >> 20 & 1) != 0));
    CHECK(host.features.has(Feature::kSse2));
    CHECK(host.vendor.size() == 12);
    CHECK(host.features.has(Feature::kAvx) == ((host.xcr0 & 4) != 0));
    const CpuModel m = model("max", host);
    if (m.has(Feature::kXsave)) {
        CHECK(m.xsave_size(m.xcr0_allowed()) <= kXsaveAreaSize);
        for (unsigned i = 2; i < 8; ++i) {
            if ((m.xcr0_allowed() & bit(i)) == 0) continue;
            __cpuid_count(0xd, i, a, b, c, d);
            CHECK(m.cpuid(0xd, i, CpuState{}) == CpuidLeaf{a, b, c & 2, 0});
        }
    }
}
