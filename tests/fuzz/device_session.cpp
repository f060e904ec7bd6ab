#include "tests/fuzz/device_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace twin86::fuzz {

namespace {

const DeviceProgram& program_named(const std::string& name, Random& r) {
    const std::span<const DeviceProgram> all = device_programs();
    const auto found = std::find_if(all.begin(), all.end(), [&](const DeviceProgram& p) { return p.name == name; });
    return found == all.end() ? all[r.below(all.size())] : *found;
}

/// Where two states differ first: the archive is a list of sections of name, version, length and fields.
std::string difference(const std::vector<u8>& a, const std::vector<u8>& b) {
    const std::size_t at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    for (std::size_t begin = 0; begin < a.size();) {
        u32 name_length = 0;
        u64 length = 0;
        std::memcpy(&name_length, &a[begin], sizeof name_length);
        const std::string name(a.begin() + static_cast<std::ptrdiff_t>(begin + 4), a.begin() + static_cast<std::ptrdiff_t>(begin + 4 + name_length));
        const std::size_t fields = begin + 4 + name_length + 4 + 8;
        std::memcpy(&length, &a[fields - 8], sizeof length);
        begin = fields + length;
        if (at < begin) return fmt::format("{} differs, byte {} of {}: {:#x} and {:#x}", name, at - fields, length, a[at], at < b.size() ? b[at] : 0);
    }
    return "the lengths differ";
}

}  // namespace

DeviceSession::DeviceSession(u64 seed, const DeviceOptions& options)
    : seed_(seed), options_(options), random_(seed), rig_(seed), focus_(&program_named(options.device, random_)) {}

/// Time, disks, interrupts, people.
void DeviceSession::surroundings(DeviceRig& rig) {
    switch (random_.below(12)) {
        case 0:
            return rig.take_interrupt();
        case 1:
            return rig.type_and_point(random_);
        case 2:
            return rig.send_to_lines(random_);
        case 3:
            if (random_.chance(100)) rig.change_media(random_);
            return;
        case 4:
            if (random_.chance(30)) rig.reset(ResetKind::kWarm);
            return;
        case 5:
            if (random_.chance(30)) rig.look_at_screen();
            return;
        case 6:
        case 7:
            return rig.pass_time(u64{1} << random_.below(24));
        default:
            return rig.settle_some_disk(random_);
    }
}

void DeviceSession::step(DeviceRig& rig) {
    if (random_.chance(250)) return surroundings(rig);
    const DeviceProgram& p = random_.chance(700) ? *focus_ : program_named("", random_);
    if (options_.trace) fmt::print("{}\n", p.name);
    p.step(rig, random_);
}

std::optional<std::string> DeviceSession::run() {
    for (unsigned n = 0; n < options_.steps; ++n) step(rig_);
    if (!rig_.settle()) return "a disk is asked for more and more, although nobody programs its controller";
    return check_state();
}

std::optional<std::string> DeviceSession::check_state() {
    std::vector<u8> saved = rig_.save();
    DeviceRig other(seed_);
    other.set_time(rig_.now_ns());
    other.take_out_media_as(rig_);
    if (const std::string why = other.load(saved); !why.empty()) return "a saved state is refused: " + why;
    if (const std::vector<u8> again = other.save(); again != saved) return "saved, loaded, saved: " + difference(saved, again);
    load_damaged(std::move(saved));
    return std::nullopt;
}

void DeviceSession::load_damaged(std::vector<u8> state) {
    for (u64 n = 1 + random_.below(8); n-- > 0;) state[random_.below(state.size())] = static_cast<u8>(random_.next());
    DeviceRig rig(seed_);
    rig.set_time(rig_.now_ns());
    rig.load(std::move(state));
    for (unsigned n = 0; n < options_.steps / 8; ++n) step(rig);
    rig.settle();
}

}  // namespace twin86::fuzz
