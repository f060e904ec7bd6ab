// SDL's scan codes as keys of a PC keyboard.
#pragma once

#include <SDL2/SDL_scancode.h>

#include <optional>

#include "devices/input/key_table.h"

namespace twin86 {

/// By position, whatever the host's layout; no value for keys that a PC keyboard does not have.
std::optional<Key> key_of_scancode(SDL_Scancode code);

}  // namespace twin86
