// SPDX-License-Identifier: Apache-2.0
// vigil certs: the fleet's CA and its certificates.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/print.h"
#include "base/text.h"
#include "cli/cli.h"
#include "commands/certs/certs.h"
#include "commands/certs/certs_options.h"
#include "pki/certificates.h"

namespace vigil::commands {
namespace {

constexpr mode_t secret_file = 0600;
constexpr mode_t public_file = 0644;
constexpr mode_t secret_directory = 0700;
constexpr int64_t s_per_day = 86'400;

std::string path_in(const CertsRequest& request, std::string_view name) {
    return fmt::format("{}/{}", request.directory, name);
}

// The option that a suggested command needs for the same CA.
std::string directory_option(const CertsRequest& request) {
    return request.directory == "vigil-certs" ? "" : " --dir " + quote_if_needed(request.directory);
}

// True for a dangling link too: a user put it there.
bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 || errno != ENOENT;
}

Result<void> check_free(const std::string& path, bool force, std::string_view consequence) {
    if (force || !exists(path)) {
        return {};
    }
    return Error{ErrorCode::failed, fmt::format("{} exists already; --force replaces it{}",
                                                quote_if_needed(path), consequence)};
}

Result<void> init(const CertsRequest& request) {
    const std::string key = path_in(request, "ca.key");
    const std::string certificate = path_in(request, "ca.pem");
    const bool replaces = exists(key) || exists(certificate);
    for (const std::string& path : {key, certificate}) {
        TRY(check_free(path, request.force,
                       "; certificates that the old CA signed are useless then"));
    }
    const pki::Validity validity = pki::valid_for_days(std::time(nullptr), request.days);
    TRY_ASSIGN(const pki::Authority ca, pki::create_ca(validity));
    TRY(make_directories(request.directory, secret_directory));
    TRY(replace_file(key, ca.key_pem, secret_file));
    TRY(replace_file(certificate, ca.certificate_pem, public_file));
    vigil::print(
        stdout,
        "wrote {}: the CA's private key. Its holder can join as any agent: leave it here.\n"
        "wrote {}: the CA's certificate, valid until {}. It is not secret.\n",
        quote_if_needed(key), quote_if_needed(certificate), pki::utc_text(validity.until_unix_s));
    if (replaces) {
        vigil::print(stdout,
                     "Files of the previous CA and of this one refuse each other: issue all of "
                     "them again.\n");
    }
    const std::string option = directory_option(request);
    vigil::print(stdout,
                 "next: vigil certs issue{0} --server HOST   for the server, by the name that "
                 "agents connect to\n"
                 "      vigil certs issue{0} NAME            for each agent\n",
                 option);
    return {};
}

Result<std::string> read_ca_file(const CertsRequest& request, std::string_view name) {
    const std::string path = path_in(request, name);
    TRY_ASSIGN(auto text, read_optional_file(path, pki::max_pem_bytes));
    if (!text) {
        return usage_error(fmt::format("there is no {}: 'vigil certs init{}' makes a CA",
                                       quote_if_needed(path), directory_option(request)));
    }
    return std::move(*text);
}

Result<void> issue(const CertsRequest& request) {
    const std::string path = path_in(request, request.name + ".pem");
    TRY(check_free(path, request.force, ""));
    pki::Authority ca;
    TRY_ASSIGN(ca.certificate_pem, read_ca_file(request, "ca.pem"));
    TRY_ASSIGN(ca.key_pem, read_ca_file(request, "ca.key"));
    const int64_t now = std::time(nullptr);
    const pki::Validity validity = pki::valid_for_days(now, request.days);
    const pki::Role role = request.server ? pki::Role::server : pki::Role::agent;
    TRY_ASSIGN(const std::string pem,
               pki::issue(ca, {request.name, role, request.addresses, validity}));
    TRY_ASSIGN(const pki::CertificateInfo issued, pki::describe(pem, now));
    if (!issued.error.empty()) {
        return Error{ErrorCode::failed,
                     fmt::format("nothing issued: {}; 'vigil certs init{} --force' makes a new CA",
                                 issued.error, directory_option(request))};
    }
    TRY(replace_file(path, pem, secret_file));
    vigil::print(stdout, "wrote {}: key and certificate of {} {}, valid until {}{}\n",
                 quote_if_needed(path), to_string(role), request.name,
                 pki::utc_text(issued.validity.until_unix_s),
                 issued.validity.until_unix_s < validity.until_unix_s ? ", as its CA's is" : "");
    vigil::print(
        stdout,
        "next: copy it to that machine, readable only by the user that runs vigil; start there:\n"
        "      vigil {} --tls {}.pem\n",
        to_string(role), request.name);
    return {};
}

std::string format_relative_days(int64_t time_unix_s, int64_t now) {
    const bool past = time_unix_s < now;
    const int64_t days = (past ? now - time_unix_s : time_unix_s - now) / s_per_day;
    return fmt::format("{} {}", days == 0 ? "less than a day" : fmt::format("{} days", days),
                       past ? "ago" : "from now");
}

void print_info(const pki::CertificateInfo& description, int64_t now) {
    const auto row = [](std::string_view key, std::string_view value) {
        vigil::print(stdout, "{:<12} {}\n", key, value);
    };
    row("name", description.name);
    row("role", description.is_ca  ? "CA"
                : description.role ? to_string(*description.role)
                                   : "none of vigil's");
    for (const std::string& address : description.addresses) {
        row("address", address);
    }
    row("valid from", pki::utc_text(description.validity.from_unix_s));
    row("valid until", fmt::format("{} ({})", pki::utc_text(description.validity.until_unix_s),
                                   format_relative_days(description.validity.until_unix_s, now)));
    row("private key", description.has_key ? "in this file" : "not in this file");
    row("signed by", description.ca_name);
    row("SHA-256", description.fingerprint);
}

Result<void> show(const CertsRequest& request) {
    TRY_ASSIGN(const std::string pem, read_file(request.file, pki::max_pem_bytes));
    const int64_t now = std::time(nullptr);
    const auto description = pki::describe(pem, now);
    if (!description) {
        return Error{ErrorCode::failed, fmt::format("{}: {}", quote_if_needed(request.file),
                                                    description.error().context)};
    }
    print_info(*description, now);
    if (!description->error.empty()) {
        return Error{ErrorCode::failed,
                     fmt::format("{}: {}", quote_if_needed(request.file), description->error)};
    }
    return {};
}

Result<void> run(const CertsRequest& request) {
    switch (request.action) {
        case CertsRequest::Action::init:
            return init(request);
        case CertsRequest::Action::issue:
            return issue(request);
        case CertsRequest::Action::show:
            return show(request);
    }
    return {};
}

}  // namespace

int run_certs(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_certs(arguments), run);
}

}  // namespace vigil::commands
