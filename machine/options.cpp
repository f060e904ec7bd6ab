#include "machine/options.h"

#include <algorithm>

#include "machine/option_setters.h"
#include "machine/option_table.h"

namespace twin86 {

namespace {

OptionTable::Setter with(ParsedOptions& to, Status (*set)(ParsedOptions&, const std::string&)) {
    return [&to, set](const std::string& v) { return set(to, v); };
}

OptionTable::Setter action(ParsedOptions& to, OptionAction what) {
    return [&to, what](const std::string&) {
        to.action = what;
        return Status();
    };
}

OptionTable::Setter short_drive(ParsedOptions& to, std::optional<unsigned> index, bool cdrom,
                                DriveInterface interface = DriveInterface::kIde) {
    return [&to, index, cdrom, interface](const std::string& file) {
        return add_short_drive(to, file, interface, index, cdrom);
    };
}

void add_machine_rows(OptionTable& t, ParsedOptions& to) {
    Options& o = to.options;
    t.flag("no-hpet", "the same as -machine hpet=off", [&o](const std::string&) {
        o.hpet = false;
        return Status();
    });
    for (const char* name : {"machine", "M"})
        t.value(name, "pc|q35[,accel=kvm:jit][,memory-backend=ID][,hpet=off][,pflash0=NODE][,pflash1=NODE]", "machine type; 'help' lists them", with(to, set_machine));
    t.value("m", "[size=]MEGABYTES|SIZE", "guest memory, for example 512, 512M, 4G (default 128)",
            with(to, set_memory));
    t.value("object", "memory-backend-memfd,id=ID,size=SIZE[,hugetlb=on][,hugetlbsize=2M][,prealloc=on] | secret,id=ID,data=TEXT|file=FILE[,format=base64]",
            "guest memory in the host's huge pages, with -machine memory-backend=ID; a password, with -vnc password-secret=ID", with(to, add_object));
    t.flag("mem-prealloc", "take all of the guest memory from the host at the start", o.ram_backing.prealloc);
    t.value("overcommit", "mem-lock=on|off", "keep all of the guest memory in the host's", with(to, set_overcommit));
    t.value("smp", "N", "number of processors (1)", with(to, set_smp));
    t.value("cpu", "MODEL[,+FEATURE,-FEATURE...]", "processor model; 'help' lists them (default max)",
            with(to, set_cpu));
    t.value("accel", "jit|kvm[,PROP=VALUE...]",
            "engine (default: the best that works): jit with mmu=auto|soft|shadow, code-size=SIZE, one-insn-per-block=on, "
            "chain=off; kvm with kernel-irqchip=off|split, fallback=off, stress-switch=MICROSECONDS",
            with(to, set_accel));
    t.flag("enable-kvm", "the same as -accel kvm", with(to, set_enable_kvm));
    t.value("rtc", "base=utc|localtime|DATE", "real-time clock at start", with(to, set_rtc));
    t.value("name", "NAME", "name of the machine", with(to, set_name));
    t.value("uuid", "UUID", "of the machine, as the guest reads it", with(to, set_uuid));
    t.value("smbios", "type=N[,FIELD=TEXT...] | file=FILE",
            "what SMBIOS tables say, in QEMU's fields for types 0, 1, 2, 3, 4, 11 and 17; or a whole structure", with(to, add_smbios));
    t.value("fw_cfg", "[name=]NAME,file=FILE|string=TEXT", "a file of fw_cfg for the guest", with(to, add_fw_cfg_file));
    t.text("kernel", "FILE", "Linux bzImage, PVH or multiboot ELF to enter directly", o.kernel);
    t.text("initrd", "FILE", "initial RAM disk, or multiboot modules 'FILE ARGS,FILE ARGS'", o.initrd);
    t.text("append", "TEXT", "kernel command line", o.append);
    t.flag("no-reboot", "exit instead of rebooting", o.no_reboot);
    t.value("action", "reboot=reset|shutdown,shutdown=poweroff|pause", "what follows when the guest restarts or powers off", with(to, set_action));
    t.flag("no-shutdown", "stop instead of exiting on power-off", o.no_shutdown);
    t.flag("S", "start stopped ('cont' in the monitor starts)", o.start_stopped);
}

void add_boot_rows(OptionTable& t, ParsedOptions& to) {
    Options& o = to.options;
    t.list("L", "FOLDER", "where firmware is looked for first", o.firmware_folders);
    t.text("bios", "FILE", "firmware image (default without -kernel: the system's SeaBIOS)", o.bios);
    t.value("boot", "[order=]cadn[,once=DRIVES][,menu=on][,splash=PICTURE][,splash-time=MS][,reboot-timeout=MS]",
            "boot order: a floppy, c hard disk, d CD-ROM, n network", with(to, set_boot));
    t.flag("no-fd-bootchk", "boot floppies without a boot signature, too", [&o](const std::string&) {
        o.boot.check_floppy_signature = false;
        return Status();
    });
    t.list("option-rom", "FILE", "an option ROM for SeaBIOS to run, for example one of iPXE's", o.option_roms);
    t.value("drive", "file=IMAGE[,if=ide|floppy|pflash|none][,index=N][,media=disk|cdrom][,readonly=on][,snapshot=on]",
            "a disk, CD-ROM, floppy or flash chip", with(to, add_drive));
    t.value("blockdev", "[driver=]raw|file,node-name=ID,filename=IMAGE|file=ID[,read-only=on]",
            "an image for the drive= of a -device, or for -machine pflash0=", with(to, add_block_node));
    static constexpr const char* kDisks[] = {"hda", "hdb", "hdc", "hdd"};
    for (unsigned n = 0; n < std::size(kDisks); ++n)
        t.value(kDisks[n], "IMAGE", "disk image at this IDE position", short_drive(to, n, false));
    for (unsigned n = 0; n < 2; ++n)
        t.value(n == 0 ? "fda" : "fdb", "IMAGE", "floppy image in drive A or B",
                short_drive(to, n, false, DriveInterface::kFloppy));
    t.value("cdrom", "IMAGE", "medium in the CD-ROM drive (index 2)", short_drive(to, 2, true));
    t.value("pflash", "IMAGE", "flash chip with firmware (the first) or its variables (the second)",
            short_drive(to, std::nullopt, false, DriveInterface::kPflash));
    t.flag("snapshot", "writes to all disks go to temporary files", o.snapshot);
    t.image(short_drive(to, 0, false));
}

void add_device_rows(OptionTable& t, ParsedOptions& to) {
    Options& o = to.options;
    t.list("serial", "DEV",
           "first, second ... serial port: stdio, mon:stdio, null, none, file:, pty, unix:, tcp:, chardev:ID",
           o.serials);
    t.list("monitor", "DEV", "monitor on a character device (as for -serial)", o.monitors);
    t.value("mon", "chardev=ID", "monitor on a -chardev", with(to, add_mon));
    t.list("chardev", "BACKEND,id=ID,...", "a character device for chardev:ID", o.chardevs);
    t.value("debugcon", "DEV", "what the guest writes to port 0xe9 goes there", [&o](const std::string& v) {
        o.debugcons.push_back({DebugconOptions{}.iobase, v, true});
        return Status();
    });
    t.value("device", "NAME[,PROP=VALUE...]", "add a device; 'help' lists them", with(to, add_device));
    t.value("global", "DEVICE.PROP=VALUE", "set a property of all devices of a kind", with(to, add_global));
    t.value("vga", "std|none", "display adapter", with(to, set_vga));
    t.value("display", "none|sdl|vnc=...", "who sees the screen; 'help' lists them (default none)", with(to, set_display));
    t.value("vnc", "[ADDRESS]:N[,to=M][,password=on|password-secret=ID|password-file=FILE]", "remote viewers on TCP port 5900 + N, of this host unless an address is given",
            with(to, set_vnc));
    t.flag("full-screen", "start the window in full screen", o.full_screen);
    t.flag("nographic", "serial port and monitor on this terminal", o.nographic);
    t.flag("nodefaults", "no default devices", o.nodefaults);
    static constexpr std::pair<const char*, const char*> kNone[] = {
        {"audiodev", "sound (there is none)"},
        {"audio", "sound (there is none)"},
        {"net", "network (there is none yet)"},
        {"nic", "network (there is none yet)"},
        {"parallel", "parallel port (there is none)"},
    };
    for (const auto& [name, help] : kNone)
        t.value(name, "none", help, [name = name](const std::string& v) -> Status {
            if (v == "none" || v.starts_with("none,") || v == "driver=none") return {};
            return error("-{} {}: this version has only 'none', which is the default", name, v);
        });
}

Status check_layout(const std::string& v) {
    if (v == "en-us") return {};
    return error("-k {}: viewers' keys are taken as those of a US keyboard (-k en-us)", v);
}

void add_host_rows(OptionTable& t, ParsedOptions& to) {
    Options& o = to.options;
    t.value("msg", "timestamp=on|off", "nothing: messages have no times", [](const std::string&) { return Status(); });
    t.flag("no-user-config", "nothing: there are no configuration files", [](const std::string&) { return Status(); });
    t.value("k", "en-us", "layout of the keyboard: the one that there is", check_layout);
    for (const char* name : {"help", "h"}) t.flag(name, "this text", action(to, OptionAction::kHelp));
    t.flag("version", "version of this program", action(to, OptionAction::kVersion));
    t.flag("explain", "print the machine that results instead of running it", o.explain);
    t.value("d", "ITEM,...", "log items; 'help' lists them", with(to, add_log_items));
    t.text("D", "FILE", "log to FILE instead of standard error", o.log_file);
    t.flag("daemonize", "go into the background when the machine is ready to start", o.daemonize);
    t.text("pidfile", "FILE", "write the process id to FILE, which is removed at exit", o.pidfile);
}

/// What people know from QEMU and will try here.
void add_absent_rows(OptionTable& t) {
    static constexpr std::pair<const char*, const char*> kReasons[] = {
        {"no-acpi", "this machine has ACPI always; the kernel's own option is acpi=off"},
        {"localtime", "use -rtc base=localtime"},
        {"startdate", "use -rtc base=DATE"},
        {"icount", "time follows the host's clock"},
        {"sandbox", "not in this version; leave it out, or start it in a sandbox of the host's"},
        {"runas", "not in this version; start it as that user"},
        {"incoming", "this version has no migration"},
        {"loadvm", "this version has no snapshots of machines"},
        {"virtfs", "this version has no virtio"},
        {"fsdev", "this version has no virtio"},
        {"balloon", "this version has no virtio"},
        {"numa", "this version runs one processor with one memory"},
        {"mem-path", "use -object memory-backend-memfd,id=ID,size=SIZE,hugetlb=on -machine memory-backend=ID"},
        {"watchdog", "this version has no watchdog"},
        {"trace", "use -d; -d help lists the items"},
        {"tpmdev", "this version has no TPM"},
        {"writeconfig", "not in this version; --explain prints the whole command line"},
        {"no-kvm", "use -accel jit"},
        {"g", "use -device VGA,xres=WIDTH,yres=HEIGHT"},
        {"dtb", "a PC describes itself by ACPI; leave it out"},
        {"prom-env", "is of other architectures"},
        {"semihosting", "is of other architectures"},
        {"no-quit", "the window can be closed always"},
        {"alt-grab", "the mouse is set free by Ctrl-Alt-G alone"},
        {"ctrl-grab", "the mouse is set free by Ctrl-Alt-G alone"},
        {"dump-vmstate", "this version has no migration"},
        {"qtest", "this version has no test protocol; the monitor's i, o and xp look at a machine"},
    };
    for (const auto& [name, why] : kReasons) t.absent(name, why);
    for (const char* name : {"netdev", "nic-model"}) t.absent(name, "this version has no network");
    t.absent("soundhw", "this version has no sound");
    for (const char* name : {"sdl", "gtk", "curses", "spice"})
        t.absent(name, "use -display sdl, -vnc :0 or -nographic");
    for (const char* name : {"gdb", "s", "qmp"}) t.absent(name, "not in this version; use -monitor");
    for (const char* name : {"usb", "usbdevice"}) t.absent(name, "this version has no USB; keyboard and mouse are PS/2");
    for (const char* name : {"sd", "mtdblock", "acpitable", "chroot", "add-fd", "set", "seed", "plugin", "preconfig", "only-migratable", "echr"})
        t.absent(name, "not in this version");
    for (const char* name : {"singlestep", "one-insn-per-tb"}) t.absent(name, "use -accel jit,one-insn-per-block=on");
    t.absent("tb-size", "use -accel jit,code-size=SIZE");
    t.absent("win2k-hack", "this version needs none");
}

/// The file's options come where it is named; it names no other files.
void add_config_row(OptionTable& t, ParsedOptions& to) {
    t.value("readconfig", "FILE", "options from a file of groups: [device \"id\"] and lines  key = \"value\"", [&to](const std::string& path) -> Status {
        auto words = read_config_file(path);
        if (!words) return words.failure();
        OptionTable rows;
        add_machine_rows(rows, to);
        add_boot_rows(rows, to);
        add_device_rows(rows, to);
        add_host_rows(rows, to);
        return rows.apply(*words, [] { return false; });
    });
}

OptionTable make_table(ParsedOptions& to) {
    OptionTable table;
    add_machine_rows(table, to);
    add_boot_rows(table, to);
    add_device_rows(table, to);
    add_host_rows(table, to);
    add_config_row(table, to);
    add_absent_rows(table);
    return table;
}

Status check(const Options& o) {
    if (o.kernel.empty()) {
        if (!o.initrd.empty()) return error("-initrd needs -kernel");
        if (!o.append.empty()) return error("-append needs -kernel");
    }
    if (o.daemonize && o.nographic) return error("-daemonize: -nographic wants this terminal; use -display none with -serial and -monitor elsewhere");
    if (o.serials.size() > 4) return error("-serial: a PC has four serial ports, not {}", o.serials.size());
    return {};
}

}  // namespace

bool Options::has_flash() const {
    return std::any_of(drives.begin(), drives.end(),
                       [](const DriveOptions& d) { return d.interface == DriveInterface::kPflash; });
}

Result<ParsedOptions> parse_options(const std::vector<std::string>& arguments) {
    ParsedOptions parsed;
    const OptionTable table = make_table(parsed);
    const auto answers = [&parsed] { return parsed.action != OptionAction::kRun; };
    if (const Status s = table.apply(arguments, answers); !s) return s.failure();
    if (answers()) return parsed;
    if (const Status s = place_flash_nodes(parsed); !s) return s.failure();
    number_drives(parsed.options);
    if (const Status s = finish_devices(parsed); !s) return s.failure();
    if (const Status s = finish_memory(parsed); !s) return s.failure();
    if (const Status s = check_viewers(parsed.options); !s) return s.failure();
    if (const Status s = check(parsed.options); !s) return s.failure();
    return parsed;
}

std::string options_help() {
    ParsedOptions unused;
    return "Usage: twin86 [OPTION]... [DISK_IMAGE]\n       twin86 compare [OPTION]... [-- MACHINE]    engines compared; compare --help\nAn x86-64 PC that boots unmodified guests in software.\n\n" +
           make_table(unused).help() +
           "\nIn the terminal: Ctrl-A x quits, Ctrl-A c shows the monitor, Ctrl-A h lists the keys.\n";
}

}  // namespace twin86
