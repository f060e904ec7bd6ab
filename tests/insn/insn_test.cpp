#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

void InsnTest::load(const std::function<void(Assembler&)>& program, Gva at) {
    CodeHolder code;
    code.init(Environment::host(), at);
    Assembler a(&code);
    program(a);
    a.int3();
    REQUIRE(code.flatten() == kErrorOk);
    REQUIRE(code.resolveUnresolvedLinks() == kErrorOk);
    REQUIRE(code.relocateToBase(at) == kErrorOk);
    guest.write(at, code.textSection()->buffer());
}

GuestStop InsnTest::run(bool user) {
    guest.start(kCodeAt, kStackTop, user);
    for (const auto& [r, value] : inputs_) guest.state().gpr[r] = value;
    guest.state().rflags |= flags_;
    return last = guest.run();
}

void InsnTest::execute(const std::function<void(Assembler&)>& program) {
    load(program);
    run();
    INFO("vector " << last.vector << " error " << last.error_code << " at " << std::hex << last.rip << " cr2 " << last.cr2);
    REQUIRE(last.exit == RunExit::kHalted);
    REQUIRE(last.vector == kVectorBP);
}

}  // namespace twin86::test
