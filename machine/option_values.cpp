#include "machine/option_values.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include <fmt/ranges.h>

#include "base/nearest.h"

namespace twin86 {

Properties split_properties(const std::string& text) {
    Properties out;
    std::string item;
    const auto flush = [&] {
        const auto eq = item.find('=');
        if (eq == std::string::npos)
            out.emplace_back(item, "");
        else
            out.emplace_back(item.substr(0, eq), item.substr(eq + 1));
        item.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ',')
            item += text[i];
        else if (i + 1 < text.size() && text[i + 1] == ',')
            item += ',', ++i;
        else
            flush();
    }
    flush();
    return out;
}

Error unknown_word(std::string_view what, const std::string& word, const std::vector<std::string_view>& known) {
    constexpr std::size_t kMostListed = 12;
    std::string hint = did_you_mean(word, known);
    if (hint.empty() && known.size() <= kMostListed) hint = fmt::format("; known: {}", fmt::join(known, ", "));
    return error("{} '{}' is not known{}", what, word, hint);
}

Result<u64> parse_number(const std::string& text, const std::string& what, u64 last) {
    char* end = nullptr;
    errno = 0;
    const u64 value = std::strtoull(text.c_str(), &end, 0);
    const bool starts_with_digit = !text.empty() && text[0] >= '0' && text[0] <= '9';
    if (!starts_with_digit || *end != 0 || errno != 0) return error("{}: '{}' is not a number", what, text);
    if (value > last) return error("{}: {} is more than {:#x}", what, text, last);
    return value;
}

Result<u64> parse_size(const std::string& text, const std::string& what) {
    struct Unit {
        std::string_view letters;
        double bytes;
    };
    static constexpr Unit kUnits[] = {{"", double(MiB)},  {"b", 1},           {"k", double(KiB)},
                                      {"m", double(MiB)}, {"g", double(GiB)}, {"t", double(GiB) * 1024}};
    const auto refuse = [&] { return error("{}: '{}' is not a size (examples: 512, 512M, 2G)", what, text); };
    // strtod alone would take signs, blanks, "inf" and hexadecimal fractions.
    const std::size_t digits = text.find_first_not_of("0123456789.");
    const std::string number = text.substr(0, digits);
    std::string suffix = digits == std::string::npos ? "" : text.substr(digits);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != 0 || !(value > 0)) return refuse();
    for (char& c : suffix) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (suffix.size() > 1 && suffix.back() == 'b') suffix.pop_back();   // MB
    if (suffix.size() == 2 && suffix.back() == 'i') suffix.pop_back();  // MiB
    for (const Unit& unit : kUnits) {
        if (suffix != unit.letters) continue;
        if (value * unit.bytes > 1e15) return error("{}: {} is more than any host has", what, text);
        return static_cast<u64>(value * unit.bytes);
    }
    return refuse();
}

Result<bool> parse_switch(const std::string& text, const std::string& what) {
    if (text.empty() || text == "on" || text == "yes" || text == "true") return true;
    if (text == "off" || text == "no" || text == "false") return false;
    return error("{}: '{}' must be 'on' or 'off'", what, text);
}

}  // namespace twin86
