// Operands at borders against the host's own: the end of a 32-bit address space, areas of state over the end of a page.
#include <cstring>

#include "tests/diff/both_sides.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::diff {

namespace {

struct Form {
    const char* name;
    std::vector<u8> code;
};

void begin(Job& job) {
    std::memset(&job.in, 0, sizeof job.in);
    test::reset_xsave(job.in.xsave);
    job.data_seed = 1;
}

void compare_form(BothSides& sides, const Form& form, u32 bits) {
    std::vector<u8> code = form.code;
    code.push_back(0xcc);
    const auto differences = sides.run(code.data(), code.size(), bits);
    INFO(form.name << ", " << bits << " bits" << joined(differences));
    CHECK(differences.empty());
}

// The stack pointer, EBX, ESI and EDI hold the address.
const Form kAccesses[] = {
    {"push eax", {0x50}},          {"push ax", {0x66, 0x50}},     {"push imm8", {0x6a, 1}},    {"pusha", {0x60}},
    {"pop eax", {0x58}},           {"popa", {0x61}},              {"ret", {0xc3}},             {"call rel32", {0xe8, 0, 0, 0, 0}},
    {"call [ebx]", {0xff, 0x13}},  {"pushf", {0x9c}},             {"popf", {0x9d}},            {"enter 0, 0", {0xc8, 0, 0, 0}},
    {"leave", {0x8b, 0xec, 0xc9}}, {"mov eax, [esp]", {0x8b, 0x04, 0x24}}, {"mov [esp], eax", {0x89, 0x04, 0x24}},
    {"mov eax, [ebx]", {0x8b, 3}}, {"mov [ebx], eax", {0x89, 3}}, {"mov [ebx], al", {0x88, 3}},
    {"movups", {0x0f, 0x10, 3}},   {"movaps", {0x0f, 0x28, 3}},   {"movsd", {0xa5}},           {"lodsd", {0xad}},
    {"stosw", {0x66, 0xab}},       {"fld m80", {0xdb, 0x2b}},     {"fnsave", {0xdd, 0x33}},    {"bt [ebx], eax", {0x0f, 0xa3, 3}},
    {"xlat", {0xd7}},              {"push [ebx]", {0xff, 0x33}},  {"pop [ebx]", {0x8f, 3}},
};

const Form kAreas[] = {
    {"fnstenv", {0xd9, 0x32}},       {"fldenv", {0xd9, 0x22}},         {"fnsave", {0xdd, 0x32}},         {"frstor", {0xdd, 0x22}},
    {"o16 fnstenv", {0x66, 0xd9, 0x32}}, {"o16 fldenv", {0x66, 0xd9, 0x22}}, {"o16 fnsave", {0x66, 0xdd, 0x32}},
    {"o16 frstor", {0x66, 0xdd, 0x22}},  {"fxsave", {0x0f, 0xae, 0x02}},   {"fxrstor", {0x0f, 0xae, 0x0a}},
    {"xsave", {0x0f, 0xae, 0x22}},   {"xsaveopt", {0x0f, 0xae, 0x32}}, {"xsavec", {0x0f, 0xc7, 0x22}},   {"xrstor", {0x0f, 0xae, 0x2a}},
};

// Around the start and the end of the window, and of its writable part.
constexpr u64 kAreaAt[] = {kDataBase - 0x1000, kDataBase - 0x240, kDataBase - 0x200, kDataBase - 0x40, kDataBase - 0x10, kDataBase - 4,
                           kDataBase + kWritableSize - 0x400, kDataBase + kWritableSize - 0x240, kDataBase + kWritableSize - 0x200,
                           kDataBase + kWritableSize - 0x40, kDataBase + kWritableSize - 4, kDataBase + kWritableSize,
                           kDataBase + kDataSize - 0x400, kDataBase + kDataSize - 0x200, kDataBase + kDataSize - 0x60,
                           kDataBase + kDataSize - 0x10, kDataBase + kDataSize - 4};

}  // namespace

TEST_CASE("32-bit operands over the end of the address space", "[diff]") {
    BothSides sides;
    for (const u32 at : {0u, 1u, 2u, 3u, 4u, 15u, 31u, 0xfffffff0u, 0xfffffff1u, 0xfffffffcu, 0xfffffffdu, 0xfffffffeu, 0xffffffffu})
        for (const Form& form : kAccesses) {
            MachineState& in = sides.job().in;
            begin(sides.job());
            for (const unsigned r : {kRsp, kRbx, kRsi, kRdi}) in.gpr[r] = at;
            INFO("address " << std::hex << at);
            compare_form(sides, form, 32);
        }
}

TEST_CASE("A pending x87 exception comes before the faults of a segment", "[diff]") {
    BothSides sides;
    const Form forms[] = {{"fist cs:[ebp]", {0x2e, 0xdb, 0x55, 0}}, {"fnstcw cs:[ebp]", {0x2e, 0xd9, 0x7d, 0}}, {"psubusw mm7, ss:[ebp]", {0x0f, 0xd9, 0x7d, 0}},
                           {"mov cs:[ebp], eax", {0x2e, 0x89, 0x45, 0}}};
    for (const Form& form : forms)
        for (const u64 at : {kDataBase, kDataBase - 0x1000}) {
            begin(sides.job());
            const u16 control_and_status[] = {0x37b, 0x8084};  // ZM is 0, ZE is pending
            std::memcpy(sides.job().in.xsave, control_and_status, sizeof control_and_status);
            sides.job().in.gpr[kRbp] = at;
            compare_form(sides, form, 32);
        }
}

TEST_CASE("Areas of state of which a part may not be accessed", "[diff]") {
    BothSides sides;
    for (const u32 bits : {64, 32})
        for (const u64 at : kAreaAt)
            for (const u32 components : {0u, 1u, 2u, 4u, 7u, 0x20u, 0xe7u})
                for (const Form& form : kAreas) {
                    if (components != 7 && &form < std::begin(kAreas) + 10) continue;
                    begin(sides.job());
                    sides.job().in.gpr[kRax] = components;
                    sides.job().in.gpr[kRdx] = at;
                    INFO("address " << std::hex << at << ", components " << components);
                    compare_form(sides, form, bits);
                }
}

}  // namespace twin86::diff
