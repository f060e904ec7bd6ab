// Keys by the names that QEMU's sendkey uses, and their scan codes. IBM PS/2 Hardware Interface Technical Reference,
// "Keyboard (101- and 102-key)", scan code sets 2 and 3; set 1 is set 2 through the controller's translation.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/types.h"

namespace twin86 {

/// An index into key_table().
using Key = u8;

struct KeyInfo {
    std::string_view name;
    u16 set2;  ///< 0xe0xx: with the E0 prefix
    u8 set3;   ///< 0: not in set 3
};

constexpr u16 kPauseCode = 0xe114;  ///< stands for E1 14 77 E1 F0 14 F0 77, which has no break
constexpr u16 kPrintCode = 0xe07c;  ///< stands for E0 12 E0 7C

std::span<const KeyInfo> key_table();
/// By name or alias.
std::optional<Key> find_key(std::string_view name);

/// One byte of a set-2 stream as the 8042 translates it to set 1; no value for the F0 prefix.
class ScanCodeTranslator {
  public:
    std::optional<u8> translate(u8 set2);
    bool break_seen = false;  ///< F0 came: the next code is a break
};

}  // namespace twin86
