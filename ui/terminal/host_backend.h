// HostBackend: what all character back-ends on host file descriptors have in common.
#pragma once

#include <functional>
#include <string>

#include "devices/core/char_port.h"

namespace twin86 {

class HostBackend : public CharBackend {
  public:
    /// Called whenever somebody connects; back-ends that are always connected never call it.
    virtual void set_on_connect(std::function<void()> callback) { on_connect_ = std::move(callback); }
    virtual bool connected() const { return true; }
    /// For the user: which path or port this really is ("/dev/pts/5", "tcp:127.0.0.1:4444").
    virtual std::string description() const = 0;
    /// Writes out what waits; nothing can be written afterwards. The errno for which output was lost, or 0.
    virtual int finish() { return 0; }

  protected:
    void announce_connection() const {
        if (on_connect_) on_connect_();
    }

  private:
    std::function<void()> on_connect_;
};

}  // namespace twin86
