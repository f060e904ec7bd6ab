#include "ui/monitor/screen_commands.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "ui/monitor/command_words.h"

namespace twin86 {
namespace {

using Time = std::chrono::steady_clock;

constexpr unsigned kDefaultHoldMs = 100, kMaxHoldMs = 60'000;
constexpr double kMaxSeconds = 1e6;

std::string line_of(const Status& status) { return status ? "" : status.failure().message + "\n"; }

/// Takes "-f FORMAT" from either end; the format, or nothing.
std::string_view take_format_option(std::string_view& text) {
    static constexpr std::string_view kOption = "-f ";
    std::string_view format;
    if (text.starts_with(kOption)) {
        text.remove_prefix(kOption.size());
        format = take_word(text);
    } else if (const std::size_t at = text.rfind(" -f "); at != text.npos && text.find(' ', at + 4) == text.npos) {
        format = text.substr(at + 4);
        text = trimmed(text.substr(0, at));
    }
    return format;
}

/// "FILE [-f png|ppm]": without a format the file's name says it.
std::string do_screendump(const MonitorCall& call) {
    std::string_view path = call.arguments;
    const std::string_view format = take_format_option(path);
    if (path.size() > 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
    if (path.empty()) return "screendump: a file name is missing\n";
    if (!format.empty() && format != "png" && format != "ppm") return fmt::format("screendump: the format is png or ppm, not '{}'\n", format);
    return line_of(call.target.screendump(std::string(path), format.empty() ? path.ends_with(".ppm") : format == "ppm"));
}

std::string do_screen_text(const MonitorCall& call) {
    auto rows = call.target.screen_text();
    if (!rows) return rows.failure().message + "\n";
    std::string text;
    for (const std::string& row : *rows) text += row + "\n";
    return text;
}

class WaitForText : public PendingReply {
  public:
    WaitForText(MonitorTarget& target, TextWait wait)
        : target_(target), wait_(std::move(wait)), end_(Time::now() + std::chrono::duration<double>(wait_.seconds)) {}

    std::optional<std::string> poll() override {
        auto rows = target_.screen_text();
        if (!rows) return rows.failure().message + "\n";
        const std::string blanks(wait_.text.size(), ' ');  // rows end with their last character: "grub> " is in "grub>"
        for (const std::string& row : *rows)
            if ((row + blanks).find(wait_.text) != std::string::npos) return "found\n";
        if (Time::now() >= end_) return "not found\n";
        return std::nullopt;
    }

  private:
    MonitorTarget& target_;
    TextWait wait_;
    std::chrono::time_point<Time, std::chrono::duration<double>> end_;
};

MonitorReply do_wait_text(const MonitorCall& call) {
    auto wait = parse_text_wait(call.arguments);
    if (!wait) return wait.failure().message + "\n";
    auto pending = std::make_unique<WaitForText>(call.target, wait.take());
    if (auto now = pending->poll()) return *now;
    return MonitorReply(std::move(pending));
}

/// "ctrl-alt-delete [MILLISECONDS]"
std::string do_sendkey(const MonitorCall& call) {
    const std::size_t space = call.arguments.find(' ');
    std::string_view chord = call.arguments.substr(0, space);
    unsigned hold = kDefaultHoldMs;
    if (space != std::string_view::npos) {
        const std::string text(call.arguments.substr(space + 1));
        char* end = nullptr;
        const unsigned long value = std::strtoul(text.c_str(), &end, 10);
        if (*end != 0 || value == 0 || value > kMaxHoldMs)
            return fmt::format("sendkey: the time is a number of milliseconds up to {}, not '{}'\n", kMaxHoldMs, text);
        hold = static_cast<unsigned>(value);
    }
    if (chord.empty()) return "sendkey: keys are missing, for example ctrl-alt-delete\n";
    std::vector<std::string> names;
    while (!chord.empty()) {
        const std::size_t dash = std::min(chord.find('-', 1), chord.size());
        names.emplace_back(chord.substr(0, dash));
        chord.remove_prefix(std::min(dash + 1, chord.size()));
    }
    return line_of(call.target.send_keys(names, hold));
}

std::string do_type(const MonitorCall& call) {
    if (call.arguments.empty()) return "type: a text is missing\n";
    return line_of(call.target.type_text(unescaped(call.arguments)));
}

std::string_view trimmed_right(std::string_view text) {
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::optional<double> seconds_of(std::string_view word) {
    const std::string text(word);
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != 0 || !(seconds >= 0 && seconds <= kMaxSeconds)) return std::nullopt;
    return seconds;
}

/// "TEXT" [SECONDS]
Result<TextWait> parse_quoted_wait(std::string_view text) {
    const std::size_t end = text.rfind('"');
    std::string_view rest = text.substr(end + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    TextWait wait{std::string(text.substr(1, end - 1))};
    if (wait.text.empty()) return error("wait-text: a text is missing");
    if (rest.empty()) return wait;
    const auto seconds = seconds_of(rest);
    if (!seconds) return error("wait-text: the time is a number of seconds up to {}, not '{}'", kMaxSeconds, rest.substr(0, 32));
    wait.seconds = *seconds;
    return wait;
}

}  // namespace

Result<TextWait> parse_text_wait(std::string_view arguments) {
    TextWait wait;
    std::string_view text = trimmed_right(arguments);
    if (text.starts_with('"') && text.rfind('"') > 0) return parse_quoted_wait(text);
    const std::size_t space = text.rfind(' ');
    if (space != std::string_view::npos) {
        if (const auto seconds = seconds_of(text.substr(space + 1))) {
            wait.seconds = *seconds;
            text = trimmed_right(text.substr(0, space));
        }
    }
    if (text.empty()) return error("wait-text: a text is missing");
    wait.text = text;
    return wait;
}

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        static constexpr std::string_view kNames = "ntbe", kValues = "\n\t\b\x1b";
        const std::size_t at = kNames.find(text[++i]);
        out += at == std::string_view::npos ? text[i] : kValues[at];
    }
    return out;
}

void add_screen_commands(MonitorTables& tables) {
    const MonitorCommand rows[] = {
        {{"screendump"}, "file [-f png|ppm]", "write the screen to a PNG file, or to a PPM file when its name or the format says so", do_screendump},
        {{"screen-text"}, "", "the characters on the screen", do_screen_text},
        {{"wait-text"},
         "text [seconds]",
         "wait until a row of the screen has the text (60 seconds): prints 'found' or 'not found'",
         do_wait_text},
        {{"sendkey"}, "keys [ms]", "press keys together, for example ctrl-alt-f1", do_sendkey},
        {{"type"}, "text", "type a text as on a US keyboard; \\n is the return key", do_type},
    };
    tables.commands.insert(tables.commands.end(), std::begin(rows), std::end(rows));
}

}  // namespace twin86
