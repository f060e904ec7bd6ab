// The guest's screen for remote viewers: RFB (RFC 6143) through libvncserver, on a thread of its own.
#pragma once

#include <rfb/rfb.h>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>

#include "base/result.h"
#include "ui/screen_view.h"

namespace twin86 {

/// What -vnc asks for.
struct VncSpec {
    std::string address = "127.0.0.1";  ///< IPv4
    unsigned display = 0;               ///< TCP port 5900 + display
    unsigned last_display = 0;          ///< the first free one from `display` to here
    std::string password_file;          ///< its first line; empty: no such file
    std::string password_secret;        ///< id of a secret, for the caller to look up; empty: none
    bool locked = false;                ///< viewers are asked for a password
    std::string password;               ///< empty: nobody comes in before one is set
};

/// "[ADDRESS]:DISPLAY[,PROPERTY...]"; without an address only this host can connect.
Result<VncSpec> parse_vnc_spec(const std::string& text);
/// VNC authentication has eight characters; `what` is for the message.
Status check_vnc_password(const std::string& password, const std::string& what);

class VncServer {
  public:
    static Result<std::unique_ptr<VncServer>> open(ScreenView& view, const VncSpec& spec);
    ~VncServer();
    VncServer(const VncServer&) = delete;
    VncServer& operator=(const VncServer&) = delete;

    /// Where it listens.
    const std::string& address() const { return address_; }
    // From any thread, for viewers that come from now on.
    bool has_password() const { return locked_; }
    void set_password(const std::string& password);
    /// Seconds since 1970.
    void expire_password(i64 when);

  private:
    explicit VncServer(ScreenView& view) : view_(view) {}

    Status listen(const VncSpec& spec);
    Status ask_for_password(const VncSpec& spec);
    bool lets_in(rfbClientPtr client, std::span<const u8> response);
    void thread();
    void show_changes();
    void resize();
    bool has_viewers() const { return screen_->clientHead != nullptr; }

    void on_key(bool down, u32 keysym);
    void on_pointer(unsigned buttons, int x, int y);
    void release_keys();

    ScreenView& view_;
    std::thread thread_;
    std::atomic<bool> closing_ = false;

    std::string address_;
    bool locked_ = false;
    std::mutex password_lock_;
    std::string password_;  ///< empty: lets nobody in
    i64 expires_ = std::numeric_limits<i64>::max();

    // Of the server's thread alone, once it runs.
    rfbScreenInfoPtr screen_ = nullptr;
    ScreenCopy copy_;
    std::string title_;
    std::set<Key> down_;
    unsigned buttons_ = 0;
    int x_ = -1, y_ = -1;
};

}  // namespace twin86
