#include "bios/elf_image.h"
#include "bios/kernel_loader.h"
#include "fake_memory.h"
#include "test_files.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Segment {
    u32 type, offset, vaddr, paddr, file_size, memory_size;
};

/// An ELF file whose segments lie at fixed offsets; `size` bytes that count up, then overwritten by `patch`.
std::vector<u8> make_elf(bool wide, u64 entry, const std::vector<Segment>& segments, u64 size = 0x4000) {
    std::vector<u8> f(size);
    for (u64 i = 0; i < size; ++i) f[i] = static_cast<u8>(i * 5 + (i >> 8));
    std::fill(f.begin(), f.begin() + 0x400, u8{0});
    std::memcpy(f.data(),
                "\x7f"
                "ELF",
                4);
    f[4] = wide ? 2 : 1;
    f[5] = f[6] = 1;
    put<u16>(f, 16, 2);
    put<u16>(f, 18, wide ? 62 : 3);
    if (wide) {
        put<u64>(f, 24, entry), put<u64>(f, 32, 64), put<u16>(f, 54, 56),
            put<u16>(f, 56, static_cast<u16>(segments.size()));
    } else {
        put<u32>(f, 24, static_cast<u32>(entry)), put<u32>(f, 28, 64), put<u16>(f, 42, 32),
            put<u16>(f, 44, static_cast<u16>(segments.size()));
    }
    for (u64 i = 0; i < segments.size(); ++i) {
        const Segment& s = segments[i];
        const u64 at = 64 + i * (wide ? 56 : 32);
        put<u32>(f, at, s.type);
        if (wide) {
            put<u64>(f, at + 8, s.offset), put<u64>(f, at + 16, s.vaddr), put<u64>(f, at + 24, s.paddr);
            put<u64>(f, at + 32, s.file_size), put<u64>(f, at + 40, s.memory_size);
        } else {
            put<u32>(f, at + 4, s.offset), put<u32>(f, at + 8, s.vaddr), put<u32>(f, at + 12, s.paddr);
            put<u32>(f, at + 16, s.file_size), put<u32>(f, at + 20, s.memory_size);
        }
    }
    return f;
}

void put_xen_note(std::vector<u8>& f, u64 at, u32 entry) {
    put<u32>(f, at, 4), put<u32>(f, at + 4, 4), put<u32>(f, at + 8, 18);
    std::memcpy(f.data() + at + 12, "Xen\0", 4);
    put<u32>(f, at + 16, entry);
}

void put_multiboot(std::vector<u8>& f, u64 at, u32 flags) {
    put<u32>(f, at, 0x1badb002), put<u32>(f, at + 4, flags), put<u32>(f, at + 8, 0u - 0x1badb002 - flags);
}

struct Machine {
    explicit Machine(u64 low = 64 * MiB) : memory(low) { request.memory_map = pc_memory_map(low, 0); }
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

std::vector<u8> part(const std::vector<u8>& f, u64 at, u64 size) {
    return {f.begin() + static_cast<long>(at), f.begin() + static_cast<long>(at + size)};
}

constexpr u32 kLoad = 1, kNote = 4;

}  // namespace

TEST_CASE("pvh: ELF32 and ELF64 kernels start with hvm_start_info in ebx") {
    for (const bool wide : {false, true}) {
        Machine m;
        m.request.cmdline = "console=ttyS0";
        m.request.rsdp = 0xf0000;
        m.request.initrd = m.files.file("initrd", bytes_of("any module"));
        std::vector<u8> f = make_elf(
            wide, 0x1000000, {{kLoad, 0x1000, 0xc1000000, 0x1000000, 0x2000, 0x5000}, {kNote, 0x200, 0, 0, 20, 20}});
        put_xen_note(f, 0x200, 0x1000123);
        m.memory.write(0x1002000, std::vector<u8>(0x3000, 0xee));  // a dirty bss
        auto plan = m.load(f);
        INFO((plan ? "" : plan.failure().message));
        REQUIRE(plan);
        CHECK(plan->kind == EntryKind::kProtected32);
        CHECK(plan->rip == 0x1000123);
        CHECK(plan->cr0 == (kCr0PE | kCr0ET));
        CHECK(m.memory.bytes(0x1000000, 0x2000) == part(f, 0x1000, 0x2000));
        CHECK(m.memory.bytes(0x1002000, 0x3000) == std::vector<u8>(0x3000));
        const Gpa info = plan->gpr[kRbx];
        CHECK(m.memory.get<u32>(info) == 0x336ec578);
        CHECK(m.memory.get<u32>(info + 4) == 1);
        CHECK(m.memory.get<u32>(info + 12) == 1);
        const Gpa module = m.memory.get<u64>(info + 16);
        CHECK(m.memory.bytes(m.memory.get<u64>(module), m.memory.get<u64>(module + 8)) == bytes_of("any module"));
        CHECK(m.memory.text(m.memory.get<u64>(info + 24)) == "console=ttyS0");
        CHECK(m.memory.get<u64>(info + 32) == 0xf0000);
        const Gpa map = m.memory.get<u64>(info + 40);
        REQUIRE(m.memory.get<u32>(info + 48) == m.request.memory_map.size());
        CHECK(m.memory.get<u64>(map + 3 * 24) == m.request.memory_map[3].base);
        CHECK(m.memory.get<u32>(map + 1 * 24 + 16) == 2);
    }
}

TEST_CASE("pvh: what cannot boot is one clear line") {
    Machine m;
    const auto elf = [](auto change) {
        std::vector<u8> f =
            make_elf(true, 0x1000000, {{kLoad, 0x1000, 0, 0x1000000, 0x2000, 0x5000}, {kNote, 0x200, 0, 0, 20, 20}});
        put_xen_note(f, 0x200, 0x1000123);
        change(f);
        return f;
    };
    CHECK(m.failure(elf([](auto&) {})) == "loaded");
    CHECK(has(m.failure(elf([](auto& f) { f.resize(0x2000); })), "truncated"));
    CHECK(has(m.failure(elf([](auto& f) { f.resize(40); })), "truncated"));
    CHECK(has(m.failure(elf([](auto& f) { put<u16>(f, 18, 183); })), "another processor"));
    CHECK(has(m.failure(elf([](auto& f) { f[0x20c] = 'Y'; })), "neither a multiboot header nor a PVH"));
    CHECK(has(m.failure(elf([](auto& f) { put<u32>(f, 0x204, 0xffffffff); })), "neither"));
    CHECK(has(m.failure(elf([](auto& f) { put<u16>(f, 56, 0); })), "without segments"));
    CHECK(has(m.failure(elf([](auto& f) { put<u64>(f, 32, ~u64{0} - 10); })), "truncated"));
    CHECK(has(m.failure(elf([](auto& f) { put<u64>(f, 64 + 24, ~u64{0} - 0x1000); })), "corrupt"));
    CHECK(has(m.failure(elf([](auto& f) { put<u64>(f, 64 + 24, 0xa0000); })), "no free RAM"));
    CHECK(has(m.failure(elf([](auto& f) { put<u64>(f, 64 + 40, 1 * GiB); })), "use a larger -m"));
}

TEST_CASE("pvh: the vmlinux inside Debian's bzImage loads") {
    const auto kernels = debian_kernels();
    if (kernels.empty()) WARN("skipped: tools/lib/guests.sh has fetched no Debian kernel");
    for (const std::vector<u8>& image : kernels) {
        const ByteView view(image);
        const u64 payload = (view.u8_at(kSetupSects) + 1) * 512 + view.u32_at(kPayloadOffset);
        const std::string tool = view.starts_with(payload, "\xfd\x37zXZ") ? "xz" : "lz4";
        if (std::system(("command -v " + tool + " >/dev/null").c_str()) != 0) {
            WARN("skipped: " << tool << " is not installed");
            continue;
        }
        Machine m(512 * MiB);
        m.files.file("packed", part(image, payload, view.u32_at(kPayloadLength) - 4));
        // lz4 complains about what follows the stream; the size field says whether all came out.
        const std::string unpack = tool + " -dc < " + m.files.path("packed") + " > " + m.files.path("vmlinux");
        if (std::system((unpack + " 2>/dev/null").c_str()) != 0 && tool == "xz") FAIL("cannot unpack");
        const std::vector<u8> vmlinux = read_whole(m.files.path("vmlinux"));
        REQUIRE(vmlinux.size() == view.u32_at(payload + view.u32_at(kPayloadLength) - 4));
        auto plan = m.load(vmlinux);
        INFO((plan ? plan->description : plan.failure().message));
        REQUIRE(plan);
        CHECK(plan->rip >= 16 * MiB);
        CHECK(plan->rip < 128 * MiB);
        CHECK(m.memory.get<u32>(plan->gpr[kRbx]) == 0x336ec578);
        CHECK(m.memory.get<u8>(plan->rip) != 0);
    }
}

TEST_CASE("multiboot: a higher-half ELF32 with modules and symbols") {
    Machine m;
    m.request.cmdline = "a b=c";
    m.request.initrd =
        m.files.file("m1", bytes_of("first module")) + " x=1," + m.files.file("m2", std::vector<u8>(5000, 7));
    std::vector<u8> f = make_elf(false, 0xc0100040, {{kLoad, 0x1000, 0xc0100000, 0x100000, 0x1800, 0x3000}});
    put_multiboot(f, 0x1000, 3);
    // Section table at 0x3000: null, a symbol table of 0x100 bytes at 0x3400, its names.
    put<u32>(f, 32, 0x3000), put<u16>(f, 46, 40), put<u16>(f, 48, 3), put<u16>(f, 50, 2);
    std::fill(f.begin() + 0x3000, f.begin() + 0x3400, u8{0});
    put<u32>(f, 0x3028 + 4, 2), put<u32>(f, 0x3028 + 16, 0x3400), put<u32>(f, 0x3028 + 20, 0x100);
    put<u32>(f, 0x3050 + 4, 3), put<u32>(f, 0x3050 + 16, 0x3500), put<u32>(f, 0x3050 + 20, 0x80);
    auto plan = m.load(f);
    INFO((plan ? "" : plan.failure().message));
    REQUIRE(plan);
    CHECK(plan->kind == EntryKind::kProtected32);
    CHECK(plan->rip == 0x100040);
    CHECK(plan->gpr[kRax] == 0x2badb002);
    CHECK((plan->rflags & kFlagIF) == 0);
    CHECK(m.memory.bytes(0x100000, 0x1800) == part(f, 0x1000, 0x1800));
    const Gpa info = plan->gpr[kRbx];
    CHECK(m.memory.get<u32>(info) == (1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 9));
    CHECK(m.memory.get<u32>(info + 4) == 639);
    CHECK(m.memory.get<u32>(info + 8) == 63 * 1024);
    CHECK(m.memory.text(m.memory.get<u32>(info + 16)) == m.request.kernel + " a b=c");
    REQUIRE(m.memory.get<u32>(info + 20) == 2);
    const Gpa modules = m.memory.get<u32>(info + 24);
    const u32 start = m.memory.get<u32>(modules), end = m.memory.get<u32>(modules + 4);
    CHECK(m.memory.bytes(start, end - start) == bytes_of("first module"));
    CHECK(start % kPageSize == 0);
    CHECK(start >= 0x103000);
    CHECK(m.memory.text(m.memory.get<u32>(modules + 8)) == m.files.path("m1") + " x=1");
    CHECK(m.memory.get<u32>(modules + 20) - m.memory.get<u32>(modules + 16) == 5000);
    const Gpa sections = m.memory.get<u32>(info + 36);
    CHECK(m.memory.get<u32>(info + 28) == 3);
    CHECK(m.memory.bytes(m.memory.get<u32>(sections + 40 + 12), 0x100) == part(f, 0x3400, 0x100));
    const Gpa mmap = m.memory.get<u32>(info + 48);
    CHECK(m.memory.get<u32>(info + 44) == m.request.memory_map.size() * 24);
    CHECK(m.memory.get<u32>(mmap) == 20);
    CHECK(m.memory.get<u64>(mmap + 12) == kEbdaBase);
    CHECK(m.memory.text(m.memory.get<u32>(info + 64)) == "twin86");
}

TEST_CASE("multiboot: the address fields load a flat file, whatever it is") {
    Machine m;
    std::vector<u8> f(0x3000);
    for (u64 i = 0; i < f.size(); ++i) f[i] = static_cast<u8>(i * 3);
    const auto header = [&](u32 header_addr, u32 load, u32 load_end, u32 bss_end) {
        put_multiboot(f, 0x100, 0x10003);
        put<u32>(f, 0x10c, header_addr), put<u32>(f, 0x110, load), put<u32>(f, 0x114, load_end),
            put<u32>(f, 0x118, bss_end);
        put<u32>(f, 0x11c, 0x200010);
    };
    header(0x200080, 0x200000, 0x201000, 0x204000);  // the file's first 0x80 bytes are not loaded
    m.memory.write(0x201000, std::vector<u8>(0x3000, 0xee));
    auto plan = m.load(f);
    REQUIRE(plan);
    CHECK(plan->rip == 0x200010);
    CHECK(m.memory.bytes(0x200000, 0x1000) == part(f, 0x80, 0x1000));
    CHECK(m.memory.bytes(0x201000, 0x3000) == std::vector<u8>(0x3000));
    header(0x200080, 0x200000, 0, 0);
    REQUIRE(m.load(f));
    CHECK(m.memory.bytes(0x200000, 0x2f80) == part(f, 0x80, 0x2f80));

    header(0x200080, 0x200000, 0x210000, 0);
    CHECK(has(m.failure(f), "truncated"));
    header(0x200080, 0x100000, 0, 0);
    CHECK(has(m.failure(f), "make no sense"));
    header(0x200000, 0x200001, 0, 0);
    CHECK(has(m.failure(f), "make no sense"));
    header(0x200080, 0x200000, 0x1ff000, 0);
    CHECK(has(m.failure(f), "make no sense"));
    header(0x200080, 0x200000, 0, 0xffffffff);
    CHECK(has(m.failure(f), "use a larger -m"));
    header(0x90000080, 0x90000000, 0, 0);
    CHECK(has(m.failure(f), "no free RAM"));
}

TEST_CASE("multiboot: unknown requirements, broken modules and hostile tables are refused") {
    Machine m;
    std::vector<u8> f = make_elf(true, 0x100040, {{kLoad, 0x1000, 0x100000, 0x100000, 0x1800, 0x3000}});
    put_multiboot(f, 0x400, 3);
    REQUIRE(m.load(f));  // ELF64 with a 32-bit entry
    put_multiboot(f, 0x400, 0x11);
    CHECK(has(m.failure(f), "multiboot features 0x10"));
    put_multiboot(f, 0x400, 3);
    m.request.initrd = m.files.path("missing") + " arg";
    CHECK(has(m.failure(f), "cannot open module"));
    m.request.initrd = ",";
    CHECK(has(m.failure(f), "empty module"));
    m.request.initrd = "";
    put<u64>(f, 40, 0x3ff0), put<u16>(f, 58, 64), put<u16>(f, 60, 1000);
    CHECK(has(m.failure(f), "truncated or corrupt"));
    put<u16>(f, 58, 1), put<u16>(f, 60, 8);
    CHECK(has(m.failure(f), "truncated or corrupt"));

    u64 seed = 0x2545f4914f6cdd1d;
    const std::vector<u8> good = make_elf(true, 0x100040, {{kLoad, 0x1000, 0x100000, 0x100000, 0x1800, 0x3000}});
    for (int round = 0; round < 300; ++round) {
        std::vector<u8> bad = good;
        put_multiboot(bad, 0x400, 3);
        for (int n = 0; n < 3; ++n) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            bad[seed % 0x98] = static_cast<u8>(seed >> 32);
        }
        auto plan = m.load(bad);
        if (plan) REQUIRE(plan->rip <= 0xffffffff);
    }
}
