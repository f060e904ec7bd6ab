#include "machine/terminal_setup.h"

#include "machine/machine.h"

namespace twin86 {

Result<std::unique_ptr<TerminalSetup>> TerminalSetup::open(const Options& options, EventLoop& loop) {
    std::unique_ptr<TerminalSetup> setup(new TerminalSetup);
    if (const Status s = setup->open_all(options, loop); !s) return s.failure();
    return setup;
}

Status TerminalSetup::open_all(const Options& options, EventLoop& loop) {
    for (const std::string& text : options.chardevs) {
        auto spec = parse_chardev(text);
        if (!spec) return spec.failure();
        if (named_.count(spec->id) != 0) return error("-chardev: the id '{}' is used twice", spec->id);
        auto backend = open_char_backend(loop, *spec);
        if (!backend) return backend.failure();
        named_[spec->id] = backend.take();
    }
    std::vector<std::string> serials = options.serials;
    if (serials.empty() && !options.nodefaults && (options.nographic || !options.display_none)) {
        bool taken = false;
        for (const auto& d : options.debugcons) taken |= d.chardev == "stdio";
        for (const auto& m : options.monitors) taken |= m == "stdio";
        serials.push_back(taken ? "null" : "mon:stdio");
    }
    for (const std::string& text : serials) {
        if (text == "none") {
            serials_.push_back(nullptr);
            continue;
        }
        auto backend = open_one(text, loop);
        if (!backend) return backend.failure();
        serials_.push_back(*backend);
    }
    for (const DebugconOptions& d : options.debugcons) {
        auto backend = open_one(d.chardev, loop);
        if (!backend) return backend.failure();
        debugcons_.emplace_back(d.iobase, *backend);
    }
    return {};
}

Result<CharBackend*> TerminalSetup::open_one(const std::string& text, EventLoop& loop) {
    auto spec = parse_char_spec(text);
    if (!spec) return spec.failure();
    if (spec->kind == CharKind::kReference) {
        const auto found = named_.find(spec->id);
        if (found == named_.end()) return error("chardev:{}: there is no -chardev with id={}", spec->id, spec->id);
        return static_cast<CharBackend*>(found->second.get());
    }
    if (spec->kind == CharKind::kStdio && stdio_ != nullptr) return error("{}: standard input and output are in use already", text);
    if (spec->mux) spec->signals = false;
    auto backend = open_char_backend(loop, *spec);
    if (!backend) return backend.failure();
    backends_.push_back(backend.take());
    CharBackend* result = backends_.back().get();
    if (spec->kind == CharKind::kStdio) stdio_ = result;
    if (!spec->mux) return result;
    muxes_.push_back(std::make_unique<TerminalMux>(*result));
    return &muxes_.back()->add_port();
}

void TerminalSetup::connect(Machine& machine) {
    for (const auto& [port, backend] : debugcons_) machine.board().add_debugcon(port, *backend);
    for (const auto& mux : muxes_) mux->set_on_quit([&machine] { machine.quit(0); });
}

}  // namespace twin86
