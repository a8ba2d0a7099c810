// SPDX-License-Identifier: Apache-2.0
// Annotations that state which lock guards what, checked by clang's -Wthread-safety and empty for
// other compilers. libstdc++'s std::mutex and std::lock_guard have no annotations, so annotated
// code uses Mutex and MutexLock.
#pragma once

#include <mutex>

#if defined(__clang__)
#define VIGIL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define VIGIL_THREAD_ATTRIBUTE(x)
#endif

// The member is only read and written while the lock is held.
#define GUARDED_BY(mutex) VIGIL_THREAD_ATTRIBUTE(guarded_by(mutex))
// The object that a pointer member points to is guarded.
#define PT_GUARDED_BY(mutex) VIGIL_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
// The caller holds the lock.
#define REQUIRES(...) VIGIL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
// The caller must not hold the lock.
#define EXCLUDES(...) VIGIL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace vigil {

class VIGIL_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() VIGIL_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
    void unlock() VIGIL_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
    std::mutex mutex_;
};

// Holds the lock for a scope.
class VIGIL_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
    explicit MutexLock(Mutex& mutex) VIGIL_THREAD_ATTRIBUTE(acquire_capability(mutex))
        : mutex_(mutex) {
        mutex_.lock();
    }
    ~MutexLock() VIGIL_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

 private:
    Mutex& mutex_;
};

}  // namespace vigil
