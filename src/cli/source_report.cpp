// SPDX-License-Identifier: Apache-2.0
#include "cli/source_report.h"

#include "base/print.h"
#include "pipeline/accounting.h"

namespace vigil::cli {

void print_limitations(const monitor::EventSources& sources) {
    const std::string& no_kernel_sweep = sources.no_kernel_sweep();
    if (!no_kernel_sweep.empty()) {
        print(stderr, "vigil: sampling /proc, which costs more: {}\n", no_kernel_sweep);
    }
    if (sources.tracer() == nullptr) {
        print(
            stderr,
            "vigil: processes that live shorter than the interval are not seen, and network bytes "
            "are not counted{}\n",
            sources.trace_error() == no_kernel_sweep ? "" : ": " + sources.trace_error());
    } else if (!sources.tracer()->accounts_network()) {
        print(stderr, "vigil: network limits can't be checked here; 'vigil doctor' shows why\n");
    } else if (!no_kernel_sweep.empty()) {
        print(stderr,
              "vigil: network limits can't be checked while a process runs, only at its exit\n");
    }
}

void print_losses(const monitor::EventSources& sources) {
    const capture::Tracer* tracer = sources.tracer();
    if (tracer == nullptr) {
        return;
    }
    if (const uint64_t calls = tracer->uncounted_calls(); calls > 0) {
        print(stderr, "vigil: up to {} socket calls were not counted\n", calls);
    }
    if (const uint64_t missed = tracer->max_missed(); missed > 0) {
        print(stderr, "{}", pipeline::missed_text(missed));
    }
    const capture::RingReader& reader = tracer->reader();
    const capture::Totals totals = reader.totals(reader.cursor());
    for (size_t i = 0; i < totals.size(); i++) {
        if (totals[i].dropped > 0) {
            print(stderr, "vigil: {} {} events were lost: the machine was too busy\n",
                  totals[i].dropped, to_string(static_cast<model::Kind>(i)));
        }
    }
}

}  // namespace vigil::cli
