// SPDX-License-Identifier: Apache-2.0
// vigil history: lists exited processes.
#include <unistd.h>

#include <cerrno>

#include "base/clock.h"
#include "base/file.h"
#include "cli/cli.h"
#include "commands/deaths/commands.h"
#include "commands/deaths/death_lookup.h"
#include "commands/deaths/history_options.h"
#include "format/coverage_gaps.h"
#include "format/death_table.h"
#include "output/color.h"
#include "output/status_terminal.h"

namespace vigil::commands {
namespace {

constexpr size_t chunk_bytes = 64 << 10;

// Prints lines as they are found, so that their number is not limited by memory.
class JsonLines {
 public:
    // False: the reader closed the pipe, or writing failed.
    bool add(const std::string& line) {
        waiting_ += line;
        waiting_ += '\n';
        count_++;
        return waiting_.size() < chunk_bytes || flush();
    }
    bool flush() {
        error_ = error_ != 0 || write_all(STDOUT_FILENO, waiting_) ? error_ : errno;
        waiting_.clear();
        return error_ == 0;
    }
    size_t count() const { return count_; }
    // A reader that closes the pipe is no error.
    Result<void> result() const {
        if (error_ == 0 || error_ == EPIPE) {
            return {};
        }
        errno = error_;
        return system_error("writing", "the output");
    }

 private:
    std::string waiting_;
    size_t count_ = 0;
    int error_ = 0;
};

Result<int> run_json(const std::vector<std::string>& directories, const query::Query& query) {
    JsonLines lines;
    const query::QueryResult result =
        query::run_query(death_journals(directories, query), query,
                         [&](const query::Match& match) { return lines.add(match.line); });
    lines.flush();
    print_errors(result.errors);
    print(stderr, "{}", format::format_coverage_gaps(result.gaps, unix_now_ns()));
    TRY(lines.result());
    if (lines.count() == 0) {
        print_nothing_found(directories, result, "such death");
        if (query.filter.name) {
            print_similar(directories, *query.filter.name);
        }
    }
    if (query.filter.pid) {
        print_pid_hint(lines.count() > 0);
    }
    return lines.count() == 0 ? 1 : 0;
}

Result<int> run_text(const std::vector<std::string>& directories, const query::Query& query) {
    const query::QueryResult result = query::run_query(death_journals(directories, query), query);
    print_errors(result.errors);
    const int64_t now_unix_ns = unix_now_ns();
    if (!result.deaths.empty()) {
        const bool terminal = ::isatty(STDOUT_FILENO) == 1;
        print(stdout, "{}",
              format::death_table(result.deaths,
                                  {.now_unix_ns = now_unix_ns,
                                   .columns = terminal ? output::columns_of(STDOUT_FILENO) : 0,
                                   .use_color = output::wants_color()}));
    }
    print(stdout, "{}", format::format_coverage_gaps(result.gaps, now_unix_ns));
    if (result.deaths.empty()) {
        print_nothing_found(directories, result, "such death");
        if (query.filter.name) {
            print_similar(directories, *query.filter.name);
        }
    }
    if (query.filter.pid) {
        print_pid_hint(!result.deaths.empty());
    }
    return result.deaths.empty() ? 1 : 0;
}

Result<int> run(const HistoryRequest& request) {
    const std::vector<std::string> directories = death_directories(request.state);
    query::Query query = request.query;
    query.clock = present_clock();
    return request.json ? run_json(directories, query) : run_text(directories, query);
}

}  // namespace

int run_history(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_history(arguments, unix_now_ns()), run);
}

}  // namespace vigil::commands
