// SPDX-License-Identifier: Apache-2.0
// vigil record: stores on this machine how every process ended, without a server.
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "agent/heartbeat.h"
#include "base/default_paths.h"
#include "base/file.h"
#include "base/print.h"
#include "cli/cli.h"
#include "cli/common_options.h"
#include "cli/source_report.h"
#include "commands/deaths/commands.h"
#include "deaths/death_recorder.h"
#include "deaths/death_writer.h"
#include "host/privileges.h"
#include "monitor/event_loop.h"
#include "monitor/event_sources.h"
#include "monitor/process_monitor.h"
#include "output/message_queue.h"

namespace vigil::commands {
namespace {

constexpr const char* record_footer = R"(Examples:
  sudo vigil record                       until Ctrl-C; from another shell:
  sudo vigil why                          what ended the last processes
  sudo vigil why nginx
  sudo vigil record --keep 1G,30d

'vigil agent' and 'vigil up' keep deaths too. They are in the state directory; 'vigil why' and
'vigil history' read them, also while none of these runs.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not possible here.)";

constexpr uint64_t durable_timeout_ns = 2 * ns_per_s;
constexpr int seconds_between_beats = 5;

struct Request {
    std::string state;
    deaths::Retention retention;
};

// Events go through the process table to the recorder and the store only: no rules are evaluated,
// nothing is sampled.
class RecordLoop final : public monitor::LoopClient, public deaths::DeathListener {
 public:
    RecordLoop(const Request& request, monitor::EventSources& sources)
        : request_(request),
          monitor_(sources.move_sampler(), sources.reader(), monitor::presence_interval_ns),
          writer_(*this),
          recorder_(monitor_.table(), writer_),
          loop_(monitor_, *this),
          messages_(STDERR_FILENO),
          heartbeat_(request.state) {
        monitor_.set_observers({&recorder_});
    }

    // Afterwards every living process is known, and every exit will be recorded.
    Result<void> open() {
        TRY(loop_.open());
        TRY(writer_.open(request_.state, request_.retention));
        monitor_.load_from_proc();
        loop_.set_low_latency();
        if (const auto downtime = heartbeat_.downtime()) {
            writer_.on_event(*downtime);
        }
        // If that event is not durable, the next start must report the same time.
        return writer_.wait_durable(durable_timeout_ns) ? heartbeat_.beat() : Result<void>();
    }

    Result<void> run() {
        TRY(loop_.run());
        if (!writer_.wait_durable(durable_timeout_ns)) {
            return Error{ErrorCode::failed, "the last deaths could not be written to " +
                                                escape_terminal(request_.state)};
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
    void on_iteration() override { messages_.flush(); }
    void on_message(const std::string& text) override {
        messages_.add(fmt::format("vigil: {}\n", text));
    }
    void on_store_message(const std::string& text) override { on_message(text); }

 private:
    Request request_;
    monitor::ProcessMonitor monitor_;
    deaths::DeathWriter writer_;
    deaths::DeathRecorder recorder_;
    monitor::EventLoop loop_;
    output::MessageQueue messages_;
    agent::Heartbeat heartbeat_;
    uint64_t seconds_ = 0;
};

Result<int> record(const Request& request) {
    TRY(make_directories(request.state, 0700));
    auto sources = monitor::EventSources::open(deaths::DeathRecorder::observer_needs);
    if (sources.reader() == nullptr) {
        return Error{ErrorCode::unsupported, "no deaths can be seen: " + sources.trace_error()};
    }
    TRY(host::keep_monitoring_capabilities(false));
    RecordLoop loop(request, sources);
    TRY(loop.open());
    cli::print_limitations(sources);
    print(stderr, "vigil: keeping deaths in {}/deaths; Ctrl-C ends\n",
          escape_terminal(request.state));
    TRY(loop.run());
    print(stderr, "vigil: {} deaths kept\n", loop.deaths());
    cli::print_losses(sources);
    return 0;
}

cli::ParseResult<Request> parse_record(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Records how every process of this machine ended, what ended it and what it had used.",
        "vigil record");
    app.footer(record_footer);
    Request request;
    request.state = default_state_directory("record");
    std::optional<std::string> keep;
    cli::add_state(app, request.state, "Directory for the records [" + request.state + "]");
    cli::add_retention(app, keep);
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    const auto parsed = cli::parse_retention(keep);
    if (!parsed) {
        return {std::nullopt, cli::fail(parsed.error())};
    }
    request.retention = *parsed;
    return {std::move(request), 0};
}

}  // namespace

int run_record(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_record(arguments), record);
}

}  // namespace vigil::commands
