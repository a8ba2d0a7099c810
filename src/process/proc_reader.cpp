// SPDX-License-Identifier: Apache-2.0
#include "process/proc_reader.h"

#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace vigil::process {
namespace {

// An interpreter keeps the descriptor open through which its script was executed.
void resolve(uint32_t pid, std::string& path) {
    const std::string_view descriptor = model::descriptor_of(path);
    const size_t slash = descriptor.find('/');
    if (descriptor.empty()) {
        return;
    }
    if (auto target = host::read_descriptor(pid, descriptor.substr(0, slash))) {
        path =
            *target + std::string(slash == std::string_view::npos ? "" : descriptor.substr(slash));
    }
}

}  // namespace

void ProcReader::begin_second(uint64_t now_ns) {
    if (now_ns >= second_begin_ns_ + ns_per_s) {
        second_begin_ns_ = now_ns;
        reads_ = 0;
    }
}

bool ProcReader::acquire_proc_read(uint64_t now_ns) {
    begin_second(now_ns);
    if (reads_ >= max_reads_per_second) {
        return false;
    }
    reads_++;
    return true;
}

void ProcReader::count_read(uint64_t now_ns) {
    begin_second(now_ns);
    reads_++;
}

bool ProcReader::is_running(const ProcessKey& key) {
    const auto status = stat(key.pid);
    return status && !status->is_zombie() && model::same_start(status->start_ns, key.start_ns);
}

bool ProcReader::is_zombie(const ProcessKey& key) {
    const auto status = stat(key.pid);
    return status && status->is_zombie() && model::same_start(status->start_ns, key.start_ns);
}

model::ExecImagePtr ProcReader::image(const model::Process& process,
                                      const model::ExecImage* known) {
    auto image = known != nullptr ? std::make_shared<model::ExecImage>(*known)
                                  : std::make_shared<model::ExecImage>();
    if (const auto executable = host::read_executable(process.pid)) {
        const bool is_name = image->file == image->executable;  // executed through a descriptor
        image->executable = model::base_name(*executable);
        if (image->file.empty() || is_name) {
            image->file = *executable;
        }
    }
    if (!image->argv) {
        image->argv = host::read_arguments(process.pid, model::max_argv_bytes);
    }
    if (image->argv) {
        image->programs =
            model::find_programs(process.comm.view(), image->executable, *image->argv);
    }
    for (std::string& program : image->programs) {
        const bool is_file = program == image->file;
        resolve(process.pid, program);
        if (is_file) {
            image->file = program;
        }
    }
    return image;
}

}  // namespace vigil::process
