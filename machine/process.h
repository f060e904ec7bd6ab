// What a run leaves with the host: the log file, the pid file, standard descriptors.
#pragma once

#include <cstdio>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace twin86 {

/// Gives closed standard descriptors to /dev/null, opened so that using them fails: otherwise the next file that is
/// opened (guest memory, say) would be somebody's standard output.
void occupy_standard_descriptors();

/// -daemonize: a process in the background, which the one in the foreground waits for.
class Daemon {
  public:
    ~Daemon();
    /// Before there are threads. Returns in the new process; the other one ends with status 0 when ready() is called, and with 1
    /// when this process ends before.
    Status start();
    /// Leaves the terminal. The working directory stays: a reset reads the kernel's files again.
    void ready();

  private:
    int starter_ = -1;  ///< a pipe to the process in the foreground; -1: there is none
};

/// The sink of -D; standard error without.
class LogFile {
  public:
    explicit LogFile(Log& log) : log_(log) {}
    ~LogFile() { (void)close(); }
    Status open(const std::string& path);
    /// Fails when something that was logged is missing in the file. The log goes to standard error from now on.
    Status close();

  private:
    Log& log_;
    std::string path_;
    std::FILE* file_ = nullptr;
};

/// The file of -pidfile, which goes away with this.
class PidFile {
  public:
    ~PidFile();
    Status write(const std::string& path);

  private:
    std::string path_;
};

}  // namespace twin86
