#include "machine/options.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "machine/explain.h"
#include "machine/option_values.h"

using namespace twin86;

namespace {

Result<ParsedOptions> parse(std::vector<std::string> words) { return parse_options(words); }

/// With a kernel, which every machine needs.
Options options(std::vector<std::string> words) {
    words.insert(words.end(), {"-kernel", "k"});
    auto parsed = parse(words);
    REQUIRE(bool(parsed));
    return parsed->options;
}

std::string failure(std::vector<std::string> words) {
    words.insert(words.end(), {"-kernel", "k"});
    const auto parsed = parse(words);
    return parsed ? "" : parsed.failure().message;
}

}  // namespace

TEST_CASE("memory sizes") {
    const std::pair<const char*, u64> kSizes[] = {{"512", 512 * MiB},      {"512M", 512 * MiB},  {"1.5G", 1536 * MiB}, {"2g", 2 * GiB},
                                                  {"size=1G", GiB},        {"4096K", 4 * MiB},   {"1GiB", GiB},        {"64MB", 64 * MiB},
                                                  {"1048577b", MiB},       {"1T", 1024 * GiB}};
    for (const auto& [text, bytes] : kSizes) {
        INFO(text);
        CHECK(options({"-m", text}).ram_bytes == bytes);
    }
    for (const char* text : {"", "-5", "banana", "99999999T", "1e9", "0x100", "inf", "nan", "512X", "1.2.3", "0", "64K", "1,5", "size=", "512,foo=1", "+5", " 5"}) {
        INFO(text);
        CHECK(failure({"-m", text}) != "");
    }
}

TEST_CASE("the local APIC's place may be said with the machine, before or behind the engine") {
    for (const auto& words : {std::vector<std::string>{"-machine", "pc,accel=kvm,kernel_irqchip=split"},
                              {"-machine", "pc,kernel-irqchip=split", "-accel", "kvm"},
                              {"-accel", "kvm", "-M", "kernel-irqchip=split"}}) {
        const AccelOptions accel = options(words).accel;
        CHECK((accel.kernel_irqchip == KernelIrqchip::kSplit && accel.engines == std::vector<std::string>{"kvm"}));
    }
    CHECK(options({"-machine", "kernel-irqchip=split,kernel_irqchip=off"}).accel.kernel_irqchip == KernelIrqchip::kOff);
}

TEST_CASE("memory in huge pages") {
    const Options o = options({"-object", "memory-backend-memfd,id=a,size=1G,hugetlb=on,hugetlbsize=2M,share=on", "-machine",
                               "pc,memory-backend=a", "-mem-prealloc", "-overcommit", "mem-lock=on"});
    CHECK(o.ram_bytes == GiB);
    CHECK((o.ram_backing.huge && o.ram_backing.huge_page_size == 2 * MiB && o.ram_backing.prealloc && o.ram_backing.locked));
    const Options plain = options({"-mem-prealloc"});
    CHECK((!plain.ram_backing.huge && plain.ram_backing.prealloc));
    CHECK(options({"-overcommit", "mem-lock=on,cpu-pm=off"}).ram_backing.locked);
    CHECK_FALSE(options({"-overcommit", "mem-lock=off"}).ram_backing.locked);
}

TEST_CASE("properties split at single commas") {
    CHECK(split_properties("a,b=c,d=") == Properties{{"a", ""}, {"b", "c"}, {"d", ""}});
    CHECK(split_properties("x=1,,2,y=a=b") == Properties{{"x", "1,2"}, {"y", "a=b"}});
    CHECK(split_properties("") == Properties{{"", ""}});
}

TEST_CASE("numbers take C's bases and nothing else") {
    CHECK(parse_number("0x10", "n").value() == 16);
    CHECK(parse_number("010", "n").value() == 8);
    CHECK(parse_number("10", "n", 10).value() == 10);
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x", "12z", "99999999999999999999"}) {
        INFO(text);
        CHECK_FALSE(bool(parse_number(text, "n")));
    }
    CHECK_FALSE(bool(parse_number("11", "n", 10)));
}

TEST_CASE("errors say what to do") {
    const std::pair<std::vector<std::string>, const char*> kCases[] = {
        {{"-nografic"}, "-nographic"},
        {{"--nografic"}, "-nographic"},
        {{"-accel", "kvm,kernel-irqchip=on"}, "kernel-irqchip=split"},
        {{"-accel", "kvm,fallbck=on"}, "fallback"},
        {{"-machine", "pc,kernel_irqchip=on"}, "kernel-irqchip=split"},
        {{"-machine", "pc,kernel-irqchip=spilt"}, "'split'"},
        {{"-overcommit", "mem-look=on"}, "'mem-lock'"},
        {{"-overcommit", "mem-lock=maybe"}, "'on' or 'off'"},
        {{"-overcommit", "cpu-pm=on"}, "cpu-pm=off"},
        {{"-accel", "tcg,thread=none"}, "thread"},
        {{"-accel", "hvf"}, "jit and kvm"},
        {{"-accel", "jiit"}, "'jit'"},
        {{"-accel", "jit,code-sise=1M"}, "code-size"},
        {{"-accel", "jit,code-size=1M"}, "from 2M"},
        {{"-accel", "jit,chain=maybe"}, "'on' or 'off'"},
        {{"-machine", "q36"}, "q35"},
        {{"-machine", "pc,accell=jit"}, "accel"},
        {{"-smp", "2"}, "-smp 1"},
        {{"-smp", "cpus=1,core=1"}, "cores"},
        {{"-rtc", "base=yesterday"}, "localtime"},
        {{"-rtc", "clock=vm"}, "clock=host"},
        {{"-device", "isa-debug-exot"}, "isa-debug-exit"},
        {{"-device", "isa-debug-exit,iobase=0x10000"}, "0xffff"},
        {{"-device", "isa-debug-exit,iosize=0"}, "do not exist"},
        {{"-device", "isa-debug-exit", "-device", "isa-debug-exit"}, "only one"},
        {{"-device", "isa-debugcon,iobas=1"}, "iobase"},
        {{"-display", "gtk"}, "sdl"},
        {{"-display", "sdll"}, "'sdl'"},
        {{"-display", "sdl,full-scren=on"}, "full-screen"},
        {{"-vnc", "1"}, ":DISPLAY"},
        {{"-vnc", ":x"}, "number"},
        {{"-vnc", ":70000"}, "number"},
        {{"-vnc", "nowhere.example:1"}, "IPv4"},
        {{"-vnc", ":1,passwd=x"}, "password-file"},
        {{"-display", "vnc=bad"}, ":DISPLAY"},
        {{"-vga", "sdt"}, "'std'"},
        {{"-device", "VGA,xress=1"}, "xres"},
        {{"-device", "VGA,vgamem_mb=3"}, "power of two"},
        {{"-device", "VGA", "-device", "VGA"}, "only one"},
        {{"-device", "edu,adr=3"}, "addr"},
        {{"-device", "edu,addr=0x20"}, "0x1f"},
        {{"-device", "pc-testdev", "-device", "pc-testdev"}, "only one"},
        {{"-global", "VGA"}, "DRIVER.PROPERTY"},
        {{"-global", "VGA.xress=1"}, "xres"},
        {{"-global", "VGAA.xres=1"}, "VGA"},
        {{"-global", "VGA.vgamem_mb=5"}, "power of two"},
        {{"-net", "user"}, "'none'"},
        {{"-drive", "file=x,medium=disk"}, "media"},
        {{"-drive", "file=x,if=scsi"}, "if=floppy"},
        {{"-drive", "file=x,format=qcow2"}, "raw"},
        {{"-drive", "index=1"}, "file=IMAGE"},
        {{"-boot", "x"}, "'x'"},
        {{"-boot", "order=cadn"}, "three"},
        {{"-object", "memory-backend-ram,id=a"}, "memory-backend-memfd"},
        {{"-object", "memory-backend-memfd,size=1G"}, "id=ram"},
        {{"-object", "memory-backend-memfd,id=a"}, "size=512M"},
        {{"-object", "memory-backend-memfd,id=a,size=1G"}, "memory-backend=a"},
        {{"-object", "memory-backend-memfd,id=a,size=1G,hugetbl=on"}, "hugetlb"},
        {{"-object", "memory-backend-memfd,id=a,size=1G,hugetlbsize=2M"}, "hugetlb=on"},
        {{"-object", "memory-backend-memfd,id=a,size=1G,hugetlb=on,hugetlbsize=3M"}, "power of two"},
        {{"-machine", "memory-backend=a"}, "-object memory-backend-memfd,id=a"},
        {{"-machine", "memory-backend=a", "-m", "1G", "-object", "memory-backend-memfd,id=a,size=2G"}, "leave -m out"},
        {{""}, "empty word"},
        {{"-d", "exek"}, "exec"},
        {{"-mon", "mode=readline"}, "chardev=ID"},
        {{"-mon", "chardev=a,mode=control"}, "readline"},
        {{"-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null"}, "four"},
    };
    for (const auto& [words, hint] : kCases) {
        const std::string message = failure(words);
        INFO(words[0] << ": " << message);
        CHECK(message.find(hint) != std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
    }
    CHECK(parse({"-m"}).failure().message.find("wants a value") != std::string::npos);
    CHECK(parse({"-append", "x"}).failure().message == "-append needs -kernel");
    CHECK(parse({"-initrd", "x"}).failure().message == "-initrd needs -kernel");
    CHECK(parse({})->options.kernel.empty());  // firmware boots
    CHECK_FALSE(parse({"-kernel", "k"})->options.has_firmware());
    CHECK(parse({"-kernel", "k", "-bios", "b"})->options.has_firmware());
    CHECK(parse({"-kernel", "k", "-pflash", "f"})->options.has_firmware());
}

TEST_CASE("a q35 by its names, its drives, and what is behind root ports") {
    CHECK(parse({})->options.machine == MachineType::kPc);
    CHECK(parse({"-M", "pc-i440fx-7.2"})->options.machine == MachineType::kPc);
    for (const char* name : {"q35", "pc-q35-7.2", "type=q35"}) CHECK(parse({"-M", name})->options.machine == MachineType::kQ35);
    auto p = parse({"-drive", "file=x,bus=2,unit=0", "-drive", "if=none,id=b,file=y", "-device", "ide-hd,drive=b,bus=ide.4", "-device",
                    "pcie-root-port,id=rp,chassis=1,slot=2,addr=3", "-device", "edu,bus=rp", "-M", "q35"});
    REQUIRE(p);
    const Options& o = p->options;
    CHECK((o.drives[0].index == 2u && o.drives[1].index == 4u));
    REQUIRE(o.root_ports.size() == 1);
    CHECK((o.root_ports[0].id == "rp" && o.root_ports[0].chassis == 1 && o.root_ports[0].slot == 2));
    CHECK(o.root_ports[0].place.slot == 3);
    CHECK(o.pci_tests[0].place.bus == "rp");
    const auto fails = [](std::vector<std::string> more) {
        more.insert(more.begin(), {"-M", "q35", "-device", "pcie-root-port,id=rp", "-device"});
        return parse(more).failure().message;
    };
    CHECK(fails({"pcie-root-port,id=rp,slot=1"}).find("one of that id") != std::string::npos);
    CHECK(fails({"pcie-root-port,id=other"}).find("slot=0 is that of 'rp'") != std::string::npos);
    CHECK(fails({"pcie-root-port,slot=4"}).find("id=NAME") != std::string::npos);
    CHECK(fails({"pcie-root-port,id=x,slot=8192"}) != "");
    CHECK(fails({"ide-cd,bus=ide.6"}) != "");
    CHECK(parse({"-device", "pcie-root-port,id=rp"}).failure().message.find("-machine q35") != std::string::npos);
}

TEST_CASE("drives of if=none go where -device puts them") {
    auto p = parse({"-device", "ahci,id=sata", "-drive", "if=none,id=a,file=x", "-drive", "if=none,id=b,file=y",
                          "-drive", "if=none,id=c,file=z", "-device", "ide-hd,drive=a,bus=sata.4,bootindex=2,serial=WD-1", "-device",
                          "ide-cd,drive=b,bus=ide.1,unit=1", "-device", "floppy,drive=c"});
    REQUIRE(p);
    const std::vector<DriveOptions>& d = p->options.drives;
    CHECK(d[0].interface == DriveInterface::kAhci);
    CHECK((d[0].index == 4u && d[0].boot_index == 2u && d[0].serial == "WD-1"));
    CHECK((d[1].interface == DriveInterface::kIde && d[1].index == 3u && d[1].cdrom));
    CHECK(d[2].interface == DriveInterface::kFloppy);
    const auto fails = [](std::vector<std::string> more) {
        std::vector<std::string> words{"-device", "ahci,id=sata", "-drive", "if=none,id=a,file=x", "-device"};
        words.insert(words.end(), more.begin(), more.end());
        return parse(words).failure().message;
    };
    CHECK(fails({"ide-hd,drive=q"}).find("id=q") != std::string::npos);
    CHECK(fails({"ide-hd"}).find("drive=ID") != std::string::npos);
    CHECK(fails({"ide-hd,drive=a,serial=123456789012345678901"}).find("20 characters") != std::string::npos);
    CHECK(fails({"ide-hd,drive=a,bus=scsi.0"}).find("no such bus") != std::string::npos);
    CHECK(fails({"ide-hd,drive=a,bus=sata.6"}).find("bus=sata.6") != std::string::npos);
    CHECK(fails({"ide-hd,drive=a", "-device", "ide-cd,drive=a"}).find("in use") != std::string::npos);
}

TEST_CASE("questions are answered without a machine") {
    const std::pair<std::vector<std::string>, OptionAction> kCases[] = {
        {{"-help"}, OptionAction::kHelp},          {{"--help"}, OptionAction::kHelp},          {{"-h"}, OptionAction::kHelp},
        {{"-version"}, OptionAction::kVersion},    {{"-cpu", "help"}, OptionAction::kCpuHelp}, {{"-machine", "help"}, OptionAction::kMachineHelp},
        {{"-M", "?"}, OptionAction::kMachineHelp}, {{"-accel", "help"}, OptionAction::kAccelHelp},
        {{"-device", "help"}, OptionAction::kDeviceHelp}, {{"-device", "?"}, OptionAction::kDeviceHelp}, {{"-d", "help"}, OptionAction::kLogHelp},
        {{"-help", "-nonsense"}, OptionAction::kHelp}};
    for (const auto& [words, action] : kCases) {
        INFO(words[0]);
        const auto parsed = parse(words);
        REQUIRE(bool(parsed));
        CHECK(parsed.value().action == action);
    }
    for (const char* option : {"-kernel FILE", "-m ", "-nographic", "-accel"}) CHECK(options_help().find(option) != std::string::npos);
    CHECK(options_help().find("enable-kvm") != std::string::npos);
}

TEST_CASE("what QEMU's users write is understood") {
    const Options o = options({"-M", "pc-i440fx-7.2,accel=jit,usb=off,smm=off,hpet=on,dump-guest-core=off", "-no-user-config", "-k", "en-us", "-smp", "1,sockets=1", "-cpu", "max", "-name", "guest=vm1,debug-threads=on", "-rtc",
                               "base=2026-11-21T12:00:00,clock=host", "-serial", "null", "-serial", "none", "-chardev", "null,id=c", "-mon",
                               "chardev=c,mode=readline", "-debugcon", "null", "-device", "isa-debugcon,iobase=0x402,chardev=c", "-device",
                               "isa-debug-exit,iobase=0xf4,iosize=0x04", "-nodefaults", "-vga", "none", "-net", "none", "-display", "none",
                               "-no-reboot", "-no-shutdown", "-S", "-d", "int,guest_errors", "-D", "log", "-pidfile", "pid"});
    CHECK(o.name == "vm1");
    CHECK(o.rtc.date_unix == 1795262400);
    CHECK(o.serials == std::vector<std::string>{"null", "none"});
    CHECK(o.monitors == std::vector<std::string>{"chardev:c"});
    REQUIRE(o.debugcons.size() == 2);
    CHECK(o.debugcons[1].iobase == 0x402);
    CHECK(o.debugcons[1].chardev == "chardev:c");
    REQUIRE(o.debug_exit);
    CHECK((o.debug_exit->iobase == 0xf4 && o.debug_exit->iosize == 4));
    CHECK((o.nodefaults && o.display_none && o.no_reboot && o.no_shutdown && o.start_stopped));
    CHECK(o.log_mask != 0);
    CHECK(options({"-kernel", "a"}).kernel == "k");  // the last one counts
}

TEST_CASE("what QEMU has and this machine has not is refused with the reason") {
    const auto fails = [](const std::vector<std::string>& words) {
        const auto parsed = parse(words);
        REQUIRE_FALSE(bool(parsed));
        return parsed.failure().message;
    };
    CHECK(fails({"-M", "q35,smm=on"}).find("smm=off") != std::string::npos);
    CHECK(fails({"-rtc", "driftfix=slew"}).find("driftfix=none") != std::string::npos);
    CHECK(fails({"-k", "de"}).find("en-us") != std::string::npos);
    const std::pair<std::vector<std::string>, const char*> kRefused[] = {
        {{"-display", "gtk"}, "use sdl"}, {{"-display", "curses"}, "use -nographic"}, {{"-vga", "cirrus"}, "std and none"}, {{"-device", "virtio-blk-pci"}, "no virtio"},
        {{"-device", "usb-tablet"}, "no USB"}, {{"-device", "e1000"}, "no network"}, {{"-device", "nvme,drive=x"}, "no NVMe"}, {{"-device", "AC97"}, "no sound"},
        {{"-display", "sdl,gl=on"}, "gl=off"}, {{"-display", "sdl,window-close=off"}, "window-close=on"}, {{"-m", "1G,slots=2,maxmem=4G"}, "hot-plug"},
        {{"-device", "isa-serial"}, "chardev=ID"}, {{"-serial", "null", "-device", "isa-serial,chardev=c,index=0"}, "already"},
        {{"-global", "kvm-pit.lost_tick_policy=merge"}, "kvm-pit"}};
    for (const auto& [words, reason] : kRefused) {
        INFO(words[1]);
        CHECK(fails(words).find(reason) != std::string::npos);
    }
    for (const char* option : {"-no-acpi", "-localtime", "-icount", "-virtfs", "-numa", "-usb", "-netdev"})
        CHECK(fails({option, "x"}).find(std::string(option) + ": ") == 0);
}

TEST_CASE("what the guest reads of itself") {
    const Options o = options({"-uuid", "00112233-4455-6677-8899-aabbccddeeff", "-smbios", "type=1,manufacturer=A,,B,serial=7", "-smbios",
                               "type=0,vendor=V,uefi=on,release=3.7", "-smbios", "type=11,value=one,value=two", "-fw_cfg",
                               "name=opt/a,string=x,,y", "-fw_cfg", "opt/b,file=/etc/hostname", "-boot",
                               "order=d,reboot-timeout=5,splash=a.bmp", "-no-fd-bootchk"});
    REQUIRE(o.uuid);
    CHECK(((*o.uuid)[0] == 0 && (*o.uuid)[1] == 0x11 && (*o.uuid)[15] == 0xff));
    CHECK(o.smbios.get(1, "manufacturer") == "A,B");
    CHECK(o.smbios.get(0, "uefi") == "on");
    CHECK(o.smbios.oem == std::vector<std::string>{"one", "two"});
    REQUIRE(o.fw_cfg_files.size() == 2);
    CHECK((o.fw_cfg_files[0].name == "opt/a" && o.fw_cfg_files[0].text == "x,y" && o.fw_cfg_files[1].path == "/etc/hostname"));
    CHECK(o.boot.reboot_wait_ms == 5);
    CHECK_FALSE(o.boot.check_floppy_signature);
    const std::string text = command_line(o);
    for (const char* word : {"-uuid 00112233-4455-6677-8899-aabbccddeeff", "-smbios type=1,manufacturer=A,,B,serial=7", "-fw_cfg name=opt/a,string=x,,y",
                             "reboot-timeout=5", "splash=a.bmp", "-no-fd-bootchk"}) {
        INFO(word);
        CHECK(text.find(word) != std::string::npos);
    }
    CHECK(options({"-boot", "reboot-timeout=-1"}).boot.reboot_wait_ms == -1);
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"-uuid", "1"}, {"-uuid", "00112233-4455-6677-8899-aabbccddeefg"}, {"-smbios", "vendor=x"}, {"-smbios", "type=5"},
             {"-smbios", "type=1,vendor=x"}, {"-smbios", "type=17,speed=fast"}, {"-smbios", "type=0,release=one"}, {"-smbios", "type=11,value="},
             {"-smbios", "file=/dev/null"}, {"-smbios", "file=/no/such"}, {"-fw_cfg", "name=a"}, {"-fw_cfg", "name=a,file=b,string=c"},
             {"-fw_cfg", "string=c"}, {"-fw_cfg", "name=" + std::string(56, 'n') + ",string=c"}, {"-fw_cfg", "name=a,strin=c"}, {"-boot", "reboot-timeout=x"}}) {
        INFO(words[1]);
        CHECK(failure(words) != "");
    }
}

TEST_CASE("block nodes") {
    const Options o = options({"-blockdev", "driver=file,node-name=f,filename=a,,b.img,read-only=on,cache.direct=on", "-blockdev", "raw,node-name=r,file=f",
                               "-blockdev", "driver=raw,node-name=n,file.driver=file,file.filename=c.img", "-device", "ide-hd,drive=r,bus=ide.1,unit=1", "-device",
                               "ide-cd,drive=n", "-blockdev", "file,node-name=code,filename=code.fd", "-machine", "pc,pflash0=code"});
    const auto drive = [&](const std::string& id) { return *std::find_if(o.drives.begin(), o.drives.end(), [&](const DriveOptions& d) { return d.id == id; }); };
    CHECK(drive("f").interface == DriveInterface::kNone);
    CHECK((drive("r").interface == DriveInterface::kIde && drive("r").index == 3 && drive("r").read_only && drive("r").file == "a,b.img"));
    CHECK((drive("n").cdrom && drive("n").file == "c.img" && !drive("n").read_only));
    CHECK((drive("code").interface == DriveInterface::kPflash && drive("code").index == 0));
    for (const char* bad : {"driver=file,filename=a", "driver=qcow2,node-name=a,filename=b", "driver=raw,node-name=a,file=none", "driver=file,node-name=a",
                            "driver=file,node-name=a,filename=b,file=c", "driver=file,node-name=a,filename=b,colour=red", "{\"driver\":\"file\"}",
                            "driver=raw,node-name=a,file.driver=ssh,file.filename=b", "driver=raw,node-name=a,filename=b,file=c"}) {
        INFO(bad);
        CHECK(failure({"-blockdev", bad}).find("-blockdev") == 0);
    }
    CHECK(failure({"-blockdev", "file,node-name=a,filename=b", "-blockdev", "file,node-name=a,filename=c"}).find("already") != std::string::npos);
    CHECK(failure({"-machine", "pc,pflash1=a"}).find("pflash1=a") != std::string::npos);
}

TEST_CASE("more of what scripts write") {
    const Options o = options({"-global", "isa-debugcon.iobase=0x402", "-debugcon", "null", "-device", "isa-debugcon,chardev=c,iobase=0xe8", "-global",
                               "ICH9-LPC.disable_s3=1", "-global", "kvm-pit.lost_tick_policy=delay", "-M", "pc,hpet=off", "-msg", "timestamp=on", "-overcommit",
                               "mem-lock=off", "-serial", "null", "-device", "isa-serial,chardev=c", "-device", "isa-serial,chardev=d,index=3", "-L", "/one",
                               "-display", "sdl,gl=off,show-cursor=off,window-close=on"});
    REQUIRE(o.debugcons.size() == 2);
    CHECK((o.debugcons[0].iobase == 0x402 && o.debugcons[1].iobase == 0xe8));
    CHECK_FALSE(o.hpet);
    CHECK(o.serials == std::vector<std::string>{"null", "chardev:c", "none", "chardev:d"});
    CHECK(o.firmware_folders == std::vector<std::string>{"/one"});
    CHECK_FALSE(options({"-no-hpet"}).hpet);
    const Options d = options({"-drive", "driver=raw,file.driver=file,file.filename=a.img,read-only=on,cache.direct=on", "-device", "VGA,edid=on"});
    CHECK((d.drives[0].file == "a.img" && d.drives[0].read_only));
    CHECK((d.vga.profile.edid && d.vga.profile.register_page));
    CHECK_FALSE(options({"-device", "VGA,edid=off"}).vga.profile.edid);
    const Options bare = options({"-global", "VGA.mmio=off"});
    CHECK_FALSE(bare.vga.profile.register_page);
    CHECK(command_line(bare).find("mmio=off") != std::string::npos);
    CHECK_FALSE(options({"-device", "VGA,mmio=off"}).vga.profile.register_page);
    CHECK(failure({"-drive", "driver=qcow2,file=a"}).find("raw") != std::string::npos);
    const std::string text = command_line(o);
    for (const char* word : {"-machine pc,hpet=off", "-global isa-debugcon.iobase=0x402", "-L /one"}) CHECK(text.find(word) != std::string::npos);
}

TEST_CASE("secrets, and the viewers that they are for") {
    const Options o = options({"-vnc", ":1,to=9,password-secret=key", "-object", "secret,id=key,data=b3Blbg==,format=base64", "-object", "secret,id=b,data=a,,b",
                               "-vnc", "0.0.0.0:2,password=on,share=force-shared,lossy=off", "-vnc", ":3,password"});
    CHECK(o.secret("key")->data == "open");
    CHECK(o.secret("b")->data == "a,b");
    CHECK(o.secret("c") == nullptr);
    CHECK(o.vnc.size() == 3);
    const std::pair<std::vector<std::string>, const char*> refused[] = {
        {{"-vnc", ":1,password-secret=x"}, "-object secret,id=x"},
        {{"-vnc", ":1,to=0"}, "less"},
        {{"-vnc", ":1,to=x"}, "no display"},
        {{"-vnc", ":1,websocket=on"}, "tunnel"},
        {{"-vnc", ":1,share=allow-exclusive"}, "force-shared"},
        {{"-vnc", ":1,pasword=on"}, "password=on"},
        {{"-vnc", ":1,password=maybe"}, "on or off"},
        {{"-object", "secret,data=x"}, "id=ID"},
        {{"-object", "secret,id=x"}, "either data"},
        {{"-object", "secret,id=x,data=a,file=b"}, "either data"},
        {{"-object", "secret,id=x,file=/nonexistent"}, "No such file"},
        {{"-object", "secret,id=x,data=a,keyid=k"}, "encrypted"},
        {{"-object", "secret,id=x,data=abc,format=base64"}, "base64"},
        {{"-object", "secret,id=x,data=ab=c,format=base64"}, "base64"},
        {{"-object", "secret,id=x,data=a", "-object", "secret,id=x,data=b"}, "one of that id"},
        {{"-object", "iothread,id=i"}, "virtio"},
        {{"-object", "tls-creds-x509,id=t"}, "tunnel"},
        {{"-object", "secrets,id=t"}, "did you mean"},
    };
    for (const auto& [words, part] : refused) {
        INFO(words.back());
        CHECK(failure(words).find(part) != std::string::npos);
    }
    CHECK(command_line(o).find("secret,id=b,data=a,,b") != std::string::npos);
}

TEST_CASE("a file of options, and what follows a reset") {
    char path[] = "/tmp/twin86-config-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
    const auto write = [&](const char* text) { std::ofstream(path) << text; };
    write("# a machine\n[machine]\n  type = \"q35\"\n\n[memory]\n size=\"64\"\n[drive \"d\"]\n  file = \"a,b.img\"\n  if = \"none\"\n"
          "[device \"disk\"]\n drive = \"d\"\n  driver = \"ide-hd\"\n[chardev \"c\"]\n backend = \"null\"\n[boot-opts]\n menu = \"on\"\n");
    const Options o = options({"-readconfig", path, "-m", "65"});
    CHECK(o.machine == MachineType::kQ35);
    CHECK(o.ram_bytes == 65 * MiB);
    REQUIRE(o.drives.size() == 1);
    CHECK((o.drives[0].file == "a,b.img" && o.drives[0].interface == DriveInterface::kIde));
    CHECK(o.chardevs == std::vector<std::string>{"null,id=c"});
    CHECK(o.boot.menu);
    const std::pair<const char*, const char*> refused[] = {{"type = \"pc\"\n", ":1: "},      {"[machin]\n", "machine"},     {"[drive d]\n", "quotes"},
                                                           {"[machine]\ntype = pc\n", ":2: "}, {"[machine\n", "no group"},   {"[rtc]\nbas = \"utc\"\n", "base"},
                                                           {"[readconfig]\n", "group"}};
    for (const auto& [text, part] : refused) {
        write(text);
        INFO(text);
        CHECK(failure({"-readconfig", path}).find(part) != std::string::npos);
    }
    ::unlink(path);
    CHECK(failure({"-readconfig", path}).find("No such file") != std::string::npos);

    const Options a = options({"-action", "reboot=shutdown,shutdown=pause,panic=none", "-name", "box,process=vm1"});
    CHECK((a.no_reboot && a.no_shutdown && a.name == "box" && a.process_name == "vm1"));
    CHECK_FALSE(options({"-no-reboot", "-action", "reboot=reset"}).no_reboot);
    CHECK(failure({"-action", "reboot=halt"}).find("shutdown") != std::string::npos);
    CHECK(failure({"-action", "boot=reset"}).find("reboot") != std::string::npos);
    CHECK(failure({"-daemonize", "-nographic"}).find("-display none") != std::string::npos);
}

TEST_CASE("what people write for QEMU's translator, and their mistakes") {
    const Options o = options({"-machine", "q35,accel=kvm:tcg", "-accel", "tcg,thread=multi,tb-size=64,one-insn-per-tb=on,split-wx=off"});
    CHECK(o.accel.engines == std::vector<std::string>{"kvm", "jit"});
    CHECK((o.accel.code_cache_bytes == 64 * MiB && o.accel.one_insn_per_block));
    CHECK(failure({"-boot", "x"}).find("no boot device") != std::string::npos);
    CHECK(options({"-boot", "menu"}).boot.menu);
    CHECK(failure({"-machine", "none"}).find("known: pc, q35") != std::string::npos);
    CHECK(failure({"-drive", "file=a,serial=S1"}).find("-device ide-hd") != std::string::npos);
    CHECK(failure({"-drive", "file=a,format=vmdk"}).find("qemu-img convert -f vmdk") != std::string::npos);
    CHECK(failure({"-device", "ide-drive,drive=a"}).find("ide-hd") != std::string::npos);
    CHECK(failure({"-device", "piix3-ide"}).find("IDE") != std::string::npos);
    CHECK(failure({"-drive", "if=none,id=d,file=a", "-device", "ide-hd,drive=d,write-cache=off"}).find("write-cache") != std::string::npos);
    CHECK(options({"-device", R"({"driver": "VGA", "bus": "pci.0", "addr": "0x2"})"}).vga.chosen);
    CHECK(options({"-device", "VGA,bus=pcie.0,addr=1.0", "-M", "q35"}).vga.chosen);
    CHECK(failure({"-device", "VGA,addr=5"}).find("addr=0x2") != std::string::npos);
    CHECK(failure({"-device", "VGA,bus=pcie.0"}).find("bus=pci.0") != std::string::npos);
    CHECK(options({"-chardev", "null,id=c", "-mon", "chardev=c,id=monitor,mode=readline,pretty=off"}).monitors == std::vector<std::string>{"chardev:c"});
    CHECK(options({"-drive", "file=a,format=raw"}).drives[0].surely_raw);
    CHECK_FALSE(options({"-hda", "a"}).drives[0].surely_raw);
}

TEST_CASE("nodes and devices as JSON") {
    const Options o = options({"-blockdev", R"({"driver": "file", "node-name": "f", "filename": "a,b.img", "read-only": true, "cache": {"direct": true}})",
                               "-blockdev", R"({"node-name": "d", "driver": "raw", "file": "f"})", "-device",
                               R"({"driver": "ide-hd", "drive": "d", "id": "disk", "bus": "ide.1", "unit": 0, "bootindex": 2, "write-cache": "on", "share-rw": false})", "-blockdev",
                               R"({"driver": "raw", "node-name": "cd", "file": {"driver": "file", "filename": "c.iso"}})", "-device", "driver=ide-cd,drive=cd",
                               "-object", R"({"qom-type": "secret", "id": "s", "data": "x"})"});
    REQUIRE(o.drives.size() == 3);
    CHECK((o.drives[1].file == "a,b.img" && o.drives[1].read_only && o.drives[1].index == 2 && o.drives[1].boot_index == 2));
    CHECK((o.drives[2].file == "c.iso" && o.drives[2].cdrom));
    CHECK(o.secret("s")->data == "x");
    const std::pair<std::vector<std::string>, const char*> refused[] = {
        {{"-device", "{'driver': 'edu'}"}, "double quotes"},
        {{"-device", R"({"driver": "edu")"}, "not JSON"},
        {{"-device", R"({"addr": "5"})"}, R"(needs "driver")"},
        {{"-device", R"({"driver": "edu", "addr": [5]})"}, "must be a string"},
        {{"-device", R"({"driver": "edu", "address": "5"})"}, "did you mean"},
        {{"-blockdev", R"({"driver": "qcow2", "node-name": "q", "file": {"driver": "file", "filename": "q"}})"}, "raw"},
        {{"-blockdev", R"({"driver": "raw", "file": null})"}, "must be a string"},
    };
    for (const auto& [words, part] : refused) {
        INFO(words.back());
        CHECK(failure(words).find(part) != std::string::npos);
    }
}

TEST_CASE("the explained command line makes the same machine") {
    const Options o = options({"-m", "1.5G", "-append", "it's a 'test' $HOME", "-accel", "jit,one-insn-per-block=on,chain=off", "-rtc",
                               "base=2026-11-21", "-debugcon", "null", "-device", "isa-debug-exit", "-serial", "null", "-no-reboot"});
    const std::string text = command_line(o);
    CHECK(text.find(R"(-append 'it'\''s a '\''test'\'' $HOME')") != std::string::npos);
    CHECK(text.find("-m 1536M") != std::string::npos);
    CHECK(text.find("-accel jit,code-size=256M,one-insn-per-block=on,chain=off") != std::string::npos);
    CHECK(text.find("-rtc base=2026-11-21T00:00:00") != std::string::npos);
    CHECK(text.find("-device isa-debug-exit,iobase=0x501,iosize=2") != std::string::npos);
}

TEST_CASE("devices, their help, and -global before or behind them") {
    const Options o = options({"-device", "edu,addr=05.0,id=e", "-global", "isa-debug-exit.iobase=0xf4", "-device", "isa-debug-exit",
                               "-device", "pci-testdev", "-device", "pc-testdev", "-global", "driver=VGA,property=xres,value=1024",
                               "-global", "PIIX4_PM.disable_s3=1"});
    REQUIRE(o.pci_tests.size() == 2);
    CHECK(o.pci_tests[0].kind == PciTestKind::kEdu);
    CHECK(o.pci_tests[0].place.slot == 5);
    CHECK_FALSE(o.pci_tests[1].place.slot);
    CHECK(o.pc_testdev);
    CHECK(o.debug_exit->iobase == 0xf4);
    CHECK(o.vga.profile.width == 1024);
    CHECK(options({"-global", "VGA.yres=600", "-device", "VGA,yres=700"}).vga.profile.height == 700);
    const auto help = parse({"-device", "edu,help"});
    REQUIRE(bool(help));
    CHECK(help.value().action == OptionAction::kDeviceHelp);
    CHECK(device_help(help.value().help_on).find("addr") != std::string::npos);
    CHECK(device_help("").find("pci-testdev") != std::string::npos);
}

TEST_CASE("who sees the screen") {
    CHECK(options({"-display", "sdl,full-screen=on"}).full_screen);
    CHECK(options({"-display", "sdl", "-display", "none"}).display_none);
    CHECK_FALSE(options({"-display", "sdl", "-display", "none"}).display_sdl);
    CHECK(options({"-display", "vnc=:3", "-vnc", "127.0.0.1:4"}).vnc == std::vector<std::string>{":3", "127.0.0.1:4"});
    CHECK(options({"-vnc", ":3", "-vnc", "none"}).vnc.empty());
    CHECK_FALSE(options({"-nodefaults"}).vga.present);
    CHECK(options({"-nodefaults", "-vga", "std"}).vga.present);
    CHECK_FALSE(options({"-vga", "none"}).vga.present);
}
