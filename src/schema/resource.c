// SPDX-License-Identifier: Apache-2.0
// Resource identifiers of RESTCONF (RFC 8040 section 3.5.3) and the bodies of requests about them.
//
// The idea: a path is read into steps with decoded keys, so that no key needs quoting; names are looked up in the models,
// whether the node exists in some tree is not asked. A body is read below the nodes that its path names, by the
// reader of all documents, so every fault is told with the client's own line.
#include "schema/resource.h"
#include "base/buf.h"
#include "base/diag.h"
#include "schema/attr.h"
#include "schema/path.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <string.h>

struct reader {
	struct schema *schema;
	struct arena *arena;
	struct diags *diags;
	struct model_node *at;
	struct schema_resource *out;
	struct buf *path;
};

static bool refuse(struct reader *r, enum diag_code code, const char *hint, const char *what,
		   const char *about)
{
	diag_add(r->diags,
		 &(struct diag){
			 .code = code, .path = r->path->len ? r->path->data : NULL, .hint = hint},
		 "\"%s\" %s", about, what);
	return false;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

static bool is_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	for (size_t len = strlen(text), n; len; p += n, len -= n)
		if (!(n = text_char_len(p, len)))
			return false;
	return true;
}

// RFC 3986 section 2.1. NULL when a % has no two digits behind it, or what comes out is no text.
static char *decoded(struct arena *arena, const char *text, size_t len)
{
	char *out = arena_strndup(arena, text, len), *to = out;
	for (const char *p = out; *p; p++) {
		bool encoded = *p == '%';
		int high = encoded ? hex(p[1]) : 0, low = encoded && high >= 0 ? hex(p[2]) : 0;
		if (high < 0 || low < 0 || (encoded && !high && !low))
			return NULL;
		*to++ = encoded ? (char)(high * 16 + low) : *p;
		p += encoded ? 2 : 0;
	}
	*to = '\0';
	return is_text(out) ? out : NULL;
}

static struct model_node *find_child(const struct model_node *parent, const char *module,
				     const char *name)
{
	for (uint32_t i = 0; i < parent->children; i++) {
		struct model_node *child = parent->child[i];
		if (!strcmp(child->name, name) && (!module || !strcmp(child->mod->name, module)))
			return child;
	}
	return NULL;
}

static void add_key(struct reader *r, struct schema_step *step, const char *name, const char *value)
{
	char quote = strchr(value, '\'') ? '"' : '\'';
	vec_push(r->arena, &step->key, (struct schema_key){.name = name, .value = value});
	buf_printf(r->path, "[%s=%c%s%c]", name, quote, value, quote);
}

// The values behind '=': one for each key, in the order of the keys, or the value of a leaf-list.
static bool add_values(struct reader *r, struct schema_step *step, const char *text)
{
	const struct lysc_node *lys = r->at->schema;
	const struct lysc_node *key = lys->nodetype == LYS_LIST ? lysc_node_child(lys) : NULL;
	if (lys->nodetype != LYS_LIST && lys->nodetype != LYS_LEAFLIST)
		return refuse(r, DIAG_VALUE, "leave out \"=\" and what follows it",
			      "is not a list and has no keys", lys->name);
	for (const char *end;; text = end + 1) {
		end = strchrnul(text, ',');
		bool is_key = key && (key->flags & LYS_KEY);
		char *value = decoded(r->arena, text, (size_t)(end - text));
		if (!value)
			return refuse(r, DIAG_VALUE, "write a percent sign as %25",
				      "is not percent-encoded properly", text);
		if (!is_key && (lys->nodetype == LYS_LIST || *end))
			return refuse(r, DIAG_VALUE, "write a comma inside a value as %2C",
				      "has fewer keys", lys->name);
		add_key(r, step, is_key ? arena_strdup(r->arena, key->name) : ".", value);
		key = is_key ? key->next : NULL;
		if (!*end)
			break;
	}
	if (key && (key->flags & LYS_KEY))
		return refuse(r, DIAG_MISSING, "give a value for every key, with commas between",
			      "has more keys", lys->name);
	return true;
}

// One step, "module:name=values"; the module may be left out where it is that of the step before.
static bool add_step(struct reader *r, const char *step)
{
	const char *equals = strchr(step, '=');
	char *name = decoded(r->arena, step, equals ? (size_t)(equals - step) : strlen(step)),
	     *colon;
	if (!name || !*name)
		return refuse(r, DIAG_VALUE, "give module:name, then /name for what is inside",
			      "is not a step of a path", step);
	struct schema_resource *out = r->out;
	const char *above = out->step.len ? out->step.at[out->step.len - 1].module : NULL,
		   *module = above;
	if ((colon = strchr(name, ':'))) {
		*colon = '\0';
		module = name;
		name = colon + 1;
	}
	if (!module)
		return refuse(r, DIAG_VALUE, "begin with the module, as module:name",
			      "has no module", name);
	struct model_node *node = find_child(r->at, module, name);
	if (!node)
		return refuse(r, DIAG_UNKNOWN_ELEMENT, "the modules and their nodes are in yang/",
			      "is not known here", arena_printf(r->arena, "%s:%s", module, name));
	bool named = !above || strcmp(above, module) != 0;
	buf_printf(r->path, "/%s%s%s", named ? module : "", named ? ":" : "", name);
	r->at = node;
	vec_push(r->arena, &out->step, (struct schema_step){.module = module, .name = name});
	return !equals || add_values(r, &out->step.at[out->step.len - 1], equals + 1);
}

static enum schema_resource_kind kind_of(const struct lysc_node *lys, bool has_keys)
{
	switch (lys->nodetype) {
	case LYS_CONTAINER:
		return SCHEMA_CONTAINER;
	case LYS_LIST:
		return has_keys ? SCHEMA_ENTRY : SCHEMA_LIST;
	case LYS_LEAFLIST:
		return has_keys ? SCHEMA_VALUE : SCHEMA_LEAF_LIST;
	case LYS_LEAF:
		return SCHEMA_LEAF;
	default:
		return SCHEMA_ANY;
	}
}

static void describe(const struct model_node *model, struct arena *arena, const char *path,
		     struct schema_resource *out)
{
	const struct lysc_node *lys = model->schema;
	out->path = arena_strdup(arena, path);
	out->config = !lys || lys->flags & LYS_CONFIG_W;
	if (!lys)
		return;
	out->kind = kind_of(lys, out->step.at[out->step.len - 1].key.len);
	out->ordered_by_user = lysc_is_userordered(lys);
	out->plain = lys->nodetype == LYS_CONTAINER && !(lys->flags & LYS_PRESENCE);
	out->is_key = lys->nodetype == LYS_LEAF && lys->flags & LYS_KEY;
}

static bool is_data(struct reader *r)
{
	const struct lysc_node *lys = r->at->schema;
	return !lys || !(lys->nodetype & (LYS_RPC | LYS_NOTIF | LYS_ACTION)) ||
	       refuse(r, DIAG_UNKNOWN_ELEMENT, "operations are below {+restconf}/operations",
		      "is no data", lys->name);
}

// The model that the steps lead to; they were looked up before.
static struct model_node *walk(const struct schema *schema, const struct schema_resource *resource)
{
	struct model_node *at = schema->root;
	for (size_t i = 0; i < resource->step.len; i++)
		at = find_child(at, resource->step.at[i].module, resource->step.at[i].name);
	return at;
}

// Steps of its own: the base's may be added to by others.
static void begin_at(struct reader *r, const struct schema_resource *base)
{
	for (size_t i = 0; base && i < base->step.len; i++)
		vec_push(r->arena, &r->out->step, base->step.at[i]);
	if (base && base->step.len)
		buf_adds(r->path, base->path);
	r->at = walk(r->schema, r->out);
}

bool schema_resource_read(struct schema *schema, const struct schema_resource *base,
			  const char *uri_path, struct arena *arena, struct diags *diags,
			  struct schema_resource *out)
{
	struct buf path;
	struct schema_resource resource = {0};
	struct reader r = {
		.schema = schema, .arena = arena, .diags = diags, .out = &resource, .path = &path};
	bool good = true;
	buf_init(&path);
	begin_at(&r, base);
	for (const char *step = uri_path + strspn(uri_path, "/"), *end; good && *step;
	     step = *end ? end + 1 : end) {
		end = strchrnul(step, '/');
		good = add_step(&r, arena_strndup(arena, step, (size_t)(end - step))) &&
		       is_data(&r);
	}
	if (good) {
		describe(r.at, arena, path.len ? path.data : "/", &resource);
		*out = resource;
	}
	buf_fini(&path);
	return good;
}

// --- in a tree ---

static void add_step_path(const struct schema_step *step, const char *above, struct buf *out)
{
	bool named = !above || strcmp(above, step->module) != 0;
	buf_printf(out, "/%s%s%s", named ? step->module : "", named ? ":" : "", step->name);
	for (size_t i = 0; i < step->key.len; i++) {
		const struct schema_key *key = &step->key.at[i];
		char quote = strchr(key->value, '\'') ? '"' : '\'';
		buf_printf(out, "[%s=%c%s%c]", key->name, quote, key->value, quote);
	}
}

const char *schema_resource_path(const struct schema_resource *resource, size_t steps,
				 struct arena *arena)
{
	struct buf out;
	const char *above = NULL;
	buf_init(&out);
	for (size_t i = 0; i < steps; i++) {
		add_step_path(&resource->step.at[i], above, &out);
		above = resource->step.at[i].module;
	}
	const char *path = arena_strdup(arena, out.len ? out.data : "/");
	buf_fini(&out);
	return path;
}

static const struct schema_node *find_step(const struct schema_node *parent,
					   const struct model_node *model,
					   const struct schema_step *step)
{
	const char *values[NODE_KEYS_MOST];
	if (!step->key.len)
		return node_find(parent, model);
	for (size_t i = 0; i < step->key.len; i++) {
		const struct model_node *leaf =
			model->kind == MODEL_LEAF_LIST ? model : model->child[i];
		const char *text = step->key.at[i].value;
		values[i] = canonical_find(node_schema(parent), leaf, text, strlen(text));
		if (!values[i])
			return NULL; // no tree has it
	}
	return path_find_values(parent, model, values);
}

const struct schema_node *schema_resource_find(const struct schema_tree *tree,
					       const struct schema_resource *resource, size_t steps)
{
	const struct schema_node *node = tree->root;
	const struct model_node *model = tree->schema->root;
	for (size_t i = 0; i < steps && node; i++) {
		model = find_child(model, resource->step.at[i].module, resource->step.at[i].name);
		node = find_step(node, model, &resource->step.at[i]);
	}
	return steps ? node : NULL;
}

static void encode(const char *text, struct buf *out)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (const char *p = text; *p; p++) {
		if (strchr(plain, *p))
			buf_addc(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}

void schema_resource_uri(const struct schema_node *node, struct buf *out)
{
	const struct schema_node *parent = schema_parent(node);
	if (parent)
		schema_resource_uri(parent, out);
	const struct model_node *m = node_model(node);
	bool named = !parent || strcmp(schema_module(parent), schema_module(node)) != 0;
	buf_printf(out, "/%s%s%s", named ? schema_module(node) : "", named ? ":" : "", m->name);
	if (m->kind == MODEL_LEAF_LIST) {
		buf_addc(out, '=');
		encode(schema_value(node), out);
	}
	const struct schema_node *key = m->kind == MODEL_LIST ? node_child(node) : NULL;
	for (char before = '='; key && node_is_key(key); key = key->next, before = ',') {
		buf_addc(out, before);
		encode(key->value, out);
	}
}

// --- bodies ---

static void open_step(const struct schema *schema, const struct schema_step *step,
		      const char *operation, struct buf *out)
{
	buf_printf(out, "<%s xmlns=\"%s\"", step->name,
		   text_module(schema, step->module, true)->ns);
	if (operation)
		buf_printf(out, " nc:operation=\"%s\" xmlns:nc=\"" NS_NETCONF "\"", operation);
	buf_addc(out, '>');
	for (size_t i = 0; i < step->key.len; i++) {
		const struct schema_key *key = &step->key.at[i];
		bool is_value = strcmp(key->name, ".") == 0;
		if (!is_value)
			buf_printf(out, "<%s>", key->name);
		buf_add_xml(out, key->value);
		if (!is_value)
			buf_printf(out, "</%s>", key->name);
	}
}

// The nodes of these steps with their keys, the last one with an operation (or NULL).
static bool parse_steps(struct schema_tree *edit, const struct schema_resource *resource,
			size_t steps, const char *operation, struct diags *diags)
{
	struct buf xml;
	buf_init(&xml);
	for (size_t i = 0; i < steps; i++)
		open_step(edit->schema, &resource->step.at[i], i + 1 == steps ? operation : NULL,
			  &xml);
	for (size_t i = steps; i; i--)
		buf_printf(&xml, "</%s>", resource->step.at[i - 1].name);
	struct schema_input input = {.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
	bool good = !steps || schema_parse_edit(edit, &input, diags);
	buf_fini(&xml);
	return good;
}

// Each node there has its keys and the next one.
static struct schema_node *innermost(const struct schema_tree *edit, size_t steps)
{
	struct schema_node *node = edit->root;
	for (size_t i = 0; i < steps; i++)
		node = node_last(node);
	return node;
}

static const struct item *only_item(struct doc *doc)
{
	const struct item *item = doc_first(doc, parse_unwrap(doc));
	if (item && !item->next && !(item->flags & ITEM_NO_VALUES))
		return item;
	doc_error(doc, DIAG_SYNTAX, item && item->next ? doc_next(doc, item) : doc->item,
		  "send the resource itself, one element or member",
		  "the body does not hold exactly one resource");
	return NULL;
}

static bool has_no_operations(struct doc *doc)
{
	for (size_t i = 0; i < doc->attr.len; i++) {
		const char *ns = doc->ns.at[doc->attr.at[i].ns].text;
		if (!ns || (strcmp(ns, NS_NETCONF) != 0 && strcmp(ns, NS_YANG) != 0))
			continue;
		doc_error(doc, DIAG_UNKNOWN_ATTRIBUTE, doc->item,
			  "leave it out; the method says what is done, or use a YANG Patch",
			  "the body has an attribute \"%.*s\" of an edit",
			  (int)doc->attr.at[i].name_len, doc->text + doc->attr.at[i].name);
		return false;
	}
	return true;
}

// A key that a path names already is not read again, but it must be the same (RFC 8040 section 4.5).
static bool same_key(struct doc *doc, const struct item *item, const struct schema_node *parent,
		     const struct schema_node **out)
{
	const struct schema_node *key = NULL;
	node_for_each_child(it, parent) if (node_is_key(it) &&
					    doc_name_is(doc, item, schema_name(it))) key = it;
	if (!key)
		return true;
	size_t len;
	*out = key;
	if (strcmp(doc_value(doc, item, &len), schema_value(key)) == 0)
		return true;
	doc_error(doc, DIAG_VALUE, item, "make a new entry and delete the old one",
		  "the key \"%s\" of an entry cannot be changed", schema_name(key));
	return false;
}

static const struct schema_node *parse_below(struct schema_tree *edit, struct schema_node *parent,
					     struct doc *doc)
{
	const struct schema_node *node = NULL;
	const struct item *item = only_item(doc);
	if (!item || !has_no_operations(doc) || !same_key(doc, item, parent, &node))
		return NULL;
	struct builder b = {.doc = doc, .tree = edit, .edit = true, .fresh = true};
	b.errors = doc->diags->errors;
	build_children(&b, parse_unwrap(doc), parent);
	if (!build_end(&b))
		return NULL;
	return node ? node : node_last(parent);
}

const struct schema_node *schema_resource_parse(struct schema_tree *edit,
						const struct schema_resource *resource,
						size_t steps, const struct schema_input *input,
						struct diags *diags)
{
	struct doc doc;
	if (!parse_steps(edit, resource, steps, NULL, diags))
		return NULL;
	const struct schema_node *node = NULL;
	if (doc_init(&doc, edit->schema, input, diags))
		node = parse_below(edit, innermost(edit, steps), &doc);
	doc_fini(&doc);
	return node;
}

// --- marks ---

static void set_anchor(struct schema_tree *edit, struct schema_node *node,
		       const struct schema_resource *point)
{
	const struct schema_step *step = &point->step.at[point->step.len - 1];
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < step->key.len; i++) {
		const struct schema_key *key = &step->key.at[i];
		char quote = strchr(key->value, '\'') ? '"' : '\'';
		if (strcmp(key->name, ".") == 0)
			buf_adds(&text, key->value);
		else
			buf_printf(&text, "[%s=%c%s%c]", key->name, quote, key->value, quote);
	}
	attr_set_anchor(edit, node, text.data);
	buf_fini(&text);
}

void schema_edit_mark(struct schema_tree *edit, const struct schema_node *node,
		      const struct schema_mark *mark)
{
	struct schema_node *marked = (struct schema_node *)(uintptr_t)node;
	marked->operation = (1 + mark->operation) & 7;
	marked->insert = mark->where & 7;
	if (mark->point)
		set_anchor(edit, marked, mark->point);
}

bool schema_resource_edit(struct schema_tree *edit, const struct schema_resource *resource,
			  const struct schema_mark *mark, struct diags *diags)
{
	size_t steps = resource->step.len;
	bool deletes = mark->operation == SCHEMA_OP_DELETE,
	     removes = mark->operation == SCHEMA_OP_REMOVE;
	const char *operation = deletes ? "delete" : removes ? "remove" : NULL;
	if (!parse_steps(edit, resource, steps, operation, diags))
		return false;
	if (!operation)
		schema_edit_mark(edit, innermost(edit, steps), mark);
	return true;
}
