// SPDX-License-Identifier: Apache-2.0
// vigil doctor: reports what this machine supports: for each missing feature its effect and how to
// enable it. The checks are in doctor/.
#include "commands/doctor/doctor.h"

#include <string>

#include "base/print.h"
#include "cli/cli.h"
#include "doctor/examine.h"
#include "doctor/report.h"
#include "output/color.h"

namespace vigil::commands {

int run_doctor(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Shows what vigil can do on this machine, what is missing, and how to enable it. Changes\n"
        "nothing. Exit code 0 where tracing works, 3 where it can't.",
        "vigil doctor");
    std::string format = "text";
    app.add_option("-o,--output", format, "text or json [text]")
        ->type_name("FORMAT")
        ->one_of({"text", "json"});
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    const doctor::DoctorReport report = doctor::examine();
    const std::string out =
        format == "json" ? to_json(report) : to_text(report, output::wants_color());
    print(stdout, "{}", out);
    return report.blocker().empty() ? 0 : static_cast<int>(ErrorCode::unsupported);
}

}  // namespace vigil::commands
