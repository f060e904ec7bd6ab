#include "machine/display_setup.h"

#include "bios/boot_file.h"
#include "machine/pc/layout.h"

namespace twin86 {
namespace {

constexpr const char kVgaBios[] = "/usr/share/seabios/vgabios-stdvga.bin";
constexpr u64 kLargestRom = 256 * KiB;

}  // namespace

Result<std::unique_ptr<pc::Display>> make_display(const Options& options, PhysMap& phys, const Clock& clock, Log& log) {
    if (!options.vga.present) return std::unique_ptr<pc::Display>();
    pc::DisplayConfig config;
    config.profile = options.vga.profile;
    config.memory_bytes = options.vga.memory_bytes;
    if (auto rom = read_boot_file(kVgaBios, "VGA BIOS", kLargestRom))
        config.rom = rom.take();
    else
        log.always("twin86: {}; text modes have no font: apt-get install seabios", rom.failure().message);
    return pc::Display::create(config, phys, clock);
}

BootScreen start_screen(pc::Display* display, const std::string& cmdline) {
    BootScreen screen;
    if (display == nullptr) return screen;
    display->leave_as_firmware_does();
    screen.kind = BootScreen::Kind::kText;
    const std::optional<VideoMode> mode = linux_video_mode(cmdline);
    if (!mode || mode->depth <= 8)
        return screen;  // palette modes want VBE calls, which there are none without firmware
    display->set_linear_mode(mode->width, mode->height, mode->depth);
    screen.kind = BootScreen::Kind::kLinear;
    screen.base = pc::kFrameBuffer;
    screen.memory_bytes = display->vga().memory().size();
    screen.width = mode->width;
    screen.height = mode->height;
    screen.depth = mode->depth;
    screen.line_bytes = static_cast<unsigned>(display->vga().vbe().line_bytes());
    return screen;
}

}  // namespace twin86
