// What the options with structured values do. option_machine.cpp: processor, time; option_accel.cpp: engine;
// option_memory.cpp: RAM; option_object.cpp: -object; option_devices.cpp: devices, monitors, log items; option_storage.cpp: firmware, boot
// order, drives; option_blockdev.cpp: -blockdev; option_config_file.cpp: -readconfig;
// option_identity.cpp: UUID, SMBIOS, files of fw_cfg.
#pragma once

#include "machine/option_values.h"
#include "machine/options.h"

namespace twin86 {

Status set_memory(ParsedOptions& to, const std::string& value);
/// -object: memory for the machine, secrets.
Status add_object(ParsedOptions& to, const std::string& value);
Status add_memory_object(ParsedOptions& to, const Properties& properties);
/// After the last option: the memory that -machine names.
Status finish_memory(ParsedOptions& to);
Status set_smp(ParsedOptions& to, const std::string& value);
Status set_cpu(ParsedOptions& to, const std::string& value);
Status set_machine(ParsedOptions& to, const std::string& value);
Status set_accel(ParsedOptions& to, const std::string& value);
Status set_machine_irqchip(ParsedOptions& to, const std::string& value);
Status set_overcommit(ParsedOptions& to, const std::string& value);
Status set_enable_kvm(ParsedOptions& to, const std::string& value);
Status set_rtc(ParsedOptions& to, const std::string& value);
/// -uuid, -smbios, -fw_cfg: what the guest reads of itself.
Status set_uuid(ParsedOptions& to, const std::string& value);
Status add_smbios(ParsedOptions& to, const std::string& value);
Status add_fw_cfg_file(ParsedOptions& to, const std::string& value);
Status set_boot(ParsedOptions& to, const std::string& value);
Status add_drive(ParsedOptions& to, const std::string& value);
/// -blockdev: an image that -device or -machine pflash0= name.
Status add_block_node(ParsedOptions& to, const std::string& value);
/// After the last option: the nodes that are flash chips.
Status place_flash_nodes(ParsedOptions& to);
/// After the last option, when the machine is known: bus= and unit= of -drive as an index.
void number_drives(Options& o);
Status add_short_drive(ParsedOptions& to, const std::string& file, DriveInterface interface,
                       std::optional<unsigned> index, bool cdrom);
/// -action: what follows a reset or power-off by the guest.
Status set_action(ParsedOptions& to, const std::string& value);
/// -readconfig: a file's groups as words of a command line.
Result<std::vector<std::string>> read_config_file(const std::string& path);
Status set_name(ParsedOptions& to, const std::string& value);

/// -device ahci: an adapter.
Status add_ahci_adapter(Options& o, const std::string& id, const PciPlace& place);
/// -device pcie-root-port: refused when its id or its slot of a chassis is taken.
Status add_root_port(Options& o, const RootPortOptions& port);
/// -device ide-hd, ide-cd and floppy: puts a drive of if=none somewhere. Empty words: not given.
struct DriveAttachment {
    std::string device, drive, bus, unit, boot_index, serial;
};
Status attach_drive(Options& o, const DriveAttachment& to);

Status add_device(ParsedOptions& to, const std::string& value);
Status add_global(ParsedOptions& to, const std::string& value);
/// After the last option: devices and -global properties come together.
Status finish_devices(ParsedOptions& to);
Status add_mon(ParsedOptions& to, const std::string& value);
Status set_vga(ParsedOptions& to, const std::string& value);
/// One property of the display adapter; `prefix` is how the user came to it, for messages.
Status set_vga_property(VgaOptions& vga, const std::string& prefix, const std::string& name, const std::string& value);
Status set_vnc(ParsedOptions& to, const std::string& value);
/// After the last option: the secrets that viewers name.
Status check_viewers(const Options& o);
Status set_display(ParsedOptions& to, const std::string& value);
Status add_log_items(ParsedOptions& to, const std::string& value);

}  // namespace twin86
