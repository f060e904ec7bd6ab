// PS/2 mouse with the IntelliMouse (wheel) and IntelliMouse Explorer (five buttons) extensions. IBM PS/2 Hardware
// Interface Technical Reference, "Mouse"; Microsoft "PS/2 mouse" hardware notes for device ids 3 and 4.
#pragma once

#include <array>

#include "devices/input/ps2_device.h"

namespace twin86 {

class Ps2Mouse : public Ps2Device {
  public:
    enum Button : u8 { kLeft = 1, kRight = 2, kMiddle = 4, kFourth = 8, kFifth = 16 };

    Ps2Mouse() { reset(); }

    void reset();
    void visit(StateArchive& archive);
    void write(u8 byte) override;

    /// Counts as screens count them: x to the right, y downwards; wheel towards the user (scrolling down).
    void move(int dx, int dy, int wheel = 0);
    void set_buttons(u8 pressed);

  private:
    static constexpr std::size_t kEventCapacity = 64;
    enum class Mode : u8 { kStream, kRemote, kWrap };

    void command(u8 byte);
    void argument(u8 byte);
    void set_defaults();
    void set_sample_rate(u8 rate);
    void reply_status();
    void send_packet(bool as_reply);
    bool has_news() const { return dx_ != 0 || dy_ != 0 || wheel_ != 0 || buttons_ != reported_buttons_; }
    void stream();
    void events_drained() override { stream(); }

    Mode mode_ = Mode::kStream;
    Mode mode_before_wrap_ = Mode::kStream;
    bool reporting_ = false;
    bool scaling_2_to_1_ = false;
    u8 resolution_ = 2;
    u8 sample_rate_ = 100;
    u8 device_id_ = 0;
    u8 awaiting_ = 0;
    std::array<u8, 3> last_rates_{};
    u8 buttons_ = 0;
    u8 reported_buttons_ = 0;
    i32 dx_ = 0, dy_ = 0, wheel_ = 0;
};

}  // namespace twin86
