// SPDX-License-Identifier: Apache-2.0
// Printing trees and nodes: XML (RFC 7950) by ourselves, as a selection (a filter) is printed the same way, and JSON
// (RFC 7951) by libyang, both straight into a buffer.
//
// A namespace is declared where it changes. Values that hold names are left to libyang, which knows their prefixes.
#include "schema/print.h"
#include "base/buf.h"
#include "schema/any.h"

#include <libyang/libyang.h>

#include <stdlib.h>
#include <string.h>

static ssize_t write_buf(void *buf, const void *data, size_t len)
{
	buf_add(buf, data, len);
	return (ssize_t)len;
}

static void print_by_libyang(const struct lyd_node *node, bool siblings, LYD_FORMAT format,
			     unsigned flags, struct buf *out)
{
	struct ly_out *to = NULL;
	uint32_t options = flags & SCHEMA_PRINT_DEFAULTS ? LYD_PRINT_WD_ALL : LYD_PRINT_WD_EXPLICIT;
	if (!(flags & SCHEMA_PRINT_INDENT))
		options |= LYD_PRINT_SHRINK;
	if (ly_out_new_clb(write_buf, out, &to))
		abort(); // memory
	if (siblings)
		(void)lyd_print_all(to, node, format, options);
	else
		(void)lyd_print_tree(to, node, format, options);
	ly_out_free(to, NULL, 0);
}

// --- XML ---

static bool wanted(const struct print_xml *p, const struct lyd_node *node, bool whole)
{
	if (p->selection && !whole && model_mark(node).selected == SELECTED_NOT)
		return false;
	if (!(node->flags & LYD_DEFAULT))
		return true;
	if (!(p->flags & SCHEMA_PRINT_DEFAULTS))
		return false;
	// A container that is only there because of what may be in it.
	return node->schema->nodetype != LYS_CONTAINER || lyd_child(node);
}

static void indent(const struct print_xml *p, unsigned depth)
{
	static const char spaces[] = "                                ";
	if (!(p->flags & SCHEMA_PRINT_INDENT))
		return;
	size_t n = depth * 2u;
	buf_add(p->out, spaces, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1);
}

static void newline(const struct print_xml *p)
{
	if (p->flags & SCHEMA_PRINT_INDENT)
		buf_addc(p->out, '\n');
}

static void open_tag(const struct print_xml *p, const struct lyd_node *node,
		     const struct lys_module *above)
{
	buf_addc(p->out, '<');
	buf_adds(p->out, node->schema->name);
	if (node->schema->module != above) {
		buf_adds(p->out, " xmlns=\"");
		buf_add_xml(p->out, node->schema->module->ns);
		buf_addc(p->out, '"');
	}
}

static void close_tag(const struct print_xml *p, const struct lyd_node *node)
{
	buf_adds(p->out, "</");
	buf_adds(p->out, node->schema->name);
	buf_addc(p->out, '>');
}

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

static const struct lysc_ident *identity(const struct lyd_node *node)
{
	const struct lyd_value *value = &((const struct lyd_node_term *)node)->value;
	while (value->realtype->basetype == LY_TYPE_UNION)
		value = &value->subvalue->value;
	return value->realtype->basetype == LY_TYPE_IDENT ? value->ident : NULL;
}

// The default namespace is always that of the element's module, so its identities need no prefix.
static void print_identity(const struct print_xml *p, const struct lysc_ident *id,
			   const struct lys_module *own)
{
	if (id->module == own) {
		buf_printf(p->out, ">%s", id->name);
		return;
	}
	buf_printf(p->out, " xmlns:%s=\"", id->module->prefix);
	buf_add_xml(p->out, id->module->ns);
	buf_printf(p->out, "\">%s:%s", id->module->prefix, id->name);
}

static void print_value(const struct print_xml *p, const struct lyd_node *node,
			const struct lys_module *above)
{
	unsigned traits = model_of(node)->traits;
	const struct lysc_ident *id = traits & VALUE_IDENTITY ? identity(node) : NULL;
	if (traits & VALUE_PATH) {
		print_by_libyang(node, false, LYD_XML, SCHEMA_PRINT_DEFAULTS, p->out);
		return;
	}
	const char *value = lyd_get_value(node);
	open_tag(p, node, above);
	if (id) {
		print_identity(p, id, node->schema->module);
	} else if (*value) {
		buf_addc(p->out, '>');
		add_text(p->out, value);
	} else {
		buf_adds(p->out, "/>");
		return;
	}
	close_tag(p, node);
}

static void print_any(const struct print_xml *p, const struct lyd_node *node,
		      const struct lys_module *above)
{
	struct buf text;
	bool json;
	buf_init(&text);
	any_text(node, &text, &json);
	open_tag(p, node, above);
	buf_addc(p->out, '>');
	if (json)
		add_text(p->out, text.data);
	else
		buf_add(p->out, text.data, text.len);
	close_tag(p, node);
	buf_fini(&text);
}

struct level {
	const struct lys_module *above;
	unsigned depth;
	bool whole; // all below is selected
};

static void print_node(const struct print_xml *p, const struct lyd_node *node, struct level at);

static void print_children(const struct print_xml *p, const struct lyd_node *node, struct level at)
{
	struct level inside = {
		.above = node->schema->module, .depth = at.depth + 1, .whole = at.whole};
	size_t mark = p->out->len;
	inside.whole |= model_mark(node).selected == SELECTED_WHOLE;
	open_tag(p, node, at.above);
	size_t opened = p->out->len;
	buf_addc(p->out, '>');
	newline(p);
	size_t empty = p->out->len;
	for (const struct lyd_node *it = lyd_child(node); it; it = it->next)
		print_node(p, it, inside);
	if (p->out->len != empty) {
		indent(p, at.depth);
		close_tag(p, node);
		return;
	}
	// Nothing was printed inside: the short form, or for a container that means nothing, nothing.
	p->out->len = node->flags & LYD_DEFAULT ? mark : opened;
	p->out->data[p->out->len] = '\0';
	if (p->out->len == opened)
		buf_adds(p->out, "/>");
}

static void print_node(const struct print_xml *p, const struct lyd_node *node, struct level at)
{
	if (!node->schema) {
		print_by_libyang(node, false, LYD_XML, p->flags & ~(unsigned)SCHEMA_PRINT_INDENT,
				 p->out);
		return;
	}
	if (!wanted(p, node, at.whole))
		return;
	size_t mark = p->out->len;
	indent(p, at.depth);
	size_t begun = p->out->len;
	if (node->schema->nodetype & LYD_NODE_TERM)
		print_value(p, node, at.above);
	else if (node->schema->nodetype & LYD_NODE_ANY)
		print_any(p, node, at.above);
	else
		print_children(p, node, at);
	if (p->out->len != begun) {
		newline(p);
		return;
	}
	p->out->len = mark;
	p->out->data[mark] = '\0';
}

void print_xml(const struct print_xml *p, const struct lyd_node *node, bool siblings)
{
	for (; node; node = siblings ? node->next : NULL)
		print_node(p, node, (struct level){0});
}

// --- public ---

void schema_print(const struct schema_tree *tree, enum schema_format format, unsigned flags,
		  struct buf *out)
{
	struct print_xml p = {.out = out, .flags = flags};
	if (format != SCHEMA_JSON)
		print_xml(&p, tree->first, true);
	else if (tree->first)
		print_by_libyang(tree->first, true, LYD_JSON, flags, out);
	else
		buf_adds(out, "{}");
}

void schema_print_node(const struct schema_node *node, enum schema_format format, unsigned flags,
		       struct buf *out)
{
	struct print_xml p = {.out = out, .flags = flags};
	if (format == SCHEMA_JSON)
		print_by_libyang(node_data(node), false, LYD_JSON, flags, out);
	else
		print_xml(&p, node_data(node), false);
}
