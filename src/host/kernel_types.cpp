// SPDX-License-Identifier: Apache-2.0
#include "host/kernel_types.h"

#include <bpf/btf.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "host/libbpf_log.h"

namespace vigil::host {
namespace {

using KernelTypes = std::unique_ptr<btf, void (*)(btf*)>;

KernelTypes load_kernel_types() {
    const LibbpfLog quiet;
    return {::btf__load_vmlinux_btf(), ::btf__free};
}

int parameters_of(const btf& types, const std::string& function) {
    const int id = ::btf__find_by_name_kind(&types, function.c_str(), BTF_KIND_FUNC);
    if (id <= 0) {
        return -1;
    }
    const btf_type* type = ::btf__type_by_id(&types, static_cast<__u32>(id));
    return ::btf_vlen(::btf__type_by_id(&types, type->type));
}

}  // namespace

bool has_btf() { return ::access(btf_path, R_OK) == 0; }

__u32 kernel_type_id(const std::string& name, __u32 kind) {
    const KernelTypes types = load_kernel_types();
    const int id = types ? ::btf__find_by_name_kind(types.get(), name.c_str(), kind) : 0;
    return id > 0 ? static_cast<__u32>(id) : 0;
}

bool has_kernel_function(const std::string& name) {
    return kernel_type_id(name, BTF_KIND_FUNC) != 0;
}

int tracepoint_parameters(const std::string& tracepoint) {
    const KernelTypes types = load_kernel_types();
    if (!types) {
        return -1;
    }
    // typedef void (*btf_trace_NAME)(void *, parameters...)
    const int id = ::btf__find_by_name_kind(types.get(), ("btf_trace_" + tracepoint).c_str(),
                                            BTF_KIND_TYPEDEF);
    const btf_type* type =
        id > 0 ? ::btf__type_by_id(types.get(), static_cast<__u32>(id)) : nullptr;
    for (const __u16 wanted : {BTF_KIND_TYPEDEF, BTF_KIND_PTR}) {
        if (type == nullptr || ::btf_kind(type) != wanted) {
            return -1;
        }
        type = ::btf__type_by_id(types.get(), type->type);
    }
    return type != nullptr && ::btf_is_func_proto(type) ? ::btf_vlen(type) - 1 : -1;
}

std::vector<int> function_parameters(const std::vector<std::string>& names) {
    std::vector<int> counts(names.size(), -1);
    if (const KernelTypes types = load_kernel_types()) {
        std::transform(names.begin(), names.end(), counts.begin(),
                       [&](const std::string& name) { return parameters_of(*types, name); });
    }
    return counts;
}

}  // namespace vigil::host
