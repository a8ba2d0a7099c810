// SPDX-License-Identifier: Apache-2.0
// What a session needs of its server: so a session knows no other part of it. All calls on the
// server's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/configurations.h"
#include "server/dedup_index.h"
#include "server/options.h"
#include "server/stats.h"
#include "wire/protocol.h"
#include "wire/stream.h"

namespace boost::asio {
class io_context;
}

namespace vigil::server {

class Session;

class SessionHost {
 public:
    // Buffers shared by all sessions, so that thousands of idle ones need none. Their content is
    // valid only until the session suspends.
    struct Scratch {
        wire::MessageParser parser;
        std::string batch;  // lines for the log
    };

    virtual ~SessionHost() = default;

    virtual boost::asio::io_context& io() = 0;
    virtual const Options& options() const = 0;
    virtual Scratch& scratch() = 0;
    // Refuses the session, and returns false, if there are enough agents beside it.
    virtual bool check_connections(Session& session) = 0;
    virtual const Configuration& configuration_for(std::string_view host) const = 0;

    // The session has announced the journal of its events. An older session that sends the same
    // journal is refused. The entry stays valid until release().
    virtual DedupIndex::Entry& claim(Session& session, const std::string& agent,
                                     const std::string& journal) = 0;
    virtual void release(Session& session, DedupIndex::Entry& entry, const std::string& agent,
                         const std::string& journal) = 0;

    // Appends `count` lines to the log, the last of which is `last_sequence` of the entry's
    // journal. False where there is no room now: then wait_for_log(), which returns when the log
    // has got further and about once a second.
    virtual bool append(DedupIndex::Entry& entry, std::string_view lines, size_t count,
                        uint64_t last_sequence) = 0;
    virtual wire::Awaitable<void> wait_for_log() = 0;

    virtual void on_received(size_t bytes) = 0;
    virtual void on_duplicate() = 0;
    virtual void on_missing(uint64_t events) = 0;  // sequence numbers that the agent left out
    virtual void on_refused(CloseReason reason) = 0;
    // The connection has ended; the last call of a session but release().
    virtual void on_end(const std::shared_ptr<Session>& session) = 0;

    // Clients can cause these messages: beyond some per second they are only counted.
    virtual void notice(const std::string& text) = 0;
};

}  // namespace vigil::server
