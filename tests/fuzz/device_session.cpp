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

/// Time, disks, interrupts, people.
void surroundings(DeviceRig& rig, Random& r) {
    switch (r.below(12)) {
        case 0:
            return rig.take_interrupt();
        case 1:
            return rig.type_and_point(r);
        case 2:
            return rig.send_to_lines(r);
        case 3:
            if (r.chance(100)) rig.change_media(r);
            return;
        case 4:
            if (r.chance(30)) rig.reset(ResetKind::kWarm);
            return;
        case 5:
            if (r.chance(30)) rig.look_at_screen();
            return;
        case 6:
        case 7:
            return rig.pass_time(u64{1} << r.below(24));
        default:
            return rig.settle_some_disk(r);
    }
}

}  // namespace

DeviceSession::DeviceSession(u64 seed, const DeviceOptions& options)
    : seed_(seed), options_(options), random_(seed), rig_(seed), focus_(&program_named(options.device, random_)) {}

void DeviceSession::step(DeviceRig& rig, Random& r) {
    if (r.chance(250)) return surroundings(rig, r);
    const DeviceProgram& p = r.chance(700) ? *focus_ : program_named("", r);
    if (options_.trace) fmt::print("{}\n", p.name);
    p.step(rig, r);
}

std::optional<std::string> DeviceSession::run() {
    for (unsigned n = 0; n < options_.steps; ++n) step(rig_, random_);
    if (!rig_.settle()) return "a disk is asked for more and more, although nobody programs its controller";
    return check_state();
}

std::optional<std::string> DeviceSession::check_state() {
    rig_.board().key_feeder().clear();  // what a person has typed ahead is no device's state
    rig_.carry_out_reset();             // nor is an INIT that a disk's message has brought
    std::vector<u8> saved = rig_.save();
    DeviceRig other(seed_);
    other.set_time(rig_.now_ns());
    other.take_out_media_as(rig_);
    if (const std::string why = other.load(saved); !why.empty()) return "a saved state is refused: " + why;
    if (const std::vector<u8> again = other.save(); again != saved) return "saved, loaded, saved: " + difference(saved, again);
    if (auto problem = check_twin(other)) return problem;
    load_damaged(std::move(saved));
    return std::nullopt;
}

std::optional<std::string> DeviceSession::check_twin(DeviceRig& twin) {
    if (rig_.has_overlaps()) return std::nullopt;
    twin.copy_memory(rig_);
    if (const std::string mine = rig_.ranges(), other = twin.ranges(); mine != other)
        return fmt::format("another address space after loading:\n{}-- instead of\n{}", other, mine);
    Random for_twin = random_;
    for (unsigned n = 0; n < options_.steps / 8; ++n) {
        step(rig_, random_);
        step(twin, for_twin);
        const bool last = n + 1 == options_.steps / 8;
        if (!last && !options_.trace) continue;
        const std::vector<u8> mine = rig_.save(), other = twin.save();
        if (mine != other) return fmt::format("{} steps after loading: {}", n + 1, difference(mine, other));
        if (!rig_.has_same_ram(twin)) return fmt::format("{} steps after loading: RAM differs", n + 1);
    }
    return std::nullopt;
}

void DeviceSession::load_damaged(std::vector<u8> state) {
    for (u64 n = 1 + random_.below(8); n-- > 0;) state[random_.below(state.size())] = static_cast<u8>(random_.next());
    DeviceRig rig(seed_);
    rig.set_time(rig_.now_ns());
    rig.load(std::move(state));
    for (unsigned n = 0; n < options_.steps / 8; ++n) step(rig, random_);
    rig.settle();
}

}  // namespace twin86::fuzz
