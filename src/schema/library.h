// SPDX-License-Identifier: Apache-2.0
// What a server says of its modules: YANG library (RFC 8525) and the text of a module (RFC 6022 section 3.1).
#pragma once

#include "schema/schema.h"

// Appends <yang-library> as XML. `datastores`: names of ietf-datastores, NULL-terminated; each has all modules. `texts`:
// the URL below which the modules' texts are, as NAME@REVISION.yang; NULL: nowhere.
void schema_library_print(const struct schema *schema, const char *const *datastores,
			  const char *texts, struct buf *out);
// The same as <modules-state>, for those who know RFC 7895 only.
void schema_modules_state_print(const struct schema *schema, const char *texts, struct buf *out);

// Every module and submodule, also those that are imported only, in the order of the library.
struct schema_module_about {
	const char *name, *revision; // revision: "" when it has none
	const char *namespace_uri;
	bool implemented;
	unsigned version; // of YANG: 10 or 11
};
typedef void (*schema_about_fn)(const struct schema_module_about *about, void *context);
void schema_modules_about(const struct schema *schema, schema_about_fn fn, void *context);

// Appends the features of a module that are in force, with commas between them.
void schema_features_print(const struct schema *schema, const char *module, struct buf *out);

// How many modules and submodules have this name and, unless it is NULL, this revision. Exactly one: appends its text.
unsigned schema_module_text(const struct schema *schema, const char *name, const char *revision,
			    struct buf *out) must_check;
