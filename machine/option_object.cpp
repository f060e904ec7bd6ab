// -object: what other options name by an id. Memory is option_memory.cpp's; secrets are here.
#include <algorithm>

#include "bios/boot_file.h"
#include "machine/option_json.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

constexpr u64 kLargestSecret = 64 * KiB;

/// RFC 4648, section 4; blanks and line ends between the letters do not count.
Result<std::string> decode_base64(const std::string& text, const std::string& what) {
    static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    u32 bits = 0;
    unsigned letters = 0, padding = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        const std::size_t value = c == '=' ? 0 : kLetters.find(c);
        padding += c == '=' ? 1 : 0;
        if (value == kLetters.npos || padding > 2 || (padding != 0 && c != '=')) return error("{}: this is not base64", what);
        bits = bits << 6 | static_cast<u32>(value);
        if (++letters % 4 != 0) continue;
        for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift);
    }
    if (letters % 4 != 0) return error("{}: this is not base64", what);
    out.resize(out.size() - padding);
    return out;
}

/// An editor ends a file with a line end that nobody types as part of a password.
Result<std::string> read_secret(const std::string& path) {
    auto bytes = read_boot_file(path, "secret", kLargestSecret);
    if (!bytes) return bytes.failure();
    std::string text(bytes->begin(), bytes->end());
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

Status add_secret(ParsedOptions& to, const std::string& argument, const Properties& properties) {
    Secret secret;
    std::string file, format = "raw";
    bool has_data = false;
    for (std::size_t i = 1; i < properties.size(); ++i) {
        const auto& [key, v] = properties[i];
        if (key == "keyid" || key == "iv") return error("-object secret,{}=: encrypted secrets are not read; give the file rights for yourself alone", key);
        if (key == "id") secret.id = v;
        else if (key == "data") secret.data = v, has_data = true;
        else if (key == "file") file = v;
        else if (key == "format") format = v;
        else return unknown_word("-object secret: property", key, {"id", "data", "file", "format"});
    }
    if (secret.id.empty()) return error("-object secret: needs id=ID");
    const std::string what = "-object secret,id=" + secret.id;
    if (has_data != file.empty()) return error("{}: needs either data=TEXT or file=FILE", what);
    if (format != "raw" && format != "base64") return unknown_word(what + ",format=", format, {"raw", "base64"});
    if (!file.empty()) {
        auto text = read_secret(file);
        if (!text) return text.failure();
        secret.data = *text;
    }
    if (format == "base64") {
        auto decoded = decode_base64(secret.data, what);
        if (!decoded) return decoded.failure();
        secret.data = *decoded;
    }
    if (to.options.secret(secret.id) != nullptr) return error("{}: there is one of that id", what);
    secret.argument = argument;
    to.options.secrets.push_back(secret);
    return {};
}

}  // namespace

const Secret* Options::secret(const std::string& id) const {
    const auto at = std::find_if(secrets.begin(), secrets.end(), [&](const Secret& s) { return s.id == id; });
    return at == secrets.end() ? nullptr : &*at;
}

Status add_object(ParsedOptions& to, const std::string& value) {
    auto plain = without_json("object", value, "qom-type");
    if (!plain) return plain.failure();
    Properties properties = split_properties(*plain);
    if (properties[0].first == "qom-type") properties[0] = {properties[0].second, ""};
    const std::string& kind = properties[0].first;
    if (kind == "memory-backend-memfd" && properties[0].second.empty()) return add_memory_object(to, properties);
    if (kind == "secret" && properties[0].second.empty()) return add_secret(to, value, properties);
    if (kind.starts_with("memory-backend-")) return error("-object {}: this version has memory-backend-memfd", kind);
    if (kind.starts_with("rng-") || kind == "iothread" || kind.starts_with("cryptodev-")) return error("-object {}: this version has no virtio", kind);
    if (kind.starts_with("tls-creds-") || kind.starts_with("authz-"))
        return error("-object {}: nothing here is encrypted; lead connections through a tunnel, as ssh's", kind);
    return unknown_word("-object", kind, {"memory-backend-memfd", "secret"});
}

}  // namespace twin86
