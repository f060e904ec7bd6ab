// X keysyms, as RFC 6143 (7.5.4) has remote viewers send them, as keys of a US keyboard.
#pragma once

#include <optional>

#include "devices/input/key_table.h"

namespace twin86 {

/// The key that bears the character; viewers send the shift key on their own.
std::optional<Key> key_of_keysym(u32 keysym);

}  // namespace twin86
