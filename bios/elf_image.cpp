#include "bios/elf_image.h"

#include <algorithm>

#include "base/bits.h"
#include "bios/entry_state.h"

namespace twin86 {
namespace {

constexpr u64 kClass = 4, kData = 5, kMachine = 18;  // e_ident and e_machine
constexpr u8 kClass32 = 1, kClass64 = 2, kLittleEndian = 1;
constexpr u16 kMachine386 = 3, kMachineX86_64 = 62;
constexpr u32 kPtLoad = 1, kPtNote = 4;
constexpr u64 kNoteHeader = 12;

}  // namespace

Error ElfImage::truncated() const {
    return error("kernel '{}' is truncated or corrupt: its ELF tables point outside its {} bytes; get a fresh copy",
                 name_, file_.size());
}

ElfSegment ElfImage::segment_at(u64 at) const {
    if (is_64_)
        return {file_.u64_at(at + 8), file_.u64_at(at + 16), file_.u64_at(at + 24), file_.u64_at(at + 32),
                file_.u64_at(at + 40)};
    return {file_.u32_at(at + 4), file_.u32_at(at + 8), file_.u32_at(at + 12), file_.u32_at(at + 16),
            file_.u32_at(at + 20)};
}

ElfSection ElfImage::section_at(u64 at) const {
    if (is_64_)
        return {file_.u32_at(at),      file_.u32_at(at + 4),  file_.u64_at(at + 8),
                file_.u64_at(at + 16), file_.u64_at(at + 24), file_.u64_at(at + 32)};
    return {file_.u32_at(at),      file_.u32_at(at + 4),  file_.u32_at(at + 8),
            file_.u32_at(at + 12), file_.u32_at(at + 16), file_.u32_at(at + 20)};
}

Status ElfImage::read_segments() {
    const u64 table = is_64_ ? file_.u64_at(32) : file_.u32_at(28);
    const u16 entry_size = file_.u16_at(is_64_ ? 54 : 42);
    const u16 count = file_.u16_at(is_64_ ? 56 : 44);
    if (count == 0) return error("kernel '{}' is an ELF file without segments to load", name_);
    if (entry_size < (is_64_ ? 56 : 32) || !file_.contains(table, u64{entry_size} * count)) return truncated();
    for (u64 i = 0; i < count; ++i) {
        const u64 at = table + i * entry_size;
        const u32 type = file_.u32_at(at);
        if (type != kPtLoad && type != kPtNote) continue;
        const ElfSegment s = segment_at(at);
        const auto content = file_.slice(s.offset, s.file_size);
        if (!content) return truncated();
        if (type == kPtNote) {
            notes_.push_back(*content);
        } else if (s.memory_size != 0) {
            if (s.memory_size < s.file_size || s.paddr + s.memory_size < s.paddr) return truncated();
            segments_.push_back(s);
        }
    }
    if (segments_.empty()) return error("kernel '{}' is an ELF file without segments to load", name_);
    return {};
}

Status ElfImage::read_sections() {
    const u64 table = is_64_ ? file_.u64_at(40) : file_.u32_at(32);
    section_entry_size_ = file_.u16_at(is_64_ ? 58 : 46);
    const u16 count = file_.u16_at(is_64_ ? 60 : 48);
    section_names_ = file_.u16_at(is_64_ ? 62 : 50);
    if (count == 0) return {};
    const auto view = file_.slice(table, u64{section_entry_size_} * count);
    if (section_entry_size_ < (is_64_ ? 64 : 40) || !view) return truncated();
    section_table_ = *view;
    for (u64 i = 0; i < count; ++i) {
        const ElfSection s = section_at(table + i * section_entry_size_);
        if (s.type != kShtNobits && s.type != 0 && !file_.contains(s.offset, s.size)) return truncated();
        sections_.push_back(s);
    }
    return {};
}

Result<ElfImage> ElfImage::parse(const std::string& name, ByteView file) {
    ElfImage image;
    image.name_ = name;
    image.file_ = file;
    const u8 elf_class = file.u8_at(kClass);
    const u16 machine = file.u16_at(kMachine);
    image.is_64_ = elf_class == kClass64;
    if (file.size() < (image.is_64_ ? 64 : 52)) return image.truncated();
    if ((elf_class != kClass32 && elf_class != kClass64) || file.u8_at(kData) != kLittleEndian ||
        (machine != kMachine386 && machine != kMachineX86_64))
        return error("kernel '{}' is an ELF file for another processor (machine {}), not for x86", name, machine);
    image.entry_ = image.is_64_ ? file.u64_at(24) : file.u32_at(24);
    if (Status s = image.read_segments(); !s) return s.failure();
    if (Status s = image.read_sections(); !s) return s.failure();
    return image;
}

u64 ElfImage::physical_entry() const {
    for (const ElfSegment& s : segments_)
        if (entry_ >= s.vaddr && entry_ - s.vaddr < s.memory_size) return entry_ - s.vaddr + s.paddr;
    return entry_;
}

ByteView ElfImage::note(std::string_view owner, u32 type) const {
    for (const ByteView& notes : notes_) {
        for (u64 at = 0; notes.contains(at, kNoteHeader);) {
            const u64 name_size = notes.u32_at(at), size = notes.u32_at(at + 4);
            const u64 content = at + kNoteHeader + align_up(name_size, 4);
            const auto view = notes.slice(content, size);
            if (!view) break;
            // The name's size counts its final zero.
            if (notes.u32_at(at + 8) == type && name_size == owner.size() + 1 &&
                notes.starts_with(at + kNoteHeader, owner))
                return *view;
            at = content + align_up(size, 4);
        }
    }
    return {};
}

Result<Gpa> ElfImage::load(BootAllocator& allocator, BootMemory& memory) const {
    Gpa end = 0;
    for (const ElfSegment& s : segments_) {
        if (!allocator.claim(s.paddr, s.memory_size))
            return error(
                "kernel '{}' has a segment at {:#x} + {:#x} where there is no free RAM; use a larger -m, or relink it",
                name_, s.paddr, s.memory_size);
        const auto content = file_.slice(s.offset, s.file_size);
        CHECK(content.has_value(), "read_segments() bounds segments");
        if (Status st = store(memory, s.paddr, content->bytes()); !st) return st.failure();
        if (Status st = store_zeros(memory, s.paddr + s.file_size, s.memory_size - s.file_size); !st)
            return st.failure();
        end = std::max(end, s.paddr + s.memory_size);
    }
    return end;
}

}  // namespace twin86
