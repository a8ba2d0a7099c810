// SPDX-License-Identifier: Apache-2.0
// The rules that a server hands out: one common configuration, and others for hosts whose name
// matches a pattern. Not thread-safe: used on the server's thread.
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
    std::string pattern;  // glob(7) of host names; "*" for the common one
    std::string path;     // empty: none yet
    rules::RuleSet rules;
    std::string text;        // the rules in one line
    std::string hash;        // SHA-256 of `text`, in hex
    bool is_edited = false;  // differs from its file
    rules::FileStamp stamp;  // of the file that the rules were read from or written to
};

class Configurations {
 public:
    // `file`: the common rules. `directory`: "default.json" for the common ones, unless `file` is
    // given, and "GLOB.json" for matching hosts. Fails with code usage if one of them is invalid or
    // there are no common rules.
    static Result<Configurations> load(std::optional<std::string> file,
                                       std::optional<std::string> directory);

    // The configuration of a host: an exact name wins over a glob, a longer glob over a shorter
    // one.
    const Configuration& for_host(std::string_view host) const;

    // The common one is first.
    const std::vector<Configuration>& all() const { return all_; }
    const Configuration& common() const { return all_.front(); }

    // Call it about once a second. True if a file was changed, added or removed and has stopped
    // changing.
    bool files_have_changed();

    // After files_have_changed(): the files that have been missing since the last two calls.
    std::vector<std::string> files_gone() const;

    // Reads all files again. On error nothing changes.
    Result<void> reload();

    // The following change the common configuration, in memory only.

    // Sets a limit of the rule that selects exactly this process name or glob, without user or
    // cgroup; adds a rule if there is none.
    void set(std::string_view process, model::Metric metric, double value);
    void add(const rules::Rule& rule);
    // Removes all rules of that process name or glob; returns their number.
    size_t remove(std::string_view process);
    // Loads the rules of another file; the path does not change.
    Result<void> load_rules(const std::string& path);
    // An empty path saves to the file that the rules came from, unless it was edited since it was
    // read. Another file that exists must hold rules.
    Result<void> save(const std::string& path);

 private:
    Configurations(std::optional<std::string> file, std::optional<std::string> directory)
        : file_(std::move(file)), directory_(std::move(directory)) {}

    Result<std::vector<std::string>> paths_in_directory() const;
    void mark_edited();

    std::optional<std::string> file_;
    std::optional<std::string> directory_;
    // the files that were read last, valid or not; `file_` first
    std::vector<rules::ConfigFile> files_;
    std::vector<Configuration> all_;
    std::vector<std::string> paths_seen_;  // in the last call of files_have_changed()
};

}  // namespace vigil::server
