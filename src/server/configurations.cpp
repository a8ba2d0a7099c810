// SPDX-License-Identifier: Apache-2.0
#include "server/configurations.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "rules/format.h"
#include "rules/parse.h"
#include "wire/tls.h"

namespace vigil::server {
namespace {

constexpr std::string_view ending = ".json";
constexpr std::string_view common_name = "default";
constexpr mode_t saved_mode = 0644;

void finish(Configuration& configuration) {
    configuration.text = rules::format(configuration.rules, rules::Layout::one_line);
    configuration.hash = wire::sha256_hex(configuration.text);
}

// Formatted rules may be longer than their file; an agent would close the connection.
Result<void> check_length(const std::string& path, const rules::RuleSet& rules) {
    const size_t bytes = rules::format(rules, rules::Layout::one_line).size();
    if (bytes <= rules::max_configuration_bytes) {
        return {};
    }
    return usage_error(
        fmt::format("{}: the rules are {} bytes when written out: expected "
                    "at most {}",
                    escape_terminal(path), bytes, rules::max_configuration_bytes));
}

std::string pattern_of(const std::string& path) {
    return std::filesystem::path(path).stem().string();
}

bool is_name(std::string_view pattern) {
    return pattern.find_first_of("*?[") == std::string_view::npos;
}

bool matches(const Configuration& configuration, const std::string& host) {
    return ::fnmatch(configuration.pattern.c_str(), host.c_str(), 0) == 0;
}

// Names before patterns, longer before shorter patterns, then in alphabetical order.
bool has_precedence(const Configuration& a, const Configuration& b) {
    if (is_name(a.pattern) != is_name(b.pattern)) {
        return is_name(a.pattern);
    }
    return a.pattern.size() != b.pattern.size() ? a.pattern.size() > b.pattern.size()
                                                : a.pattern < b.pattern;
}

// A file that is gone has nothing to lose.
Result<void> check_unedited(const Configuration& configuration) {
    const rules::FileStamp now = rules::stamp_of(configuration.path);
    if (now.size < 0 || now == configuration.stamp) {
        return {};
    }
    return Error{ErrorCode::failed,
                 fmt::format("'{}' was edited since its rules were read: nothing was saved. "
                             "'config load' takes the file's rules, 'config save FILE' writes "
                             "these ones to another file",
                             escape_terminal(configuration.path))};
}

// Another file than the rules came from: a slip must not overwrite what is none of vigil's.
Result<void> check_replaceable(const std::string& path) {
    const rules::FileStamp now = rules::stamp_of(path);
    if (now.size <= 0 || rules::load(path)) {
        return {};
    }
    return Error{ErrorCode::failed,
                 fmt::format("'{}' exists and contains no rules: it is left as it is; remove it "
                             "first, or name another file",
                             escape_terminal(path))};
}

bool is_unrestricted_for(const rules::Rule& rule, std::string_view process) {
    return rule.process == process && !rule.user && !rule.cgroup;
}

}  // namespace

Result<Configurations> Configurations::load(std::optional<std::string> file,
                                            std::optional<std::string> directory) {
    Configurations configurations(std::move(file), std::move(directory));
    TRY(configurations.reload());
    return configurations;
}

// Sorted; without default.json if a file was given.
Result<std::vector<std::string>> Configurations::paths_in_directory() const {
    std::vector<std::string> paths;
    if (!directory_) {
        return paths;
    }
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(*directory_, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.ends_with(ending) && name.size() > ending.size() && name[0] != '.') {
            paths.push_back(entry->path().string());
        }
    }
    if (error) {
        return usage_error(fmt::format(
            "{}: {}: expected a directory with {}{} and GLOB{} for hosts",
            escape_terminal(*directory_), error.message(), common_name, ending, ending));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

Result<void> Configurations::reload() {
    for (const rules::ConfigFile& file : files_) {
        if (!file.is_rereadable()) {
            return usage_error(
                fmt::format("'{}' is not a regular file: it can't be read again", file.path()));
        }
    }
    TRY_ASSIGN(const std::vector<std::string> paths, paths_in_directory());
    std::vector<Configuration> all;
    std::optional<Error> first_error;
    files_.clear();
    const auto read = [&](const std::string& path, std::string pattern) {
        files_.emplace_back(path);
        auto rules = files_.back().load();
        if (!rules) {
            first_error = first_error ? first_error : rules.error();
            return;
        }
        Configuration configuration;
        configuration.rules = std::move(*rules);
        configuration.pattern = std::move(pattern);
        configuration.path = path;
        configuration.stamp = files_.back().loaded_stamp();
        if (const auto fits = check_length(path, configuration.rules); !fits) {
            first_error = first_error ? first_error : fits.error();
            return;
        }
        finish(configuration);
        all.push_back(std::move(configuration));
    };
    if (file_) {
        read(*file_, "*");
    }
    for (const std::string& path : paths) {
        const std::string pattern = pattern_of(path);
        if (pattern == common_name && file_) {
            continue;
        }
        read(path, pattern == common_name ? "*" : pattern);
        if (pattern == common_name && !first_error) {
            std::swap(all.front(), all.back());
        }
    }
    paths_seen_ = paths;
    if (first_error) {
        return *first_error;
    }
    if (all.empty() || (!file_ && all.front().pattern != "*")) {
        return usage_error(
            fmt::format("no rules for all hosts: give a file with -c, or put {}{} "
                        "into the directory of --config-dir",
                        common_name, ending));
    }
    all_ = std::move(all);
    return {};
}

const Configuration& Configurations::for_host(std::string_view host) const {
    const std::string name(host);
    const Configuration* best = nullptr;
    for (auto it = all_.begin() + 1; it != all_.end(); ++it) {
        if (matches(*it, name) && (best == nullptr || has_precedence(*it, *best))) {
            best = &*it;
        }
    }
    return best != nullptr ? *best : all_.front();
}

bool Configurations::files_have_changed() {
    bool changed = false;
    for (rules::ConfigFile& file : files_) {
        // Check every file: each tracks whether it has stopped changing.
        changed = file.has_changed() || changed;
    }
    auto paths = paths_in_directory();
    if (!paths) {
        return changed;
    }
    const bool at_rest = *paths == paths_seen_;
    paths_seen_ = *paths;
    std::vector<std::string> read;
    for (auto file = files_.begin() + (file_ ? 1 : 0); file != files_.end(); ++file) {
        read.push_back(file->path());
    }
    if (file_) {
        std::erase_if(*paths,
                      [](const std::string& path) { return pattern_of(path) == common_name; });
    }
    return changed || (at_rest && *paths != read);
}

std::vector<std::string> Configurations::files_gone() const {
    std::vector<std::string> gone;
    for (const rules::ConfigFile& file : files_) {
        if (file.has_gone()) {
            gone.push_back(file.path());
        }
    }
    return gone;
}

void Configurations::mark_edited() {
    finish(all_.front());
    all_.front().is_edited = true;
}

void Configurations::set(std::string_view process, model::Metric metric, double value) {
    rules::RuleSet& rules = all_.front().rules;
    auto rule = std::find_if(rules.begin(), rules.end(), [&](const rules::Rule& each) {
        return is_unrestricted_for(each, process);
    });
    if (rule == rules.end()) {
        rules.emplace_back();
        rule = rules.end() - 1;
        rule->process = process;
    }
    rule->limits[model::index(metric)] = value;
    mark_edited();
}

void Configurations::add(const rules::Rule& rule) {
    all_.front().rules.push_back(rule);
    mark_edited();
}

size_t Configurations::remove(std::string_view process) {
    const size_t count = std::erase_if(
        all_.front().rules, [&](const rules::Rule& rule) { return rule.process == process; });
    if (count > 0) {
        mark_edited();
    }
    return count;
}

Result<void> Configurations::load_rules(const std::string& path) {
    TRY_ASSIGN(rules::RuleSet rules, rules::load(path));
    TRY(check_length(path, rules));
    all_.front().rules = std::move(rules);
    mark_edited();
    return {};
}

Result<void> Configurations::save(const std::string& path) {
    Configuration& common = all_.front();
    const bool to_own_file = path.empty() || path == common.path;
    const std::string& target = to_own_file ? common.path : path;
    const auto check = [&] {
        return to_own_file ? check_unedited(common) : check_replaceable(target);
    };
    TRY(check());
    TRY(replace_file(target, rules::format(common.rules, rules::Layout::readable), saved_mode,
                     check));
    if (to_own_file) {
        for (rules::ConfigFile& file : files_) {
            if (file.path() == common.path) {
                TRY(file.load());
                common.stamp = file.loaded_stamp();
            }
        }
        common.is_edited = false;
    }
    return {};
}

}  // namespace vigil::server
