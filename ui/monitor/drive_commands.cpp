#include "ui/monitor/drive_commands.h"

#include <sstream>

#include "ui/monitor/password_commands.h"

namespace twin86 {
namespace {

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream in{std::string(text)};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

std::string line_of(const Status& status) { return status ? "" : status.failure().message + "\n"; }

/// "eject [-f] DRIVE"
std::string do_eject(const MonitorCall& call) {
    std::vector<std::string> words = words_of(call.arguments);
    const bool force = !words.empty() && words[0] == "-f";
    if (force) words.erase(words.begin());
    if (words.size() != 1) return "eject: name one drive ('info block' lists them)\n";
    return line_of(call.target.eject(words[0], force));
}

/// Takes a word from the end.
bool take_last(std::string_view& text, std::string_view word) {
    if (!text.ends_with(word) || text.size() == word.size() || text[text.size() - word.size() - 1] != ' ') return false;
    text.remove_suffix(word.size());
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    return true;
}

/// "change DRIVE FILE [raw [MODE]]"; a file with blanks may stand in quotes.
std::string do_change(const MonitorCall& call) {
    if (call.arguments.starts_with("vnc ")) return change_vnc_password(call);
    const std::size_t blank = call.arguments.find(' ');
    if (blank == call.arguments.npos) return "change: name a drive ('info block' lists them) and an image\n";
    std::string_view file = call.arguments.substr(call.arguments.find_first_not_of(' ', blank)), whole = file;
    const bool read_only = take_last(file, "read-only"), mode = read_only || take_last(file, "read-write") || take_last(file, "retain");
    if (!take_last(file, "raw") && mode) file = whole;  // a mode comes behind a format
    if (file.size() > 2 && file.front() == '"' && file.back() == '"') file = file.substr(1, file.size() - 2);
    return line_of(call.target.change(std::string(call.arguments.substr(0, blank)), std::string(file), read_only && file != whole));
}

}  // namespace

void add_drive_commands(MonitorTables& tables) {
    tables.commands.push_back({{"eject"}, "[-f] drive", "take the medium out; -f although the guest locked it", do_eject});
    tables.commands.push_back({{"change"}, "drive file [raw [read-only]]", "put another medium in", do_change});
    tables.info_topics.push_back({{"block"}, "", "drives and their media", [](const MonitorCall& call) {
                                      return call.target.info_block();
                                  }});
}

}  // namespace twin86
