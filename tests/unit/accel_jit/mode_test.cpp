// What tells blocks of the same bytes apart, and what does not.
#include "accel/jit/mode.h"

#include <catch2/catch.hpp>

#include "cpu/state/flat_segments.h"

namespace twin86::jit {

TEST_CASE("SS.B counts outside of 64-bit mode only: kernels run on null and on flat stack segments") {
    const bool long_mode = GENERATE(true, false);
    CpuState s;
    s.cr0 = kCr0PE | kCr0PG;
    s.efer = kEferLMA;
    s.segment[kCs] = flat_code(0x10, 0, long_mode);
    s.segment[kSs] = flat_data(0x18, 0);
    const Mode flat = Mode::of(s, false);
    s.segment[kSs] = Segment{};
    const Mode null = Mode::of(s, false);
    CHECK((flat == null) == long_mode);
    CHECK(flat.stack_bits() == (long_mode ? 64 : 32));
}

}  // namespace twin86::jit
