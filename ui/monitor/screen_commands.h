// The commands that look at the screen and press keys.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_screen_commands(MonitorTables& tables);

/// "wait-text TEXT [SECONDS]" taken apart: a last word that is a number is the limit; TEXT may stand in double quotes.
struct TextWait {
    std::string text;
    double seconds = 60;
};
Result<TextWait> parse_text_wait(std::string_view arguments);

/// \n, \t, \e, \b and \\ as in C.
std::string unescaped(std::string_view text);

}  // namespace twin86
