// Access rights and error codes: every combination against the independent model.
#include "cpu/state/fault.h"
#include "cpu/state/registers.h"
#include "mmu/page_walk_impl.h"
#include "tests/unit/mmu/fixture.h"
#include "tests/lib/page_walk_model.h"

using namespace twin86;

static_assert(paging::kCr0Wp == kCr0WP && paging::kCr0Pg == kCr0PG);
static_assert(paging::kCr4Pse == kCr4PSE && paging::kCr4Pae == kCr4PAE && paging::kCr4Pge == kCr4PGE && paging::kCr4La57 == kCr4LA57);
static_assert(paging::kCr4Smep == kCr4SMEP && paging::kCr4Smap == kCr4SMAP && paging::kEferLma == kEferLMA && paging::kEferNxe == kEferNXE);
static_assert(paging::kErrorP == u32{kPfPresent} && paging::kErrorW == u32{kPfWrite} && paging::kErrorU == u32{kPfUser});
static_assert(paging::kErrorRsvd == u32{kPfReserved} && paging::kErrorI == u32{kPfFetch});

namespace {

PagingContext context(const model::Mode& m, u64 cr4, u64 efer, bool user) {
    PagingContext c;
    c.cr0 = kCr0 | (m.wp ? kWp : 0);
    c.cr3 = 0x1000;
    c.cr4 = cr4 | (m.smep ? kSmep : 0) | (m.smap ? kSmap : 0);
    c.efer = efer | (m.nxe ? kNxe : 0);
    c.user = user;
    c.smap_override = m.ac;
    return c;
}

template <class Body>
void for_each_mode(bool pae, Body body) {
    for (unsigned bits = 0; bits < 32; ++bits)
        body(model::Mode{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, pae});
}

/// Compares all accesses in all modes with the model. `restore` rewrites the entries before each access.
template <class Restore>
unsigned compare(Memory& memory, Gva va, const std::vector<model::Level>& levels, u64 cr4, u64 efer, Restore restore) {
    unsigned wrong = 0;
    for_each_mode((cr4 & kPae) != 0, [&](const model::Mode& mode) {
        for (unsigned n = 0; n < 6; ++n) {
            const Access access = static_cast<Access>(n / 2);
            const model::Access3 as{n % 2 != 0, access == Access::kWrite, access == Access::kExecute};
            std::vector<model::Level> adapted = levels;
            for (model::Level& l : adapted)
                if ((cr4 & kPae) != 0 && !mode.nxe) l.reserved |= kXd;
            restore();
            PagingMemory pm(memory.map->pages());
            const WalkResult got = translate(context(mode, cr4, efer, as.user), pm, va, access);
            const auto want = model::fault(adapted, mode, as);
            if (got.ok != !want.has_value() || (want && got.error_code != *want)) ++wrong;
            if (!got.ok) continue;
            // The other rights of the result are those that walks of their own would find.
            for (unsigned k = 0; k < 3; ++k) {
                const auto other = model::fault(adapted, mode, {as.user, k == 1, k == 2});
                const bool claimed = k == 0 ? got.page.readable : k == 1 ? got.page.writable : got.page.executable;
                const bool dirty = (adapted.back().entry & kD) != 0 || as.write;
                if (claimed != (!other.has_value() && (k != 1 || dirty))) ++wrong;
            }
        }
    });
    return wrong;
}

}  // namespace

TEST_CASE("rights of 4-level paging agree with the model for every combination of R/W, U/S, XD of all levels") {
    Memory memory;
    const Gva va = 0x0000'1234'5678'9000;
    const Gpa slots[4] = {0x1000 + (va >> 39 & 511) * 8, 0x2000 + (va >> 30 & 511) * 8, 0x3000 + (va >> 21 & 511) * 8, 0x4000 + (va >> 12 & 511) * 8};
    unsigned wrong = 0;
    for (unsigned combination = 0; combination < 4096; ++combination) {
        std::vector<model::Level> levels;
        for (unsigned i = 0; i < 4; ++i) {
            const unsigned three = combination >> (3 * i) & 7;
            // A and D are set at times, so that each is met in both states.
            const u64 target = (0x2000 + i * 0x1000) | (combination & 64 ? kA : 0) | (i == 3 && combination & 1 ? kD : 0);
            levels.push_back({target | kP | ((three & 1) ? kRw : 0) | ((three & 2) ? kUs : 0) | ((three & 4) ? kXd : 0)});
        }
        wrong += compare(memory, va, levels, kPae, kLma, [&] {
            for (unsigned i = 0; i < 4; ++i) memory.put(slots[i], levels[i].entry);
        });
    }
    CHECK(wrong == 0);
}

TEST_CASE("rights of PAE and of 32-bit paging agree with the model") {
    Memory memory;
    const Gva va = 0xc123'4000;
    unsigned wrong = 0;
    for (unsigned combination = 0; combination < 64; ++combination) {
        const auto rights = [&](unsigned i, bool xd) {
            const unsigned three = combination >> (3 * i) & 7;
            return kP | ((three & 1) ? kRw : 0) | ((three & 2) ? kUs : 0) | (xd && (three & 4) ? kXd : 0);
        };
        const u64 pae[3] = {0x2000 | kP, 0x3000 | rights(0, true), 0x4000 | rights(1, true)};
        wrong += compare(memory, va, {{pae[0], 0, false}, {pae[1]}, {pae[2]}}, kPae, 0, [&] {
            memory.put(0x1000 + 3 * 8, pae[0]);
            memory.put(0x2000 + (va >> 21 & 511) * 8, pae[1]);
            memory.put(0x3000 + (va >> 12 & 511) * 8, pae[2]);
        });
        const u32 legacy[2] = {static_cast<u32>(0x3000 | rights(0, false)), static_cast<u32>(0x4000 | rights(1, false))};
        wrong += compare(memory, va, {{legacy[0]}, {legacy[1]}}, 0, 0, [&] {
            memory.put(0x1000 + (va >> 22) * 4, legacy[0]);
            memory.put(0x3000 + (va >> 12 & 1023) * 4, legacy[1]);
        });
    }
    CHECK(wrong == 0);
}

TEST_CASE("each bit of each entry: present, reserved or harmless, as the manual says") {
    const Gva va = 0x0000'7fff'ffff'f000 & ~u64{0xfff};
    const Gpa slots[4] = {0x1000 + (va >> 39 & 511) * 8, 0x2000 + (va >> 30 & 511) * 8, 0x3000 + (va >> 21 & 511) * 8, 0x4000 + (va >> 12 & 511) * 8};
    const auto physical_reserved = [](unsigned bits) { return ((u64{1} << 52) - 1) & ~((u64{1} << bits) - 1); };
    for (unsigned physical_bits : {32u, 36u, 40u, 46u, 52u}) {
        for (unsigned leaf : {1u, 2u, 3u}) {  // 1 GiB, 2 MiB, 4 KiB
            for (unsigned level = 0; level <= leaf; ++level) {
                for (unsigned b = 12; b < 63; ++b) {  // physical address bits and software bits
                    Memory memory(64 * KiB, 64 * KiB);
                    for (unsigned i = 0; i <= leaf; ++i) {
                        const u64 ps = i == leaf && leaf < 3 ? kPs : 0;
                        memory.put(slots[i], (i == leaf ? 0 : 0x2000 + i * 0x1000) | kP | kRw | kUs | ps | (i == level ? bit(b) : 0));
                    }
                    u64 reserved = physical_reserved(physical_bits);
                    if (level == leaf && leaf == 1) reserved |= bit(30) - bit(13);
                    if (level == leaf && leaf == 2) reserved |= bit(21) - bit(13);
                    PagingContext c = context({true, false, false, false, true, true}, kPae, kLma, true);
                    c.physical_bits = static_cast<u8>(physical_bits);
                    PagingMemory pm(memory.map->pages());
                    const WalkResult r = translate(c, pm, va, Access::kWrite);
                    INFO("level " << level << " leaf " << leaf << " bit " << b << " of " << physical_bits);
                    if ((reserved & bit(b)) != 0) {
                        CHECK_FALSE(r.ok);
                        CHECK(r.error_code == (kPfPresent | kPfWrite | kPfUser | kPfReserved));
                    } else if (b >= 52 || level == leaf) {
                        CHECK(r.ok);
                    } else {
                        CHECK(r.error_code != (kPfPresent | kPfWrite | kPfUser | kPfReserved));
                    }
                }
            }
        }
    }
}
