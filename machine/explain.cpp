#include "machine/explain.h"

#include <fmt/ranges.h>

#include "machine/device_text.h"
#include "machine/monitor_target.h"

namespace twin86 {

namespace {

std::string quoted(const std::string& text) {
    static constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

std::string size_text(u64 bytes) {
    return bytes % MiB == 0 ? fmt::format("{}M", bytes / MiB) : fmt::format("{}K", bytes / KiB);
}

std::string rtc_text(const RtcOptions& rtc) {
    if (rtc.base == RtcOptions::Base::kUtc) return "base=utc";
    if (rtc.base == RtcOptions::Base::kLocaltime) return "base=localtime";
    const std::time_t t = rtc.date_unix;
    std::tm utc{};
    gmtime_r(&t, &utc);
    char date[32];
    std::strftime(date, sizeof date, "base=%Y-%m-%dT%H:%M:%S", &utc);
    return date;
}

/// Words of a command line, quoted for a shell.
class Words {
  public:
    void add(const char* option) { text_ += fmt::format(" {}", option); }
    void add(const char* option, const std::string& value) { text_ += fmt::format(" {} {}", option, quoted(value)); }
    void add_unless_empty(const char* option, const std::string& value) {
        if (!value.empty()) add(option, value);
    }
    void add_all(const char* option, const std::vector<std::string>& values) {
        for (const std::string& v : values) add(option, v);
    }
    void add_if(bool on, const char* option) {
        if (on) add(option);
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_ = "twin86";
};

/// As a value among others.
std::string doubled_commas(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == ',' ? ",," : std::string(1, c);
    return out;
}

std::string engine_text(const AccelOptions& a, const std::string& engine) {
    std::string text = engine;
    if (engine == "kvm") {
        if (!a.fallback) text += ",fallback=off";
        if (a.kernel_irqchip == KernelIrqchip::kSplit) text += ",kernel-irqchip=split";
        if (a.stress_switch_us != 0) text += fmt::format(",stress-switch={}", a.stress_switch_us);
        return text;
    }
    text += ",code-size=" + size_text(a.code_cache_bytes);
    if (a.one_insn_per_block) text += ",one-insn-per-block=on";
    if (a.mmu != "auto") text += ",mmu=" + a.mmu;
    if (a.no_chain) text += ",chain=off";
    return text;
}

void add_memory_words(Words& w, const Options& o) {
    const RamBacking& b = o.ram_backing;
    if (b.locked) w.add("-overcommit", "mem-lock=on");
    const std::string machine = o.machine == MachineType::kQ35 ? "q35" : "pc";
    w.add("-machine", machine + (b.huge ? ",memory-backend=ram" : "") + (o.hpet ? "" : ",hpet=off"));
    if (!b.huge) {
        w.add("-m", size_text(o.ram_bytes));
        return w.add_if(b.prealloc, "-mem-prealloc");
    }
    std::string text = fmt::format("memory-backend-memfd,id=ram,size={},hugetlb=on", size_text(o.ram_bytes));
    if (b.huge_page_size != 0) text += ",hugetlbsize=" + size_text(b.huge_page_size);
    if (b.prealloc) text += ",prealloc=on";
    w.add("-object", text);
}

void add_boot_words(Words& w, const BootOptions& boot) {
    std::string text = "order=" + boot.order;
    if (!boot.once.empty()) text += ",once=" + boot.once;
    if (boot.menu) text += ",menu=on";
    if (boot.menu_wait_ms != 0) text += fmt::format(",splash-time={}", boot.menu_wait_ms);
    if (boot.reboot_wait_ms) text += fmt::format(",reboot-timeout={}", *boot.reboot_wait_ms);
    if (!boot.splash.empty()) text += ",splash=" + doubled_commas(boot.splash);
    w.add("-boot", text);
    w.add_if(!boot.check_floppy_signature, "-no-fd-bootchk");
}

void add_identity_words(Words& w, const Options& o) {
    w.add_all("-smbios", o.smbios_arguments);
    if (o.uuid) w.add("-uuid", uuid_text(*o.uuid));
    for (const FwCfgFileOptions& f : o.fw_cfg_files)
        w.add("-fw_cfg", fmt::format("name={},{}={}", doubled_commas(f.name), f.path.empty() ? "string" : "file", doubled_commas(f.path.empty() ? f.text : f.path)));
}

std::string drive_text(const DriveOptions& d) {
    static constexpr const char* kInterfaces[] = {"ide", "floppy", "pflash", "none", "none"};
    std::string text = fmt::format("file={},if={},media={},format=raw", d.file,
                                   kInterfaces[static_cast<int>(d.interface)], d.cdrom ? "cdrom" : "disk");
    if (d.index) text += fmt::format(",index={}", *d.index);
    if (!d.id.empty()) text += ",id=" + d.id;
    if (d.read_only) text += ",readonly=on";
    if (d.snapshot) text += ",snapshot=on";
    return text;
}

std::string sata_text(const Options& o, const DriveOptions& d) {
    std::string text = fmt::format("ide-{},bus={}.{}", d.cdrom ? "cd" : "hd", o.ahci[d.adapter].id, d.index.value_or(0));
    if (!d.id.empty()) text += ",drive=" + d.id;
    if (d.boot_index) text += fmt::format(",bootindex={}", *d.boot_index);
    if (!d.serial.empty()) text += ",serial=" + d.serial;
    return text;
}

std::string place_text(const PciPlace& place) {
    return (place.bus.empty() ? "" : ",bus=" + place.bus) + (place.slot ? fmt::format(",addr={:#x}", *place.slot) : "");
}

void add_device_words(Words& w, const Options& o) {
    for (const RootPortOptions& p : o.root_ports)
        w.add("-device", fmt::format("pcie-root-port,id={},chassis={},slot={}", p.id, p.chassis, p.slot) + place_text(p.place));
    for (const AhciOptions& a : o.ahci)
        w.add("-device", fmt::format("ahci,id={}", a.id) + place_text(a.place));
    for (const DriveOptions& d : o.drives) {
        w.add("-drive", drive_text(d));
        if (d.interface == DriveInterface::kAhci) w.add("-device", sata_text(o, d));
    }
    w.add_all("-option-rom", o.option_roms);
    w.add_if(o.snapshot, "-snapshot");
    w.add_all("-chardev", o.chardevs);
    w.add_all("-serial", o.serials);
    w.add_all("-monitor", o.monitors);
    for (const DebugconOptions& d : o.debugcons) {
        const std::string reference = "chardev:";
        if (d.chardev.starts_with(reference))
            w.add("-device",
                  fmt::format("isa-debugcon,iobase={:#x},chardev={}", d.iobase, d.chardev.substr(reference.size())));
        else
            w.add("-debugcon", d.chardev);
        if (d.by_option && d.iobase != DebugconOptions{}.iobase) w.add("-global", fmt::format("isa-debugcon.iobase={:#x}", d.iobase));
    }
    if (o.pc_testdev) w.add("-device", "pc-testdev");
    for (const PciTestOptions& t : o.pci_tests)
        w.add("-device", std::string(t.kind == PciTestKind::kEdu ? "edu" : "pci-testdev") +
                             place_text(t.place));
    if (o.debug_exit)
        w.add("-device",
              fmt::format("isa-debug-exit,iobase={:#x},iosize={}", o.debug_exit->iobase, o.debug_exit->iosize));
}

}  // namespace

std::string command_line(const Options& o) {
    Words w;
    add_memory_words(w, o);
    for (const std::string& engine : o.accel.engines) w.add("-accel", engine_text(o.accel, engine));
    w.add("-cpu", o.cpu);
    w.add("-smp", "1");
    w.add("-rtc", rtc_text(o.rtc));
    w.add("-name", o.process_name.empty() ? doubled_commas(o.name) : doubled_commas(o.name) + ",process=" + doubled_commas(o.process_name));
    add_identity_words(w, o);
    w.add_unless_empty("-kernel", o.kernel);
    w.add_all("-L", o.firmware_folders);
    w.add_unless_empty("-bios", o.bios);
    add_boot_words(w, o.boot);
    w.add_unless_empty("-initrd", o.initrd);
    w.add_unless_empty("-append", o.append);
    w.add_if(o.nodefaults, "-nodefaults");
    if (o.vga.present)
        w.add("-device",
              fmt::format("VGA,xres={},yres={},vgamem_mb={}{}{}", o.vga.profile.width, o.vga.profile.height, o.vga.memory_bytes / MiB,
                          o.vga.profile.edid ? "" : ",edid=off", o.vga.profile.register_page ? "" : ",mmio=off"));
    else
        w.add("-vga", "none");
    w.add_if(o.nographic, "-nographic");
    w.add_if(o.display_none, "-display none");
    w.add_if(o.display_sdl, o.full_screen ? "-display sdl,full-screen=on" : "-display sdl");
    for (const Secret& s : o.secrets) w.add("-object", s.argument);
    w.add_all("-vnc", o.vnc);
    add_device_words(w, o);
    w.add_if(o.no_reboot, "-no-reboot");
    w.add_if(o.no_shutdown, "-no-shutdown");
    w.add_if(o.start_stopped, "-S");
    w.add_unless_empty("-D", o.log_file);
    w.add_unless_empty("-pidfile", o.pidfile);
    w.add_if(o.daemonize, "-daemonize");
    return w.text();
}

std::string uuid_text(const Uuid& uuid) {
    std::string text;
    for (std::size_t n = 0; n < uuid.size(); ++n) text += fmt::format("{}{:02x}", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", uuid[n]);
    return text;
}

std::string explain(Machine& machine) {
    Options o = machine.options();
    if (o.accel.engines.empty()) o.accel.engines = {machine.accelerator().name()};
    const CpuModel& cpu = machine.cpu_model();
    std::string text = fmt::format("machine   {}, '{}'\n", o.machine == MachineType::kQ35 ? "q35 (Q35, ICH9)" : "pc (i440FX, PIIX)", o.name);
    text += fmt::format("ram       {} ({} below 4 GiB, {} above)\n", size_text(o.ram_bytes),
                        size_text(machine.phys().low_size()), size_text(machine.phys().high_size()));
    text += fmt::format("cpu       {}: {}, family {:#x}, model {:#x}, {} address bits\n", cpu.name(), cpu.vendor(),
                        cpu.family(), cpu.model(), cpu.physical_bits());
    text += fmt::format("engine    {}\n", fmt::join(o.accel.engines, ", else "));
    text += o.kernel.empty() ? fmt::format("firmware  {}\n", o.bios.empty() ? "SeaBIOS of the system" : o.bios)
                             : fmt::format("kernel    {}\n", o.kernel);
    if (!o.initrd.empty()) text += fmt::format("initrd    {}\n", o.initrd);
    if (!o.append.empty()) text += fmt::format("append    {}\n", o.append);
    text += "drives\n" + machine.drives().text();
    text += memory_tree_text(machine) + "PCI\n" + pci_text(machine.board().pci());
    return text + "command\n  " + command_line(o) + "\n";
}

}  // namespace twin86
