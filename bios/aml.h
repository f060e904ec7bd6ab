// A small AML emitter: each function returns the bytes of one term, terms nest. ACPI 6.4, chapter 20.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"

namespace twin86::aml {

using Code = std::vector<u8>;
using Terms = std::initializer_list<Code>;

/// Terms one after the other.
Code join(Terms terms);
Code join(const std::vector<Code>& terms);

// Data.
Code path(std::string_view name);  ///< "\\_SB.PCI0.LNKA"; segments are padded with '_'
Code integer(u64 value);
Code string(std::string_view text);
Code eisa_id(std::string_view id);  ///< "PNP0A03"
Code buffer(const Code& bytes);
Code package(const std::vector<Code>& elements);

// Named objects.
Code name(std::string_view object, const Code& value);
Code scope(std::string_view where, const Code& body);
Code device(std::string_view object, const Code& body);
Code method(std::string_view object, unsigned arguments, const Code& body, bool serialized = false);
enum class RegionSpace : u8 { kSystemMemory = 0, kSystemIo = 1, kPciConfig = 2 };
Code operation_region(std::string_view object, RegionSpace space, u64 offset, u64 length);
/// Byte access, no lock, preserve; each unit has a name (none: reserved bits) and a width in bits.
Code byte_field(std::string_view region, std::initializer_list<std::pair<std::string_view, unsigned>> units);

// Statements and expressions.
Code argument(unsigned n);
Code store(const Code& value, const Code& target);
Code no_target();  ///< the result is used where it stands
Code bit_and(const Code& a, const Code& b, const Code& target);
Code bit_or(const Code& a, const Code& b, const Code& target);
Code equal(const Code& a, const Code& b);
Code logical_not(const Code& a);
Code if_then(const Code& predicate, const Code& body);
Code return_value(const Code& value);
Code create_dword_field(const Code& source, u64 byte_index, std::string_view object);

// Resource descriptors, ACPI 6.4, 6.4: to be collected in a resource_template().
Code resource_template(Terms descriptors);
Code io_ports(u16 first, u8 length);
Code irq_edge(unsigned irq);  ///< ISA style: edge, active high, exclusive
Code interrupts_level_high_shared(std::initializer_list<u32> gsis);
Code memory32_fixed(u32 base, u32 length);
Code bus_numbers(u16 first, u16 last);
Code io_window(u16 first, u16 last);
Code memory_window32(u32 first, u32 last);
Code memory_window64(u64 first, u64 last);

}  // namespace twin86::aml
