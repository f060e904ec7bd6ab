#include "machine/terminal_setup.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

using Words = std::vector<std::string>;

Options with_defaults(Options o) {
    apply_terminal_defaults(o);
    return o;
}

std::string failure(const Options& o) {
    std::mutex lock;
    EventLoop loop(lock);
    const auto setup = TerminalSetup::open(o, loop);
    return setup ? "" : setup.failure().message;
}

}  // namespace

TEST_CASE("who gets the terminal when nothing was said") {
    Options o;
    o.nographic = true;
    CHECK(with_defaults(o).serials == Words{"mon:stdio"});
    CHECK(with_defaults(o).monitors.empty());

    Options no_monitor = o;
    no_monitor.monitors = {"none"};
    CHECK(with_defaults(no_monitor).serials == Words{"stdio"});

    Options own_serial = o;
    own_serial.serials = {"file:x"};
    CHECK(with_defaults(own_serial).monitors == Words{"stdio"});

    Options debug_console = o;
    debug_console.debugcons = {{0xe9, "stdio"}};
    CHECK(with_defaults(debug_console).serials == Words{"null"});

    Options no_display;
    no_display.display_none = true;
    CHECK(with_defaults(no_display).serials == Words{"null"});

    Options bare = o;
    bare.nodefaults = true;
    CHECK(with_defaults(bare).serials.empty());
    CHECK(with_defaults(bare).monitors.empty());
}

TEST_CASE("devices and their users") {
    Options o;
    o.chardevs = {"null,id=a", "null,id=b,mux=on"};
    o.serials = {"chardev:a", "none", "chardev:b"};
    o.monitors = {"chardev:b", "none"};
    std::mutex lock;
    EventLoop loop(lock);
    auto setup = TerminalSetup::open(o, loop);
    REQUIRE(bool(setup));
    REQUIRE((*setup)->serials().size() == 3);
    CHECK((*setup)->serials()[0] != nullptr);
    CHECK((*setup)->serials()[1] == nullptr);
    CHECK((*setup)->serials()[2] != nullptr);
}

TEST_CASE("devices that are not there or taken are refused") {
    Options o;
    o.serials = {"chardev:x"};
    CHECK(failure(o).find("id=x") != std::string::npos);
    o.chardevs = {"null,id=x"};
    CHECK(failure(o) == "");
    o.monitors = {"chardev:x"};
    CHECK(failure(o).find("mux=on") != std::string::npos);
    o.chardevs = {"null,id=x", "null,id=x"};
    CHECK(failure(o).find("twice") != std::string::npos);
    CHECK(failure({.serials = {"stdoi"}}).find("stdio") != std::string::npos);
}
