// PS/2 keyboard. IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-key)": commands, replies,
// scan code sets 1, 2 and 3.
#pragma once

#include <array>
#include <bitset>

#include "devices/core/timer_queue.h"
#include "devices/input/key_table.h"
#include "devices/input/ps2_device.h"

namespace twin86 {

/// The key that went down last repeats itself in virtual time, with the delay and the rate that the guest set.
class Ps2Keyboard : public Ps2Device {
  public:
    explicit Ps2Keyboard(TimerQueue& timers);

    void reset();
    void visit(StateArchive& archive);
    void write(u8 byte) override;

    /// A key goes down or up. Unknown keys, and changes that are none, are ignored.
    void press(Key key, bool down);
    /// LED bits as the guest set them: 0 scroll, 1 num, 2 caps.
    u8 leds() const { return leds_; }

    // Typematic of the rate that is set; "Set typematic rate/delay (F3h)".
    u64 typematic_delay_ns() const;
    u64 typematic_period_ns() const;

  private:
    // Larger than the 16 bytes of the real one, because pasted text arrives at once.
    static constexpr std::size_t kEventCapacity = 128;
    static constexpr std::size_t kMaxKeys = 128;

    void command(u8 byte);
    void argument(u8 byte);
    void drop_events();
    void set_defaults();
    enum KeyType : u8 { kNoBreak = 1, kNoTypematic = 2 };

    void start_repeat(Key key);
    void stop_repeat();
    void repeat();
    bool repeats(Key key) const;
    void send_key(Key key, bool down);
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
    std::array<u8, 256> key_types_{};  // set 3: KeyType bits by code
    static constexpr Key kNoKey = 0xff;
    Key repeating_ = kNoKey;
    TimerQueue& timers_;
    Timer repeat_timer_;
};

}  // namespace twin86
