// SPDX-License-Identifier: Apache-2.0
#include "format/formatter.h"

namespace vigil::format {
namespace {

class NullFormatter final : public Formatter {
 public:
    void append(std::string&, const model::Event&) override {}
};

}  // namespace

std::unique_ptr<Formatter> make_null_formatter() { return std::make_unique<NullFormatter>(); }

}  // namespace vigil::format
