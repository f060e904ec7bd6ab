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
        if (const Secret* secret = o.secret(spec->password_secret)) spec->password = secret->data;
        auto server = VncServer::open(viewers->screen_, *spec);
        if (!server) return server.failure();
        viewers->servers_.push_back(server.take());
    }
    return viewers;
}

std::string Viewers::text() const {
    std::string text;
    for (std::size_t n = 0; n < servers_.size(); ++n)
        text += fmt::format("vnc{}: {} (password: {})\n", n, servers_[n]->address(), servers_[n]->has_password() ? "on" : "off");
    return servers_.empty() ? "there are no remote viewers; start with -vnc :0\n" : text;
}

Status Viewers::for_each_locked(const std::function<void(VncServer&)>& action) {
    bool any = false;
    for (const auto& server : servers_) {
        if (!server->has_password()) continue;
        any = true;
        action(*server);
    }
    if (!any) return error("no remote viewer is asked for a password; start with -vnc :N,password=on");
    return {};
}

Status Viewers::set_password(const std::string& password) {
    if (const Status s = check_vnc_password(password, "the password"); !s) return s;
    return for_each_locked([&](VncServer& server) { server.set_password(password); });
}

Status Viewers::expire_password(i64 when) {
    return for_each_locked([when](VncServer& server) { server.expire_password(when); });
}

}  // namespace twin86
