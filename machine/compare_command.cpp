#include "machine/compare_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace twin86 {

namespace {

namespace fs = std::filesystem;

/// The tool below `root`, or nothing.
fs::path tool_below(const fs::path& root) {
    const fs::path tool = root / "tools" / "compare";
    return ::access(tool.c_str(), X_OK) == 0 ? tool : fs::path();
}

fs::path find_tool(const fs::path& program) {
    const fs::path above = program.parent_path().parent_path();
    const fs::path beside = tool_below(above);
    return beside.empty() ? tool_below(above / "share" / "twin86") : beside;
}

}  // namespace

bool asks_for_compare(int argc, char** argv) {
    return argc > 1 && std::strcmp(argv[1], "compare") == 0;
}

Error run_compare(int argc, char** argv) {
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    const fs::path tool = find_tool(program);
    if (failed || tool.empty())
        return error("compare: tools/compare is neither beside {} nor in ../share/twin86", program.parent_path().string());
    const std::string name = tool.string(), option = "--program=" + program.string();
    std::vector<char*> arguments{const_cast<char*>(name.c_str()), const_cast<char*>(option.c_str())};
    arguments.insert(arguments.end(), argv + 2, argv + argc);
    arguments.push_back(nullptr);
    ::execv(name.c_str(), arguments.data());
    return error("compare: {}: {}", name, std::strerror(errno));
}

}  // namespace twin86
