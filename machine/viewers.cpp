#include "machine/viewers.h"

namespace twin86 {

Result<std::unique_ptr<Viewers>> Viewers::open(Machine& machine, std::mutex& machine_lock) {
    const Options& o = machine.options();
    std::unique_ptr<Viewers> viewers(new Viewers(machine, machine_lock));
    const bool wanted = o.display_sdl || !o.vnc.empty();
    if (wanted && machine.display() == nullptr)
        return error("-{}: there is no display adapter to show; add -vga std", o.display_sdl ? "display sdl" : "vnc");
    if (o.display_sdl) {
        auto window = SdlWindow::open(viewers->screen_, o.full_screen);
        if (!window) return window.failure();
        viewers->window_ = window.take();
    }
    for (const std::string& text : o.vnc) {
        auto spec = parse_vnc_spec(text);
        if (!spec) return spec.failure();
        auto server = VncServer::open(viewers->screen_, *spec);
        if (!server) return server.failure();
        viewers->servers_.push_back(server.take());
    }
    return viewers;
}

}  // namespace twin86
