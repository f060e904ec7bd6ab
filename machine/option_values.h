// The value syntax of QEMU's options: properties, numbers, sizes, switches.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

/// "a,b=c,d" as (key, value) pairs; a key without '=' has the value "". ",," stands for one comma.
using Properties = std::vector<std::pair<std::string, std::string>>;
Properties split_properties(const std::string& text);

/// "WHAT 'WORD' is not known (did you mean ...?)"
Error unknown_word(std::string_view what, const std::string& word, const std::vector<std::string_view>& known);

/// Decimal, 0x... or 0...; at most `last`.
Result<u64> parse_number(const std::string& text, const std::string& what, u64 last = ~u64{0});
/// "512", "1.5G", "512M": bytes; a bare number is in MiB.
Result<u64> parse_size(const std::string& text, const std::string& what);
/// on/off, yes/no, true/false; nothing is on.
Result<bool> parse_switch(const std::string& text, const std::string& what);

}  // namespace twin86
