// SPDX-License-Identifier: Apache-2.0
// YANG: compiled modules and data trees. The only folder that knows libyang; nothing of it shows here.
// Not thread-safe per schema: use one struct schema a thread.
#pragma once

#include "base/base.h"

struct arena;
struct buf;
struct diags;
struct schema;      // a set of compiled modules
struct schema_tree; // data: any number of top-level nodes
struct schema_node; // one data node of a tree; borrowed, valid until it is removed or the tree is freed

enum schema_format { SCHEMA_AUTO, SCHEMA_XML, SCHEMA_JSON };

// Limits of what is read; beyond them a diag DIAG_LIMIT.
#define SCHEMA_BYTES_MOST (256u << 20)
#define SCHEMA_DEPTH_MOST 64u
#define SCHEMA_TEXT_MOST 65536u // bytes of one name or value

// Compiles modules (a NULL-terminated list of names) and what they import, all features on; "NAME:FEATURE,FEATURE" is a
// module with these only, and ietf-netconf is without :url and :writable-running. `yang_dir` NULL: the source
// tree's yang/ if it is there, else the installed one (environment BULWARK_YANG_DIR wins). NULL and diags on failure.
struct schema *schema_open(const char *yang_dir, const char *const *modules,
			   struct diags *diags) must_check;
void schema_free(struct schema *schema);

struct schema_tree *schema_tree_new(struct schema *schema) must_check;
void schema_tree_free(struct schema_tree *tree);
struct schema_tree *schema_tree_copy(const struct schema_tree *tree) must_check;
bool schema_tree_empty(const struct schema_tree *tree) must_check; // defaults do not count

struct schema_input {
	const char *file; // for messages; "-" is standard input; NULL: a message from the network
	const char *data; // need not end in NUL
	size_t len;
	enum schema_format format; // AUTO: the first byte that is not white space decides
};

// Reads an instance document (RFC 7950 / RFC 7951; several roots allowed; XML prolog and comments allowed; DTDs and
// entities refused) and adds it to the tree, which is then unvalidated. Several inputs are one document; a list entry
// that two of them have is a DIAG_DUPLICATE naming both places. False when it added errors; the tree is then unchanged.
// Diags carry file, line and instance path; that of an attribute ends in "/@name". Every error that can be found is
// reported, not only the first. A <config> or <data> element around everything is looked through.
bool schema_parse(struct schema_tree *tree, const struct schema_input *input,
		  struct diags *diags) must_check;
// Checks everything that the modules demand (mandatory, must, when, leafref, keys, unique) and adds defaults. Of a tree
// that was valid before its edits only what they changed is checked, and what can see it; when that fails, schema_go
// goes back, and further edits may mend it.
bool schema_validate(struct schema_tree *tree, struct diags *diags) must_check;
// Line and file where the node stood in its input; 0 / NULL when unknown.
unsigned schema_node_line(const struct schema_tree *tree,
			  const struct schema_node *node) must_check;
const char *schema_node_file(const struct schema_tree *tree,
			     const struct schema_node *node) must_check;

// --- reading a tree ---
// After schema_validate the defaults in use are there, too, also top-level containers of modules that nobody gave data
// of; schema_is_default tells. An absent container without presence may be absent from the tree or be there and empty.
// The root above the top-level nodes: where expressions begin, no data.
const struct schema_node *schema_root(const struct schema_tree *tree) must_check;
const struct schema_node *
schema_first(const struct schema_tree *tree) must_check; // first top-level node
const struct schema_node *schema_next(const struct schema_node *node) must_check; // next sibling
const struct schema_node *
schema_child(const struct schema_node *node) must_check; // first child, also of an RPC
const struct schema_node *schema_parent(const struct schema_node *node) must_check;
#define schema_for_each_child(it, node) \
	for (const struct schema_node *it = schema_child(node); it; it = schema_next(it))
const char *schema_name(const struct schema_node *node) must_check;
const char *schema_module(const struct schema_node *node) must_check;
bool schema_is(const struct schema_node *node, const char *module, const char *name) must_check;
// Canonical value of a leaf or leaf-list; NULL for others. Borrowed.
const char *schema_value(const struct schema_node *node) must_check;
// Name of an identityref's identity without its module; the value itself for any other leaf.
const char *schema_identity(const struct schema_node *node) must_check;
bool schema_is_default(const struct schema_node *node)
	must_check; // filled in by validation, not given
// First child of that name (any module); its value; NULL when absent.
const struct schema_node *schema_get(const struct schema_node *node, const char *name) must_check;
const char *schema_get_value(const struct schema_node *node, const char *name) must_check;
// The node at an instance path of "/module:name/name[key='v']"; the first entry where the path names none; or NULL.
const struct schema_node *schema_find(const struct schema_tree *tree, const char *path) must_check;
// Instance path, in the arena.
const char *schema_path(const struct schema_node *node, struct arena *arena) must_check;

// --- writing; schema/view.h selects and writes in pieces ---
enum schema_print_flags {
	SCHEMA_PRINT_INDENT = 1,
	SCHEMA_PRINT_DEFAULTS = 2, // report-all; else only what was given (explicit)
};
void schema_print(const struct schema_tree *tree, enum schema_format format, unsigned flags,
		  struct buf *out);
void schema_print_node(const struct schema_node *node, enum schema_format format, unsigned flags,
		       struct buf *out);

// --- editing (RFC 6241 section 7.2) ---
enum schema_operation {
	SCHEMA_OP_NONE,
	SCHEMA_OP_MERGE,
	SCHEMA_OP_REPLACE,
	SCHEMA_OP_CREATE,
	SCHEMA_OP_DELETE,
	SCHEMA_OP_REMOVE
};
// Applies `edit` (whose nodes may carry nc:operation attributes) to `tree`. All or nothing: on errors the tree is as
// before. The tree is then unvalidated. Each error has the path and the error-tag that RFC 6241 asks for.
bool schema_edit(struct schema_tree *tree, const struct schema_tree *edit,
		 enum schema_operation default_operation, struct diags *diags) must_check;
// The same, and when it could be done `allows` is asked: the changes of this edit are those from number `first` on (see
// schema_change), also of a tree that was never valid. False, with diags: nothing is changed.
struct schema_veto {
	bool (*allows)(void *context, const struct schema_tree *tree, size_t first,
		       struct diags *diags);
	void *context;
};
bool schema_edit_if(struct schema_tree *tree, const struct schema_tree *edit,
		    enum schema_operation default_operation, const struct schema_veto *veto,
		    struct diags *diags) must_check;
// The same, and the edit's tree is used up, done or not: what is new in it is moved instead of copied. `veto` may be NULL.
bool schema_edit_take(struct schema_tree *tree, struct schema_tree *edit,
		      enum schema_operation default_operation, const struct schema_veto *veto,
		      struct diags *diags) must_check;

// --- the changes of a tree, in the order in which they happened; a number of changes is a position ---
// How many there are: the present position. Without schema_keep they are counted from the last valid state.
size_t schema_changes(const struct schema_tree *tree) must_check;
// The change that leads from this position to the next. A changed leaf is one removed and one added; of a subtree that
// came or went only its top is told. What was removed can be read until it is forgotten; its parent is that of before.
enum schema_change_kind { SCHEMA_ADDED, SCHEMA_REMOVED, SCHEMA_MOVED };
struct schema_change {
	enum schema_change_kind kind;
	const struct schema_node *node, *parent; // parent NULL: the top
};
struct schema_change schema_change(const struct schema_tree *tree, size_t position) must_check;
// From now on nothing is forgotten by itself: every position from this one on stays, so that one tree can be several
// states of a datastore. Again with a later position: what lies before that is forgotten and freed.
void schema_keep(struct schema_tree *tree, size_t position);
// Back or forward to another position, exactly, order included; the cost is the changes between. Positions ahead stay
// until the tree is changed or undone instead. Between an edit and its validation, defaults inside of what was added may
// be there already.
void schema_go(struct schema_tree *tree, size_t position);

// Changes that are somebody's own, on top of the present position: edits from here on belong to the branch until it is
// left. Where it has been left they are gone from the tree, and where it is entered, at the position where it began, they
// are there again; the cost is those changes. One at a time can be entered; schema_go and schema_keep are for the tree
// without.
struct schema_branch;
struct schema_branch *schema_branch_new(struct schema_tree *tree) must_check; // is entered
void schema_branch_enter(struct schema_branch *branch);
void schema_branch_leave(struct schema_branch *branch);
// Left or entered, with its changes. NULL is fine.
void schema_branch_free(struct schema_branch *branch);

// Reads the content of <config>: like schema_parse, but attributes of nc: are kept and nodes need not be complete.
bool schema_parse_edit(struct schema_tree *tree, const struct schema_input *input,
		       struct diags *diags) must_check;

// --- operations and notifications ---
// Operations and notifications stand in trees of their own, the operation (rpc or notification) is schema_first, its
// children are the input (or the output). They are validated, defaults included, but for what refers to a datastore.
//
// Reads <rpc>. As soon as the envelope can be read, also when this then fails: `message_id_out` (arena) is the
// message-id, NULL when it is missing; `attributes_out` (arena, never NULL) is what <rpc-reply> has to echo (RFC 6241
// section 4.2): all attributes and declarations of prefixes as XML text that begins with a space, but not the default
// namespace, which the reply declares itself.
bool schema_parse_rpc(struct schema *schema, const struct schema_input *input, struct arena *arena,
		      struct diags *diags, struct schema_tree **rpc_out,
		      const char **message_id_out, const char **attributes_out) must_check;
// RESTCONF: the input of operation "module:name"; an empty body is an empty input.
bool schema_parse_operation(struct schema *schema, const char *operation,
			    const struct schema_input *input, struct diags *diags,
			    struct schema_tree **rpc_out) must_check;
// One notification, what stands behind eventTime.
bool schema_parse_notification(struct schema *schema, const struct schema_input *input,
			       struct diags *diags,
			       struct schema_tree **notification_out) must_check;
// An attribute `type` or `select` of the <filter> of an rpc (RFC 6241 section 6); NULL when it was not given.
const char *schema_attribute(const struct schema_tree *tree, const struct schema_node *node,
			     const char *name) must_check;
// The content of an anydata/anyxml node as text, as it was given (XML, or JSON if it came as JSON); of a large <config>
// only its data, without the attributes of an edit.
void schema_any_text(const struct schema_node *any, struct buf *out);
// The content of an anydata/anyxml node (<config>) as an edit tree of its own. To be asked for once: a large one was made
// when the operation was read, and is handed over.
bool schema_any_tree(struct schema *schema, const struct schema_node *any, struct diags *diags,
		     struct schema_tree **out) must_check;

// Text that identifies the modules: name, revision, namespace of each, for yang-library and hello capabilities.
typedef void (*schema_module_fn)(const char *name, const char *revision, const char *namespace_uri,
				 bool implemented, void *context);
void schema_modules(const struct schema *schema, schema_module_fn fn, void *context);
// A digest of the module set, 16 hex digits: the yang-library content-id.
void schema_content_id(const struct schema *schema, char out[static 17]);
