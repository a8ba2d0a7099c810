// SPDX-License-Identifier: Apache-2.0
#include "apps/past_deaths.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/places.h"
#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"
#include "base/units.h"
#include "deaths/death_store.h"
#include "history/moment.h"

namespace vigil::apps {
namespace {

constexpr size_t longest_pattern = 4096;

bool is_there(const std::string& path) {
    std::error_code error;
    // A folder that may not be looked into may hold some: to read it says why not.
    return std::filesystem::exists(path, error) || error;
}

std::string in_folder(const std::string& folder, std::string_view file) {
    return folder + '/' + std::string(file);
}

}  // namespace

std::vector<std::string> death_folders(const std::optional<std::string>& state) {
    if (state) {
        return {is_there(in_folder(*state, deaths::abnormal_file)) ? *state : *state + "/deaths"};
    }
    std::vector<std::string> folders;
    for (const char* command : {"agent", "up", "record"}) {
        folders.push_back(default_state_folder(command) + "/deaths");
    }
    return folders;
}

std::vector<std::string> journals_for(const std::vector<std::string>& folders,
                                      const history::Query& query) {
    std::vector<std::string> journals;
    for (const std::string& folder : folders) {
        journals.push_back(in_folder(folder, deaths::abnormal_file));
        if (history::takes_clean_exits(query.conditions)) {
            journals.push_back(in_folder(folder, deaths::clean_file));
        }
    }
    return journals;
}

void say_troubles(std::vector<std::string> troubles) {
    std::sort(troubles.begin(), troubles.end());
    troubles.erase(std::unique(troubles.begin(), troubles.end()), troubles.end());
    for (const std::string& trouble : troubles) {
        say(stderr, "vigil: {}\n", trouble);
    }
}

void say_nothing_found(const std::vector<std::string>& folders, const history::Answer& answer,
                       const std::string& asked) {
    const bool root = ::geteuid() == 0;
    if (std::none_of(folders.begin(), folders.end(), is_there)) {
        say(stderr,
            "vigil: no deaths are kept {}: 'sudo vigil record', 'up' and 'agent' keep those to "
            "come{}\n",
            folders.size() == 1 ? "in " + word(folders[0]) : "here yet",
            root ? "" : " (what root keeps takes sudo to read)");
    } else if (answer.oldest_unix_ns) {
        say(stderr, "vigil: no {} is kept; what is goes back to {}\n", asked,
            history::moment(*answer.oldest_unix_ns, unix_now_ns()));
    } else if (answer.troubles.empty()) {
        say(stderr, "vigil: no {} is kept; does 'vigil record', 'up' or 'agent' run?\n", asked);
    } else {
        say(stderr, "vigil: no {} can be read{}\n", asked, root ? "" : " (sudo?)");
    }
}

Result<uint64_t> parse_count(const std::string& text, std::string_view option, uint64_t most) {
    auto read = parse_number(text, 1, most);
    return read ? std::move(read)
                : usage_error(fmt::format("{} '{}': expected a whole number from 1 to {}", option,
                                          printable(text), most));
}

Result<void> check_pattern(const std::optional<std::string>& text, const std::string& option) {
    if (text && (text->empty() || text->size() > longest_pattern)) {
        return usage_error(
            fmt::format("{} '{}': expected a name", option, printable(text->substr(0, 64))));
    }
    return {};
}

}  // namespace vigil::apps
