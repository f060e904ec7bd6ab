// WindowTables: what translated code knows of windows.
#pragma once

#include "base/types.h"

namespace twin86 {

/// host - linear address, by bits 47:39 of the linear address, for each kind of access.
struct WindowTables {
    static constexpr unsigned kRegions = 512;
    u64* user;           ///< user-mode accesses
    u64* supervisor;     ///< supervisor accesses that may not touch user pages (SMAP)
    u64* supervisor_ac;  ///< supervisor accesses that may
};

}  // namespace twin86
