// SPDX-License-Identifier: Apache-2.0
// vigil ctl: sends a command to the server on this machine.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/default_paths.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/units.h"
#include "cli/cli.h"
#include "commands/server/commands.h"

namespace vigil::commands {
namespace {

constexpr const char* ctl_footer =
    R"(Commands: help, config show|set|add|remove|load|save, agents, events [N], follow, stats, quit.

Examples:
  sudo vigil ctl help                            all commands and their arguments
  sudo vigil ctl config set nginx memory 500     for all agents, at once
  sudo vigil ctl agents                          connected agents and their rules
  sudo vigil ctl follow | jq .kind               the log as it grows

Exit codes: 0 done, 1 no server or the command failed, 2 wrong usage.)";

constexpr time_t timeout_s = 10;
constexpr size_t max_header_bytes = 64;

Result<Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return usage_error(fmt::format("--control: the path is longer than {} bytes",
                                       sizeof address.sun_path - 1));
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)) {
        const char* hint = errno == EACCES ? "it belongs to another user (sudo?)"
                                           : "is 'vigil server' or 'vigil up' running? --control "
                                             "sets the path of its socket";
        Error error = system_error("connecting to", path);
        error.context += fmt::format(" ({})", hint);
        return error;
    }
    return fd;
}

// Quotes a word if the server would split it.
std::string quoted(const std::string& word) {
    if (!word.empty() && word.find_first_of(" \t'\"") == std::string::npos) {
        return word;
    }
    const char quote = word.find('"') == std::string::npos ? '"' : '\'';
    return quote + word + quote;
}

// The first line of a reply.
struct ReplyHeader {
    bool failed = false;
    uint64_t bytes = 0;  // bytes of the reply
};

Result<ReplyHeader> read_header(const Fd& fd, const std::string& path) {
    std::string line;
    for (char c = 0; line.size() < max_header_bytes;) {
        const ssize_t count = ::read(fd.get(), &c, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return system_error("waiting for an answer from", path);
        }
        if (count == 0) {
            return Error{ErrorCode::failed, "the server ended without an answer"};
        }
        if (c == '\n') {
            break;
        }
        line += c;
    }
    const size_t space = std::min(line.find(' '), line.size());
    const auto bytes = parse_number(line.substr(std::min(space + 1, line.size())), 0, UINT64_MAX);
    if (!bytes) {
        return Error{ErrorCode::failed, fmt::format("'{}' is not a server of vigil", path)};
    }
    return ReplyHeader{line.substr(0, space) != "ok", *bytes};
}

// Copies the reply and what follows until the end of file. A closed output (EPIPE) ends it.
Result<void> copy(const Fd& fd, const ReplyHeader& header) {
    std::array<char, 64 << 10> bytes{};
    uint64_t copied = 0;
    while (true) {
        const ssize_t count = ::read(fd.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        const std::string_view text(bytes.data(), static_cast<size_t>(count));
        if (!write_all(header.failed ? STDERR_FILENO : STDOUT_FILENO, text)) {
            return errno == EPIPE ? Result<void>() : system_error("writing", "the answer");
        }
        copied += text.size();
    }
    return copied >= header.bytes
               ? Result<void>()
               : Error{ErrorCode::failed, "the server ended in the middle of its answer"};
}

Result<int> send_command(const std::string& path, const std::vector<std::string>& words) {
    std::string line;
    // A rule is passed unchanged, whether the shell left it as one word or split it.
    const bool is_rule = words.size() > 2 && words[0] == "config" && words[1] == "add";
    for (size_t i = 0; i < words.size(); i++) {
        line += (i > 0 ? " " : "") + (is_rule && i > 1 ? words[i] : quoted(words[i]));
    }
    if (line.find('\n') != std::string::npos) {
        return usage_error("a command can't contain a line end");
    }
    TRY_ASSIGN(const Fd fd, connect_to(path));
    if (!write_all(fd.get(), line + '\n')) {
        return system_error("writing to", path);
    }
    // A hanging server must be distinguishable from one without output.
    const timeval timeout{.tv_sec = timeout_s, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    TRY_ASSIGN(const ReplyHeader header, read_header(fd, path));
    const timeval none{};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    TRY(copy(fd, header));
    return header.failed ? 1 : 0;
}

}  // namespace

int run_ctl(const cli::Arguments& arguments) {
    cli::OptionParser app("Sends a command to the server that runs on this machine.", "vigil ctl");
    app.footer(ctl_footer);
    std::string path = default_control_path();
    std::vector<std::string> words;
    app.add_option("--control", path, "The server's socket [" + path + "]")->type_name("PATH");
    app.add_option("COMMAND", words, "The command and its arguments")->required();
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    const auto exit_code = send_command(path, words);
    return exit_code ? *exit_code : cli::fail(exit_code.error());
}

}  // namespace vigil::commands
