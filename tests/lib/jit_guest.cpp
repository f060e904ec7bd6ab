#include "tests/lib/jit_guest.h"

#include <cstdlib>

#include <algorithm>
#include <cstring>


namespace twin86::test {

namespace {

// Offsets from kSystemBase.
constexpr u64 kGdtAt = 0, kTssAt = 0x800, kIdtAt = 0x1000, kHandlersAt = 0x2000, kStackTop = 0x10000, kExceptionStackTop = 0xc000;
constexpr unsigned kHandlerStep = 16, kVectors = 256;
constexpr u64 kSystemSize = 0x10000;

constexpr u64 kPteUser = 4, kPteWritable = 2, kPtePresent = 1, kPteGlobal = 0x100, kPteNoExecute = u64{1} << 63;

Segment flat_segment(u16 selector, u16 attributes) { return {0, 0xffffffff, selector, attributes}; }

CpuModel parse_model(const char* spec) {
    auto model = CpuModel::parse(spec, HostCpuid::probe());
    CHECK(model, "{}", model ? "" : model.failure().message);
    return model.take();
}

/// GDT entry of a flat segment with these attribute bits (descriptor bits 40-55).
u64 flat_descriptor(u16 attributes) {
    return 0xffff | u64{0xf} << 48 | static_cast<u64>(attributes & 0xff) << 40 | static_cast<u64>(attributes & 0xf000) << 40;
}

bool pushes_error_code(int vector) { return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17; }

constexpr u16 kCode64 = 0xa09b, kCode32 = 0xc09b, kData = 0xc093, kUserCode32Attributes = 0xc0fb, kUserDataAttributes = 0xc0f3, kUserCode64 = 0xa0fb;

}  // namespace

u32 TestEnvironment::port_read(IoPort port, unsigned size) {
    ports.push_back({port, size, port_value, false});
    return port_value;
}

void TestEnvironment::port_write(IoPort port, unsigned size, u32 value) { ports.push_back({port, size, value, true}); }

namespace {

/// TWIN86_TEST_MMU=soft|shadow: how all guests of a test program reach memory that do not say.
jit::JitOptions with_environment(jit::JitOptions options) {
    const char* mmu = std::getenv("TWIN86_TEST_MMU");
    if (mmu != nullptr && options.mmu == jit::MmuMode::kAuto)
        options.mmu = std::string_view(mmu) == "shadow" ? jit::MmuMode::kShadow : jit::MmuMode::kSoft;
    return options;
}

/// TWIN86_TEST_BLOCKS=FILE: a listing of all translated blocks goes there, for tools/coverage.
std::FILE* block_listing() {
    const char* path = std::getenv("TWIN86_TEST_BLOCKS");
    static std::FILE* const file = path != nullptr ? std::fopen(path, "a") : nullptr;
    return file;
}

/// A test that reads a log of its own keeps it.
bool lists_blocks(const GuestOptions& options) { return options.log_mask == 0 && block_listing() != nullptr; }

}  // namespace

JitGuest::JitGuest(const GuestOptions& options)
    : model_(parse_model(options.cpu)),
      log_(lists_blocks(options) ? block_listing() : options.log, lists_blocks(options) ? u32{kLogBlocks} : options.log_mask),
      ram_(GuestRam::create(options.ram).take()),
      phys_(PhysMap::create(ram_, options.ram, bus_).take()),
      environment_(bus_) {
    build_tables();
    vcpu_ = jit::JitVcpu::create(with_environment(options.jit), model_, *phys_, environment_, log_).take();
    state() = initial_;
    vcpu_->state_changed();
}

JitGuest::~JitGuest() = default;

Gpa JitGuest::allocate(unsigned pages) {
    const Gpa at = next_page_;
    next_page_ += pages * kPageSize;
    CHECK(next_page_ <= ram_.size(), "test guest is out of memory");
    return at;
}

/// The PTE of an address; null when a table is missing and `create` is not set.
u64* JitGuest::table_entry(Gva address, bool create) const {
    Gpa table = root_;
    for (unsigned level = 3;; --level) {
        u64* entry = reinterpret_cast<u64*>(ram_.base() + table) + (address >> (12 + 9 * level) & 511);
        if (level == 0) return entry;
        if (!(*entry & kPtePresent)) {
            if (!create) return nullptr;
            *entry = next_page_ | kPtePresent | kPteWritable | kPteUser;
            next_page_ += kPageSize;
        }
        table = *entry & 0xf'ffff'ffff'f000;
    }
}

void JitGuest::map(Gva address, Gpa physical, u64 bytes, unsigned rights) {
    for (u64 at = 0; at < bytes; at += kPageSize)
        *table_entry(address + at, true) = (physical + at) | kPtePresent | (rights & kUserPage ? kPteUser : 0) |
                                           (rights & kWritablePage ? kPteWritable : 0) |
                                           (rights & kNoExecutePage ? kPteNoExecute : 0) | (rights & kGlobalPage ? kPteGlobal : 0);
    if (vcpu_) vcpu_->state_changed();
}

void JitGuest::unmap(Gva address, u64 bytes) {
    for (u64 at = 0; at < bytes; at += kPageSize)
        if (u64* entry = table_entry(address + at, false)) *entry = 0;
    if (vcpu_) vcpu_->state_changed();
}

void JitGuest::map_new(Gva address, u64 bytes, unsigned rights) { map(address, allocate(bytes / kPageSize), bytes, rights); }

Gpa JitGuest::physical(Gva address) const {
    const u64* entry = table_entry(address, false);
    CHECK(entry && (*entry & kPtePresent), "{:#x} is not mapped", address);
    return (*entry & 0xf'ffff'ffff'f000) | (address & 0xfff);
}

u8* JitGuest::host(Gva address) const { return ram_.base() + physical(address); }

void JitGuest::write(Gva address, std::span<const u8> bytes) {
    while (!bytes.empty()) {
        const u64 part = std::min<u64>(bytes.size(), kPageSize - (address & 0xfff));
        std::memcpy(host(address), bytes.data(), part);
        phys_->written(physical(address), part);
        address += part;
        bytes = bytes.subspan(part);
    }
}

void JitGuest::read(Gva address, std::span<u8> bytes) const {
    while (!bytes.empty()) {
        const u64 part = std::min<u64>(bytes.size(), kPageSize - (address & 0xfff));
        std::memcpy(bytes.data(), host(address), part);
        address += part;
        bytes = bytes.subspan(part);
    }
}

void JitGuest::build_tables() {
    root_ = allocate(1);
    map_new(kSystemBase, kSystemSize, kWritablePage | kGlobalPage);
    u8* system = ram_.base() + physical(kSystemBase);
    const u64 tss = kSystemBase + kTssAt;
    const u64 gdt[] = {0,
                       flat_descriptor(kCode64),
                       flat_descriptor(kData),
                       flat_descriptor(kUserCode32Attributes),
                       flat_descriptor(kUserDataAttributes),
                       flat_descriptor(kUserCode64),
                       0x67 | (tss & 0xffffff) << 16 | u64{0x8b} << 40 | (tss >> 24 & 0xff) << 56,
                       tss >> 32,
                       flat_descriptor(kCode32)};
    std::memcpy(system + kGdtAt, gdt, sizeof gdt);
    const u16 io_map_base = 0x68;  // behind the limit: ring 3 may access no port
    std::memcpy(system + kTssAt + 102, &io_map_base, 2);
    const u64 stack = kSystemBase + kStackTop;
    const u64 exception_stack = kSystemBase + kExceptionStackTop;
    std::memcpy(system + kTssAt + 4, &stack, 8);  // RSP0; SDM vol. 3, figure 8-11
    std::memcpy(system + kTssAt + 36, &exception_stack, 8);  // IST1, so that a bad stack pointer of ring 0 does no harm
    for (unsigned v = 0; v < kVectors; ++v) {
        const u64 handler = kSystemBase + kHandlersAt + v * kHandlerStep;
        const bool from_user = v == kVectorBP || v == kVectorOF || v >= 32;
        const u64 gate[] = {(handler & 0xffff) | u64{kKernelCode} << 16 | u64{1} << 32 | u64{from_user ? 0xeeu : 0x8eu} << 40 |
                                (handler >> 16 & 0xffff) << 48,
                            handler >> 32};
        std::memcpy(system + kIdtAt + v * 16, gate, 16);
        system[kHandlersAt + v * kHandlerStep] = 0xf4;  // HLT
    }

    CpuState& s = initial_;
    s.gdtr = {kSystemBase + kGdtAt, sizeof gdt - 1};
    s.idtr = {kSystemBase + kIdtAt, kVectors * 16 - 1};
    s.tr = {tss, 0x67, kTaskState, 0x8b};
    s.cr0 = kCr0PE | kCr0MP | kCr0ET | kCr0NE | kCr0WP | kCr0PG;
    s.cr3 = root_;
    s.cr4 = model_.cr4_allowed() & (kCr4PAE | kCr4PGE | kCr4OSFXSR | kCr4OSXMMEXCPT | kCr4FSGSBASE | kCr4OSXSAVE);
    s.efer = kEferLME | kEferLMA | kEferNXE | kEferSCE;
    s.xcr0 = model_.xcr0_allowed();
    reset_xsave(s.xsave);
}

void JitGuest::start(u64 rip, u64 rsp, bool user, unsigned bits) {
    CpuState& s = state();
    s = initial_;
    s.rip = rip;
    s.gpr[kRsp] = rsp;
    s.segment[kCs] = !user        ? bits == 64 ? flat_segment(kKernelCode, kCode64) : flat_segment(kKernelCode32, kCode32)
                     : bits == 64 ? flat_segment(kUserCode, kUserCode64)
                                  : flat_segment(kUserCode32, kUserCode32Attributes);
    const Segment data = user ? flat_segment(kUserData, kUserDataAttributes) : flat_segment(kKernelData, kData);
    for (const unsigned seg : {kSs, kDs, kEs, kFs, kGs}) s.segment[seg] = data;
}

GuestStop JitGuest::run() {
    GuestStop stop;
    stop.exit = vcpu_->run();
    const CpuState& s = state();
    stop.rip = s.rip, stop.rflags = s.rflags, stop.rsp = s.gpr[kRsp], stop.cr2 = s.cr2;
    const u64 handler = s.rip - 1 - (kSystemBase + kHandlersAt);
    if (stop.exit != RunExit::kHalted || handler >= kVectors * kHandlerStep) return stop;
    stop.vector = static_cast<int>(handler / kHandlerStep);
    u64 frame[6] = {};
    const bool has_code = pushes_error_code(stop.vector);
    read(s.gpr[kRsp], {reinterpret_cast<u8*>(frame + (has_code ? 0 : 1)), has_code ? 48u : 40u});
    stop.error_code = static_cast<u32>(frame[0]), stop.rip = frame[1], stop.rflags = frame[3], stop.rsp = frame[4];
    stop.cs = static_cast<u16>(frame[2]), stop.ss = static_cast<u16>(frame[5]);
    return stop;
}

void reset_xsave(u8 (&area)[kXsaveAreaSize]) {
    std::memset(area, 0, sizeof area);
    const u16 fcw = 0x37f;
    const u32 mxcsr = 0x1f80;
    const u64 components = 3;
    std::memcpy(area, &fcw, 2);
    std::memcpy(area + 24, &mxcsr, 4);
    std::memcpy(area + 512, &components, 8);
}

}  // namespace twin86::test
