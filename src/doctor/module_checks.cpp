// SPDX-License-Identifier: Apache-2.0
#include "doctor/module_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/units.h"
#include "host/kernel.h"
#include "host/module.h"

namespace vigil::doctor {
namespace {

constexpr const char* effect = "the kernel module can't be loaded, and 'vigil verify' can't work";
constexpr const char* sign =
    "sign the module with a key that the machine trusts (docs/kernel-module.md), or turn Secure "
    "Boot off in the firmware";

void check_loading(DoctorReport& report) {
    if (const auto totals = host::read_module_totals()) {
        report.ok("module",
                  fmt::format("loaded; {} processes have ended since", totals->process_exits));
        return;
    }
    if (host::module_is_loaded()) {
        report.info("module", "another one of this name: it has no totals in /proc/process_monitor",
                    "'vigil verify' can't work",
                    "sudo rmmod process_monitor && make -C kmod && "
                    "sudo insmod kmod/process_monitor.ko log=0");
    } else if (const std::string why = host::modules_unavailable_reason(); !why.empty()) {
        report.info("module", why, effect,
                    host::read_setting("/proc/sys/kernel/modules_disabled") == "1"
                        ? "boot without that setting"
                        : "use a kernel built with CONFIG_MODULES=y and CONFIG_KPROBES=y");
    } else {
        report.info("module", "not loaded; only 'vigil verify' needs it", {},
                    "make -C kmod && sudo insmod kmod/process_monitor.ko log=0");
    }
}

void check_signatures(DoctorReport& report) {
    const std::string lockdown = host::lockdown_mode();
    const bool locked = lockdown == "integrity" || lockdown == "confidentiality";
    switch (host::secure_boot()) {
        case host::SecureBoot::on:
            report.info("Secure Boot", locked ? "on" : "on, though the kernel is not locked down");
            break;
        case host::SecureBoot::off:
            report.ok("Secure Boot", "off");
            break;
        case host::SecureBoot::no_efi:
            report.ok("Secure Boot", "off: this machine was not booted by EFI");
            break;
        case host::SecureBoot::unknown:
            report.info("Secure Boot", "can't be determined: efivarfs can't be read");
            break;
    }
    // module_sig_check() in kernel/module/signing.c
    if (host::signatures_enforced()) {
        report.info("module signature", "required: module.sig_enforce is set",
                    "insmod reports 'Key was rejected by service' to a module that is not signed",
                    sign);
    } else if (locked) {
        report.info("module signature", "required: lockdown is " + lockdown,
                    "insmod reports 'Operation not permitted' for a module that is not signed",
                    sign);
    } else {
        report.ok("module signature", "not needed");
    }
}

void check_headers(DoctorReport& report) {
    const std::string path = host::module_headers_path();
    if (host::has_module_headers()) {
        report.ok("kernel headers", path);
    } else {
        report.info("kernel headers", "not at " + path,
                    "the kernel module can't be built for the running kernel",
                    "sudo apt install linux-headers-" + host::kernel_release().release);
    }
}

void check_kprobes(DoctorReport& report) {
    if (const auto missing = host::missing_symbols({"do_exit", "taskstats_exit"}); !missing) {
        report.info("kprobe symbols", "can't be determined: /proc/kallsyms can't be read");
    } else if (missing->empty()) {
        report.ok("kprobe symbols", "do_exit and taskstats_exit");
    } else {
        report.info("kprobe symbols", fmt::format("missing: {}", fmt::join(*missing, ", ")),
                    "insmod fails with 'Failed to register kprobe: -2'",
                    "use a kernel built with CONFIG_TASKSTATS=y");
    }
    const auto config = host::kernel_config();
    if (config && !config->enabled.contains("CONFIG_KPROBES")) {
        report.info("kprobes", "not in this kernel", effect,
                    "use a kernel built with CONFIG_KPROBES=y");
    } else if (host::kprobes_enabled() == false) {
        report.info("kprobes", "switched off", "the kernel module sees no exit",
                    "echo 1 | sudo tee /sys/kernel/debug/kprobes/enabled");
    } else if (host::ftrace_enabled() == false) {
        report.info("kprobes", "disabled: kernel.ftrace_enabled is 0",
                    "the kernel module sees no exit", "sudo sysctl kernel.ftrace_enabled=1");
    } else if (host::kprobes_enabled()) {
        report.ok("kprobes", "on");
    } else if (config) {
        report.ok("kprobes", "in " + config->source);
    } else {
        report.info("kprobes", "can't be determined");
    }
}

// Reasons why dmesg may not show the module's messages.
void check_log(DoctorReport& report) {
    const auto bytes = host::kernel_log_bytes();
    if (!bytes) {
        report.info("kernel log", "this user may not read it", "dmesg shows nothing", "sudo dmesg");
    } else if (*bytes == 0) {
        report.info("kernel log", "not in this kernel", "the kernel module's lines are lost",
                    "use a kernel built with CONFIG_PRINTK=y");
    } else {
        std::string size;
        append_size(size, *bytes);
        report.ok("kernel log",
                  size + "; older lines are overwritten (a larger one: log_buf_len= at boot)");
    }
    if (host::module_parameter("log") == "0") {
        report.info("module's lines", "switched off (log=0)", "dmesg shows no exits",
                    "echo 1 | sudo tee /sys/module/process_monitor/parameters/log");
    }
}

}  // namespace

void check_module(DoctorReport& report) {
    report.begin("Kernel module");
    check_loading(report);
    check_signatures(report);
    check_headers(report);
    check_kprobes(report);
    check_log(report);
}

}  // namespace vigil::doctor
