// Who shows the screen: what -display and -vnc ask for.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "machine/screen.h"
#include "ui/sdl/sdl_window.h"
#include "ui/vnc/vnc_server.h"

namespace twin86 {

/// Goes before the machine does, without its lock.
class Viewers {
  public:
    /// Opens them; the first that cannot be is the error.
    static Result<std::unique_ptr<Viewers>> open(Machine& machine, std::mutex& machine_lock);

    /// Where viewers connect.
    std::string text() const;
    /// Of all -vnc that have passwords.
    Status set_password(const std::string& password);
    /// From then on nobody comes in; seconds since 1970.
    Status expire_password(i64 when);

  private:
    /// Fails when none has.
    Status for_each_locked(const std::function<void(VncServer&)>& action);
    Viewers(Machine& machine, std::mutex& machine_lock) : screen_(machine, machine_lock) {}

    Screen screen_;
    std::unique_ptr<SdlWindow> window_;
    std::vector<std::unique_ptr<VncServer>> servers_;
};

}  // namespace twin86
