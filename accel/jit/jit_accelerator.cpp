#include "accel/jit/jit_accelerator.h"

namespace twin86::jit {

JitOptions jit_options(const AccelOptions& options) {
    JitOptions jit;
    jit.code_size = options.code_cache_bytes;
    if (options.one_insn_per_block) jit.max_insns = 1;
    jit.chain = !options.no_chain;
    jit.shares_memory = options.shares_memory;
    jit.mmu = options.mmu == "soft" ? MmuMode::kSoft : options.mmu == "shadow" ? MmuMode::kShadow : MmuMode::kAuto;
    return jit;
}

Result<std::unique_ptr<Vcpu>> JitAccelerator::create_vcpu(unsigned, VcpuEnvironment& environment) {
    auto vcpu = JitVcpu::create(options_, model_, phys_, environment, log_);
    if (!vcpu) return vcpu.failure();
    return std::unique_ptr<Vcpu>(vcpu.take());
}

Status JitAccelerator::select(std::string_view engine) {
    if (engine == name()) return {};
    return error("accel {}: this machine was started with -accel jit, which has no second engine", engine);
}

}  // namespace twin86::jit
