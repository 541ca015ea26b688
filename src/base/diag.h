// SPDX-License-Identifier: Apache-2.0
// Diagnostics: faults of the input, collected, several per run. One maps one to one to an rpc-error
// (RFC 6241), a RESTCONF `errors` entry (RFC 8040) and a line on the terminal.
#pragma once

#include "base/arena.h"

struct buf;

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

enum diag_code {
#define X(code, name, tag, meaning) code,
#include "base/diag.def"
#undef X
	DIAG_CODES
};

// Unknown members stay NULL or 0. Every diag has a text; an error has a hint that says what to do.
struct diag {
	enum diag_severity severity;
	enum diag_code code;
	const char *file;   // as the user named it; "-" for standard input
	unsigned line;      // from 1
	const char *path;   // YANG instance path
	const char *nsf;    // the network security function that it is about
	const char *policy; // names of the policy and the rule that it is about
	const char *rule;
	const char *condition; // the condition of the rule, as the model names it
	const char *app_tag;   // error-app-tag, where a standard names one
	const char *subject;   // what error-info must name: the unknown namespace, the session that
			       // holds the lock, the entries that are not unique, the choice
	const char *capability; // identity of ietf-i2nsf-capability that is missing
	const char *text;
	const char *hint;
};

struct diags {
	struct arena *arena;
	VEC(struct diag) list;
	size_t errors, warnings;
	size_t dropped; // beyond DIAGS_MOST only counted
};

// Beyond this many, diags are counted but not kept: hostile input must not fill the memory.
#define DIAGS_MOST 1000

void diags_init(struct diags *diags, struct arena *arena);
// Copies the strings of `about` into the arena; the text is formatted. NULL `about` members are
// fine.
void diag_add(struct diags *diags, const struct diag *about, const char *fmt, ...)
	printf_like(3, 4);
// The usual case in one call: an error of this code, here, with this hint.
#define diag_error(diags, code_, path_, hint_, ...)                                          \
	diag_add((diags), &(struct diag){.code = (code_), .path = (path_), .hint = (hint_)}, \
		 __VA_ARGS__)

const char *diag_code_name(enum diag_code code) must_check;
const char *diag_code_tag(enum diag_code code) must_check;
const char *diag_severity_name(enum diag_severity severity) must_check;
// "file:line: error: text [code]\n  at path\n  hint: …\n"; colours by ANSI codes when asked for.
void diag_print(const struct diag *diag, bool colour, struct buf *out);
