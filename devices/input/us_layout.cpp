#include "devices/input/us_layout.h"

#include <algorithm>
#include <string>

namespace twin86 {
namespace {

struct Row {
    char32_t character;
    std::string_view key;
    bool shift;
};

constexpr Row kRows[] = {
    {' ', "spc", false},          {'\n', "ret", false},        {'\r', "ret", false},          {'\t', "tab", false},
    {'\b', "backspace", false},   {0x1b, "esc", false},        {'`', "grave_accent", false},  {'~', "grave_accent", true},
    {'!', "1", true},             {'@', "2", true},            {'#', "3", true},              {'$', "4", true},
    {'%', "5", true},             {'^', "6", true},            {'&', "7", true},              {'*', "8", true},
    {'(', "9", true},             {')', "0", true},            {'-', "minus", false},         {'_', "minus", true},
    {'=', "equal", false},        {'+', "equal", true},        {'[', "bracket_left", false},  {'{', "bracket_left", true},
    {']', "bracket_right", false}, {'}', "bracket_right", true}, {'\\', "backslash", false},  {'|', "backslash", true},
    {';', "semicolon", false},    {':', "semicolon", true},    {'\'', "apostrophe", false},   {'"', "apostrophe", true},
    {',', "comma", false},        {'<', "comma", true},        {'.', "dot", false},           {'>', "dot", true},
    {'/', "slash", false},        {'?', "slash", true},
};

}  // namespace

std::optional<KeyStroke> us_key_stroke(char32_t character) {
    const bool upper = character >= 'A' && character <= 'Z';
    if (upper || (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9')) {
        const char name = static_cast<char>(upper ? character - 'A' + 'a' : character);
        return KeyStroke{*find_key(std::string_view(&name, 1)), upper};
    }
    const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.character == character; });
    if (row == std::end(kRows)) return std::nullopt;
    return KeyStroke{*find_key(row->key), row->shift};
}

}  // namespace twin86
