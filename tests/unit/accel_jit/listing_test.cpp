#include "accel/jit/listing.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

#include "accel/jit/arena.h"
#include "tests/lib/jit_guest.h"

using namespace twin86;
using namespace twin86::jit;

namespace {

/// Code laid out by hand as the translator does, with thunks at made-up addresses that are never called.
struct Fixture {
    Fixture() {
        thunks.slow_mem = base + 0x1000;
        thunks.exit_helper = base + 0x1010;
        thunks.exit_commit = base + 0x1020;
        block.code = base;
        block.rip = block.key.physical = 0x5000;
        block.key.mode.value = Mode::kCode64 | Mode::kUser;
    }

    void guest(std::initializer_list<u8> bytes) {
        Insn insn;
        insn.rip = block.rip + block.guest_size;
        std::copy(bytes.begin(), bytes.end(), insn.bytes);
        insn.length = static_cast<u8>(bytes.size());
        insns.push_back(insn);
        block.guest_size += insn.length;
        block.insn_count = static_cast<u8>(insns.size());
    }
    void point(u16 guest_offset) { points.push_back({static_cast<u32>(code.size()), guest_offset, 0xff, 0}); }
    void host(std::initializer_list<u8> bytes) { code.insert(code.end(), bytes); }
    template <class T>
    void value(T v) {
        const u8* bytes = reinterpret_cast<const u8*>(&v);
        code.insert(code.end(), bytes, bytes + sizeof v);
    }
    void call(const u8* target) {
        host({0xe8});
        value(static_cast<i32>(target - (base + code.size() + 4)));
    }
    /// Lines from the second on, blanks squeezed.
    std::vector<std::string> lines() {
        block.cold_at = cold_at;
        const auto kept = arena.room<SidePoint>(points.size());
        std::ranges::copy(points, kept.begin());
        block.set_points(kept);
        const std::span<const u8> all(code);
        std::istringstream text(listing({block, insns, all.first(cold_at), all.subspan(cold_at), thunks}));
        std::vector<std::string> result;
        std::string line, word;
        std::getline(text, line);
        while (std::getline(text, line)) {
            std::istringstream words(line);
            std::string squeezed;
            while (words >> word) squeezed += (squeezed.empty() ? "" : " ") + word;
            result.push_back(squeezed);
        }
        return result;
    }

    const u8* const base = reinterpret_cast<const u8*>(0x7f0000000000);
    Arena arena{1 * MiB};
    Block& block = *arena.make<Block>();
    Thunks thunks;
    std::vector<Insn> insns;
    std::vector<SidePoint> points;
    std::vector<u8> code;
    u32 cold_at = ~u32{0};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "listing_groups_hot_and_cold_code_by_guest_instruction") {
    guest({0x89, 0x03});  // mov [rbx], eax
    guest({0x01, 0xd8});  // add eax, ebx
    point(0);
    host({0x89, 0x45, 0x00});
    point(2);
    host({0x01, 0xd8});
    cold_at = static_cast<u32>(code.size());
    point(0);
    call(thunks.slow_mem);
    value(AccessMeta{4, kAccessWrite, 2});
    point(2);  // behind the instruction: where the guest goes on after the write-back
    call(thunks.exit_commit);
    REQUIRE(lines() == std::vector<std::string>{
                           "0000000000005000 8903 mov [rbx], eax | +000 mov dword ptr [rbp], eax",
                           "|~+005 call slow_mem",
                           "|~+00a write 4 bytes, view 2",
                           "|~+00e call exit_commit",
                           "0000000000005002 01d8 add eax, ebx | +003 add eax, ebx",
                       });
}

TEST_CASE_METHOD(Fixture, "listing_shows_what_a_helper_does_and_instructions_without_code") {
    guest({0x90});
    guest({0x0f, 0xa2});
    HelperSite& site = *arena.make<HelperSite>();
    site.insn.op = Op::kCpuid;
    point(0);
    point(1);
    call(thunks.exit_helper);
    value(&site);
    block.helpers = &site;
    cold_at = static_cast<u32>(code.size());
    REQUIRE(lines() == std::vector<std::string>{
                           "0000000000005000 90 nop |",
                           "0000000000005001 0fa2 cpuid | +000 call exit_helper",
                           "| +005 Cpuid",
                       });
}

TEST_CASE_METHOD(Fixture, "listing_takes_zydis_where_capstone_does_not_know") {
    guest({0x90});
    point(0);
    host({0x62, 0xf2, 0x7e, 0x48, 0x72, 0xc1});  // VCVTNEPS2BF16, which came after Capstone 4
    host({0x0f, 0xff});                          // an incomplete UD0
    cold_at = static_cast<u32>(code.size());
    const std::vector<std::string> result = lines();
    REQUIRE(result.size() == 3);
    REQUIRE(result[0] == "0000000000005000 90 nop | +000 vcvtneps2bf16 ymm0, zmm1");
    REQUIRE(result[1] == "| +006 (bad) 0f");
}

namespace {

/// What `-d blocks` says of a program that ends in INT3.
std::string listed(std::span<const u8> program) {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    {
        test::JitGuest guest({.log = file, .log_mask = kLogBlocks});
        guest.map_new(0x400000, kPageSize, test::kUserPage);
        guest.write(0x400000, program);
        guest.start(0x400000, 0);
        REQUIRE(guest.run().vector == kVectorBP);
    }
    std::rewind(file);
    std::string text(1 << 16, 0);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
}

}  // namespace

TEST_CASE("a_running_guest_lists_each_block_once") {
    const u8 program[] = {0xb9, 3, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xcc};  // mov ecx, 3; dec ecx; jnz; int3
    const std::string text = listed(program);
    const std::string at_start = "block 0x400000 physical", at_loop = "block 0x400005 physical";
    REQUIRE(text.find(at_start) != std::string::npos);
    REQUIRE(text.find(at_start, text.find(at_start) + 1) == std::string::npos);
    REQUIRE(text.find(at_loop) != std::string::npos);
    REQUIRE(text.find("mov ecx, 0x03") != std::string::npos);
    REQUIRE(text.find("mov ecx, 3\n") != std::string::npos);
}

TEST_CASE("hints_about_addresses_reach_the_host") {
    const u8 program[] = {0x0f, 0x18, 0x08, 0x0f, 0x18, 0x10, 0x0f, 0x18, 0x04, 0xc8, 0x0f, 0x0d, 0x09,
                          0xcc};  // prefetcht0 [rax]; prefetcht1 [rax]; prefetchnta [rax+rcx*8]; prefetchw [rcx]; int3
    const std::string text = listed(program);
    for (const char* hint : {"prefetcht0 ", "prefetcht1 ", "prefetchnta ", "prefetchw "}) {
        const std::size_t in_guest = text.find(hint);
        REQUIRE(in_guest != std::string::npos);
        CHECK(text.find(hint, in_guest + 1) != std::string::npos);
    }
}
