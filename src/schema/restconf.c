// SPDX-License-Identifier: Apache-2.0
// Resource identifiers of RESTCONF (RFC 8040 section 3.5.3) as instance paths: "/m:list=k1,k2/leaf" becomes
// "/m:list[key1='k1'][key2='k2']/leaf". Names are looked up in the models, so that what comes out is a path of theirs;
// whether the node exists in some tree is not asked.
#include "base/buf.h"
#include "base/diag.h"
#include "schema/model.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <string.h>

struct reader {
	struct schema *schema;
	struct arena *arena;
	struct diags *diags;
	struct model_node *at;
	const char *module; // of the step before
	struct buf *out;
};

static bool refuse(struct reader *r, enum diag_code code, const char *hint, const char *what,
		   const char *about)
{
	diag_add(r->diags,
		 &(struct diag){
			 .code = code, .path = r->out->len ? r->out->data : NULL, .hint = hint},
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
		const struct lysc_node *lys = parent->child[i]->schema;
		if (!strcmp(lys->name, name) && (!module || !strcmp(lys->module->name, module)))
			return parent->child[i];
	}
	return NULL;
}

static bool add_predicate(struct reader *r, const char *key, const char *value)
{
	const char *quote = strchr(value, '\'') ? "\"" : "'";
	if (strchr(value, '\'') && strchr(value, '"'))
		return refuse(r, DIAG_UNSUPPORTED, "address the list instead",
			      "has both kinds of quotes and cannot be a key here", value);
	buf_printf(r->out, "[%s=%s%s%s]", key, quote, value, quote);
	return true;
}

// The values behind '=': one for each key, in the order of the keys, or the value of a leaf-list.
static bool add_values(struct reader *r, const char *text)
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
		if (!add_predicate(r, is_key ? key->name : ".", value))
			return false;
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
	const char *module = r->module;
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
	bool named = !r->module || strcmp(r->module, module) != 0;
	buf_printf(r->out, "/%s%s%s", named ? node->schema->module->name : "", named ? ":" : "",
		   name);
	r->at = node;
	r->module = node->schema->module->name;
	return !equals || add_values(r, equals + 1);
}

const char *schema_restconf_path(struct schema *schema, const char *uri_path, struct arena *arena,
				 struct diags *diags)
{
	struct buf out;
	struct reader r = {
		.schema = schema, .arena = arena, .diags = diags, .at = schema->root, .out = &out};
	bool good = true;
	const char *path = NULL;
	buf_init(&out);
	for (const char *step = uri_path + strspn(uri_path, "/"), *end; good && *step;
	     step = *end ? end + 1 : end) {
		end = strchrnul(step, '/');
		good = add_step(&r, arena_strndup(arena, step, (size_t)(end - step)));
	}
	if (good)
		path = arena_strdup(arena, out.len ? out.data : "/");
	buf_fini(&out);
	return path;
}
