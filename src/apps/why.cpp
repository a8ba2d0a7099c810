// SPDX-License-Identifier: Apache-2.0
// vigil why: who or what ended this process.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli.h"
#include "apps/past_deaths.h"
#include "apps/why_options.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "history/gaps.h"
#include "history/moment.h"
#include "history/story.h"
#include "host/procfs.h"

namespace vigil::apps {
namespace {

using history::Answer;
using history::Conditions;

Answer ask(const std::vector<std::string>& folders, const Conditions& conditions, size_t most) {
    const history::Query query{.conditions = conditions, .most = most};
    return history::ask(journals_for(folders, query), query);
}

// Where it is still there, nothing has ended it.
void say_if_alive(uint32_t pid) {
    const auto stat = host::read_stat(pid);
    if (!stat) {
        return;
    }
    if (stat->is_zombie()) {
        say(stderr, "vigil: pid {} ({}) of this machine has ended; its parent has not asked how\n",
            pid, printable(stat->comm));
        return;
    }
    const uint64_t now_ns = boot_now_ns();
    say(stderr, "vigil: pid {} ({}) of this machine is alive; it started {} ago\n", pid,
        printable(stat->comm), spoken_duration(now_ns - std::min(now_ns, stat->start_ns)));
}

// Failures and kills; where there are none, what ended well. Of a pid whatever there is.
Answer tell(const WhyRequest& request, const std::vector<std::string>& folders) {
    Conditions conditions;
    conditions.name = request.name;
    conditions.pid = request.pid;
    conditions.unit = request.unit;
    conditions.abnormal = !request.pid;
    Answer answer = ask(folders, conditions, request.most);
    if (answer.deaths.empty() && (request.name || request.unit)) {
        conditions.abnormal = false;
        answer = ask(folders, conditions, request.most);
    }
    return answer;
}

// An old failure must not hide that it has ended well since.
void say_if_ended_well_since(const WhyRequest& request, const std::vector<std::string>& folders,
                             const history::Certificate& last, int64_t now_unix_ns) {
    if ((!request.name && !request.unit) || !last.is_abnormal()) {
        return;
    }
    Conditions conditions;
    conditions.since_unix_ns = *last.unix_ns;
    conditions.name = request.name;
    conditions.unit = request.unit;
    conditions.cause = model::Cause::exit;
    const Answer newer = ask(folders, conditions, 1);
    if (!newer.deaths.empty() && !newer.deaths[0].certificate.is_abnormal()) {
        const history::Certificate& ended = newer.deaths[0].certificate;
        say(stdout, "\nSince then {} (pid {}) has exited with code 0 (success) {}.\n",
            printable(ended.comm), *ended.pid, history::at_moment(*ended.unix_ns, now_unix_ns));
    }
}

std::string asked_for(const WhyRequest& request) {
    return request.pid    ? fmt::format("death of pid {}", *request.pid)
           : request.name ? "death of " + word(*request.name)
           : request.unit ? "death in unit " + word(*request.unit)
                          : "death by a signal, the OOM killer or with an exit code other than 0";
}

Result<int> run(const WhyRequest& request) {
    const std::vector<std::string> folders = death_folders(request.state);
    const Answer answer = tell(request, folders);
    say_troubles(answer.troubles);
    const int64_t now_unix_ns = unix_now_ns();
    bool first = true;
    for (const history::Found& death : answer.deaths) {
        say(stdout, "{}{}", first ? "" : "\n",
            history::story(death.certificate, now_unix_ns, wants_colour()));
        first = false;
    }
    const std::string gaps = history::gaps_text(answer.receipts, now_unix_ns);
    if (answer.deaths.empty()) {
        say(stderr, "{}", gaps);
        say_nothing_found(folders, answer, asked_for(request));
        if (request.pid) {
            say_if_alive(*request.pid);
        }
        return 1;
    }
    say_if_ended_well_since(request, folders, answer.deaths[0].certificate, now_unix_ns);
    if (!gaps.empty()) {
        say(stdout, "\n{}", gaps);
    }
    return 0;
}

}  // namespace

int run_why(const Arguments& arguments) { return run_asked(parse_why(arguments), run); }

}  // namespace vigil::apps
