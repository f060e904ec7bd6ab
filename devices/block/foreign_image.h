// What is no raw image although it is given as one: files of other formats, names of other protocols.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/types.h"

namespace twin86 {

/// The format by the file's first bytes ("qcow2"), or nothing.
std::string_view foreign_format(std::span<const u8> head);

/// What to do instead of "http://...", "fat:..." and so on, or nothing.
std::string foreign_protocol(std::string_view path);

}  // namespace twin86
