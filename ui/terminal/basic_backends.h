// The back-ends without a peer: null and file.
#pragma once

#include <memory>

#include "base/result.h"
#include "ui/terminal/host_backend.h"
#include "ui/terminal/output_buffer.h"

namespace twin86 {

/// Takes everything, gives nothing.
class NullBackend : public HostBackend {
  public:
    void write(std::span<const u8>) override {}
    void set_receiver(CharReceiver*) override {}
    void receiver_ready() override {}
    std::string description() const override { return "null"; }
};

/// Output to a file, device or named pipe; no input.
class FileBackend : public HostBackend {
  public:
    static Result<std::unique_ptr<HostBackend>> open(EventLoop& loop, const std::string& path, bool append);

    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void set_receiver(CharReceiver*) override {}
    void receiver_ready() override {}
    std::string description() const override { return "file:" + path_; }
    int finish() override {
        output_.close();
        return output_.failure();
    }

  private:
    FileBackend(EventLoop& loop, std::string path, UniqueFd fd);
    std::string path_;
    UniqueFd fd_;
    OutputBuffer output_;
};

}  // namespace twin86
