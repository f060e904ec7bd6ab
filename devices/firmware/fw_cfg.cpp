#include "devices/firmware/fw_cfg.h"

#include <algorithm>

#include "base/check.h"

namespace twin86 {
namespace {

constexpr u32 kVersionTraditional = 1, kVersionDma = 2;
constexpr u64 kDmaSignature = 0x51454d5520434647;  // "QEMU CFG"

// The DMA descriptor's control field.
constexpr u32 kDmaError = 1, kDmaRead = 2, kDmaSkip = 4, kDmaSelect = 8, kDmaWrite = 16;
constexpr unsigned kDescriptorSize = 16;

constexpr u64 kFileNameSize = 56;

void append_big_endian(std::vector<u8>& bytes, u64 value, unsigned size) {
    for (unsigned i = size; i-- > 0;) bytes.push_back(static_cast<u8>(value >> (8 * i)));
}

u64 big_endian(std::span<const u8> bytes) {
    u64 value = 0;
    for (const u8 b : bytes) value = value << 8 | b;
    return value;
}

}  // namespace

FwCfg::FwCfg(DmaView& dma, Log& log) : dma_(dma), log_(log) {
    set_item(kSignature, {'Q', 'E', 'M', 'U'});
    set_number(kId, kVersionTraditional | kVersionDma, 4);
    rebuild_directory();
}

void FwCfg::set_number(u16 key, u64 value, unsigned size) {
    std::vector<u8> bytes;
    for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<u8>(value >> (8 * i)));
    set_item(key, std::move(bytes));
}

void FwCfg::set_file(const std::string& name, std::vector<u8> content) {
    CHECK(name.size() < kFileNameSize, "fw_cfg file '{}'", name);
    const auto [at, added] = files_.try_emplace(name, static_cast<u16>(kFirstFile + files_.size()));
    set_item(at->second, std::move(content));
    rebuild_directory();
}

void FwCfg::set_file_maker(const std::string& name, std::function<std::vector<u8>()> make) {
    set_file(name, make());
    makers_[files_.at(name)] = std::move(make);
}

const std::vector<u8>* FwCfg::file(const std::string& name) const {
    const auto at = files_.find(name);
    return at == files_.end() ? nullptr : &items_.at(at->second);
}

/// Count, then for each file, by name: size, key, reserved, name.
void FwCfg::rebuild_directory() {
    std::vector<u8> directory;
    append_big_endian(directory, files_.size(), 4);
    for (const auto& [name, key] : files_) {
        append_big_endian(directory, items_.at(key).size(), 4);
        append_big_endian(directory, key, 2);
        append_big_endian(directory, 0, 2);
        directory.insert(directory.end(), name.begin(), name.end());
        directory.insert(directory.end(), kFileNameSize - name.size(), 0);
    }
    set_item(kFileDirectory, std::move(directory));
}

void FwCfg::reset(ResetKind) {
    key_ = 0;
    offset_ = 0;
    dma_address_ = 0;
}

void FwCfg::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.fields(key_, offset_, dma_address_); });
}

void FwCfg::select(u16 key) {
    key_ = key;
    offset_ = 0;
    const auto maker = makers_.find(key);
    if (maker == makers_.end()) return;
    std::vector<u8>& content = items_.at(key);
    const std::size_t size = content.size();
    content = maker->second();
    content.resize(size);
}

/// Beyond the end of an item, and where there is none, everything reads as zero.
u8 FwCfg::next_byte() {
    const auto item = items_.find(key_);
    if (item == items_.end() || offset_ >= item->second.size()) return 0;
    return item->second[offset_++];
}

u32 FwCfg::SelectorPorts::io_read(u16 offset, unsigned size) {
    if (offset == 1) return owner.next_byte();
    return size == 2 ? owner.key_ : owner.key_ & 0xffu;
}

/// The data register takes no writes: items that firmware may write do not exist here.
void FwCfg::SelectorPorts::io_write(u16 offset, unsigned size, u32 value) {
    if (offset == 0 && size == 2) owner.select(static_cast<u16>(value));
}

u32 FwCfg::DmaPorts::io_read(u16 offset, unsigned size) {
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= static_cast<u32>(kDmaSignature >> (56 - 8 * (offset + i)) & 0xff) << 8 * i;
    return value;
}

/// Big endian; the transfer starts when the last byte of the low half arrives.
void FwCfg::DmaPorts::io_write(u16 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size; ++i) {
        const unsigned shift = 56 - 8 * (offset + i);
        owner.dma_address_ &= ~(u64{0xff} << shift);
        owner.dma_address_ |= u64{value >> 8 * i & 0xff} << shift;
    }
    if (offset + size == FwCfg::kDmaPorts) owner.run_dma();
}

void FwCfg::run_dma() {
    const Gpa descriptor = std::exchange(dma_address_, 0);
    u8 bytes[kDescriptorSize];
    if (!dma_.dma_read(descriptor, bytes))
        return log_.write(kLogGuestError, "fw_cfg: DMA descriptor at {:#x} is not in RAM", descriptor);
    const u32 control = static_cast<u32>(big_endian({bytes, 4}));
    const u32 length = static_cast<u32>(big_endian({bytes + 4, 4}));
    const u64 address = big_endian({bytes + 8, 8});
    if ((control & kDmaSelect) != 0) select(static_cast<u16>(control >> 16));
    bool done = true;
    if ((control & kDmaRead) != 0) {
        done = transfer(address, length);
    } else if ((control & kDmaWrite) != 0) {
        done = false;
    } else if ((control & kDmaSkip) != 0) {
        offset_ = static_cast<u32>(std::min<u64>(u64{offset_} + length, ~u32{0}));
    }
    const u8 result[4] = {0, 0, 0, static_cast<u8>(done ? 0 : kDmaError)};
    dma_.dma_write(descriptor, result);
}

/// Item bytes, then zeroes, to guest memory.
bool FwCfg::transfer(u64 address, u32 length) {
    static constexpr u8 kZeroes[4096]{};
    while (length > 0) {
        const auto item = items_.find(key_);
        std::span<const u8> piece = kZeroes;
        const bool inside = item != items_.end() && offset_ < item->second.size();
        if (inside) piece = std::span(item->second).subspan(offset_);
        piece = piece.first(std::min<u64>(piece.size(), length));
        if (!dma_.dma_write(address, piece)) return false;
        if (inside) offset_ += static_cast<u32>(piece.size());
        address += piece.size();
        length -= static_cast<u32>(piece.size());
    }
    return true;
}

}  // namespace twin86
