#include "devices/block/block_queue.h"
#include "disk_file.h"
#include "manual_work.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace twin86;

namespace {

std::vector<u8> pattern(std::size_t size) {
    std::vector<u8> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 7 + i / 512);
    return bytes;
}

std::unique_ptr<BlockImage> open(const DiskFile& file, bool read_only = false, bool snapshot = false) {
    auto image = open_raw_image({file.path(), read_only, snapshot});
    REQUIRE(bool(image));
    return image.take();
}

std::vector<u8> read(BlockImage& image, u64 offset, std::size_t size) {
    std::vector<u8> bytes(size, 0xee);
    REQUIRE(image.read(offset, bytes) == BlockStatus::kOk);
    return bytes;
}

}  // namespace

TEST_CASE("raw image: what is written is read, and stands in the file") {
    DiskFile file(pattern(4096));
    {
        const auto image = open(file);
        CHECK(image->size() == 4096);
        CHECK(image->write(512, std::vector<u8>(512, 0x55)) == BlockStatus::kOk);
        CHECK(image->flush() == BlockStatus::kOk);
        CHECK(read(*image, 512, 512) == std::vector<u8>(512, 0x55));
        CHECK(image->discard(1024, 512) == BlockStatus::kOk);
    }
    std::vector<u8> expected = pattern(4096);
    std::fill_n(expected.begin() + 512, 512, 0x55);
    std::fill_n(expected.begin() + 1024, 512, 0);
    CHECK(file.content() == expected);
}

TEST_CASE("raw image: a last sector that is not whole reads as zeroes behind the file's end") {
    DiskFile file(pattern(700));
    const auto image = open(file, true);
    CHECK(image->size() == 1024);
    std::vector<u8> expected = pattern(700);
    expected.resize(1024);
    CHECK(read(*image, 0, 1024) == expected);
}

TEST_CASE("raw image: ranges outside and writes to read-only images are refused") {
    DiskFile file(pattern(1024));
    std::vector<u8> buffer(512);
    {
        const auto image = open(file);
        CHECK(image->read(1024, buffer) == BlockStatus::kOutOfRange);
        CHECK(image->write(~u64{0}, buffer) == BlockStatus::kOutOfRange);
        CHECK(image->discard(512, ~u64{0}) == BlockStatus::kOutOfRange);
    }
    const auto image = open(file, true);
    CHECK(image->write(0, buffer) == BlockStatus::kReadOnly);
    CHECK(image->discard(0, 512) == BlockStatus::kReadOnly);
    CHECK(file.content() == pattern(1024));
}

TEST_CASE("raw image: one writer, or many readers") {
    DiskFile file(pattern(512));
    {
        const auto writer = open(file);
        CHECK(open_raw_image({file.path(), false, false}).failure().message.find("in use") != std::string::npos);
        CHECK_FALSE(bool(open_raw_image({file.path(), true, false})));
    }
    const auto one = open(file, true), two = open(file, true), three = open(file, false, true);
}

TEST_CASE("raw image: what cannot be a disk is one clear line") {
    CHECK(open_raw_image({"/no/such/disk", false, false}).failure().message.find("/no/such/disk") != std::string::npos);
    CHECK(open_raw_image({"/dev/null", false, false}).failure().message.find("/dev/null") != std::string::npos);
    CHECK(open_raw_image({"/tmp", true, false}).failure().message.find("neither") != std::string::npos);
    DiskFile empty({});
    CHECK(open_raw_image({empty.path(), true, false}).failure().message.find("empty") != std::string::npos);
}

TEST_CASE("snapshot: writes are seen, and never reach the image") {
    const std::vector<u8> original = pattern(200 * 1024);
    DiskFile file(original);
    std::vector<u8> expected = original;
    {
        const auto image = open(file, false, true);
        CHECK_FALSE(image->read_only());
        const std::vector<u8> piece = pattern(70000);
        for (const u64 at : {u64{65000}, u64{100}, u64{130000}}) {
            CHECK(image->write(at, piece) == BlockStatus::kOk);
            std::copy(piece.begin(), piece.end(), expected.begin() + static_cast<long>(at));
        }
        CHECK(image->discard(60000, 10000) == BlockStatus::kOk);
        std::fill_n(expected.begin() + 60000, 10000, 0);
        CHECK(image->flush() == BlockStatus::kOk);
        CHECK(read(*image, 0, expected.size()) == expected);
        CHECK(image->write(expected.size() - 1, std::vector<u8>(2)) == BlockStatus::kOutOfRange);
    }
    CHECK(file.content() == original);
}

TEST_CASE("block queue: results come in order, through the deferred work") {
    DiskFile file(pattern(2048));
    ManualWork work;
    BlockQueue queue(open(file), work);
    std::vector<int> order;
    queue.write(0, std::vector<u8>(512, 9), [&](BlockStatus s, std::vector<u8>&) {
        CHECK(s == BlockStatus::kOk);
        order.push_back(1);
    });
    queue.read(0, 1024, [&](BlockStatus s, std::vector<u8>& data) {
        CHECK(s == BlockStatus::kOk);
        CHECK(data.size() == 1024);
        CHECK(data[511] == 9);
        CHECK(data[512] == pattern(2048)[512]);
        order.push_back(2);
    });
    queue.read(2048, 512, [&](BlockStatus s, std::vector<u8>&) {
        CHECK(s == BlockStatus::kOutOfRange);
        order.push_back(3);
    });
    queue.flush([&](BlockStatus s, std::vector<u8>&) { order.push_back(4); });
    work.run_until([&] { return order.size() == 4; });
    CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("block queue: what was forgotten is not heard of, what was written stays written") {
    DiskFile file(pattern(1024));
    ManualWork work;
    bool heard = false;
    {
        BlockQueue queue(open(file), work);
        queue.write(0, std::vector<u8>(512, 3), [&](BlockStatus, std::vector<u8>&) { heard = true; });
        queue.forget();
        bool last = false;
        queue.flush([&](BlockStatus, std::vector<u8>&) { last = true; });
        work.run_until([&] { return last; });
        for (int i = 0; i < 100; ++i) queue.write(512, std::vector<u8>(512, 4), [&](auto, auto&) { heard = true; });
    }
    CHECK_FALSE(heard);
    std::vector<u8> expected(1024, 3);
    std::fill_n(expected.begin() + 512, 512, 4);
    CHECK(file.content() == expected);
}

TEST_CASE("an image of another format is refused unless it is said to be raw") {
    const std::pair<const char*, std::size_t> magics[] = {{"QFI\xfb", 0}, {"KDMV", 0}, {"\x7f\x10\xda\xbe", 0x40}, {"vhdxfile", 0}};
    for (const auto& [magic, at] : magics) {
        std::vector<u8> bytes(1024);
        std::memcpy(bytes.data() + at, magic, std::strlen(magic));
        DiskFile file(bytes);
        const auto image = open_raw_image({.path = file.path()});
        REQUIRE_FALSE(bool(image));
        CHECK(image.failure().message.find("qemu-img convert") != std::string::npos);
        CHECK(bool(open_raw_image({.path = file.path(), .surely_raw = true})));
    }
    DiskFile tiny({'Q', 'F'});
    CHECK(bool(open_raw_image({.path = tiny.path()})));
    CHECK(bool(open_raw_image({.path = "file:" + tiny.path()})));
    CHECK(open_raw_image({.path = "fat:rw:/tmp"}).failure().message.find("mtools") != std::string::npos);
    CHECK(open_raw_image({.path = "https://host/a.iso"}).failure().message.find("download") != std::string::npos);
}
