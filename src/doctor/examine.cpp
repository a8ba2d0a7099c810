// SPDX-License-Identifier: Apache-2.0
#include "doctor/examine.h"

#include "doctor/kernel_checks.h"
#include "doctor/module_checks.h"
#include "doctor/program_checks.h"
#include "host/kernel.h"
#include "host/kernel_types.h"
#include "host/privileges.h"
#include "host/probe.h"

namespace vigil::doctor {

DoctorReport examine() {
    DoctorReport report;
    check_kernel(report);
    if (const auto can = host::check_can_trace(); !can) {
        report.cannot_trace(can.error().context);
    }
    check_privileges(report);
    check_facilities(report);

    report.begin("Programs");
    const host::Capabilities has = host::capabilities();
    const char* unavailable_reason = nullptr;
    if (!has.bpf || !has.perfmon) {
        unavailable_reason = "can't be determined without CAP_BPF and CAP_PERFMON";
    } else if (!host::in_initial_user_namespace()) {
        unavailable_reason = "can't be determined in a user namespace";
    } else if (!host::has_btf()) {
        unavailable_reason = "can't be determined without BTF";
    }
    if (unavailable_reason == nullptr) {
        check_hooks(report);
        check_ring(report);
        check_program_types(report);
        choose_methods(report);
    } else {
        report.info("hooks, types, ring buffer", unavailable_reason);
        report.begin("Methods");
        report.info("network bytes, sweep", unavailable_reason);
    }
    check_module(report);
    return report;
}

}  // namespace vigil::doctor
