// fw_cfg: the items by which a virtual machine tells its firmware what it is. QEMU documentation, "QEMU Firmware
// Configuration (fw_cfg) Device": selector, data and DMA registers of the x86 variant, and the file directory.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/dma.h"

namespace twin86 {

class FwCfg : public Device {
  public:
    static constexpr IoPort kPort = 0x510, kDmaPort = 0x514;
    static constexpr u32 kPorts = 2, kDmaPorts = 8;

    /// Item numbers that are not files.
    enum Key : u16 {
        kSignature = 0x00,
        kId = 0x01,
        kUuid = 0x02,
        kRamSize = 0x03,
        kNoGraphic = 0x04,
        kCpuCount = 0x05,
        kKernelSize = 0x08,
        kInitrdSize = 0x0b,
        kBootMenu = 0x0e,
        kMaxCpus = 0x0f,
        kKernelData = 0x11,
        kInitrdData = 0x12,
        kCommandLineSize = 0x14,
        kCommandLineData = 0x15,
        kSetupSize = 0x17,
        kSetupData = 0x18,
        kFileDirectory = 0x19,
        kFirstFile = 0x20,
    };

    FwCfg(DmaView& dma, Log& log);

    // For the machine, before the guest runs.
    void set_item(u16 key, std::vector<u8> content) { items_[key] = std::move(content); }
    /// Little-endian integer item of `size` bytes.
    void set_number(u16 key, u64 value, unsigned size);
    /// A file of the directory; a second one of the same name replaces the first.
    void set_file(const std::string& name, std::vector<u8> content);
    /// A file whose content is made anew whenever firmware selects it: tables that say what firmware itself has set up.
    /// Its size stays as it is now.
    void set_file_maker(const std::string& name, std::function<std::vector<u8>()> make);
    /// Content of a file; null: there is none.
    const std::vector<u8>* file(const std::string& name) const;

    std::string_view name() const override { return "fw-cfg"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    IoHandler& selector_ports() { return selector_ports_; }  ///< 0x510: selector (word), 0x511: data (byte)
    IoHandler& dma_ports() { return dma_ports_; }            ///< 0x514: address of a DMA descriptor, big endian

  private:
    struct SelectorPorts : IoHandler {
        explicit SelectorPorts(FwCfg& owner) : owner(owner) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        FwCfg& owner;
    };
    struct DmaPorts : IoHandler {
        explicit DmaPorts(FwCfg& owner) : owner(owner) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        FwCfg& owner;
    };

    void select(u16 key);
    u8 next_byte();
    void run_dma();
    bool transfer(u64 address, u32 length);
    void rebuild_directory();

    DmaView& dma_;
    Log& log_;
    SelectorPorts selector_ports_{*this};
    DmaPorts dma_ports_{*this};
    std::map<u16, std::vector<u8>> items_;
    std::map<std::string, u16> files_;
    std::map<u16, std::function<std::vector<u8>()>> makers_;

    u16 key_ = 0;
    u32 offset_ = 0;
    u64 dma_address_ = 0;
};

}  // namespace twin86
