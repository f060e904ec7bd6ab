#include "ui/monitor/drive_commands.h"

#include <sstream>

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

/// "change DRIVE FILE"
std::string do_change(const MonitorCall& call) {
    const std::size_t blank = call.arguments.find(' ');
    if (blank == call.arguments.npos) return "change: name a drive ('info block' lists them) and an image\n";
    const std::string_view file = call.arguments.substr(call.arguments.find_first_not_of(' ', blank));
    return line_of(call.target.change(std::string(call.arguments.substr(0, blank)), std::string(file)));
}

}  // namespace

void add_drive_commands(MonitorTables& tables) {
    tables.commands.push_back({{"eject"}, "[-f] drive", "take the medium out; -f although the guest locked it", do_eject});
    tables.commands.push_back({{"change"}, "drive file", "put another medium in", do_change});
    tables.info_topics.push_back({{"block"}, "", "drives and their media", [](const MonitorCall& call) {
                                      return call.target.info_block();
                                  }});
}

}  // namespace twin86
