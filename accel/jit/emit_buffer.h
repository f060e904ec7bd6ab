// EmitBuffer: the assembler and the scratch vectors of translation, kept from block to block so that translating
// allocates next to nothing.
#pragma once

#include <asmjit/x86.h>

#include <vector>

#include "accel/jit/block.h"
#include "accel/jit/look_up_template.h"
#include "accel/jit/probe_template.h"

namespace twin86::jit {

struct EmitBuffer {
    /// A call or jump out of the block: the rel32 at `offset` of its section leads to `target`.
    struct Fixup {
        bool cold;
        u32 offset;
        const u8* target;
    };

    /// A jump inside the block whose ends may lie in different sections.
    struct LocalFixup {
        bool from_cold, to_cold;
        u32 at, to;
    };

    /// Branches to direct successors, whose final offsets are known at the end.
    struct PendingChain {
        ChainSite* site;
        asmjit::Label patch_end;  ///< behind the rel32
        asmjit::Label exit;
    };
    struct PendingPageLink {
        ChainSite* site;
        u32 at;  ///< of PageLink, in its section
        bool cold;
        u32 exit;  ///< in the cold section: the call of exit_chain
    };

    const ProbeTemplates probes;
    const LookUpTemplate look_up;
    asmjit::CodeHolder code;
    asmjit::x86::Assembler assembler;
    asmjit::Section* cold = nullptr;
    std::vector<Fixup> fixups;
    std::vector<LocalFixup> local_fixups;
    std::vector<PendingChain> chains;
    std::vector<PendingPageLink> page_links;
    std::vector<SidePoint> hot_points, cold_points;
    std::vector<u32> live_before;

    /// Empties everything for the next block.
    void begin() {
        if (blocks_++ % kBlocksToReset == 0) reset();
        code.textSection()->buffer()._size = 0;
        cold->buffer()._size = 0;
        assembler.section(code.textSection());
        fixups.clear();
        local_fixups.clear();
        chains.clear();
        page_links.clear();
        hot_points.clear();
        cold_points.clear();
    }

  private:
    static constexpr unsigned kBlocksToReset = 16;  ///< labels pile up until then, which costs less than starting anew
    unsigned blocks_ = 0;

    void reset() {
        code.reset(asmjit::ResetPolicy::kSoft);
        code.init(asmjit::Environment::host());
        code.newSection(&cold, ".cold", SIZE_MAX, asmjit::SectionFlags::kExecutable, 1);
        code.attach(&assembler);
    }
};

}  // namespace twin86::jit
