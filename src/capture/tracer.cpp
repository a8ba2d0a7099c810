// SPDX-License-Identifier: Apache-2.0
#include "capture/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/clock.h"
#include "capture/hooks.h"
#include "capture/pin.h"
#include "capture/probe.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "host/kernel_types.h"
#include "host/libbpf_log.h"
#include "host/probe.h"
#include "host/process_tree.h"
#include "vigil_bpf.skel.h"

namespace vigil::capture {

struct Tracer::Programs {
    vigil_bpf* skeleton = nullptr;
    std::vector<std::string> network = {};

    // Runs of the program that the kernel skipped, 0 if it is not loaded.
    uint64_t skipped(const std::string& name) const {
        const bpf_program* program =
            ::bpf_object__find_program_by_name(skeleton->obj, name.c_str());
        const int fd = program != nullptr ? ::bpf_program__fd(program) : -1;
        return fd >= 0 ? recursion_misses(fd) : 0;
    }

    ~Programs() { vigil_bpf::destroy(skeleton); }
};

namespace {

constexpr uint32_t bit(int kind) { return 1U << kind; }

// Loading failed as a whole: each hook is then probed alone, because that gives a precise error.
Error load_error(int error, uint32_t kinds) {
    if (!host::resource_hint(-error).empty()) {
        return host::system_failure("loading the programs", -error);
    }
    for (size_t i = 0; i < model::kernel_kind_count; i++) {
        const auto kind = static_cast<model::Kind>(i);
        if ((kinds & model::kind_bit(kind)) == 0) {
            continue;
        }
        if (const host::ProbeResult result = probe_hook(kind); !result.supported) {
            return {ErrorCode::unsupported,
                    fmt::format("the kernel does not accept the {} hook ({}): {}", to_string(kind),
                                result.reason, host::denial_hint(result))};
        }
    }
    const host::ProbeResult denial{.forbidden = error == -EPERM, .reason = {}};
    return {ErrorCode::unsupported, fmt::format("the kernel does not accept the programs: {}: {}",
                                                std::strerror(-error), host::denial_hint(denial))};
}

vigil_control initial_control(const TraceOptions& options, const ProgramSelection& selection) {
    vigil_control control{};
    control.filter = selection.filter;
    control.wanted = options.wanted;
    // until all programs are attached, no process start counts as seen
    control.attached_ns = UINT64_MAX;
    control.ring_bytes =
        std::bit_ceil(std::clamp(options.ring_bytes, min_ring_bytes, max_ring_bytes));
    control.wakeup_bytes = control.ring_bytes / 8;
    control.abi_version = VIGIL_ABI_VERSION;
    control.cpu_count = static_cast<__u32>(::libbpf_num_possible_cpus());
    control.lane_count = selection.lanes;
    control.network = selection.network.programs.empty() ? 0 : 1;
    return control;
}

void size_maps(vigil_bpf& skeleton, const vigil_control& control) {
    const vigil_filter& filter = control.filter;
    const uint32_t streams = control.lane_count * control.cpu_count;
    ::bpf_map__set_max_entries(skeleton.maps.ring, static_cast<__u32>(control.ring_bytes));
    ::bpf_map__set_max_entries(skeleton.maps.counters, streams);
    ::bpf_map__set_max_entries(skeleton.maps.cursors, 2 * streams);
    if (control.lane_count > 1) {
        ::bpf_map__set_max_entries(skeleton.maps.claims, VIGIL_CLAIM_ENTRIES);
    }
    if ((filter.flags & VIGIL_FILTER_TREE) != 0) {
        // With thread events, exited processes stay in the map until their pid is reused.
        const bool keeps_exited = (filter.flags & VIGIL_FILTER_THREADS) != 0;
        ::bpf_map__set_max_entries(skeleton.maps.tree,
                                   keeps_exited ? max_tree_entries : tree_capacity);
    }
    const bool exits = (filter.kinds & bit(VIGIL_EXIT)) != 0;
    if (!exits && control.network == 0) {
        ::bpf_map__set_max_entries(skeleton.maps.processes, 1);
    }
    // An LRU map keeps about 128 free entries per CPU: larger, so that none is evicted too early.
    ::bpf_map__set_max_entries(skeleton.maps.exited,
                               exits ? std::max(8'192U, 512 * control.cpu_count) : 1024);
}

// The tracepoint exists since 4.20; the kernel's own limit of the path is longer.
bool can_follow(const std::string& cgroup_path) {
    return !cgroup_path.empty() && cgroup_path.size() < VIGIL_CGROUP_PATH_MAX &&
           host::tracepoint_parameters("cgroup_mkdir") >= 2;
}

Result<void> write_cgroup_path(vigil_bpf& skeleton, const std::string& path) {
    const __u32 zero = 0;
    vigil_cgroup_path value{};
    std::memcpy(value.bytes, path.data(), path.size());
    if (::bpf_map_update_elem(::bpf_map__fd(skeleton.maps.cgroup_path), &zero, &value, BPF_ANY) !=
        0) {
        return Error{ErrorCode::failed,
                     fmt::format("writing the cgroup's path: {}", std::strerror(errno))};
    }
    return {};
}

Result<Fd> duplicate(int original) {
    const int fd = ::fcntl(original, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return host::system_failure("duplicating a descriptor", errno);
    }
    return Fd(fd);
}

}  // namespace

Tracer::Tracer(std::unique_ptr<Programs> programs) : programs_(std::move(programs)) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

Result<Tracer> Tracer::attach(const TraceOptions& options) {
    TRY(host::check_can_trace());
    if ((options.filter.kinds & bit(VIGIL_KILL_FAILED)) != 0 && !host::has_tracefs()) {
        return Error{ErrorCode::unsupported,
                     fmt::format("--failed needs tracefs, which can't be read here: {}",
                                 host::tracefs_hint())};
    }
    const NetworkHooks network = options.account_network ? find_network_hooks() : NetworkHooks{};
    if (!network.programs.empty()) {
        if (auto tracer = attach(options, network)) {
            return tracer;
        }
    }
    return attach(options, NetworkHooks{});
}

Result<Tracer> Tracer::attach(const TraceOptions& options, const NetworkHooks& network) {
    ProgramSelection selection{options.filter, needed_lanes(), options.count_processes, network,
                               can_follow(options.cgroup_path)};
    if ((selection.filter.kinds & bit(VIGIL_SIGNAL)) != 0) {
        selection.filter.kinds |= bit(VIGIL_OOM);
    }
    const bool exit_names_last = host::tracepoint_parameters("sched_process_exit") >= 2;
    const host::LibbpfLog quiet;
    auto programs = std::make_unique<Programs>();
    programs->network = network.programs;
    programs->skeleton = vigil_bpf::open();
    if (programs->skeleton == nullptr) {
        return load_error(-errno, selection.filter.kinds);
    }
    vigil_bpf& skeleton = *programs->skeleton;
    choose_programs(*skeleton.obj, selection);
    vigil_control control = initial_control(options, selection);
    size_maps(skeleton, control);
    skeleton.rodata->exit_names_last = exit_names_last;
    skeleton.rodata->recvmsg_has_nonblock = network.recvmsg_has_nonblock;
    if (const int error = vigil_bpf::load(&skeleton); error != 0) {
        return load_error(error, selection.filter.kinds);
    }
    const __u32 zero = 0;
    if (::bpf_map_update_elem(::bpf_map__fd(skeleton.maps.control), &zero, &control, BPF_ANY) !=
        0) {
        return Error{ErrorCode::failed,
                     fmt::format("writing the filter: {}", std::strerror(errno))};
    }
    if (selection.follow_cgroup) {
        TRY(write_cgroup_path(skeleton, options.cgroup_path));
    }
    if (const int error = vigil_bpf::attach(&skeleton); error != 0) {
        return load_error(error, selection.filter.kinds);
    }

    MapFds fds;
    TRY_ASSIGN(fds.ring, duplicate(::bpf_map__fd(skeleton.maps.ring)));
    TRY_ASSIGN(fds.control, duplicate(::bpf_map__fd(skeleton.maps.control)));
    TRY_ASSIGN(fds.counters, duplicate(::bpf_map__fd(skeleton.maps.counters)));
    TRY_ASSIGN(fds.cursors, duplicate(::bpf_map__fd(skeleton.maps.cursors)));
    if (const int clocks = ::bpf_program__fd(skeleton.progs.compare_clocks); clocks >= 0) {
        TRY_ASSIGN(fds.compare_clocks, duplicate(clocks));
    }
    TRY_ASSIGN(RingReader reader, RingReader::open(std::move(fds)));
    reader.begin(boot_now_ns());
    Tracer tracer(std::move(programs));
    tracer.reader_ = std::make_unique<RingReader>(std::move(reader));
    return tracer;
}

int Tracer::processes_fd() const { return ::bpf_map__fd(programs_->skeleton->maps.processes); }

int Tracer::tree_fd() const { return ::bpf_map__fd(programs_->skeleton->maps.tree); }

Result<void> Tracer::add_to_tree(uint32_t pid) {
    const __u8 member = VIGIL_TREE_MEMBER;
    if (::bpf_map_update_elem(::bpf_map__fd(programs_->skeleton->maps.tree), &pid, &member,
                              BPF_ANY) != 0) {
        return Error{ErrorCode::failed,
                     fmt::format("adding process {} to the tree (capacity {}): {}", pid,
                                 tree_capacity, std::strerror(errno))};
    }
    return {};
}

// Members may start while /proc is read: repeat until no new ones appear.
Result<void> Tracer::watch_tree(uint32_t root) {
    std::set<uint32_t> members;
    for (bool grew = true; grew;) {
        grew = false;
        for (const uint32_t pid : host::process_tree(root)) {
            if (members.insert(pid).second) {
                TRY(add_to_tree(pid));
                grew = true;
            }
        }
    }
    if (members.empty()) {
        return Error{ErrorCode::usage, fmt::format("--tree {}: the process has just ended", root)};
    }
    return {};
}

void Tracer::detach() {
    // Older kernels detach some time after this returns, and a program may still be running on
    // another CPU: so first stop counting events as seen, then give running programs time to end.
    reader_->end();
    vigil_bpf::detach(programs_->skeleton);
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

uint64_t Tracer::max_missed() const {
    return capture::max_missed(reader_->control().lane_count,
                               [&](const std::string& name) { return programs_->skipped(name); });
}

uint64_t Tracer::uncounted_calls() const {
    uint64_t calls = 0;
    for (const std::string& name : programs_->network) {
        calls += programs_->skipped(name);
    }
    return calls;
}

Result<void> Tracer::pin(const std::string& directory) {
    return pin_object(*programs_->skeleton->obj, *programs_->skeleton->skeleton, directory);
}

}  // namespace vigil::capture
