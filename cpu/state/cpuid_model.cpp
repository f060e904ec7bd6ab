#include "cpu/state/cpuid_model.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "base/bits.h"
#include "base/nearest.h"
#include "cpu/state/cpu_models.h"

namespace twin86 {

namespace {

/// QEMU accepts sse4_1, sse4-1 and sse4.1 for the same feature.
std::string normalized(std::string_view name) {
    std::string s(name);
    for (char& c : s)
        if (c == '_' || c == '.') c = '-';
    return s;
}

std::vector<std::string_view> feature_names() {
    std::vector<std::string_view> names;
    for (unsigned f = kFirstFeature; f < static_cast<unsigned>(Feature::kCount); ++f) names.push_back(kFeatures[f].name);
    for (const FeatureAlias& a : kFeatureAliases) names.push_back(a.alias);
    for (const char* key : {"vendor", "family", "model", "stepping", "model-id", "phys-bits"}) names.push_back(key);
    return names;
}

/// By edits alone: feature names extend each other (avx, avx2, avx512f), a common beginning says little.
std::string feature_hint(std::string_view word) {
    const std::vector<std::string_view> names = feature_names();
    const auto edits = [word](std::string_view name) { return edit_distance(word.substr(0, 40), name); };
    const auto best = std::min_element(names.begin(), names.end(), [&](auto a, auto b) { return edits(a) < edits(b); });
    return did_you_mean(word, std::span(&*best, 1));
}

/// kNone: no such feature.
Feature find_feature(std::string_view name) {
    std::string wanted = normalized(name);
    for (const FeatureAlias& a : kFeatureAliases)
        if (wanted == a.alias) wanted = normalized(a.name);
    for (unsigned f = kFirstFeature; f < static_cast<unsigned>(Feature::kCount); ++f)
        if (normalized(kFeatures[f].name) == wanted) return static_cast<Feature>(f);
    return Feature::kNone;
}

FeatureSet offerable_features(const HostCpuid& host) {
    FeatureSet set;
    for (Feature f : kEmulatedFeatures) set.set(f);
    for (Feature f : kNativeFeatures) set.set(f, host.features.has(f));
    return set;
}

void drop_without_basis(FeatureSet& set) {
    for (const FeatureDependency& d : kFeatureDependencies)
        if (!set.has(d.needs)) set.set(d.feature, false);
}

std::string names_of(const FeatureSet& set) {
    std::string list;
    for (unsigned f = kFirstFeature; f < static_cast<unsigned>(Feature::kCount); ++f)
        if (set.has(static_cast<Feature>(f))) list += fmt::format("{}{}", list.empty() ? "" : ", ", kFeatures[f].name);
    return list;
}

FeatureSet minus(const FeatureSet& a, const FeatureSet& b) {
    FeatureSet r;
    for (unsigned w = 0; w < std::size(r.words); ++w) r.words[w] = a.words[w] & ~b.words[w];
    return r;
}

std::string unknown_model(std::string_view name) {
    std::vector<std::string_view> names;
    for (const NamedModel& m : kNamedModels) names.push_back(m.name);
    return fmt::format("-cpu: unknown model '{}'{}; '-cpu help' lists them", name, did_you_mean(name, names));
}

}  // namespace

Result<CpuModel> CpuModel::parse(std::string_view spec, const HostCpuid& host) {
    const auto next = [&spec] {
        const std::string_view part = spec.substr(0, spec.find(','));
        spec.remove_prefix(std::min(spec.size(), part.size() + 1));
        return part;
    };
    const std::string_view name = next();
    const auto named = std::find_if(kNamedModels.begin(), kNamedModels.end(), [name](const NamedModel& m) { return m.name == name; });
    if (named == kNamedModels.end()) return Error{unknown_model(name)};

    CpuModel m;
    m.name_ = name;
    m.brand_ = named->brand;
    std::copy(std::begin(host.xsave), std::end(host.xsave), m.xsave_);
    FeatureSet offerable = offerable_features(host);
    drop_without_basis(offerable);
    if (named->host_identity) {
        m.vendor_ = host.is_amd() ? "AuthenticAMD" : "GenuineIntel";
        m.family_ = host.family, m.model_ = host.model, m.stepping_ = host.stepping;
        m.physical_bits_ = host.physical_bits;
        m.features_ = offerable;
    } else {
        m.vendor_ = "AuthenticAMD";
        m.family_ = named->family, m.model_ = named->model, m.stepping_ = named->stepping;
        for (const auto& group : named->features)
            for (Feature f : group) m.features_.set(f);
    }
    m.drop_other_vendor(offerable);
    m.drop_other_vendor(m.features_);
    FeatureSet added;
    while (!spec.empty())
        if (Status s = m.apply(next(), offerable, added); !s) return s.failure();
    for (const FeatureDependency& d : kFeatureDependencies)
        if (added.has(d.feature) && m.has(d.feature) && !m.has(d.needs))
            return error("-cpu: {} needs {}", feature_info(d.feature).name, feature_info(d.needs).name);

    if (const FeatureSet missing = minus(m.features_, offerable); !(missing == FeatureSet{}))
        return error("-cpu {}: this host lacks {} (choose a smaller model or switch them off with -feature)", name, names_of(missing));
    drop_without_basis(m.features_);
    m.drop_other_vendor(m.features_);  // vendor= may have changed it
    return m;
}

/// AMD's and Intel's own ways of saying 'not affected' exist only on their processors.
void CpuModel::drop_other_vendor(FeatureSet& set) const {
    if (is_amd()) {
        set.set(Feature::kArchCapabilities, false);
        set.set(Feature::kSpecCtrl, false);
    } else {
        set[FeatureWord::k8_21Eax] = 0;
        set[FeatureWord::k8_8Ebx] = 0;
    }
}

Status CpuModel::apply(std::string_view option, const FeatureSet& offerable, FeatureSet& added) {
    if (option.empty()) return {};
    bool on = true;
    std::string_view name = option;
    if (option[0] == '+' || option[0] == '-') {
        on = option[0] == '+';
        name.remove_prefix(1);
    } else if (const std::size_t equals = option.find('='); equals != option.npos) {
        name = option.substr(0, equals);
        const std::string_view value = option.substr(equals + 1);
        bool known = false;
        if (Status s = set_key(name, value, known); known || !s) return s;
        if (find_feature(name) != Feature::kNone) {
            on = value == "on" || value == "yes" || value == "true";
            if (!on && value != "off" && value != "no" && value != "false") return error("-cpu: {}: '{}' is neither on nor off", name, value);
        }
    }
    const Feature f = find_feature(name);
    if (f == Feature::kNone) return error("-cpu: unknown feature '{}'{}", name, feature_hint(name));
    if (!on) return features_.set(f, false), Status{};
    if (!offerable.has(f)) {
        const bool native = std::find(kNativeFeatures.begin(), kNativeFeatures.end(), f) != kNativeFeatures.end();
        return error("-cpu: {} is not available: {}", name, native ? "this host lacks it or what it builds on" : "it is not emulated for this processor");
    }
    features_.set(f);
    added.set(f);
    return {};
}

/// The options that are not features.
Status CpuModel::set_key(std::string_view key, std::string_view value, bool& known) {
    struct Number {
        std::string_view key;
        u32 low, high;
    };
    static constexpr Number kNumbers[] = {{"family", 5, 270}, {"model", 0, 255}, {"stepping", 0, 15}, {"phys-bits", 32, 52}};
    known = true;
    if (key == "vendor") {
        if (value != "AuthenticAMD" && value != "GenuineIntel") return error("-cpu: vendor '{}' is neither AuthenticAMD nor GenuineIntel", value);
        vendor_ = value;
        return {};
    }
    if (key == "model-id") {
        if (value.size() > 47) return error("-cpu: model-id has more than 47 characters");
        brand_ = value;
        return {};
    }
    const auto number = std::find_if(std::begin(kNumbers), std::end(kNumbers), [key](const Number& n) { return n.key == key; });
    if (number == std::end(kNumbers)) return known = false, Status{};
    u32 n = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (problem != std::errc{} || end != value.data() + value.size() || n < number->low || n > number->high)
        return error("-cpu: {} must be a number from {} to {}, not '{}'", key, number->low, number->high, value);
    if (key == "family") family_ = n;
    if (key == "model") model_ = n;
    if (key == "stepping") stepping_ = n;
    if (key == "phys-bits") physical_bits_ = static_cast<u8>(n);
    return {};
}

std::string CpuModel::help() {
    std::string s = "CPU models:\n";
    for (const NamedModel& m : kNamedModels) s += fmt::format("  {:<12} {}\n", m.name, m.description);
    s += "Features, as +feature, -feature or feature=on|off after a comma:\n";
    std::string line = " ";
    const auto add = [&](Feature f) {
        const std::string_view name = feature_info(f).name;
        if (line.size() + name.size() > 78) s += line + "\n", line = " ";
        line += fmt::format(" {}", name);
    };
    for (Feature f : kEmulatedFeatures) add(f);
    for (Feature f : kNativeFeatures) add(f);
    s += line + "\nOther keys: vendor=AuthenticAMD|GenuineIntel, family=, model=, stepping=, model-id=, phys-bits=\n";
    return s;
}

u64 CpuModel::cr4_allowed() const {
    u64 mask = kCr4TSD | kCr4PCE;
    const auto add = [&](Feature f, u64 bits) { mask |= has(f) ? bits : 0; };
    add(Feature::kVme, kCr4VME | kCr4PVI);
    add(Feature::kDe, kCr4DE);
    add(Feature::kPse, kCr4PSE);
    add(Feature::kPae, kCr4PAE);
    add(Feature::kMce, kCr4MCE);
    add(Feature::kPge, kCr4PGE);
    add(Feature::kFxsr, kCr4OSFXSR);
    add(Feature::kSse, kCr4OSXMMEXCPT);
    add(Feature::kUmip, kCr4UMIP);
    add(Feature::kLa57, kCr4LA57);
    add(Feature::kFsgsbase, kCr4FSGSBASE);
    add(Feature::kPcid, kCr4PCIDE);
    add(Feature::kXsave, kCr4OSXSAVE);
    add(Feature::kSmep, kCr4SMEP);
    add(Feature::kSmap, kCr4SMAP);
    add(Feature::kPku, kCr4PKE);
    return mask;
}

u64 CpuModel::efer_allowed() const {
    u64 mask = 0;
    const auto add = [&](Feature f, u64 bits) { mask |= has(f) ? bits : 0; };
    add(Feature::kSyscall, kEferSCE);
    add(Feature::kLm, kEferLME | kEferLMA);
    add(Feature::kNx, kEferNXE);
    add(Feature::kFxsrOpt, kEferFFXSR);
    add(Feature::kTce, kEferTCE);
    add(Feature::kAutoIbrs, kEferAIBRSE);
    return mask;
}

u64 CpuModel::xcr0_allowed() const {
    if (!has(Feature::kXsave)) return 0;
    u64 mask = 3;
    if (has(Feature::kAvx)) mask |= 4;
    if (has(Feature::kAvx512f)) mask |= 0xe0;
    return mask;
}

u32 CpuModel::xsave_size(u64 components) const {
    u32 size = 576;  // legacy region and header
    for (unsigned i = 2; i < std::size(xsave_); ++i)
        if ((components & bit(i)) != 0) size = std::max(size, xsave_[i].offset + xsave_[i].size);
    return size;
}

u32 CpuModel::xsave_compacted_size(u64 components) const {
    u32 size = 576;
    for (unsigned i = 2; i < std::size(xsave_); ++i) {
        if ((components & bit(i)) == 0) continue;
        if (xsave_[i].aligned) size = static_cast<u32>(align_up(size, 64));
        size += xsave_[i].size;
    }
    return size;
}

}  // namespace twin86
