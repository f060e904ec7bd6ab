#include "devices/display/text_screen.h"

#include <array>

namespace twin86 {
namespace {

// clang-format off
constexpr std::array<std::string_view, 32> kLow{
    " ", "☺", "☻", "♥", "♦", "♣", "♠", "•", "◘", "○", "◙", "♂", "♀", "♪", "♫", "☼",
    "►", "◄", "↕", "‼", "¶", "§", "▬", "↨", "↑", "↓", "→", "←", "∟", "↔", "▲", "▼"};
constexpr std::array<std::string_view, 129> kHigh{
    "⌂",
    "Ç", "ü", "é", "â", "ä", "à", "å", "ç", "ê", "ë", "è", "ï", "î", "ì", "Ä", "Å",
    "É", "æ", "Æ", "ô", "ö", "ò", "û", "ù", "ÿ", "Ö", "Ü", "¢", "£", "¥", "₧", "ƒ",
    "á", "í", "ó", "ú", "ñ", "Ñ", "ª", "º", "¿", "⌐", "¬", "½", "¼", "¡", "«", "»",
    "░", "▒", "▓", "│", "┤", "╡", "╢", "╖", "╕", "╣", "║", "╗", "╝", "╜", "╛", "┐",
    "└", "┴", "┬", "├", "─", "┼", "╞", "╟", "╚", "╔", "╩", "╦", "╠", "═", "╬", "╧",
    "╨", "╤", "╥", "╙", "╘", "╒", "╓", "╫", "╪", "┘", "┌", "█", "▄", "▌", "▐", "▀",
    "α", "ß", "Γ", "π", "Σ", "σ", "µ", "τ", "Φ", "Θ", "Ω", "δ", "∞", "φ", "ε", "∩",
    "≡", "±", "≥", "≤", "⌠", "⌡", "÷", "≈", "°", "∙", "·", "√", "ⁿ", "²", "■", " "};
// clang-format on

constexpr std::string_view kAscii =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

}  // namespace

std::string_view cp437_to_utf8(u8 character) {
    if (character < kLow.size()) return kLow[character];
    if (character < 0x7f) return kAscii.substr(character - 0x20u, 1);
    return kHigh[character - 0x7fu];
}

std::vector<std::string> text_mode_rows(const VgaFrame& frame, std::span<const u8> memory) {
    const ScreenGeometry g = frame.geometry();
    if (g.kind != ScreenKind::kText) return {};
    static constexpr std::array<u32, 256> kNoColours{};
    const VgaScan scan(frame.registers, g, memory, kNoColours, frame.blink);
    std::vector<std::string> rows;
    u64 last_counter = ~u64{0};
    for (unsigned y = 0; y < g.height; ++y) {
        const VgaScan::Row row = scan.row_of(y);
        if (!rows.empty() && row.counter == last_counter) continue;
        last_counter = row.counter;
        std::string text;
        for (unsigned column = 0; column < g.columns; ++column) {
            const std::size_t at = std::size_t{scan.plane_address(row.counter + column, 0)} * 4;
            text += cp437_to_utf8(memory[at % memory.size()]);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        rows.push_back(std::move(text));
    }
    return rows;
}

}  // namespace twin86
