// SPDX-License-Identifier: Apache-2.0
// vigil certs: the fleet's CA, and what it issues.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "apps/certs_options.h"
#include "apps/cli.h"
#include "base/file.h"
#include "base/say.h"
#include "base/text.h"
#include "wire/certificates.h"

namespace vigil::apps {
namespace {

constexpr mode_t secret_file = 0600;
constexpr mode_t public_file = 0644;
constexpr mode_t secret_folder = 0700;
constexpr int64_t s_per_day = 86'400;

std::string in_folder(const CertsRequest& request, std::string_view name) {
    return fmt::format("{}/{}", request.folder, name);
}

// What to add to a command for the same CA.
std::string folder_option(const CertsRequest& request) {
    return request.folder == "vigil-certs" ? "" : " --dir " + word(request.folder);
}

// Also where it is a link to nothing: it was put there by somebody.
bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 || errno != ENOENT;
}

Result<void> check_free(const std::string& path, bool force, std::string_view consequence) {
    if (force || !exists(path)) {
        return {};
    }
    return Error{ErrorCode::failed, fmt::format("{} is there already; --force replaces it{}",
                                                word(path), consequence)};
}

Result<void> init(const CertsRequest& request) {
    const std::string key = in_folder(request, "ca.key");
    const std::string certificate = in_folder(request, "ca.pem");
    const bool replaces = exists(key) || exists(certificate);
    for (const std::string& path : {key, certificate}) {
        TRY(check_free(path, request.force, ", and all that it issued is worthless then"));
    }
    const wire::Validity validity = wire::valid_for_days(std::time(nullptr), request.days);
    TRY_ASSIGN(const wire::Authority ca, wire::create_ca(validity));
    TRY(make_folders(request.folder, secret_folder));
    TRY(replace_file(key, ca.key_pem, secret_file));
    TRY(replace_file(certificate, ca.certificate_pem, public_file));
    say(stdout,
        "wrote {}: the CA's private key. Who has it can join as anybody: leave it here.\n"
        "wrote {}: the CA's certificate, valid until {}. It is no secret.\n",
        word(key), word(certificate), wire::utc_text(validity.until_unix_s));
    if (replaces) {
        say(stdout,
            "The files of the CA before it and those of this one refuse each other: issue all "
            "anew.\n");
    }
    const std::string option = folder_option(request);
    say(stdout,
        "next: vigil certs issue{0} --server HOST   for the server, by the name that agents call\n"
        "      vigil certs issue{0} NAME            for each agent\n",
        option);
    return {};
}

Result<std::string> read_ca_file(const CertsRequest& request, std::string_view name) {
    const std::string path = in_folder(request, name);
    TRY_ASSIGN(auto text, read_file_if_any(path, wire::longest_pem_bytes));
    if (!text) {
        return usage_error(fmt::format("there is no {}: 'vigil certs init{}' makes a CA",
                                       word(path), folder_option(request)));
    }
    return std::move(*text);
}

Result<void> issue(const CertsRequest& request) {
    const std::string path = in_folder(request, request.name + ".pem");
    TRY(check_free(path, request.force, ""));
    wire::Authority ca;
    TRY_ASSIGN(ca.certificate_pem, read_ca_file(request, "ca.pem"));
    TRY_ASSIGN(ca.key_pem, read_ca_file(request, "ca.key"));
    const int64_t now = std::time(nullptr);
    const wire::Validity validity = wire::valid_for_days(now, request.days);
    const wire::Role role = request.server ? wire::Role::server : wire::Role::agent;
    TRY_ASSIGN(const std::string pem,
               wire::issue(ca, {request.name, role, request.addresses, validity}));
    TRY_ASSIGN(const wire::Description made, wire::describe(pem, now));
    if (!made.objection.empty()) {
        return Error{ErrorCode::failed,
                     fmt::format("nothing issued: {}; 'vigil certs init{} --force' makes a new CA",
                                 made.objection, folder_option(request))};
    }
    TRY(replace_file(path, pem, secret_file));
    say(stdout, "wrote {}: key and certificate of {} {}, valid until {}{}\n", word(path),
        to_string(role), request.name, wire::utc_text(made.validity.until_unix_s),
        made.validity.until_unix_s < validity.until_unix_s ? ", as its CA's is" : "");
    say(stdout,
        "next: copy it to that machine, readable only for the user who runs vigil; start there:\n"
        "      vigil {} --tls {}.pem\n",
        to_string(role), request.name);
    return {};
}

std::string distance_text(int64_t time_unix_s, int64_t now) {
    const bool past = time_unix_s < now;
    const int64_t days = (past ? now - time_unix_s : time_unix_s - now) / s_per_day;
    return fmt::format("{} {}", days == 0 ? "less than a day" : fmt::format("{} days", days),
                       past ? "ago" : "from now");
}

void print(const wire::Description& description, int64_t now) {
    const auto row = [](std::string_view key, std::string_view value) {
        say(stdout, "{:<12} {}\n", key, value);
    };
    row("name", description.name);
    row("role", description.is_ca  ? "CA"
                : description.role ? to_string(*description.role)
                                   : "none of vigil's");
    for (const std::string& address : description.addresses) {
        row("address", address);
    }
    row("valid from", wire::utc_text(description.validity.from_unix_s));
    row("valid until", fmt::format("{} ({})", wire::utc_text(description.validity.until_unix_s),
                                   distance_text(description.validity.until_unix_s, now)));
    row("private key", description.has_key ? "in this file" : "not in this file");
    row("signed by", description.ca_name);
    row("SHA-256", description.fingerprint);
}

Result<void> show(const CertsRequest& request) {
    TRY_ASSIGN(const std::string pem, read_file(request.file, wire::longest_pem_bytes));
    const int64_t now = std::time(nullptr);
    const auto description = wire::describe(pem, now);
    if (!description) {
        return Error{ErrorCode::failed,
                     fmt::format("{}: {}", word(request.file), description.error().context)};
    }
    print(*description, now);
    if (!description->objection.empty()) {
        return Error{ErrorCode::failed,
                     fmt::format("{}: {}", word(request.file), description->objection)};
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

int run_certs(const Arguments& arguments) { return run_asked(parse_certs(arguments), run); }

}  // namespace vigil::apps
