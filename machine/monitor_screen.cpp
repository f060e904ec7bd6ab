// What the monitor sees on the screen and types.
#include "base/nearest.h"
#include "devices/display/glyph_reader.h"
#include "devices/display/text_screen.h"
#include "devices/input/us_layout.h"
#include "machine/monitor_target.h"
#include "ui/screenshot/png_writer.h"

namespace twin86 {
namespace {

Error no_display() { return error("there is no display adapter (-vga std)"); }

Error unknown_key(const std::string& name) {
    std::vector<std::string_view> known;
    for (const KeyInfo& key : key_table()) known.push_back(key.name);
    const std::string hint = did_you_mean(name, known);
    return error("sendkey: unknown key '{}'{}", name.substr(0, 32), hint);
}

}  // namespace

/// The guest need not stand still: memory is read as a monitor reads it.
Status MachineMonitor::screendump(const std::string& path) {
    pc::Display* const display = machine_.display();
    if (display == nullptr) return no_display();
    machine_.settle_devices();
    return write_png(render(display->frame(), display->vga().memory()), path);
}

Result<std::vector<std::string>> MachineMonitor::screen_text() {
    pc::Display* const display = machine_.display();
    if (display == nullptr) return no_display();
    machine_.settle_devices();
    const VgaFrame frame = display->frame();
    const std::span<const u8> memory = display->vga().memory();
    if (frame.geometry().kind == ScreenKind::kText) return text_mode_rows(frame, memory);
    if (display->font().empty()) return error("there is no font to compare the screen with: apt-get install seabios");
    if (!glyphs_) glyphs_ = std::make_unique<GlyphReader>(display->font());
    return glyphs_->read(render(frame, memory));
}

Status MachineMonitor::send_keys(const std::vector<std::string>& names, unsigned hold_ms) {
    std::vector<Key> keys;
    for (const std::string& name : names) {
        const std::optional<Key> key = find_key(name);
        if (!key) return unknown_key(name);
        keys.push_back(*key);
    }
    if (machine_.board().key_feeder().press_together(keys, hold_ms * KeyFeeder::kMillisecond)) return {};
    return error("too many keys wait for the guest");
}

Status MachineMonitor::type_text(std::string_view text) {
    const Key shift = *find_key("shift");
    for (const char c : text) {
        const auto stroke = us_key_stroke(static_cast<unsigned char>(c));
        if (!stroke) return error("type: a US keyboard has no character with the code {}", static_cast<unsigned char>(c));
        const std::vector<Key> keys = stroke->shift ? std::vector{shift, stroke->key} : std::vector{stroke->key};
        if (!machine_.board().key_feeder().press_together(keys, KeyFeeder::kStrokeNs))
            return error("too many keys wait for the guest");
    }
    return {};
}

void MachineMonitor::move_mouse(int dx, int dy, int wheel) { machine_.board().mouse().move(dx, dy, wheel); }

void MachineMonitor::press_mouse_buttons(MouseButtons pressed) {
    const auto bit = [](bool on, Ps2Mouse::Button button) { return on ? unsigned{button} : 0u; };
    machine_.board().mouse().set_buttons(static_cast<u8>(bit(pressed.left, Ps2Mouse::kLeft) | bit(pressed.middle, Ps2Mouse::kMiddle) |
                                                         bit(pressed.right, Ps2Mouse::kRight)));
}

}  // namespace twin86
