// SPDX-License-Identifier: Apache-2.0
// vigil history: the processes that have ended.
#include <unistd.h>

#include <cerrno>

#include "apps/cli.h"
#include "apps/history_options.h"
#include "apps/past_deaths.h"
#include "apps/screen.h"
#include "base/clock.h"
#include "base/file.h"
#include "history/gaps.h"
#include "history/rows.h"

namespace vigil::apps {
namespace {

constexpr size_t chunk_bytes = 64 << 10;

// Lines as they are found, so that there may be any number of them.
class JsonLines {
 public:
    // False: nobody reads them, or they can't be written.
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
    // Who reads no more has had enough, which is no error.
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

Result<int> run_json(const std::vector<std::string>& folders, const history::Query& query) {
    JsonLines lines;
    const history::Answer answer =
        history::ask(journals_for(folders, query), query,
                     [&](const history::Found& found) { return lines.add(found.line); });
    lines.flush();
    say_troubles(answer.troubles);
    say(stderr, "{}", history::gaps_text(answer.receipts, unix_now_ns()));
    TRY(lines.result());
    if (lines.count() == 0) {
        say_nothing_found(folders, answer, "such death");
    }
    return lines.count() == 0 ? 1 : 0;
}

Result<int> run_text(const std::vector<std::string>& folders, const history::Query& query) {
    const history::Answer answer = history::ask(journals_for(folders, query), query);
    say_troubles(answer.troubles);
    const int64_t now_unix_ns = unix_now_ns();
    if (!answer.deaths.empty()) {
        const bool terminal = ::isatty(STDOUT_FILENO) == 1;
        say(stdout, "{}",
            history::rows(answer.deaths, {.now_unix_ns = now_unix_ns,
                                          .columns = terminal ? columns_of(STDOUT_FILENO) : 0,
                                          .colour = wants_colour()}));
    }
    say(stdout, "{}", history::gaps_text(answer.receipts, now_unix_ns));
    if (answer.deaths.empty()) {
        say_nothing_found(folders, answer, "such death");
        return 1;
    }
    return 0;
}

Result<int> run(const HistoryRequest& request) {
    const std::vector<std::string> folders = death_folders(request.state);
    return request.json ? run_json(folders, request.query) : run_text(folders, request.query);
}

}  // namespace

int run_history(const Arguments& arguments) {
    return run_asked(parse_history(arguments, unix_now_ns()), run);
}

}  // namespace vigil::apps
