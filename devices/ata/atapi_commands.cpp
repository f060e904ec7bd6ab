// The CD-ROM's commands, by their sections in MMC-5 (6.x) and SPC-3.
#include <algorithm>
#include <array>

#include "devices/ata/atapi_cdrom.h"

namespace twin86 {

using namespace scsi;

namespace {

constexpr u16 kProfileNone = 0x0000, kProfileCdRom = 0x0008, kProfileDvdRom = 0x0010;
constexpr u32 kLongestCd = 450000;  // sectors; what is longer is a DVD

u16 word_at(std::span<const u8> cdb, std::size_t at) {
    return static_cast<u16>(cdb[at] << 8 | cdb[at + 1]);
}

u32 dword_at(std::span<const u8> cdb, std::size_t at) {
    return u32{word_at(cdb, at)} << 16 | word_at(cdb, at + 2);
}

void put_big_endian(std::vector<u8>& bytes, u64 value, unsigned size) {
    for (unsigned i = size; i-- > 0;) bytes.push_back(static_cast<u8>(value >> 8 * i));
}

/// Minute, second, frame.
u32 msf(u32 lba) {
    const u32 frame = lba + 150;
    return frame / (75 * 60) % 256 << 16 | frame / 75 % 60 << 8 | frame % 75;
}

bool needs_medium(u8 command) {
    switch (command) {
        case kTestUnitReady:
        case kReadCapacity:
        case kRead10:
        case kRead12:
        case kReadCd:
        case kSeek10:
        case kReadToc:
        case kReadSubchannel:
        case kReadDiscInformation:
            return true;
        default:
            return false;
    }
}

void put_feature(std::vector<u8>& to, u16 code, u8 flags, std::initializer_list<u8> data) {
    put_big_endian(to, code, 2);
    to.push_back(flags);
    to.push_back(static_cast<u8>(data.size()));
    to.insert(to.end(), data);
}

}  // namespace

void AtapiCdrom::run_packet(const Cdb& cdb) {
    if (needs_medium(cdb[0]) && !image_) return check(kNoMedium);
    switch (cdb[0]) {
        case kTestUnitReady:
        case kSetCdSpeed:
            return good();
        case kSeek10:
            return dword_at(cdb, 2) < sectors() ? good() : check(kLbaOutOfRange);
        case kRequestSense:
            return request_sense(cdb);
        case kInquiry:
            return inquiry(cdb);
        case kStartStopUnit:
            return start_stop(cdb);
        case kPreventAllowRemoval:
            locked_ = (cdb[4] & 1) != 0;
            return good();
        case kReadCapacity:
            return read_capacity();
        case kRead10:
            return read(dword_at(cdb, 2), word_at(cdb, 7));
        case kRead12:
            return read(dword_at(cdb, 2), dword_at(cdb, 6));
        case kReadCd:
            return read_cd(cdb);
        case kReadToc:
            return read_toc(cdb);
        case kReadSubchannel:
            return answer({0, 0x15, 0, 0}, word_at(cdb, 7));  // no audio
        case kGetConfiguration:
            return get_configuration(cdb);
        case kGetEventStatus:
            return get_event_status(cdb);
        case kReadDiscInformation:
            return read_disc_information(cdb);
        case kModeSense10:
            return mode_sense(cdb);
        case kMechanismStatus:
            return mechanism_status(cdb);
        default:
            return check(kInvalidCommand);
    }
}

void AtapiCdrom::request_sense(const Cdb& cdb) {
    const Sense s = sense_.key != 0 ? std::exchange(sense_, {}) : std::exchange(attention_, {});
    std::vector<u8> data(18);
    data[0] = 0x70;
    data[2] = s.key;
    data[7] = 10;
    data[12] = s.code;
    data[13] = s.qualifier;
    answer(std::move(data), cdb[4]);
}

void AtapiCdrom::inquiry(const Cdb& cdb) {
    if ((cdb[1] & 1) != 0) return check(kInvalidField);  // no vital product data
    std::vector<u8> data{0x05, 0x80, 0x05, 0x21, 31, 0, 0, 0};
    for (const std::string_view text : {"TWIN86  ", "TWIN86 CD-ROM   ", "1.0 "})
        data.insert(data.end(), text.begin(), text.end());
    answer(std::move(data), word_at(cdb, 3));
}

/// Ejecting takes the medium out; nobody closes the tray but a person who puts one in.
void AtapiCdrom::start_stop(const Cdb& cdb) {
    const bool eject = (cdb[4] & 0x03) == 0x02;
    if (eject && locked_) return check(kRemovalPrevented);
    if (eject && image_) {
        image_.reset();
        media_event_ = 3;
    }
    good();
}

void AtapiCdrom::read_capacity() {
    std::vector<u8> data;
    put_big_endian(data, sectors() - 1, 4);
    put_big_endian(data, kSector, 4);
    answer(std::move(data), 8);
}

/// 6.26: one data track and the lead-out; sessions: one.
void AtapiCdrom::read_toc(const Cdb& cdb) {
    const bool in_msf = (cdb[1] & 2) != 0;
    const u8 format = (cdb[2] & 0x0f) != 0 ? cdb[2] & 0x0f : cdb[9] >> 6;
    const u8 first = cdb[6];
    std::vector<u8> data{0, 0, 1, 1};
    const auto track = [&](u8 number, u32 lba) {
        data.insert(data.end(), {0, 0x14, number, 0});
        put_big_endian(data, in_msf ? msf(lba) : lba, 4);
    };
    if (format > 1 || (format == 0 && first > 1 && first != 0xaa)) return check(kInvalidField);
    if (format == 1 || first <= 1) track(1, 0);
    if (format == 0) track(0xaa, sectors());
    data[1] = static_cast<u8>(data.size() - 2);
    answer(std::move(data), word_at(cdb, 7));
}

/// 6.6: profile list, core, removable medium, random readable, CD read.
void AtapiCdrom::get_configuration(const Cdb& cdb) {
    const u16 current = !image_ ? kProfileNone : sectors() > kLongestCd ? kProfileDvdRom : kProfileCdRom;
    std::vector<u8> data;
    put_big_endian(data, 0, 6);
    put_big_endian(data, current, 2);
    const u8 cd = current == kProfileCdRom, dvd = current == kProfileDvdRom, any = image_ != nullptr;
    put_feature(data, 0x0000, 0x03, {0, 0x10, dvd, 0, 0, 0x08, cd, 0});
    put_feature(data, 0x0001, 0x0b, {0, 0, 0, 2, 1, 0, 0, 0});  // core: ATAPI
    put_feature(data, 0x0003, 0x07, {0x29, 0, 0, 0});           // tray, ejects, locks
    put_feature(data, 0x0010, static_cast<u8>(0x02 | any), {0, 0, 0x08, 0, 0, 1, 1, 0});
    put_feature(data, 0x001e, static_cast<u8>(0x08 | cd), {0, 0, 0, 0});
    const u32 length = static_cast<u32>(data.size() - 4);
    for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<u8>(length >> (24 - 8 * i));
    answer(std::move(data), word_at(cdb, 7));
}

/// 6.7, polled: the media class alone.
void AtapiCdrom::get_event_status(const Cdb& cdb) {
    constexpr u8 kMediaClass = 4;
    if ((cdb[1] & 1) == 0) return check(kInvalidField);  // no asynchronous events
    if ((cdb[4] & 1 << kMediaClass) == 0) return answer({0, 2, 0x80, 1 << kMediaClass}, word_at(cdb, 7));
    const u8 status = image_ ? 0x02 : 0x00;
    answer({0, 6, kMediaClass, 1 << kMediaClass, std::exchange(media_event_, u8{0}), status, 0, 0}, word_at(cdb, 7));
}

/// 7: read error recovery and capabilities.
void AtapiCdrom::mode_sense(const Cdb& cdb) {
    const u8 page = cdb[2] & 0x3f, control = cdb[2] >> 6;
    if (control == 3) return check({0x05, 0x39, 0x00});  // saved values do not exist
    std::vector<u8> data(8);
    if (page == 0x01 || page == 0x3f) data.insert(data.end(), {0x01, 6, 0, 5, 0, 0, 0, 0});
    if (page == 0x2a || page == 0x3f) {
        const std::array<u8, 20> capabilities{
            0x2a, 18,   0x3b, 0, 0x70, 0x60, static_cast<u8>(0x29 | (locked_ ? 2 : 0)), 0, 0x02, 0xc2, 0, 2, 2, 0,
            0x02, 0xc2, 0,    0, 0,    0};
        data.insert(data.end(), capabilities.begin(), capabilities.end());
    }
    if (data.size() == 8) return check(kInvalidField);
    data[1] = static_cast<u8>(data.size() - 2);
    data[2] = image_ ? 0x01 : 0x70;
    answer(std::move(data), word_at(cdb, 7));
}

void AtapiCdrom::read_disc_information(const Cdb& cdb) {
    if ((cdb[1] & 7) != 0) return check(kInvalidField);
    std::vector<u8> data(34);
    data[1] = 32;
    data[2] = 0x0e;  // complete, last session complete
    data[3] = data[4] = data[5] = data[6] = 1;
    data[7] = 0x20;
    answer(std::move(data), word_at(cdb, 7));
}

void AtapiCdrom::mechanism_status(const Cdb& cdb) {
    answer({0, 0, 0, 0, 0, 0, 0, 0}, word_at(cdb, 8));
}

/// Mode 1 user data alone: what a CD of 2048-byte sectors has.
void AtapiCdrom::read_cd(const Cdb& cdb) {
    const u32 count = u32{cdb[6]} << 16 | word_at(cdb, 7);
    if ((cdb[9] & 0xf8) == 0) return good();
    if ((cdb[9] & 0xf8) != 0x10) return check(kInvalidField);
    read(dword_at(cdb, 2), count);
}

}  // namespace twin86
