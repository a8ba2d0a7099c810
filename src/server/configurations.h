// SPDX-License-Identifier: Apache-2.0
// The rules that a server hands out: one set for all, and others for machines whose name matches.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "rules/config_file.h"
#include "rules/rule.h"

namespace vigil::server {

struct Configuration {
    std::string pattern;  // glob(7) of host names; "*" for the one for all
    std::string path;     // empty: none yet
    rules::RuleSet rules;
    std::string text;        // the rules in one line
    std::string hash;        // SHA-256 of `text`, in hex
    bool is_edited = false;  // differs from the file
    rules::FileStamp stamp;  // of the file that the rules were read from or written to
};

class Configurations {
 public:
    // `file`: the rules for all. `directory`: "default.json" for all, unless `file` is given, and
    // "GLOB.json" for hosts that match. Fails with code usage where one of them is wrong, or
    // nothing says what is for all.
    static Result<Configurations> load(std::optional<std::string> file,
                                       std::optional<std::string> directory);

    // What a host is to use: the name itself before a glob, a longer glob before a shorter one.
    const Configuration& for_host(std::string_view host) const;

    // The one for all first.
    const std::vector<Configuration>& all() const { return all_; }
    const Configuration& common() const { return all_.front(); }

    // To be called about once a second: true where a file has changed, come or gone, and is at
    // rest.
    bool files_have_changed();

    // After files_have_changed(): the files that have been missing since the last two calls.
    std::vector<std::string> files_gone() const;

    // Reads everything again. After an error all stays as it was.
    Result<void> reload();

    // The rest changes the one for all, in memory only.

    // The limit of the rule that is for this process and nothing narrower; adds one if there is
    // none.
    void set(std::string_view process, model::Metric metric, double value);
    void add(const rules::Rule& rule);
    // Removes all rules of that process name or glob; how many.
    size_t remove(std::string_view process);
    // The rules of another file; the path stays.
    Result<void> load_rules(const std::string& path);
    // Empty: to where it came from, unless that was edited since it was read. Another file that
    // exists must hold rules.
    Result<void> save(const std::string& path);

 private:
    Configurations(std::optional<std::string> file, std::optional<std::string> directory)
        : file_(std::move(file)), directory_(std::move(directory)) {}

    Result<std::vector<std::string>> paths_in_directory() const;
    void mark_edited();

    std::optional<std::string> file_;
    std::optional<std::string> directory_;
    std::vector<rules::ConfigFile> files_;  // that were read last, good or bad; `file_` first
    std::vector<Configuration> all_;
    std::vector<std::string> paths_seen_;  // in the last call of files_have_changed()
};

}  // namespace vigil::server
