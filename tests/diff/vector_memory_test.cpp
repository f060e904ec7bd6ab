// Gathers, scatters and byte-masked stores against the host's own: results, faults in the middle, going on afterwards.
#include <cstring>

#include "tests/diff/both_sides.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::diff {

using namespace asmjit;

namespace {

struct Form {
    const char* name;
    InstId gather, scatter;
    unsigned index_bits, data_bits;
};

constexpr Form kForms[] = {
    {"dps", x86::Inst::kIdVgatherdps, x86::Inst::kIdVscatterdps, 32, 32},
    {"dpd", x86::Inst::kIdVgatherdpd, x86::Inst::kIdVscatterdpd, 32, 64},
    {"qps", x86::Inst::kIdVgatherqps, x86::Inst::kIdVscatterqps, 64, 32},
    {"qpd", x86::Inst::kIdVgatherqpd, x86::Inst::kIdVscatterqpd, 64, 64},
    {"dd", x86::Inst::kIdVpgatherdd, x86::Inst::kIdVpscatterdd, 32, 32},
    {"dq", x86::Inst::kIdVpgatherdq, x86::Inst::kIdVpscatterdq, 32, 64},
    {"qd", x86::Inst::kIdVpgatherqd, x86::Inst::kIdVpscatterqd, 64, 32},
    {"qq", x86::Inst::kIdVpgatherqq, x86::Inst::kIdVpscatterqq, 64, 64},
};

constexpr unsigned kMask = 3;  ///< the opmask of EVEX forms

x86::Vec vector_register(unsigned n, unsigned bits) {
    if (bits <= 128) return x86::xmm(n);
    return bits == 256 ? x86::Vec(x86::ymm(n)) : x86::Vec(x86::zmm(n));
}

/// One gather or scatter with its registers and the indices that it starts with.
struct VectorAccess {
    Form form;
    bool evex, scatter;
    unsigned bits;  ///< vector length
    unsigned data, index, mask;
    unsigned shift;
    i32 displacement;
    unsigned count() const { return bits / std::max(form.index_bits, form.data_bits); }

    VectorAccess(Random& r, const Form& f, unsigned vector_bits, bool is_evex, bool is_scatter)
        : form(f), evex(is_evex), scatter(is_scatter), bits(vector_bits) {
        const unsigned registers = evex ? 32 : 16;
        data = static_cast<unsigned>(r.below(registers));
        do index = static_cast<unsigned>(r.below(registers));
        while (index == data);
        do mask = static_cast<unsigned>(r.below(registers));
        while (mask == data || mask == index);
        shift = static_cast<unsigned>(r.below(4));
        displacement = r.chance(300) ? 0 : static_cast<i32>(r.below(600)) - 300;
    }

    void emit(x86::Assembler& a) const {
        const x86::Vec d = vector_register(data, count() * form.data_bits);
        const x86::Vec i = vector_register(index, count() * form.index_bits);
        const x86::Mem m(x86::rbx, i, shift, displacement);
        if (scatter)
            a.k(x86::k(kMask)).emit(form.scatter, m, d);
        else if (evex)
            a.k(x86::k(kMask)).emit(form.gather, d, m);
        else
            a.emit(form.gather, d, m, vector_register(mask, count() * form.data_bits));
        a.add(x86::rcx, 1);  // the block goes on
    }

    /// The index whose element lies `offset` bytes from rbx, as near as the scale allows.
    i64 index_for(i64 offset) const { return (offset - displacement) >> shift; }

    void put_index(u8* vector, unsigned n, i64 value) const {
        std::memcpy(vector + n * form.index_bits / 8, &value, form.index_bits / 8);
    }

    /// Which elements the mask in this state selects.
    u64 selected(const MachineState& s) const {
        if (evex) return mask_of(s, kMask) & ((u64{1} << count()) - 1);
        u8 vector[32] = {};
        std::memcpy(vector, s.xsave + 160 + mask * 16, 16);
        std::memcpy(vector + 16, s.xsave + host_cpuid().xsave[2].offset + mask * 16, 16);
        u64 bits_set = 0;
        for (unsigned n = 0; n < count(); ++n) bits_set |= u64{vector[(n + 1) * form.data_bits / 8 - 1]} >> 7 << n;
        return bits_set;
    }
};

unsigned vector_bytes() {
    return host_cpuid().xcr0 & 0x40 ? 64 : 32;
}

/// Calls f for each form, length and encoding that the host has.
template <class F>
void for_accesses(BothSides& both, Random& r, F f) {
    const bool avx512 = both.model().has(Feature::kAvx512f) && both.model().has(Feature::kAvx512vl);
    for (const Form& form : kForms)
        for (const unsigned bits : {128u, 256u, 512u})
            for (const bool evex : {false, true})
                for (const bool scatter : {false, true}) {
                    if ((evex && !avx512) || (!evex && (bits == 512 || scatter))) continue;
                    for (unsigned repeat = 0; repeat < 6; ++repeat) f(VectorAccess(r, form, bits, evex, scatter));
                }
}

void random_indices(Random& r, const VectorAccess& access, u8* vector) {
    for (unsigned n = 0; n < access.count(); ++n)
        access.put_index(vector, n, access.index_for(static_cast<i64>(r.below(0x2000)) - 0x1000));
}

std::string describe(const VectorAccess& v) {
    return fmt::format("{}{}{} {} bits, data {} index {} mask {} scale {} disp {}", v.evex ? "evex " : "vex ",
                       v.scatter ? "scatter" : "gather", v.form.name, v.bits, v.data, v.index, v.mask, 1 << v.shift,
                       v.displacement);
}

/// A state with random registers whose rbx is in the middle of the writable pages.
void start(Random& r, Job& job) {
    random_state(r, job.in);
    job.in.gpr[kRbx] = kDataBase + 0x1800 + r.below(64);
    job.data_seed = static_cast<u32>(r.next());
}

}  // namespace

TEST_CASE("gathers and scatters do as the host's", "[diff]") {
    BothSides both;
    Random r(1);
    for_accesses(both, r, [&](const VectorAccess& access) {
        start(r, both.job());
        u8 indices[64] = {};
        random_indices(r, access, indices);
        set_vector(both.job().in, access.index, indices, vector_bytes());
        const auto differences = both.run([&](x86::Assembler& a) { access.emit(a); });
        INFO(describe(access) << joined(differences));
        CHECK(differences.empty());
        CHECK(both.native().vector == kVectorBP);
    });
}

TEST_CASE("a gather or scatter that faults in the middle goes on where it was", "[diff]") {
    BothSides both;
    Random r(2);
    unsigned faults = 0;
    for_accesses(both, r, [&](const VectorAccess& access) {
        Job& job = both.job();
        start(r, job);
        u8 indices[64] = {};
        random_indices(r, access, indices);
        // An element behind the window; for half of the scatters in its read-only page.
        const auto bad = static_cast<unsigned>(r.below(access.count()));
        const Gva beyond =
            access.scatter && r.chance(500) ? kDataBase + kWritableSize + 0x10 : kDataBase + kDataSize + 0x20;
        access.put_index(indices, bad, access.index_for(static_cast<i64>(beyond - job.in.gpr[kRbx])));
        set_vector(job.in, access.index, indices, vector_bytes());
        const u64 before = access.selected(job.in);
        auto differences = both.run([&](x86::Assembler& a) { access.emit(a); });
        INFO(describe(access) << " bad " << bad << joined(differences));
        // What a fault leaves in the elements that are not done is up to the processor; the engine follows AMD's.
        if (both.model().is_amd()) CHECK(differences.empty());
        CHECK(both.guest().vector == both.native().vector);
        CHECK(both.guest().cr2 == both.native().cr2);
        if (!(before >> bad & 1)) return;
        ++faults;
        REQUIRE(both.guest().vector == kVectorPF);
        CHECK(access.selected(both.guest().out) == (before & ~((u64{1} << bad) - 1)));

        const u64 flags = job.in.rflags;
        job.in = both.guest().out;
        job.in.rflags = flags;
        access.put_index(indices, bad, access.index_for(0));
        set_vector(job.in, access.index, indices, vector_bytes());
        differences = both.run([&](x86::Assembler& a) { access.emit(a); });
        INFO("again:" << joined(differences));
        CHECK(differences.empty());
        CHECK(both.guest().vector == kVectorBP);
        CHECK(access.selected(both.guest().out) == 0);
    });
    CHECK(faults > 20);
}

TEST_CASE("a gather's registers must differ", "[diff]") {
    BothSides both;
    Random r(3);
    const auto undefined = [&](std::initializer_list<u8> bytes) {
        start(r, both.job());
        const auto differences = both.run(bytes.begin(), bytes.size());
        INFO(joined(differences));
        CHECK(differences.empty());
        return both.guest().vector == kVectorUD;
    };
    CHECK(undefined({0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x0b}));  // vpgatherdd xmm1, [rbx + xmm1], xmm3
    CHECK(undefined({0xc4, 0xe2, 0x61, 0x90, 0x1c, 0x0b}));  // vpgatherdd xmm3, [rbx + xmm1], xmm3
    CHECK(undefined({0xc4, 0xe2, 0x71, 0x90, 0x1c, 0x0b}));  // vpgatherdd xmm3, [rbx + xmm1], xmm1
    CHECK(undefined({0xc4, 0xe2, 0x61, 0x90, 0x0b}));        // no SIB byte
    if (!both.model().has(Feature::kAvx512f)) return;
    CHECK(undefined({0x62, 0xf2, 0x7d, 0x4b, 0x90, 0x0c, 0x0b}));  // vpgatherdd zmm1 {k3}, [rbx + zmm1]
    CHECK(undefined({0x62, 0xf2, 0x7d, 0x48, 0x90, 0x0c, 0x13}));  // vpgatherdd zmm1, [rbx + zmm2] without a mask
    CHECK(undefined({0x62, 0xf2, 0x7d, 0xcb, 0x90, 0x0c, 0x13}));  // the same with {k3}{z}
    CHECK(undefined({0x62, 0xf2, 0x7d, 0x48, 0xa0, 0x0c, 0x13}));  // vpscatterdd [rbx + zmm2], zmm1 without a mask
}

namespace {

enum class Store { kMmx, kSse, kAvx };

void emit_store(x86::Assembler& a, Store kind, bool fs) {
    if (fs) a.db(0x64);
    switch (kind) {
        case Store::kMmx:
            a.emit(x86::Inst::kIdMaskmovq, x86::mm(2), x86::mm(5), x86::ptr(x86::rdi));
            break;
        case Store::kSse:
            a.emit(x86::Inst::kIdMaskmovdqu, x86::xmm(9), x86::xmm(4), x86::ptr(x86::rdi));
            break;
        case Store::kAvx:
            a.emit(x86::Inst::kIdVmaskmovdqu, x86::xmm(4), x86::xmm(11), x86::ptr(x86::rdi));
            break;
    }
    a.add(x86::rcx, 1);
}

}  // namespace

TEST_CASE("byte-masked stores do as the host's", "[diff]") {
    BothSides both;
    Random r(4);
    for (unsigned n = 0; n < 400; ++n) {
        Job& job = both.job();
        start(r, job);
        const Store kind = r.pick({Store::kMmx, Store::kSse, Store::kAvx});
        const bool fs = r.chance(300);
        job.in.gpr[kRdi] = kDataBase + r.below(2 * kPageSize) + (r.chance(300) ? 0xff8 & ~job.in.gpr[kRdi] : 0);
        job.in.fs_base = 0x40;
        const auto differences = both.run([&](x86::Assembler& a) { emit_store(a, kind, fs); });
        INFO("kind " << static_cast<int>(kind) << joined(differences));
        CHECK(differences.empty());
        CHECK((both.native().vector == kVectorBP || both.native().vector == kVectorMF));
    }
}

TEST_CASE("a byte-masked store that faults changes nothing", "[diff]") {
    BothSides both;
    Random r(5);
    for (const Gva border : {kDataBase + kWritableSize, kDataBase + kDataSize, kDataBase}) {
        for (const Store kind : {Store::kMmx, Store::kSse, Store::kAvx}) {
            Job& job = both.job();
            start(r, job);
            plain_vector_state(job.in);
            const u64 all = ~u64{0};
            std::memcpy(job.in.xsave + 32 + 5 * 16, &all, 8);
            for (const unsigned x : {4u, 11u}) {
                std::memcpy(job.in.xsave + 160 + x * 16, &all, 8);
                std::memcpy(job.in.xsave + 168 + x * 16, &all, 8);
            }
            job.in.gpr[kRdi] = border - 3;
            const auto differences = both.run([&](x86::Assembler& a) { emit_store(a, kind, false); });
            INFO("kind " << static_cast<int>(kind) << " border " << border - kDataBase << joined(differences));
            CHECK(both.guest().vector == kVectorPF);
            CHECK(differences.empty());
        }
    }
}

}  // namespace twin86::diff
