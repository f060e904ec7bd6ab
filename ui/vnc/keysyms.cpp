#include "ui/vnc/keysyms.h"

#include <algorithm>
#include <string>

#include "devices/input/us_layout.h"

namespace twin86 {
namespace {

struct Row {
    u32 keysym;
    std::string_view key;
};

// X11, keysymdef.h: the names behind the numbers are XK_BackSpace, XK_Tab ...
constexpr Row kRows[] = {
    {0xff08, "backspace"},    {0xff09, "tab"},          {0xff0d, "ret"},         {0xff13, "pause"},
    {0xff14, "scroll_lock"},  {0xff15, "sysrq"},        {0xff1b, "esc"},         {0xff50, "home"},
    {0xff51, "left"},         {0xff52, "up"},           {0xff53, "right"},       {0xff54, "down"},
    {0xff55, "pgup"},         {0xff56, "pgdn"},         {0xff57, "end"},         {0xff61, "print"},
    {0xff63, "insert"},       {0xff67, "menu"},         {0xff6b, "pause"},       {0xff7f, "num_lock"},
    {0xff8d, "kp_enter"},     {0xff95, "kp_7"},         {0xff96, "kp_4"},        {0xff97, "kp_8"},
    {0xff98, "kp_6"},         {0xff99, "kp_2"},         {0xff9a, "kp_9"},        {0xff9b, "kp_3"},
    {0xff9c, "kp_1"},         {0xff9d, "kp_5"},         {0xff9e, "kp_0"},        {0xff9f, "kp_decimal"},
    {0xffaa, "kp_multiply"},  {0xffab, "kp_add"},       {0xffad, "kp_subtract"}, {0xffae, "kp_decimal"},
    {0xffaf, "kp_divide"},    {0xffe1, "shift"},        {0xffe2, "shift_r"},     {0xffe3, "ctrl"},
    {0xffe4, "ctrl_r"},       {0xffe5, "caps_lock"},    {0xffe7, "meta_l"},      {0xffe8, "meta_r"},
    {0xffe9, "alt"},          {0xffea, "alt_r"},        {0xffeb, "meta_l"},      {0xffec, "meta_r"},
    {0xfe03, "alt_r"},        {0xfe20, "tab"},          {0xffff, "delete"},
};

constexpr u32 kF1 = 0xffbe, kF12 = 0xffc9, kKp0 = 0xffb0, kKp9 = 0xffb9;

}  // namespace

std::optional<Key> key_of_keysym(u32 keysym) {
    if (keysym >= kF1 && keysym <= kF12) return find_key("f" + std::to_string(keysym - kF1 + 1));
    if (keysym >= kKp0 && keysym <= kKp9) return find_key("kp_" + std::to_string(keysym - kKp0));
    const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.keysym == keysym; });
    if (row != std::end(kRows)) return find_key(row->key);
    if (keysym < 0x20 || keysym > 0x7e) return std::nullopt;
    const auto stroke = us_key_stroke(keysym);
    return stroke ? std::optional(stroke->key) : std::nullopt;
}

}  // namespace twin86
