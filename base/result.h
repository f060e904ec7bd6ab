// Result<T>: a value or an Error that is one clear line for the user. For host and configuration errors only;
// guest faults are values of their own (cpu/state/fault.h).
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace twin86 {

/// What went wrong and what the user can do about it, in one line without a full stop.
struct Error {
    std::string message;
};

template <class... Args>
Error error(fmt::format_string<Args...> format, Args&&... args) {
    return Error{fmt::format(format, std::forward<Args>(args)...)};
}

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error e) : content_(std::in_place_index<1>, std::move(e)) {}

    explicit operator bool() const { return content_.index() == 0; }
    T& value() { return check_ok(), std::get<0>(content_); }
    const T& value() const { return check_ok(), std::get<0>(content_); }
    T take() { return check_ok(), std::move(std::get<0>(content_)); }
    const Error& failure() const { return std::get<1>(content_); }

    T& operator*() { return value(); }
    T* operator->() { return &value(); }

  private:
    void check_ok() const { CHECK(content_.index() == 0, "unread error: {}", std::get<1>(content_).message); }
    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error e) : failed_(true), error_(std::move(e)) {}

    explicit operator bool() const { return !failed_; }
    const Error& failure() const { return error_; }

  private:
    bool failed_ = false;
    Error error_;
};

using Status = Result<void>;

}  // namespace twin86
