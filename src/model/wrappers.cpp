// SPDX-License-Identifier: Apache-2.0
#include "model/wrappers.h"

#include <algorithm>
#include <array>

#include "model/exec_image.h"

namespace vigil::model {
namespace {

constexpr std::array<std::string_view, 15> shells{"sh",   "ash",   "bash", "dash",  "zsh",
                                                  "ksh",  "ksh93", "mksh", "csh",   "tcsh",
                                                  "fish", "yash",  "posh", "rbash", "busybox"};
constexpr std::array<std::string_view, 34> wrappers{"timeout",     "env",
                                                    "nice",        "nohup",
                                                    "stdbuf",      "sudo",
                                                    "su",          "doas",
                                                    "runuser",     "setpriv",
                                                    "chroot",      "xargs",
                                                    "flock",       "ionice",
                                                    "chrt",        "taskset",
                                                    "setsid",      "setarch",
                                                    "unshare",     "nsenter",
                                                    "script",      "time",
                                                    "strace",      "ltrace",
                                                    "tini",        "tini-static",
                                                    "dumb-init",   "catatonit",
                                                    "docker-init", "parallel",
                                                    "systemd-run", "systemd-inhibit",
                                                    "prlimit",     "start-stop-daem"};

template <size_t n>
bool contains(const std::array<std::string_view, n>& names, std::string_view path) {
    if (path.starts_with('-')) {
        path.remove_prefix(1);
    }
    return std::find(names.begin(), names.end(), base_name(path)) != names.end();
}

}  // namespace

bool is_shell(std::string_view path) { return contains(shells, path); }

bool is_wrapper(std::string_view path) { return contains(wrappers, path); }

int shell_exit_code(int signal, int code) {
    constexpr int signalled = 128;
    return signal != 0 ? signalled + signal : code;
}

}  // namespace vigil::model
