// The spellings of -serial, -monitor and -chardev, and the back-ends they open.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ui/terminal/event_loop.h"
#include "ui/terminal/host_backend.h"

namespace twin86 {

enum class CharKind {
    kNone,       ///< "none": no device at all
    kNull,       ///< a device that talks to nobody
    kStdio,      ///< this process' terminal or pipes
    kFile,       ///< output to `path`
    kPipe,       ///< named pipes `path`.in and `path`.out, or `path` for both
    kPty,        ///< a new pseudo terminal
    kUnix,       ///< a Unix socket at `path`
    kTcp,        ///< a TCP socket at `host`:`port`
    kUdp,        ///< datagrams to and from `host`:`port`
    kRing,       ///< the last `size` bytes, for the monitor
    kReference,  ///< "chardev:ID": the back-end that -chardev named
};

struct CharSpec {
    CharKind kind = CharKind::kNull;
    std::string id;  ///< -chardev's id=, or what kReference refers to
    std::string path;
    std::string host;  ///< empty: loopback
    std::string port;
    std::string local_address, local_port;  ///< udp: where datagrams come to
    std::size_t size = 0;                   ///< ringbuf; 0: the usual
    bool telnet = false;                    ///< tcp and unix: the client is a telnet program
    bool server = false;
    bool wait = true;     ///< a server's first client is waited for before the guest starts
    bool mux = false;     ///< "mon:" or mux=on: shared with the monitor through a TerminalMux
    bool signals = true;  ///< stdio: Ctrl-C ends the emulator instead of going to the guest
    bool append = false;  ///< file: keep what is there
    std::string log_path;  ///< output goes there, too
    bool log_append = false;
};

/// -serial and -monitor: stdio, null, none, pty, file:PATH, pipe:PATH, unix:PATH[,server][,nowait], tcp:[HOST]:PORT[,...],
/// telnet:[HOST]:PORT[,...], udp:[HOST]:PORT[@[ADDRESS]:PORT], chardev:ID, and mon: before any of them.
Result<CharSpec> parse_char_spec(std::string_view text);
/// -chardev: stdio|null|pty|file|pipe|socket|udp|ringbuf, then id=... and the kind's own properties.
Result<CharSpec> parse_chardev(std::string_view text);

/// Opens the back-end. kNone opens a null back-end; kReference is the caller's to resolve. Waits for the first client
/// of a server whose `wait` is set, and says so on stderr; says there which pty was made, too.
Result<std::unique_ptr<HostBackend>> open_char_backend(EventLoop& loop, const CharSpec& spec);
Result<std::unique_ptr<HostBackend>> open_char_backend(EventLoop& loop, std::string_view text);

}  // namespace twin86
