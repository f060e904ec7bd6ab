#include "ui/monitor/monitor.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include "ui/monitor/expression.h"
#include "ui/monitor/memory_dump.h"
#include "ui/monitor/screen_commands.h"
#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct FakeBackend : CharBackend {
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    void set_receiver(CharReceiver* r) override { receiver = r; }
    void receiver_ready() override {}
    std::string out;
    CharReceiver* receiver = nullptr;
};

struct FakeMachine : MonitorTarget {
    void quit() override { calls += "quit "; }
    void stop() override { calls += "stop ", state = "paused"; }
    void cont() override { calls += "cont ", state = "running"; }
    void system_reset() override { calls += "reset "; }
    void system_powerdown() override { calls += "powerdown "; }
    std::string run_state() const override { return state; }
    MachineIdentity identity() override { return {"box", "00000000-0000-0000-0000-000000000001", "1.2", 77, false}; }
    u32 read_port(IoPort port, unsigned size) override {
        calls += fmt::format("in{}:{:x} ", size, port);
        return 0xab;
    }
    void write_port(IoPort port, unsigned size, u32 value) override { calls += fmt::format("out{}:{:x}={:x} ", size, port, value); }
    std::string info_registers() override { return "RAX=0\n"; }
    std::string info_mem() override { return "mem\n"; }
    std::string info_tlb() override { return "tlb\n"; }
    std::string info_mtree() override { return "mtree\n"; }
    std::string info_accel() override { return "jit\n"; }
    std::string select_engine(std::string_view name) override { return calls += fmt::format("accel {} ", name), ""; }
    std::string info_pci() override { return "pci\n"; }
    std::string info_irq() override { return "irq\n"; }
    std::string info_pic() override { return "pic\n"; }
    std::string info_qtree() override { return "qtree\n"; }
    std::string info_vga() override { return "vga\n"; }
    std::string info_block() override { return "block\n"; }
    Status eject(const std::string& drive, bool force) override {
        if (drive == "locked" && !force) return error("the tray is locked");
        calls += "eject:" + drive + " ";
        return {};
    }
    Status change(const std::string& drive, const std::string& file, bool read_only) override {
        calls += "change:" + drive + ":" + file + (read_only ? ":ro " : " ");
        return {};
    }
    void nmi() override { calls += "nmi "; }
    std::optional<Gpa> physical_address(Gva address) override { return address < 0x1000 ? std::nullopt : std::optional<Gpa>(address - 0x1000); }
    Status screendump(const std::string& path, bool ppm) override {
        if (path == "/full") return error("the disk is full");
        calls += (ppm ? "ppm:" : "dump:") + path + " ";
        return {};
    }
    Result<std::vector<std::string>> screen_text() override { return screen; }
    Status send_keys(const std::vector<std::string>& names, unsigned hold_ms) override {
        for (const std::string& name : names) calls += name + "+";
        calls += std::to_string(hold_ms) + " ";
        return {};
    }
    Status type_text(std::string_view text) override {
        calls += "type:" + std::string(text) + " ";
        return {};
    }
    std::string info_vnc() override { return "vnc\n"; }
    Status set_viewer_password(const std::string& password) override {
        calls += "password:" + password + " ";
        return {};
    }
    Status expire_viewer_password(i64 when) override {
        expires = when;
        return {};
    }
    i64 expires = -1;
    void move_mouse(int dx, int dy, int wheel) override { calls += fmt::format("move:{},{},{} ", dx, dy, wheel); }
    void press_mouse_buttons(MouseButtons b) override {
        calls += fmt::format("buttons:{:d}{:d}{:d} ", b.left, b.middle, b.right);
    }
    std::vector<std::string> screen{"first row", "", "login: _"};
    std::optional<u64> register_value(std::string_view name) override {
        if (name == "rsp") return 0x1000;
        return std::nullopt;
    }
    /// Virtual 0x1000.. is the memory; physical starts at 0.
    bool read_virtual(Gva address, std::span<u8> to) override { return read_physical(address - 0x1000, to); }
    bool read_physical(Gpa address, std::span<u8> to) override {
        if (address > memory.size() || to.size() > memory.size() - address) return false;
        std::memcpy(to.data(), memory.data() + address, to.size());
        return true;
    }
    Disassembly disassemble(u64, std::span<const u8> code) override {
        if (code[0] == 0x90) return {1, "nop"};
        if (code[0] == 0xeb && code.size() >= 2) return {2, "jmp"};
        return {};
    }
    std::string calls, state = "running";
    std::vector<u8> memory{0x90, 0xeb, 0xfe, 0xff, 0x41, 0x0a, 0x00, 0x80, 1, 2, 3, 4, 5, 6, 7, 8};
};

struct Rig {
    FakeMachine machine;
    MonitorTables tables = standard_monitor_tables();
    FakeBackend backend;
    Monitor monitor{machine, tables, backend};

    std::string type(std::string_view text) {
        backend.out.clear();
        backend.receiver->receive({reinterpret_cast<const u8*>(text.data()), text.size()});
        return backend.out;
    }
    std::string run(std::string_view line) { return run_monitor_line(machine, tables, line).text; }
};

u64 value_of(std::string_view text) {
    return evaluate_expression(text, [](std::string_view name) { return name == "rip" ? std::optional<u64>(0x400) : std::nullopt; }).take();
}

bool refused(std::string_view text) {
    return !evaluate_expression(text, [](std::string_view) { return std::nullopt; });
}

}  // namespace

TEST_CASE("expressions") {
    CHECK(value_of("0x10") == 16);
    CHECK(value_of("010") == 8);
    CHECK(value_of("1 + 2 * 3") == 7);
    CHECK(value_of("(1+2)*3 - 4/2") == 7);
    CHECK(value_of("$rip+0x10") == 0x410);
    CHECK(value_of("-1") == ~u64{0});
    CHECK(value_of("~0 & 0xff | 0x100") == 0x1ff);
    CHECK(value_of("17 % 5") == 2);
    CHECK(value_of("18446744073709551615 + 2") == 1);
    for (const char* bad : {"", "1 +", "(1", "1)", "1 2", "1/0", "1%0", "$nosuch", "0x", "08", "18446744073709551616", "abc", "''", "$"}) {
        INFO(bad);
        CHECK(refused(bad));
    }
    CHECK(refused(std::string(100'000, '(')));
    CHECK(refused(std::string(100'000, '-') + "1"));
}

TEST_CASE("memory dumps look as in the tools that people know") {
    Rig r;
    CHECK(r.run("xp/2xg 0") == "0000000000000000: 0x80000a41fffeeb90 0x0807060504030201\n");
    CHECK(r.run("x/2xh $rsp + 2") == "0000000000001002: 0xfffe 0x0a41\n");
    CHECK(r.run("xp /1db 3") == "0000000000000003:  -1\n");
    CHECK(r.run("xp/1ub 3") == "0000000000000003: 255\n");
    CHECK(r.run("xp/1ob 1") == "0000000000000001: 0353\n");
    CHECK(r.run("xp/3c 4") == "0000000000000004: 'A' '\\n' '\\x00'\n");
    CHECK(r.run("xp 8") == "0000000000000008: 0x04030201\n");
    CHECK(r.run("xp/9xb 0").find("\n0000000000000008: 0x01\n") != std::string::npos);
    CHECK(r.run("xp/2xg 8") == "0000000000000008: 0x0807060504030201 Cannot access memory\n");
    CHECK(r.run("x/3i $rsp") == "0x0000000000001000:  nop\n0x0000000000001001:  jmp\n0x0000000000001003:  .byte 0xff\n");
    CHECK(r.run("x/1i 0").find("Cannot access memory") != std::string::npos);
    CHECK(r.run("x/99999999999999999999xb 0x1000").find("count") != std::string::npos);
    CHECK(r.run("x/4z 0").find("unknown format") != std::string::npos);
    CHECK(r.run("x/4x").find("address") != std::string::npos);
    CHECK(r.run("p/d 3 - 5") == "-2\n");
    CHECK(r.run("p $rsp") == "0x1000\n");
    CHECK(r.run("p/d $rsp") == "4096\n");
    CHECK(r.run("print /d $rsp - 1") == "4095\n");
}

TEST_CASE("commands and their aliases reach the machine") {
    Rig r;
    for (const char* line : {"stop", "c", "system_reset", "system_powerdown", "  q  "}) CHECK(r.run(line).empty());
    CHECK(r.machine.calls == "stop cont reset powerdown quit ");
    CHECK(r.run("info status") == "VM status: running\n");
    r.run("s");
    CHECK(r.run("info status") == "VM status: paused\n");
    CHECK(r.run("info registers") == "RAX=0\n");
    CHECK(r.run("info mtree") == "mtree\n");
    CHECK(r.run("info").find("info tlb") != std::string::npos);
}

TEST_CASE("ports are read and written in the sizes of a dump") {
    Rig r;
    CHECK(r.run("i /b 0x71") == "portb[0x0071] = 0xab\n");
    CHECK(r.run("i/h 0x3f8") == "portw[0x03f8] = 0x00ab\n");
    CHECK(r.run("i 0xcf8") == "portl[0x0cf8] = 0x000000ab\n");
    CHECK(r.run("i /b 0x70 0x0f") == "portb[0x0071] = 0xab\n");
    CHECK(r.run("o /b 0x80 0x1ff").empty());
    CHECK(r.run("o /w 0xcf8 -1").empty());
    CHECK(r.machine.calls == "in1:71 in2:3f8 in4:cf8 out1:70=f in1:71 out1:80=ff out4:cf8=ffffffff ");
    for (const char* line : {"i", "i /b", "i /g 0x80", "i /b 0x10000", "o /b 0x80", "o /b rubbish 1", "i /z 1"}) {
        const std::string said = r.run(line);
        CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    }
    CHECK(r.machine.calls.ends_with("out4:cf8=ffffffff "));
}

TEST_CASE("pictures in two formats") {
    Rig r;
    for (const char* line : {"screendump a b.png", "screendump a.ppm", "screendump -f ppm x", "screendump x -f ppm", "screendump \"a b\" -f png",
                             "screendump a.ppm -f png", "nmi"})
        CHECK(r.run(line).empty());
    CHECK(r.machine.calls == "dump:a b.png ppm:a.ppm ppm:x ppm:x dump:a b dump:a.ppm nmi ");
    CHECK(r.run("screendump x -f gif").find("png or ppm") != std::string::npos);
    CHECK(r.run("screendump -f ppm").find("missing") != std::string::npos);
}

TEST_CASE("memory is saved, summed up and located") {
    Rig r;
    char path[] = "/tmp/twin86-memsave-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
    const auto content = [&] {
        std::ifstream file(path, std::ios::binary);
        return std::vector<u8>{std::istreambuf_iterator<char>(file), {}};
    };
    CHECK(r.run(std::string("pmemsave 2 3 ") + path).empty());
    CHECK(content() == std::vector<u8>(r.machine.memory.begin() + 2, r.machine.memory.begin() + 5));
    CHECK(r.run(std::string("memsave $rsp+8 0x8 \"") + path + '"').empty());
    CHECK(content() == std::vector<u8>(r.machine.memory.begin() + 8, r.machine.memory.end()));
    CHECK(r.run(std::string("pmemsave 15 2 ") + path) == "cannot access memory at 0xf\n");
    CHECK(r.run("pmemsave 0 1 /nonexistent/x").find("No such file") != std::string::npos);
    for (const char* line : {"pmemsave", "pmemsave 0", "pmemsave 0 1", "pmemsave 0 -1 /tmp/x", "sum 0", "gva2gpa", "gva2gpa )"})
        CHECK_FALSE(r.run(line).empty());
    CHECK(r.run("sum 8 2") == "32770\n");  // 1 turned right is 32768, and 2
    CHECK(r.run("gva2gpa $rsp+5") == "gpa: 0x5\n");
    CHECK(r.run("gva2gpa 5") == "Unmapped\n");
    ::unlink(path);
}

TEST_CASE("the password of remote viewers") {
    Rig r;
    CHECK(r.run("set_password vnc opensesa").empty());
    CHECK(r.run("set_password vnc other keep").empty());
    CHECK(r.run("change vnc password third").empty());
    CHECK(r.machine.calls == "password:opensesa password:other password:third ");
    CHECK(r.run("expire_password vnc 1234").empty());
    CHECK(r.machine.expires == 1234);
    CHECK(r.run("expire_password vnc never").empty());
    CHECK(r.machine.expires > 1LL << 40);
    CHECK(r.run("expire_password vnc now").empty());
    CHECK((r.machine.expires > 1234 && r.machine.expires < 1LL << 40));
    for (const char* line : {"set_password", "set_password spice x", "set_password vnc", "set_password vnc x disconnect", "change vnc :1",
                             "change vnc password", "expire_password vnc soon", "expire_password vnc"})
        CHECK_FALSE(r.run(line).empty());
    CHECK(r.machine.calls == "password:opensesa password:other password:third ");
}

TEST_CASE("info says which machine this is") {
    Rig r;
    CHECK(r.run("info name") == "box\n");
    CHECK(r.run("info uuid") == "00000000-0000-0000-0000-000000000001\n");
    CHECK(r.run("info version") == "1.2\n");
    CHECK(r.run("info cpus") == "* CPU #0: thread_id=77\n");
    CHECK(r.run("info kvm") == "kvm support: disabled\n");
    CHECK(r.run("info mice").starts_with("* Mouse #0"));
}

TEST_CASE("every row has a help line") {
    Rig r;
    const std::string all = r.run("help");
    for (const MonitorCommand& row : r.tables.commands) {
        CHECK(all.find(row.names[0]) != std::string::npos);
        CHECK(r.run("help " + std::string(row.names[0])).find(row.help) != std::string::npos);
        CHECK_FALSE(row.help.empty());
    }
    CHECK(r.run("help info jit").find("info jit") == 0);
    for (const char* topic : {"accel", "jit"}) CHECK(r.run(std::string("info ") + topic) == "jit\n");
}

TEST_CASE("an unknown command is one line that names the nearest known one") {
    Rig r;
    CHECK(r.run("sytem_reset") == "unknown command 'sytem_reset': did you mean 'system_reset'?\n");
    CHECK(r.run("info regsters").find("'registers'") != std::string::npos);
    CHECK(r.run("zzzzzzzzzz").find("type 'help'") != std::string::npos);
    CHECK(r.machine.calls.empty());
}

TEST_CASE("a table row is all that a new command needs") {
    Rig r;
    r.tables.commands.push_back({{"hello"}, "who", "greets", [](const MonitorCall& call) {
                                     return "hello " + std::string(call.arguments) + "\n";
                                 }});
    CHECK(r.type("hello world\r") == "hello world\r\nhello world\r\n(twin86) ");
}

TEST_CASE("the prompt echoes, erases and remembers") {
    Rig r;
    r.monitor.greet();
    CHECK(r.backend.out.find("(twin86) ") != std::string::npos);
    CHECK(r.type("p 1x\x7f+1\r") == "p 1x\b \b+1\r\n0x2\r\n(twin86) ");
    CHECK(r.type("junk\x15p 7\r\n").find("\n0x7\r\n(twin86) ") != std::string::npos);
    CHECK(r.type("\x1b[A\r").find("\n0x7\r\n") != std::string::npos);
    CHECK(r.type("\x1b[A\x1b[A\r").find("\n0x2\r\n") != std::string::npos);
    CHECK(r.type("\x1b[A\x1b[B\r") == "p 1+1" + std::string("\b \b\b \b\b \b\b \b\b \b") + "\r\n(twin86) ");
    CHECK(r.type("p 1 two\x17 + 3\r").find("\n0x4\r\n") != std::string::npos);
    r.type("stop");
    CHECK(r.type("\x03") == "\r\n(twin86) ");
    CHECK(r.machine.calls.empty());
}

TEST_CASE("focus shows the banner once and the edited line afterwards") {
    Rig r;
    r.monitor.on_focus();
    CHECK(r.backend.out.find("type 'help'") != std::string::npos);
    r.type("info st");
    r.backend.out.clear();
    r.monitor.on_focus();
    CHECK(r.backend.out == "\r\n(twin86) info st");
}

TEST_CASE("hostile input is harmless") {
    Rig r;
    r.type(std::string(1'000'000, 'A'));
    r.type("\r");
    CHECK(r.backend.out.size() < 4096);
    std::mt19937 random(1);
    std::string noise(200'000, 0);
    for (char& c : noise) c = static_cast<char>(random());
    r.type(noise);
    r.machine.calls.clear();
    r.type("\x1b[A\x15\rstop\r");
    CHECK(r.machine.calls.find("stop") != std::string::npos);
    for (std::size_t i = 0; i < 20'000; ++i) {
        std::string line = "x/";
        for (unsigned n = random() % 12; n != 0; --n) line += "0123456789xduocibhwg $()+-*/rsp"[random() % 31];
        r.run(line);
    }
}

TEST_CASE("commands for the screen and the keyboard") {
    Rig r;
    CHECK(r.run("screendump a b.png") == "");
    CHECK(r.run("screendump") == "screendump: a file name is missing\n");
    CHECK(r.run("screendump /full") == "the disk is full\n");
    CHECK(r.run("screen-text") == "first row\n\nlogin: _\n");
    CHECK(r.run("sendkey ctrl-alt-delete") == "");
    CHECK(r.run("sendkey a 250") == "");
    CHECK(r.run("sendkey a 0").find("milliseconds") != std::string::npos);
    CHECK(r.run("sendkey a 5x").find("milliseconds") != std::string::npos);
    CHECK(r.run("sendkey").find("missing") != std::string::npos);
    CHECK(r.run("type ls -l\\n") == "");
    CHECK(r.machine.calls == "dump:a b.png ctrl+alt+delete+100 a+250 type:ls -l\n ");
    CHECK(r.run("info vga") == "vga\n");
    CHECK(r.run("info pci") == "pci\n");
}

TEST_CASE("commands for the mouse") {
    Rig r;
    CHECK(r.run("mouse_move 5 -3") == "");
    CHECK(r.run("mouse_move  -5   3  1 ") == "");
    CHECK(r.run("mouse_button 1") == "");
    CHECK(r.run("mouse_button 6") == "");
    CHECK(r.run("mouse_button 0") == "");
    CHECK(r.machine.calls == "move:5,-3,0 move:-5,3,-1 buttons:100 buttons:011 buttons:000 ");
    for (const char* line : {"mouse_move", "mouse_move 1", "mouse_move 1 2 3 4", "mouse_move 1 x", "mouse_move 99999 0"})
        CHECK(r.run(line).find("mouse_move: give dx") == 0);
    for (const char* line : {"mouse_button", "mouse_button 8", "mouse_button -1", "mouse_button 1 1"})
        CHECK(r.run(line).find("mouse_button: give") == 0);
}

TEST_CASE("wait-text: its words, and escapes of type") {
    const auto wait = [](std::string_view text) { return parse_text_wait(text).take(); };
    CHECK(wait("grub> ").text == "grub>");
    CHECK(wait("grub>").seconds == 60);
    CHECK(wait("Press F1 2.5").text == "Press F1");
    CHECK(wait("Press F1 2.5").seconds == 2.5);
    CHECK(wait("\"login: \" 7").text == "login: ");
    CHECK(wait("\"login: \"").seconds == 60);
    CHECK(wait("12").text == "12");
    CHECK(wait("a -1").text == "a -1");
    CHECK_FALSE(bool(parse_text_wait("")));
    CHECK_FALSE(bool(parse_text_wait("\"\" 5")));
    for (const char* bad : {"\"a\" x", "\"a\" -5", "\"a\" 1 2", "\"a\" nan"}) CHECK_FALSE(bool(parse_text_wait(bad)));
    CHECK(unescaped(R"(a\n\tb\\n\q\)") == "a\n\tb\\nq\\");
}

TEST_CASE("wait-text answers at once, later, or that it found nothing; lines behind it wait") {
    Rig r;
    CHECK(r.type("wait-text login: 5\r").find("\nfound\r\n(twin86) ") != std::string::npos);
    bool busy = false;
    r.monitor.set_on_busy([&](bool on) { busy = on; });
    CHECK(r.type("wait-text later 1000\rstop\r").find("found") == std::string::npos);
    CHECK(busy);
    CHECK(r.monitor.receive_room() == 0);
    r.monitor.poll();
    CHECK(r.machine.calls == "");
    r.machine.screen.push_back("now or later");
    r.backend.out.clear();
    r.monitor.poll();
    CHECK(r.backend.out.starts_with("found\r\n(twin86) "));
    CHECK(r.machine.calls == "stop ");
    CHECK_FALSE(busy);
    CHECK(r.monitor.receive_room() > 0);
    r.machine.screen.push_back("grub>");
    CHECK(r.type("wait-text \"grub> \" 0\r").find("\nfound\r\n(twin86) ") != std::string::npos);
    CHECK(r.run("type") == "type: a text is missing\n");
    CHECK(r.type("wait-text nothing 0\r").find("not found\r\n(twin86) ") != std::string::npos);
    r.type("wait-text nothing 1000\rcont\r");
    r.monitor.greet();  // somebody else is there now
    CHECK_FALSE(busy);
    r.type("help quit\r");
    CHECK(r.machine.calls == "stop ");
}

TEST_CASE("media are taken out and put in by name") {
    Rig r;
    CHECK(r.run("info block") == "block\n");
    CHECK(r.run("eject ide1-cd0") == "");
    CHECK(r.run("eject locked") == "the tray is locked\n");
    CHECK(r.run("eject -f locked") == "");
    CHECK(r.run("change ide1-cd0  /a disc.iso") == "");
    CHECK(r.machine.calls == "eject:ide1-cd0 eject:locked change:ide1-cd0:/a disc.iso ");
    r.machine.calls.clear();
    CHECK(r.run("change floppy0 a.img raw") == "");
    CHECK(r.run("change floppy0 a raw read-only") == "");
    CHECK(r.run("change floppy0 a.img raw read-write") == "");
    CHECK(r.run("change floppy0 \"of raw\"") == "");
    CHECK(r.machine.calls == "change:floppy0:a.img change:floppy0:a:ro change:floppy0:a.img change:floppy0:of raw ");
    CHECK(r.run("eject").find("name one drive") != std::string::npos);
    CHECK(r.run("change ide1-cd0").find("an image") != std::string::npos);
}
