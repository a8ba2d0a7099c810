// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Names follow std::expected, which can replace it with C++23.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace vigil {

// What a failure means to the caller of the program; the values are the exit codes.
enum class ErrorCode : int {
    failed = 1,      // at run time
    usage = 2,       // wrong options or configuration
    unsupported = 3  // not supported by this kernel or these privileges
};

struct Error {
    ErrorCode code = ErrorCode::failed;
    std::string context;  // a sentence for the user: what failed, where, and how to fix it
};

inline Error usage_error(std::string message) { return {ErrorCode::usage, std::move(message)}; }

template <class T>
class [[nodiscard]] Result {
 public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    T& value() { return std::get<0>(state_); }
    const T& value() const { return std::get<0>(state_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    Error& error() { return std::get<1>(state_); }
    const Error& error() const { return std::get<1>(state_); }

 private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    bool has_value() const { return !failed_; }
    explicit operator bool() const { return has_value(); }
    Error& error() { return error_; }
    const Error& error() const { return error_; }

 private:
    Error error_;
    bool failed_ = false;
};

}  // namespace vigil

#define VIGIL_JOIN2(a, b) a##b
#define VIGIL_JOIN(a, b) VIGIL_JOIN2(a, b)

// Returns from the caller with the error of `expression`, if it has one.
#define TRY(expression)                                    \
    do {                                                   \
        if (auto try_result = (expression); !try_result) { \
            return std::move(try_result.error());          \
        }                                                  \
    } while (false)

// The same, and otherwise declares `declaration` with the value.
#define TRY_ASSIGN(declaration, expression)                          \
    auto VIGIL_JOIN(try_result_, __LINE__) = (expression);           \
    if (!VIGIL_JOIN(try_result_, __LINE__)) {                        \
        return std::move(VIGIL_JOIN(try_result_, __LINE__).error()); \
    }                                                                \
    declaration = std::move(*VIGIL_JOIN(try_result_, __LINE__))

// A broken invariant is a bug in vigil: print the position and abort.
#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            std::fprintf(stderr, "vigil: bug: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
            std::abort();                                                                     \
        }                                                                                     \
    } while (false)
