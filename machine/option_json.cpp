#include "machine/option_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace twin86 {
namespace {

using Json = nlohmann::json;

std::string doubled_commas(const std::string& text) {
    std::string out;
    for (const char c : text) out.append(c == ',' ? 2 : 1, c);
    return out;
}

Result<std::string> value_text(const std::string& what, const Json& value) {
    if (value.is_string()) return doubled_commas(value.get<std::string>());
    if (value.is_boolean()) return std::string(value.get<bool>() ? "on" : "off");
    if (value.is_number()) return value.dump();
    return error("{} must be a string, a number, true or false", what);
}

/// Members of inner objects get the outer name in front: "file.filename".
Status flatten(const std::string& option, const std::string& prefix, const Json& object, const std::string& bare, std::string& first,
               std::string& rest) {
    for (const auto& [name, value] : object.items()) {
        const std::string key = prefix + name, what = fmt::format("-{} {{...}}: \"{}\"", option, key);
        if (value.is_object()) {
            if (const Status s = flatten(option, key + ".", value, bare, first, rest); !s) return s;
            continue;
        }
        auto text = value_text(what, value);
        if (!text) return text.failure();
        if (key == bare)
            first = *text;
        else
            rest += "," + key + "=" + *text;
    }
    return {};
}

}  // namespace

Result<std::string> without_json(const std::string& option, const std::string& value, const std::string& bare) {
    if (!value.starts_with("{")) return value;
    const Json object = Json::parse(value, nullptr, false);
    if (object.is_discarded()) return error("-{} {}: this is not JSON; names and texts stand in double quotes, the whole in single ones for the shell", option, value);
    std::string first, rest;
    if (const Status s = flatten(option, "", object, bare, first, rest); !s) return s.failure();
    if (first.empty()) return error("-{} {}: needs \"{}\"", option, value, bare);
    return first + rest;
}

}  // namespace twin86
