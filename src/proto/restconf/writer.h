// SPDX-License-Identifier: Apache-2.0
// Answers that are written without a tree: nodes of one module. JSON as RFC 7951 asks: 64-bit numbers
// as strings, lists as arrays.
#pragma once

#include "schema/schema.h"

struct buf;

struct restconf_writer {
	struct buf *out;
	enum schema_format format;
	const char *list[16]; // names of the open lists
	unsigned lists;
	bool first; // nothing was written yet at this level
};

// Opens the top element; `prefixes` are further xmlns declarations for XML, or NULL.
struct restconf_top {
	const char *module, *namespace_uri, *name, *prefixes;
};
void restconf_begin(struct restconf_writer *w, const struct restconf_top *top,
		    enum schema_format format, struct buf *out);
void restconf_end(struct restconf_writer *w, const struct restconf_top *top);
void restconf_open(struct restconf_writer *w, const char *name); // a container
void restconf_close(struct restconf_writer *w, const char *name);
// A list: list_open, then entry_open .. entry_close for each, then list_close.
void restconf_list_open(struct restconf_writer *w, const char *name);
void restconf_list_close(struct restconf_writer *w);
void restconf_entry_open(struct restconf_writer *w);
void restconf_entry_close(struct restconf_writer *w);
// Leaves; a NULL text is left out.
void restconf_text(struct restconf_writer *w, const char *name, const char *text);
void restconf_number(struct restconf_writer *w, const char *name, uint32_t number);
void restconf_big(struct restconf_writer *w, const char *name, uint64_t number); // 64-bit types
void restconf_flag(struct restconf_writer *w, const char *name, bool flag);
void restconf_time(struct restconf_writer *w, const char *name, int64_t time); // 0 is left out
void restconf_hex(struct restconf_writer *w, const char *name, const unsigned char *data,
		  size_t len);
// A leaf-list of texts; an empty one is left out.
void restconf_texts(struct restconf_writer *w, const char *name, const char *const *texts,
		    size_t len);
