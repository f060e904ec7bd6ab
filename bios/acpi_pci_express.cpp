#include "bios/acpi_pci_express.h"

#include "bios/byte_view.h"

namespace twin86 {
namespace {

using namespace aml;

// 33DB4D5B-1FF7-401C-9657-7441C03DD766, as a UUID lies in memory.
const Code kHostBridgeUuid{0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                           0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66};

// First dword of the answer.
constexpr u8 kUnknownUuid = 0x04, kUnknownRevision = 0x08, kMasked = 0x10;
constexpr u32 kFeatures = 0x1f;  // third dword: hot plug, SHPC, PME, AER, the Express capability

}  // namespace

Code express_control() {
    const Code status = path("CDW1"), control = path("CDW3");
    const auto report = [&](u8 bit) { return bit_or(status, integer(bit), status); };
    const Code answer = join({create_dword_field(argument(3), 8, "CDW3"),
                              if_then(bit_and(control, integer(~kFeatures), no_target()), report(kMasked)),
                              bit_and(control, integer(kFeatures), control),
                              if_then(logical_not(equal(argument(1), integer(1))), report(kUnknownRevision)),
                              return_value(argument(3))});
    return method(
        "_OSC", 4,
        join({create_dword_field(argument(3), 0, "CDW1"), if_then(equal(argument(0), buffer(kHostBridgeUuid)), answer),
              report(kUnknownUuid), return_value(argument(3))}),
        true);
}

AcpiTable build_mcfg(const AcpiConfig& c) {
    std::vector<u8> body(8);
    append<u64>(body, c.ecam_base);
    append<u16>(body, 0);  // segment
    append<u8>(body, 0);
    append<u8>(body, static_cast<u8>(c.ecam_buses - 1));
    append<u32>(body, 0);
    return acpi_table("MCFG", 1, body);
}

}  // namespace twin86
