// SPDX-License-Identifier: Apache-2.0
// Writing nodes. What differs between XML and JSON is all here: a namespace is declared where it changes, a module named
// where it changes; JSON collects the entries of a list in one array, which stays open until something else follows.
//
// Values of names (RFC 7950 section 9.13) are kept with modules in front, as JSON has them; XML gets prefixes.
#include "schema/write.h"
#include "base/buf.h"
#include "schema/any.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <stdlib.h>
#include <string.h>

#define NS_DEFAULTS "urn:ietf:params:xml:ns:netconf:default:1.0"
#define NAMES_MOST 32u // modules in one path
#define TAG_JSON "{\"ietf-netconf-with-defaults:default\":true}"

static const struct lys_module *module_of(const struct schema_node *node)
{
	return node ? node_model(node)->mod : NULL;
}

static void newline(const struct write *w, unsigned indent)
{
	static const char spaces[] = "                                ";
	size_t n = indent * 2u;
	if (!w->indented)
		return;
	buf_addc(w->out, '\n');
	buf_add(w->out, spaces, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1);
}

// --- XML ---

// A carriage return would be read back as a newline (XML 1.0 section 2.11).
static void add_text(struct buf *out, const char *text)
{
	for (;;) {
		size_t plain = strcspn(text, "&<>\r");
		buf_add(out, text, plain);
		text += plain;
		if (!*text)
			return;
		buf_adds(out, *text == '&'   ? "&amp;"
			      : *text == '<' ? "&lt;"
			      : *text == '>' ? "&gt;"
					     : "&#13;");
		text++;
	}
}

static void declare(struct buf *out, const char *prefix, const char *uri)
{
	buf_printf(out, " xmlns%s%s=\"", *prefix ? ":" : "", prefix);
	buf_add_xml(out, uri);
	buf_addc(out, '"');
}

// "<name", on a line of its own; what stands around is closed with '>' first if this is the first thing in it.
static void xml_begin(const struct write *w, struct write_level *outer,
		      const struct schema_node *node)
{
	if (outer->node && !outer->holds)
		buf_addc(w->out, '>');
	if (outer->node || outer->holds)
		newline(w, outer->indent);
	outer->holds = true;
	buf_addc(w->out, '<');
	buf_adds(w->out, node_model(node)->name);
	if (node_model(node)->mod != module_of(outer->node))
		declare(w->out, "", node_model(node)->mod->ns);
}

static void xml_end(const struct write *w, const struct schema_node *node)
{
	buf_adds(w->out, "</");
	buf_adds(w->out, node_model(node)->name);
	buf_addc(w->out, '>');
}

// The text of a path with prefixes instead of modules, and the modules whose prefixes it uses.
struct names {
	const struct schema *schema;
	struct buf text;
	const struct lys_module *used[NAMES_MOST];
	size_t len;
	const struct lys_module *last; // of the step before
};

static bool use(struct names *n, const struct lys_module *mod)
{
	for (size_t i = 0; i < n->len; i++)
		if (n->used[i] == mod)
			return true;
	if (n->len == NAMES_MOST)
		return false;
	n->used[n->len++] = mod;
	return true;
}

// A name without a module has that of the step before, if it is a step or a key.
static const char *add_name(struct names *n, const char *start, const char *p)
{
	const struct lys_module *mod = NULL;
	const char *end = p;
	char before = p > start ? p[-1] : '\0';
	while (text_is_name(*end))
		end++;
	if (*end == ':' && text_is_name_start(end[1])) {
		char *name = base_oom(strndup(p, (size_t)(end - p)));
		mod = text_module(n->schema, name, true);
		free(name);
		p = end + 1;
		for (end = p; text_is_name(*end);)
			end++;
	}
	if (mod && before != '[')
		n->last = mod;
	if (!mod && (before == '/' || before == '['))
		mod = n->last;
	if (mod && use(n, mod))
		buf_printf(&n->text, "%s:", mod->prefix);
	buf_add(&n->text, p, (size_t)(end - p));
	return end;
}

static void add_names(struct names *n, const char *path)
{
	for (const char *p = path; *p;) {
		const char *close = *p == '\'' || *p == '"' ? strchr(p + 1, *p) : NULL;
		if (close) {
			buf_add(&n->text, p, (size_t)(close + 1 - p));
			p = close + 1;
		} else if (text_is_name_start(*p)) {
			p = add_name(n, path, p);
		} else {
			buf_addc(&n->text, *p++);
		}
	}
}

static void xml_names(const struct write *w, const struct schema_node *node)
{
	struct names n = {.schema = node_schema(node)};
	buf_init(&n.text);
	add_names(&n, node->value);
	for (size_t i = 0; i < n.len; i++)
		declare(w->out, n.used[i]->prefix, n.used[i]->ns);
	buf_addc(w->out, '>');
	add_text(w->out, n.text.data);
	buf_fini(&n.text);
}

// The default namespace is always that of the element's module, so its identities need no prefix.
static void xml_identity(const struct write *w, const struct schema_node *node)
{
	const struct lysc_ident *id = node_identity(node);
	bool own = id->module == node_model(node)->mod;
	if (!own)
		declare(w->out, id->module->prefix, id->module->ns);
	buf_printf(w->out, ">%s%s%s", own ? "" : id->module->prefix, own ? "" : ":", id->name);
}

static void xml_leaf(const struct write *w, const struct schema_node *node)
{
	if (node->form == FORM_PATH) {
		xml_names(w, node);
	} else if (node->form == FORM_IDENTITY) {
		xml_identity(w, node);
	} else if (*node->value) {
		buf_addc(w->out, '>');
		add_text(w->out, node->value);
	} else {
		buf_adds(w->out, "/>");
		return;
	}
	xml_end(w, node);
}

static void xml_any(const struct write *w, const struct schema_node *node)
{
	buf_addc(w->out, '>');
	if (any_is_json(node))
		add_text(w->out, any_text(node));
	else
		buf_adds(w->out, any_text(node));
	xml_end(w, node);
}

static void xml_value(const struct write *w, struct write_level *outer,
		      const struct schema_node *node, bool is_default)
{
	xml_begin(w, outer, node);
	if (is_default) {
		declare(w->out, "wd", NS_DEFAULTS);
		buf_adds(w->out, " wd:default=\"true\"");
	}
	if (node_is_any(node))
		xml_any(w, node);
	else
		xml_leaf(w, node);
}

// --- JSON ---

static void json_string(struct buf *out, const char *text)
{
	static const char *const escapes[0x20] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
	buf_addc(out, '"');
	for (const char *p = text;; p = text) {
		while ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
			p++;
		buf_add(out, text, (size_t)(p - text));
		if (!*p)
			break;
		unsigned char c = (unsigned char)*p;
		if (c >= 0x20)
			buf_printf(out, "\\%c", c);
		else if (escapes[c])
			buf_adds(out, escapes[c]);
		else
			buf_printf(out, "\\u%04x", c);
		text = p + 1;
	}
	buf_addc(out, '"');
}

static void json_name(const struct write *w, const struct write_level *outer, const char *mark,
		      const struct model_node *m)
{
	bool qualified = m->mod != module_of(outer->node);
	if (outer->holds)
		buf_addc(w->out, ',');
	newline(w, outer->indent);
	buf_printf(w->out, "\"%s%s%s%s\":%s", mark, qualified ? m->mod->name : "",
		   qualified ? ":" : "", m->name, w->indented ? " " : "");
}

static void json_close_array(const struct write *w, struct write_level *level)
{
	const struct model_node *m = level->array;
	if (!m)
		return;
	newline(w, level->indent);
	buf_addc(w->out, ']');
	level->array = NULL;
	if (level->tags) {
		json_name(w, level, "@", m);
		for (size_t i = 0; i < level->tags; i++)
			buf_adds(w->out, i ? "," TAG_JSON : "[" TAG_JSON);
		buf_addc(w->out, ']');
	}
	level->tags = 0;
}

// Up to where the value or the entry begins.
static void json_begin(const struct write *w, struct write_level *outer,
		       const struct schema_node *node)
{
	const struct model_node *m = node_model(node);
	if (outer->array == m) {
		buf_addc(w->out, ',');
		newline(w, outer->indent + 1);
		return;
	}
	json_close_array(w, outer);
	json_name(w, outer, "", m);
	outer->holds = true;
	if (!(m->kind & (MODEL_LIST | MODEL_LEAF_LIST)))
		return;
	outer->array = m;
	buf_addc(w->out, '[');
	newline(w, outer->indent + 1);
}

static void json_leaf(const struct write *w, const struct schema_node *node)
{
	if (node->form == FORM_LITERAL)
		buf_adds(w->out, node->value);
	else if (node->form == FORM_EMPTY)
		buf_adds(w->out, "[null]");
	else
		json_string(w->out, node->value);
}

// XML inside of JSON is a string of it, as RFC 7951 has no form for elements without a model.
static void json_any(const struct write *w, const struct schema_node *node)
{
	const char *text = any_text(node);
	bool is_data = node_model(node)->schema->nodetype == LYS_ANYDATA;
	if (!*text)
		buf_adds(w->out, is_data ? "{}" : "[null]");
	else if (any_is_json(node))
		buf_adds(w->out, text);
	else
		json_string(w->out, text);
}

static void json_value(const struct write *w, struct write_level *outer,
		       const struct schema_node *node, bool is_default)
{
	json_begin(w, outer, node);
	if (node_is_any(node))
		json_any(w, node);
	else
		json_leaf(w, node);
	if (!is_default)
		return;
	if (outer->array) {
		outer->tags++;
		return;
	}
	json_name(w, outer, "@", node_model(node));
	buf_adds(w->out, TAG_JSON);
}

// --- both ---

void write_top_open(const struct write *w, struct write_level *top)
{
	*top = (struct write_level){.indent = w->json};
	if (w->json)
		buf_addc(w->out, '{');
}

void write_top_close(const struct write *w, struct write_level *top)
{
	bool holds = top->holds;
	if (w->json) {
		json_close_array(w, top);
		if (holds)
			newline(w, 0);
		buf_addc(w->out, '}');
	}
	if (w->indented && (holds || w->json))
		buf_addc(w->out, '\n');
}

void write_open(const struct write *w, struct write_level *outer, const struct schema_node *node,
		struct write_level *level)
{
	if (w->json) {
		json_begin(w, outer, node);
		buf_addc(w->out, '{');
	} else {
		xml_begin(w, outer, node);
	}
	*level = (struct write_level){.node = node,
				      .indent = outer->indent + 1 + (outer->array != NULL)};
}

void write_close(const struct write *w, struct write_level *level)
{
	if (w->json)
		json_close_array(w, level);
	if (level->holds)
		newline(w, level->indent - 1);
	if (w->json)
		buf_addc(w->out, '}');
	else if (level->holds)
		xml_end(w, level->node);
	else
		buf_adds(w->out, "/>");
}

void write_value(const struct write *w, struct write_level *outer, const struct schema_node *node,
		 bool is_default)
{
	if (w->json)
		json_value(w, outer, node, is_default);
	else
		xml_value(w, outer, node, is_default);
}
