#include "ui/vnc/vnc_server.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fstream>

#include "base/host_time.h"
#include "devices/input/ps2_mouse.h"
#include "ui/vnc/keysyms.h"

namespace twin86 {
namespace {

constexpr unsigned kFirstPort = 5900, kLastDisplay = 65535 - kFirstPort;
constexpr int kWidth = 720, kHeight = 400;     ///< until the first look at the screen
constexpr unsigned kNobodyMs = 200;            ///< without viewers the thread only waits for one
constexpr std::size_t kMaxPassword = 8;        ///< VNC authentication has no more (RFC 6143, 7.2.2)

enum RfbButton : unsigned { kRfbLeft = 1, kRfbMiddle = 2, kRfbRight = 4, kRfbWheelUp = 8, kRfbWheelDown = 16 };

u8 mouse_buttons(unsigned rfb) {
    return static_cast<u8>(((rfb & kRfbLeft) != 0 ? Ps2Mouse::kLeft : 0) | ((rfb & kRfbMiddle) != 0 ? Ps2Mouse::kMiddle : 0) |
                           ((rfb & kRfbRight) != 0 ? Ps2Mouse::kRight : 0));
}

Status set_switch(const std::string& key, const std::string& v, bool& to) {
    to = v.empty() || v == "on" || v == "yes" || v == "true";
    if (!to && v != "off" && v != "no" && v != "false") return error("-vnc: {}={} must be on or off", key, v);
    return {};
}

/// What QEMU has and this server is like anyway.
Status check_fixed(const std::string& key, const std::string& v) {
    static constexpr std::string_view kFixed[][2] = {{"lossy", "off"}, {"non-adaptive", "on"}, {"power-control", "off"}, {"share", "force-shared"}, {"share", "ignore"}};
    static constexpr std::string_view kMissing[] = {"websocket", "tls-creds", "tls-authz", "sasl", "sasl-authz", "reverse", "audiodev"};
    for (const auto& [name, value] : kFixed)
        if (key == name && v == value) return {};
    for (const auto& [name, value] : kFixed)
        if (key == name) return error("-vnc: {}={}: this version has {}={}", key, v, key, value);
    if (std::find(std::begin(kMissing), std::end(kMissing), key) != std::end(kMissing))
        return error("-vnc: '{}' is not in this version; lead the connection through a tunnel, as ssh's", key);
    return error("-vnc: unknown property '{}'; there are to=, password=on, password-secret=ID and password-file=FILE", key);
}

Status set_property(VncSpec& spec, const std::string& word) {
    const std::size_t equal = std::min(word.find('='), word.size());
    const std::string key = word.substr(0, equal), v = word.substr(std::min(equal + 1, word.size()));
    if (key == "password") return set_switch(key, v, spec.locked);
    if (key == "key-delay-ms") return {};  // keys wait for the guest anyway
    const bool to = key == "to";
    if (!to && key != "password-file" && key != "password-secret") return check_fixed(key, v);
    if (v.empty()) return error("-vnc: {}= needs a value", key);
    if (!to) {
        (key == "password-file" ? spec.password_file : spec.password_secret) = v;
        return {};
    }
    const auto [rest, failure] = std::from_chars(v.data(), v.data() + v.size(), spec.last_display);
    if (failure != std::errc() || rest != v.data() + v.size() || spec.last_display > kLastDisplay)
        return error("-vnc: to={} is no display; the last one is {}", v, kLastDisplay);
    return {};
}

}  // namespace

Result<VncSpec> parse_vnc_spec(const std::string& text) {
    VncSpec spec;
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string where = text.substr(0, comma);
    const std::size_t colon = where.rfind(':');
    if (colon == std::string::npos) return error("-vnc {}: wants [ADDRESS]:DISPLAY, for example :0", text);
    if (colon > 0) spec.address = where.substr(0, colon) == "localhost" ? "127.0.0.1" : where.substr(0, colon);
    const char* const end = where.data() + where.size();
    const auto [rest, failure] = std::from_chars(where.data() + colon + 1, end, spec.display);
    if (failure != std::errc() || rest != end || spec.display > kLastDisplay)
        return error("-vnc {}: the display is a number from 0 to {}", text, kLastDisplay);
    in_addr ignored{};
    if (::inet_pton(AF_INET, spec.address.c_str(), &ignored) != 1)
        return error("-vnc {}: '{}' is no IPv4 address", text, spec.address);
    spec.last_display = spec.display;
    for (std::size_t at = comma; at < text.size();) {
        const std::size_t next = std::min(text.find(',', at + 1), text.size());
        if (const Status s = set_property(spec, text.substr(at + 1, next - at - 1)); !s) return s.failure();
        at = next;
    }
    spec.locked |= !spec.password_file.empty() || !spec.password_secret.empty();
    if (spec.last_display < spec.display) return error("-vnc {}: to= is less than the display", text);
    if (!spec.password_file.empty() && !spec.password_secret.empty()) return error("-vnc {}: one password, by file or by secret", text);
    return spec;
}

Status check_vnc_password(const std::string& password, const std::string& what) {
    if (password.empty()) return error("-vnc: {} is empty", what);
    if (password.size() > kMaxPassword)
        return error("-vnc: {} is longer than {} characters, which is all that VNC uses", what, kMaxPassword);
    return {};
}

Result<std::unique_ptr<VncServer>> VncServer::open(ScreenView& view, const VncSpec& spec) {
    std::unique_ptr<VncServer> server(new VncServer(view));
    if (const Status s = server->listen(spec); !s) return s.failure();
    server->thread_ = std::thread([&s = *server] { s.thread(); });
    return server;
}

/// libvncserver asks for a password as soon as there is something to check it with.
Status VncServer::ask_for_password(const VncSpec& spec) {
    locked_ = true;
    password_ = spec.password;
    if (!spec.password_file.empty()) {
        std::ifstream file(spec.password_file);
        std::getline(file, password_);
        if (password_.empty()) return error("-vnc: no password in '{}'", spec.password_file);
        if (const Status s = check_vnc_password(password_, "the password in '" + spec.password_file + "'"); !s) return s;
    }
    if (!spec.password_secret.empty())
        if (const Status s = check_vnc_password(password_, "secret '" + spec.password_secret + "'"); !s) return s;
    screen_->authPasswdData = this;
    screen_->passwordCheck = [](rfbClientPtr client, const char* response, int length) -> rfbBool {
        auto& server = *static_cast<VncServer*>(client->screen->screenData);
        return server.lets_in(client, {reinterpret_cast<const u8*>(response), static_cast<std::size_t>(std::max(length, 0))}) ? TRUE : FALSE;
    };
    return {};
}

/// RFC 6143, 7.2.2: the challenge, encrypted with the password.
bool VncServer::lets_in(rfbClientPtr client, std::span<const u8> response) {
    const std::scoped_lock held(password_lock_);
    if (password_.empty() || response.size() != CHALLENGESIZE || std::time(nullptr) >= expires_) return false;
    u8 expected[CHALLENGESIZE];
    std::memcpy(expected, client->authChallenge, CHALLENGESIZE);
    rfbEncryptBytes(expected, password_.data());
    return std::equal(response.begin(), response.end(), expected);
}

void VncServer::set_password(const std::string& password) {
    const std::scoped_lock held(password_lock_);
    password_ = password;
}

void VncServer::expire_password(i64 when) {
    const std::scoped_lock held(password_lock_);
    expires_ = when;
}

Status VncServer::listen(const VncSpec& spec) {
    rfbLogEnable(0);
    screen_ = rfbGetScreen(nullptr, nullptr, kWidth, kHeight, 8, 3, 4);
    if (screen_ == nullptr) return error("-vnc: no memory");
    copy_.surface.resize(kWidth, kHeight);
    title_ = view_.title();
    screen_->desktopName = title_.c_str();
    screen_->frameBuffer = reinterpret_cast<char*>(copy_.surface.pixels.data());
    screen_->serverFormat.redShift = 16;
    screen_->serverFormat.greenShift = 8;
    screen_->serverFormat.blueShift = 0;
    screen_->ipv6port = -1;
    screen_->autoPort = FALSE;
    screen_->alwaysShared = TRUE;
    screen_->cursor = nullptr;
    screen_->screenData = this;
    if (::inet_pton(AF_INET, spec.address.c_str(), &screen_->listenInterface) != 1)
        return error("-vnc: '{}' is no IPv4 address", spec.address);
    screen_->kbdAddEvent = [](rfbBool down, rfbKeySym keysym, rfbClientPtr client) {
        static_cast<VncServer*>(client->screen->screenData)->on_key(down != 0, keysym);
    };
    screen_->ptrAddEvent = [](int buttons, int x, int y, rfbClientPtr client) {
        static_cast<VncServer*>(client->screen->screenData)->on_pointer(static_cast<unsigned>(buttons), x, y);
    };
    screen_->newClientHook = [](rfbClientPtr client) {
        client->clientGoneHook = [](rfbClientPtr gone) {
            static_cast<VncServer*>(gone->screen->screenData)->release_keys();
        };
        return RFB_CLIENT_ACCEPT;
    };
    if (spec.locked)
        if (const Status s = ask_for_password(spec); !s) return s;
    errno = 0;
    for (unsigned display = spec.display; display <= spec.last_display && screen_->listenSock < 0; ++display) {
        screen_->port = static_cast<int>(kFirstPort + display);
        screen_->socketState = RFB_SOCKET_INIT;  // also after a failure
        rfbInitServer(screen_);
    }
    if (screen_->listenSock < 0)
        return error("-vnc {}:{}: port {} cannot be listened on: {}; take another display", spec.address, spec.display,
                     kFirstPort + spec.display, std::strerror(errno));
    address_ = fmt::format("{}:{}", spec.address, screen_->port);
    return {};
}

VncServer::~VncServer() {
    closing_ = true;
    if (thread_.joinable()) thread_.join();
    if (screen_ == nullptr) return;
    rfbShutdownServer(screen_, TRUE);
    rfbScreenCleanup(screen_);
}

void VncServer::thread() {
    RefreshPace pace;
    unsigned wait_ms = kNobodyMs;
    while (!closing_) {
        rfbProcessEvents(screen_, static_cast<long>(wait_ms) * 1000);
        if (!has_viewers()) {
            wait_ms = kNobodyMs;
            continue;
        }
        const u64 before = copy_.generation, start = monotonic_ns();
        show_changes();
        pace.looked(start, copy_.generation != before);
        wait_ms = pace.wait_ms(monotonic_ns());
    }
}

void VncServer::show_changes() {
    const std::vector<LineRange> changed = view_.update(copy_);
    const int width = static_cast<int>(copy_.surface.width), height = static_cast<int>(copy_.surface.height);
    if (width != screen_->width || height != screen_->height) return resize();
    for (const LineRange& r : changed)
        rfbMarkRectAsModified(screen_, 0, static_cast<int>(r.first), width, static_cast<int>(r.end));
}

void VncServer::resize() {
    rfbNewFramebuffer(screen_, reinterpret_cast<char*>(copy_.surface.pixels.data()), static_cast<int>(copy_.surface.width),
                      static_cast<int>(copy_.surface.height), 8, 3, 4);
    screen_->serverFormat.redShift = 16;
    screen_->serverFormat.greenShift = 8;
    screen_->serverFormat.blueShift = 0;
    for (rfbClientPtr c = screen_->clientHead; c != nullptr; c = c->next) screen_->setTranslateFunction(c);
}

// --- input -------------------------------------------------------------------------------------------------------------

void VncServer::on_key(bool down, u32 keysym) {
    const std::optional<Key> key = key_of_keysym(keysym);
    if (!key || down == down_.contains(*key)) return;  // viewers repeat keys; the guest's keyboard does that itself
    if (down)
        down_.insert(*key);
    else
        down_.erase(*key);
    view_.press(*key, down);
}

/// Viewers tell positions, a PS/2 mouse tells movements.
void VncServer::on_pointer(unsigned buttons, int x, int y) {
    const unsigned pressed = buttons & ~buttons_;
    const int wheel = ((pressed & kRfbWheelDown) != 0 ? 1 : 0) - ((pressed & kRfbWheelUp) != 0 ? 1 : 0);
    const bool known = x_ >= 0;
    if (known && (x != x_ || y != y_ || wheel != 0)) view_.move_mouse(x - x_, y - y_, wheel);
    if (mouse_buttons(buttons) != mouse_buttons(buttons_)) view_.set_mouse_buttons(mouse_buttons(buttons));
    x_ = x;
    y_ = y;
    buttons_ = buttons;
}

void VncServer::release_keys() {
    for (const Key key : down_) view_.press(key, false);
    down_.clear();
    if (std::exchange(buttons_, 0u) != 0) view_.set_mouse_buttons(0);
    x_ = y_ = -1;
}

}  // namespace twin86
