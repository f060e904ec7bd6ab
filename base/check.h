// CHECK: a broken invariant of our own ends the process with the values printed. Never for guest or user input.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace twin86 {

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
    fmt::print(stderr, "twin86: internal error at {}:{}: {} {}\n", file, line, condition, detail);
    std::abort();
}

}  // namespace twin86

#define CHECK(condition, ...)                                                                        \
    do {                                                                                             \
        if (!(condition)) [[unlikely]]                                                               \
            ::twin86::check_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__));   \
    } while (0)
