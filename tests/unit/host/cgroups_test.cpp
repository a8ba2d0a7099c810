// SPDX-License-Identifier: Apache-2.0
#include "host/cgroups.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace vigil::host {
namespace {

class Cgroup2 : public ::testing::Test {
 protected:
    void SetUp() override {
        std::ifstream mounts("/proc/self/mounts");
        for (std::string device, point, type, rest; mounts >> device >> point >> type;) {
            std::getline(mounts, rest);
            if (type == "cgroup2") {
                mount_ = point;
                return;
            }
        }
        GTEST_SKIP() << "no cgroup2 is mounted";
    }
    std::string mount_;
};

TEST_F(Cgroup2, TheRootByAnyName) {
    struct stat info {};
    ASSERT_EQ(::stat(mount_.c_str(), &info), 0);
    for (const std::string& name : {std::string("/"), mount_, mount_ + "/", mount_ + "/."}) {
        const auto found = find_cgroup(name);
        ASSERT_TRUE(found) << name << ": " << found.error().context;
        EXPECT_EQ(found->id, info.st_ino) << name;
        EXPECT_EQ(found->level, 0U) << name;
        EXPECT_EQ(found->path, "/") << name;
    }
}

TEST_F(Cgroup2, AGroupByFullAndShortName) {
    const std::string full = mount_ + "/vigil_unit_test_" + std::to_string(::getpid());
    if (::mkdir(full.c_str(), 0755) != 0) {
        GTEST_SKIP() << "no cgroup can be made here";
    }
    const std::string inner = full + "/inner";
    const bool made = ::mkdir(inner.c_str(), 0755) == 0;
    struct stat info {};
    ::stat(inner.c_str(), &info);
    const std::string name = full.substr(mount_.size());
    for (const std::string& each : {inner, inner + "/", name + "/inner", name.substr(1) + "/inner",
                                    name + "/./inner", name + "/inner/../inner"}) {
        const auto found = find_cgroup(each);
        EXPECT_TRUE(found) << each;
        if (found) {
            EXPECT_EQ(found->id, info.st_ino) << each;
            EXPECT_EQ(found->level, 2U) << each;
            EXPECT_EQ(found->path, name + "/inner") << each;
        }
    }
    EXPECT_TRUE(made);
    ::rmdir(inner.c_str());
    ::rmdir(full.c_str());
}

TEST_F(Cgroup2, RejectsOtherPaths) {
    for (const std::string& name :
         {std::string("no/such/group"), std::string("/.."), std::string("../../tmp"),
          mount_ + "/../..", mount_ + "/cgroup.procs", mount_ + "/no_such", mount_ + "2"}) {
        const auto found = find_cgroup(name);
        ASSERT_FALSE(found) << name << " is " << found->id;
        EXPECT_EQ(found.error().code, ErrorCode::usage);
        EXPECT_NE(found.error().context.find('\'' + name + "' is no cgroup below " + mount_),
                  std::string::npos);
    }
}

TEST(SystemdUnit, TheDeepestUnitWithProcesses) {
    constexpr std::pair<std::string_view, std::string_view> cases[] = {
        {"/system.slice/nginx.service", "nginx.service"},
        {"/system.slice/nginx.service/workers/1", "nginx.service"},
        {"/user.slice/user-1000.slice/session-2.scope", "session-2.scope"},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.service",
         "firefox.service"},
        {"/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope"},
        {"/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service"},
        {"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
        {"/system.slice/docker-0123abcd.scope/", "docker-0123abcd.scope"},
        {"/system.slice/var-lib-x.mount", "var-lib-x.mount"},
        {"/system.slice/cups.socket", "cups.socket"},
        {"/system.slice/dev-sda2.swap", "dev-sda2.swap"},
        {"/init.scope", "init.scope"},
        {"relative.service", "relative.service"},
    };
    for (const auto& [cgroup, unit] : cases) {
        EXPECT_EQ(systemd_unit(cgroup), unit) << cgroup;
    }
}

TEST(SystemdUnit, WithoutAny) {
    for (const std::string_view cgroup :
         {"", "/", "//", "///", "/user.slice", "/system.slice/", "/docker/0123abcd", "/.service",
          "/a.services", "/service", "/a.service.d/b"}) {
        EXPECT_EQ(systemd_unit(cgroup), std::nullopt) << cgroup;
    }
}

TEST_F(Cgroup2, IdsBecomePaths) {
    const std::string full = mount_ + "/vigil_unit_test_path_" + std::to_string(::getpid());
    if (::mkdir(full.c_str(), 0755) != 0) {
        GTEST_SKIP() << "no cgroup can be made here";
    }
    const auto group = find_cgroup(full);
    ASSERT_TRUE(group);
    const auto path = cgroup_path(group->id);
    ::rmdir(full.c_str());
    if (!path) {
        GTEST_SKIP() << "handles can't be opened here";
    }
    EXPECT_EQ(*path, full.substr(mount_.size()));
    EXPECT_EQ(cgroup_path(group->id), std::nullopt) << "it was removed";
}

TEST(ContainerId, OfEveryRuntime) {
    const std::string id = "4f1c0f0e8a5b1d2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5";
    for (const std::string& path :
         {"/system.slice/docker-" + id + ".scope", "/docker/" + id,
          "/machine.slice/libpod-" + id + ".scope/container",
          "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope",
          "/kubepods/besteffort/pod12/crio-" + id, "/a/" + id + "/init.scope"}) {
        EXPECT_EQ(container_id(path), id) << path;
    }
}

TEST(ContainerId, WithoutAny) {
    const std::string hex(64, 'a');
    for (const std::string& path :
         {std::string(), std::string("/"), std::string("/system.slice/nginx.service"),
          "/docker/" + hex.substr(1), "/docker/" + hex + "a", "/docker/" + std::string(64, 'g')}) {
        EXPECT_EQ(container_id(path), std::nullopt) << path;
    }
}

}  // namespace
}  // namespace vigil::host
