// PipeBackend: two named pipes PATH.in and PATH.out, or one PATH for both directions. They are held open from here, so
// nobody else's coming and going ends them.
#pragma once

#include <memory>

#include "base/result.h"
#include "ui/terminal/host_backend.h"
#include "ui/terminal/input_pump.h"
#include "ui/terminal/output_buffer.h"

namespace twin86 {

class PipeBackend : public HostBackend {
  public:
    static Result<std::unique_ptr<HostBackend>> open(EventLoop& loop, const std::string& path);
    ~PipeBackend() override;

    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void set_receiver(CharReceiver* receiver) override { input_.set_receiver(receiver); }
    void receiver_ready() override { input_.update(); }
    std::string description() const override { return "pipe:" + path_; }
    int finish() override;

  private:
    PipeBackend(EventLoop& loop, std::string path, UniqueFd in, UniqueFd out);

    std::string path_;
    UniqueFd in_, out_;
    OutputBuffer output_;
    InputPump input_;
};

}  // namespace twin86
