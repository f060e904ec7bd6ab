// OptionTable: the options as rows; parsing, help and error lines come from them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace twin86 {

class OptionTable {
  public:
    using Setter = std::function<Status(const std::string& value)>;

    void flag(const char* name, const char* help, Setter set);
    void flag(const char* name, const char* help, bool& to);
    void value(const char* name, const char* value_name, const char* help, Setter set);
    void text(const char* name, const char* value_name, const char* help, std::string& to);
    void list(const char* name, const char* value_name, const char* help, std::vector<std::string>& to);
    /// Takes words that are no options: disk images.
    void image(Setter set) { image_ = std::move(set); }
    /// An option of QEMU's that people will try; `why` says what to do instead.
    void absent(const char* name, const char* why);

    /// Applies the words one by one until `stop` says so: -help ends parsing.
    Status apply(const std::vector<std::string>& words, const std::function<bool()>& stop) const;
    std::string help() const;

  private:
    struct Row {
        const char* value_name;  ///< null: takes no value
        const char* help;        ///< null: not listed
        Setter set;
    };
    Error unknown(const std::string& word) const;

    std::map<std::string, Row> rows_;
    Setter image_;
};

}  // namespace twin86
