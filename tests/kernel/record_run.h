// SPDX-License-Identifier: Apache-2.0
// Runs the real `vigil record` and reads what it keeps.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "event.h"
#include "harness.h"
#include "processes.h"

namespace vigil::tests {

// True in an emulated machine of the tests' own, where more is allowed.
bool in_guest();

class RecordRun {
 public:
    explicit RecordRun(const Strings& options = {});

    // One that runs for as long as this process; what it has told until now counts no more.
    static RecordRun& shared();
    // Ends it, where there is one, and checks that nothing was lost.
    static void end_all();

    // The certificate of the process, which must have ended: the last one of this pid. Waits until
    // it is there.
    Event of(pid_t pid);

    // Ends it and reads all: certificates and receipts, in the order of each file.
    std::vector<Event> end();

    Program& program() { return program_; }
    const std::string& state() const { return directory_.path(); }

 private:
    // One of the two journals, read as far as it is written.
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
    std::map<pid_t, size_t> last_;  // its certificate, in events_
};

}  // namespace vigil::tests
