#include "cpu/semantics/task_state.h"

#include <cstring>

namespace twin86 {
namespace {

constexpr unsigned kCr3 = 28, kEip32 = 32, kLdt32 = 96, kTrap32 = 100, kSize32 = 104;
constexpr unsigned kIp16 = 14, kLdt16 = 42, kSize16 = 44;

/// Words of `width` bytes one after the other.
class Fields {
  public:
    Fields(const u8* at, unsigned width) : at_(at), width_(width) {}
    u32 next() {
        u32 value = 0;
        std::memcpy(&value, at_, width_);
        at_ += width_;
        return value;
    }

  private:
    const u8* at_;
    unsigned width_;
};

class FieldWriter {
  public:
    FieldWriter(SavedTask& task, unsigned width) : task_(task), width_(width) {}
    void put(u64 value) {
        std::memcpy(task_.bytes + task_.size, &value, width_);
        task_.size += width_;
    }

  private:
    SavedTask& task_;
    unsigned width_;
};

}  // namespace

Outcome read_task_state(Cpu& cpu, u64 base, bool wide, TaskState& out) {
    u8 raw[kSize32] = {};
    TRY_GUEST(cpu.host.read_linear(static_cast<u32>(base), raw, wide ? kSize32 : kSize16, true));
    Fields fields(raw + (wide ? kEip32 : kIp16), wide ? 4 : 2);
    out.eip = fields.next();
    out.eflags = fields.next();
    for (u32& reg : out.gpr) reg = wide ? fields.next() : fields.next() | 0xffff0000;
    for (unsigned i = 0; i < (wide ? 6u : 4u); ++i) out.segment[i] = static_cast<u16>(fields.next());
    std::memcpy(&out.link, raw, 2);
    std::memcpy(&out.ldt, raw + (wide ? kLdt32 : kLdt16), 2);
    if (!wide) return Outcome::success();
    std::memcpy(&out.cr3, raw + kCr3, 4);
    out.debug_trap = raw[kTrap32] & 1;
    return Outcome::success();
}

SavedTask encode_task(const CpuState& s, bool wide, u64 flags) {
    SavedTask task;
    task.offset = wide ? kEip32 : kIp16;
    FieldWriter writer(task, wide ? 4 : 2);
    writer.put(s.rip);
    writer.put(flags);
    for (unsigned i = 0; i < 8; ++i) writer.put(s.gpr[i]);
    for (unsigned i = 0; i < (wide ? 6u : 4u); ++i) writer.put(s.segment[i].selector);
    return task;
}

}  // namespace twin86
