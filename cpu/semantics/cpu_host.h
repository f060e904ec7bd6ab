// CpuHost: what the slow paths need from the engine and the machine around one processor.
#pragma once

#include "base/types.h"
#include "cpu/state/fault.h"
#include "mmu/page_walk.h"

namespace twin86 {

/// How much of the cached translations a control-register write or INVPCID drops.
enum class FlushKind : u8 {
    kAll,           ///< everything including global entries
    kNonGlobal,     ///< everything but global entries, of all PCIDs
    kPcid,          ///< the non-global entries of one PCID
};

class CpuHost {
  public:
    virtual ~CpuHost() = default;

    // Linear memory with the rights of the current mode. An access is all or nothing: a fault on the second page leaves
    // memory unchanged. `supervisor` marks implicit supervisor accesses (descriptor tables, TSS, stack pushes of a
    // delivery to an inner level), which ignore CPL and, for SMAP, EFLAGS.AC.
    virtual Outcome read_linear(Gva address, void* to, unsigned size, bool supervisor = false) = 0;
    virtual Outcome write_linear(Gva address, const void* from, unsigned size, bool supervisor = false) = 0;
    /// Checks that a read of `size` bytes at CPL's rights would succeed, without reading. It counts for data breakpoints.
    virtual Outcome probe_read(Gva address, unsigned size) = 0;
    /// Checks that a write of `size` bytes would succeed, without writing.
    virtual Outcome probe_write(Gva address, unsigned size, bool supervisor = false) = 0;

    /// Whether PAE paging may be entered with the pointers that this CR3 leads to. (Under KVM the processor looks.)
    virtual bool valid_pae_pointers(u64) { return true; }

    // Translation caches.
    virtual void flush(FlushKind kind, unsigned pcid) = 0;
    virtual void flush_page(Gva address, unsigned pcid, bool all_pcids) = 0;
    /// CR3 was loaded: `keep` when bit 63 asked to keep the entries of the new PCID.
    virtual void address_space_switched(bool keep) = 0;

    // Ports.
    virtual u32 port_read(IoPort port, unsigned size) = 0;
    virtual void port_write(IoPort port, unsigned size, u32 value) = 0;

    // Local APIC: CR8 and the MSRs 0x1b, 0x6e0, 0x800-0x8ff. false: #GP.
    virtual u8 read_tpr() = 0;
    virtual void write_tpr(u8 cr8) = 0;
    virtual bool read_apic_msr(u32 index, u64& value) = 0;
    virtual bool write_apic_msr(u32 index, u64 value) = 0;

    /// Guest TSC before TSC_ADJUST and offset: host time scaled to the guest's rate.
    virtual u64 read_tsc() = 0;
    /// Called once per event for `-d int,unimp`: one line without a newline.
    virtual void log_unimplemented(const char* what, u64 detail) = 0;
};

}  // namespace twin86
