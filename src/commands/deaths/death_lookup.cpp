// SPDX-License-Identifier: Apache-2.0
#include "commands/deaths/death_lookup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/default_paths.h"
#include "base/file.h"
#include "base/print.h"
#include "base/text.h"
#include "base/units.h"
#include "deaths/death_store.h"
#include "format/time.h"
#include "host/kernel.h"
#include "model/exec_image.h"
#include "model/name_pattern.h"

namespace vigil::commands {
namespace {

constexpr size_t max_pattern_bytes = 4096;

std::string path_in(const std::string& directory, std::string_view file) {
    return directory + '/' + std::string(file);
}

}  // namespace

std::vector<std::string> death_directories(const std::optional<std::string>& state) {
    if (state) {
        return {may_exist(path_in(*state, deaths::abnormal_file)) ? *state : *state + "/deaths"};
    }
    std::vector<std::string> directories;
    for (const char* command : {"agent", "up", "record"}) {
        directories.push_back(default_state_directory(command) + "/deaths");
    }
    return directories;
}

std::vector<std::string> death_journals(const std::vector<std::string>& directories,
                                        const query::Query& query) {
    std::vector<std::string> journals;
    for (const std::string& directory : directories) {
        journals.push_back(path_in(directory, deaths::abnormal_file));
        if (query::includes_clean_exits(query.filter)) {
            journals.push_back(path_in(directory, deaths::clean_file));
        }
    }
    return journals;
}

query::BootClock present_clock() {
    return {.boot_id = host::boot_id(), .unix_minus_boot_ns = unix_minus_boot_ns()};
}

void print_errors(std::vector<std::string> errors) {
    std::sort(errors.begin(), errors.end());
    errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
    for (const std::string& error : errors) {
        print(stderr, "vigil: {}\n", error);
    }
}

void print_nothing_found(const std::vector<std::string>& directories,
                         const query::QueryResult& result, const std::string& subject) {
    const bool root = ::geteuid() == 0;
    if (std::none_of(directories.begin(), directories.end(), may_exist)) {
        print(stderr,
              "vigil: no deaths are kept {}: 'sudo vigil record', 'up' and 'agent' record future "
              "ones{}\n",
              directories.size() == 1 ? "in " + quote_if_needed(directories[0]) : "here yet",
              root ? "" : " (those that root keeps need sudo)");
    } else if (result.oldest_unix_ns) {
        print(stderr, "vigil: no {} is kept; the oldest kept one is of {}\n", subject,
              format::format_time(*result.oldest_unix_ns, unix_now_ns()));
    } else if (result.errors.empty()) {
        print(stderr, "vigil: no {} is kept; is 'vigil record', 'up' or 'agent' running?\n",
              subject);
    } else {
        print(stderr, "vigil: no {} can be read{}\n", subject, root ? "" : " (sudo?)");
    }
}

void print_pid_hint(bool found) {
    if (!host::in_initial_pid_namespace()) {
        print(stderr,
              "vigil: pids are those of the initial PID namespace (the host), not those that ps "
              "shows in this one\n");
    } else if (!found) {
        print(stderr, "vigil: pids are those of the host, also of processes in containers\n");
    }
}

void print_similar(const std::vector<std::string>& directories, const std::string& name) {
    constexpr size_t max_names = 3;
    if (model::has_wildcards(name) || name.find('\\') != std::string::npos) {
        return;
    }
    query::Query query;
    query.filter.name = '*' + std::string(model::base_name(name)) + '*';
    query.max_deaths = SIZE_MAX;
    std::vector<std::string> names;
    (void)query::run_query(death_journals(directories, query), query,
                           [&](const query::Match& match) {
                               std::string text = quote_if_needed(match.record.comm);
                               if (std::find(names.begin(), names.end(), text) == names.end()) {
                                   names.push_back(std::move(text));
                               }
                               return names.size() < max_names;
                           });
    if (!names.empty()) {
        print(stderr, "vigil: names are compared as a whole; similar ones are {}\n",
              fmt::format("{}", fmt::join(names, ", ")));
    }
}

Result<uint64_t> parse_count(const std::string& text, std::string_view option, uint64_t max) {
    auto read = parse_number(text, 1, max);
    return read ? std::move(read)
                : usage_error(fmt::format("{} '{}': expected a whole number from 1 to {}", option,
                                          escape_terminal(text), max));
}

Result<void> check_pattern(const std::optional<std::string>& text, const std::string& option) {
    if (text && (text->empty() || text->size() > max_pattern_bytes)) {
        return usage_error(
            fmt::format("{} '{}': expected a name", option, escape_terminal(text->substr(0, 64))));
    }
    return {};
}

}  // namespace vigil::commands
