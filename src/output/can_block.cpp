// SPDX-License-Identifier: Apache-2.0
#include "output/can_block.h"

#include <sys/stat.h>

namespace vigil::output {

bool can_block(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode);
}

}  // namespace vigil::output
