#include "accel/jit/listing.h"

#include <capstone/capstone.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "accel/jit/leaf/leaf.h"
#include "cpu/decode/disassemble.h"
#include "cpu/decode/table.h"

namespace twin86::jit {

namespace {

/// Capstone's text; Zydis' where Capstone 4 does not know the instruction or is wrong about its length.
class HostDisassembler {
  public:
    HostDisassembler() : open_(cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) == CS_ERR_OK) {
        if (open_) insn_ = cs_malloc(handle_);
    }
    ~HostDisassembler() {
        if (insn_ != nullptr) cs_free(insn_, 1);
        if (open_) cs_close(&handle_);
    }
    HostDisassembler(const HostDisassembler&) = delete;
    HostDisassembler& operator=(const HostDisassembler&) = delete;

    DisassembledLine line(std::span<const u8> bytes, u64 address) {
        DisassembledLine zydis = disassemble_one(bytes, address);
        const uint8_t* at = bytes.data();
        std::size_t size = bytes.size();
        uint64_t next = address;
        if (insn_ == nullptr || !cs_disasm_iter(handle_, &at, &size, &next, insn_) || insn_->size != zydis.length)
            return zydis;
        const char* gap = insn_->op_str[0] != 0 ? " " : "";
        return {address, zydis.length, fmt::format("{}{}{}", insn_->mnemonic, gap, insn_->op_str)};
    }

  private:
    csh handle_ = 0;
    cs_insn* insn_ = nullptr;
    bool open_;
};

/// What lies behind a call to a thunk.
enum class Metadata { kNone, kAccess, kString, kElements, kChain, kHelper, kSegment, kLookup };

struct ThunkName {
    const char* name;
    Metadata metadata;
};

class Lister {
  public:
    explicit Lister(const ListingInput& in) : in_(in) {}

    std::string run() {
        header();
        for (std::size_t i = 0; i < in_.insns.size(); ++i) {
            guest_column(in_.insns[i]);
            stretches(i, false);
            stretches(i, true);
            if (!left_.empty()) row("");  // no code at all, as for NOP
        }
        out_.pop_back();
        return std::move(out_);
    }

  private:
    void header() {
        const Block& b = in_.block;
        const Mode mode = b.key.mode;
        out_ = fmt::format(
            "block {:#x} physical {:#x} mode {:#x} ({}-bit, {}): {} instructions, {} bytes -> {} bytes at {} ({} cold), "
            "{:.1f} per guest byte\n",
            b.rip, b.key.physical, mode.value, mode.code_bits(), mode.has(Mode::kUser) ? "user" : "supervisor", b.insn_count,
            b.guest_size, in_.size(), static_cast<const void*>(b.code), in_.cold.size(),
            static_cast<double>(in_.size()) / b.guest_size);
    }

    void guest_column(const Insn& insn) {
        std::string bytes;
        for (unsigned i = 0; i < insn.length; ++i) bytes += fmt::format("{:02x}", insn.bytes[i]);
        left_ = fmt::format("{:016x} {:<14} {}", insn.rip, bytes, format(insn));
    }

    void row(const std::string& right) {
        out_ += fmt::format("  {:<72} |{}\n", left_, right);
        left_.clear();
    }

    /// The instruction that a stretch of host code belongs to. The write-back of a bounced access counts as behind its
    /// instruction, where the guest goes on after it.
    std::size_t owner(const SidePoint& p, u32 end) const {
        const ThunkName* thunk = callee(p.host_offset, end);
        const u32 limit = p.guest_offset + (thunk != nullptr && !std::strcmp(thunk->name, "exit_commit") ? 0 : 1);
        std::size_t i = 0;
        while (i + 1 < in_.insns.size() && in_.insns[i + 1].rip - in_.block.rip < limit) ++i;
        return i;
    }

    void stretches(std::size_t insn, bool cold) {
        const std::span<const SidePoint> points = in_.block.points();
        for (std::size_t n = 0; n < points.size(); ++n) {
            const u32 start = points[n].host_offset;
            if ((start >= in_.block.cold_at) != cold) continue;
            const u32 hot_end = static_cast<u32>(cold ? in_.block.cold_at + in_.cold.size() : in_.hot.size());
            const u32 end = n + 1 < points.size() ? std::min(points[n + 1].host_offset, hot_end) : hot_end;
            if (start < end && owner(points[n], end) == insn) stretch(start, end, cold);
        }
    }

    void stretch(u32 at, u32 end, bool cold) {
        const char* mark = cold ? "~" : " ";
        while (at < end) {
            if (const ThunkName* thunk = callee(at, end)) {
                const char* verb = in_.code(at)[0] == 0xe8 ? "call" : "jmp";
                row(fmt::format("{}+{:03x}  {} {}", mark, at, verb, thunk->name));
                at = metadata(at + 5, end, *thunk, mark);
                continue;
            }
            const DisassembledLine line = disassembler_.line(in_.code(at).first(end - at), at);
            row(fmt::format("{}+{:03x}  {}", mark, at, line.text));
            at += line.length;
        }
    }

    /// The thunk that a call or jump at this offset leads to, or null.
    const ThunkName* callee(u32 at, u32 end) const {
        if (at + 5 > end || (in_.code(at)[0] != 0xe8 && in_.code(at)[0] != 0xe9)) return nullptr;
        i32 rel;
        std::memcpy(&rel, in_.code(at).data() + 1, sizeof rel);
        const u8* target = in_.block.code + at + 5 + rel;
        for (const auto& [address, thunk] : names_)
            if (address == target) return &thunk;
        return nullptr;
    }

    u32 metadata(u32 at, u32 end, const ThunkName& thunk, const char* mark) {
        const std::span<const u8> rest = in_.code(at).first(end - at);
        switch (thunk.metadata) {
            case Metadata::kNone: return at;
            case Metadata::kAccess: return data<AccessMeta>(at, rest, mark);
            case Metadata::kElements: return data<ElementsMeta>(at, rest, mark);
            case Metadata::kString: return data<StringMeta>(at, rest, mark);
            case Metadata::kChain: return data<ChainSite*>(at, rest, mark);
            case Metadata::kHelper: return data<HelperSite*>(at, rest, mark);
            case Metadata::kSegment: return data<SegmentMeta>(at, rest, mark);
            case Metadata::kLookup: break;
        }
        // Single-stepping has a zero payload there; other look-ups go on with code, which never starts with zeros.
        u64 payload = ~u64{0};
        if (rest.size() >= sizeof payload) std::memcpy(&payload, rest.data(), sizeof payload);
        return payload == 0 ? at + sizeof payload : at;
    }

    template <class T>
    u32 data(u32 at, std::span<const u8> rest, const char* mark) {
        if (rest.size() < sizeof(T)) return at;
        T value;
        std::memcpy(&value, rest.data(), sizeof value);
        row(fmt::format("{}+{:03x}    {}", mark, at, text(value)));
        return at + static_cast<u32>(sizeof value);
    }

    static std::string text(const AccessMeta& m) {
        static constexpr const char* kKinds[] = {"address", "read", "write", "read and write"};
        return fmt::format("{} {} bytes, view {}{}{}{}{}{}{}", kKinds[m.access & 3], m.size, m.view & 3,
                           m.view & kAccessAligned ? ", aligned" : "", m.view & kAccessMasked ? ", masked" : "",
                           m.view & kAccessStack ? ", stack" : "", m.view & kAccessFlat ? ", flat" : "",
                           m.view & kAccessGoesOn ? ", goes on" : "", m.access & kAccessRun ? ", a run" : "");
    }
    static std::string text(const SegmentMeta& m) {
        return fmt::format("segment {}, {} bytes{}{}", m.segment, m.size, m.access & kAccessWrite ? ", written" : "", m.masked ? ", masked" : "");
    }
    static std::string text(const StringMeta& m) {
        static constexpr const char* kKinds[] = {"movs", "stos", "lods", "scas", "cmps"};
        return fmt::format("{} {} bytes, flags {:#x}, view {}", m.kind < 5 ? kKinds[m.kind] : "?", m.size & 15, m.flags, m.view);
    }
    static std::string text(const ElementsMeta& m) {
        return fmt::format("{} {} elements of {} bytes, indices of {}, view {}", m.flags & ElementsMeta::kStore ? "store" : "load", m.count,
                           m.sizes & 15, m.sizes >> 4, m.place & 3);
    }
    static std::string text(const ChainSite* site) {
        return fmt::format("to {}{:#x}", site->mode().has(Mode::kBaked) ? "" : "page start + ", site->target_rip);
    }
    static std::string text(const HelperSite* site) {
        if (site->vector >= 0) return fmt::format("vector {}", site->vector);
        return fmt::format("{}{}", op_name(site->insn.op), site->ends_block ? ", ends the block" : "");
    }

    const ListingInput in_;
    HostDisassembler disassembler_;
    std::string left_, out_;
    const std::pair<const u8*, ThunkName> names_[13] = {
        {in_.thunks.slow_mem, {"slow_mem", Metadata::kAccess}},
        {in_.thunks.leaf_string, {"leaf_string", Metadata::kString}},
        {in_.thunks.leaf_elements, {"leaf_elements", Metadata::kElements}},
        {in_.thunks.exit_lookup, {"exit_lookup", Metadata::kLookup}},
        {in_.thunks.exit_miss, {"exit_miss", Metadata::kLookup}},
        {in_.thunks.exit_chain, {"exit_chain", Metadata::kChain}},
        {in_.thunks.exit_helper, {"exit_helper", Metadata::kHelper}},
        {in_.thunks.exit_slow, {"exit_slow", Metadata::kAccess}},
        {in_.thunks.exit_commit, {"exit_commit", Metadata::kNone}},
        {in_.thunks.exit_string, {"exit_string", Metadata::kHelper}},
        {in_.thunks.exit_raise, {"exit_raise", Metadata::kHelper}},
        {in_.thunks.exit_segment, {"exit_segment", Metadata::kSegment}},
        {in_.thunks.exit_region, {"exit_region", Metadata::kNone}},
    };
};

}  // namespace

std::string listing(const ListingInput& input) { return Lister(input).run(); }

}  // namespace twin86::jit
