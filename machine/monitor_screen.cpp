// What the monitor sees on the screen and types.
#include <unistd.h>

#include "base/host_time.h"
#include "base/nearest.h"
#include "devices/display/glyph_reader.h"
#include "devices/display/text_screen.h"
#include "devices/input/us_layout.h"
#include "machine/monitor_target.h"
#include "machine/viewers.h"
#include "ui/screenshot/png_writer.h"
#include "ui/screenshot/ppm_writer.h"

namespace twin86 {
namespace {

Error no_display() { return error("there is no display adapter (-vga std)"); }

/// Calls f with what the guest has touched of its memory: the host has no pages for the rest, and need not make them.
template <class F>
void for_touched(const GuestRam& ram, F f) {
    const off_t end = static_cast<off_t>(ram.size());
    for (off_t at = 0; at < end;) {
        const off_t data = lseek(ram.fd(), at, SEEK_DATA);
        if (data < 0 || data >= end) return;
        const off_t hole = lseek(ram.fd(), data, SEEK_HOLE);
        at = hole < 0 || hole > end ? end : hole;
        f(std::span<const u8>(ram.base() + data, static_cast<std::size_t>(at - data)));
    }
}

Error unknown_key(const std::string& name) {
    std::vector<std::string_view> known;
    for (const KeyInfo& key : key_table()) known.push_back(key.name);
    const std::string hint = did_you_mean(name, known);
    return error("sendkey: unknown key '{}'{}", name.substr(0, 32), hint);
}

}  // namespace

/// The guest need not stand still: memory is read as a monitor reads it.
Status MachineMonitor::screendump(const std::string& path, bool ppm) {
    pc::Display* const display = machine_.display();
    if (display == nullptr) return no_display();
    machine_.settle_devices();
    const Surface surface = render(display->frame(), display->vga().memory());
    return ppm ? write_ppm(surface, path) : write_png(surface, path);
}

Result<std::vector<std::string>> MachineMonitor::screen_text() {
    pc::Display* const display = machine_.display();
    if (display == nullptr) return no_display();
    machine_.settle_devices();
    const VgaFrame frame = display->frame();
    const std::span<const u8> memory = display->vga().memory();
    if (frame.geometry().kind == ScreenKind::kText) return text_mode_rows(frame, memory);
    const Surface surface = render(frame, memory);
    GlyphReader::Reading best;
    if (!display->font().empty()) {
        if (!glyphs_) glyphs_ = std::make_unique<GlyphReader>(display->font());
        best = glyphs_->read(surface);
    }
    // Text in another font looks like letters here and there.
    const Options& options = machine_.options();
    const bool may_be_uefi = !options.bios.empty() || options.has_flash();
    const GlyphReader* const uefi = may_be_uefi ? uefi_glyphs() : nullptr;
    if (display->font().empty() && uefi == nullptr)
        return error("there is no font to compare the screen with: apt-get install seabios");
    if (uefi != nullptr)
        if (GlyphReader::Reading other = uefi->read(surface); other.letters > best.letters) best = std::move(other);
    return best.rows;
}

/// With the font of UEFI firmware, once that is found in guest memory; null: it is not.
const GlyphReader* MachineMonitor::uefi_glyphs() {
    constexpr u64 kPatienceNs = 1'000'000'000;  // scripts ask ten times a second
    const u64 now = monotonic_ns();
    if (uefi_glyphs_ || now < next_search_ns_) return uefi_glyphs_.get();
    for_touched(machine_.ram(), [&](std::span<const u8> memory) {
        const auto font = uefi_glyphs_ ? std::nullopt : find_uefi_font(memory);
        if (font) uefi_glyphs_ = std::make_unique<GlyphReader>(*font);
    });
    next_search_ns_ = monotonic_ns() + kPatienceNs;
    return uefi_glyphs_.get();
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

std::string MachineMonitor::info_vnc() {
    return viewers_ == nullptr ? "there are no remote viewers\n" : viewers_->text();
}

Status MachineMonitor::set_viewer_password(const std::string& password) {
    return viewers_ == nullptr ? error("there are no remote viewers") : viewers_->set_password(password);
}

Status MachineMonitor::expire_viewer_password(i64 when) {
    return viewers_ == nullptr ? error("there are no remote viewers") : viewers_->expire_password(when);
}

}  // namespace twin86
