// The words of a monitor's line.
#pragma once

#include <string_view>

#include "ui/monitor/command_table.h"

namespace twin86 {

inline std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// Cuts the first word off.
inline std::string_view take_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text = trimmed(text.substr(word.size()));
    return word;
}

/// What stands behind the slash in "x/4xg ADDR" and "x /4xg ADDR"; `rest` becomes ADDR.
inline std::string_view take_format(const MonitorCall& call, std::string_view& rest) {
    rest = call.arguments;
    if (!call.format.empty() || !rest.starts_with('/')) return call.format;
    return take_word(rest).substr(1);
}

}  // namespace twin86
