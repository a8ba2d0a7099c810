// SPDX-License-Identifier: Apache-2.0
#include "model/process_names.h"

#include <algorithm>

#include "model/name_pattern.h"

namespace vigil::model {
namespace {

void add(std::vector<std::string>& list, std::string_view text) {
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) {
        list.emplace_back(text);
    }
}

// "3" of "/dev/fd/3" and "exe" of "/proc/self/exe" are no names.
void add_path(ProcessNames& names, std::string_view path, std::string_view cwd) {
    if (is_indirect(path)) {
        return;
    }
    add(names.names, base_name(path));
    if (path.find('/') == std::string_view::npos && cwd.empty()) {
        return;
    }
    add(names.paths, path);
    if (!path.starts_with('/') && cwd.starts_with('/')) {
        while (path.starts_with("./")) {
            path.remove_prefix(2);
        }
        add(names.paths, std::string(cwd) + (cwd.ends_with('/') ? "" : "/") + std::string(path));
    }
}

std::string_view without_usr(std::string_view path) {
    const bool merged = path.starts_with("/usr/bin/") || path.starts_with("/usr/sbin/") ||
                        path.starts_with("/usr/lib");
    return merged ? path.substr(4) : path;
}

}  // namespace

ProcessNames names_of(std::string_view comm, const ExecImage* image, std::string_view cwd) {
    ProcessNames names;
    add(names.names, comm);
    if (image != nullptr) {
        add(names.names, image->executable);
        for (const std::string& program : image->programs) {
            add_path(names, program, cwd);
        }
        add_path(names, image->file, cwd);
    }
    return names;
}

bool matches_any(std::string_view pattern, const ProcessNames& names) {
    const auto is_match = [&](std::string_view name) { return matches_pattern(pattern, name); };
    if (std::any_of(names.names.begin(), names.names.end(), is_match)) {
        return true;
    }
    return pattern.find('/') != std::string_view::npos &&
           std::any_of(names.paths.begin(), names.paths.end(), [&](std::string_view path) {
               return is_match(path) || matches_pattern(without_usr(pattern), without_usr(path));
           });
}

}  // namespace vigil::model
