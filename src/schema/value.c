// SPDX-License-Identifier: Apache-2.0
// Values as they are written: the JSON kinds that RFC 7951 section 6 asks for, and XML prefixes turned into module names
// (RFC 7950 sections 9.10.3, 9.13.2), so that libyang has to know only one form.
//
// What it does not do: judge the value; libyang's types do.
#include "schema/value.h"
#include "schema/canonical.h"
#include "schema/text.h"

#include <libyang/libyang.h>
#include <libyang/plugins_types.h>
#include <stdlib.h>
#include <string.h>

// --- JSON kinds ---

// A set of (1 << kind).
static unsigned json_kinds(const struct lysc_type *type)
{
	const struct lysc_type_union *u = (const struct lysc_type_union *)type;
	unsigned kinds = 0;
	if (type->basetype == LY_TYPE_LEAFREF)
		return json_kinds(((const struct lysc_type_leafref *)type)->realtype);
	if (type->basetype == LY_TYPE_UNION) {
		for (size_t i = 0; i < LY_ARRAY_COUNT(u->types); i++)
			kinds |= json_kinds(u->types[i]);
		return kinds;
	}
	if (type->basetype == LY_TYPE_BOOL)
		return 1u << ITEM_TRUE | 1u << ITEM_FALSE;
	if (type->basetype == LY_TYPE_EMPTY)
		return 1u << ITEM_NULL;
	return canonical_form_of_type(type) == FORM_LITERAL ? 1u << ITEM_NUMBER : 1u << ITEM_STRING;
}

static const char *kind_hint(unsigned kinds)
{
	if (kinds & 1u << ITEM_STRING)
		return "write it as a string in double quotes";
	if (kinds & 1u << ITEM_NUMBER)
		return "write it as a number without quotes";
	if (kinds & 1u << ITEM_NULL)
		return "write it as [null]";
	return "write true or false without quotes";
}

static const char *kind_name(const struct item *item)
{
	static const char *const names[] = {
		[ITEM_ELEMENT] = "an element", [ITEM_OBJECT] = "an object",
		[ITEM_STRING] = "a string",    [ITEM_NUMBER] = "a number",
		[ITEM_TRUE] = "true",          [ITEM_FALSE] = "false",
		[ITEM_NULL] = "null"};
	return names[item->kind];
}

static bool json_form(const struct place *place)
{
	const struct item *item = place->item;
	const struct lysc_node *lys = place->model->schema;
	unsigned kinds = json_kinds(((const struct lysc_node_leaf *)lys)->type);
	bool wants_array = lys->nodetype == LYS_LEAFLIST, in_array = item->flags & ITEM_IN_ARRAY;
	const char *hint = NULL;
	if (item->kind != ITEM_NULL && in_array && !wants_array)
		hint = "write the value itself, without [ ]";
	else if (!in_array && wants_array)
		hint = "write all values as one array";
	else if (!in_array && item->kind == ITEM_NULL)
		hint = kinds & 1u << ITEM_NULL ? "write it as [null]"
					       : "leave it out, or give a value";
	else if (!(kinds & 1u << item->kind))
		hint = kind_hint(kinds);
	if (hint)
		place_error(place, DIAG_VALUE, hint, "%s%s is not the form of a value of \"%s\"",
			    kind_name(item), in_array ? " in an array" : "", lys->name);
	return !hint;
}

// "1e3" and "20.0" are integers, too (RFC 8259 section 6): written out. NULL: not an integer, or huge.
static const char *plain_integer(struct buf *buf)
{
	char digits[64];
	const char *p = buf->data, *e = strpbrk(p, "eE");
	long exponent = e ? strtol(e + 1, NULL, 10) : 0;
	size_t n = 0;
	bool negative = *p == '-';
	for (p += negative; *p && p != e; p++) {
		bool in_fraction = memchr(buf->data, '.', (size_t)(p - buf->data)) != NULL;
		if (*p == '.')
			continue;
		if (n == 40)
			return NULL;
		digits[n++] = *p;
		exponent -= in_fraction;
	}
	for (; exponent < 0 && n > 1 && digits[n - 1] == '0'; exponent++)
		n--;
	if (exponent < 0 || exponent > 20)
		return NULL;
	while (exponent-- > 0)
		digits[n++] = '0';
	digits[n] = '\0';
	buf_clear(buf);
	buf_printf(buf, "%s%s", negative ? "-" : "", digits);
	return buf->data;
}

// --- prefixes ---

static const struct lysc_ident *find_identity(const struct lys_module *mod, const char *name)
{
	for (size_t i = 0; mod && i < LY_ARRAY_COUNT(mod->identities); i++)
		if (!strcmp(mod->identities[i].name, name))
			return &mod->identities[i];
	return NULL;
}

static bool only_identity(const struct model_node *m)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)m->schema)->type;
	while (type->basetype == LY_TYPE_LEAFREF)
		type = ((const struct lysc_type_leafref *)type)->realtype;
	return type->basetype == LY_TYPE_IDENT;
}

static const char *identity_value(struct doc *doc, const struct item *item,
				  const struct model_node *m, const char *value)
{
	const char *colon = strchr(value, ':');
	size_t len = colon ? (size_t)(colon - value) : 0;
	const struct doc_ns *ns = &doc->ns.at[doc_prefix_ns(doc, item, value, len)];
	const char *name = colon ? colon + 1 : value;
	// In a union the text may be meant as it stands.
	if (!ns->mod || (!only_identity(m) && !find_identity(ns->mod, name)))
		return value;
	if (!colon && ns->mod == m->mod)
		return value;
	buf_clear(&doc->names);
	buf_printf(&doc->names, "%s:%s", ns->mod->name, name);
	return doc->names.data;
}

// The names of a path: prefixes become module names. In an instance-identifier a module that is the one of the step
// before is left out, as RFC 7951 section 6.11 wants it.
struct path_writer {
	struct doc *doc;
	const struct item *item;
	bool inherit;
	const struct lys_module *last;
	struct buf *out;
};

static void write_name(struct path_writer *w, const char *name, size_t len, bool key)
{
	const char *colon = memchr(name, ':', len);
	size_t prefix_len = colon ? (size_t)(colon - name) : 0;
	const struct lys_module *mod =
		colon ? w->doc->ns.at[doc_prefix_ns(w->doc, w->item, name, prefix_len)].mod : NULL;
	if (!mod) {
		buf_add(w->out, name, len);
		return;
	}
	if (!w->inherit || mod != w->last)
		buf_printf(w->out, "%s:", mod->name);
	buf_add(w->out, colon + 1, len - prefix_len - 1);
	if (!key)
		w->last = mod;
}

static const char *path_value(struct doc *doc, const struct item *item, const struct model_node *m,
			      const char *value)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)m->schema)->type;
	struct path_writer w = {.doc = doc,
				.item = item,
				.inherit = type->basetype == LY_TYPE_INST,
				.out = &doc->names};
	bool in_predicate = false;
	buf_clear(&doc->names);
	while (*value) {
		const char *p = value;
		if (*p == '\'' || *p == '"') {
			const char *close = strchr(p + 1, *p);
			p = close ? close + 1 : p + strlen(p);
			buf_add(w.out, value, (size_t)(p - value));
		} else if (text_is_name_start(*p)) {
			while (text_is_name(*p) || (*p == ':' && text_is_name_start(p[1])))
				p++;
			write_name(&w, value, (size_t)(p - value), in_predicate);
		} else {
			in_predicate = *p == '[' || (in_predicate && *p != ']');
			buf_addc(w.out, *p++);
		}
		value = p;
	}
	return doc->names.data;
}

// --- the value ---

static const char *read_xml(const struct place *place)
{
	struct doc *doc = place->doc;
	const struct model_node *m = place->model;
	if (place->item->child) {
		const struct item *child = doc_first(doc, place->item);
		place_error(place, DIAG_VALUE, "write the value as text; &lt; stands for <",
			    "\"%s\" takes a value, not the element <%.*s>", m->name,
			    (int)child->name_len, doc->text + child->name);
		return NULL;
	}
	size_t len;
	const char *value = doc_value(doc, place->item, &len);
	if (m->traits & VALUE_IDENTITY)
		value = identity_value(doc, place->item, m, value);
	if (!(m->traits & VALUE_PATH))
		return value;
	// Both are written into one buffer.
	if (value == doc->names.data)
		value = arena_strdup(&doc->arena, value);
	return path_value(doc, place->item, m, value);
}

static const char *read_json(const struct place *place)
{
	struct doc *doc = place->doc;
	if (!json_form(place))
		return NULL;
	size_t len;
	const char *value = doc_value(doc, place->item, &len);
	if (place->item->kind == ITEM_NULL)
		return "";
	if (place->item->kind == ITEM_NUMBER && strpbrk(value, ".eE")) {
		const char *plain = plain_integer(&doc->scratch);
		value = plain ? plain : value;
	}
	return value;
}

const char *value_read(const struct place *place)
{
	const char *value = place->doc->json ? read_json(place) : read_xml(place);
	if (!value || value_date_exists(place->model->schema, value))
		return value;
	place_error(place, DIAG_VALUE,
		    "give a day and a time that exist, such as 2026-03-11T09:00:00Z",
		    "\"%s\" is not a moment that exists", value);
	return NULL;
}
