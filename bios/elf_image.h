// ELF kernels, 32 and 64 bits, x86 only. System V ABI, chapter 4 and 5 ("Object files", "Program loading").
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/byte_view.h"
#include "bios/memory_map.h"

namespace twin86 {

struct ElfSegment {
    u64 offset = 0, vaddr = 0, paddr = 0, file_size = 0, memory_size = 0;
};

struct ElfSection {
    u32 name = 0, type = 0;
    u64 flags = 0, address = 0, offset = 0, size = 0;
};

constexpr u32 kShtSymtab = 2, kShtStrtab = 3, kShtNobits = 8;

class ElfImage {
  public:
    static bool is_elf(ByteView file) {
        return file.starts_with(0,
                                "\x7f"
                                "ELF");
    }
    /// Checks every table against the file; a truncated or foreign file is one line that names it.
    static Result<ElfImage> parse(const std::string& name, ByteView file);

    bool is_64() const { return is_64_; }
    u64 entry() const { return entry_; }
    /// The entry point as a physical address: higher-half kernels name a virtual one.
    u64 physical_entry() const;
    const std::vector<ElfSegment>& segments() const { return segments_; }
    const std::vector<ElfSection>& sections() const { return sections_; }
    /// The section header table as it stands in the file.
    ByteView section_table() const { return section_table_; }
    u16 section_entry_size() const { return section_entry_size_; }
    u16 section_names() const { return section_names_; }

    /// The descriptor of a note, or an empty view.
    ByteView note(std::string_view owner, u32 type) const;

    /// Claims the loadable segments' memory, copies them and zeroes their tails. Returns the end of the highest.
    Result<Gpa> load(BootAllocator& allocator, BootMemory& memory) const;

  private:
    Status read_segments();
    Status read_sections();
    ElfSegment segment_at(u64 offset) const;
    ElfSection section_at(u64 offset) const;
    Error truncated() const;

    std::string name_;
    ByteView file_, section_table_;
    bool is_64_ = false;
    u64 entry_ = 0;
    u16 section_entry_size_ = 0, section_names_ = 0;
    std::vector<ElfSegment> segments_;  // PT_LOAD with memory
    std::vector<ByteView> notes_;       // PT_NOTE
    std::vector<ElfSection> sections_;
};

}  // namespace twin86
