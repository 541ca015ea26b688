// SPDX-License-Identifier: Apache-2.0
// The names of the rules or entries that rules of ours are written as: unique, and such that they are taken apart again.
// Two passes: all rules are counted by their names, then each is started in turn.
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "codec/nfi_inner.h"

struct nfi_naming {
	struct map seen; // by name
	struct buf name;
	size_t len;    // of the name without its suffix; who changes the name sets it
	unsigned run;  // which rule of this name, from 1; 0: the only one
	bool numbered; // several clauses or parts
	size_t clause; // from 1
	size_t part;   // from 1; 0: the clause is one part
};
void nfi_naming_init(struct nfi_naming *naming, struct arena *arena);
void nfi_naming_fini(struct nfi_naming *naming);
void nfi_naming_count(struct nfi_naming *naming, const struct ir_rule *rule);
// The rule's whole name is then in naming->name.
void nfi_naming_start(struct nfi_naming *naming, const struct ir_rule *rule, bool numbered);
// The next clause that matches something, of so many parts; and the next part's name.
void nfi_naming_clause(struct nfi_naming *naming, size_t parts);
const char *nfi_naming_next(struct nfi_naming *naming) must_check;
