#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/unit/ui/char_rig.h"
#include "ui/terminal/char_spec.h"
#include "ui/terminal/ring_backend.h"
#include "ui/terminal/telnet_line.h"
#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct TempDir {
    TempDir() {
        char name[] = "/tmp/twin86-ui-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~TempDir() { std::system(("rm -rf '" + path + "'").c_str()); }
    std::string path;
};

UniqueFd connect_unix(const std::string& path) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

std::unique_ptr<HostBackend> open_or_fail(EventLoop& loop, const std::string& text) {
    auto backend = open_char_backend(loop, text);
    INFO(text);
    if (!backend) FAIL(backend.failure().message);
    return backend.take();
}

}  // namespace

TEST_CASE("the spellings of -serial and -monitor") {
    CHECK(parse_char_spec("stdio")->kind == CharKind::kStdio);
    CHECK(parse_char_spec("stdio")->signals);
    CHECK(parse_char_spec("none")->kind == CharKind::kNone);
    CHECK(parse_char_spec("file:/tmp/a,b")->path == "/tmp/a,b");
    const CharSpec mon = parse_char_spec("mon:stdio").take();
    CHECK(mon.mux);
    CHECK_FALSE(mon.signals);
    const CharSpec unix_spec = parse_char_spec("unix:/tmp/s,server,nowait").take();
    CHECK(unix_spec.kind == CharKind::kUnix);
    CHECK(unix_spec.server);
    CHECK_FALSE(unix_spec.wait);
    const CharSpec tcp = parse_char_spec("tcp:[::1]:4444,server=on,wait=off").take();
    CHECK(tcp.host == "::1");
    CHECK(tcp.port == "4444");
    CHECK(tcp.server);
    CHECK_FALSE(tcp.wait);
    CHECK(parse_char_spec("tcp::4444")->host.empty());
    CHECK(parse_char_spec("chardev:c0")->id == "c0");
    for (const char* bad : {"", "sdtio", "unix:", "file:", "tcp:host:", "unix:/x,sever", "stdio,signal=maybe", "mon:"}) {
        INFO(bad);
        const auto result = parse_char_spec(bad);
        REQUIRE_FALSE(result);
        CHECK_FALSE(result.failure().message.empty());
    }
    CHECK(parse_char_spec("sdtio").failure().message.find("'stdio'") != std::string::npos);
    CHECK(parse_char_spec("unix:/x,sever").failure().message.find("'server'") != std::string::npos);
}

TEST_CASE("the spellings of -chardev") {
    const CharSpec spec = parse_chardev("socket,id=m,path=/tmp/a,,b,server=on,wait=off").take();
    CHECK(spec.id == "m");
    CHECK(spec.path == "/tmp/a,b");
    CHECK(spec.kind == CharKind::kUnix);
    CHECK(parse_chardev("socket,id=t,port=1").take().kind == CharKind::kTcp);
    CHECK(parse_chardev("stdio,id=c,mux=on,signal=off").take().mux);
    for (const char* bad : {"stdio", "file,id=x", "socket,id=x", "sokcet,id=x", "none,id=x", ",", "stdio,id="}) {
        INFO(bad);
        CHECK_FALSE(parse_chardev(bad));
    }
}

TEST_CASE("file output is complete when the back-end is gone") {
    CharRig rig;
    const TempDir dir;
    {
        auto backend = open_or_fail(rig.loop, "file:" + dir.path + "/log");
        write_text(*backend, "first\nlast without newline");
    }
    std::ifstream file(dir.path + "/log");
    std::stringstream text;
    text << file.rdbuf();
    CHECK(text.str() == "first\nlast without newline");
    CHECK_FALSE(open_char_backend(rig.loop, "file:" + dir.path + "/no/such/dir"));
}

TEST_CASE("a Unix socket server serves one client after the other") {
    CharRig rig;
    const TempDir dir;
    const std::string path = dir.path + "/sock";
    {
        auto backend = open_or_fail(rig.loop, "unix:" + path + ",server,nowait");
        backend->set_receiver(&rig.receiver);
        int connects = 0;
        backend->set_on_connect([&] { ++connects; });
        write_text(*backend, "nobody hears this\n");
        for (int i = 1; i <= 2; ++i) {
            UniqueFd client = connect_unix(path);
            REQUIRE(rig.run_until([&] { return connects == i; }));
            REQUIRE(::write(client.get(), "hi", 2) == 2);
            CHECK(rig.run_until([&] { return rig.receiver.text.size() == 2u * static_cast<unsigned>(i); }));
            write_text(*backend, "hello\n");
            CHECK(read_available(client.get()) == "hello\n");
            client.reset();
            CHECK(rig.run_until([&] { return !backend->connected(); }));
        }
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("TCP listens on loopback, and a client back-end connects to it") {
    CharRig rig;
    auto server = open_or_fail(rig.loop, "tcp::0,server,nowait");
    INFO(server->description());
    CHECK(server->description().rfind("tcp:127.0.0.1:", 0) == 0);
    auto client = open_or_fail(rig.loop, server->description());
    CHECK(rig.run_until([&] { return server->connected(); }));
    CollectingReceiver at_client;
    client->set_receiver(&at_client);
    server->set_receiver(&rig.receiver);
    write_text(*client, "ping\n");
    write_text(*server, "pong\n");
    CHECK(rig.run_until([&] { return rig.receiver.text == "ping\n" && at_client.text == "pong\n"; }));
}

TEST_CASE("sockets that cannot be are one clear error") {
    CharRig rig;
    CHECK_FALSE(open_char_backend(rig.loop, "unix:/no/such/dir/sock,server,nowait"));
    CHECK_FALSE(open_char_backend(rig.loop, "unix:/no/such/sock"));
    CHECK_FALSE(open_char_backend(rig.loop, "unix:" + std::string(300, 'x') + ",server,nowait"));
    CHECK_FALSE(open_char_backend(rig.loop, "tcp:127.0.0.1:not-a-port,server,nowait"));
    const TempDir dir;
    const std::string file = dir.path + "/precious";
    std::ofstream(file) << "data";
    CHECK_FALSE(open_char_backend(rig.loop, "unix:" + file + ",server,nowait"));
    CHECK(::access(file.c_str(), F_OK) == 0);
}

TEST_CASE("a pty is dropped output until somebody opens it, then a raw line") {
    CharRig rig;
    auto backend = open_or_fail(rig.loop, "pty");
    backend->set_receiver(&rig.receiver);
    const std::string block(64 * 1024, 'x');
    for (int i = 0; i < 10; ++i) write_text(*backend, block);  // must not wait for a reader
    CHECK_FALSE(backend->connected());
    {
        UniqueFd peer(::open(backend->description().c_str(), O_RDWR | O_NOCTTY));
        REQUIRE(peer);
        REQUIRE(rig.run_until([&] { return backend->connected(); }));
        write_text(*backend, "login: \r\n");
        std::string seen;
        CHECK(rig.run_until([&] { return (seen += read_available(peer.get())) == "login: \r\n"; }));
        REQUIRE(::write(peer.get(), "root\r", 5) == 5);
        CHECK(rig.run_until([&] { return rig.receiver.text == "root\r"; }));
    }
    CHECK(rig.run_until([&] { return !backend->connected(); }));
    UniqueFd again(::open(backend->description().c_str(), O_RDWR | O_NOCTTY));
    CHECK(rig.run_until([&] { return backend->connected(); }));
}

TEST_CASE("named pipes: two of them, or one for both directions") {
    CharRig rig;
    TempDir dir;
    const std::string path = dir.path + "/p";
    CHECK_FALSE(open_char_backend(rig.loop, "pipe:" + path));
    REQUIRE(::mkfifo((path + ".in").c_str(), 0600) == 0);
    REQUIRE(::mkfifo((path + ".out").c_str(), 0600) == 0);
    const auto backend = open_or_fail(rig.loop, "pipe:" + path);
    backend->set_receiver(&rig.receiver);
    for (const char* text : {"one", "two"}) {  // the peer may come again
        UniqueFd in(::open((path + ".in").c_str(), O_WRONLY | O_NONBLOCK)), out(::open((path + ".out").c_str(), O_RDONLY | O_NONBLOCK));
        REQUIRE((in && out));
        rig.receiver.text.clear();
        REQUIRE(::write(in.get(), text, 3) == 3);
        CHECK(rig.run_until([&] { return rig.receiver.text == text; }));
        write_text(*backend, "answer\n");
        CHECK(read_available(out.get()) == "answer\n");
    }
    REQUIRE(::mkfifo((dir.path + "/q").c_str(), 0600) == 0);
    const auto both = open_char_backend(rig.loop, parse_chardev("pipe,id=q,path=" + dir.path + "/q").take());
    REQUIRE(bool(both));
    CHECK(parse_chardev("pipe,id=q").failure().message.find("path=") != std::string::npos);
    CHECK_FALSE(parse_char_spec("pipe:"));
    CHECK(parse_char_spec("vc").failure().message.find("pty") != std::string::npos);
}

TEST_CASE("a log file beside a back-end") {
    CharRig rig;
    TempDir dir;
    const std::string log = dir.path + "/log", text = "file,id=f,path=" + dir.path + "/out,logfile=" + log;
    const auto content = [](const std::string& path) {
        std::ostringstream all;
        all << std::ifstream(path).rdbuf();
        return all.str();
    };
    for (const char* append : {"", ",logappend=on"}) {
        auto backend = open_char_backend(rig.loop, parse_chardev(text + append).take());
        REQUIRE(bool(backend));
        write_text(**backend, "line\n");
        CHECK((*backend)->finish() == 0);
    }
    CHECK(content(dir.path + "/out") == "line\n");
    CHECK(content(log) == "line\nline\n");
    CHECK_FALSE(open_char_backend(rig.loop, parse_chardev("null,id=n,logfile=/no/such/log").take()));
}

TEST_CASE("the spellings of telnet, udp and ringbuf") {
    const CharSpec telnet = parse_char_spec("mon:telnet:127.0.0.1:4444,server,nowait").take();
    CHECK((telnet.telnet && telnet.mux && telnet.server && telnet.kind == CharKind::kTcp && telnet.port == "4444"));
    CHECK(parse_chardev("socket,id=t,port=1,telnet=on")->telnet);
    const CharSpec udp = parse_char_spec("udp:10.0.0.1:514@:99").take();
    CHECK((udp.kind == CharKind::kUdp && udp.host == "10.0.0.1" && udp.port == "514" && udp.local_address.empty() && udp.local_port == "99"));
    const CharSpec named = parse_chardev("udp,id=u,host=h,port=1,localaddr=a,localport=2").take();
    CHECK((named.local_address == "a" && named.local_port == "2"));
    CHECK(parse_chardev("ringbuf,id=r")->size == 0);
    CHECK(parse_chardev("ringbuf,id=r,size=64K")->size == 65536);
    CHECK(parse_chardev("memory,id=r,size=16")->kind == CharKind::kRing);
    for (const char* bad : {"ringbuf,id=r,size=3", "ringbuf,id=r,size=128M", "ringbuf,id=r,size=K", "ringbuf,id=r,size=99999999999999999999",
                            "null,id=n,size=16", "udp,id=u", "socket,id=s,port=1,reconnect=1"})
        CHECK_FALSE(parse_chardev(bad));
    CHECK_FALSE(parse_char_spec("udp:"));
    CHECK(parse_char_spec("telnet:h:").failure().message.find("telnet:HOST:PORT") != std::string::npos);
    CHECK(parse_char_spec("/dev/ttyS0").failure().message.find("socat") != std::string::npos);
}

TEST_CASE("a ring keeps the last bytes") {
    RingBackend ring(8);
    write_text(ring, "abcdef");
    write_text(ring, "ghij");
    CHECK(ring.take(3) == "cde");
    CHECK(ring.take(99) == "fghij");
    CHECK(ring.take(1).empty());
    write_text(ring, "0123456789");
    CHECK(ring.take(99) == "23456789");
}

TEST_CASE("datagrams go both ways, and a peer that is not there is no error") {
    CharRig rig;
    UniqueFd peer(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(peer.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(peer.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    auto backend = open_or_fail(rig.loop, "udp:127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "@127.0.0.1:0");
    rig.receiver.room = 4;
    backend->set_receiver(&rig.receiver);
    write_text(*backend, "hello");
    char text[16];
    sockaddr_in from{};
    socklen_t from_length = sizeof from;
    REQUIRE(::recvfrom(peer.get(), text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &from_length) == 5);
    CHECK(backend->description().ends_with("@:" + std::to_string(ntohs(from.sin_port))));
    const auto send = [&](std::string_view t) {
        REQUIRE(::sendto(peer.get(), t.data(), t.size(), 0, reinterpret_cast<sockaddr*>(&from), from_length) == static_cast<ssize_t>(t.size()));
    };
    send("123456");
    send("");
    send("78");
    CHECK(rig.run_until([&] { return rig.receiver.text == "1234"; }));
    rig.receiver.room = 100;
    backend->receiver_ready();
    CHECK(rig.run_until([&] { return rig.receiver.text == "12345678"; }));
    peer.reset();
    for (int i = 0; i < 3; ++i) write_text(*backend, "lost");
}

TEST_CASE("telnet: commands are taken out, BREAK is a break, 255 goes twice") {
    TelnetLine line;
    CollectingReceiver receiver;
    line.set_receiver(&receiver);
    const auto feed = [&](std::string_view t) { line.receive({reinterpret_cast<const u8*>(t.data()), t.size()}); };
    using namespace std::literals;
    feed("a\xff\xfd\x01"sv);
    feed("b\r\0c\xff\xff"sv);
    feed("\xff\xfa\x18\x01zz\xff\xff\xff\xf0"sv);
    feed("d\xff"sv);
    feed("\xf3"sv);
    feed("e\xff\xf1\0f"sv);
    CHECK(receiver.text == "ab\rc\xff" "de\0f"s);
    CHECK(receiver.breaks == 1);
    const u8 out[] = {1, 255, 2};
    CHECK(line.escaped(out) == std::vector<u8>{1, 255, 255, 2});

    CharRig rig;
    auto server = open_or_fail(rig.loop, "telnet:127.0.0.1:0,server,nowait");
    auto client = open_or_fail(rig.loop, server->description());
    CHECK(rig.run_until([&] { return server->connected(); }));
    CollectingReceiver at_client;
    client->set_receiver(&at_client);
    server->set_receiver(&rig.receiver);
    write_text(*client, "x\xff\xfb\x03y");
    write_text(*server, "z\n");
    CHECK(rig.run_until([&] { return rig.receiver.text == "xy" && at_client.text == std::string(TelnetLine::kGreeting) + "z\n"; }));
}
