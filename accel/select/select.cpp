#include "accel/select/select.h"

#include "accel/hybrid/hybrid_accelerator.h"
#include "accel/jit/host_needs.h"
#include "accel/jit/jit_accelerator.h"
#include "accel/kvm/kvm_accelerator.h"
#include "accel/lockstep/lockstep_accelerator.h"
#include "cpu/state/host_cpuid.h"

namespace twin86 {

namespace {

using Made = Result<std::unique_ptr<Accelerator>>;
using Selected = Result<Selection>;

struct Request {
    const AccelOptions& options;
    CpuModel& model;
    PhysMap& phys;
    Log& log;
};

std::unique_ptr<Accelerator> make_jit(const Request& r) {
    return std::make_unique<jit::JitAccelerator>(r.options, r.model, r.phys, r.log);
}

Made with_fallback(const Request& r, std::unique_ptr<Accelerator> kvm) {
    return std::unique_ptr<Accelerator>(std::make_unique<HybridAccelerator>(
        std::move(kvm), make_jit(r), Engine::kFirst, r.options.stress_switch_us * 1000));
}

/// KVM with the translator behind it, as far as the host's processor can translate.
Made make_kvm(const Request& r, const Result<kvm::Backend>& probed) {
    const bool split = r.options.kernel_irqchip == KernelIrqchip::kSplit;
    if (split && r.options.fallback)
        return error(
            "-accel kvm,kernel-irqchip=split: interrupts that the kernel holds cannot move to the translator; add fallback=off, "
            "or leave kernel-irqchip out");
    if (!probed) return error("-accel kvm: {}", probed.failure().message);
    kvm::Backend backend = probed.value();
    backend.late_writes = true;
    backend.split = split;
    backend.has_second = r.options.fallback && jit::host_can_translate(HostCpuid::probe().features);
    auto kvm = kvm::KvmAccelerator::create(backend, r.model, r.phys, r.log);
    if (!kvm) return error("-accel kvm: {}", kvm.failure().message);
    if (!backend.has_second) return std::unique_ptr<Accelerator>(kvm.take());
    return with_fallback(r, kvm.take());
}

/// What returns something else each time cannot be compared.
void drop_random_numbers(CpuModel& model) {
    FeatureSet rest = model.features();
    rest.set(Feature::kRdrand, false);
    rest.set(Feature::kRdseed, false);
    model.keep_features(rest);
}

/// Null: not asked for, or not there when the choice was left to us.
Made lockstep_kvm(const Request& r) {
    const std::string& wanted = r.options.lockstep_reference;
    if (wanted == "jit") return std::unique_ptr<Accelerator>();
    auto backend = kvm::probe_backend();
    Result<std::unique_ptr<kvm::KvmAccelerator>> kvm =
        backend ? kvm::KvmAccelerator::create(*backend, r.model, r.phys, r.log)
                : Result<std::unique_ptr<kvm::KvmAccelerator>>(backend.failure());
    if (kvm) return std::unique_ptr<Accelerator>(kvm.take());
    if (wanted == "kvm") return error("-accel lockstep,reference=kvm: {}", kvm.failure().message);
    r.log.always("twin86: -accel lockstep: {}; the reference is the translator, instruction by instruction",
                 kvm.failure().message);
    return std::unique_ptr<Accelerator>();
}

/// The translator as it is, against KVM and itself at its simplest.
Made make_lockstep(const Request& r) {
    drop_random_numbers(r.model);
    auto kvm = lockstep_kvm(r);
    if (!kvm) return kvm.failure();
    AccelOptions checked = r.options;
    checked.shares_memory = true;
    AccelOptions simple = checked;
    simple.one_insn_per_block = simple.no_chain = true;
    simple.mmu = "soft";
    const LockstepOptions options{r.options.lockstep_blocks, r.options.lockstep_unchecked_us * 1000};
    return std::unique_ptr<Accelerator>(std::make_unique<LockstepAccelerator>(
        std::make_unique<jit::JitAccelerator>(checked, r.model, r.phys, r.log), kvm.take(), std::make_unique<jit::JitAccelerator>(simple, r.model, r.phys, r.log), options, r.model,
        r.phys, r.log));
}

Made make(const Request& r, const std::string& engine) {
    if (engine == "lockstep") return make_lockstep(r);
    return engine == "kvm" ? make_kvm(r, kvm::probe_backend()) : Made(make_jit(r));
}

Selected selected(Made made, std::string why) {
    if (!made) return made.failure();
    return Selection{made.take(), std::move(why)};
}

/// In the order given; the last one's error counts.
Selected first_working(const Request& r) {
    const std::vector<std::string>& engines = r.options.engines;
    std::string why;
    for (std::size_t n = 0;; ++n) {
        Made made = make(r, engines[n]);
        if (made || n + 1 == engines.size()) return selected(std::move(made), why);
        why += fmt::format("{}; using {}", made.failure().message, engines[n + 1]);
    }
}

/// KVM where it runs ring 0 natively, else the translator.
Selected best(const Request& r) {
    const auto backend = kvm::probe_backend();
    if (!backend) return selected(make_jit(r), fmt::format("engine: jit ({})", backend.failure().message));
    const std::string text = kvm::backend_text(backend.value());
    if (backend.value().native_ring0()) return selected(make_kvm(r, backend), fmt::format("engine: kvm ({})", text));
    return selected(make_jit(r),
                    fmt::format("engine: jit, faster than this host's KVM ({}); -accel kvm takes it anyway", text));
}

}  // namespace

Result<Selection> select_accelerator(const AccelOptions& options, CpuModel& model, PhysMap& phys, Log& log) {
    const Request request{options, model, phys, log};
    return options.engines.empty() ? best(request) : first_working(request);
}

}  // namespace twin86
