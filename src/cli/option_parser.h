// SPDX-License-Identifier: Apache-2.0
// The command-line options of one command. CLI11 stays behind this header: it takes seconds to
// compile, so only option_parser.cpp includes it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {  // NOLINT(readability-identifier-naming): another project's
class App;
class Option;
}  // namespace CLI

namespace vigil::cli {

// One option; lives as long as its parser. Every call returns the option itself.
class Option {
 public:
    explicit Option(CLI::Option& option) : option_(&option) {}

    // The value's name in the help text.
    Option* type_name(const std::string& name);
    Option* required();
    // The values of one argument are separated by it.
    Option* delimiter(char delimiter);
    // Whether one occurrence may take several arguments; of options that collect into a vector.
    Option* allow_extra_args(bool allow);
    Option* one_of(const std::vector<std::string>& values);
    // Both ends included.
    Option* range(int min, int max);
    Option* excludes(const Option* other);
    Option* excludes(const std::string& other);

 private:
    CLI::Option* option_;
};

class OptionParser {
 public:
    OptionParser(const std::string& description, const std::string& name);
    ~OptionParser();
    OptionParser(const OptionParser&) = delete;
    OptionParser& operator=(const OptionParser&) = delete;

    void footer(const std::string& text);

    // `names`: "-o,--output", or a word without dashes for a positional argument. `value` must
    // outlive parse(); it keeps what it holds where the option is not given. Value is one of the
    // types that option_parser.cpp instantiates.
    template <class Value>
    Option* add_option(const std::string& names, Value& value, const std::string& help);
    Option* add_flag(const std::string& names, bool& value, const std::string& help);

    OptionParser* add_subcommand(const std::string& name, const std::string& description);
    void require_subcommand();
    // Whether this subcommand was given.
    bool parsed() const;

    // Reads `arguments`. An exit code where the program is to end at once: after --help, or
    // because the arguments are wrong; the help or the error has been printed.
    std::optional<int> parse(Arguments arguments);

 private:
    explicit OptionParser(CLI::App& subcommand);
    Option* keep(CLI::Option* option);

    std::unique_ptr<CLI::App> owned_;  // empty in a subcommand, which its parent owns
    CLI::App* app_;
    std::deque<Option> options_;
    std::vector<std::unique_ptr<OptionParser>> subcommands_;
};

}  // namespace vigil::cli
