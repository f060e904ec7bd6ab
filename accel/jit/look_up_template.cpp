#include "accel/jit/look_up_template.h"

#include <asmjit/x86.h>

#include <cstring>

#include "accel/jit/frame.h"
#include "base/check.h"

namespace twin86::jit {

using namespace asmjit;

namespace {
x86::Mem field(std::size_t offset) { return x86::Mem(x86::rsp, static_cast<i32>(offset), 8); }
}

LookUpTemplate::LookUpTemplate() {
    CodeHolder code;
    code.init(Environment::host());
    x86::Assembler a(&code);
    const Label miss = a.newLabel();
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.pdep(x86::r10, x86::rbp, field(offsetof(JitFrame, jump_offset_mask)));
    a.mov(x86::rcx, field(offsetof(JitFrame, jump_table)));
    a.lea(x86::r10, x86::ptr(x86::r10, x86::rcx));
    a.mov(x86::rcx, x86::ptr(x86::r10, offsetof(JumpEntry, less_rip)));
    a.lea(x86::rcx, x86::ptr(x86::rcx, x86::rbp));
    a.loop(x86::rcx, miss);  // unless that was 1
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    a.jmp(x86::ptr(x86::r10, offsetof(JumpEntry, host)));
    a.bind(miss);
    a.embedUInt8(0xe8);
    exit_at = static_cast<u8>(a.offset());
    a.embedUInt32(0);
    const CodeBuffer& buffer = code.textSection()->buffer();
    CHECK(buffer.size() <= sizeof bytes, "a look-up of {} bytes", buffer.size());
    std::memcpy(bytes, buffer.data(), buffer.size());
    length = static_cast<u8>(buffer.size());
}

}  // namespace twin86::jit
