// Devices' states in tests: saved, moved to another device of the kind, cut short.
#pragma once

#include <catch2/catch.hpp>
#include <vector>

#include "base/state_archive.h"

namespace twin86 {

template <class Device>
std::vector<u8> saved(Device& device) {
    StateArchive archive = StateArchive::saver();
    device.visit(archive);
    return archive.bytes();
}

/// Loads `from`'s state into `to` and checks that saving again gives the same bytes.
template <class From, class To>
void copy_state(From& from, To& to) {
    const std::vector<u8> bytes = saved(from);
    StateArchive archive = StateArchive::loader(bytes);
    to.visit(archive);
    REQUIRE(archive.failure() == "");
    CHECK(saved(to) == bytes);
}

/// Every truncation of a saved state is refused.
template <class Device>
void check_truncations(Device& device) {
    std::vector<u8> bytes = saved(device);
    while (!bytes.empty()) {
        bytes.pop_back();
        StateArchive archive = StateArchive::loader(bytes);
        device.visit(archive);
        REQUIRE(archive.failed());
    }
}

}  // namespace twin86
