// SPDX-License-Identifier: Apache-2.0
// From the records of a document to a tree. Internal to this folder.
#pragma once

#include "schema/value.h"

// A node whose element is still being read (pieces.c).
struct build_level {
	uint32_t item;
	struct schema_node *node;
	bool fresh;
	uint32_t keys; // which of them were there, by bits
};

struct builder {
	struct doc *doc;
	struct schema_tree *tree;
	bool edit;                        // attributes of an edit are kept, state is refused
	bool fresh;                       // the parent is new
	VEC(struct schema_node *) grown;  // new nodes whose parents are old: what to take back
	VEC(struct schema_node *) hollow; // containers without presence that nothing came into
	unsigned file;
	size_t errors;                                   // of diags, when it began
	struct build_level level[SCHEMA_DEPTH_MOST + 2]; // outermost first
	size_t levels;
	struct schema_tree *content; // of the any-data that was read piece by piece; taken over
};

// Reads `item`'s children as data below `parent`. Errors go to the doc's diags.
void build_children(struct builder *b, const struct item *item, struct schema_node *parent);
// The innermost level is complete.
void build_close(struct builder *b);
// Ends the work: on errors everything new is taken back. True when there were none.
bool build_end(struct builder *b) must_check;
// Where the node stands in the document.
void build_origin(const struct builder *b, const struct item *item, struct schema_node *node);
// The number of the file among the schema's; 0 when there are too many.
unsigned build_file(struct schema *schema, const char *file) must_check;

// What of a document is data: <config>, <data> and their like around it are looked through (parse.c).
const struct item *parse_unwrap(const struct doc *doc) must_check;

#define NS_NETCONF "urn:ietf:params:xml:ns:netconf:base:1.0"
#define NS_DEFAULT "urn:ietf:params:xml:ns:netconf:default:1.0" // RFC 6243
#define NS_YANG "urn:ietf:params:xml:ns:yang:1"
