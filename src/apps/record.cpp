// SPDX-License-Identifier: Apache-2.0
// vigil record: how every process of this machine ended, kept on it without any server.
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <utility>

#include "apps/alive_mark.h"
#include "apps/cli.h"
#include "apps/death_log.h"
#include "apps/keep_options.h"
#include "apps/monitor.h"
#include "apps/observation.h"
#include "apps/places.h"
#include "apps/words.h"
#include "base/file.h"
#include "base/say.h"
#include "host/privileges.h"

namespace vigil::apps {
namespace {

constexpr const char* record_footer = R"(Examples:
  sudo vigil record                       until Ctrl-C; from another shell:
  sudo vigil why                          who or what ended processes lately
  sudo vigil why nginx
  sudo vigil record --keep 1G,30d

'vigil agent' and 'vigil up' keep deaths too. They are kept in the state folder, newest first to be
read by 'vigil why' and 'vigil history', also while nothing runs.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not possible here.)";

// Nothing is held against limits: sweeps only notice processes whose end was lost.
constexpr uint64_t sweep_interval_ns = 60 * ns_per_s;
constexpr uint64_t settle_ns = 2 * ns_per_s;
constexpr int seconds_between_marks = 5;

struct Request {
    std::string state;
    Keep keep;
};

class RecordLoop {
 public:
    RecordLoop(const Request& request, Observation& observation)
        : request_(request),
          monitor_(observation, sweep_interval_ns, handlers()),
          words_(STDERR_FILENO),
          alive_(request.state),
          deaths_([](const model::Event&) {},
                  [this](const std::string& text) { say_to_user(text); }) {}

    // From here on whoever lives is known, and whoever ends will be told.
    Result<void> open() {
        TRY(monitor_.open());
        TRY(deaths_.open(request_.state, request_.keep));
        monitor_.be_prompt();
        monitor_.watcher().set_follower([this](const model::Event& event) { deaths_.take(event); });
        if (const auto away = alive_.time_away()) {
            deaths_.keep(*away);
        }
        // Where that is not on the disk, the next start is to tell of the same time.
        return deaths_.settle(settle_ns) ? alive_.set() : Result<void>();
    }

    Result<void> run() {
        TRY(monitor_.run());
        if (!deaths_.settle(settle_ns)) {
            return Error{ErrorCode::failed, "the last deaths could not be written: " +
                                                printable(request_.state) + " takes nothing"};
        }
        return alive_.set();
    }

    uint64_t deaths() const { return deaths_.deaths(); }

 private:
    MonitorHandlers handlers() {
        return {.event = [](const model::Event&) {},
                .hangup = [] {},
                .second = [this] { do_each_second(); },
                .round = [this] { words_.flush(); },
                .word = [this](const std::string& text) { say_to_user(text); }};
    }

    void do_each_second() {
        deaths_.do_each_second();
        if (++seconds_ % seconds_between_marks == 0 && deaths_.is_durable()) {
            (void)alive_.set();
        }
    }

    void say_to_user(const std::string& text) { words_.say(fmt::format("vigil: {}\n", text)); }

    Request request_;
    Monitor monitor_;
    Words words_;
    AliveMark alive_;
    DeathLog deaths_;
    uint64_t seconds_ = 0;
};

Result<int> record(const Request& request) {
    TRY(make_folders(request.state, 0700));
    Observation observation = Observation::open(Observation::Scope::deaths);
    if (observation.reader() == nullptr) {
        return Error{ErrorCode::unsupported, "no deaths can be seen: " + observation.trace_error()};
    }
    TRY(host::keep_only_capabilities({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}));
    RecordLoop loop(request, observation);
    TRY(loop.open());
    observation.announce();
    say(stderr, "vigil: keeping deaths in {}/deaths; Ctrl-C ends\n", printable(request.state));
    TRY(loop.run());
    say(stderr, "vigil: {} deaths kept\n", loop.deaths());
    observation.print_end();
    return 0;
}

Asked<Request> parse_record(const Arguments& arguments) {
    CLI::App app(
        "Keeps how every process of this machine ended, who or what ended it and what it had used.",
        "vigil record");
    app.footer(record_footer);
    Request request;
    request.state = default_state_folder("record");
    std::optional<std::string> keep;
    app.add_option("--state", request.state, "Folder to keep them in [" + request.state + "]")
        ->type_name("FOLDER");
    app.add_option("--keep", keep, keep_help)->type_name("SIZE,TIME");
    if (const auto exit_code = parse(app, arguments)) {
        return {std::nullopt, *exit_code};
    }
    const auto parsed = parse_keep(keep);
    if (!parsed) {
        return {std::nullopt, fail(parsed.error())};
    }
    request.keep = *parsed;
    return {std::move(request), 0};
}

}  // namespace

int run_record(const Arguments& arguments) { return run_asked(parse_record(arguments), record); }

}  // namespace vigil::apps
