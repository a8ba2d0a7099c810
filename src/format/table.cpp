// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "format/formatter.h"

namespace vigil::format {
namespace {

class TableFormatter final : public Formatter {
 public:
    std::string header() const override {
        return "Monitoring process creation events... Press Ctrl-C to exit\n"
               "PID      PPID     COMM\n"
               "-------- -------- ----------------\n";
    }

    void append(std::string& out, const model::Event& event) override {
        if (event.kind == model::Kind::loss) {
            const auto& loss = std::get<model::Loss>(event.body);
            fmt::format_to(std::back_inserter(out), "{:<8} {:<8} (lost {} {} events)\n", "-", "-",
                           loss.count, loss.kind ? to_string(*loss.kind) : "other");
            return;
        }
        if (event.kind != model::Kind::fork) {
            return;
        }
        fmt::format_to(std::back_inserter(out), "{:<8} {:<8} ", event.process.pid,
                       event.process.ppid);
        append_escaped(out, event.process.comm.view());
        out += '\n';
    }
};

}  // namespace

std::unique_ptr<Formatter> make_table_formatter() { return std::make_unique<TableFormatter>(); }

}  // namespace vigil::format
