// SPDX-License-Identifier: Apache-2.0
// Documents of the policy models and access control lists to the IR: recognised, parsed, validated, translated. The one
// way in for the controller and the command line.
#pragma once

#include "ir/ir.h"
#include "translate/translate.h"

struct diags;
struct schema;
struct schema_input;
struct schema_tree;

// The models of policies and capabilities, compiled. NULL and diags on failure; schema_free it.
struct schema *engine_load_schema(struct diags *diags) must_check;

struct engine_load {
	struct schema *schema; // has the modules of engine_load_schema
	const struct translate_options *translate;
	struct arena *arena;
	struct diags *diags;
	bool as_read; // rules stay as they are read, for those who only want to know whether they can be
};

// Several inputs are one document: they may hold any roots of the consumer-facing and of the
// NSF-facing model and of access control lists. The consumer-facing policies come first in `out`, then
// the NSF-facing ones, then the lists, all rules in the form of codec_nfi_normal unless `as_read`. False when errors were
// added; `out` then holds what could be understood.
bool engine_load(const struct engine_load *load, const struct schema_input *inputs, size_t n,
		 struct ir_document *out) must_check;
// The same for a tree that is already parsed and validated.
bool engine_load_tree(const struct engine_load *load, const struct schema_tree *tree,
		      struct ir_document *out) must_check;
