// SPDX-License-Identifier: Apache-2.0
// Writing nodes. What differs between XML and JSON is all here: a namespace is declared where it changes, a module named
// where it changes; JSON collects the entries of a list in one array, which stays open until something else follows.
//
// A value of names (RFC 7950 section 9.13) is left to libyang, which knows their prefixes.
#include "schema/write.h"
#include "base/buf.h"
#include "schema/any.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <string.h>

#define NS_DEFAULTS "urn:ietf:params:xml:ns:netconf:default:1.0"
#define TAG_JSON "{\"ietf-netconf-with-defaults:default\":true}"

static const struct lys_module *module_of(const struct lyd_node *node)
{
	return node ? node->schema->module : NULL;
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

// --- values ---

static const struct lyd_value *value_of(const struct lyd_node *node)
{
	const struct lyd_value *value = &((const struct lyd_node_term *)node)->value;
	while (value->realtype->basetype == LY_TYPE_UNION)
		value = &value->subvalue->value;
	return value;
}

static void print_names(const struct lyd_node *node, LY_VALUE_FORMAT format, void *modules,
			struct buf *out)
{
	const struct lyd_value *value = value_of(node);
	ly_bool dynamic = 0;
	size_t len;
	const char *text = value->realtype->plugin->print(LYD_CTX(node), value, format, modules,
							  &dynamic, &len);
	buf_add(out, text, len);
	if (dynamic)
		base_free(&text);
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
static void xml_begin(const struct write *w, struct write_level *outer, const struct lyd_node *node)
{
	if (outer->node && !outer->holds)
		buf_addc(w->out, '>');
	if (outer->node || outer->holds)
		newline(w, outer->indent);
	outer->holds = true;
	buf_addc(w->out, '<');
	buf_adds(w->out, node->schema->name);
	if (node->schema->module != module_of(outer->node))
		declare(w->out, "", node->schema->module->ns);
}

static void xml_end(const struct write *w, const struct lyd_node *node)
{
	buf_adds(w->out, "</");
	buf_adds(w->out, node->schema->name);
	buf_addc(w->out, '>');
}

static void xml_names(const struct write *w, const struct lyd_node *node)
{
	struct ly_set modules = {0};
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	print_names(node, LY_VALUE_XML, &modules, &text);
	for (uint32_t i = 0; i < modules.count; i++) {
		const struct lys_module *mod = modules.objs[i];
		declare(w->out, mod->prefix, mod->ns);
	}
	ly_set_erase(&modules, NULL);
	buf_addc(w->out, '>');
	add_text(w->out, text.data);
}

// The default namespace is always that of the element's module, so its identities need no prefix.
static void xml_identity(const struct write *w, const struct lyd_node *node)
{
	const struct lysc_ident *id = value_of(node)->ident;
	bool own = id->module == node->schema->module;
	if (!own)
		declare(w->out, id->module->prefix, id->module->ns);
	buf_printf(w->out, ">%s%s%s", own ? "" : id->module->prefix, own ? "" : ":", id->name);
}

static void xml_leaf(const struct write *w, const struct lyd_node *node)
{
	unsigned traits = model_of(node)->traits;
	const char *text = lyd_get_value(node);
	if (traits & VALUE_PATH) {
		xml_names(w, node);
	} else if (traits & VALUE_IDENTITY && value_of(node)->realtype->basetype == LY_TYPE_IDENT) {
		xml_identity(w, node);
	} else if (*text) {
		buf_addc(w->out, '>');
		add_text(w->out, text);
	} else {
		buf_adds(w->out, "/>");
		return;
	}
	xml_end(w, node);
}

static void xml_any(const struct write *w, const struct lyd_node *node)
{
	struct buf text cleanup(buf_fini);
	bool json;
	buf_init(&text);
	any_text(node, &text, &json);
	buf_addc(w->out, '>');
	if (json)
		add_text(w->out, text.data);
	else
		buf_add(w->out, text.data, text.len);
	xml_end(w, node);
}

static void xml_value(const struct write *w, struct write_level *outer, const struct lyd_node *node,
		      bool is_default)
{
	xml_begin(w, outer, node);
	if (is_default) {
		declare(w->out, "wd", NS_DEFAULTS);
		buf_adds(w->out, " wd:default=\"true\"");
	}
	if (node->schema->nodetype & LYD_NODE_ANY)
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
		      const struct lysc_node *lys)
{
	bool qualified = lys->module != module_of(outer->node);
	if (outer->holds)
		buf_addc(w->out, ',');
	newline(w, outer->indent);
	buf_printf(w->out, "\"%s%s%s%s\":%s", mark, qualified ? lys->module->name : "",
		   qualified ? ":" : "", lys->name, w->indented ? " " : "");
}

static void json_close_array(const struct write *w, struct write_level *level)
{
	const struct lysc_node *lys = level->array;
	if (!lys)
		return;
	newline(w, level->indent);
	buf_addc(w->out, ']');
	level->array = NULL;
	if (level->tags) {
		json_name(w, level, "@", lys);
		for (size_t i = 0; i < level->tags; i++)
			buf_adds(w->out, i ? "," TAG_JSON : "[" TAG_JSON);
		buf_addc(w->out, ']');
	}
	level->tags = 0;
}

// Up to where the value or the entry begins.
static void json_begin(const struct write *w, struct write_level *outer,
		       const struct lyd_node *node)
{
	const struct lysc_node *lys = node->schema;
	if (outer->array == lys) {
		buf_addc(w->out, ',');
		newline(w, outer->indent + 1);
		return;
	}
	json_close_array(w, outer);
	json_name(w, outer, "", lys);
	outer->holds = true;
	if (!(lys->nodetype & (LYS_LIST | LYS_LEAFLIST)))
		return;
	outer->array = lys;
	buf_addc(w->out, '[');
	newline(w, outer->indent + 1);
}

static void json_leaf(const struct write *w, const struct lyd_node *node)
{
	switch (value_of(node)->realtype->basetype) {
	case LY_TYPE_INT8:
	case LY_TYPE_INT16:
	case LY_TYPE_INT32:
	case LY_TYPE_UINT8:
	case LY_TYPE_UINT16:
	case LY_TYPE_UINT32:
	case LY_TYPE_BOOL:
		buf_adds(w->out, lyd_get_value(node));
		break;
	case LY_TYPE_EMPTY:
		buf_adds(w->out, "[null]");
		break;
	case LY_TYPE_INST:
	case LY_TYPE_STRING:
	case LY_TYPE_UNKNOWN:
	case LY_TYPE_BINARY:
	case LY_TYPE_UINT64:
	case LY_TYPE_BITS:
	case LY_TYPE_DEC64:
	case LY_TYPE_ENUM:
	case LY_TYPE_IDENT:
	case LY_TYPE_LEAFREF:
	case LY_TYPE_UNION:
	case LY_TYPE_INT64:
	default:
		json_string(w->out, lyd_get_value(node));
	}
}

static void json_names(const struct write *w, const struct lyd_node *node)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	print_names(node, LY_VALUE_JSON, NULL, &text);
	json_string(w->out, text.data);
}

// XML inside of JSON is a string of it, as RFC 7951 has no form for elements without a model.
static void json_any(const struct write *w, const struct lyd_node *node)
{
	struct buf text cleanup(buf_fini);
	bool json;
	buf_init(&text);
	any_text(node, &text, &json);
	if (!text.len)
		buf_adds(w->out, node->schema->nodetype == LYS_ANYDATA ? "{}" : "[null]");
	else if (json)
		buf_add(w->out, text.data, text.len);
	else
		json_string(w->out, text.data);
}

static void json_value(const struct write *w, struct write_level *outer,
		       const struct lyd_node *node, bool is_default)
{
	json_begin(w, outer, node);
	if (node->schema->nodetype & LYD_NODE_ANY)
		json_any(w, node);
	else if (model_of(node)->traits & VALUE_PATH &&
		 value_of(node)->realtype->basetype != LY_TYPE_EMPTY)
		json_names(w, node);
	else
		json_leaf(w, node);
	if (!is_default)
		return;
	if (outer->array) {
		outer->tags++;
		return;
	}
	json_name(w, outer, "@", node->schema);
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

void write_open(const struct write *w, struct write_level *outer, const struct lyd_node *node,
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

void write_value(const struct write *w, struct write_level *outer, const struct lyd_node *node,
		 bool is_default)
{
	if (w->json)
		json_value(w, outer, node, is_default);
	else
		xml_value(w, outer, node, is_default);
}
