// SPDX-License-Identifier: Apache-2.0
// RAII owners of operating system resources: file descriptors and mappings.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

namespace vigil {

class Fd {
 public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    // Gives up ownership: the caller closes the descriptor.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) {
            ::close(std::exchange(fd_, -1));
        }
    }

 private:
    int fd_ = -1;
};

class Mapping {
 public:
    Mapping() = default;
    Mapping(void* address, size_t size_bytes) : address_(address), size_bytes_(size_bytes) {}
    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_bytes_(other.size_bytes_) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_bytes_, other.size_bytes_);
        return *this;
    }
    ~Mapping() {
        if (address_ != nullptr) {
            ::munmap(address_, size_bytes_);
        }
    }

    template <class T>
    T* as() const {
        return static_cast<T*>(address_);
    }

 private:
    void* address_ = nullptr;
    size_t size_bytes_ = 0;
};

}  // namespace vigil
