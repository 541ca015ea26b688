// SPDX-License-Identifier: Apache-2.0
// Operations and notifications: the envelope of NETCONF (RFC 6241 sections 4.1 and 4.2), the input and output documents
// of RESTCONF (RFC 8040 section 3.6), and the nodes inside, which are built and validated like data.
//
// What it does not do: actions; no module of ours has any. What an operation refers to in a datastore is not looked up.
#include "base/buf.h"
#include "schema/pieces.h"
#include "schema/text.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>

// --- the envelope ---

static void echo_attributes(const struct doc *doc, const struct item *rpc, struct buf *out)
{
	for (uint32_t s = rpc->scope; s; s = doc->scope.at[s].outer) {
		const struct doc_scope *scope = &doc->scope.at[s];
		if (!scope->prefix_len)
			continue;
		buf_printf(out, " xmlns:%.*s=\"", (int)scope->prefix_len,
			   doc->text + scope->prefix);
		buf_add_xml(out, doc->ns.at[scope->ns].text);
		buf_addc(out, '"');
	}
	for (uint32_t i = 0; i < rpc->attrs; i++) {
		const struct doc_attr *attr = &doc->attr.at[rpc->attr + i];
		// Back to the prefix, which stands before the name.
		uint32_t from = attr->name;
		while (attr->ns && !text_is_space(doc->text[from - 1]))
			from--;
		buf_addc(out, ' ');
		buf_add(out, doc->text + from, attr->name + attr->name_len - from);
		buf_adds(out, "=\"");
		// A value in single quotes may hold double ones.
		for (uint32_t at = attr->start; at < attr->end; at++)
			if (doc->text[at] == '"')
				buf_adds(out, "&quot;");
			else
				buf_addc(out, doc->text[at]);
		buf_addc(out, '"');
	}
}

static void read_envelope(struct doc *doc, const struct item *rpc, struct arena *arena,
			  const char **message_id_out, const char **attributes_out)
{
	struct buf echo;
	buf_init(&echo);
	echo_attributes(doc, rpc, &echo);
	*attributes_out = arena_strdup(arena, echo.data);
	buf_fini(&echo);
	const struct doc_attr *id = doc_attr_find(doc, rpc, NULL, "message-id");
	if (id) {
		*message_id_out = arena_strdup(arena, doc_attr_value(doc, id));
		return;
	}
	diag_add(doc->diags,
		 &(struct diag){.code = DIAG_MISSING_ATTRIBUTE,
				.line = rpc->line,
				.path = "/rpc/@message-id",
				.hint = "give every <rpc> a message-id"},
		 "<rpc> has no message-id");
}

static const struct item *find_rpc(struct doc *doc)
{
	const struct item *rpc = doc_first(doc, doc->item);
	const char *hint = "send <rpc xmlns=\"" NS_NETCONF "\" message-id=\"1\">";
	if (!rpc || doc->json) {
		doc_error(doc, DIAG_SYNTAX, doc->item, hint, "there is no <rpc>");
		return NULL;
	}
	if (rpc->next || !doc_name_is(doc, rpc, "rpc")) {
		doc_error(doc, DIAG_SYNTAX, rpc, hint, "a message is one <rpc>");
		return NULL;
	}
	if (!rpc->ns || strcmp(doc_ns_text(doc, rpc), NS_NETCONF)) {
		doc_error(doc, DIAG_UNKNOWN_NAMESPACE, rpc, hint,
			  "<rpc> is not in the namespace of NETCONF");
		return NULL;
	}
	return rpc;
}

// --- the operation ---

static struct model_node *find_operation(struct doc *doc, const struct item *item, uint16_t kinds)
{
	const struct schema *schema = doc->schema;
	const struct doc_ns *ns = &doc->ns.at[item->ns];
	const char *name = doc->text + item->name;
	if (!ns->mod) {
		doc_error(doc, DIAG_UNKNOWN_NAMESPACE, item,
			  "use the namespace of the module that defines it",
			  "the namespace \"%.200s\" of \"%.*s\" is not known",
			  ns->text ? ns->text : "", (int)item->name_len, name);
		return NULL;
	}
	struct model_node *m = model_child(schema->root, ns->mod, name, item->name_len);
	if (m && m->kind & kinds)
		return m;
	struct text_guess guess = text_guess(name, item->name_len);
	for (uint32_t i = 0; i < schema->root->children; i++) {
		const struct model_node *other = schema->root->child[i];
		if (other->mod == ns->mod && other->kind & kinds)
			text_guess_offer(&guess, other->name);
	}
	const char *hint = "use one of the operations of the modules that were announced";
	if (guess.best)
		hint = arena_printf(&doc->arena, "did you mean \"%s\"?", guess.best);
	doc_error(doc, DIAG_UNSUPPORTED, item, hint, "\"%.*s\" is no %s of %s", (int)item->name_len,
		  name, kinds & MODEL_NOTIFICATION ? "notification" : "operation", ns->mod->name);
	return NULL;
}

static struct schema_tree *operation_tree(struct schema *schema, const struct model_node *m)
{
	struct schema_tree *tree = schema_tree_new(schema);
	tree->is_operation = true;
	node_add(tree->root, node_new(schema, m));
	return tree;
}

static void refuse_text(struct doc *doc, const struct item *item)
{
	if (item->flags & ITEM_TEXT)
		doc_error(doc, DIAG_SYNTAX, item,
			  "remove the text, or put it into one of the elements inside",
			  "\"%.*s\" holds other elements, not a value", (int)item->name_len,
			  doc->text + item->name);
}

// The items below `around` become the operation's children, and are validated. `content`: of the any-data that was read
// before, or NULL.
static bool fill_operation(struct doc *doc, const struct item *around, struct schema_tree *tree,
			   struct schema_tree *content)
{
	struct builder b = {.doc = doc,
			    .tree = tree,
			    .fresh = true,
			    .errors = doc->diags->errors,
			    .content = content};
	struct schema_node *operation = node_child(tree->root);
	b.file = build_file(doc->schema, doc->file);
	build_origin(&b, around, operation);
	build_children(&b, around, operation);
	refuse_text(doc, around);
	bool good = build_end(&b);
	schema_tree_free(b.content);
	return good && schema_validate(tree, doc->diags);
}

static bool finish(bool good, struct schema_tree *tree, struct schema_tree **out)
{
	if (good)
		*out = tree;
	else
		schema_tree_free(tree);
	return good;
}

// The one element in <rpc>.
static const struct item *only_child(struct doc *doc, const struct item *rpc)
{
	const struct item *item = doc_first(doc, rpc);
	refuse_text(doc, rpc);
	if (!item)
		doc_error(doc, DIAG_MISSING, rpc, "put one operation into <rpc>",
			  "<rpc> has no operation");
	else if (item->next)
		doc_error(doc, DIAG_UNKNOWN_ELEMENT, doc_next(doc, item),
			  "send each operation in an <rpc> of its own",
			  "<rpc> has more than one operation");
	return item && !item->next ? item : NULL;
}

static bool read_rpc(struct doc *doc, const struct item *rpc, size_t errors,
		     struct schema_tree *content, struct schema_tree **out)
{
	const struct item *item = only_child(doc, rpc);
	struct model_node *m = item ? find_operation(doc, item, MODEL_RPC) : NULL;
	if (!m) {
		schema_tree_free(content);
		return false;
	}
	struct schema_tree *tree = operation_tree(doc->schema, m);
	bool good = fill_operation(doc, item, tree, content) && doc->diags->errors == errors;
	return finish(good, tree, out);
}

// The data in a large <config> are read with the message. When something is wrong with them the message is read again
// without looking into it: they are not the message's faults, but those of who uses them.
static bool read_message(struct doc *doc, struct schema *schema, const struct schema_input *input,
			 struct diags *diags, struct schema_tree **content_out)
{
	struct diags before = *diags;
	struct schema_tree *content = schema_tree_new(schema);
	struct builder b = {.doc = doc, .tree = content, .edit = true, .errors = diags->errors};
	struct pieces pieces = {.builder = &b, .where = PIECES_RPC};
	bool good = pieces_read(&pieces, schema, input, diags);
	if (pieces.ended && build_end(&b)) {
		*content_out = content;
		return good;
	}
	schema_tree_free(content);
	if (!pieces.begun)
		return good;
	doc_fini(doc);
	*diags = before;
	return doc_init(doc, schema, input, diags);
}

bool schema_parse_rpc(struct schema *schema, const struct schema_input *input, struct arena *arena,
		      struct diags *diags, struct schema_tree **rpc_out,
		      const char **message_id_out, const char **attributes_out)
{
	struct doc doc;
	size_t errors = diags->errors;
	*message_id_out = NULL;
	*attributes_out = "";
	struct schema_tree *content = NULL;
	bool good = read_message(&doc, schema, input, diags, &content);
	const struct item *rpc = good ? find_rpc(&doc) : NULL;
	if (rpc) {
		read_envelope(&doc, rpc, arena, message_id_out, attributes_out);
		good = read_rpc(&doc, rpc, errors, content, rpc_out);
	} else {
		schema_tree_free(content);
	}
	doc_fini(&doc);
	return good && rpc;
}

// --- RESTCONF ---

static const struct model_node *named_operation(struct schema *schema, const char *operation,
						struct diags *diags)
{
	const char *colon = strchr(operation, ':'), *name = colon ? colon + 1 : operation;
	char *module = strndup(operation, colon ? (size_t)(colon - operation) : 0);
	const struct lys_module *mod = text_module(schema, base_oom(module), true);
	free(module);
	struct model_node *m = mod ? model_child(schema->root, mod, name, strlen(name)) : NULL;
	if (m && m->kind == MODEL_RPC)
		return m;
	diag_error(diags, DIAG_UNSUPPORTED, NULL, "operations are named module:name",
		   "there is no operation \"%.200s\"", operation);
	return NULL;
}

// The element or member "input" around everything, or the document itself where it is empty. NULL after a diag.
static const struct item *inside(struct doc *doc, const struct lys_module *mod)
{
	const struct item *item = doc_first(doc, doc->item);
	if (!item)
		return doc->item;
	if (!item->next && doc_name_is(doc, item, "input") && doc->ns.at[item->ns].mod == mod)
		return item;
	const char *hint =
		doc->json ? arena_printf(&doc->arena, "send {\"%s:input\": { ... }}", mod->name)
			  : arena_printf(&doc->arena, "send <input xmlns=\"%s\">", mod->ns);
	doc_error(doc, DIAG_SYNTAX, item, hint, "the body is no \"input\" of the module %s",
		  mod->name);
	return NULL;
}

bool schema_parse_operation(struct schema *schema, const char *operation,
			    const struct schema_input *input, struct diags *diags,
			    struct schema_tree **rpc_out)
{
	struct doc doc;
	const struct model_node *m = named_operation(schema, operation, diags);
	if (!m)
		return false;
	bool good = doc_init(&doc, schema, input, diags);
	const struct item *around = good ? inside(&doc, m->mod) : NULL;
	if (around) {
		struct schema_tree *tree = operation_tree(schema, m);
		good = finish(fill_operation(&doc, around, tree, NULL), tree, rpc_out);
	}
	doc_fini(&doc);
	return good && around;
}

bool schema_parse_notification(struct schema *schema, const struct schema_input *input,
			       struct diags *diags, struct schema_tree **notification_out)
{
	struct doc doc;
	bool good = doc_init(&doc, schema, input, diags);
	const struct item *item = good ? doc_first(&doc, doc.item) : NULL;
	if (good && (!item || item->next))
		doc_error(&doc, DIAG_SYNTAX, doc.item, "send one notification",
			  "the text is not one notification");
	struct model_node *m =
		item && !item->next ? find_operation(&doc, item, MODEL_NOTIFICATION) : NULL;
	if (m) {
		struct schema_tree *tree = operation_tree(schema, m);
		good = finish(fill_operation(&doc, item, tree, NULL), tree, notification_out);
	}
	doc_fini(&doc);
	return good && m;
}
