#include "machine/monitor_target.h"

#include <algorithm>

#include "cpu/decode/disassemble.h"
#include "machine/device_text.h"
#include "machine/explain.h"
#include "machine/page_table_text.h"
#include "machine/register_text.h"

namespace twin86 {

void MachineMonitor::cont() {
    if (machine_.run_state() == RunState::kShutdown)
        return log_.always("twin86: the guest is powered off; system_reset starts it again");
    machine_.resume();
}

std::string MachineMonitor::run_state() const {
    switch (machine_.run_state()) {
        case RunState::kRunning:
            return "running";
        case RunState::kPaused:
            return "paused";
        case RunState::kShutdown:
            break;
    }
    return "paused (shutdown)";
}

MachineIdentity MachineMonitor::identity() {
    const Options& o = machine_.options();
    return {o.name, uuid_text(o.uuid.value_or(Uuid{})), TWIN86_VERSION, machine_.vcpu_thread_id(),
            machine_.accelerator().name().starts_with("kvm")};
}

std::string MachineMonitor::info_registers() {
    const StillMachine still(machine_);
    return "\nCPU#0\n" + register_text(machine_.vcpu().state(), machine_.phys().a20());
}

std::string MachineMonitor::info_mem() {
    const StillMachine still(machine_);
    return mapped_ranges_text(context(), machine_.phys().pages());
}

std::string MachineMonitor::info_tlb() {
    const StillMachine still(machine_);
    return mapped_pages_text(context(), machine_.phys().pages());
}

std::string MachineMonitor::info_mtree() {
    return memory_tree_text(machine_);
}

std::string MachineMonitor::info_accel() {
    const StillMachine still(machine_);
    return machine_.accelerator().statistics() + machine_.vcpu().statistics();
}

std::string MachineMonitor::select_engine(std::string_view name) {
    const Status s = machine_.accelerator().select(name);
    return s ? std::string() : s.failure().message + '\n';
}

std::string MachineMonitor::info_pci() { return pci_text(machine_.board().pci()); }
std::string MachineMonitor::info_irq() { return irq_counts_text(machine_.board().gsi()); }
std::string MachineMonitor::info_pic() {
    return interrupt_controllers_text(machine_.board().pic(), machine_.board().ioapic());
}
std::string MachineMonitor::info_qtree() { return device_list_text(machine_.board().devices()); }
std::string MachineMonitor::info_vga() {
    return machine_.display() == nullptr ? "there is no display adapter\n" : display_text(*machine_.display());
}

std::optional<u64> MachineMonitor::register_value(std::string_view name) {
    const StillMachine still(machine_);
    return register_by_name(machine_.vcpu().state(), name);
}

bool MachineMonitor::read_virtual(Gva address, std::span<u8> to) {
    const StillMachine still(machine_);
    while (!to.empty()) {
        const WalkResult walk = peek(context(), machine_.phys().pages(), address);
        const u64 left = kPageSize - address % kPageSize;
        const auto piece = to.first(std::min<u64>(left, to.size()));
        if (!walk.ok || !machine_.phys().dma_read(walk.page.physical, piece)) return false;
        address += piece.size();
        to = to.subspan(piece.size());
    }
    return true;
}

std::optional<Gpa> MachineMonitor::physical_address(Gva address) {
    const StillMachine still(machine_);
    const WalkResult walk = peek(context(), machine_.phys().pages(), address);
    if (!walk.ok) return std::nullopt;
    return walk.page.physical;
}

bool MachineMonitor::read_physical(Gpa address, std::span<u8> to) {
    return machine_.phys().dma_read(address, to);
}

/// A device may move memory under the guest.
u32 MachineMonitor::read_port(IoPort port, unsigned size) {
    const StillMachine still(machine_);
    machine_.settle_devices();
    return machine_.io_bus().read(port, size);
}

void MachineMonitor::write_port(IoPort port, unsigned size, u32 value) {
    const StillMachine still(machine_);
    machine_.settle_devices();
    machine_.io_bus().write(port, size, value);
}

Disassembly MachineMonitor::disassemble(u64 address, std::span<const u8> code) {
    const StillMachine still(machine_);
    const CpuState& s = machine_.vcpu().state();
    if (code.empty()) return {};
    const unsigned bits = s.mode64() ? 64 : s.segment[kCs].default_big() ? 32 : 16;
    DisassembledLine line = disassemble_one(code, address, bits);
    return {line.length, std::move(line.text)};
}

PagingContext MachineMonitor::context() const {
    return paging_context(machine_.vcpu().state(), machine_.cpu_model().physical_bits());
}

std::string memory_tree_text(Machine& machine) {
    struct Line {
        u64 base, size;
        std::string name;
    };
    const auto listing = [](std::vector<Line> lines, int digits) {
        std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.base < b.base; });
        std::string text;
        for (const Line& l : lines)
            text += fmt::format("  {:0{}x}-{:0{}x} : {}\n", l.base, digits, l.base + l.size - 1, digits, l.name);
        return text;
    };
    std::vector<Line> memory, ports;
    for (const HostRange& r : machine.phys().host_ranges())
        memory.push_back({r.base, r.size, r.name + (r.writable ? "" : " (read-only)")});
    for (const BusRange& r : machine.mmio_bus().ranges()) memory.push_back({r.base, r.size, r.name});
    for (const BusRange& r : machine.io_bus().ranges()) ports.push_back({r.base, r.size, r.name});
    return "memory\n" + listing(memory, 16) + "I/O\n" + listing(ports, 4);
}

}  // namespace twin86
