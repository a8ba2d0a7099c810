// SPDX-License-Identifier: Apache-2.0
#include "model/event.h"

#include "model/death.h"

namespace vigil::model {

std::string_view to_string(Kind kind) {
    switch (kind) {
#define VIGIL_KIND_NAME(number, NAME, name) \
    case Kind::name:                        \
        return #name;
        VIGIL_KINDS(VIGIL_KIND_NAME)
#undef VIGIL_KIND_NAME
        case Kind::loss:
            return "loss";
        case Kind::violation:
            return "violation";
        case Kind::unobserved:
            return "unobserved";
        case Kind::death:
            break;
    }
    return "death";
}

std::string_view to_string(LossStage stage) {
    switch (stage) {
        case LossStage::ring:
            return "ring";
        case LossStage::queue:
            return "queue";
        case LossStage::refused:
            break;
    }
    return "refused";
}

std::string_view to_string(ViolationState state) {
    switch (state) {
        case ViolationState::raised:
            return "raised";
        case ViolationState::ongoing:
            return "ongoing";
        case ViolationState::cleared:
            break;
    }
    return "cleared";
}

std::string_view to_string(Cause cause) {
    switch (cause) {
        case Cause::exit:
            return "exit";
        case Cause::signal:
            return "signal";
        case Cause::oom:
            break;
    }
    return "oom";
}

std::string_view to_string(SignalResult result) {
    switch (result) {
        case SignalResult::delivered:
            return "delivered";
        case SignalResult::ignored:
            return "ignored";
        case SignalResult::already_pending:
            return "already_pending";
        case SignalResult::overflow:
            return "overflow";
        case SignalResult::info_lost:
            break;
    }
    return "info_lost";
}

std::string_view to_string(KillSyscall syscall) {
    switch (syscall) {
        case KillSyscall::kill:
            return "kill";
        case KillSyscall::tkill:
            return "tkill";
        case KillSyscall::tgkill:
            return "tgkill";
        case KillSyscall::rt_sigqueueinfo:
            return "rt_sigqueueinfo";
        case KillSyscall::rt_tgsigqueueinfo:
            return "rt_tgsigqueueinfo";
        case KillSyscall::pidfd_send_signal:
            break;
    }
    return "pidfd_send_signal";
}

}  // namespace vigil::model
