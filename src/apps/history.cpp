// SPDX-License-Identifier: Apache-2.0
// vigil history: the processes that have ended.
#include <unistd.h>

#include "apps/cli.h"
#include "apps/history_options.h"
#include "apps/past_deaths.h"
#include "apps/screen.h"
#include "base/clock.h"
#include "history/gaps.h"
#include "history/rows.h"

namespace vigil::apps {
namespace {

Result<int> run(const HistoryRequest& request) {
    const std::vector<std::string> folders = death_folders(request.state);
    const history::Answer answer = ask_past(folders, request.query);
    say_troubles(answer.troubles);
    const int64_t now_unix_ns = unix_now_ns();
    if (request.json) {
        for (const history::Found& death : answer.deaths) {
            say(stdout, "{}\n", death.line);
        }
    } else if (!answer.deaths.empty()) {
        const bool terminal = ::isatty(STDOUT_FILENO) == 1;
        say(stdout, "{}",
            history::rows(answer.deaths, {.now_unix_ns = now_unix_ns,
                                          .columns = terminal ? columns_of(STDOUT_FILENO) : 0,
                                          .colour = wants_colour()}));
    }
    // Lines of JSON are for programs.
    say(request.json ? stderr : stdout, "{}", history::gaps_text(answer.receipts, now_unix_ns));
    if (answer.deaths.empty()) {
        say_nothing_found(folders, answer, "such death");
        return 1;
    }
    return 0;
}

}  // namespace

int run_history(const Arguments& arguments) {
    return run_asked(parse_history(arguments, unix_now_ns()), run);
}

}  // namespace vigil::apps
