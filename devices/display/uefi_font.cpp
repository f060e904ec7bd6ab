#include "devices/display/uefi_font.h"

#include <algorithm>
#include <cstring>

namespace twin86 {
namespace {

/// EFI_NARROW_GLYPH: CHAR16, attributes, rows.
constexpr std::size_t kEntry = 3 + kUefiGlyphHeight, kRows = 3;
constexpr u8 kNonSpacing = 1;

bool is_entry(const u8* at, unsigned character) {
    return at[0] == character && at[1] == 0 && at[2] <= kNonSpacing;
}

bool is_blank(const u8* at) {
    return std::all_of(at + kRows, at + kEntry, [](u8 row) { return row == 0; });
}

bool is_table(const u8* at) {
    if (!is_entry(at, ' ') || !is_blank(at)) return false;
    for (unsigned n = 1; n < UefiFont().size(); ++n)
        if (!is_entry(at + n * kEntry, ' ' + n) || is_blank(at + n * kEntry)) return false;
    return true;
}

}  // namespace

std::optional<UefiFont> find_uefi_font(std::span<const u8> memory) {
    UefiFont font;
    const std::size_t table = kEntry * font.size();
    if (memory.size() < table) return std::nullopt;
    const u8* const last = memory.data() + memory.size() - table;
    for (const u8* at = memory.data(); at <= last; ++at) {
        at = static_cast<const u8*>(std::memchr(at, ' ', static_cast<std::size_t>(last - at) + 1));
        if (at == nullptr) return std::nullopt;
        if (!is_table(at)) continue;
        for (std::size_t n = 0; n < font.size(); ++n) std::copy_n(at + n * kEntry + kRows, kUefiGlyphHeight, font[n].begin());
        return font;
    }
    return std::nullopt;
}

}  // namespace twin86
