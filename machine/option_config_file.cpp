// -readconfig: options from a file of groups, as QEMU writes them:
//   [device "id"]
//     driver = "edu"
#include <cerrno>
#include <cstring>
#include <fstream>

#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

constexpr std::size_t kLongestLine = 64 * KiB;

struct Group {
    const char* name;
    const char* option;
    const char* first;  ///< the property that stands bare in front; null: none does
};

constexpr Group kGroups[] = {
    {"accel", "accel", "accel"}, {"boot-opts", "boot", nullptr}, {"chardev", "chardev", "backend"}, {"device", "device", "driver"},
    {"drive", "drive", nullptr}, {"fw_cfg", "fw_cfg", nullptr},  {"global", "global", nullptr},     {"machine", "machine", "type"},
    {"memory", "m", nullptr},    {"mon", "mon", nullptr},        {"msg", "msg", nullptr},           {"name", "name", nullptr},
    {"object", "object", "qom-type"}, {"overcommit", "overcommit", nullptr}, {"rtc", "rtc", nullptr}, {"smp-opts", "smp", nullptr},
};

/// One group on its way to an option's words.
struct Section {
    const Group* group = nullptr;
    std::string first, rest;

    void add(const std::string& key, const std::string& value) {
        std::string doubled;
        for (const char c : value) doubled += c == ',' ? ",," : std::string(1, c);
        if (group->first != nullptr && key == group->first)
            first = doubled;
        else
            rest += (rest.empty() ? "" : ",") + key + "=" + doubled;
    }
    std::vector<std::string> words() const {
        if (group == nullptr || (first.empty() && rest.empty())) return {};
        return {std::string("-") + group->option, first.empty() ? rest : rest.empty() ? first : first + "," + rest};
    }
};

std::string_view trimmed(std::string_view text) {
    static constexpr const char* kBlanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool quoted(std::string_view text) { return text.size() >= 2 && text.front() == '"' && text.back() == '"'; }

/// "[NAME]" or "[NAME "ID"]"
Status begin_section(Section& to, std::string_view line, const std::string& where) {
    if (line.back() != ']') return error("{}: '{}' is no group such as [drive \"id\"]", where, line);
    const std::string_view inside = trimmed(line.substr(1, line.size() - 2));
    const std::string name(inside.substr(0, inside.find(' ')));
    const std::string_view id = trimmed(inside.substr(name.size()));
    std::vector<std::string_view> known;
    to = {};
    for (const Group& g : kGroups) {
        known.push_back(g.name);
        if (name == g.name) to.group = &g;
    }
    if (to.group == nullptr) return unknown_word(where + ": group", name, known);
    if (id.empty()) return {};
    if (!quoted(id)) return error("{}: the id of [{} ...] stands in double quotes", where, name);
    to.add("id", std::string(id.substr(1, id.size() - 2)));
    return {};
}

Status add_line(Section& to, std::string_view line, const std::string& where) {
    const std::size_t equal = line.find('=');
    const std::string_view key = trimmed(line.substr(0, equal));
    const std::string_view value = equal == line.npos ? std::string_view() : trimmed(line.substr(equal + 1));
    if (key.empty() || !quoted(value)) return error("{}: '{}' is no line such as  key = \"value\"", where, line);
    if (to.group == nullptr) return error("{}: '{}' stands in no group", where, line);
    to.add(std::string(key), std::string(value.substr(1, value.size() - 2)));
    return {};
}

}  // namespace

Result<std::vector<std::string>> read_config_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return error("-readconfig {}: {}", path, std::strerror(errno));
    std::vector<std::string> words;
    Section section;
    const auto flush = [&] {
        for (std::string& word : section.words()) words.push_back(std::move(word));
    };
    std::string text;
    for (unsigned number = 1; std::getline(file, text); ++number) {
        const std::string where = fmt::format("-readconfig {}:{}", path, number);
        if (text.size() > kLongestLine) return error("{}: a line of {} bytes is no option", where, text.size());
        const std::string_view line = trimmed(text);
        if (line.empty() || line.front() == '#') continue;
        const bool begins = line.front() == '[';
        if (begins) flush();
        if (const Status s = begins ? begin_section(section, line, where) : add_line(section, line, where); !s) return s.failure();
    }
    if (!file.eof()) return error("-readconfig {}: cannot be read", path);
    flush();
    return words;
}

}  // namespace twin86
