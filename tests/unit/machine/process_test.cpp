#include "machine/process.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

std::string temp_name() {
    char path[] = "/tmp/twin86-test-XXXXXX";
    ::close(mkstemp(path));
    ::unlink(path);
    return path;
}

bool exists(const std::string& path) {
    struct stat info;
    return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

TEST_CASE("a pid file holds the process id and goes away") {
    const std::string path = temp_name();
    {
        PidFile file;
        REQUIRE(bool(file.write(path)));
        int pid = 0;
        std::ifstream(path) >> pid;
        CHECK(pid == ::getpid());
    }
    CHECK_FALSE(exists(path));
}

TEST_CASE("a pid file that cannot be written is an error, and devices are not removed") {
    CHECK_FALSE(bool(PidFile().write("/no/such/dir/pid")));
    CHECK_FALSE(bool(PidFile().write("/dev/full")));
    CHECK(exists("/dev/full"));
    CHECK(bool(PidFile().write("")));
}

TEST_CASE("a log on a full disk is noticed at the end, not before") {
    Log log(stderr, kLogInt);
    LogFile file(log);
    REQUIRE(bool(file.open("/dev/full")));
    log.write(kLogInt, "lost");
    const Status status = file.close();
    REQUIRE_FALSE(bool(status));
    CHECK(status.failure().message.find("/dev/full") != std::string::npos);
    CHECK(log.sink() == stderr);
    CHECK(bool(file.close()));
}

TEST_CASE("a log file takes what is logged") {
    const std::string path = temp_name();
    Log log(stderr, kLogInt);
    LogFile file(log);
    REQUIRE(bool(file.open(path)));
    log.write(kLogInt, "line {}", 1);
    REQUIRE(bool(file.close()));
    std::string line;
    std::getline(std::ifstream(path) >> std::ws, line);
    CHECK(line == "line 1");
    ::unlink(path.c_str());
    CHECK_FALSE(bool(file.open("/no/such/dir/log")));
}
