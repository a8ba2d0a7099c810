// SPDX-License-Identifier: Apache-2.0
// vigil record: how every process of this machine ended, kept on it without any server.
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <utility>

#include "agent/heartbeat.h"
#include "apps/cli.h"
#include "apps/keep_options.h"
#include "apps/places.h"
#include "apps/source_report.h"
#include "apps/words.h"
#include "base/file.h"
#include "base/say.h"
#include "deaths/death_recorder.h"
#include "deaths/death_writer.h"
#include "host/privileges.h"
#include "monitor/event_loop.h"
#include "monitor/event_sources.h"
#include "monitor/process_monitor.h"

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

constexpr uint64_t durable_timeout_ns = 2 * ns_per_s;
constexpr int seconds_between_beats = 5;

struct Request {
    std::string state;
    Keep keep;
};

// Events go through the process table to the recorder and to the store, and nowhere else: no rules
// are held, nothing is sampled.
class RecordLoop final : public monitor::LoopClient, public deaths::DeathListener {
 public:
    RecordLoop(const Request& request, monitor::EventSources& sources)
        : request_(request),
          monitor_(sources.move_sampler(), sources.reader(), monitor::presence_interval_ns),
          writer_(*this),
          recorder_(monitor_.table(), writer_),
          loop_(monitor_, *this),
          words_(STDERR_FILENO),
          heartbeat_(request.state) {
        monitor_.set_observers({&recorder_});
    }

    // From here on every living process is known, and every exit will be recorded.
    Result<void> open() {
        TRY(loop_.open());
        TRY(writer_.open(request_.state, request_.keep));
        monitor_.load_from_proc();
        loop_.set_low_latency();
        if (const auto downtime = heartbeat_.downtime()) {
            writer_.on_event(*downtime);
        }
        // Where that is not on the disk, the next start is to report the same time.
        return writer_.wait_durable(durable_timeout_ns) ? heartbeat_.beat() : Result<void>();
    }

    Result<void> run() {
        TRY(loop_.run());
        if (!writer_.wait_durable(durable_timeout_ns)) {
            return Error{ErrorCode::failed, "the last deaths could not be written: " +
                                                printable(request_.state) + " takes nothing"};
        }
        return heartbeat_.beat();
    }

    uint64_t deaths() const { return writer_.deaths(); }

    void on_second() override {
        writer_.on_second();
        if (++seconds_ % seconds_between_beats == 0 && writer_.is_durable()) {
            (void)heartbeat_.beat();
        }
    }
    void on_iteration() override { words_.flush(); }
    void on_message(const std::string& text) override {
        words_.say(fmt::format("vigil: {}\n", text));
    }
    void on_store_message(const std::string& text) override { on_message(text); }

 private:
    Request request_;
    monitor::ProcessMonitor monitor_;
    deaths::DeathWriter writer_;
    deaths::DeathRecorder recorder_;
    monitor::EventLoop loop_;
    Words words_;
    agent::Heartbeat heartbeat_;
    uint64_t seconds_ = 0;
};

Result<int> record(const Request& request) {
    TRY(make_folders(request.state, 0700));
    auto sources = monitor::EventSources::open(deaths::DeathRecorder::observer_needs);
    if (sources.reader() == nullptr) {
        return Error{ErrorCode::unsupported, "no deaths can be seen: " + sources.trace_error()};
    }
    TRY(host::keep_only_capabilities({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}));
    RecordLoop loop(request, sources);
    TRY(loop.open());
    print_limitations(sources);
    say(stderr, "vigil: keeping deaths in {}/deaths; Ctrl-C ends\n", printable(request.state));
    TRY(loop.run());
    say(stderr, "vigil: {} deaths kept\n", loop.deaths());
    print_losses(sources);
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
