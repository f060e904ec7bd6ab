#include "ui/sdl/sdl_keys.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace twin86 {
namespace {

struct Row {
    SDL_Scancode code;
    std::string_view key;
};

constexpr Row kRows[] = {
    {SDL_SCANCODE_RETURN, "ret"},
    {SDL_SCANCODE_ESCAPE, "esc"},
    {SDL_SCANCODE_BACKSPACE, "backspace"},
    {SDL_SCANCODE_TAB, "tab"},
    {SDL_SCANCODE_SPACE, "spc"},
    {SDL_SCANCODE_MINUS, "minus"},
    {SDL_SCANCODE_EQUALS, "equal"},
    {SDL_SCANCODE_LEFTBRACKET, "bracket_left"},
    {SDL_SCANCODE_RIGHTBRACKET, "bracket_right"},
    {SDL_SCANCODE_BACKSLASH, "backslash"},
    {SDL_SCANCODE_NONUSHASH, "backslash"},
    {SDL_SCANCODE_SEMICOLON, "semicolon"},
    {SDL_SCANCODE_APOSTROPHE, "apostrophe"},
    {SDL_SCANCODE_GRAVE, "grave_accent"},
    {SDL_SCANCODE_COMMA, "comma"},
    {SDL_SCANCODE_PERIOD, "dot"},
    {SDL_SCANCODE_SLASH, "slash"},
    {SDL_SCANCODE_CAPSLOCK, "caps_lock"},
    {SDL_SCANCODE_PRINTSCREEN, "print"},
    {SDL_SCANCODE_SCROLLLOCK, "scroll_lock"},
    {SDL_SCANCODE_PAUSE, "pause"},
    {SDL_SCANCODE_INSERT, "insert"},
    {SDL_SCANCODE_HOME, "home"},
    {SDL_SCANCODE_PAGEUP, "pgup"},
    {SDL_SCANCODE_DELETE, "delete"},
    {SDL_SCANCODE_END, "end"},
    {SDL_SCANCODE_PAGEDOWN, "pgdn"},
    {SDL_SCANCODE_RIGHT, "right"},
    {SDL_SCANCODE_LEFT, "left"},
    {SDL_SCANCODE_DOWN, "down"},
    {SDL_SCANCODE_UP, "up"},
    {SDL_SCANCODE_NUMLOCKCLEAR, "num_lock"},
    {SDL_SCANCODE_KP_DIVIDE, "kp_divide"},
    {SDL_SCANCODE_KP_MULTIPLY, "kp_multiply"},
    {SDL_SCANCODE_KP_MINUS, "kp_subtract"},
    {SDL_SCANCODE_KP_PLUS, "kp_add"},
    {SDL_SCANCODE_KP_ENTER, "kp_enter"},
    {SDL_SCANCODE_KP_PERIOD, "kp_decimal"},
    {SDL_SCANCODE_NONUSBACKSLASH, "less"},
    {SDL_SCANCODE_APPLICATION, "menu"},
    {SDL_SCANCODE_LCTRL, "ctrl"},
    {SDL_SCANCODE_LSHIFT, "shift"},
    {SDL_SCANCODE_LALT, "alt"},
    {SDL_SCANCODE_LGUI, "meta_l"},
    {SDL_SCANCODE_RCTRL, "ctrl_r"},
    {SDL_SCANCODE_RSHIFT, "shift_r"},
    {SDL_SCANCODE_RALT, "alt_r"},
    {SDL_SCANCODE_RGUI, "meta_r"},
    {SDL_SCANCODE_SYSREQ, "sysrq"},
    {SDL_SCANCODE_INTERNATIONAL1, "ro"},
    {SDL_SCANCODE_INTERNATIONAL2, "katakanahiragana"},
    {SDL_SCANCODE_INTERNATIONAL3, "yen"},
    {SDL_SCANCODE_INTERNATIONAL4, "henkan"},
    {SDL_SCANCODE_INTERNATIONAL5, "muhenkan"},
};

std::optional<Key> named(const std::string& name) { return find_key(name); }

}  // namespace

std::optional<Key> key_of_scancode(SDL_Scancode code) {
    const auto within = [code](SDL_Scancode first, SDL_Scancode last) { return code >= first && code <= last; };
    if (within(SDL_SCANCODE_A, SDL_SCANCODE_Z)) return named(std::string(1, static_cast<char>('a' + code - SDL_SCANCODE_A)));
    if (within(SDL_SCANCODE_1, SDL_SCANCODE_9)) return named(std::to_string(1 + code - SDL_SCANCODE_1));
    if (code == SDL_SCANCODE_0) return named("0");
    if (within(SDL_SCANCODE_F1, SDL_SCANCODE_F12)) return named("f" + std::to_string(1 + code - SDL_SCANCODE_F1));
    if (within(SDL_SCANCODE_KP_1, SDL_SCANCODE_KP_9)) return named("kp_" + std::to_string(1 + code - SDL_SCANCODE_KP_1));
    if (code == SDL_SCANCODE_KP_0) return named("kp_0");
    const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.code == code; });
    return row == std::end(kRows) ? std::nullopt : find_key(row->key);
}

}  // namespace twin86
