// -uuid, -smbios and -fw_cfg: what the guest reads of itself.
#include <algorithm>
#include <cstdio>

#include "bios/boot_file.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

constexpr u64 kLargestText = 64 * KiB;

struct SmbiosType {
    u8 type;
    std::vector<std::string_view> fields;
};

/// QEMU's names.
const std::vector<SmbiosType>& smbios_types() {
    static const std::vector<SmbiosType> kTypes{
        {0, {"vendor", "version", "date", "release", "uefi"}},
        {1, {"manufacturer", "product", "version", "serial", "uuid", "sku", "family"}},
        {2, {"manufacturer", "product", "version", "serial", "asset", "location"}},
        {3, {"manufacturer", "version", "serial", "asset", "sku"}},
        {4, {"sock_pfx", "manufacturer", "version", "serial", "asset", "part", "max-speed", "current-speed"}},
        {11, {"value", "path"}},
        {17, {"loc_pfx", "bank", "manufacturer", "serial", "asset", "part", "speed"}},
    };
    return kTypes;
}

std::optional<u8> hex_digit(char c) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    const auto at = kDigits.find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (at == std::string_view::npos) return std::nullopt;
    return static_cast<u8>(at);
}

Result<Uuid> parse_uuid(const std::string& text, const std::string& what) {
    static constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    Uuid uuid{};
    unsigned digits = 0;
    bool ok = text.size() == kForm.size();
    for (std::size_t at = 0; ok && at < text.size(); ++at) {
        const auto digit = hex_digit(text[at]);
        ok = kForm[at] == '-' ? text[at] == '-' : digit.has_value();
        if (!ok || !digit) continue;
        u8& byte = uuid[digits++ / 2];
        byte = static_cast<u8>(byte << 4 | *digit);
    }
    if (!ok) return error("{}: '{}' is no UUID such as 550e8400-e29b-41d4-a716-446655440000", what, text);
    return uuid;
}

Status add_structure(SmbiosWords& words, const std::string& path) {
    auto bytes = read_boot_file(path, "SMBIOS structure", kLargestText);
    if (!bytes) return bytes.failure();
    if (!is_smbios_structure(*bytes)) return error("-smbios file={}: this is not one SMBIOS structure with its strings", path);
    words.structures.push_back(bytes.take());
    return {};
}

Status add_oem_string(SmbiosWords& words, const std::string& field, const std::string& v) {
    constexpr std::size_t kMostStrings = 255;
    std::string value = v;
    if (field == "path") {
        auto bytes = read_boot_file(v, "SMBIOS string", kLargestText);
        if (!bytes) return bytes.failure();
        value.assign(bytes->begin(), bytes->end());
    }
    if (value.empty() || value.find('\0') != std::string::npos)
        return error("-smbios type=11,{}={}: a string has characters, none of them NUL", field, v);
    if (words.oem.size() == kMostStrings) return error("-smbios type=11: a structure has at most {} strings", kMostStrings);
    words.oem.push_back(value);
    return {};
}

/// What is no text.
Status check_smbios_value(const std::string& what, const std::string& field, const std::string& v) {
    if (field.ends_with("speed"))
        if (const auto n = parse_number(v, what, 0xffff); !n) return n.failure();
    unsigned major = 0, minor = 0;
    if (field == "release" && (std::sscanf(v.c_str(), "%u.%u", &major, &minor) != 2 || major > 255 || minor > 255))
        return error("{}={}: a release is two numbers such as 1.16", what, v);
    return {};
}

Status set_smbios_field(Options& o, u8 type, const std::string& field, const std::string& v) {
    const std::string what = fmt::format("-smbios type={},{}", type, field);
    if (type == 11) return add_oem_string(o.smbios, field, v);
    if (field == "uuid") {
        auto uuid = parse_uuid(v, what);
        if (!uuid) return uuid.failure();
        o.uuid = *uuid;
        return {};
    }
    std::string& to = o.smbios.text[{type, field}];
    if (field == "uefi") {
        auto on = parse_switch(v, what);
        if (!on) return on.failure();
        to = *on ? "on" : "off";
        return {};
    }
    to = v;
    return check_smbios_value(what, field, v);
}

}  // namespace

Status set_uuid(ParsedOptions& to, const std::string& v) {
    auto uuid = parse_uuid(v, "-uuid");
    if (!uuid) return uuid.failure();
    to.options.uuid = *uuid;
    return {};
}

Status add_smbios(ParsedOptions& to, const std::string& v) {
    to.options.smbios_arguments.push_back(v);
    const Properties p = split_properties(v);
    if (p[0].first == "file" && p.size() == 1) return add_structure(to.options.smbios, p[0].second);
    const auto number = std::find_if(p.begin(), p.end(), [](const auto& word) { return word.first == "type"; });
    if (number == p.end()) return error("-smbios {}: needs type=N or file=FILE", v);
    auto n = parse_number(number->second, "-smbios type", 0xff);
    if (!n) return n.failure();
    const auto& types = smbios_types();
    const auto type = std::find_if(types.begin(), types.end(), [&](const SmbiosType& t) { return t.type == *n; });
    if (type == types.end())
        return error("-smbios type={}: there are fields for types 0, 1, 2, 3, 4, 11 and 17; file=FILE adds others", *n);
    for (const auto& [field, text] : p) {
        if (field == "type") continue;
        if (std::find(type->fields.begin(), type->fields.end(), field) == type->fields.end())
            return unknown_word(fmt::format("-smbios type={}: field", *n), field, type->fields);
        if (const Status s = set_smbios_field(to.options, type->type, field, text); !s) return s;
    }
    return {};
}

Status add_fw_cfg_file(ParsedOptions& to, const std::string& v) {
    constexpr std::size_t kLongestName = 55;  // of the directory's 56 bytes one is NUL
    FwCfgFileOptions file;
    bool has_text = false;
    const Properties p = split_properties(v);
    for (std::size_t i = 0; i < p.size(); ++i) {
        const auto& [key, text] = p[i];
        if (key == "name") {
            file.name = text;
        } else if (key == "file") {
            file.path = text;
        } else if (key == "string") {
            file.text = text;
            has_text = true;
        } else if (i == 0 && text.empty()) {
            file.name = key;
        } else {
            return unknown_word("-fw_cfg: property", key, {"name", "file", "string"});
        }
    }
    if (file.name.empty() || file.name.size() > kLongestName)
        return error("-fw_cfg {}: needs name=NAME, of at most {} characters", v, kLongestName);
    if (file.path.empty() != has_text) return error("-fw_cfg {}: needs either file=FILE or string=TEXT", v);
    to.options.fw_cfg_files.push_back(file);
    return {};
}

}  // namespace twin86
