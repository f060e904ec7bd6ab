// PtyBackend: a new pseudo terminal that a person attaches to with screen, minicom or cat.
//
// Whether anybody holds the other side shows as the absence of POLLHUP on ours; there is no event for the arrival, so a
// timer looks while nobody is there. Output without a reader is dropped.
#pragma once

#include <memory>

#include "base/result.h"
#include "ui/terminal/host_backend.h"
#include "ui/terminal/input_pump.h"
#include "ui/terminal/output_buffer.h"

namespace twin86 {

class PtyBackend : public HostBackend {
  public:
    static Result<std::unique_ptr<HostBackend>> open(EventLoop& loop);
    ~PtyBackend() override;

    void write(std::span<const u8> bytes) override;
    void set_receiver(CharReceiver* receiver) override { input_.set_receiver(receiver); }
    void receiver_ready() override { input_.update(); }
    bool connected() const override { return connected_; }
    /// The path of the other side.
    std::string description() const override { return path_; }

  private:
    PtyBackend(EventLoop& loop, UniqueFd master, std::string path, UniqueFd timer);
    void look_for_peer();
    void detach();

    EventLoop& loop_;
    std::string path_;
    UniqueFd master_;
    UniqueFd timer_;
    FdWatch timer_watch_;
    bool connected_ = false;
    OutputBuffer output_;
    InputPump input_;
};

}  // namespace twin86
