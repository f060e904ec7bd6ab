// LoggedBackend: another back-end whose output goes to a file as well.
#pragma once

#include <memory>

#include "ui/terminal/host_backend.h"

namespace twin86 {

class LoggedBackend : public HostBackend {
  public:
    LoggedBackend(std::unique_ptr<HostBackend> inner, std::unique_ptr<HostBackend> log) : inner_(std::move(inner)), log_(std::move(log)) {}

    void write(std::span<const u8> bytes) override {
        log_->write(bytes);
        inner_->write(bytes);
    }
    void set_receiver(CharReceiver* receiver) override { inner_->set_receiver(receiver); }
    void receiver_ready() override { inner_->receiver_ready(); }
    void set_on_connect(std::function<void()> callback) override { inner_->set_on_connect(std::move(callback)); }
    bool connected() const override { return inner_->connected(); }
    std::string description() const override { return inner_->description(); }
    int finish() override {
        const int lost = log_->finish(), inner_lost = inner_->finish();
        return inner_lost != 0 ? inner_lost : lost;
    }

  private:
    std::unique_ptr<HostBackend> inner_, log_;
};

}  // namespace twin86
