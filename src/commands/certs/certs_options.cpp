// SPDX-License-Identifier: Apache-2.0
#include "commands/certs/certs_options.h"

#include <utility>

#include "base/units.h"
#include "cli/cli.h"
#include "pki/certificates.h"

namespace vigil::commands {
namespace {

constexpr const char* certs_footer = R"(A secured fleet in three commands:
  vigil certs init                             a CA, in ./vigil-certs
  vigil certs issue --server logs.example.org  logs.example.org.pem, for the server's machine
  vigil certs issue web-1                      web-1.pem, for the agent on web-1

docs/tls.md describes which file belongs where, and how to renew. 'vigil certs issue --help' has more.)";

constexpr const char* issue_footer = R"(Examples:
  vigil certs issue web-1                                   an agent
  vigil certs issue --server logs.example.org               a server
  vigil certs issue --server logs --address logs.example.org --address 192.0.2.7
  vigil certs issue web-1 --force --days 90                 renew it, for a shorter time

NAME.pem then holds a private key, its certificate and the CA's: all that the machine needs.)";

struct RawOptions {
    CertsRequest request;
    std::optional<std::string> days;
};

void add_common(cli::OptionParser& app, RawOptions& raw, const std::string& directory_help,
                uint64_t days) {
    app.add_option("--dir", raw.request.directory, directory_help + " [./vigil-certs]")
        ->type_name("DIR");
    app.add_option("--days", raw.days, fmt::format("Days of validity [{}]", days))->type_name("N");
    app.add_flag("--force", raw.request.force, "Replace existing files");
}

void add_issue(cli::OptionParser& issue, RawOptions& raw) {
    issue.footer(issue_footer);
    issue
        .add_option("NAME", raw.request.name,
                    "Name of the agent or server: letters, digits, '.', '_' and '-', up to 64")
        ->required()
        ->type_name("");
    issue.add_flag("--server", raw.request.server, "For a server, to which agents connect as NAME");
    issue
        .add_option("--address", raw.request.addresses,
                    "One more host name or IP address of the server; may be repeated")
        ->type_name("HOST")
        ->allow_extra_args(false);
    add_common(issue, raw, "The CA's directory, also for NAME.pem", issued_days);
}

Result<CertsRequest> make_request(RawOptions raw) {
    CertsRequest& request = raw.request;
    if (request.directory.empty()) {
        return usage_error("--dir: expected a directory");
    }
    if (raw.days) {
        auto days = parse_number(*raw.days, 1, max_days);
        if (!days) {
            return usage_error("--days " + days.error().context);
        }
        request.days = *days;
    }
    if (request.action != CertsRequest::Action::issue) {
        return request;
    }
    TRY(pki::check_name(request.name));
    if (request.name == "ca") {
        return usage_error("the name ca: ca.pem is the CA's own file; choose another name");
    }
    if (!request.server && !request.addresses.empty()) {
        return usage_error("--address is for servers: add --server");
    }
    return request;
}

}  // namespace

ParsedCerts parse_certs(const cli::Arguments& arguments) {
    using Action = CertsRequest::Action;
    cli::OptionParser app("Keys and certificates with which agents and server authenticate.",
                          "vigil certs");
    app.footer(certs_footer);
    app.require_subcommand();
    RawOptions raw;
    raw.request.directory = "vigil-certs";
    cli::OptionParser* init = app.add_subcommand("init", "Create a CA: ca.pem and ca.key");
    add_common(*init, raw, "Directory for its files", ca_days);
    cli::OptionParser* issue =
        app.add_subcommand("issue", "Create the key and certificate NAME.pem");
    add_issue(*issue, raw);
    cli::OptionParser* show =
        app.add_subcommand("show", "Show what a certificate is for, and whether it is valid");
    show->add_option("FILE", raw.request.file, "NAME.pem or ca.pem")->required()->type_name("");
    if (const auto exit_code = app.parse(arguments)) {
        return {std::nullopt, *exit_code};
    }
    raw.request.action = init->parsed()    ? Action::init
                         : issue->parsed() ? Action::issue
                                           : Action::show;
    raw.request.days = raw.request.action == Action::init ? ca_days : issued_days;
    return cli::to_parse_result(make_request(std::move(raw)));
}

}  // namespace vigil::commands
