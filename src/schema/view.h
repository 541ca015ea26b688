// SPDX-License-Identifier: Apache-2.0
// What of a tree somebody is shown, and in which form: a selection by filters, cut by content, depth and rights, printed
// as XML or JSON, whole or piece by piece. One way for NETCONF's get and get-config and for RESTCONF's GET.
#pragma once

#include "schema/schema.h"

struct schema_view;
struct schema_xpath;

// RFC 6243 section 3 and RFC 8040 section 4.8.9. Trees know what validation has filled in, so explicit is the basic mode.
enum schema_with_defaults {
	SCHEMA_DEFAULTS_EXPLICIT, // what validation has filled in is left out, but for state
	SCHEMA_DEFAULTS_TRIM,     // what equals its default is left out, given or not
	SCHEMA_DEFAULTS_ALL,      // report-all
	SCHEMA_DEFAULTS_ALL_TAGGED, // the same; what was filled in is marked default="true" (JSON: RFC 7952 metadata)
};
enum schema_content { SCHEMA_CONTENT_ALL, SCHEMA_CONTENT_CONFIG, SCHEMA_CONTENT_STATE };

// Zero is all of the tree, explicit defaults, XML without indentation.
struct schema_view_options {
	enum schema_format format; // AUTO is XML
	enum schema_with_defaults defaults;
	enum schema_content content; // STATE keeps the ancestors and keys that lead to state
	// RFC 8040 section 4.8.2: levels, the first being the nodes that are selected and their ancestors (or the top-level
	// nodes); 0: all.
	unsigned depth;
	bool indent;
	// Optional. Whether this node may be seen (RFC 8341 section 3.2.4); what it hides is hidden with all below, and no
	// filter can find it. Asked for a node only when all above it may be seen.
	bool (*visible)(void *context, const struct schema_node *node);
	void *context;
	size_t steps; // that a selection may take at most; 0: enough for large trees
};

// Borrows the tree, which may not change while the view lives, and copies the options.
struct schema_view *schema_view_new(const struct schema_tree *tree,
				    const struct schema_view_options *options) must_check;
void schema_view_free(struct schema_view *view); // NULL is fine

// --- selecting; without it everything is shown. An entry of a list is shown with its keys ---
// The content of <filter type="subtree"> (RFC 6241 section 6): an anyxml node. Again: what either selects. False after a
// diag: too many nodes are to be looked at.
bool schema_view_subtree(struct schema_view *view, const struct schema_node *filter,
			 struct diags *diags) must_check;
// The nodes of an expression with all below them, and the nodes that they stand in (RFC 6241 section 8.9.5.1). False after
// a diag: the expression gives no nodes, or takes too long; nothing is selected then.
bool schema_view_xpath(struct schema_view *view, struct schema_xpath *xpath,
		       struct diags *diags) must_check;
// Only this node is shown, as a RESTCONF resource: without its ancestors, and even when it is a default. Again, for
// further entries of the same list: they, too.
void schema_view_node(struct schema_view *view, const struct schema_node *node);
// After schema_view_node, or for the whole datastore: only what `fields` (RFC 8040 section 4.8.3, percent-decoded) names
// below it.
bool schema_view_fields(struct schema_view *view, const char *fields,
			struct diags *diags) must_check;

// --- printing ---
// Whether anything is shown.
bool schema_view_any(const struct schema_view *view) must_check;
// Appends everything, or what is left of it. Nothing to show is nothing in XML and {} in JSON.
void schema_view_print(struct schema_view *view, struct buf *out);
// Appends the next piece, ending soon after `enough` bytes, or when many nodes were looked at. True: there is more.
bool schema_view_print_some(struct schema_view *view, size_t enough, struct buf *out) must_check;
