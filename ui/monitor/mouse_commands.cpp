#include "ui/monitor/mouse_commands.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <vector>

namespace twin86 {
namespace {

constexpr int kFarthest = 32767;
constexpr int kAllButtons = 7;

/// Whole decimal numbers between blanks; nothing when one is none or beyond +-kFarthest.
std::optional<std::vector<int>> numbers_of(std::string_view text) {
    std::vector<int> numbers;
    while (!(text = text.substr(std::min(text.find_first_not_of(' '), text.size()))).empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        int value = 0;
        const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (problem != std::errc() || end != word.data() + word.size()) return std::nullopt;
        if (value < -kFarthest || value > kFarthest) return std::nullopt;
        numbers.push_back(value);
        text.remove_prefix(word.size());
    }
    return numbers;
}

/// "mouse_move DX DY [DZ]"
std::string do_mouse_move(const MonitorCall& call) {
    const auto n = numbers_of(call.arguments);
    if (!n || n->size() < 2 || n->size() > 3)
        return fmt::format("mouse_move: give dx, dy and perhaps dz, whole numbers up to {}\n", kFarthest);
    call.target.move_mouse((*n)[0], (*n)[1], n->size() == 3 ? -(*n)[2] : 0);
    return {};
}

/// "mouse_button STATE"
std::string do_mouse_button(const MonitorCall& call) {
    const auto n = numbers_of(call.arguments);
    if (!n || n->size() != 1 || (*n)[0] < 0 || (*n)[0] > kAllButtons)
        return "mouse_button: give the sum of the pressed buttons (1 left, 2 middle, 4 right), 0 for none\n";
    const int state = (*n)[0];
    call.target.press_mouse_buttons({(state & 1) != 0, (state & 2) != 0, (state & 4) != 0});
    return {};
}

}  // namespace

void add_mouse_commands(MonitorTables& tables) {
    tables.commands.push_back({{"mouse_move"},
                               "dx dy [dz]",
                               "move the mouse to the right, downwards, its wheel away from the user",
                               do_mouse_move});
    tables.commands.push_back(
        {{"mouse_button"}, "state", "press the mouse's buttons: 1 left, 2 middle, 4 right", do_mouse_button});
}

}  // namespace twin86
