// The guest's screen for remote viewers: RFB (RFC 6143) through libvncserver, on a thread of its own.
#pragma once

#include <rfb/rfb.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/result.h"
#include "ui/screen_view.h"

namespace twin86 {

/// What -vnc asks for.
struct VncSpec {
    std::string address = "127.0.0.1";  ///< IPv4
    unsigned display = 0;               ///< TCP port 5900 + display
    std::string password_file;          ///< its first line; empty: no password
};

/// "[ADDRESS]:DISPLAY[,password-file=FILE]"; without an address only this host can connect.
Result<VncSpec> parse_vnc_spec(const std::string& text);

class VncServer {
  public:
    static Result<std::unique_ptr<VncServer>> open(ScreenView& view, const VncSpec& spec);
    ~VncServer();
    VncServer(const VncServer&) = delete;
    VncServer& operator=(const VncServer&) = delete;

  private:
    explicit VncServer(ScreenView& view) : view_(view) {}

    Status listen(const VncSpec& spec);
    Status read_password(const std::string& path);
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

    // Of the server's thread alone, once it runs.
    rfbScreenInfoPtr screen_ = nullptr;
    ScreenCopy copy_;
    std::string title_;
    std::string password_;
    char* passwords_[2] = {nullptr, nullptr};
    std::set<Key> down_;
    unsigned buttons_ = 0;
    int x_ = -1, y_ = -1;
};

}  // namespace twin86
