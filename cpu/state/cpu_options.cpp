// -cpu: a model and what is changed about it, in QEMU's spelling.
#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "base/nearest.h"
#include "cpu/state/cpu_models.h"
#include "cpu/state/cpuid_model.h"

namespace twin86 {

namespace {

constexpr std::string_view kKeys[] = {"vendor", "family", "model", "stepping", "model-id", "level", "xlevel", "phys-bits",
                                      "host-phys-bits", "check", "enforce", "ignore-msrs"};

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
    names.insert(names.end(), std::begin(kKeys), std::end(kKeys));
    return names;
}

/// The nearest feature by edits alone: names extend each other (avx, avx2, avx512f), a common beginning says little.
std::string feature_hint(std::string_view word) {
    const std::vector<std::string_view> names = feature_names();
    const auto edits = [word](std::string_view name) { return edit_distance(word.substr(0, 40), name); };
    const auto best = std::min_element(names.begin(), names.end(), [&](auto a, auto b) { return edits(a) < edits(b); });
    const std::string likely = did_you_mean(word, std::span(&*best, 1));
    if (!likely.empty()) return likely;
    return fmt::format(" (the nearest is '{}'; '-cpu help' lists them)", *best);
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

bool is_foreign(std::string_view name) {
    const std::string wanted = normalized(name);
    return wanted.starts_with("hv-") || wanted.starts_with("vmx-") ||
           std::find(kForeignFlags.begin(), kForeignFlags.end(), wanted) != kForeignFlags.end();
}

void add_all(FeatureSet& set, std::span<const Feature> features) {
    for (Feature f : features) set.set(f);
}

void drop_without_basis(FeatureSet& set) {
    for (const FeatureDependency& d : kFeatureDependencies)
        if (!set.has(d.needs)) set.set(d.feature, false);
}

bool is_native(Feature f) { return std::find(kNativeFeatures.begin(), kNativeFeatures.end(), f) != kNativeFeatures.end(); }

std::string unknown_model(std::string_view name) {
    std::vector<std::string_view> names;
    for (const NamedModel& m : kNamedModels) names.push_back(m.name);
    return fmt::format("-cpu: unknown model '{}'{}; '-cpu help' lists them", name, did_you_mean(name, names));
}

/// One word behind a comma: "+name", "-name", "name" or "name=value".
struct CpuOption {
    std::string_view name, value;

    explicit CpuOption(std::string_view text) : name(text), value("on") {
        if (text.starts_with('+') || text.starts_with('-')) {
            if (text[0] == '-') value = "off";
            name.remove_prefix(1);
        } else if (const std::size_t equals = text.find('='); equals != text.npos) {
            name = text.substr(0, equals), value = text.substr(equals + 1);
        }
    }

    Result<bool> flag() const {
        for (const std::string_view yes : {"on", "yes", "true", "y"})
            if (value == yes) return true;
        for (const std::string_view no : {"off", "no", "false", "n"})
            if (value == no) return false;
        return error("-cpu: {}: '{}' is neither on nor off", name, value);
    }
};

std::vector<CpuOption> split_options(std::string_view spec) {
    std::vector<CpuOption> options;
    while (!spec.empty()) {
        const std::string_view part = spec.substr(0, spec.find(','));
        spec.remove_prefix(std::min(spec.size(), part.size() + 1));
        if (!part.empty()) options.emplace_back(part);
    }
    return options;
}

}  // namespace

/// Builds a model: identity, numbers and texts, then features, then the verdict on what is missing.
class CpuModel::Parser {
  public:
    Parser(const NamedModel& named, std::string_view name, const HostCpuid& host) : named_(named), host_(host) {
        m_.name_ = name;
        take_identity();
    }

    Result<CpuModel> parse(const std::vector<CpuOption>& options, bool without_tsx) {
        for (const CpuOption& o : options)
            if (Status s = set_key(o); !s) return s.failure();
        take_features();
        if (without_tsx) m_.features_.set(Feature::kHle, false), m_.features_.set(Feature::kRtm, false);
        for (const CpuOption& o : options)
            if (Status s = set_flag(o); !s) return s.failure();
        if (Status s = settle(); !s) return s.failure();
        return std::move(m_);
    }

  private:
    bool is_host() const { return named_.vendor == ModelVendor::kHost; }
    void take_identity();
    void take_features();
    FeatureSet offerable(bool on_request) const;
    void drop_other_vendor(FeatureSet& set) const;
    Status set_key(const CpuOption& option);
    Status set_text(const CpuOption& option);
    Status set_number(const CpuOption& option);
    Status set_flag(const CpuOption& option);
    bool set_property(std::string_view name, bool on);
    Status settle();

    const NamedModel& named_;
    const HostCpuid& host_;
    CpuModel m_;
    FeatureSet added_;
    std::optional<bool> check_;  ///< not set: warn of what is not emulated, refuse what the host lacks
    bool enforce_ = false;
};

Result<CpuModel> CpuModel::parse(std::string_view spec, const HostCpuid& host) {
    const std::string_view name = spec.substr(0, spec.find(','));
    bool without_tsx = false;
    const NamedModel* const named = find_named_model(name, without_tsx);
    if (named == nullptr) return Error{unknown_model(name)};
    return Parser(*named, name, host).parse(split_options(spec.substr(name.size())), without_tsx);
}

void CpuModel::Parser::take_identity() {
    const bool amd = is_host() ? host_.is_amd() : named_.vendor == ModelVendor::kAmd;
    m_.vendor_ = amd ? kVendorAmd : kVendorIntel;
    m_.family_ = named_.family, m_.model_ = named_.model, m_.stepping_ = named_.stepping;
    m_.brand_ = "Twin86 Virtual CPU";
    std::copy(std::begin(host_.xsave), std::end(host_.xsave), m_.xsave_);
    if (!is_host()) return void(m_.brand_ += " " + m_.name_.substr(0, 28));
    m_.family_ = host_.family, m_.model_ = host_.model, m_.stepping_ = host_.stepping;
    // UEFI firmware maps all of them, and with pages of 2 MiB has no room for the tables of more than 40.
    constexpr u8 kUsualBits = 40;
    m_.physical_bits_ = m_.name_ == "host" ? host_.physical_bits : std::min(host_.physical_bits, kUsualBits);
}

void CpuModel::Parser::take_features() {
    if (is_host()) m_.features_ = offerable(false);
    for (const auto& group : named_.features) add_all(m_.features_, group);
    drop_other_vendor(m_.features_);
}

FeatureSet CpuModel::Parser::offerable(bool on_request) const {
    FeatureSet set;
    add_all(set, kEmulatedFeatures);
    if (on_request) add_all(set, kRequestableFeatures);
    for (Feature f : kNativeFeatures) set.set(f, host_.features.has(f));
    drop_other_vendor(set);
    drop_without_basis(set);
    return set;
}

/// AMD's and Intel's own ways of saying 'not affected' exist only on their processors.
void CpuModel::Parser::drop_other_vendor(FeatureSet& set) const {
    if (m_.is_amd()) {
        set.set(Feature::kArchCapabilities, false);
        set.set(Feature::kSpecCtrl, false);
    } else {
        set[FeatureWord::k8_21Eax] = set[FeatureWord::k8_21Ecx] = 0;
        set[FeatureWord::k8_8Ebx] &= u32{1} << feature_info(Feature::kWbnoinvd).bit;
    }
}

/// The options that are not flags; those that are stay for set_flag.
Status CpuModel::Parser::set_key(const CpuOption& o) {
    if (Status s = set_text(o); !s) return s;
    if (o.name != "host-phys-bits") return set_number(o);
    auto on = o.flag();
    if (!on) return on.failure();
    if (*on) m_.physical_bits_ = host_.physical_bits;
    return {};
}

Status CpuModel::Parser::set_text(const CpuOption& o) {
    if (o.name == "vendor") {
        if (o.value != kVendorAmd && o.value != kVendorIntel)
            return error("-cpu: vendor '{}' is neither {} nor {}", o.value, kVendorAmd, kVendorIntel);
        m_.vendor_ = o.value;
    }
    if (o.name == "model-id") {
        if (o.value.size() > 47) return error("-cpu: model-id has more than 47 characters");
        m_.brand_ = o.value;
    }
    return {};
}

Status CpuModel::Parser::set_number(const CpuOption& o) {
    struct Number {
        std::string_view key;
        u32 low, high;
    };
    static constexpr Number kNumbers[] = {{"family", 4, 270},   {"model", 0, 255},           {"stepping", 0, 15},
                                          {"phys-bits", 32, 52}, {"level", 1, kMaxBasicLeaf}, {"xlevel", 0x80000000, kMaxExtendedLeafAmd}};
    const auto number = std::find_if(std::begin(kNumbers), std::end(kNumbers), [&](const Number& n) { return n.key == o.name; });
    if (number == std::end(kNumbers)) return {};
    const int base = o.value.starts_with("0x") ? 16 : 10;
    const std::string_view digits = o.value.substr(base == 16 ? 2 : 0);
    u32 n = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
    if (problem != std::errc{} || end != digits.data() + digits.size() || n < number->low || n > number->high)
        return error("-cpu: {} must be a number from {} to {}, not '{}'", o.name, number->low, number->high, o.value);
    if (o.name == "family") m_.family_ = n;
    if (o.name == "model") m_.model_ = n;
    if (o.name == "stepping") m_.stepping_ = n;
    if (o.name == "phys-bits") m_.physical_bits_ = static_cast<u8>(n);
    if (o.name == "level") m_.max_leaf_ = n;
    if (o.name == "xlevel") m_.max_extended_leaf_ = n;
    return {};
}

/// Flags that are no CPUID bits.
bool CpuModel::Parser::set_property(std::string_view name, bool on) {
    const std::string wanted = normalized(name);
    if (wanted == "check") return check_ = on, true;
    if (wanted == "enforce") return enforce_ = on, true;
    if (wanted == "ignore-msrs") return m_.ignores_unknown_msrs_ = on, true;
    return false;
}

Status CpuModel::Parser::set_flag(const CpuOption& o) {
    static constexpr std::string_view kNoFlags[] = {"vendor", "model-id", "host-phys-bits", "family", "model", "stepping", "phys-bits", "level", "xlevel"};
    if (std::find(std::begin(kNoFlags), std::end(kNoFlags), o.name) != std::end(kNoFlags)) return {};
    const Feature f = find_feature(o.name);
    const bool foreign = is_foreign(o.name), property = std::find(std::begin(kKeys), std::end(kKeys), normalized(o.name)) != std::end(kKeys);
    if (f == Feature::kNone && !foreign && !property) return error("-cpu: unknown feature '{}'{}", o.name, feature_hint(o.name));
    auto on = o.flag();
    if (!on) return on.failure();
    if (set_property(o.name, *on)) return {};
    if (f == Feature::kNone) return *on ? Status(error("-cpu: {} is of QEMU's engines; this one does not have it", o.name)) : Status{};
    m_.features_.set(f, *on);
    added_.set(f, *on);
    return {};
}

/// Drops what cannot be had, with a warning, or refuses.
Status CpuModel::Parser::settle() {
    for (const FeatureDependency& d : kFeatureDependencies)
        if (added_.has(d.feature) && !m_.has(d.needs))
            return error("-cpu: {} needs {}", feature_info(d.feature).name, feature_info(d.needs).name);
    const FeatureSet available = offerable(true);
    std::string lacking, foreign;
    bool asked_for = false;
    for (unsigned n = kFirstFeature; n < static_cast<unsigned>(Feature::kCount); ++n) {
        const Feature f = static_cast<Feature>(n);
        if (!m_.has(f) || available.has(f)) continue;
        std::string& list = is_native(f) ? lacking : foreign;
        list += fmt::format("{}{}", list.empty() ? "" : ", ", kFeatures[n].name);
        asked_for |= added_.has(f);
    }
    m_.features_ = m_.features_ & available;
    drop_without_basis(m_.features_);
    if ((lacking.empty() && foreign.empty()) || (check_ == false && !enforce_)) return {};
    std::string text = fmt::format("-cpu {}: ", m_.name_);
    if (!lacking.empty()) text += "this host lacks " + lacking;
    if (!foreign.empty()) text += fmt::format("{}not emulated: {}", lacking.empty() ? "" : "; ", foreign);
    if (enforce_) return Error{text + " (enforce)"};
    if (!check_ && (asked_for || !lacking.empty())) return Error{text + " (switch them off with -feature, or go on without them with ',check')"};
    m_.warning_ = text;
    return {};
}

void CpuModel::keep_features(const FeatureSet& available) {
    features_ = features_ & available;
    drop_without_basis(features_);
}

std::string CpuModel::help() {
    std::string s = "CPU models:\n";
    for (const NamedModel& m : kNamedModels) s += fmt::format("  {:<18} {}\n", m.name, m.description);
    s += "  NAME-noTSX: without HLE and RTM; NAME-IBRS, NAME-IBPB: the same as NAME\n";
    s += "Features, as +feature, -feature or feature=on|off after a comma:\n";
    std::string line = " ";
    for (const auto& list : {kEmulatedFeatures, kRequestableFeatures, kNativeFeatures})
        for (const Feature f : list) {
            const std::string_view name = feature_info(f).name;
            if (line.size() + name.size() > 78) s += line + "\n", line = " ";
            line += fmt::format(" {}", name);
        }
    s += line + "\nWhat the host or the emulator lacks: check (warn and go on), check=off (go on), enforce (refuse).\n";
    s += "Other keys: vendor=AuthenticAMD|GenuineIntel, family=, model=, stepping=, model-id=, level=, xlevel=, phys-bits=,\n"
         "  host-phys-bits=on, ignore-msrs (unknown MSRs read as 0)\n";
    return s;
}

}  // namespace twin86
