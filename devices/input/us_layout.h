// Which keys make a character on a US keyboard.
#pragma once

#include <optional>

#include "devices/input/key_table.h"

namespace twin86 {

struct KeyStroke {
    Key key;
    bool shift;
};

/// Printable ASCII, \n (ret), \t, \b (backspace) and \x1b (esc); no value for anything else.
std::optional<KeyStroke> us_key_stroke(char32_t character);

}  // namespace twin86
