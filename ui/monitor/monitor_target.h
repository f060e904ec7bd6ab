// MonitorTarget: what the monitor can ask of a machine. The machine implements it; the monitor knows no machine.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

/// One disassembled instruction; length 0: these bytes are no instruction, or nobody disassembles.
struct Disassembly {
    unsigned length = 0;
    std::string text;
};

struct MouseButtons {
    bool left = false, middle = false, right = false;
};

/// Which machine this is.
struct MachineIdentity {
    std::string name, uuid, version;
    int vcpu_thread = 0;  ///< the host's number of the thread that runs the guest
    bool kvm = false;     ///< is KVM the engine
};

/// Called on the main thread with the machine lock held. Text may be many lines; each ends in \n.
class MonitorTarget {
  public:
    virtual ~MonitorTarget() = default;

    virtual void quit() = 0;
    virtual void stop() = 0;
    virtual void cont() = 0;
    virtual void system_reset() = 0;
    virtual void system_powerdown() = 0;
    virtual void nmi() = 0;

    /// "running", "paused", "shutdown" ...
    virtual std::string run_state() const = 0;
    virtual MachineIdentity identity() = 0;
    virtual std::string info_registers() = 0;
    virtual std::string info_mem() = 0;
    virtual std::string info_tlb() = 0;
    virtual std::string info_mtree() = 0;
    virtual std::string info_accel() = 0;
    /// The guest goes on in that engine; what to say about it.
    virtual std::string select_engine(std::string_view name) = 0;
    virtual std::string info_pci() = 0;
    virtual std::string info_irq() = 0;
    virtual std::string info_pic() = 0;
    virtual std::string info_qtree() = 0;
    virtual std::string info_vga() = 0;
    virtual std::string info_block() = 0;

    /// Removable drives, by the names that info_block() shows.
    virtual Status eject(const std::string& drive, bool force) = 0;
    virtual Status change(const std::string& drive, const std::string& file, bool read_only) = 0;

    /// The screen as a PNG or PPM file.
    virtual Status screendump(const std::string& path, bool ppm) = 0;
    /// Its characters as UTF-8, row by row, in text modes and wherever glyphs of the VGA's font are seen.
    virtual Result<std::vector<std::string>> screen_text() = 0;
    /// Presses keys together, by the names of devices/input/key_table, and lets them go after `hold_ms` of guest time.
    virtual Status send_keys(const std::vector<std::string>& names, unsigned hold_ms) = 0;
    /// What a US keyboard can type.
    virtual Status type_text(std::string_view text) = 0;

    virtual std::string info_vnc() = 0;
    /// Of remote viewers that are asked for one.
    virtual Status set_viewer_password(const std::string& password) = 0;
    /// From then on the password lets nobody in; seconds since 1970.
    virtual Status expire_viewer_password(i64 when) = 0;

    /// To the right, downwards, and the wheel towards the user.
    virtual void move_mouse(int dx, int dy, int wheel) = 0;
    virtual void press_mouse_buttons(MouseButtons pressed) = 0;

    /// By the name without '$', lower case: rax, eip, cr3 ...
    virtual std::optional<u64> register_value(std::string_view name) = 0;
    /// Without side effects on the guest; false when any byte is not mapped.
    virtual bool read_virtual(Gva address, std::span<u8> to) = 0;
    /// Nothing: not mapped.
    virtual std::optional<Gpa> physical_address(Gva address) = 0;
    virtual bool read_physical(Gpa address, std::span<u8> to) = 0;

    /// As the guest would: of 1, 2 or 4 bytes, with all side effects.
    virtual u32 read_port(IoPort port, unsigned size) = 0;
    virtual void write_port(IoPort port, unsigned size, u32 value) = 0;

    /// In the processor's current mode.
    virtual Disassembly disassemble(u64 address, std::span<const u8> code) { return {}; }
};

}  // namespace twin86
