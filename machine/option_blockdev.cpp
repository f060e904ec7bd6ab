// -blockdev: nodes of the kinds 'file' and 'raw', which may lie on a 'file' node or name its file themselves.
#include <algorithm>

#include "machine/option_json.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

struct Node {
    std::string driver, name, file_name, child, child_driver;
    bool read_only = false;
};

/// How the host caches and schedules is its own business here.
bool is_of_host(const std::string& key) {
    static constexpr std::string_view kKeys[] = {"aio", "locking", "auto-read-only", "discard", "detect-zeroes", "force-share"};
    const std::string own = key.starts_with("file.") ? key.substr(5) : key;
    return own.starts_with("cache.") || std::find(std::begin(kKeys), std::end(kKeys), own) != std::end(kKeys);
}

Status set_property(Node& n, const std::string& key, const std::string& v) {
    if (key == "driver") return n.driver = v, Status();
    if (key == "node-name") return n.name = v, Status();
    if (key == "filename" || key == "file.filename") return n.file_name = v, Status();
    if (key == "file") return n.child = v, Status();
    if (key == "file.driver") return n.child_driver = v, Status();
    if (key == "read-only" || key == "file.read-only") {
        const auto on = parse_switch(v, "-blockdev " + key);
        if (!on) return on.failure();
        n.read_only |= on.value();
        return {};
    }
    if (is_of_host(key)) return {};
    return unknown_word("-blockdev: property", key, {"driver", "node-name", "filename", "file", "file.driver", "file.filename", "read-only"});
}

bool is_file_driver(const std::string& driver) { return driver == "file" || driver == "host_device" || driver == "host_cdrom"; }

Status check(const Node& n) {
    if (n.name.empty()) return error("-blockdev: needs node-name=ID");
    if (n.driver != "raw" && !is_file_driver(n.driver))
        return error("-blockdev driver={}: this version has raw, file and host_device", n.driver);
    if (n.driver != "raw" && (!n.child.empty() || !n.child_driver.empty())) return error("-blockdev driver={}: file= is raw's", n.driver);
    if (!n.child_driver.empty() && !is_file_driver(n.child_driver))
        return error("-blockdev file.driver={}: this version has file and host_device", n.child_driver);
    if (n.file_name.empty() == n.child.empty()) return error("-blockdev {}: needs a file, by name or as a node", n.name);
    return {};
}

/// Null: there is none.
DriveOptions* find_node(ParsedOptions& to, const std::string& id) {
    auto& drives = to.options.drives;
    const auto at = std::find_if(drives.begin(), drives.end(), [&](const DriveOptions& d) { return d.id == id; });
    return at == drives.end() ? nullptr : &*at;
}

}  // namespace

Status add_block_node(ParsedOptions& to, const std::string& value) {
    const auto plain = without_json("blockdev", value, "driver");
    if (!plain) return plain.failure();
    const std::string& v = plain.value();
    Node node;
    const Properties p = split_properties(v);
    for (std::size_t i = 0; i < p.size(); ++i) {
        const bool bare = i == 0 && p[i].second.empty();
        const Status s = bare ? set_property(node, "driver", p[i].first) : set_property(node, p[i].first, p[i].second);
        if (!s) return s;
    }
    if (const Status s = check(node); !s) return s;
    if (find_node(to, node.name) != nullptr) return error("-blockdev: there is a '{}' already", node.name);
    if (!node.child.empty()) {
        const DriveOptions* const child = find_node(to, node.child);
        if (child == nullptr) return error("-blockdev {}: there is no node '{}'; it comes first", node.name, node.child);
        node.file_name = child->file;
        node.read_only |= child->read_only;
    }
    DriveOptions drive;
    drive.id = node.name;
    drive.file = node.file_name;
    drive.read_only = node.read_only;
    drive.surely_raw = node.driver == "raw";
    drive.interface = DriveInterface::kNone;
    to.options.drives.push_back(drive);
    return {};
}

Status place_flash_nodes(ParsedOptions& to) {
    for (unsigned n = 0; n < to.flash_nodes.size(); ++n) {
        const std::string& id = to.flash_nodes[n];
        if (id.empty()) continue;
        DriveOptions* const at = find_node(to, id);
        if (at == nullptr) return error("-machine pflash{}={}: there is no -blockdev of that node-name", n, id);
        at->interface = DriveInterface::kPflash;
        at->index = n;
    }
    return {};
}

}  // namespace twin86
