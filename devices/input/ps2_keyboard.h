// PS/2 keyboard. IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-key)": commands, replies,
// scan code sets 1, 2 and 3.
#pragma once

#include <array>
#include <bitset>

#include "devices/input/key_table.h"
#include "devices/input/ps2_device.h"

namespace twin86 {

/// Typematic repeat comes from the host: a user interface repeats press(key, true) while a key is held.
class Ps2Keyboard : public Ps2Device {
  public:
    Ps2Keyboard() { reset(); }

    void reset();
    void visit(StateArchive& archive);
    void write(u8 byte) override;

    /// A key goes down (or repeats) or up. Unknown keys and releases of keys that are not down are ignored.
    void press(Key key, bool down);
    /// LED bits as the guest set them: 0 scroll, 1 num, 2 caps.
    u8 leds() const { return leds_; }

  private:
    // Larger than the 16 bytes of the real one, because pasted text arrives at once.
    static constexpr std::size_t kEventCapacity = 128;
    static constexpr std::size_t kMaxKeys = 128;

    void command(u8 byte);
    void argument(u8 byte);
    void drop_events();
    void set_defaults();
    void send_code(u16 set2, bool down);
    void send_set3(u8 code, bool down);
    void send(const u8* bytes, std::size_t count);
    void events_drained() override { overrun_ = false; }

    bool scanning_ = true;
    bool overrun_ = false;
    u8 scan_code_set_ = 2;
    u8 leds_ = 0;
    u8 typematic_ = 0;
    u8 awaiting_ = 0;  // the command whose argument comes next
    std::bitset<kMaxKeys> down_;
    std::array<u8, 256> no_break_{};  // set 3: 1 when the key sends no break code
};

}  // namespace twin86
