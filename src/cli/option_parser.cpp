// SPDX-License-Identifier: Apache-2.0
#include "cli/option_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/print.h"
#include "base/result.h"
#include "base/text.h"

namespace vigil::cli {

Option* Option::type_name(const std::string& name) {
    option_->type_name(name);
    return this;
}

Option* Option::required() {
    option_->required();
    return this;
}

Option* Option::delimiter(char delimiter) {
    option_->delimiter(delimiter);
    return this;
}

Option* Option::allow_extra_args(bool allow) {
    option_->allow_extra_args(allow);
    return this;
}

Option* Option::one_of(const std::vector<std::string>& values) {
    option_->check(CLI::IsMember(values));
    return this;
}

Option* Option::range(int min, int max) {
    option_->check(CLI::Range(min, max));
    return this;
}

Option* Option::excludes(const Option* other) {
    option_->excludes(other->option_);
    return this;
}

Option* Option::excludes(const std::string& other) {
    option_->excludes(other);
    return this;
}

OptionParser::OptionParser(const std::string& description, const std::string& name)
    : owned_(std::make_unique<CLI::App>(description, name)), app_(owned_.get()) {}

OptionParser::OptionParser(CLI::App& subcommand) : app_(&subcommand) {}

OptionParser::~OptionParser() = default;

void OptionParser::footer(const std::string& text) { app_->footer(text); }

Option* OptionParser::keep(CLI::Option* option) { return &options_.emplace_back(*option); }

template <class Value>
Option* OptionParser::add_option(const std::string& names, Value& value, const std::string& help) {
    return keep(app_->add_option(names, value, help));
}

template Option* OptionParser::add_option(const std::string&, std::string&, const std::string&);
template Option* OptionParser::add_option(const std::string&, std::optional<std::string>&,
                                          const std::string&);
template Option* OptionParser::add_option(const std::string&, std::vector<std::string>&,
                                          const std::string&);
template Option* OptionParser::add_option(const std::string&, uint16_t&, const std::string&);
template Option* OptionParser::add_option(const std::string&, size_t&, const std::string&);

Option* OptionParser::add_flag(const std::string& names, bool& value, const std::string& help) {
    return keep(app_->add_flag(names, value, help));
}

OptionParser* OptionParser::add_subcommand(const std::string& name,
                                           const std::string& description) {
    CLI::App& subcommand = *app_->add_subcommand(name, description);
    return subcommands_.emplace_back(new OptionParser(subcommand)).get();
}

void OptionParser::require_subcommand() { app_->require_subcommand(1); }

bool OptionParser::parsed() const { return app_->parsed(); }

std::optional<int> OptionParser::parse(Arguments arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 wants the last one first
    try {
        app_->parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        print(stdout, "{}", app_->help());
        return 0;
    } catch (const CLI::ParseError& error) {
        print(stderr, "vigil: {}\nTry '{} --help'.\n", escape_terminal(error.what()),
              app_->get_name());
        return static_cast<int>(ErrorCode::usage);
    }
    return std::nullopt;
}

}  // namespace vigil::cli
