// What people read when KVM cannot be used.
#include "accel/kvm/kvm_system.h"

#include <linux/kvm.h>

#include <catch2/catch.hpp>
#include <cerrno>

using namespace twin86;
using namespace twin86::kvm;

TEST_CASE("no device: the remedy is the module or the firmware's setup") {
    const auto r = KvmSystem::open("/no/such/kvm");
    REQUIRE_FALSE(bool(r));
    CHECK(r.failure().message.find("/no/such/kvm does not exist") == 0);
    CHECK(r.failure().message.find("kvm_amd") != std::string::npos);
}

TEST_CASE("another device is not taken for KVM") {
    const auto r = KvmSystem::open("/dev/null");
    REQUIRE_FALSE(bool(r));
    CHECK(r.failure().message.find("API version") != std::string::npos);
}

TEST_CASE("each reason has its remedy") {
    CHECK(open_error("k", EACCES).message.find("group 'kvm'") != std::string::npos);
    CHECK(open_error("k", ENODEV).message.find("VT-x or SVM") != std::string::npos);
    CHECK(open_error("k", EBUSY).message.find("another hypervisor") != std::string::npos);
}

TEST_CASE("an old kernel: the first missing capability and who has it") {
    const auto all_but = [](int absent) { return missing_capability([absent](int cap) { return cap != absent; }); };
    CHECK(all_but(-1).empty());
    CHECK(all_but(KVM_CAP_X86_MSR_FILTER) == "MSR filter (Linux 5.10)");
    CHECK(all_but(KVM_CAP_READONLY_MEM) == "read-only slots (Linux 3.8)");
}
