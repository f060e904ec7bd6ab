#include "ui/monitor/expression.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

namespace twin86 {
namespace {

constexpr unsigned kMaxDepth = 64;  // of parentheses and signs; the text is not ours

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Recursive descent; the first error stays and ends the parse.
class Parser {
  public:
    Parser(std::string_view text, const RegisterLookup& registers) : rest_(text), registers_(registers) {}

    Result<u64> run() {
        const u64 value = logic();
        skip_blanks();
        if (!rest_.empty()) fail(fmt::format("unexpected '{}' in expression", rest_.substr(0, 16)));
        if (!failure_.empty()) return Error{failure_};
        return value;
    }

  private:
    u64 logic() {
        u64 value = sum();
        for (;;) {
            if (take('&'))
                value &= sum();
            else if (take('|'))
                value |= sum();
            else if (take('^'))
                value ^= sum();
            else
                return value;
        }
    }

    u64 sum() {
        u64 value = product();
        for (;;) {
            if (take('+'))
                value += product();
            else if (take('-'))
                value -= product();
            else
                return value;
        }
    }

    u64 product() {
        u64 value = unary();
        for (;;) {
            if (take('*'))
                value *= unary();
            else if (take('/'))
                value = divide(value, unary(), false);
            else if (take('%'))
                value = divide(value, unary(), true);
            else
                return value;
        }
    }

    u64 unary() {
        if (++depth_ > kMaxDepth) return fail("expression is nested too deeply");
        u64 value;
        if (take('-'))
            value = u64{0} - unary();
        else if (take('~'))
            value = ~unary();
        else if (take('+'))
            value = unary();
        else
            value = primary();
        --depth_;
        return value;
    }

    u64 primary() {
        if (take('(')) {
            const u64 value = logic();
            if (!take(')')) return fail("')' expected");
            return value;
        }
        if (take('$')) return register_value();
        return number();
    }

    u64 register_value() {
        const std::string name = word();
        const std::optional<u64> value = registers_(name);
        if (!value) return fail(fmt::format("unknown register '${}'", name.substr(0, 32)));
        return *value;
    }

    u64 number() {
        skip_blanks();
        const std::string digits = word();
        if (digits.empty()) return fail(rest_.empty() ? "expression ends too early" : "number expected");
        const bool hex = digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
        const int base = hex ? 16 : (digits.size() > 1 && digits[0] == '0' ? 8 : 10);
        u64 value = 0;
        const char* first = digits.data() + (hex ? 2 : 0);
        const char* last = digits.data() + digits.size();
        const auto [end, code] = std::from_chars(first, last, value, base);
        if (code != std::errc() || end != last)
            return fail(fmt::format("'{}' is no 64-bit number", digits.substr(0, 32)));
        return value;
    }

    u64 divide(u64 a, u64 b, bool remainder) {
        if (b == 0) return fail("division by zero");
        return remainder ? a % b : a / b;
    }

    std::string word() {
        std::size_t n = 0;
        while (n < rest_.size() && is_name_char(rest_[n])) ++n;
        std::string text(rest_.substr(0, n));
        rest_.remove_prefix(n);
        return text;
    }

    void skip_blanks() {
        while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    }

    bool take(char c) {
        skip_blanks();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    u64 fail(std::string why) {
        if (failure_.empty()) failure_ = std::move(why);
        rest_ = {};
        return 0;
    }

    std::string_view rest_;
    const RegisterLookup& registers_;
    std::string failure_;
    unsigned depth_ = 0;
};

}  // namespace

Result<u64> evaluate_expression(std::string_view text, const RegisterLookup& registers) {
    return Parser(text, registers).run();
}

}  // namespace twin86
