// SPDX-License-Identifier: Apache-2.0
// Options that several commands share: the name, help and range of each stand here once. add_*()
// declares the option; after the parsing parse_*() checks the value, and returns the default where
// the option was not given. What is wrong is a usage error that names the option.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/option_parser.h"
#include "deaths/retention.h"

namespace vigil::cli {

using OptionText = std::optional<std::string>;

// --interval: nanoseconds between two samples.
void add_interval(OptionParser& parser, OptionText& text);
Result<uint64_t> parse_interval(const OptionText& text);

// --ring-size: bytes of the kernel's buffer of events.
void add_ring_size(OptionParser& parser, OptionText& text);
Result<uint64_t> parse_ring_size(const OptionText& text);

// --keep of the commands that record deaths: "256M,7d", "256M" or "7d".
void add_retention(OptionParser& parser, OptionText& text);
Result<deaths::Retention> parse_retention(const OptionText& text);

// --deaths: those that go to the server.
void add_death_forwarding(OptionParser& parser, OptionText& text);
Result<deaths::DeathForwarding> parse_death_forwarding(const OptionText& text);

// --state: a state directory, of this command or of those whose deaths it reads.
template <class Path>
void add_state(OptionParser& parser, Path& path, const std::string& help) {
    parser.add_option("--state", path, help)->type_name("DIR");
}

}  // namespace vigil::cli
