// Opcodes: ACPI 6.4, 20.3.
#include "bios/aml.h"

#include <algorithm>
#include <string>

#include "base/bits.h"
#include "base/check.h"
#include "bios/byte_view.h"

namespace twin86::aml {
namespace {

constexpr u8 kNameOp = 0x08, kScopeOp = 0x10, kBufferOp = 0x11, kPackageOp = 0x12, kMethodOp = 0x14;
constexpr u8 kExtOp = 0x5b, kRegionOp = 0x80, kFieldOp = 0x81, kDeviceOp = 0x82;
constexpr u8 kArg0 = 0x68, kStoreOp = 0x70, kAndOp = 0x7b, kOrOp = 0x7d, kCreateDWordFieldOp = 0x8a;
constexpr u8 kLogicalNotOp = 0x92, kEqualOp = 0x93;
constexpr u8 kIfOp = 0xa0, kReturnOp = 0xa4;

void add(Code& code, const Code& more) {
    code.insert(code.end(), more.begin(), more.end());
}

/// PkgLength, 20.2.4: six bits in the first byte, or four bits and one to three more bytes; counts itself when `self`.
Code package_length(u64 length, bool self = true) {
    const auto total = [&](u64 own) { return self ? length + own : length; };
    if (total(1) < 0x40) return {static_cast<u8>(total(1))};
    u64 more = 1;
    while (total(1 + more) >= bit(4 + 8 * more)) ++more;
    CHECK(more <= 3, "an AML package of {} bytes", length);
    const u64 value = total(1 + more);
    Code code{static_cast<u8>(more << 6 | (value & 0xf))};
    for (u64 i = 0; i < more; ++i) code.push_back(static_cast<u8>(value >> (4 + 8 * i)));
    return code;
}

/// Opcode, length, then the body.
Code packaged(Terms opcode, const Code& body) {
    Code code = join(opcode);
    add(code, package_length(body.size()));
    add(code, body);
    return code;
}

std::string segment(std::string_view name) {
    CHECK(!name.empty() && name.size() <= 4, "AML name '{}'", name);
    std::string padded(name);
    padded.resize(4, '_');
    return padded;
}

/// Large resource descriptor, 6.4.3: tag, 16-bit length, content.
Code large(u8 tag, const Code& content) {
    Code code{tag};
    append<u16>(code, static_cast<u16>(content.size()));
    add(code, content);
    return code;
}

/// Address space descriptors, 6.4.3.5: producer, fixed minimum and maximum, positive decode.
template <class T>
Code window(u8 tag, u8 resource_type, u8 type_flags, T first, T last) {
    constexpr u8 kMinFixedMaxFixed = 0x0c;
    Code content{resource_type, kMinFixedMaxFixed, type_flags};
    const T length = static_cast<T>(last - first + 1);
    for (const T value : {T{0}, first, last, T{0}, length}) append<T>(content, value);
    return large(tag, content);
}

constexpr u8 kWindowMemory = 0, kWindowIo = 1, kWindowBus = 2;
constexpr u8 kReadWriteNonCacheable = 1, kEntireRange = 3;

}  // namespace

Code join(Terms terms) {
    Code code;
    for (const Code& t : terms) add(code, t);
    return code;
}

Code join(const std::vector<Code>& terms) {
    Code code;
    for (const Code& t : terms) add(code, t);
    return code;
}

Code path(std::string_view name) {
    Code code;
    while (name.starts_with('\\') || name.starts_with('^')) {
        code.push_back(static_cast<u8>(name.front()));
        name.remove_prefix(1);
    }
    std::string segments;
    while (!name.empty()) {
        const auto dot = std::min(name.find('.'), name.size());
        segments += segment(name.substr(0, dot));
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    const u64 count = segments.size() / 4;
    if (count == 0) code.push_back(0);
    if (count == 2) code.push_back(0x2e);
    if (count > 2) add(code, {0x2f, static_cast<u8>(count)});
    code.insert(code.end(), segments.begin(), segments.end());
    return code;
}

Code integer(u64 value) {
    if (value <= 1) return {static_cast<u8>(value)};
    Code code;
    if (value <= 0xff) return {0x0a, static_cast<u8>(value)};
    if (value <= 0xffff) {
        code = {0x0b};
        append<u16>(code, static_cast<u16>(value));
    } else if (value <= 0xffffffff) {
        code = {0x0c};
        append<u32>(code, static_cast<u32>(value));
    } else {
        code = {0x0e};
        append<u64>(code, value);
    }
    return code;
}

Code string(std::string_view text) {
    Code code(text.size() + 2);  // StringPrefix and the final zero
    code.front() = 0x0d;
    std::copy(text.begin(), text.end(), code.begin() + 1);
    return code;
}

Code eisa_id(std::string_view id) {
    CHECK(id.size() == 7, "EISA id '{}'", id);
    const auto letter = [&](u64 i) { return static_cast<u32>(id[i] - 0x40); };
    const u32 number = static_cast<u32>(std::stoul(std::string(id.substr(3)), nullptr, 16));
    const u32 value = letter(0) << 26 | letter(1) << 21 | letter(2) << 16 | number;
    return integer(__builtin_bswap32(value));  // big-endian inside a little-endian integer
}

Code buffer(const Code& bytes) {
    return packaged({{kBufferOp}}, join({integer(bytes.size()), bytes}));
}

Code package(const std::vector<Code>& elements) {
    CHECK(elements.size() <= 255, "an AML package of {} elements", elements.size());
    return packaged({{kPackageOp}}, join({{static_cast<u8>(elements.size())}, join(elements)}));
}

Code name(std::string_view object, const Code& value) {
    return join({{kNameOp}, path(object), value});
}
Code scope(std::string_view where, const Code& body) {
    return packaged({{kScopeOp}}, join({path(where), body}));
}
Code device(std::string_view object, const Code& body) {
    return packaged({{kExtOp, kDeviceOp}}, join({path(object), body}));
}

Code method(std::string_view object, unsigned arguments, const Code& body, bool serialized) {
    const u8 flags = static_cast<u8>(arguments | (serialized ? 8 : 0));
    return packaged({{kMethodOp}}, join({path(object), {flags}, body}));
}

Code operation_region(std::string_view object, RegionSpace space, u64 offset, u64 length) {
    return join({{kExtOp, kRegionOp}, path(object), {static_cast<u8>(space)}, integer(offset), integer(length)});
}

Code byte_field(std::string_view region, std::initializer_list<std::pair<std::string_view, unsigned>> units) {
    constexpr u8 kByteAccess = 1;
    Code body = join({path(region), {kByteAccess}});
    for (const auto& [unit, width] : units) {
        const std::string padded = unit.empty() ? std::string(1, 0) : segment(unit);
        body.insert(body.end(), padded.begin(), padded.end());
        add(body, package_length(width, false));
    }
    return packaged({{kExtOp, kFieldOp}}, body);
}

Code argument(unsigned n) {
    return {static_cast<u8>(kArg0 + n)};
}
Code store(const Code& value, const Code& target) {
    return join({{kStoreOp}, value, target});
}
Code no_target() {
    return Code(1);
}
Code bit_and(const Code& a, const Code& b, const Code& target) {
    return join({{kAndOp}, a, b, target});
}
Code bit_or(const Code& a, const Code& b, const Code& target) {
    return join({{kOrOp}, a, b, target});
}
Code equal(const Code& a, const Code& b) {
    return join({{kEqualOp}, a, b});
}
Code logical_not(const Code& a) {
    return join({{kLogicalNotOp}, a});
}
Code if_then(const Code& predicate, const Code& body) {
    return packaged({{kIfOp}}, join({predicate, body}));
}
Code return_value(const Code& value) {
    return join({{kReturnOp}, value});
}
Code create_dword_field(const Code& source, u64 byte_index, std::string_view object) {
    return join({{kCreateDWordFieldOp}, source, integer(byte_index), path(object)});
}

Code resource_template(Terms descriptors) {
    return buffer(join({join(descriptors), {0x79, 0x00}}));
}

Code io_ports(u16 first, u8 length) {
    constexpr u8 kDecode16 = 1, kAlignment = 1;
    Code code{0x47, kDecode16};
    append<u16>(code, first);
    append<u16>(code, first);
    add(code, {kAlignment, length});
    return code;
}

Code irq_edge(unsigned irq) {
    Code code{0x22};
    append<u16>(code, static_cast<u16>(bit(irq)));
    return code;
}

Code interrupts_level_high_shared(std::initializer_list<u32> gsis) {
    constexpr u8 kConsumer = 1, kShared = 8;  // level and active high are zeros
    Code content{kConsumer | kShared, static_cast<u8>(gsis.size())};
    for (const u32 gsi : gsis) append<u32>(content, gsi);
    return large(0x89, content);
}

Code memory32_fixed(u32 base, u32 length) {
    Code content{1};  // read-write
    append<u32>(content, base);
    append<u32>(content, length);
    return large(0x86, content);
}

Code bus_numbers(u16 first, u16 last) {
    return window<u16>(0x88, kWindowBus, 0, first, last);
}
Code io_window(u16 first, u16 last) {
    return window<u16>(0x88, kWindowIo, kEntireRange, first, last);
}
Code memory_window32(u32 first, u32 last) {
    return window<u32>(0x87, kWindowMemory, kReadWriteNonCacheable, first, last);
}
Code memory_window64(u64 first, u64 last) {
    return window<u64>(0x8a, kWindowMemory, kReadWriteNonCacheable, first, last);
}

}  // namespace twin86::aml
