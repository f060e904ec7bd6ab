#include "machine/option_table.h"

#include <fmt/format.h>

#include "base/nearest.h"

namespace twin86 {

void OptionTable::flag(const char* name, const char* help, Setter set) {
    rows_[name] = {nullptr, help, std::move(set)};
}

void OptionTable::flag(const char* name, const char* help, bool& to) {
    flag(name, help, [&to](const std::string&) {
        to = true;
        return Status();
    });
}

void OptionTable::value(const char* name, const char* value_name, const char* help, Setter set) {
    rows_[name] = {value_name, help, std::move(set)};
}

void OptionTable::text(const char* name, const char* value_name, const char* help, std::string& to) {
    value(name, value_name, help, [&to](const std::string& v) {
        to = v;
        return Status();
    });
}

void OptionTable::list(const char* name, const char* value_name, const char* help, std::vector<std::string>& to) {
    value(name, value_name, help, [&to](const std::string& v) {
        to.push_back(v);
        return Status();
    });
}

void OptionTable::absent(const char* name, const char* why) {
    flag(name, nullptr, [name, why](const std::string&) -> Status { return error("-{}: {}", name, why); });
}

Status OptionTable::apply(const std::vector<std::string>& words, const std::function<bool()>& stop) const {
    for (std::size_t at = 0; at < words.size() && !stop(); ++at) {
        const std::string& word = words[at];
        if (word.empty()) return error("an empty word on the command line is neither an option nor a disk image");
        if (word[0] != '-') {
            if (const Status s = image_(word); !s) return s;
            continue;
        }
        const std::string name = word.substr(word.starts_with("--") ? 2 : 1);
        const auto row = rows_.find(name);
        if (row == rows_.end()) return unknown(word);
        std::string value;
        if (row->second.value_name != nullptr) {
            if (++at == words.size()) return error("{} wants a value: -{} {}", word, name, row->second.value_name);
            value = words[at];
        }
        if (const Status s = row->second.set(value); !s) return s;
    }
    return {};
}

Error OptionTable::unknown(const std::string& word) const {
    std::vector<std::string> known;
    for (const auto& [name, row] : rows_)
        if (row.help != nullptr) known.push_back("-" + name);
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string short_form = word.starts_with("--") ? word.substr(1) : word;
    const std::string hint = did_you_mean(short_form, views);
    return error("unknown option '{}'{}", word, hint.empty() ? " (twin86 -help lists the options)" : hint);
}

std::string OptionTable::help() const {
    std::string text;
    for (const auto& [name, row] : rows_) {
        if (row.help == nullptr) continue;
        const std::string left = row.value_name != nullptr ? fmt::format("-{} {}", name, row.value_name) : "-" + name;
        text += left.size() <= 32 ? fmt::format("  {:<32} {}\n", left, row.help)
                                  : fmt::format("  {}\n  {:<32} {}\n", left, "", row.help);
    }
    return text;
}

}  // namespace twin86
