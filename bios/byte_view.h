// Checked little-endian access to bytes that somebody else wrote.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/types.h"

namespace twin86 {

/// A file or a part of one. Reads outside it are zero; contains() and slice() tell whether a range exists.
class ByteView {
  public:
    ByteView() = default;
    ByteView(std::span<const u8> bytes) : bytes_(bytes) {}

    u64 size() const { return bytes_.size(); }
    std::span<const u8> bytes() const { return bytes_; }
    bool contains(u64 offset, u64 length) const { return offset <= size() && length <= size() - offset; }

    std::optional<ByteView> slice(u64 offset, u64 length) const {
        if (!contains(offset, length)) return std::nullopt;
        return ByteView(bytes_.subspan(offset, length));
    }
    bool starts_with(u64 offset, std::string_view text) const {
        return contains(offset, text.size()) && std::memcmp(bytes_.data() + offset, text.data(), text.size()) == 0;
    }

    u8 u8_at(u64 offset) const { return get<u8>(offset); }
    u16 u16_at(u64 offset) const { return get<u16>(offset); }
    u32 u32_at(u64 offset) const { return get<u32>(offset); }
    u64 u64_at(u64 offset) const { return get<u64>(offset); }

  private:
    template <class T>
    T get(u64 offset) const {
        T value = 0;
        if (contains(offset, sizeof value)) std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }

    std::span<const u8> bytes_;
};

/// Stores an integer at an offset that the caller has made room for.
template <class T>
requires(std::is_integral_v<T>) void put(std::vector<u8>& bytes, u64 offset, T value) {
    CHECK(offset + sizeof value <= bytes.size(), "offset {} of {}", offset, bytes.size());
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <class T>
requires(std::is_integral_v<T>) void append(std::vector<u8>& bytes, T value) {
    bytes.resize(bytes.size() + sizeof value);
    put(bytes, bytes.size() - sizeof value, value);
}

}  // namespace twin86
