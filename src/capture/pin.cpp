// SPDX-License-Identifier: Apache-2.0
#include "capture/pin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "capture/hooks.h"
#include "host/kernel.h"

namespace vigil::capture {
namespace {

namespace fs = std::filesystem;

Error failure(const std::string& what, int error) {
    const bool forbidden = error == EPERM || error == EACCES;
    return {forbidden ? ErrorCode::unsupported : ErrorCode::failed,
            fmt::format("{}: {}{}", what, std::strerror(error),
                        forbidden ? ": bpffs belongs to root, run it with sudo" : "")};
}

constexpr const char* compare_clocks = "compare_clocks";

// Pin path of a program or map in a pin directory.
std::string program_pin(const std::string& directory, const std::string& name) {
    return directory + "/program_" + name;
}
std::string link_pin(const std::string& directory, const std::string& name) {
    return directory + "/link_" + name;
}
std::string map_pin(const std::string& directory, const std::string& name) {
    return directory + "/" + name;
}

Result<void> remove_tree(const std::string& directory) {
    std::error_code error;
    fs::remove_all(directory, error);
    if (error) {
        return failure("removing " + directory, error.value());
    }
    return {};
}

Result<void> pin_all(bpf_object& object, const bpf_object_skeleton& skeleton,
                     const std::string& directory) {
    for (int i = 0; i < skeleton.prog_cnt; i++) {
        const bpf_prog_skeleton& entry = skeleton.progs[i];
        const bool loaded = ::bpf_program__fd(*entry.prog) >= 0;
        const bool attached = entry.link != nullptr && *entry.link != nullptr;
        if (!loaded || (!attached && std::string_view(entry.name) != compare_clocks)) {
            continue;  // not loaded: its kind was not selected
        }
        if (const int error =
                ::bpf_program__pin(*entry.prog, program_pin(directory, entry.name).c_str());
            error != 0) {
            return failure(fmt::format("pinning program {}", entry.name), -error);
        }
        if (!attached) {
            continue;
        }
        if (const int error = ::bpf_link__pin(*entry.link, link_pin(directory, entry.name).c_str());
            error != 0) {
            if (error == -EINVAL && ::bpf_program__type(*entry.prog) == BPF_PROG_TYPE_TRACEPOINT) {
                return Error{
                    ErrorCode::unsupported,
                    "--failed can't be pinned on this kernel: links of its tracepoints can "
                    "be pinned since Linux 5.15"};
            }
            return failure(fmt::format("pinning the link of {}", entry.name), -error);
        }
    }
    bpf_map* map = nullptr;
    while ((map = ::bpf_object__next_map(&object, map)) != nullptr) {
        if (::bpf_map__is_internal(map)) {
            continue;  // constants of the programs, which hold references to them
        }
        const std::string name = ::bpf_map__name(map);
        if (const int error = ::bpf_map__pin(map, map_pin(directory, name).c_str()); error != 0) {
            return failure("pinning map " + name, -error);
        }
    }
    return {};
}

Result<Fd> open_pin(const std::string& path) {
    const int fd = ::bpf_obj_get(path.c_str());
    if (fd < 0 && errno == ENOENT) {
        return Error{
            ErrorCode::failed,
            fmt::format("{} is missing: 'vigil unpin' removes the rest, then 'vigil pin'", path)};
    }
    if (fd < 0) {
        return failure("opening " + path, errno);
    }
    return Fd(fd);
}

// Checked before anything is mapped: the sizes of all maps depend on it.
Result<void> check_version(const Fd& control, const std::string& directory) {
    bpf_map_info info{};
    __u32 info_size = sizeof info;
    vigil_control content{};
    const __u32 zero = 0;
    if (::bpf_obj_get_info_by_fd(control.get(), &info, &info_size) != 0 ||
        info.value_size != sizeof content ||
        ::bpf_map_lookup_elem(control.get(), &zero, &content) != 0 ||
        content.abi_version != VIGIL_ABI_VERSION) {
        return Error{ErrorCode::failed,
                     fmt::format("{} was pinned by another version of vigil: 'vigil unpin', then "
                                 "'vigil pin'",
                                 directory)};
    }
    return {};
}

}  // namespace

Result<bool> ensure_bpffs() {
    if (host::has_bpffs()) {
        return false;
    }
    if (::mount("bpf", host::bpffs_path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") !=
        0) {
        return Error{ErrorCode::unsupported,
                     fmt::format("{} is no bpffs and mounting one failed ({}): mount it with: sudo "
                                 "mount -t bpf bpf {}",
                                 host::bpffs_path, std::strerror(errno), host::bpffs_path)};
    }
    return true;
}

Result<void> pin_object(bpf_object& object, const bpf_object_skeleton& skeleton,
                        const std::string& directory) {
    // Pins under another name first (bpffs allows no dot in names) and renames, so that the final
    // directory is complete or absent.
    const std::string unfinished = directory + "_unfinished";
    TRY(remove_tree(unfinished));
    if (::mkdir(unfinished.c_str(), 0700) != 0) {
        return failure("creating " + unfinished, errno);
    }
    auto pinned = pin_all(object, skeleton, unfinished);
    if (pinned && ::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, directory.c_str(),
                              RENAME_NOREPLACE) != 0) {
        pinned = errno == EEXIST
                     ? Error{ErrorCode::failed,
                             fmt::format("{} exists: the programs are pinned already; 'vigil "
                                         "unpin' removes them",
                                         directory)}
                     : failure("renaming to " + directory, errno);
    }
    if (!pinned) {
        (void)remove_tree(unfinished);
    }
    return pinned;
}

// proc_pid_mountinfo(5): the third field of a mount is its device.
bool is_private_bpffs() {
    constexpr size_t max_bytes = 4 << 20;
    struct stat own {};
    const auto mounts = read_file("/proc/1/mountinfo", max_bytes);
    if (::stat(host::bpffs_path, &own) != 0 || !mounts) {
        return false;
    }
    const std::string device = fmt::format(" {}:{} ", major(own.st_dev), minor(own.st_dev));
    return mounts->find(device) == std::string::npos;
}

Result<void> unpin(const std::string& directory) {
    TRY(remove_tree(directory + "_unfinished"));
    if (::access(directory.c_str(), F_OK) != 0) {
        if (errno != ENOENT) {
            return failure("looking at " + directory, errno);
        }
        return Error{ErrorCode::failed, fmt::format("nothing is pinned at {}", directory)};
    }
    // First renamed: a reader sees all pins, or that they are gone.
    const std::string removed = directory + "_unfinished";
    if (::rename(directory.c_str(), removed.c_str()) != 0) {
        return failure("renaming " + directory, errno);
    }
    return remove_tree(removed);
}

PinnedReader::PinnedReader(Fd lock, RingReader reader, Fd tree, std::string directory)
    : lock_(std::move(lock)),
      reader_(std::make_unique<RingReader>(std::move(reader))),
      tree_(std::move(tree)),
      removals_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      directory_(std::move(directory)) {
    constexpr uint32_t removals = IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVE_SELF;
    if (removals_ && ::inotify_add_watch(removals_.get(), directory_.c_str(), removals) < 0) {
        removals_.reset();
    }
}

// Another directory may have its place: pinned again while this reader was stalled.
bool PinnedReader::exists() const {
    struct stat opened {};
    struct stat present {};
    return ::fstat(lock_.get(), &opened) == 0 && ::stat(directory_.c_str(), &present) == 0 &&
           opened.st_dev == present.st_dev && opened.st_ino == present.st_ino;
}

model::KindSet PinnedReader::attached(model::KindSet kinds) const {
    model::KindSet found = 0;
    for (size_t i = 0; i < model::kernel_kind_count; i++) {
        const auto kind = static_cast<model::Kind>(i);
        const auto names = program_names(static_cast<int>(i), reader_->control().lane_count);
        const bool linked = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
            return ::access(link_pin(directory_, name).c_str(), F_OK) == 0;
        });
        found |= linked ? model::kind_bit(kind) : 0;
    }
    return found & kinds;
}

Result<PinnedReader> PinnedReader::open(const std::string& directory) {
    Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock) {
        if (errno == ENOENT) {
            return Error{
                ErrorCode::failed,
                fmt::format("nothing is pinned at {}: 'sudo vigil pin' does it", directory)};
        }
        if (errno == EACCES) {
            return Error{ErrorCode::unsupported,
                         fmt::format("{} belongs to root: run it with sudo", directory)};
        }
        return failure("opening " + directory, errno);
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{ErrorCode::failed, fmt::format("another reader is at {}", directory)};
    }
    MapFds fds;
    TRY_ASSIGN(fds.ring, open_pin(map_pin(directory, "ring")));
    TRY_ASSIGN(fds.control, open_pin(map_pin(directory, "control")));
    TRY_ASSIGN(fds.counters, open_pin(map_pin(directory, "counters")));
    TRY_ASSIGN(fds.cursors, open_pin(map_pin(directory, "cursors")));
    TRY(check_version(fds.control, directory));
    if (auto program = open_pin(program_pin(directory, compare_clocks))) {
        fds.compare_clocks = std::move(*program);
    }
    TRY_ASSIGN(Fd tree, open_pin(map_pin(directory, "tree")));
    TRY_ASSIGN(RingReader reader, RingReader::open(std::move(fds)));
    return PinnedReader(std::move(lock), std::move(reader), std::move(tree), directory);
}

uint64_t PinnedReader::max_missed() const {
    return capture::max_missed(reader_->control().lane_count,
                               [&](const std::string& name) -> uint64_t {
                                   const auto program = open_pin(program_pin(directory_, name));
                                   return program ? recursion_misses(program->get()) : 0;
                               });
}

}  // namespace vigil::capture
