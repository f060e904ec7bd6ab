// MachineMonitor: what the monitor shows of a machine and does to it.
#pragma once

#include "devices/display/glyph_reader.h"
#include "machine/machine.h"
#include "mmu/page_walk.h"
#include "ui/monitor/monitor_target.h"

namespace twin86 {

class Viewers;

/// The guest stands still while something is read, and goes on afterwards if it ran before.
class MachineMonitor : public MonitorTarget {
  public:
    explicit MachineMonitor(Machine& machine, Log& log) : machine_(machine), log_(log) {}

    /// Who sees the screen; null: not yet, or no more.
    void set_viewers(Viewers* viewers) { viewers_ = viewers; }

    void quit() override { machine_.quit(0); }
    void stop() override { machine_.pause(); }
    void cont() override;
    void system_reset() override { machine_.request_reset(); }
    void nmi() override { machine_.press_nmi_button(); }
    void system_powerdown() override { machine_.board().acpi_pm().press_power_button(); }

    std::string run_state() const override;
    MachineIdentity identity() override;
    std::string info_registers() override;
    std::string info_mem() override;
    std::string info_tlb() override;
    std::string info_mtree() override;
    std::string info_accel() override;
    std::string select_engine(std::string_view name) override;
    std::string info_pci() override;
    std::string info_irq() override;
    std::string info_pic() override;
    std::string info_qtree() override;
    std::string info_vga() override;
    std::string info_block() override { return machine_.drives().text(); }

    Status eject(const std::string& drive, bool force) override { return machine_.drives().eject(drive, force); }
    Status change(const std::string& drive, const std::string& file, bool read_only) override {
        return machine_.drives().change(drive, file, read_only);
    }

    // monitor_screen.cpp
    Status screendump(const std::string& path, bool ppm) override;
    Result<std::vector<std::string>> screen_text() override;
    Status send_keys(const std::vector<std::string>& names, unsigned hold_ms) override;
    Status type_text(std::string_view text) override;
    std::string info_vnc() override;
    Status set_viewer_password(const std::string& password) override;
    Status expire_viewer_password(i64 when) override;
    void move_mouse(int dx, int dy, int wheel) override;
    void press_mouse_buttons(MouseButtons pressed) override;

    std::optional<u64> register_value(std::string_view name) override;
    bool read_virtual(Gva address, std::span<u8> to) override;
    std::optional<Gpa> physical_address(Gva address) override;
    bool read_physical(Gpa address, std::span<u8> to) override;
    u32 read_port(IoPort port, unsigned size) override;
    void write_port(IoPort port, unsigned size, u32 value) override;
    Disassembly disassemble(u64 address, std::span<const u8> code) override;

  private:
    PagingContext context() const;
    const GlyphReader* uefi_glyphs();

    Machine& machine_;
    Log& log_;
    Viewers* viewers_ = nullptr;
    std::unique_ptr<GlyphReader> glyphs_, uefi_glyphs_;
    u64 next_search_ns_ = 0;  ///< for the font of UEFI firmware
};

/// Buses and memory in address order, also for --explain.
std::string memory_tree_text(Machine& machine);

}  // namespace twin86
