// SPDX-License-Identifier: Apache-2.0
// Interfaces that access control lists name: as values of the IR, and those that a document does not define.
#include "codec/acl_inner.h"
#include "base/buf.h"
#include "base/map.h"
#include "schema/schema.h"

#include <string.h>

#define WORK_MOST 100000000u // lists times entries: about ten seconds

bool acl_interface_value(const char *name, u128 *out)
{
	size_t len = strlen(name);
	u128 value = 0;
	if (!len || len > ACL_INTERFACE_MOST)
		return false;
	for (size_t i = 0; i < 16; i++)
		value = value << 8 | (i < len ? (unsigned char)name[i] : 0);
	*out = value;
	return true;
}

// --- interfaces that the document does not define ---

struct missing {
	const struct schema_tree *tree;
	struct arena *arena;
	struct map seen;
	struct buf text;
	const char *first;
	size_t more;
};

static void add_missing(struct missing *m, const char *name)
{
	if (!name || map_put(&m->seen, name, m))
		return;
	m->more += m->first != NULL;
	m->first = m->first ? m->first : name;
	buf_adds(&m->text, "<interface><name>");
	buf_add_xml(&m->text, name);
	buf_adds(&m->text, "</name><type>ianaift:other</type></interface>");
}

static void find_missing(struct missing *m, const struct schema_node *node)
{
	static const char *const leaves[] = {"ingress-interface", "egress-interface",
					     "interface-id"};
	schema_for_each_child (child, node) {
		for (size_t i = 0; schema_value(child) && i < array_len(leaves); i++)
			if (!strcmp(schema_name(child), leaves[i]))
				add_missing(m, arena_strdup(m->arena, schema_value(child)));
		find_missing(m, child);
	}
}

static void find_defined(struct missing *m, const struct schema_node *interfaces)
{
	schema_for_each_child (interface, interfaces) {
		const char *name = schema_get_value(interface, "name");
		if (name)
			(void)!map_put(&m->seen, arena_strdup(m->arena, name), m);
	}
}

static void note_missing(const struct missing *m, struct diags *diags)
{
	const char *others = m->more ? arena_printf(m->arena, " and %zu more are", m->more) : " is";
	diag_add(
		diags,
		&(struct diag){.severity = DIAG_NOTE,
			       .code = DIAG_REFERENCE,
			       .hint = "nothing to do, unless the name is misspelt"},
		"interface '%s'%s not defined in the document (ietf-interfaces) and taken as it is",
		m->first, others);
}

// A header's container asks for the types of all lists (its `when` looks at /acls/acl/type), so lists times entries is work.
static bool check_size(const struct schema_tree *tree, const struct schema_node *acls,
		       struct diags *diags)
{
	uint64_t lists = 0, entries = 0;
	schema_for_each_child (acl, acls) {
		const struct schema_node *aces = schema_get(acl, "aces");
		lists += !strcmp(schema_name(acl), "acl");
		if (aces)
			schema_for_each_child (ace, aces)
				entries++;
	}
	if (lists * entries <= WORK_MOST)
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_LIMIT,
				.file = schema_node_file(tree, acls),
				.line = schema_node_line(tree, acls),
				.hint = "give the lists in several documents"},
		 "%llu lists with %llu entries are too many for one document",
		 (unsigned long long)lists, (unsigned long long)entries);
	return false;
}

bool codec_acl_complete(struct schema_tree *tree, struct arena *arena, struct diags *diags)
{
	struct missing m = {.tree = tree, .arena = arena, .seen = {.arena = arena}};
	bool good = true;
	buf_init(&m.text);
	buf_adds(&m.text, "<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\" "
			  "xmlns:ianaift=\"urn:ietf:params:xml:ns:yang:iana-if-type\">");
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node))
		if (schema_is(node, "ietf-interfaces", "interfaces"))
			find_defined(&m, node);
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node))
		if (schema_is(node, CODEC_ACL_MODULE, "acls")) {
			good &= check_size(tree, node, diags);
			find_missing(&m, node);
		}
	if (good && m.first) {
		note_missing(&m, diags);
		buf_adds(&m.text, "</interfaces>");
		good = schema_parse(tree,
				    &(struct schema_input){.data = m.text.data, .len = m.text.len},
				    diags);
	}
	buf_fini(&m.text);
	return good;
}
