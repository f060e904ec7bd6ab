// -m, -object memory-backend-memfd, -machine memory-backend=.
#include <algorithm>
#include <bit>

#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

Status set_huge_size(RamBacking& backing, const std::string& what, const std::string& v) {
    auto size = parse_size(v, what);
    if (!size) return size.failure();
    if (!std::has_single_bit(*size) || *size <= kPageSize) return error("{}={}: a power of two, as 2M or 1G", what, v);
    backing.huge_page_size = *size;
    return {};
}

Status set_size(MemoryObject& memory, const std::string& what, const std::string& v) {
    auto size = parse_size(v, what);
    if (!size) return size.failure();
    memory.bytes = *size;
    return {};
}

Status set_flag(bool& to, const std::string& what, const std::string& v) {
    const auto on = parse_switch(v, what);
    if (!on) return on.failure();
    to = on.value();
    return {};
}

Status set_property(MemoryObject& memory, const std::string& key, const std::string& v) {
    const std::string what = "-object memory-backend-memfd," + key;
    if (key == "id") return memory.id = v, Status();
    if (key == "size") return set_size(memory, what, v);
    if (key == "hugetlb") return set_flag(memory.backing.huge, what, v);
    if (key == "hugetlbsize") return set_huge_size(memory.backing, what, v);
    if (key == "prealloc") return set_flag(memory.backing.prealloc, what, v);
    if (key == "share" && (v.empty() || v == "on")) return {};  // as all memory here
    return unknown_word("-object memory-backend-memfd: property", key,
                        {"id", "size", "hugetlb", "hugetlbsize", "prealloc", "share"});
}

Status check(const MemoryObject& memory) {
    if (memory.id.empty()) return error("-object memory-backend-memfd wants an id (id=ram, and -machine memory-backend=ram)");
    if (memory.bytes == 0) return error("-object memory-backend-memfd,id={} wants a size (size=512M)", memory.id);
    if (memory.backing.huge_page_size != 0 && !memory.backing.huge)
        return error("-object memory-backend-memfd,id={}: hugetlbsize without hugetlb=on", memory.id);
    return {};
}

}  // namespace

Status set_memory(ParsedOptions& to, const std::string& v) {
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool bare = i == 0 && val.empty() && key != "size";
        if (key == "slots" || key == "maxmem")
            return error("-m {}={}: this version has no memory hot-plug; leave slots= and maxmem= out", key, val);
        if (!bare && key != "size") return unknown_word("-m: property", key, {"size"});
        auto size = parse_size(bare ? key : val, "-m");
        if (!size) return size.failure();
        to.options.ram_bytes = *size / kPageSize * kPageSize;
        to.memory_sized = true;
    }
    if (to.options.ram_bytes < MiB) return error("-m {}: a PC needs at least 1 MiB of memory", v);
    return {};
}

Status add_memory_object(ParsedOptions& to, const Properties& properties) {
    MemoryObject memory;
    for (std::size_t i = 1; i < properties.size(); ++i)
        if (const Status s = set_property(memory, properties[i].first, properties[i].second); !s) return s;
    if (const Status s = check(memory); !s) return s;
    to.memories.push_back(memory);
    return {};
}

Status finish_memory(ParsedOptions& to) {
    Options& o = to.options;
    for (const MemoryObject& m : to.memories)
        if (m.id != to.memory) return error("-object memory-backend-memfd,id={0}: nothing uses it (-machine memory-backend={0})", m.id);
    if (to.memory.empty()) return {};
    if (to.memories.empty()) return error("-machine memory-backend={0}: there is no -object memory-backend-memfd,id={0}", to.memory);
    if (to.memories.size() > 1) return error("-object: two have the id {}", to.memory);
    const MemoryObject& m = to.memories[0];
    if (to.memory_sized && o.ram_bytes != m.bytes)
        return error("-m and the size of memory backend {} differ: leave -m out", m.id);
    if (m.bytes < MiB) return error("memory backend {}: a PC needs at least 1 MiB of memory", m.id);
    o.ram_bytes = m.bytes / kPageSize * kPageSize;
    const bool prealloc = o.ram_backing.prealloc || m.backing.prealloc, locked = o.ram_backing.locked;
    o.ram_backing = m.backing;
    o.ram_backing.prealloc = prealloc;
    o.ram_backing.locked = locked;
    return {};
}

Status set_overcommit(ParsedOptions& to, const std::string& v) {
    for (const auto& [key, val] : split_properties(v)) {
        const std::string what = "-overcommit " + key;
        if (key == "mem-lock") {
            if (const Status s = set_flag(to.options.ram_backing.locked, what, val); !s) return s;
        } else if (key == "cpu-pm") {
            bool on = false;
            if (const Status s = set_flag(on, what, val); !s) return s;
            if (on) return error("{}=on: a guest that halts leaves the host's processor to others (cpu-pm=off)", what);
        } else {
            return unknown_word("-overcommit: property", key, {"mem-lock", "cpu-pm"});
        }
    }
    return {};
}

}  // namespace twin86
