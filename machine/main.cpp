#include <unistd.h>

#include <csignal>
#include <cstring>

#include "machine/machine.h"
#include "machine/terminal_setup.h"

namespace twin86 {
namespace {

int fail(const Error& e) {
    fmt::print(stderr, "twin86: {}\n", e.message);
    return 1;
}

int print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
}

int answer(OptionAction action) {
    switch (action) {
        case OptionAction::kHelp: return print(options_help());
        case OptionAction::kVersion: return print("twin86 " TWIN86_VERSION "\n");
        case OptionAction::kCpuHelp: return print(CpuModel::help());
        case OptionAction::kDeviceHelp: return print(device_help());
        case OptionAction::kMachineHelp: return print("pc    PC with i440FX and PIIX (default)\n");
        case OptionAction::kAccelHelp: return print("jit   same-ISA binary translator (default)\n");
        case OptionAction::kLogHelp: return print(log_help());
        case OptionAction::kRun: break;
    }
    return 0;
}

Status open_log(const Options& options, Log& log) {
    log.set_enabled(options.log_mask);
    if (options.log_file.empty()) return {};
    std::FILE* f = std::fopen(options.log_file.c_str(), "w");
    if (f == nullptr) return error("-D {}: {}", options.log_file, std::strerror(errno));
    log.set_sink(f);
    return {};
}

Status write_pidfile(const std::string& path) {
    if (path.empty()) return {};
    std::FILE* f = std::fopen(path.c_str(), "w");
    if (f == nullptr) return error("-pidfile {}: {}", path, std::strerror(errno));
    const bool ok = std::fprintf(f, "%d\n", getpid()) > 0;
    if (std::fclose(f) != 0 || !ok) return error("-pidfile {}: {}", path, std::strerror(errno));
    return {};
}

int run_machine(const Options& options) {
    Log log;
    if (const Status s = open_log(options, log); !s) return fail(s.failure());
    if (const Status s = write_pidfile(options.pidfile); !s) return fail(s.failure());
    std::mutex lock;
    EventLoop loop(lock);
    Machine* machine = nullptr;
    int ended_by = 0;
    const auto on_signal = [&](int signal) {
        if (machine == nullptr) return;
        if (signal == SIGQUIT) return machine->jit().dump_recorder();
        ended_by = signal;
        machine->quit(0);
    };
    const auto signals = loop.on_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT}, on_signal);
    int status = 0;
    std::string failure;
    {
        auto terminals = TerminalSetup::open(options, loop);
        if (!terminals) return fail(terminals.failure());
        auto created = Machine::create(options, lock, loop, (*terminals)->serials(), log);
        if (!created) {
            terminals->reset();
            return fail(created.failure());
        }
        const auto owned = created.take();
        machine = owned.get();
        (*terminals)->connect(*machine);
        status = machine->run();
        failure = machine->failure();
        if (log.on(kLogStats)) log.write(kLogStats, "{}", machine->vcpu().statistics());
        machine = nullptr;
    }
    if (!failure.empty()) return fail({failure});
    if (ended_by != 0) fmt::print(stderr, "twin86: terminating on signal {}\n", ended_by);
    return status;
}

}  // namespace
}  // namespace twin86

int main(int argc, char** argv) {
    using namespace twin86;
    auto parsed = parse_options({argv + 1, argv + argc});
    if (!parsed) return fail(parsed.failure());
    if (parsed->action != OptionAction::kRun) return answer(parsed->action);
    return run_machine(parsed->options);
}
