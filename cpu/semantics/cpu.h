// Cpu: one processor as the slow paths see it, and the table of the slow paths.
//
// Conventions between an engine and an OpHandler:
//  - On entry all registers and flags are up to date in CpuState and s.rip == insn.next_rip(). A handler that transfers
//    control sets s.rip, the others leave it alone. Everything written to CpuState is picked up afterwards.
//  - A handler that returns a fault has changed no architectural state but what the manual says; the engine then sets
//    s.rip = insn.rip and calls raise() of interrupts.h.
//  - A handler that has done a part of a REP instruction sets s.rip = insn.rip: the engine executes it again.
//  - s.shadow is set by STI, MOV SS and POP SS. The engine clears it after the next instruction. RF is cleared by the
//    engine after every instruction that ends without a fault, but for IRET, POPF and task switches.
//  - The instruction is offered by CPUID: the decoder has classified the others as undefined.
#pragma once

#include "cpu/decode/insn.h"
#include "cpu/semantics/cpu_host.h"
#include "cpu/semantics/cpu_traits.h"
#include "cpu/semantics/cpuid_source.h"
#include "cpu/state/cpu_state.h"
#include "cpu/state/fault.h"

namespace twin86 {

struct Cpu {
    Cpu(CpuState& state, CpuHost& cpu_host, const CpuidSource& cpuid)
        : s(state), host(cpu_host), model(cpuid), traits(cpuid, state) {}

    CpuState& s;
    CpuHost& host;
    const CpuidSource& model;
    const CpuTraits traits;
};

using OpHandler = Outcome (*)(Cpu&, const Insn&);

/// The slow path of a Helper or EndBlock op; null for the others.
OpHandler op_handler(Op op);

}  // namespace twin86
