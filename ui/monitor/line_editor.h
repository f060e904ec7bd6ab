// LineEditor: bytes of a terminal to lines, with echo, backspace, Ctrl-U, Ctrl-W, Ctrl-C and history.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/types.h"

namespace twin86 {

/// Takes anything: unprintable bytes are dropped, a line is at most kMaxLine bytes.
class LineEditor {
  public:
    static constexpr std::size_t kMaxLine = 1024;
    static constexpr std::size_t kMaxHistory = 100;

    /// Feeds one byte and appends what the terminal must show to `echo`. True: line() is complete.
    bool feed(u8 byte, std::string& echo);
    /// The line being edited, or the one that feed() completed.
    const std::string& line() const { return line_; }
    /// Begins the next line; a non-empty one goes into the history.
    void accept();
    /// Forgets the line, not the history.
    void clear();

  private:
    enum class Escape { kNone, kEscape, kSequence };

    void feed_escape(u8 byte, std::string& echo);
    void replace(const std::string& text, std::string& echo);
    void erase(std::size_t count, std::string& echo);
    void move_in_history(bool older, std::string& echo);

    std::string line_;
    Escape escape_ = Escape::kNone;
    bool after_return_ = false;  // a \n right after \r is the same key
    std::deque<std::string> history_;
    std::size_t history_at_ = 0;  // history_.size(): the new line
};

}  // namespace twin86
