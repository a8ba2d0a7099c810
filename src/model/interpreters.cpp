// SPDX-License-Identifier: Apache-2.0
#include "model/interpreters.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "model/exec_image.h"

namespace vigil::model {
namespace {

// Options are letters in clusters ("-euo") or long names, without their dashes. Lists of names are
// separated by spaces.
struct Syntax {
    std::string_view names;          // of the interpreter, without a version
    std::string_view values{};       // the rest of the cluster is the value, or the next argument
    std::string_view next_values{};  // the next argument is the value, and the cluster goes on
    std::string_view attached{};     // the rest of the cluster is the value, if there is any
    std::string_view code{};         // no script: code or its source follows
    std::string_view script{};       // as `values`: the value is the script or module
    std::string_view long_values{};  // the next argument is the value, unless after "="
    std::string_view long_code{};    // as `code`
    std::string_view long_script{};  // as `script`
    bool plus = false;               // options may begin with '+'
    bool dash_ends_options = false;  // "-" does; it is not standard input
    bool single_dash_names = false;  // long names have one dash, and there are no clusters
    bool code_comes_first = false;   // the first argument that is no option is code
    bool double_dash_is_stdin = false;  // what follows "--" are arguments of the code there
};

// bash(1), dash(1), zshall(1), ksh(1), mksh(1), csh(1), fish(1), python(1), perlrun(1), ruby(1),
// node(1), php(1), lua(1), tclsh(1), expect(1), awk(1), gawk(1), sed(1).
constexpr std::array syntaxes{
    Syntax{.names = "sh ash bash dash rbash hush yash posh",
           .next_values = "oO",
           .code = "cs",
           .long_values = "rcfile init-file",
           .plus = true,
           .dash_ends_options = true},
    Syntax{.names = "zsh ksh mksh lksh pdksh rksh rzsh",
           .values = "oRT",
           .code = "cs",
           .long_values = "emulate",
           .plus = true,
           .dash_ends_options = true},
    Syntax{.names = "csh tcsh", .code = "cs", .dash_ends_options = true},
    Syntax{.names = "fish",
           .values = "CdDfopb",
           .code = "c",
           .long_values = "init-command debug debug-output features profile profile-startup",
           .long_code = "command"},
    Syntax{.names = "python pypy micropython",
           .values = "WXQ",
           .code = "c",
           .script = "m",
           .long_values = "check-hash-based-pycs"},
    Syntax{.names = "perl", .values = "I", .attached = "CDFMVimx", .code = "eE"},
    Syntax{.names = "ruby jruby",
           .values = "CEIXr",
           .attached = "0FKTWix",
           .code = "e",
           .long_values = "encoding external-encoding internal-encoding enable disable "
                          "backtrace-limit"},
    Syntax{.names = "node nodejs",
           .values = "Cr",
           .code = "ep",
           .long_values = "require import loader experimental-loader conditions input-type title "
                          "inspect-port env-file icu-data-dir openssl-config redirect-warnings "
                          "trace-event-categories unhandled-rejections dns-result-order "
                          "disable-warning watch-path",
           .long_code = "eval print run"},
    Syntax{.names = "php php-cgi",
           .values = "Scdtz",
           .code = "BERr",
           .script = "Ff",
           .long_values = "define php-ini server docroot zend-extension",
           .long_code = "run process-begin process-code process-end",
           .long_script = "file process-file",
           .double_dash_is_stdin = true},
    Syntax{.names = "lua luajit texlua", .values = "el", .attached = "Oj", .code = "b"},
    Syntax{.names = "tclsh wish", .long_values = "encoding", .single_dash_names = true},
    Syntax{.names = "expect", .values = "Dc", .script = "bf"},
    Syntax{.names = "awk gawk mawk nawk original-awk",
           .values = "FWilv",
           .code = "e",
           .script = "Ef",
           .long_values = "assign field-separator include load",
           .long_code = "source",
           .long_script = "file exec",
           .code_comes_first = true},
    Syntax{.names = "sed",
           .values = "l",
           .attached = "i",
           .code = "e",
           .script = "f",
           .long_values = "line-length",
           .long_code = "expression",
           .long_script = "file",
           .code_comes_first = true},
};

// ld.so(8): the program comes first that is no option.
constexpr Syntax loader{.names = "",
                        .long_values =
                            "library-path inhibit-rpath audit preload argv0 "
                            "glibc-hwcaps-prepend glibc-hwcaps-mask",
                        .long_code = "list verify list-tunables list-diagnostics help version"};

bool contains_word(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const size_t end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) {
            return true;
        }
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

bool is_loader(std::string_view name) {
    return name.starts_with("ld-linux") || name.starts_with("ld-musl") || name == "ld.so" ||
           name.starts_with("ld64.so") || (name.starts_with("ld-") && name.ends_with(".so"));
}

bool is_multi_call(std::string_view name) {
    return name == "busybox" || name == "busybox.static" || name == "toybox";
}

// Versioned names count too: "python3.11" is python, "luajit-2.1" luajit.
const Syntax* syntax_of(std::string_view name) {
    if (is_loader(name)) {
        return &loader;
    }
    name = name.substr(0, name.find_first_of("0123456789"));
    while (name.ends_with('-')) {
        name.remove_suffix(1);
    }
    const auto* const it = std::find_if(syntaxes.begin(), syntaxes.end(), [&](const Syntax& each) {
        return contains_word(each.names, name);
    });
    return !name.empty() && it != syntaxes.end() ? it : nullptr;
}

// The arguments that are left.
class Arguments {
 public:
    explicit Arguments(std::string_view argv) : rest_(argv) {}

    std::optional<std::string_view> next() {
        if (rest_.empty()) {
            return std::nullopt;
        }
        const size_t end = rest_.find('\0');
        const std::string_view argument = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return argument;
    }
    std::string_view rest() const { return rest_; }

 private:
    std::string_view rest_;
};

// What an option says about the program to run.
struct OptionEffect {
    bool ends = false;  // of the search: `script` runs, or code
    std::optional<std::string_view> script{};
};

OptionEffect apply_long(const Syntax& syntax, std::string_view option, Arguments& arguments) {
    const size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    if (contains_word(syntax.long_code, name)) {
        return {.ends = true};
    }
    const bool is_script = contains_word(syntax.long_script, name);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) {
        value = option.substr(equals + 1);
    } else if (is_script || contains_word(syntax.long_values, name)) {
        value = arguments.next();
    }
    return is_script ? OptionEffect{.ends = true, .script = value} : OptionEffect{};
}

OptionEffect apply_cluster(const Syntax& syntax, std::string_view letters, Arguments& arguments) {
    for (size_t i = 0; i < letters.size(); i++) {
        const char letter = letters[i];
        const auto is_in = [&](std::string_view list) {
            return list.find(letter) != std::string_view::npos;
        };
        const std::string_view rest = letters.substr(i + 1);
        if (is_in(syntax.code)) {
            return {.ends = true};
        }
        if (is_in(syntax.script)) {
            return {.ends = true, .script = rest.empty() ? arguments.next() : rest};
        }
        if (is_in(syntax.attached) || letter == ':' || letter == '=') {  // perl's "-d:Module"
            return {};
        }
        if (is_in(syntax.next_values)) {
            (void)arguments.next();
        } else if (is_in(syntax.values)) {
            if (rest.empty()) {
                (void)arguments.next();
            }
            return {};
        }
    }
    return {};
}

bool is_option(const Syntax& syntax, std::string_view argument) {
    return argument.starts_with('-') || (syntax.plus && argument.starts_with('+'));
}

// The script or module; `arguments` then begins with its own.
std::optional<std::string_view> find_script(const Syntax& syntax, Arguments& arguments) {
    const auto positional = [&]() -> std::optional<std::string_view> {
        return syntax.code_comes_first ? std::nullopt : arguments.next();
    };
    for (;;) {
        const auto argument = arguments.next();
        if (!argument) {
            return std::nullopt;
        }
        if (!is_option(syntax, *argument)) {
            return syntax.code_comes_first ? std::nullopt : argument;
        }
        if (*argument == "-") {
            return syntax.dash_ends_options ? positional() : std::nullopt;
        }
        if (*argument == "--") {
            return syntax.double_dash_is_stdin ? std::nullopt : positional();
        }
        const bool is_long = argument->starts_with("--") || syntax.single_dash_names;
        const std::string_view option = argument->substr(argument->starts_with("--") ? 2 : 1);
        const OptionEffect effect = is_long ? apply_long(syntax, option, arguments)
                                            : apply_cluster(syntax, option, arguments);
        if (effect.ends) {
            return effect.script;
        }
    }
}

}  // namespace

std::vector<std::string_view> programs_in_arguments(std::string_view executable,
                                                    std::string_view argv) {
    constexpr size_t max_programs = 4;  // a loader, busybox, a shell, its script
    std::vector<std::string_view> programs;
    Arguments arguments(argv);
    std::string_view first = arguments.next().value_or("");
    std::string_view name = executable.empty() ? base_name(first) : executable;
    while (programs.size() < max_programs) {
        if (is_multi_call(name)) {
            std::string_view applet = base_name(first);
            if (is_multi_call(applet)) {
                first = arguments.next().value_or("");
                applet = base_name(first);
            } else if (applet.starts_with('-')) {  // "-sh" of a login shell
                applet.remove_prefix(1);
            }
            if (applet.empty() || applet.starts_with('-') || is_multi_call(applet)) {
                break;
            }
            programs.push_back(applet);
            name = applet;
            continue;
        }
        const Syntax* syntax = syntax_of(name);
        const auto script = syntax != nullptr ? find_script(*syntax, arguments) : std::nullopt;
        if (!script || script->empty()) {
            break;
        }
        programs.push_back(*script);
        if (syntax != &loader) {
            break;
        }
        first = *script;
        name = base_name(*script);
    }
    return programs;
}

}  // namespace vigil::model
