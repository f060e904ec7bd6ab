// FakeHost: flat memory with places that fault, recorded ports and flushes. FakeCpuid: CPUID out of a small map.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "cpu/semantics/cpu.h"

namespace twin86 {

class FakeHost : public CpuHost {
  public:
    static constexpr u64 kSize = 0x100000;
    /// Linear addresses wrap into the flat memory, so that canonical upper-half addresses can be used.
    static u64 at(Gva address) { return address % kSize; }

    struct Hole {
        Gva first, last;
        bool only_writes;
    };
    struct PortAccess {
        IoPort port;
        unsigned size;
        u32 value;
    };

    Outcome check(Gva address, unsigned size, bool write, bool supervisor) {
        for (const Hole& h : holes) {
            if (address + size - 1 < h.first || address > h.last || (h.only_writes && !write)) continue;
            const u32 code = (write ? u32{kPfWrite} : 0) | (supervisor ? 0 : u32{kPfUser});
            return Outcome::page_fault(code, std::max(address, h.first));
        }
        return Outcome::success();
    }
    Outcome read_linear(Gva address, void* to, unsigned size, bool supervisor) override {
        TRY_GUEST(check(address, size, false, supervisor));
        ++reads;
        for (unsigned i = 0; i < size; ++i) static_cast<u8*>(to)[i] = memory[at(address + i)];
        return Outcome::success();
    }
    Outcome write_linear(Gva address, const void* from, unsigned size, bool supervisor) override {
        TRY_GUEST(check(address, size, true, supervisor));
        ++writes;
        last_write_supervisor = supervisor;
        for (unsigned i = 0; i < size; ++i) memory[at(address + i)] = static_cast<const u8*>(from)[i];
        return Outcome::success();
    }
    Outcome probe_read(Gva address, unsigned size) override { return check(address, size, false, false); }
    Outcome probe_write(Gva address, unsigned size, bool supervisor) override {
        return check(address, size, true, supervisor);
    }
    bool valid_pae_pointers(u64 cr3) override { return cr3 != bad_pae_pointers; }
    u64 bad_pae_pointers = ~u64{0};
    void flush(FlushKind kind, unsigned pcid) override { flushes.push_back({kind, pcid}); }
    void flush_page(Gva address, unsigned pcid, bool) override { flushed_pages.push_back({address, pcid}); }
    void address_space_switched(bool keep) override { switches.push_back(keep); }
    u32 port_read(IoPort port, unsigned size) override {
        port_accesses.push_back({port, size, 0});
        return next_port_value++;
    }
    void port_write(IoPort port, unsigned size, u32 value) override { port_accesses.push_back({port, size, value}); }
    u8 read_tpr() override { return tpr; }
    void write_tpr(u8 cr8) override { tpr = cr8; }
    bool read_apic_msr(u32 index, u64& value) override {
        const auto it = apic_msrs.find(index);
        if (it == apic_msrs.end()) return false;
        value = it->second;
        return true;
    }
    bool write_apic_msr(u32 index, u64 value) override {
        if (!apic_msrs.contains(index)) return false;
        apic_msrs[index] = value;
        return true;
    }
    u64 read_tsc() override { return tsc; }
    void log_unimplemented(const char* what, u64 detail) override { log.push_back({what, detail}); }

    template <class T>
    T load(Gva address) const {
        T value;
        for (unsigned i = 0; i < sizeof value; ++i) reinterpret_cast<u8*>(&value)[i] = memory[at(address + i)];
        return value;
    }
    template <class T>
    void store(Gva address, T value) {
        for (unsigned i = 0; i < sizeof value; ++i) memory[at(address + i)] = reinterpret_cast<const u8*>(&value)[i];
    }

    std::vector<u8> memory = std::vector<u8>(kSize);
    std::vector<Hole> holes;
    unsigned reads = 0, writes = 0;
    bool last_write_supervisor = false;
    std::vector<std::pair<FlushKind, unsigned>> flushes;
    std::vector<std::pair<Gva, unsigned>> flushed_pages;
    std::vector<bool> switches;
    std::vector<PortAccess> port_accesses;
    u32 next_port_value = 0x11;
    u8 tpr = 0;
    std::map<u32, u64> apic_msrs;
    u64 tsc = 0;
    std::vector<std::pair<std::string, u64>> log;
};

/// A processor with everything that the slow paths know; AMD or Intel. XSAVE offsets are those of Intel hosts.
class FakeCpuid : public CpuidSource {
  public:
    explicit FakeCpuid(bool amd) {
        const u32 vendor = amd ? 0x68747541 : 0x756e6547;
        leaves_[{0, 0}] = {0xd, vendor, 0, 0};
        leaves_[{1, 0}] = {0, 0, bit32(17) | bit32(26), 0x0781abff | bit32(1)};
        leaves_[{7, 0}] = {0, bit32(0) | bit32(1) | bit32(7) | bit32(20), bit32(2) | bit32(22), 0};
        leaves_[{0xd, 0}] = {0xe7, 0, 0, 0};
        leaves_[{0xd, 1}] = {0xf, 0, 0, 0};
        leaves_[{0xd, 2}] = {256, 576, 0, 0};
        leaves_[{0xd, 5}] = {64, 1088, 0, 0};
        leaves_[{0xd, 6}] = {512, 1152, 0, 0};
        leaves_[{0xd, 7}] = {1024, 1664, 2, 0};
        leaves_[{0x80000000, 0}] = {0x80000008, 0, 0, 0};
        leaves_[{0x80000001, 0}] = {0, 0, 0, bit32(11) | bit32(20) | bit32(25) | bit32(27) | bit32(29)};
        leaves_[{0x80000008, 0}] = {0x3028, 0, 0, 0};
    }
    void cpuid(u32 leaf, u32 subleaf, const CpuState&, u32 out[4]) const override {
        const auto it = leaves_.find({leaf, subleaf});
        if (it != leaves_.end()) std::copy(it->second.begin(), it->second.end(), out);
    }
    bool ignores_unknown_msrs() const override { return ignore_msrs; }

    bool ignore_msrs = false;

  private:
    static constexpr u32 bit32(unsigned n) { return u32{1} << n; }
    std::map<std::pair<u32, u32>, std::array<u32, 4>> leaves_;
};

}  // namespace twin86
