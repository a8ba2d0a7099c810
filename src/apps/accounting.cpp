// SPDX-License-Identifier: Apache-2.0
#include "apps/accounting.h"

#include <fmt/format.h>

#include <iterator>

namespace vigil::apps {
namespace {

bool balances(const Account& account) {
    return account.seen ==
           account.filtered + account.delivered + account.dropped + account.undelivered;
}

}  // namespace

bool balances(const Accounts& accounts) {
    for (const Account& account : accounts.kinds) {
        if (!balances(account)) {
            return false;
        }
    }
    return true;
}

std::string missed_text(uint64_t missed_at_most) {
    return fmt::format(
        "vigil: up to {} events were not seen: the kernel skipped programs that were running "
        "already on that CPU\n",
        missed_at_most);
}

std::string to_text(const Accounts& accounts, model::KindSet wanted) {
    std::string text;
    uint64_t dropped = 0;
    for (size_t kind = 0; kind < accounts.kinds.size(); kind++) {
        const Account& account = accounts.kinds[kind];
        const auto name = static_cast<model::Kind>(kind);
        if ((wanted & model::kind_bit(name)) == 0 && account.dropped == 0) {
            continue;
        }
        dropped += account.dropped;
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} seen={} filtered={} delivered={} dropped={} undelivered={}\n",
                       to_string(name), account.seen, account.filtered, account.delivered,
                       account.dropped, account.undelivered);
    }
    if (!balances(accounts)) {
        text += "vigil: NOT every event is accounted for: this is a bug of vigil\n";
    }
    if (dropped > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} events found no room in the ring: a larger --ring-size or a "
                       "narrower filter helps\n",
                       dropped);
    }
    if (accounts.missed_at_most > 0) {
        text += missed_text(accounts.missed_at_most);
    }
    if (accounts.tree_overflow > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} descendants did not fit into the tree and were not followed\n",
                       accounts.tree_overflow);
    }
    if (accounts.uncounted_calls > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: the bytes of up to {} socket calls are missing: the kernel skipped "
                       "the program that counts them\n",
                       accounts.uncounted_calls);
    }
    return text;
}

}  // namespace vigil::apps
