// SPDX-License-Identifier: Apache-2.0
#include "model/interpreters.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vigil::model {
namespace {

struct Case {
    std::string_view executable;
    std::string_view command;   // arguments, separated by spaces
    std::string_view programs;  // separated by spaces
};

std::string programs_of(const Case& each) {
    std::string argv(each.command);
    for (char& c : argv) {
        c = c == ' ' ? '\0' : c;
    }
    argv += '\0';
    std::string text;
    for (const std::string_view program : programs_in_arguments(each.executable, argv)) {
        text += (text.empty() ? "" : " ") + std::string(program);
    }
    return text;
}

void check(const std::vector<Case>& cases) {
    for (const Case& each : cases) {
        EXPECT_EQ(programs_of(each), each.programs) << each.executable << ": " << each.command;
    }
}

TEST(ProgramsInArguments, TheScriptIsTheFirstThatIsNoOption) {
    check({
        {"python3.11", "python3 /opt/backup.py x", "/opt/backup.py"},
        {"python3.11", "python3 -u backup.py", "backup.py"},
        {"perl", "perl -w ./a.pl", "./a.pl"},
        {"dash", "sh -e ./run", "./run"},
        {"bash", "bash -- -odd", "-odd"},
        {"bash", "bash - run", "run"},
        {"luajit-2.1", "luajit x.lua", "x.lua"},
        {"", "python3 x.py", "x.py"},
    });
}

TEST(ProgramsInArguments, ValuesOfOptionsAreNoScripts) {
    check({
        {"bash", "bash -o pipefail S", "S"},
        {"bash", "bash -euo pipefail S", "S"},
        {"bash", "bash -O extglob S", "S"},
        {"bash", "bash +O extglob +x S", "S"},
        {"bash", "bash --rcfile F S", "S"},
        {"bash", "bash --norc --init-file F -x S", "S"},
        {"dash", "sh -o errexit S", "S"},
        {"zsh", "zsh -o extendedglob S", "S"},
        {"zsh", "zsh --emulate sh S", "S"},
        {"fish", "fish -C init S", "S"},
        {"python3.11", "python3 -W ignore S", "S"},
        {"python3.11", "python3 -Wignore S", "S"},
        {"python3.11", "python3 -X dev -IuW ignore S", "S"},
        {"python3.11", "python3 --check-hash-based-pycs never S", "S"},
        {"perl", "perl -I lib -Ilib2 -MStrict -i.bak -0777 S", "S"},
        {"perl", "perl -d:NYTProf S", "S"},
        {"ruby3.1", "ruby -r json -I lib --encoding utf-8 S", "S"},
        {"node", "node --require ./hook.js --inspect --title=x S", "S"},
        {"node", "node -r hook --max-old-space-size=4096 S", "S"},
        {"php8.2", "php -d memory_limit=1G -c /etc/php.ini S", "S"},
        {"lua5.4", "lua -e x=1 -l lib -i S", "S"},
        {"tclsh8.6", "tclsh -encoding utf-8 S", "S"},
        {"expect", "expect -c x S", "S"},
    });
}

TEST(ProgramsInArguments, CodeIsNoScript) {
    check({
        {"perl", "perl -ne backup", ""},
        {"perl", "perl -lane backup", ""},
        {"perl", "perl -pi.bak -e backup f", ""},
        {"perl", "perl -E backup", ""},
        {"bash", "bash -s arg", ""},
        {"bash", "bash -ec backup", ""},
        {"bash", "bash -o pipefail -c backup", ""},
        {"bash", "bash", ""},
        {"fish", "fish --command=x S", ""},
        {"python3.11", "python3 -uc backup", ""},
        {"python3.11", "python3 - S", ""},
        {"ruby3.1", "ruby -ne backup", ""},
        {"node", "node -pe backup", ""},
        {"node", "node --eval backup S", ""},
        {"php8.2", "php -r backup", ""},
        {"php8.2", "php -- S", ""},
        {"lua5.4", "lua - S", ""},
        {"mawk", "awk backup f", ""},
        {"sed", "sed -n backup f", ""},
        {"cat", "cat category.txt", ""},
        {"", "x y", ""},
    });
}

TEST(ProgramsInArguments, ModulesAndScriptsThatAreValues) {
    check({
        {"python3.11", "python3 -m http.server 80", "http.server"},
        {"python3.11", "python3 -Im venv d", "venv"},
        {"php8.2", "php -f S x", "S"},
        {"php8.2", "php --file=S x", "S"},
        {"gawk", "awk -F : -f S f", "S"},
        {"gawk", "gawk --file S f", "S"},
        {"sed", "sed -nf S f", "S"},
        {"expect", "expect -f S", "S"},
    });
}

TEST(ProgramsInArguments, ProgramsThatRunOthers) {
    check({
        {"ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2 ./x 1", "./x"},
        {"ld-linux-x86-64.so.2", "ld.so --library-path /l --argv0 y /opt/x", "/opt/x"},
        {"ld-2.31.so", "ld.so --list ./x", ""},
        {"ld-musl-x86_64.so.1", "ld.so -- /bin/busybox sh S", "/bin/busybox sh S"},
        {"ld-linux-x86-64.so.2", "ld.so /usr/bin/python3 -u S", "/usr/bin/python3 S"},
        {"busybox", "sh x.sh", "sh x.sh"},
        {"busybox", "/bin/busybox sh -e x.sh", "sh x.sh"},
        {"busybox", "-sh", "sh"},
        {"busybox", "busybox --list", ""},
        {"busybox", "busybox", ""},
        {"busybox", "sleep 1", "sleep"},
        {"busybox", "busybox busybox busybox", ""},
    });
}

TEST(ProgramsInArguments, MissingAndCutArguments) {
    EXPECT_TRUE(programs_in_arguments("", "").empty());
    EXPECT_TRUE(programs_in_arguments("bash", "").empty());
    check({
        {"bash", "bash -o", ""},
        {"bash", "bash -O extglob", ""},
        {"python3", "python3 -m", ""},
        {"python3", "python3  x", ""},  // an empty argument
    });
    EXPECT_EQ(programs_in_arguments("python3", std::string_view("python3\0/opt/back", 17)),
              std::vector<std::string_view>{"/opt/back"})
        << "the last argument may be cut";
}

}  // namespace
}  // namespace vigil::model
