#include "machine/machine.h"

#include <ctime>

#include "bios/acpi_tables.h"
#include "bios/kernel_loader.h"
#include "machine/entry.h"
#include "machine/pc/layout.h"

namespace twin86 {

namespace {

/// Guest RAM as the loaders see it.
class LoaderMemory : public BootMemory {
  public:
    explicit LoaderMemory(PhysMap& phys) : phys_(phys) {}
    u64 low_size() const override { return phys_.low_size(); }
    u64 high_size() const override { return phys_.high_size(); }
    bool write(Gpa address, std::span<const u8> from) override { return phys_.dma_write(address, from); }
    bool read(Gpa address, std::span<u8> to) override { return phys_.dma_read(address, to); }

  private:
    PhysMap& phys_;
};

AcpiConfig acpi_config() {
    AcpiConfig c;
    c.pm1a_event = pc::kPmBase + AcpiPm::kPm1Event;
    c.pm1a_control = pc::kPmBase + AcpiPm::kPm1Control;
    c.pm_timer = pc::kPmBase + AcpiPm::kPmTimer;
    c.gpe0 = pc::kPmBase + AcpiPm::kGpe0;
    c.gpe0_length = AcpiPm::kGpe0Bytes;
    c.pm_end = pc::kPmBase + AcpiPm::kBlockSize;
    c.smi_command = pc::kSmiCommand;
    c.acpi_enable = AcpiPm::kAcpiEnable;
    c.acpi_disable = AcpiPm::kAcpiDisable;
    c.has_vga = false;
    c.has_8042 = false;
    return c;
}

}  // namespace

Machine::Machine(const Options& options, CpuModel model, std::mutex& lock, EventLoop& loop, Log& log,
                 GuestRam ram)
    : options_(options), model_(std::move(model)), lock_(lock), loop_(loop), log_(log), ram_(std::move(ram)) {}

Result<std::unique_ptr<Machine>> Machine::create(const Options& options, std::mutex& lock, EventLoop& loop,
                                                 const std::vector<CharBackend*>& serials, Log& log) {
    auto model = CpuModel::parse(options.cpu, HostCpuid::probe());
    if (!model) return model.failure();
    auto ram = GuestRam::create(options.ram_bytes);
    if (!ram) return ram.failure();
    std::unique_ptr<Machine> m(new Machine(options, model.take(), lock, loop, log, ram.take()));
    const u64 low = std::min(options.ram_bytes, pc::kLowRamLimit);
    auto phys = PhysMap::create(m->ram_, low, m->mmio_);
    if (!phys) return phys.failure();
    m->phys_ = phys.take();
    m->phys_->remap(pc::kVideoHole, pc::kVideoHoleSize, Backing::kMmio);
    pc::BoardConfig config{low, options.ram_bytes - low, m->rtc_offset(), serials};
    Machine* self = m.get();
    m->board_ = std::make_unique<pc::Board>(config, m->io_, m->mmio_, m->timers_, m->clock_, m->clock_,
                                            pc::BoardEvents{[self] { self->guest_reset(); }, [self] { self->guest_power_off(); },
                                                            [self](int code) { self->finish(code); }},
                                            log);
    if (options.debug_exit) m->board_->add_debug_exit(options.debug_exit->iobase, options.debug_exit->iosize);
    const jit::JitOptions jit{options.code_cache_bytes, options.one_insn_per_block ? 1u : 64u, !options.no_chain};
    auto vcpu = jit::JitVcpu::create(jit, m->model_, *m->phys_, *m, log);
    if (!vcpu) return vcpu.failure();
    m->vcpu_ = vcpu.take();
    m->board_->lapic().connect_cpu(*m);
    m->timers_.set_on_earlier([&loop] { loop.wake(); });
    return m;
}

Machine::~Machine() {
    quitting_ = true;
    if (thread_.joinable()) {
        vcpu_->request_exit();
        wake_vcpu();
        thread_.join();
    }
}

/// What the RTC shows at power-on, relative to UTC.
i64 Machine::rtc_offset() const {
    constexpr i64 kSecond = 1'000'000'000;
    const std::time_t now = std::time(nullptr);
    switch (options_.rtc.base) {
        case RtcOptions::Base::kUtc: return 0;
        case RtcOptions::Base::kLocaltime: {
            std::tm local{};
            localtime_r(&now, &local);
            return local.tm_gmtoff * kSecond;
        }
        case RtcOptions::Base::kDate: return (options_.rtc.date_unix - now) * kSecond;
    }
    return 0;
}

Status Machine::boot() {
    LoaderMemory memory(*phys_);
    auto acpi = place_acpi_tables(acpi_config(), memory);
    if (!acpi) return acpi.failure();
    BootRequest request;
    request.kernel = options_.kernel;
    request.initrd = options_.initrd;
    request.cmdline = options_.append;
    request.memory_map = pc_memory_map(phys_->low_size(), phys_->high_size(), acpi->ranges);
    request.rsdp = acpi->rsdp;
    auto plan = load_kernel(request, memory);
    if (!plan) return plan.failure();
    enter_plan(vcpu_->state(), *plan);
    vcpu_->state_changed();
    board_->reset(ResetKind::kPowerOn);
    board_->lapic().set_virtual_wire();
    return {};
}

int Machine::run() {
    if (const Status s = boot(); !s) {
        failure_ = s.failure().message;
        return 1;
    }
    paused_ = options_.start_stopped;
    clock_.start();
    if (paused_) clock_.stop();
    thread_ = std::thread([this] { vcpu_thread(); });
    while (!quitting_) {
        u64 deadline = 0;
        {
            const std::scoped_lock held(lock_);
            if (!paused_) timers_.run_due();
            deadline = paused_ ? EventLoop::kNoDeadline : clock_.to_monotonic(timers_.next_deadline_ns());
        }
        if (quitting_) break;
        loop_.run_once(deadline);
    }
    vcpu_->request_exit();
    wake_vcpu();
    thread_.join();
    return exit_status_;
}

// --- the vCPU's thread ----------------------------------------------------------------------------------------------------

void Machine::vcpu_thread() {
    for (;;) {
        const u32 seen = wakeups_;
        if (quitting_) return;
        if (paused_) {
            parked_ = true;
            parked_.notify_all();
            wakeups_.wait(seen);
            continue;
        }
        parked_ = false;
        if (reset_pending_.exchange(false)) reset_now();
        if (!handle_run_exit(vcpu_->run())) return;
    }
}

bool Machine::handle_run_exit(RunExit exit) {
    switch (exit) {
        case RunExit::kInterrupted: return true;
        case RunExit::kHalted: wait_for_wakeup(); return true;
        case RunExit::kShutdown:
            log_.write(kLogInt, "triple fault");
            guest_reset();
            return true;
        case RunExit::kFatal: {
            const std::scoped_lock held(lock_);
            failure_ = vcpu_->failure();
            vcpu_->dump_recorder();
            finish(1);
            return false;
        }
    }
    return true;
}

void Machine::wait_for_wakeup() {
    const u32 seen = wakeups_;
    if (interrupt_pending() || vcpu_->state().nmi_pending || quitting_ || paused_ || reset_pending_) return;
    wakeups_.wait(seen);
}

void Machine::wake_vcpu() {
    ++wakeups_;
    wakeups_.notify_all();
}

void Machine::reset_now() {
    const std::scoped_lock held(lock_);
    if (const Status s = boot(); !s) {
        failure_ = s.failure().message;
        finish(1);
    }
}

// --- requests -------------------------------------------------------------------------------------------------------------

void Machine::finish(int status) {
    if (!quitting_) exit_status_ = status;
    quitting_ = true;
    vcpu_->request_exit();
    wake_vcpu();
    loop_.wake();
}

void Machine::quit(int status) { finish(status); }

/// From the vCPU's thread, through a device: the machine resets at the next boundary, or ends with -no-reboot.
void Machine::guest_reset() {
    if (options_.no_reboot) return finish(0);
    request_reset();
}

void Machine::request_reset() {
    reset_pending_ = true;
    vcpu_->request_exit();
    wake_vcpu();
}

void Machine::guest_power_off() {
    if (!options_.no_shutdown) return finish(0);
    paused_ = true;
    clock_.stop();
    vcpu_->request_exit();
    wake_vcpu();
}

void Machine::pause() {
    if (paused_) return;
    paused_ = true;
    vcpu_->request_exit();
    wake_vcpu();
    lock_.unlock();
    parked_.wait(false);
    lock_.lock();
    clock_.stop();
}

void Machine::resume() {
    if (!paused_) return;
    clock_.resume();
    paused_ = false;
    wake_vcpu();
    loop_.wake();
}

// --- environment of the vCPU ------------------------------------------------------------------------------------------------

u32 Machine::port_read(IoPort port, unsigned size) {
    const std::scoped_lock held(lock_);
    return io_.read(port, size);
}

void Machine::port_write(IoPort port, unsigned size, u32 value) {
    const std::scoped_lock held(lock_);
    io_.write(port, size, value);
}

u64 Machine::mmio_read(Gpa address, unsigned size) {
    const std::scoped_lock held(lock_);
    return mmio_.read(address, size);
}

void Machine::mmio_write(Gpa address, unsigned size, u64 value) {
    const std::scoped_lock held(lock_);
    mmio_.write(address, size, value);
}

int Machine::acknowledge_interrupt() {
    const std::scoped_lock held(lock_);
    return board_->lapic().acknowledge();
}

u8 Machine::read_tpr() {
    const std::scoped_lock held(lock_);
    return board_->lapic().cr8();
}

void Machine::write_tpr(u8 cr8) {
    const std::scoped_lock held(lock_);
    board_->lapic().set_cr8(cr8);
}

bool Machine::read_apic_msr(u32 index, u64& value) {
    const std::scoped_lock held(lock_);
    if (index == Lapic::kMsrApicBase) return value = board_->lapic().apic_base(), true;
    if (index == Lapic::kMsrTscDeadline) return value = board_->lapic().tsc_deadline(), true;
    return board_->lapic().read_msr(index, value);
}

bool Machine::write_apic_msr(u32 index, u64 value) {
    const std::scoped_lock held(lock_);
    if (index == Lapic::kMsrApicBase) return board_->lapic().write_apic_base(value);
    if (index == Lapic::kMsrTscDeadline) return board_->lapic().write_tsc_deadline(value), true;
    return board_->lapic().write_msr(index, value);
}

void Machine::interrupt_request_changed() {
    if (!board_->lapic().has_interrupt()) return;
    vcpu_->kick();
    wake_vcpu();
}

void Machine::nmi() {
    vcpu_->state().nmi_pending = true;
    vcpu_->kick();
    wake_vcpu();
}

void Machine::init() { request_reset(); }

}  // namespace twin86
