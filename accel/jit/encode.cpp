#include "accel/jit/encode.h"

#include <cstring>

#include "accel/jit/regs.h"

namespace twin86::jit {

namespace {

constexpr unsigned kHostIndex = 10;

class Writer {
  public:
    Writer(const Insn& insn, const FieldMap& map, const HostOperand& at, u8* out) : insn_(insn), map_(map), at_(at), out_(out) {}

    unsigned run() {
        switch (insn_.encoding) {
            case Encoding::kLegacy: legacy(); break;
            case Encoding::kVex: vex(); break;
            case Encoding::kEvex: evex(); break;
        }
        std::memcpy(out_ + n_, insn_.bytes + insn_.imm_at, insn_.imm_size);
        n_ += insn_.imm_size;
        // VBLENDVPS, VBLENDVPD, VPBLENDVB name a register in the immediate: eight of them outside of 64-bit mode.
        const bool register_in_imm = insn_.encoding == Encoding::kVex && insn_.map == 3 && insn_.opcode >= 0x4a && insn_.opcode <= 0x4c;
        if (register_in_imm && !insn_.is64()) out_[n_ - 1] &= 0x7f;
        return n_;
    }

  private:
    void put(unsigned byte) { out_[n_++] = static_cast<u8>(byte); }

    bool memory() const { return insn_.has_mem || at_.in_place_of_rm; }
    unsigned rm_low() const { return memory() ? at_.base : map_.rm; }
    bool vector_index() const { return memory() && insn_.mem.vsib; }
    /// The extension bit of the index register: r10, or a vector register.
    bool index_high() const { return vector_index() ? insn_.mem.index & 8 : memory() && at_.delta; }
    bool index_16_up() const { return vector_index() ? insn_.mem.index & 16 : map_.vvvv & 16; }

    /// EVEX scales short displacements.
    bool is_short() const { return insn_.encoding != Encoding::kEvex && at_.disp == static_cast<i8>(at_.disp); }
    unsigned mod() const { return is_short() ? 0x40 : 0x80; }
    void displacement() {
        if (is_short()) return put(static_cast<u8>(at_.disp));
        std::memcpy(out_ + n_, &at_.disp, sizeof at_.disp);
        n_ += sizeof at_.disp;
    }

    void modrm() {
        if (!insn_.has_modrm) return;
        if (vector_index()) {  // [rbp + vector * scale + 0]
            put(0x44 | (map_.reg & 7) << 3);
            put(static_cast<unsigned>(__builtin_ctz(insn_.mem.scale)) << 6 | (insn_.mem.index & 7) << 3 | 5);
            put(0);
        } else if (memory() && at_.delta) {
            put(0x04 | mod() | (map_.reg & 7) << 3);  // SIB
            put((kHostIndex & 7) << 3 | (at_.base & 7));
            displacement();
        } else if (memory() && (at_.base != 5 || at_.disp != 0)) {
            put(mod() | (map_.reg & 7) << 3 | (at_.base & 7));
            if (at_.base == kHostFrame) put(0x24);  // rsp needs a SIB
            displacement();
        } else if (memory()) {  // [rbp + disp8 0]: rbp as a base cannot go without displacement
            put(0x45 | (map_.reg & 7) << 3);
            put(0);
        } else {
            put(0xc0 | (map_.reg & 7) << 3 | (map_.rm & 7));
        }
    }

    void legacy() {
        if (insn_.lock) put(0xf0);
        if (insn_.host66) put(0x66);
        if (insn_.mandatory_prefix != 0 && insn_.mandatory_prefix != 0x66) put(insn_.mandatory_prefix);
        unsigned rex = insn_.rex & 0x48;
        if (insn_.has_modrm) {
            rex |= (map_.reg & 8) >> 1 | (rm_low() & 8) >> 3 | (index_high() ? 2 : 0);
        } else {
            rex |= (map_.opcode & 8) >> 3;
        }
        if (rex != 0 || insn_.rex != 0) put(0x40 | rex);
        if (insn_.map >= 1) put(0x0f);
        if (insn_.map == 2) put(0x38);
        if (insn_.map == 3) put(0x3a);
        const bool in_opcode = (insn_.gpr_fields & kFieldOpcode) != 0;
        const unsigned opcode = in_opcode ? (insn_.opcode & 0xf8) | (map_.opcode & 7) : insn_.opcode ^ (map_.swapped ? 2u : 0u);
        put(opcode);
        modrm();
    }

    /// The payload bytes after C4, or the single one after C5, as in the original instruction.
    void vex() {
        const u8* p = insn_.bytes + insn_.opcode_at;
        const bool short_form = insn_.bytes[insn_.opcode_at - 2] == 0xc5;
        const unsigned last = p[-1];
        const unsigned w = short_form || insn_.host_w0 ? 0 : last & 0x80;
        const unsigned mmmmm = short_form ? 1 : p[-2] & 0x1f;
        put(0xc4);
        put((map_.reg & 8 ? 0 : 0x80) | (index_high() ? 0 : 0x40) | (rm_low() & 8 ? 0 : 0x20) | mmmmm);
        put(w | (~map_.vvvv & 0xf) << 3 | (last & 7));
        put(insn_.opcode);
        modrm();
    }

    void evex() {
        const u8* p = insn_.bytes + insn_.opcode_at - 3;
        // P0: R X B R' 0 m m m, inverted register bits. With mod = 3, X extends a vector register in rm.
        const unsigned rm = rm_low();
        unsigned p0 = p[0] & 0x0f & ~0x08u;
        p0 |= (map_.reg & 8 ? 0 : 0x80) | (rm & 16 || index_high() ? 0 : 0x40) | (rm & 8 ? 0 : 0x20) | (map_.reg & 16 ? 0 : 0x10);
        const unsigned p1 = (p[1] & (insn_.host_w0 ? 0x07 : 0x87)) | (~map_.vvvv & 0xf) << 3;
        const unsigned p2 = (p[2] & 0xf7) | (index_16_up() ? 0 : 8);
        put(0x62);
        put(p0);
        put(p1);
        put(p2);
        put(insn_.opcode);
        modrm();
    }

    const Insn& insn_;
    const FieldMap& map_;
    const HostOperand& at_;
    u8* out_;
    unsigned n_ = 0;
};

}  // namespace

unsigned encode(const Insn& insn, const FieldMap& map, const HostOperand& operand, u8 out[kMaxHostLength]) {
    return Writer(insn, map, operand, out).run();
}

}  // namespace twin86::jit
