#include "ui/vnc/vnc_server.h"

#include <arpa/inet.h>

#include <cerrno>
#include <charconv>
#include <cstring>
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
    if (comma == text.size()) return spec;
    const std::string property = text.substr(comma + 1), name = "password-file=";
    if (!property.starts_with(name) || property.size() == name.size())
        return error("-vnc: unknown property '{}'; there is password-file=FILE", property);
    spec.password_file = property.substr(name.size());
    return spec;
}

Result<std::unique_ptr<VncServer>> VncServer::open(ScreenView& view, const VncSpec& spec) {
    std::unique_ptr<VncServer> server(new VncServer(view));
    if (const Status s = server->listen(spec); !s) return s.failure();
    server->thread_ = std::thread([&s = *server] { s.thread(); });
    return server;
}

Status VncServer::read_password(const std::string& path) {
    std::ifstream file(path);
    if (!std::getline(file, password_) || password_.empty()) return error("-vnc: no password in '{}'", path);
    if (password_.size() > kMaxPassword)
        return error("-vnc: the password in '{}' is longer than {} characters, which is all that VNC uses", path,
                     kMaxPassword);
    passwords_[0] = password_.data();
    screen_->authPasswdData = passwords_;
    screen_->passwordCheck = rfbCheckPasswordByList;
    return {};
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
    screen_->port = static_cast<int>(kFirstPort + spec.display);
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
    if (!spec.password_file.empty())
        if (const Status s = read_password(spec.password_file); !s) return s;
    errno = 0;
    rfbInitServer(screen_);
    if (screen_->listenSock < 0)
        return error("-vnc {}:{}: port {} cannot be listened on: {}; take another display", spec.address, spec.display,
                     kFirstPort + spec.display, std::strerror(errno));
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
