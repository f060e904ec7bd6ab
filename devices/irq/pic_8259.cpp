#include "devices/irq/pic_8259.h"

#include "base/bits.h"

namespace twin86 {

namespace {
enum Icw1 : u8 { kIcw1Ic4 = 1 << 0, kIcw1Single = 1 << 1, kIcw1Select = 1 << 4 };
enum Icw4 : u8 { kIcw4AutoEoi = 1 << 1, kIcw4SpecialFullyNested = 1 << 4 };
enum Ocw2 : u8 { kOcw2Eoi = 1 << 5, kOcw2Specific = 1 << 6, kOcw2Rotate = 1 << 7 };
enum Ocw3 : u8 {
    kOcw3ReadIsr = 1 << 0,
    kOcw3ReadRegister = 1 << 1,
    kOcw3Poll = 1 << 2,
    kOcw3Select = 1 << 3,
    kOcw3SpecialMask = 1 << 5,
    kOcw3EnableSpecialMask = 1 << 6
};
}  // namespace

void Pic8259::set_level(unsigned pin, bool level) {
    const u8 mask = static_cast<u8>(bit(pin & 7));
    const bool was = (lines_ & mask) != 0;
    lines_ = level ? lines_ | mask : lines_ & ~mask;
    if ((elcr_ & mask) != 0 || !level) {
        const bool follows = (elcr_ & mask) != 0 || pin == cascade_pin_;
        if (follows) irr_ = level ? irr_ | mask : irr_ & ~mask;
    } else if (!was) {
        irr_ |= mask;
    }
    update();
}

bool Pic8259::edge_waits(unsigned pin) const {
    const u8 mask = static_cast<u8>(bit(pin & 7));
    return (irr_ & ~imr_ & ~elcr_ & mask) != 0;
}

int Pic8259::highest(u8 requests) const {
    for (unsigned i = 1; i <= 8; ++i) {
        const unsigned pin = (lowest_priority_ + i) & 7;
        if ((requests & bit(pin)) != 0) return static_cast<int>(pin);
    }
    return kNone;
}

/// The request that the priority resolver would present now, or kNone.
int Pic8259::pending() const {
    const int request = highest(irr_ & ~imr_);
    if (request == kNone) return kNone;
    const int serving = highest(special_mask_ ? isr_ & ~imr_ : isr_);
    if (serving == kNone) return request;
    // A slave's further requests pass while an earlier one of the same slave is in service (231468, special fully
    // nested).
    if (special_fully_nested_ && request == serving && static_cast<unsigned>(request) == cascade_pin_) return request;
    return rank(static_cast<unsigned>(request)) < rank(static_cast<unsigned>(serving)) ? request : kNone;
}

void Pic8259::update() {
    const bool output = pending() != kNone;
    if (output == output_) return;
    output_ = output;
    intr_.set(output);
}

unsigned Pic8259::acknowledge() {
    const int winner = pending();
    if (output_) {  // INT drops with the acknowledge, so that a further request is an edge for a master
        output_ = false;
        intr_.set(false);
    }
    if (winner == kNone) return 7;
    const unsigned pin = static_cast<unsigned>(winner);
    const u8 mask = static_cast<u8>(bit(pin));
    if ((elcr_ & mask) == 0) irr_ &= ~mask;
    if (!auto_eoi_) {
        isr_ |= mask;
    } else if (rotate_in_auto_eoi_) {
        lowest_priority_ = static_cast<u8>(pin);
    }
    update();
    return pin;
}

void Pic8259::write_elcr(u8 value) {
    elcr_ = value & elcr_writable_;
    irr_ = static_cast<u8>((irr_ & ~elcr_) | (lines_ & elcr_));
    update();
}

u8 Pic8259::read_poll() {
    poll_ = false;
    if (pending() == kNone) return 0;
    return static_cast<u8>(0x80 | acknowledge());
}

u32 Pic8259::io_read(u16 offset, unsigned) {
    if (poll_) return read_poll();
    if (offset != 0) return imr_;
    return read_isr_ ? isr_ : irr_;
}

void Pic8259::io_write(u16 offset, unsigned, u32 value) {
    const u8 v = static_cast<u8>(value);
    if (offset != 0) {
        write_data(v);
    } else if ((v & kIcw1Select) != 0) {
        write_icw1(v);
    } else if ((v & kOcw3Select) != 0) {
        write_ocw3(v);
    } else {
        write_ocw2(v);
    }
    update();
}

void Pic8259::write_icw1(u8 value) {
    irr_ &= elcr_;  // the edge sense circuit is reset
    isr_ = imr_ = 0;
    lowest_priority_ = 7;
    special_mask_ = read_isr_ = poll_ = false;
    auto_eoi_ = special_fully_nested_ = rotate_in_auto_eoi_ = false;
    single_ = (value & kIcw1Single) != 0;
    needs_icw4_ = (value & kIcw1Ic4) != 0;
    expect_ = Expect::kIcw2;
}

void Pic8259::write_data(u8 value) {
    const Expect after_icw3 = needs_icw4_ ? Expect::kIcw4 : Expect::kOcw;
    switch (expect_) {
        case Expect::kOcw:
            imr_ = value;
            return;
        case Expect::kIcw2:
            vector_base_ = value & 0xf8;
            expect_ = single_ ? after_icw3 : Expect::kIcw3;
            return;
        case Expect::kIcw3:
            expect_ = after_icw3;
            return;  // the cascade wiring is fixed
        case Expect::kIcw4:
            return write_icw4(value);
    }
}

void Pic8259::write_icw4(u8 value) {
    auto_eoi_ = (value & kIcw4AutoEoi) != 0;
    special_fully_nested_ = (value & kIcw4SpecialFullyNested) != 0;
    expect_ = Expect::kOcw;
}

void Pic8259::end_of_interrupt(unsigned pin, bool rotate) {
    isr_ &= static_cast<u8>(~bit(pin));
    if (rotate) lowest_priority_ = static_cast<u8>(pin);
}

void Pic8259::write_ocw2(u8 value) {
    const bool rotate = (value & kOcw2Rotate) != 0;
    const unsigned level = value & 7;
    switch (value & (kOcw2Eoi | kOcw2Specific)) {
        case 0:
            rotate_in_auto_eoi_ = rotate;
            return;
        case kOcw2Specific:
            if (rotate) lowest_priority_ = static_cast<u8>(level);
            return;
        case kOcw2Eoi | kOcw2Specific:
            return end_of_interrupt(level, rotate);
        case kOcw2Eoi:
            // In special mask mode a masked in-service bit is not cleared by a non-specific EOI.
            if (const int pin = highest(special_mask_ ? isr_ & ~imr_ : isr_); pin != kNone)
                end_of_interrupt(static_cast<unsigned>(pin), rotate);
            return;
    }
}

void Pic8259::write_ocw3(u8 value) {
    if ((value & kOcw3EnableSpecialMask) != 0) special_mask_ = (value & kOcw3SpecialMask) != 0;
    if ((value & kOcw3Poll) != 0) {
        poll_ = true;
    } else if ((value & kOcw3ReadRegister) != 0) {
        read_isr_ = (value & kOcw3ReadIsr) != 0;
    }
}

void Pic8259::reset() {
    lines_ = irr_ = isr_ = imr_ = elcr_ = vector_base_ = 0;
    lowest_priority_ = 7;
    expect_ = Expect::kOcw;
    single_ = needs_icw4_ = auto_eoi_ = rotate_in_auto_eoi_ = special_fully_nested_ = false;
    special_mask_ = read_isr_ = poll_ = false;
    update();
}

void Pic8259::visit(StateArchive& archive) {
    archive.fields(lines_, irr_, isr_, imr_, elcr_, vector_base_, lowest_priority_, expect_, single_, needs_icw4_,
                   auto_eoi_, rotate_in_auto_eoi_, special_fully_nested_, special_mask_, read_isr_, poll_, output_);
    if (!archive.loading()) return;
    if (lowest_priority_ > 7 || expect_ > Expect::kIcw4) archive.fail("i8259: impossible state");
    lowest_priority_ &= 7;
}

void PicPair::reset(ResetKind) {
    slave_.reset();
    master_.reset();
}

void PicPair::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        master_.visit(archive);
        slave_.visit(archive);
    });
}

void PicPair::set_level(unsigned pin, bool level) {
    if (pin >= 16 || pin == kCascade) return;
    chip(static_cast<u16>(pin >> 3)).set_level(pin & 7, level);
}

u8 PicPair::acknowledge() {
    const unsigned pin = master_.acknowledge();
    if (pin != kCascade) return master_.vector(pin);
    return slave_.vector(slave_.acknowledge());
}

}  // namespace twin86
