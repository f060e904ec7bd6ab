// PciPlace: where on PCI an optional function goes, as bus= and addr= say.
#pragma once

#include <optional>
#include <string>

#include "base/types.h"

namespace twin86 {

struct PciPlace {
    std::string bus;         ///< empty: the root bus; else its name, or a root port's id
    std::optional<u8> slot;  ///< none: the first free one
};

}  // namespace twin86
