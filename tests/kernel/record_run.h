// SPDX-License-Identifier: Apache-2.0
// Runs the real `vigil record` and reads its store.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "event.h"
#include "harness.h"
#include "processes.h"

namespace vigil::tests {

// True in a guest, where more is allowed.
bool in_guest();

class RecordRun {
 public:
    explicit RecordRun(const Strings& options = {}, Program::Options program = {});

    // A recorder that runs as long as this process; its records until now are discarded.
    static RecordRun& shared();
    // Ends it, if any, and checks that nothing was lost.
    static void end_all();

    // The death record of the process, which must have exited: the last one of this pid. Waits for
    // it.
    Event of(pid_t pid);

    // Ends it and reads all death records and gaps, in the order of each file.
    std::vector<Event> end();

    Program& program() { return program_; }
    const std::string& state() const { return directory_.path(); }

 private:
    // One of the two journals, read up to its present end.
    struct File {
        std::string path;
        Fd fd = {};
        std::string torn = {};
    };
    void read_new();
    void read_new(File& file);
    bool read_rest(File& file);

    TempDirectory directory_;
    Program program_;
    std::vector<File> files_;
    std::vector<Event> events_;
    std::map<pid_t, size_t> last_;  // index of its death record in events_
};

}  // namespace vigil::tests
