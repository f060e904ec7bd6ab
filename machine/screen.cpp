#include "machine/screen.h"

#include <algorithm>

namespace twin86 {
namespace {

const char* state_text(RunState state) {
    switch (state) {
        case RunState::kRunning:
            return "";
        case RunState::kPaused:
            return " [stopped]";
        case RunState::kShutdown:
            break;
    }
    return " [powered off]";
}

}  // namespace

/// Processors cache the right to write a page without being seen, so they stand still while the marks are taken; when no
/// page is marked they need not.
void Screen::take_written_pages(const ScreenGeometry& g, Painter::Written& written) {
    if (g.kind != ScreenKind::kLinear) return;
    pc::VideoRam& memory = machine_.display()->memory();
    if (!memory.written(g.start_byte, g.start_byte + g.height * g.line_bytes)) return;
    machine_.hold_vcpu();
    memory.take_written(written.pages);
    machine_.release_vcpu();
}

Screen::Look Screen::look() {
    const std::scoped_lock held(machine_lock_);
    machine_.settle_devices();
    pc::Display& display = *machine_.display();
    Look look{display.frame(), {display.vga().take_written(), {}}};
    take_written_pages(look.frame.geometry(), look.written);
    return look;
}

void Screen::paint(const Look& look) {
    const std::vector<LineRange> changed =
        painter_.update(look.frame, machine_.display()->vga().memory(), look.written);
    if (changed.empty()) return;
    ++generation_;
    line_generation_.resize(painter_.surface().height);
    for (const LineRange& r : changed)
        std::fill(line_generation_.begin() + r.first, line_generation_.begin() + r.end, generation_);
}

std::vector<LineRange> Screen::update(ScreenCopy& copy) {
    const std::scoped_lock held(paint_lock_);
    paint(look());
    const Surface& from = painter_.surface();
    const bool resized = copy.surface.width != from.width || copy.surface.height != from.height;
    if (resized) copy.surface.resize(from.width, from.height);
    std::vector<LineRange> changed;
    for (unsigned y = 0; y < from.height; ++y) {
        if (!resized && line_generation_[y] <= copy.generation) continue;
        std::copy_n(from.row(y), from.width, copy.surface.row(y));
        if (!changed.empty() && changed.back().end == y)
            ++changed.back().end;
        else
            changed.push_back({y, y + 1});
    }
    copy.generation = generation_;
    return changed;
}

void Screen::press(Key key, bool down) {
    const std::scoped_lock held(machine_lock_);
    machine_.board().keyboard().press(key, down);
}

void Screen::move_mouse(int dx, int dy, int wheel) {
    const std::scoped_lock held(machine_lock_);
    machine_.board().mouse().move(dx, dy, wheel);
}

void Screen::set_mouse_buttons(u8 pressed) {
    const std::scoped_lock held(machine_lock_);
    machine_.board().mouse().set_buttons(pressed);
}

std::string Screen::title() {
    const std::scoped_lock held(machine_lock_);
    const Options& o = machine_.options();
    const std::string name = o.name == "twin86" ? "Twin86" : "Twin86: " + o.name;
    return fmt::format("{} ({}){}", name, machine_.accelerator().name(), state_text(machine_.run_state()));
}

void Screen::close() {
    const std::scoped_lock held(machine_lock_);
    machine_.quit(0);
}

}  // namespace twin86
