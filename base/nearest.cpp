#include "base/nearest.h"

#include <fmt/core.h>

#include <algorithm>

namespace twin86 {
namespace {

constexpr std::size_t kMaxWord = 64;  // longer words resemble nothing; keeps the cost bounded for hostile input

bool is_prefix(std::string_view shorter, std::string_view longer) {
    return shorter.size() >= 2 && longer.substr(0, shorter.size()) == shorter;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replace});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, previous);
        std::swap(previous, row);
    }
    return previous[b.size()];
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known) {
    if (word.empty() || word.size() > kMaxWord) return {};
    std::string_view best;
    std::size_t best_cost = std::max<std::size_t>(2, word.size() / 2 + 1);
    for (const std::string_view candidate : known) {
        if (candidate.size() > kMaxWord) continue;
        const bool prefix = is_prefix(word, candidate) || is_prefix(candidate, word);
        const std::size_t cost = prefix ? 1 : edit_distance(word, candidate);
        if (cost >= best_cost) continue;
        best = candidate;
        best_cost = cost;
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
    const std::string_view best = nearest_word(word, known);
    return best.empty() ? std::string() : fmt::format(" (did you mean '{}'?)", best);
}

}  // namespace twin86
