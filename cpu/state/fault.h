// Outcome: what a guest operation ended with. Guest faults are returned values, never C++ exceptions.
#pragma once

#include "base/types.h"

namespace twin86 {

/// Exception vectors, SDM vol. 3, table 6-1.
enum Vector : u8 {
    kVectorDE = 0,
    kVectorDB = 1,
    kVectorNMI = 2,
    kVectorBP = 3,
    kVectorOF = 4,
    kVectorBR = 5,
    kVectorUD = 6,
    kVectorNM = 7,
    kVectorDF = 8,
    kVectorTS = 10,
    kVectorNP = 11,
    kVectorSS = 12,
    kVectorGP = 13,
    kVectorPF = 14,
    kVectorMF = 16,
    kVectorAC = 17,
    kVectorMC = 18,
    kVectorXM = 19,
};

/// Bits of the #PF error code, SDM vol. 3, 4.7.
enum PageFaultBit : u32 { kPfPresent = 1, kPfWrite = 2, kPfUser = 4, kPfReserved = 8, kPfFetch = 16 };

/// Success, or an exception to be delivered. `address` is CR2 for #PF and the DR6 causes for #DB.
struct [[nodiscard]] Outcome {
    i16 vector = -1;
    bool has_error_code = false;
    u32 error_code = 0;
    u64 address = 0;

    bool ok() const { return vector < 0; }
    bool faulted() const { return vector >= 0; }

    static Outcome success() { return {}; }
    static Outcome fault(Vector v) { return {static_cast<i16>(v), false, 0, 0}; }
    static Outcome fault(Vector v, u32 code) { return {static_cast<i16>(v), true, code, 0}; }
    static Outcome page_fault(u32 code, Gva address) { return {kVectorPF, true, code, address}; }
    static Outcome debug(u64 dr6_bits) { return {kVectorDB, false, 0, dr6_bits}; }
};

/// Returns from the enclosing function when the operation faulted.
#define TRY_GUEST(operation)                                                                \
    do {                                                                                    \
        if (const ::twin86::Outcome try_outcome = (operation); try_outcome.faulted()) return try_outcome; \
    } while (0)

}  // namespace twin86
