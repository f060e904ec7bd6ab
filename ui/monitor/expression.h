// Expressions of the monitor: numbers (C's bases), $register, + - * / % & | ^ ~ and parentheses, in 64-bit arithmetic.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

using RegisterLookup = std::function<std::optional<u64>(std::string_view name)>;

/// The value of the whole text; wraps around like the hardware does.
Result<u64> evaluate_expression(std::string_view text, const RegisterLookup& registers);

}  // namespace twin86
