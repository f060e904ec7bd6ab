#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "machine/compare_command.h"
#include "machine/explain.h"
#include "machine/machine.h"
#include "machine/monitor_target.h"
#include "machine/process.h"
#include "machine/register_text.h"
#include "machine/terminal_setup.h"
#include "machine/viewers.h"

namespace twin86 {
namespace {

int fail(const Error& e) {
    fmt::print(stderr, "twin86: {}\n", e.message);
    return 1;
}

int print(const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (written && std::fflush(stdout) == 0) return 0;
    return fail(error("standard output: {}", std::strerror(errno)));
}

int answer(const ParsedOptions& parsed) {
    switch (parsed.action) {
        case OptionAction::kHelp:
            return print(options_help());
        case OptionAction::kVersion:
            return print("twin86 version " TWIN86_VERSION "\n");
        case OptionAction::kCpuHelp:
            return print(CpuModel::help());
        case OptionAction::kDeviceHelp:
            return print(device_help(parsed.help_on));
        case OptionAction::kMachineHelp:
            return print("pc    PC with i440FX and PIIX (default; also pc-i440fx-VERSION)\n"
                         "q35   PC with Q35 and ICH9: PCI Express, SATA (also pc-q35-VERSION)\n");
        case OptionAction::kAccelHelp:
            return print(
                "jit       same-ISA binary translator: works on every host\n"
                "kvm       the host kernel's KVM, with the translator for what it cannot execute\n"
                "lockstep  jit, compared with kvm or itself instruction by instruction; ends at the first difference\n"
                "Default: kvm where it runs ring 0 natively, else jit.\n");
        case OptionAction::kLogHelp:
            return print(log_help());
        case OptionAction::kVgaHelp:
            return print(vga_help());
        case OptionAction::kDisplayHelp:
            return print(display_help());
        case OptionAction::kRun:
            break;
    }
    return 0;
}

/// SIGQUIT: what is the guest doing?
void show_state(Machine& machine, Log& log) {
    const StillMachine still(machine);
    log.always("{}", register_text(machine.vcpu().state(), machine.phys().a20()));
    machine.vcpu().dump_history();
}

/// SIGUSR1: a picture of the screen into the working directory.
void dump_screen(MachineMonitor& monitor, Log& log) {
    static constexpr unsigned kLast = 9999;
    for (unsigned n = 0; n <= kLast; ++n) {
        const std::string path = fmt::format("twin86-{}-{:04}.png", ::getpid(), n);
        if (::access(path.c_str(), F_OK) == 0) continue;
        const Status s = monitor.screendump(path, false);
        return log.always("twin86: {}", s ? "screen written to " + path : s.failure().message);
    }
}

/// With the terminals open: runs the machine to its end and takes it apart.
int run_with(const Options& options, TerminalSetup& terminals, std::mutex& lock, EventLoop& loop, Log& log, Daemon& daemon) {
    auto created = Machine::create(options, lock, loop, terminals.serials(), log);
    if (!created) return fail(created.failure());
    Machine& machine = **created;
    if (const std::string& warning = machine.cpu_model().warning(); !warning.empty()) fmt::print(stderr, "twin86: warning: {}\n", warning);
    MachineMonitor monitor(machine, log);
    if (const Status s = terminals.connect(machine, monitor); !s) return fail(s.failure());
    if (options.explain) return print(explain(machine));
    // Not earlier: until here the signals' own actions end the process, also while a socket waits for its client.
    int ended_by = 0;
    const auto signals = loop.on_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}, [&](int signal) {
        if (signal == SIGUSR1) return dump_screen(monitor, log);
        if (signal == SIGQUIT) return show_state(machine, log);
        ended_by = signal;
        machine.quit(0);
    });
    int status = 0;
    {
        auto viewers = Viewers::open(machine, lock);
        if (!viewers) return fail(viewers.failure());
        monitor.set_viewers(viewers->get());
        daemon.ready();
        status = machine.run();
        monitor.set_viewers(nullptr);
    }
    if (log.on(kLogStats)) log.write(kLogStats, "{}", machine.vcpu().statistics());
    if (!machine.failure().empty()) return fail({machine.failure()});
    if (ended_by != 0) fmt::print(stderr, "twin86: terminating on signal {}\n", ended_by);
    return status;
}

/// What was lost on the way does not hide how the guest ended.
int worse(int status, const Error& lost) {
    const int failed = fail(lost);
    return status != 0 ? status : failed;
}

int run_machine(Options options) {
    if (!options.process_name.empty()) ::prctl(PR_SET_NAME, options.process_name.c_str());
    Daemon daemon;
    if (options.daemonize && !options.explain)
        if (const Status s = daemon.start(); !s) return fail(s.failure());
    Log log(stderr, options.log_mask);
    LogFile log_file(log);
    if (const Status s = log_file.open(options.log_file); !s) return fail(s.failure());
    PidFile pid_file;
    if (const Status s = pid_file.write(options.pidfile); !s) return fail(s.failure());
    apply_terminal_defaults(options);
    int status = 0;
    {
        std::mutex lock;
        EventLoop loop(lock);
        auto terminals = TerminalSetup::open(options, loop);
        if (!terminals) return fail(terminals.failure());
        status = run_with(options, **terminals, lock, loop, log, daemon);
        if (const Status s = (*terminals)->finish(); !s) status = worse(status, s.failure());
    }
    if (const Status s = log_file.close(); !s) status = worse(status, s.failure());
    return status;
}

}  // namespace
}  // namespace twin86

int main(int argc, char** argv) {
    using namespace twin86;
    occupy_standard_descriptors();
    if (asks_for_compare(argc, argv)) return fail(run_compare(argc, argv));
    auto parsed = parse_options({argv + 1, argv + argc});
    if (!parsed) return fail(parsed.failure());
    if (parsed->action != OptionAction::kRun) return answer(*parsed);
    return run_machine(parsed->options);
}
