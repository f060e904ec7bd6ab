// Nearest known word, for "unknown X, did you mean Y" lines.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace twin86 {

/// Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known word closest to `word`, or an empty view when none resembles it. Ties go to the earlier one.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known);

/// The same for any container of strings.
template <class Words>
std::string nearest_of(std::string_view word, const Words& known) {
    const std::vector<std::string_view> views(known.begin(), known.end());
    return std::string(nearest_word(word, views));
}

/// " (did you mean 'Y'?)" or nothing: to be appended to an error line.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace twin86
