// SPDX-License-Identifier: Apache-2.0
// One call of an operation: its input, copied out of the tree, and its output, written straight.
#pragma once

#include "north/internal.h"

struct input {
	struct map values; // name -> struct engine_names, one text an entry; anydata: its content
};

struct call {
	struct exchange *x;
	struct input in;
	struct restconf_writer out;
};

// The leaf's text, the first entry of a leaf-list; NULL when it was not given and has no default.
const char *call_text(const struct call *c, const char *name) must_check;
struct engine_names call_texts(const struct call *c, const char *name) must_check;
uint32_t call_number(const struct call *c, const char *name) must_check; // 0 when not given
bool call_flag(const struct call *c, const char *name) must_check;
void call_begin(struct call *c);
bool call_end(struct call *c); // true

// What operations.def names and operations.c does not have (questions.c).
bool call_analyse(struct call *c);
bool call_compare(struct call *c);
bool call_assert(struct call *c);
bool call_reach(struct call *c);
// Likewise (evidence.c).
bool call_evidence(struct call *c);
