// SPDX-License-Identifier: Apache-2.0
#include "model/exec_image.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/units.h"
#include "model/interpreters.h"

namespace vigil::model {
namespace {

constexpr size_t cut_comm_bytes = 15;

std::string_view pop_argument(std::string_view& argv) {
    const size_t end = argv.find('\0');
    const std::string_view argument = argv.substr(0, end);
    argv.remove_prefix(end == std::string_view::npos ? argv.size() : end + 1);
    return argument;
}

// An interpreter's options come first, but not many.
std::string_view find_cut_name(std::string_view comm, std::string_view argv) {
    constexpr int max_arguments = 8;
    for (int i = 0; i < max_arguments && comm.size() == cut_comm_bytes && !argv.empty(); i++) {
        const std::string_view argument = pop_argument(argv);
        const std::string_view name = base_name(argument);
        if (name.size() > comm.size() && name.starts_with(comm)) {
            return argument;
        }
    }
    return {};
}

}  // namespace

std::vector<std::string> find_programs(std::string_view comm, std::string_view executable,
                                       std::string_view argv) {
    std::vector<std::string> programs;
    for (const std::string_view program : programs_in_arguments(executable, argv)) {
        programs.emplace_back(program);
    }
    const std::string_view cut = find_cut_name(comm, argv);
    if (!cut.empty() && std::find(programs.begin(), programs.end(), cut) == programs.end()) {
        programs.emplace_back(cut);
    }
    return programs;
}

std::string_view descriptor_of(std::string_view path) {
    if (path == "/dev/stdin") {
        return "0";
    }
    if (path.starts_with("/dev/fd/")) {
        path.remove_prefix(8);
    } else if (path.starts_with("/proc/")) {
        const size_t at = path.find("/fd/");
        path = at == std::string_view::npos ? std::string_view() : path.substr(at + 4);
    } else {
        return {};
    }
    const std::string_view number = path.substr(0, path.find('/'));
    return is_decimal(number) ? path : std::string_view();
}

bool is_indirect(std::string_view path) {
    return !descriptor_of(path).empty() || (path.starts_with("/proc/") && path.ends_with("/exe"));
}

bool is_script(const ExecImage& image) {
    std::string_view argv = image.argv ? std::string_view(*image.argv) : std::string_view();
    (void)pop_argument(argv);
    while (!argv.empty()) {
        if (pop_argument(argv) == image.file) {
            return true;
        }
    }
    return false;
}

bool ExecImage::needs_proc() const {
    return is_indirect(file) || (!file.empty() && file == executable) ||
           std::any_of(programs.begin(), programs.end(), is_indirect);
}

ExecImagePtr make_exec_image(const Exec& exec) {
    auto image = std::make_shared<ExecImage>();
    image->file = exec.file;
    image->executable = exec.executable.value_or("");
    if (exec.argv) {
        image->argv = std::string(exec.argv->substr(0, max_argv_bytes));
        image->programs = find_programs({}, image->executable, *image->argv);
    }
    if (is_indirect(image->file) && !image->executable.empty() && !is_script(*image)) {
        image->file = image->executable;
    }
    return image;
}

}  // namespace vigil::model
