// SPDX-License-Identifier: Apache-2.0
// Printing one part of a rule; codec/nfi's own.
#pragma once

#include "codec/nfi_split.h"
#include "codec/xml_out.h"

// The container `condition`.
void nfi_put_condition(struct xml_out *out, const struct nfi_split *split);
// A leaf of flags, by their names.
void nfi_put_bits(struct xml_out *out, const struct nfi_leaf *leaf, u128 value);
// One container of opaque conditions, such as `event`, if the rule has any of them.
void nfi_put_container(struct xml_out *out, const struct ir_rule *rule, const char *container);
