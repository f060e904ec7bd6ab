#include "tests/fuzz/seeds.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/fuzz/fuzz_case.h"

namespace twin86::fuzz {

namespace {

std::optional<StartMode> mode_named(const std::string& name) {
    for (unsigned m = 0; m < kStartModes; ++m)
        if (name == name_of(static_cast<StartMode>(m))) return static_cast<StartMode>(m);
    return std::nullopt;
}

/// The rest of the line up to '#', in pairs of hex digits with or without blanks.
bool parse_hex(const std::string& text, std::vector<u8>& out) {
    int high = -1;
    for (const char c : text.substr(0, text.find('#'))) {
        if (c == ' ' || c == '\t') continue;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        if (high < 0) high = digit;
        else out.push_back(static_cast<u8>(high << 4 | digit)), high = -1;
    }
    return high < 0 && !out.empty();
}

Status read_file(const std::filesystem::path& path, std::vector<Seed>& seeds) {
    std::ifstream file(path);
    std::string line;
    for (unsigned number = 1; std::getline(file, line); ++number) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        std::string mode, ring, rest;
        words >> mode >> ring;
        std::getline(words, rest);
        Seed seed{};
        const auto known = mode_named(mode);
        if (!known || (ring != "0" && ring != "3") || !parse_hex(rest, seed.code)) return error("{}:{}: not 'mode ring hex'", path.string(), number);
        seed.mode = *known, seed.user = ring == "3";
        seeds.push_back(std::move(seed));
    }
    return {};
}

}  // namespace

Result<std::vector<Seed>> read_seeds(const std::string& directory) {
    std::error_code problem;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(directory, problem))
        if (entry.path().extension() == ".txt") paths.push_back(entry.path());
    if (problem) return error("{}: {}", directory, problem.message());
    std::sort(paths.begin(), paths.end());
    std::vector<Seed> seeds;
    for (const auto& path : paths)
        if (Status s = read_file(path, seeds); !s) return s.failure();
    return seeds;
}

}  // namespace twin86::fuzz
