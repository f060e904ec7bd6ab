// Is this file an initrd, and is it whole? Found here it is one clear line; later it is a kernel panic.
#pragma once

#include <string>

#include "base/result.h"
#include "bios/byte_view.h"

namespace twin86 {

/// Accepts what Linux accepts: cpio "newc" archives, gzip, bzip2, lzma, xz, lzo, lz4 and zstd streams, and file systems
/// for the old ram disk. Archives that are cut off are refused where the format shows it without unpacking.
Status check_initrd(const std::string& name, ByteView file);

}  // namespace twin86
