// SPDX-License-Identifier: Apache-2.0
// Resources of RESTCONF (RFC 8040 section 3.5): what a path names by the models alone, the node that it names in a tree,
// and the body of a request about it as an edit.
#pragma once

#include "base/arena.h"
#include "schema/schema.h"

enum schema_resource_kind {
	SCHEMA_DATASTORE,
	SCHEMA_CONTAINER,
	SCHEMA_LIST,  // all entries of a list
	SCHEMA_ENTRY, // one of them
	SCHEMA_LEAF,
	SCHEMA_LEAF_LIST, // all of its values
	SCHEMA_VALUE,     // one of them
	SCHEMA_ANY
};
struct schema_key {
	const char *name, *value; // "." for a value of a leaf-list
};
struct schema_step {
	const char *module, *name;
	VEC(struct schema_key) key;
};
struct schema_resource {
	enum schema_resource_kind kind;
	bool config;          // it, or for the datastore anything, can be configured
	bool ordered_by_user; // the list or leaf-list that it is, or belongs to
	bool is_key;
	bool plain;                   // a container without presence
	VEC(struct schema_step) step; // none: the datastore
	const char *path;             // instance path, for messages
};

// "/module:list=key1,key2/leaf", percent-encoded; "" is the datastore. With a `base`, the path continues that of the
// base. All in the arena. False and a diag when it is none: DIAG_VALUE for a malformed path, DIAG_UNKNOWN_ELEMENT for a name
// that the models do not have.
bool schema_resource_read(struct schema *schema, const struct schema_resource *base,
			  const char *uri_path, struct arena *arena, struct diags *diags,
			  struct schema_resource *out) must_check;
// The instance path of its first `steps` steps, for messages.
const char *schema_resource_path(const struct schema_resource *resource, size_t steps,
				 struct arena *arena) must_check;
// What its first `steps` steps name in this tree; of SCHEMA_LIST and SCHEMA_LEAF_LIST the first. NULL: nothing.
const struct schema_node *schema_resource_find(const struct schema_tree *tree,
					       const struct schema_resource *resource,
					       size_t steps) must_check;
// Appends the path below {+restconf}/data of a node that is no entry of a list without keys.
void schema_resource_uri(const struct schema_node *node, struct buf *out);

// Reads the one resource that a body holds as a child of what the first `steps` steps name (lists with all their keys)
// into an empty edit tree, in which the nodes above it have their keys. Attributes of an edit are refused: the request
// says what is done. The child, or NULL and diags.
const struct schema_node *schema_resource_parse(struct schema_tree *edit,
						const struct schema_resource *resource,
						size_t steps, const struct schema_input *input,
						struct diags *diags) must_check;

// What an edit does with one of its nodes, as the attributes of RFC 6241 section 7.2 and RFC 7950 section 7.8.6 would say.
enum schema_where { SCHEMA_ANYWHERE, SCHEMA_LAST, SCHEMA_FIRST, SCHEMA_BEFORE, SCHEMA_AFTER };
struct schema_mark {
	enum schema_operation operation;
	enum schema_where where;
	const struct schema_resource *point; // of SCHEMA_BEFORE and SCHEMA_AFTER
};
void schema_edit_mark(struct schema_tree *edit, const struct schema_node *node,
		      const struct schema_mark *mark);
// Makes an empty edit tree one that says this about the resource, without content: delete, remove, or where an entry goes.
bool schema_resource_edit(struct schema_tree *edit, const struct schema_resource *resource,
			  const struct schema_mark *mark, struct diags *diags) must_check;
