// SPDX-License-Identifier: Apache-2.0
// Values as they are written in XML or JSON, and what a type wants, in words. Internal to this folder.
#pragma once

#include "schema/doc.h"
#include "schema/canonical.h"

// Where in the data an item belongs; its path is only made when there is something to say.
struct place {
	struct doc *doc;
	const struct item *item;
	const struct model_node *model; // NULL: not known
	struct schema_node *parent;     // data parent, if it is there already
	const struct place *outer;      // else its place
};
// Instance path, in the doc's arena.
const char *place_path(const struct place *place) must_check;
// An error here.
void place_error(const struct place *place, enum diag_code code, const char *hint, const char *fmt,
		 ...) printf_like(4, 5);

// The item's value with prefixes turned into module names, as libyang's JSON format has them. Borrowed until the next
// call. NULL after a diag about the form of the value (JSON kind, elements inside).
const char *value_read(const struct place *place) must_check;
// False for a date-and-time that no calendar or clock shows; true for any other leaf, and for what the pattern of the type
// refuses.
bool value_date_exists(const struct lysc_node *leaf, const char *value) must_check;
// A diag about a value that the type refuses, with what it allows.
void value_refused(const struct place *place, const char *value);
// What the type of a leaf or leaf-list allows, as "a whole number: 1 to 255".
void value_describe(const struct lysc_node *leaf, struct buf *out);
