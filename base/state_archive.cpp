#include "base/state_archive.h"

namespace twin86 {

void StateArchive::raw(void* data, std::size_t size) {
    if (!loading_) {
        const u8* p = static_cast<const u8*>(data);
        data_.insert(data_.end(), p, p + size);
        return;
    }
    const std::size_t limit = open_.empty() ? data_.size() : open_.back();
    if (failed() || size > limit - position_) {
        std::memset(data, 0, size);
        return fail("the saved state ends too early");
    }
    std::memcpy(data, data_.data() + position_, size);
    position_ += size;
}

void StateArchive::field(std::vector<u8>& bytes, u64 max_size) {
    u64 n = bytes.size();
    field(n);
    if (loading_) {
        if (n > max_size || n > data_.size() - position_) return fail("a buffer is longer than the device allows");
        bytes.resize(n);
    }
    if (n != 0) raw(bytes.data(), n);
}

bool StateArchive::begin(std::string_view name, u32& version) {
    if (failed()) return false;
    std::string stored(name);
    u32 name_length = static_cast<u32>(stored.size());
    u64 length = 0;
    field(name_length);
    if (loading_) {
        if (name_length != name.size()) {
            fail(fmt::format("section '{}' expected", name));
            return false;
        }
    }
    raw(stored.data(), stored.size());
    if (stored != name) {
        fail(fmt::format("section '{}' expected", name));
        return false;
    }
    field(version);
    const std::size_t length_at = data_.size();
    field(length);
    if (loading_) {
        const std::size_t limit = open_.empty() ? data_.size() : open_.back();
        if (failed() || length > limit - position_) {
            fail(fmt::format("section '{}' is truncated", name));
            return false;
        }
        open_.push_back(position_ + length);
    } else {
        open_.push_back(length_at);
    }
    return true;
}

void StateArchive::end() {
    const std::size_t mark = open_.back();
    open_.pop_back();
    if (loading_) {
        if (!failed() && position_ != mark) fail("a section has bytes that this version does not know");
        return;
    }
    const u64 length = data_.size() - mark - sizeof(u64);
    std::memcpy(data_.data() + mark, &length, sizeof length);
}

}  // namespace twin86
