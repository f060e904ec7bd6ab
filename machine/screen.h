// Screen: the machine's display, keyboard and mouse as viewers on other threads see them.
//
// A look at the screen takes the machine's lock for the registers and the list of written pages; pixels are made without it.
// Several viewers share one painted picture.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "devices/display/vga_renderer.h"
#include "machine/machine.h"
#include "ui/screen_view.h"

namespace twin86 {

/// Goes before the machine does.
class Screen : public ScreenView {
  public:
    Screen(Machine& machine, std::mutex& machine_lock) : machine_(machine), machine_lock_(machine_lock) {}

    std::vector<LineRange> update(ScreenCopy& copy) override;
    void press(Key key, bool down) override;
    void move_mouse(int dx, int dy, int wheel) override;
    void set_mouse_buttons(u8 pressed) override;
    std::string title() override;
    void close() override;

  private:
    struct Look {
        VgaFrame frame;
        Painter::Written written;
    };
    Look look();
    void take_written_pages(const ScreenGeometry& geometry, Painter::Written& written);
    void paint(const Look& look);

    Machine& machine_;
    std::mutex& machine_lock_;

    std::mutex paint_lock_;  ///< before the machine's lock
    Painter painter_;
    u64 generation_ = 0;
    std::vector<u64> line_generation_;  ///< when each line was painted last
};

}  // namespace twin86
