#include "ui/terminal/mux.h"

#include <algorithm>

namespace twin86 {
namespace {

constexpr std::string_view kHelp =
    "\n"
    "C-a h    print this help\n"
    "C-a x    exit emulator\n"
    "C-a b    send break\n"
    "C-a c    switch between console and monitor\n"
    "C-a C-a  send C-a\n";

}  // namespace

TerminalMux::TerminalMux(CharBackend& terminal) : terminal_(terminal) {
    terminal_.set_receiver(this);
}

TerminalMux::~TerminalMux() {
    terminal_.set_receiver(nullptr);
}

CharBackend& TerminalMux::add_port() {
    ports_.push_back(std::make_unique<Port>(*this));
    terminal_.receiver_ready();
    return *ports_.back();
}

void TerminalMux::focus(std::size_t index) {
    if (index >= ports_.size() || index == focused_) return;
    focused_ = index;
    terminal_.receiver_ready();
    if (on_focus_) on_focus_(index);
}

std::size_t TerminalMux::receive_room() const {
    return ports_.empty() ? 0 : kQueueSize - ports_[focused_]->queue_.size();
}

void TerminalMux::receive(std::span<const u8> bytes) {
    for (const u8 byte : bytes) {
        if (escaped_) {
            escaped_ = false;
            on_escaped(byte);
        } else if (byte == kEscape) {
            escaped_ = true;
        } else {
            enqueue(byte);
        }
    }
    if (!ports_.empty()) ports_[focused_]->deliver();
}

void TerminalMux::receive_break() {
    if (ports_.empty()) return;
    CharReceiver* receiver = ports_[focused_]->receiver_;
    if (receiver != nullptr) receiver->receive_break();
}

void TerminalMux::on_escaped(u8 key) {
    switch (key) {
        case 'h':
        case '?':
            return print(kHelp);
        case 'x':
            print("twin86: Terminated\n");
            if (on_quit_) on_quit_();
            return;
        case 'b':
            return receive_break();
        case 'c':
            // What was typed before the switch belongs to the old focus.
            ports_[focused_]->deliver();
            return focus((focused_ + 1) % ports_.size());
        case kEscape:
            return enqueue(kEscape);
        default:  // 's' and unknown keys do nothing
            return;
    }
}

void TerminalMux::enqueue(u8 byte) {
    if (ports_.empty()) return;
    std::deque<u8>& queue = ports_[focused_]->queue_;
    // receive_room() was for the old focus if the same batch switched; the new queue may be full.
    if (queue.size() < kQueueSize) queue.push_back(byte);
}

void TerminalMux::print(std::string_view text) {
    terminal_.write({reinterpret_cast<const u8*>(text.data()), text.size()});
}

void TerminalMux::Port::set_receiver(CharReceiver* receiver) {
    receiver_ = receiver;
    deliver();
}

void TerminalMux::Port::receiver_ready() {
    const bool was_full = queue_.size() >= kQueueSize;
    deliver();
    if (was_full && queue_.size() < kQueueSize) mux_.terminal_.receiver_ready();
}

/// The receiver may call receiver_ready() from inside receive(); the outer loop then goes on.
void TerminalMux::Port::deliver() {
    if (delivering_) return;
    delivering_ = true;
    std::array<u8, 64> chunk;
    while (receiver_ != nullptr && !queue_.empty()) {
        const std::size_t n = std::min({receiver_->receive_room(), queue_.size(), chunk.size()});
        if (n == 0) break;
        std::copy_n(queue_.begin(), n, chunk.begin());
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
        receiver_->receive({chunk.data(), n});
    }
    delivering_ = false;
}

}  // namespace twin86
