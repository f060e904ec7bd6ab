#include "bios/kernel_loader.h"
#include "fake_memory.h"
#include "test_files.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Machine {
    explicit Machine(u64 low, u64 high = 0) : memory(low, high) { request.memory_map = pc_memory_map(low, high); }
    Result<BootPlan> load(const std::vector<u8>& kernel) {
        request.kernel = files.file("kernel", kernel);
        return load_kernel(request, memory);
    }
    std::string failure(const std::vector<u8>& kernel) {
        auto plan = load(kernel);
        return plan ? "loaded" : plan.failure().message;
    }
    TemporaryDirectory files;
    FakeMemory memory;
    BootRequest request;
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// The physical address that the start page tables give for a linear one.
Gpa walk(FakeMemory& memory, Gpa cr3, Gva address) {
    constexpr u64 kAddress = 0x000ffffffffff000;
    u64 table = cr3;
    for (const unsigned shift : {39u, 30u}) {
        const u64 entry = memory.get<u64>((table & kAddress) + (address >> shift & 511) * 8);
        REQUIRE((entry & 3) == 3);
        table = entry;
    }
    const u64 leaf = memory.get<u64>((table & kAddress) + (address >> 21 & 511) * 8);
    REQUIRE((leaf & 0x83) == 0x83);
    return (leaf & kAddress & ~(2 * MiB - 1)) + (address & (2 * MiB - 1));
}

}  // namespace

TEST_CASE("linux: the 64-bit entry has the state that the boot protocol asks for") {
    Machine m(256 * MiB);
    m.request.cmdline = "console=ttyS0 quiet";
    m.request.rsdp = 0xf5a20;
    m.request.initrd = m.files.file("initrd", synthetic_initrd());
    const std::vector<u8> image = synthetic_bzimage();
    auto plan = m.load(image);
    REQUIRE(plan);
    CHECK(plan->kind == EntryKind::kLong64);
    CHECK(plan->rip == 16 * MiB + 0x200);
    CHECK(plan->rflags == 2);
    CHECK((plan->cr0 & (kCr0PE | kCr0PG)) == (kCr0PE | kCr0PG));
    CHECK(plan->cr4 == kCr4PAE);
    CHECK(plan->efer == (kEferLME | kEferLMA));
    CHECK(plan->idt_limit == 0);
    CHECK(plan->code.selector == 0x10);
    CHECK(plan->data.selector == 0x18);
    CHECK(m.memory.get<u64>(plan->gdt_base + 0x10) == plan->code.descriptor);
    CHECK(m.memory.get<u64>(plan->gdt_base + 0x18) == plan->data.descriptor);
    CHECK((plan->code.descriptor >> 53 & 3) == 1);  // L=1, D=0
    CHECK(plan->gdt_limit >= plan->task.selector + 15);
    for (const Gva a : {Gva{0}, Gva{0xfee00030}, 16 * MiB + 0x12345, 4 * GiB - 1})
        CHECK(walk(m.memory, plan->cr3, a) == a);

    CHECK(m.memory.bytes(16 * MiB, 64 * KiB) == std::vector<u8>(image.begin() + 3 * 512, image.end()));

    const Gpa params = plan->gpr[kRsi];
    CHECK(m.memory.get<u32>(params + kHeaderMagic) == 0x53726448);
    CHECK(m.memory.get<u8>(params + kTypeOfLoader) == 0xff);
    CHECK(m.memory.get<u8>(params + 0x1ef) == 0);  // sentinel
    CHECK(m.memory.get<u64>(params + kAcpiRsdpAddr) == 0xf5a20);
    CHECK(m.memory.text(m.memory.get<u32>(params + kCmdLinePtr)) == "console=ttyS0 quiet");
    const Gpa initrd = m.memory.get<u32>(params + kRamdiskImage);
    CHECK(m.memory.bytes(initrd, m.memory.get<u32>(params + kRamdiskSize)) == synthetic_initrd());
    CHECK(initrd % kPageSize == 0);
    CHECK(initrd >= 40 * MiB);  // clear of init_size

    const u8 entries = m.memory.get<u8>(params + kE820Entries);
    REQUIRE(entries == m.request.memory_map.size());
    for (u8 i = 0; i < entries; ++i) {
        const Gpa at = params + kE820Table + i * 20;
        CHECK(m.memory.get<u64>(at) == m.request.memory_map[i].base);
        CHECK(m.memory.get<u64>(at + 8) == m.request.memory_map[i].size);
        CHECK(m.memory.get<u32>(at + 16) == static_cast<u32>(m.request.memory_map[i].type));
    }
}

TEST_CASE("linux: without a 64-bit entry the kernel starts in 32-bit protected mode") {
    Machine m(128 * MiB);
    std::vector<u8> image = synthetic_bzimage();
    put<u16>(image, kXloadflags, 0);
    auto plan = m.load(image);
    REQUIRE(plan);
    CHECK(plan->kind == EntryKind::kProtected32);
    CHECK(plan->rip == 16 * MiB);
    CHECK(plan->cr0 == (kCr0PE | kCr0ET));
    CHECK(plan->efer == 0);
    CHECK((plan->code.descriptor >> 53 & 3) == 2);  // L=0, D=1
    CHECK(plan->gpr[kRbp] == 0);
    CHECK(m.memory.get<u32>(plan->gpr[kRsi] + kHeaderMagic) == 0x53726448);
}

TEST_CASE("linux: a relocatable kernel moves up, never down, when its preferred address does not fit") {
    std::vector<u8> fixed = synthetic_bzimage();
    put<u8>(fixed, kRelocatableKernel, 0);
    Machine small(39 * MiB);  // it needs 24 MiB at 16
    for (const auto& image : {synthetic_bzimage(), fixed}) {
        const std::string message = small.failure(image);
        CHECK(has(message, "24 MiB of RAM in one piece at 16 MiB"));
        CHECK(has(message, "use a larger -m"));
    }
    Machine m(128 * MiB);
    m.request.memory_map = {{0, kEbdaBase}, {kExtendedMemory, 15 * MiB}, {17 * MiB, 111 * MiB}};
    auto plan = m.load(synthetic_bzimage());
    REQUIRE(plan);
    CHECK(plan->rip == 18 * MiB + 0x200);
    CHECK(has(m.failure(fixed), "use a larger -m"));
}

TEST_CASE("linux: the initrd goes above 4 GiB only when it must and may") {
    Machine m(64 * MiB, 64 * MiB);
    m.request.initrd = m.files.file("initrd", synthetic_initrd(40 * MiB));
    std::vector<u8> image = synthetic_bzimage();
    auto plan = m.load(image);
    REQUIRE(plan);
    CHECK(m.memory.get<u32>(plan->gpr[kRsi] + kExtRamdiskImage) == 1);
    put<u16>(image, kXloadflags, kXlfKernel64);
    CHECK(has(m.failure(image), "does not fit"));
}

TEST_CASE("linux: initrd_addr_max and mem= bound the initrd") {
    Machine m(1 * GiB);
    m.request.initrd = m.files.file("initrd", synthetic_initrd());
    std::vector<u8> image = synthetic_bzimage();
    put<u32>(image, kInitrdAddrMax, 0x0fffffff);
    auto plan = m.load(image);
    REQUIRE(plan);
    CHECK(m.memory.get<u32>(plan->gpr[kRsi] + kRamdiskImage) ==
          align_down(0x10000000 - synthetic_initrd().size(), kPageSize));
    m.request.cmdline = "quiet mem=96M debug";
    plan = m.load(image);
    REQUIRE(plan);
    CHECK(m.memory.get<u32>(plan->gpr[kRsi] + kRamdiskImage) < 96 * MiB);
}

TEST_CASE("linux: the end of boot memory is never handed to the kernel when firmware keeps it") {
    Machine m(64 * MiB);
    m.request.memory_map = pc_memory_map(64 * MiB, 0, {{63 * MiB, 1 * MiB, MemoryType::kAcpiTables}});
    m.request.initrd = m.files.file("initrd", synthetic_initrd());
    auto plan = m.load(synthetic_bzimage());
    REQUIRE(plan);
    CHECK(m.memory.get<u32>(plan->gpr[kRsi] + kRamdiskImage) < 63 * MiB);
}

TEST_CASE("linux: what cannot boot is one clear line") {
    Machine m(128 * MiB);
    const std::vector<u8> good = synthetic_bzimage();
    const auto changed = [&](auto change) {
        std::vector<u8> image = good;
        change(image);
        return m.failure(image);
    };
    CHECK(has(changed([](auto& i) { i.resize(i.size() - 4096); }), "truncated"));
    CHECK(has(changed([](auto& i) { i.resize(1000); }), "truncated"));
    CHECK(has(changed([](auto& i) { i.resize(300); }), "nothing this machine can start"));
    CHECK(has(changed([](auto& i) { i.clear(); }), "empty"));
    CHECK(has(changed([](auto& i) { put<u16>(i, kProtocolVersion, 0x204); }), "too old"));
    CHECK(has(changed([](auto& i) { put<u8>(i, kLoadflags, 0); }), "zImage"));
    CHECK(has(changed([](auto& i) { put<u32>(i, kInitSize, 0xffffffff); }), "use a larger -m"));
    CHECK(has(changed([](auto& i) { put<u64>(i, kPrefAddress, 0); }), "corrupt"));
    CHECK(has(changed([](auto& i) { put<u64>(i, kPrefAddress, ~u64{0}); }), "corrupt"));
    CHECK(has(changed([](auto& i) { put<u32>(i, kKernelAlignment, 0x300000); }), "corrupt"));
    CHECK(has(changed([](auto& i) { put<u32>(i, kPayloadLength, 0x7fffffff); }), "corrupt"));
    CHECK(has(changed([](auto& i) { put<u32>(i, kPayloadLength, 100); }), "corrupt"));  // no known magic
    CHECK(has(changed([](auto& i) { i[kHeaderMagic] = 'X'; }), "nothing this machine can start"));

    m.request.cmdline = std::string(2048, 'a');
    CHECK(has(m.failure(good), "takes at most 2047"));
    m.request.cmdline.clear();
    m.request.initrd = m.files.path("missing");
    CHECK(has(m.failure(good), "cannot open initrd"));
    m.request.initrd = m.files.path("");
    CHECK(has(m.failure(good), "directory"));
    m.request.initrd = m.files.file("text", bytes_of("hello world, no archive"));
    CHECK(has(m.failure(good), "corrupt"));
    std::vector<u8> cut = synthetic_initrd();
    cut.resize(cut.size() - 200);
    m.request.initrd = m.files.file("cut", cut);
    CHECK(has(m.failure(good), "truncated"));

    m.request.kernel = m.files.path("missing");
    auto missing = load_kernel(m.request, m.memory);
    REQUIRE_FALSE(missing);
    CHECK(has(missing.failure().message, "cannot open kernel"));
    CHECK(has(Machine(1 * MiB).failure(good), "use a larger -m"));
    CHECK(has(Machine(4 * MiB).failure(good), "use a larger -m"));
}

TEST_CASE("linux: a header of random bytes never escapes RAM") {
    Machine m(64 * MiB);
    m.request.initrd = m.files.file("initrd", synthetic_initrd());
    u64 seed = 88172645463325252;
    unsigned loaded = 0;
    for (int round = 0; round < 300; ++round) {
        std::vector<u8> image = synthetic_bzimage();
        for (int n = 0; n < 4; ++n) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            image[0x1f1 + seed % 0x78] = static_cast<u8>(seed >> 32);
        }
        auto plan = m.load(image);
        if (!plan) continue;
        ++loaded;
        REQUIRE(plan->rip >= 1 * MiB);
        REQUIRE(plan->rip < 64 * MiB);
    }
    CHECK(loaded > 0);
    CHECK(loaded < 300);
}

TEST_CASE("linux: Debian's kernels load") {
    const auto kernels = debian_kernels();
    if (kernels.empty()) WARN("skipped: tools/lib/guests.sh has fetched no Debian kernel");
    for (const std::vector<u8>& image : kernels) {
        Machine m(512 * MiB);
        auto plan = m.load(image);
        INFO((plan ? "" : plan.failure().message));
        REQUIRE(plan);
        CHECK(plan->kind == EntryKind::kLong64);
        std::vector<u8> cut(image.begin(), image.begin() + static_cast<long>(image.size() * 2 / 3));
        CHECK(has(m.failure(cut), "truncated"));
    }
}
