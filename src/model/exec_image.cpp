// SPDX-License-Identifier: Apache-2.0
#include "model/exec_image.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vigil::model {
namespace {

// Number of arguments searched for a script's name: the interpreter's options come first.
constexpr int script_arguments = 8;
constexpr size_t cut_comm_bytes = 15;
constexpr std::array<std::string_view, 5> shells{"sh", "bash", "dash", "zsh", "ksh"};
constexpr std::array<std::string_view, 7> languages{"python", "perl", "ruby", "node",
                                                    "php",    "lua",  "tclsh"};

enum class Interpreter { none, shell, language };

// Versioned names count too: "python3.11" is python.
Interpreter interpreter_of(std::string_view executable) {
    const std::string_view name = executable.substr(0, executable.find_first_of("0123456789"));
    const auto is_among = [&](const auto& names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    return is_among(shells)      ? Interpreter::shell
           : is_among(languages) ? Interpreter::language
                                 : Interpreter::none;
}

// True if the program text or module follows this option, so that there is no script.
bool takes_program(Interpreter interpreter, std::string_view option) {
    if (interpreter == Interpreter::shell) {  // "-ec"
        return !option.starts_with("--") && option.find('c') != std::string_view::npos;
    }
    return option == "-c" || option == "-e" || option == "-E" || option == "-m" || option == "-r";
}

}  // namespace

std::string script_name(std::string_view comm, std::string_view executable, std::string_view argv) {
    const Interpreter interpreter = interpreter_of(executable);
    for (int i = 0; i < script_arguments && !argv.empty(); i++) {
        const size_t end = argv.find('\0');
        const std::string_view argument = argv.substr(0, end);
        const std::string_view name = base_name(argument);
        argv.remove_prefix(end == std::string_view::npos ? argv.size() : end + 1);
        if (comm.size() == cut_comm_bytes && name.size() > comm.size() && name.starts_with(comm)) {
            return std::string(name);
        }
        if (interpreter == Interpreter::none || i == 0) {
            continue;
        }
        if (!argument.starts_with('-')) {
            return std::string(name);
        }
        if (takes_program(interpreter, argument)) {
            return {};
        }
    }
    return {};
}

ExecImagePtr make_exec_image(const Exec& exec) {
    auto image = std::make_shared<ExecImage>();
    image->file = exec.file;
    image->executable = exec.executable.value_or("");
    if (exec.argv) {
        image->argv = std::string(exec.argv->substr(0, max_argv_bytes));
        image->script = script_name({}, image->executable, *image->argv);
    }
    return image;
}

}  // namespace vigil::model
