#include "ui/monitor/line_editor.h"

namespace twin86 {
namespace {

constexpr u8 kCtrlC = 0x03, kBell = 0x07, kBackspace = 0x08, kCtrlU = 0x15, kCtrlW = 0x17, kEsc = 0x1b, kDelete = 0x7f;

}  // namespace

bool LineEditor::feed(u8 byte, std::string& echo) {
    if (escape_ != Escape::kNone) {
        feed_escape(byte, echo);
        return false;
    }
    const bool same_key = after_return_ && byte == '\n';
    after_return_ = byte == '\r';
    if (same_key) return false;
    switch (byte) {
        case '\r':
        case '\n':
            echo += "\n";
            return true;
        case kBackspace:
        case kDelete:
            erase(1, echo);
            break;
        case kCtrlU:
            erase(line_.size(), echo);
            break;
        case kCtrlW: {
            const std::size_t end = line_.find_last_not_of(' ');
            const std::size_t blank = end == line_.npos ? line_.npos : line_.find_last_of(' ', end);
            erase(line_.size() - (blank == line_.npos ? 0 : blank + 1), echo);
            break;
        }
        case kCtrlC:
            line_.clear();
            echo += "\n";
            return true;
        case kEsc:
            escape_ = Escape::kEscape;
            break;
        default:
            if (byte < 0x20 || byte > 0x7e) break;
            if (line_.size() >= kMaxLine) {
                echo += static_cast<char>(kBell);
                break;
            }
            line_ += static_cast<char>(byte);
            echo += static_cast<char>(byte);
    }
    return false;
}

/// ESC [ ... final: arrows up and down are known, everything else is skipped.
void LineEditor::feed_escape(u8 byte, std::string& echo) {
    if (escape_ == Escape::kEscape) {
        escape_ = byte == '[' || byte == 'O' ? Escape::kSequence : Escape::kNone;
        return;
    }
    if (byte >= 0x20 && byte < 0x40) return;  // parameters
    escape_ = Escape::kNone;
    if (byte == 'A') move_in_history(true, echo);
    if (byte == 'B') move_in_history(false, echo);
}

void LineEditor::erase(std::size_t count, std::string& echo) {
    for (; count != 0 && !line_.empty(); --count) {
        line_.pop_back();
        echo += "\b \b";
    }
}

void LineEditor::replace(const std::string& text, std::string& echo) {
    erase(line_.size(), echo);
    line_ = text;
    echo += text;
}

void LineEditor::move_in_history(bool older, std::string& echo) {
    if (older ? history_at_ == 0 : history_at_ >= history_.size()) return;
    history_at_ += older ? std::size_t(-1) : 1;
    replace(history_at_ == history_.size() ? std::string() : history_[history_at_], echo);
}

void LineEditor::accept() {
    if (!line_.empty() && (history_.empty() || history_.back() != line_)) history_.push_back(line_);
    if (history_.size() > kMaxHistory) history_.pop_front();
    clear();
}

void LineEditor::clear() {
    line_.clear();
    escape_ = Escape::kNone;
    history_at_ = history_.size();
}

}  // namespace twin86
