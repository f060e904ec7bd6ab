// BlockImage: a disk image on the host as an array of bytes. Synchronous; devices go through BlockQueue.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

constexpr u64 kSectorSize = 512;

enum class BlockStatus : u8 {
    kOk,
    kReadOnly,
    kOutOfRange,
    kHostError,  ///< the host could not read or write (I/O error, disk full)
};

class BlockImage {
  public:
    virtual ~BlockImage() = default;

    virtual u64 size() const = 0;  ///< bytes
    virtual bool read_only() const = 0;
    virtual BlockStatus read(u64 offset, std::span<u8> to) = 0;
    virtual BlockStatus write(u64 offset, std::span<const u8> from) = 0;
    /// What was written before is on stable storage when this returns kOk.
    virtual BlockStatus flush() = 0;
    /// The range reads as zeroes afterwards, and the host may give its space back.
    virtual BlockStatus discard(u64 offset, u64 length) = 0;
};

struct BlockOpen {
    std::string path;
    bool read_only = false;
    bool snapshot = false;  ///< writes go to a nameless temporary file, and are lost at the end
    bool surely_raw = false;  ///< the user said so: what the content looks like does not matter
};

/// A raw image or a block device. A last sector that is not whole reads as zeroes beyond the end of the file. The file
/// is locked against other writers (and, unless read-only, against readers) that lock too.
Result<std::unique_ptr<BlockImage>> open_raw_image(const BlockOpen& open);

/// Reads go to `base` where nothing was written; writes go to a temporary file. `base` is never changed.
Result<std::unique_ptr<BlockImage>> make_overlay(std::unique_ptr<BlockImage> base);

}  // namespace twin86
