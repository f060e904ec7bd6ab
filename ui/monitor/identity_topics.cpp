#include "ui/monitor/identity_topics.h"

#include <fmt/format.h>

namespace twin86 {
namespace {

using Text = std::string (*)(const MachineIdentity&);

MonitorCommand topic(std::string_view name, std::string_view help, Text text) {
    return {{name}, "", help, [text](const MonitorCall& call) { return text(call.target.identity()); }};
}

}  // namespace

void add_identity_topics(MonitorTables& tables) {
    using I = MachineIdentity;
    const MonitorCommand topics[] = {
        topic("name", "the machine's name (-name)", [](const I& i) { return i.name + '\n'; }),
        topic("uuid", "the machine's UUID (-uuid)", [](const I& i) { return i.uuid + '\n'; }),
        topic("version", "version of this program", [](const I& i) { return i.version + '\n'; }),
        topic("cpus", "the processors and the host threads that run them",
              [](const I& i) { return fmt::format("* CPU #0: thread_id={}\n", i.vcpu_thread); }),
        topic("mice", "the guest's pointers", [](const I&) { return std::string("* Mouse #0: PS/2 mouse\n"); }),
        topic("kvm", "is KVM the engine", [](const I& i) { return fmt::format("kvm support: {}\n", i.kvm ? "enabled" : "disabled"); }),
    };
    tables.info_topics.insert(tables.info_topics.end(), std::begin(topics), std::end(topics));
}

}  // namespace twin86
