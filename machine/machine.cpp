#include "machine/machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <tuple>

#include "accel/select/select.h"
#include "machine/direct_boot.h"
#include "machine/display_setup.h"
#include "machine/entry.h"
#include "machine/firmware_boot.h"
#include "machine/pc/layout.h"

namespace twin86 {

Machine::Machine(const Options& options, CpuModel model, std::mutex& lock, EventLoop& loop, Log& log, GuestRam ram)
    : options_(options), model_(std::move(model)), lock_(lock), loop_(loop), log_(log), ram_(std::move(ram)) {}

Result<std::unique_ptr<Machine>> Machine::create(const Options& options, std::mutex& lock, EventLoop& loop,
                                                 const std::vector<CharBackend*>& serials, Log& log) {
    auto model = CpuModel::parse(options.cpu, HostCpuid::probe());
    if (!model) return model.failure();
    const u64 low = pc::low_ram_size(options.machine, options.ram_bytes);
    const u64 end = options.ram_bytes > low ? PhysMap::kHighRamBase + (options.ram_bytes - low) : low;
    if (end > u64{1} << model->physical_bits())
        return error("-m {}M: the processor addresses {} bits, which holds {}M", options.ram_bytes / MiB,
                     model->physical_bits(), ((u64{1} << model->physical_bits()) - GiB) / MiB);
    auto ram = GuestRam::create(options.ram_bytes, options.ram_backing);
    if (!ram) return ram.failure();
    std::unique_ptr<Machine> m(new Machine(options, model.take(), lock, loop, log, ram.take()));
    if (m->host_timer_.fd() < 0) return error("cannot create a timer: {}; see ulimit -n", std::strerror(errno));
    auto phys = PhysMap::create(m->ram_, low, m->mmio_);
    if (!phys) return phys.failure();
    m->phys_ = phys.take();
    if (const Status s = m->add_devices(serials); !s) return s.failure();
    return m;
}

Status Machine::add_devices(const std::vector<CharBackend*>& serials) {
    const auto has_com = [&](std::size_t n) { return n < serials.size() && serials[n] != nullptr; };
    acpi_ = acpi_config(options_.machine, phys_->low_size(), has_com(0), has_com(1), options_.vga.present);
    if (!options_.hpet) acpi_.hpet_address = 0;
    acpi_.has_floppy = std::any_of(options_.drives.begin(), options_.drives.end(),
                                   [](const DriveOptions& d) { return d.interface == DriveInterface::kFloppy; });
    if (has_firmware())
        if (const Status s = add_firmware(); !s) return s;
    const pc::BoardConfig config{options_.machine, phys_->low_size(), phys_->high_size(), rtc_offset(), serials, options_.hpet};
    const pc::BoardEvents events{[this] { guest_reset(); }, [this] { guest_power_off(); },
                                 [this](int code) { finish(code & 0xff); }, [this] { return absence_.take(); }};
    board_ = std::make_unique<pc::Board>(config, io_, mmio_, *phys_, timers_, clock_, clock_, events, log_);
    if (has_firmware()) fill_fw_cfg(board_->fw_cfg(), options_, *phys_, model_, [this] { return acpi_now(); });
    if (const Status s = offer_kernel(board_->fw_cfg(), options_); !s) return s;
    if (const Status s = offer_option_roms(board_->fw_cfg(), options_); !s) return s;
    if (const Status s = offer_files(board_->fw_cfg(), options_); !s) return s;
    board_->cmos().check_floppy_signature = options_.boot.check_floppy_signature;
    for (const auto& chip : flash_) board_->add_device(chip->device());
    auto display = make_display(options_, *phys_, clock_, log_);
    if (!display) return display.failure();
    display_ = display.take();
    if (display_) display_->plug_into(*board_, io_, mmio_, *phys_);
    if (const Status s = add_plugged_devices(); !s) return s;
    if (options_.debug_exit)
        if (const Status s = board_->add_debug_exit(options_.debug_exit->iobase, options_.debug_exit->iosize); !s)
            return s;
    auto selection = select_accelerator(options_.accel, model_, *phys_, log_);
    if (!selection) return selection.failure();
    accelerator_ = std::move(selection->accelerator);
    engine_choice_ = selection->why;
    if (!accelerator_->capabilities().tsc_offset) clock_.follow_host_tsc();
    if (accelerator_->capabilities().local_apic) use_engine_lapics();
    io_.set_on_doorbells([this] { announce_doorbells(); });
    mmio_.set_on_doorbells([this] { announce_doorbells(); });
    if (const Status s = make_vcpu(); !s) return s;
    if (const Status s = add_ahci(); !s) return s;
    if (const Status s = drives_.add(options_, *board_, ahci_); !s) return s;
    if (auto order = drives_.boot_order_file(); !order.empty()) {
        if (board_->fw_cfg().file("bootorder") != nullptr) return error("-fw_cfg name=bootorder: bootindex= has said it already");
        board_->fw_cfg().set_file("bootorder", std::move(order));
    }
    board_->lapic().connect_cpu(*this);
    timers_.set_on_earlier([this] { announce_deadline(); });
    return {};
}

void Machine::use_engine_lapics() {
    board_->use_other_lapics([this](u64 address, u32 data) { return accelerator_->deliver_msi({address, data}); },
                             [this] { announce_pins(); });
}

void Machine::announce_pins() {
    std::array<Msi, IoApic::kPins> pins;
    for (unsigned n = 0; n < IoApic::kPins; ++n)
        if (const auto message = board_->ioapic().message(n))
            std::tie(pins[n].address, pins[n].data) = LocalApicBus::encode_msi(*message);
    accelerator_->set_io_apic_pins(pins);
}

void Machine::announce_doorbells() {
    std::vector<Doorbell> all = io_.doorbells();
    const std::vector<Doorbell> memory = mmio_.doorbells();
    all.insert(all.end(), memory.begin(), memory.end());
    accelerator_->set_doorbells(all);
}

/// As firmware has set the machine up.
AcpiConfig Machine::acpi_now() const {
    AcpiConfig config = acpi_;
    place_chipset(config, options_.machine, board_->chipset().pm_base(), board_->chipset().ecam());
    return config;
}

/// Before the board, whose PAM registers decide what of it shows.
Status Machine::add_firmware() {
    if (options_.has_flash()) {
        auto chips = plug_flash(options_, *phys_, mmio_, device_work_, log_);
        if (!chips) return chips.failure();
        flash_ = chips.take();
        return show_below_1_mib(*phys_, flash_[0]->bytes());
    }
    auto image = load_firmware(options_.bios, options_.firmware_folders);
    if (!image) return image.failure();
    if (!options_.kernel.empty() && !is_uefi_firmware(*image))
        return error("-kernel and -bios: only UEFI firmware starts a kernel; leave one of them out");
    return map_firmware(*phys_, *image);
}

Status Machine::add_plugged_devices() {
    plugged_devices_ = std::make_unique<pc::PluggedDevices>(*board_, *phys_, io_, mmio_, timers_);
    if (options_.pc_testdev) plugged_devices_->add_pc_testdev();
    for (const RootPortOptions& p : options_.root_ports)
        if (const Status s = plugged_devices_->add_root_port(p.id, p.slot, p.place); !s) return s;
    for (const PciTestOptions& t : options_.pci_tests) {
        const bool edu = t.kind == PciTestKind::kEdu;
        const Status s = edu ? plugged_devices_->add_edu(t.place) : plugged_devices_->add_pci_testdev(t.place);
        if (!s) return s;
    }
    return {};
}

Status Machine::add_ahci() {
    for (const AhciOptions& a : options_.ahci) {
        auto adapter = std::make_unique<AhciController>(fmt::format("ahci{}", ahci_.size()), *phys_, log_);
        ahci_.push_back(adapter.get());
        if (const Status s = plugged_devices_->plug(std::move(adapter), a.place); !s) return s;
    }
    return {};
}

Status Machine::make_vcpu() {
    auto vcpu = accelerator_->create_vcpu(0, *this);
    if (!vcpu) return vcpu.failure();
    const std::scoped_lock replacing(vcpu_replaced_);
    vcpu_ = vcpu.take();
    announce_deadline();
    return {};
}

Machine::~Machine() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock held(lock_);
        finish(0);
    }
    thread_.join();
}

/// What the RTC shows at power-on, relative to UTC.
i64 Machine::rtc_offset() const {
    constexpr i64 kSecond = 1'000'000'000;
    const std::time_t now = std::time(nullptr);
    switch (options_.rtc.base) {
        case RtcOptions::Base::kUtc:
            return 0;
        case RtcOptions::Base::kLocaltime: {
            std::tm local{};
            localtime_r(&now, &local);
            return local.tm_gmtoff * kSecond;
        }
        case RtcOptions::Base::kDate:
            return (options_.rtc.date_unix - now) * kSecond;
    }
    return 0;
}

Status Machine::boot(ResetKind kind) {
    const BootOptions& boot = options_.boot;
    board_->cmos().boot_order = kind == ResetKind::kPowerOn && !boot.once.empty() ? boot.once : boot.order;
    board_->reset(kind);
    if (!has_firmware()) return enter_kernel();
    reset_processor(vcpu_->state());
    vcpu_->state_changed();
    return {};
}

/// Devices first: loading needs the memory map as firmware leaves it.
Status Machine::enter_kernel() {
    board_->leave_as_firmware_does();
    const BootScreen screen = start_screen(display_.get(), options_.append);
    auto plan = load_direct_boot(options_, acpi_, smbios_config(options_, *phys_, model_), screen, *phys_);
    if (!plan) return plan.failure();
    enter_plan(vcpu_->state(), *plan);
    vcpu_->state_changed();
    return {};
}

int Machine::run() {
    {
        const std::scoped_lock held(lock_);
        if (const Status s = boot(ResetKind::kPowerOn); !s) {
            failure_ = s.failure().message;
            return 1;
        }
        if (!engine_choice_.empty()) log_.always("twin86: {}", engine_choice_);
        clock_.start();
        announce_deadline();
        if (options_.start_stopped) {
            run_state_ = RunState::kPaused;
            clock_.stop();
        }
    }
    thread_ = std::thread([this] { vcpu_thread(); });
    {
        std::unique_lock held(lock_);
        changed_.wait(held, [this] { return vcpu_thread_id_ != 0; });
    }
    const FdWatch timer = loop_.add_fd(host_timer_.fd(), POLLIN, [this](short) {
        host_timer_.acknowledge();
        host_timer_for_ = TimerQueue::kNever;
    });
    while (!quitting_) {
        run_timers();
        loop_.run_once();
    }
    thread_.join();
    return exit_status_;
}

/// The main thread may get no time on a loaded host. So the vCPU's thread does this too whenever the guest could see
/// what time it is: at accesses to devices and, when it is late, at RDTSC.
void Machine::fire_due_timers() {
    if (timers_.next_deadline_ns() > clock_.now_ns()) return;
    timers_.run_due();
    announce_deadline();
}

/// To the vCPU: when a read of the TSC must come to read_tsc(). To the main thread: when it must come back.
void Machine::announce_deadline() {
    const u64 next = timers_.next_deadline_ns();
    vcpu_->set_timer_deadline(clock_.host_tsc_at(next));
    if (next == host_timer_for_) return;
    host_timer_for_ = next;
    host_timer_.set(clock_.to_monotonic(next));
}

/// On the main thread: fires what is due.
void Machine::run_timers() {
    const std::scoped_lock held(lock_);
    if (device_work_.waiting()) changed_.notify_all();
    if (run_state_ != RunState::kRunning) return;
    fire_due_timers();
    announce_deadline();
}

}  // namespace twin86
