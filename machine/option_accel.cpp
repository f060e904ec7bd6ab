// -accel, -enable-kvm and -machine accel=.
#include <algorithm>

#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

/// QEMU's translator stands for ours in people's scripts.
Status add_engine(AccelOptions& o, std::string engine) {
    if (engine == "tcg") engine = "jit";
    static constexpr std::string_view kOthers[] = {"hvf", "whpx", "hax", "nvmm", "xen"};
    if (std::find(std::begin(kOthers), std::end(kOthers), engine) != std::end(kOthers))
        return error("-accel {}: not on this host; there are jit and kvm", engine);
    if (engine != "jit" && engine != "kvm" && engine != "lockstep")
        return unknown_word("-accel", engine, {"jit", "kvm", "lockstep"});
    if (std::find(o.engines.begin(), o.engines.end(), engine) == o.engines.end()) o.engines.push_back(engine);
    return {};
}

/// "kvm:jit" as -machine accel= has it.
Status add_engines(AccelOptions& o, const std::string& list) {
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(':', at), list.size());
        if (const Status s = add_engine(o, list.substr(at, end - at)); !s) return s;
        at = end + 1;
    }
    return {};
}

Status set_code_size(AccelOptions& o, const std::string& what, const std::string& v) {
    auto size = parse_size(v, what);
    if (!size) return size.failure();
    if (*size < 2 * MiB || *size > GiB) return error("{}={}: from 2M to 1G", what, v);
    o.code_cache_bytes = *size / kPageSize * kPageSize;
    return {};
}

/// Of QEMU's translator: one processor has one thread; code is never writable and executable at one address.
Status set_tcg_property(AccelOptions& o, const std::string& key, const std::string& v) {
    if (key == "thread" && (v == "single" || v == "multi")) return {};
    if (key == "split-wx") return {};
    if (key != "tb-size") return unknown_word("-accel tcg: property", key, {"thread", "tb-size", "split-wx", "one-insn-per-tb"});
    return set_code_size(o, "-accel tcg,tb-size", v);
}

Status set_jit_property(AccelOptions& o, const std::string& key, const std::string& v) {
    const std::string what = "-accel jit," + key;
    if (key == "code-size") return set_code_size(o, what, v);
    if (key == "mmu") {
        if (v != "soft" && v != "shadow" && v != "auto") return unknown_word(what, v, {"soft", "shadow", "auto"});
        o.mmu = v;
        return {};
    }
    if (key != "one-insn-per-block" && key != "chain")
        return unknown_word("-accel jit: property", key, {"mmu", "code-size", "one-insn-per-block", "chain"});
    const auto on = parse_switch(v, what);
    if (!on) return on.failure();
    if (key == "chain")
        o.no_chain = !on.value();
    else
        o.one_insn_per_block = on.value();
    return {};
}

Status set_irqchip(AccelOptions& o, const std::string& what, const std::string& v) {
    if (v != "off" && v != "split" && v != "on") return unknown_word(what, v, {"off", "split", "on"});
    if (v == "on") return error("{}=on: PIC, PIT and I/O APIC are always the machine's own here (kernel-irqchip=split or off)", what);
    o.kernel_irqchip = v == "split" ? KernelIrqchip::kSplit : KernelIrqchip::kOff;
    return {};
}

Status set_stress(AccelOptions& o, const std::string& what, const std::string& v) {
    auto us = parse_number(v, what, 10'000'000);
    if (!us) return us.failure();
    o.stress_switch_us = *us;
    return {};
}

Status set_kvm_property(AccelOptions& o, const std::string& key, const std::string& v) {
    const std::string what = "-accel kvm," + key;
    if (key == "kernel-irqchip" || key == "kernel_irqchip") return set_irqchip(o, what, v);
    if (key == "stress-switch") return set_stress(o, what, v);
    if (key != "fallback")
        return unknown_word("-accel kvm: property", key, {"kernel-irqchip", "fallback", "stress-switch"});
    const auto on = parse_switch(v, what);
    if (!on) return on.failure();
    o.fallback = on.value();
    return {};
}

Status set_reference(AccelOptions& o, const std::string& what, const std::string& v) {
    if (v != "auto" && v != "jit" && v != "kvm") return unknown_word(what, v, {"auto", "jit", "kvm"});
    o.lockstep_reference = v;
    return {};
}

Status set_lockstep_number(u64& to, const std::string& what, const std::string& v, u64 least, u64 most) {
    auto number = parse_number(v, what, most);
    if (!number) return number.failure();
    if (*number < least) return error("{}={}: at least {}", what, v, least);
    to = *number;
    return {};
}

/// Those of the translator, which is what is checked, belong to it too.
Status set_lockstep_property(AccelOptions& o, const std::string& key, const std::string& v) {
    const std::string what = "-accel lockstep," + key;
    if (key == "reference") return set_reference(o, what, v);
    if (key == "blocks") return set_lockstep_number(o.lockstep_blocks, what, v, 1, 100'000);
    if (key == "unchecked") return set_lockstep_number(o.lockstep_unchecked_us, what, v, 0, 10'000'000);
    if (key != "mmu" && key != "code-size" && key != "one-insn-per-block" && key != "chain")
        return unknown_word("-accel lockstep: property", key,
                            {"reference", "blocks", "unchecked", "mmu", "code-size", "one-insn-per-block", "chain"});
    return set_jit_property(o, key, v);
}

Status set_property(AccelOptions& o, const std::string& engine, const std::string& key, const std::string& v) {
    if (engine == "lockstep") return set_lockstep_property(o, key, v);
    if (engine == "tcg") return key == "one-insn-per-tb" ? set_jit_property(o, "one-insn-per-block", v) : set_tcg_property(o, key, v);
    return engine == "kvm" ? set_kvm_property(o, key, v) : set_jit_property(o, key, v);
}

}  // namespace

Status set_accel(ParsedOptions& to, const std::string& v) {
    if (v == "help" || v == "?") return to.action = OptionAction::kAccelHelp, Status();
    std::string engine = "jit";
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool bare = i == 0 && val.empty();
        if (bare || key == "accel") engine = bare ? key : val;
        const Status s = bare || key == "accel" ? add_engines(to.options.accel, engine)
                                                : set_property(to.options.accel, engine, key, val);
        if (!s) return s;
    }
    return {};
}

Status set_machine_irqchip(ParsedOptions& to, const std::string& v) {
    return set_irqchip(to.options.accel, "-machine kernel-irqchip", v);
}

Status set_enable_kvm(ParsedOptions& to, const std::string&) {
    return add_engine(to.options.accel, "kvm");
}

}  // namespace twin86
