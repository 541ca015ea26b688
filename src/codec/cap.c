// SPDX-License-Identifier: Apache-2.0
// ietf-i2nsf-capability to and from struct cap. The tables of cap/ drive both directions. Identities that
// this version does not know cannot occur: the model has checked them.
#include "codec/cap.h"
#include "codec/xml_out.h"
#include "base/diag.h"
#include "schema/schema.h"

#include <string.h>

#define MODULE "ietf-i2nsf-capability"
#define NAMESPACE "urn:ietf:params:xml:ns:yang:ietf-i2nsf-capability"

void codec_cap_read_node(const struct schema_node *node, struct cap *out)
{
	schema_for_each_child (child, node) {
		enum cap_set set;
		enum cap_identity identity;
		if (!schema_value(child))
			codec_cap_read_node(child, out);
		else if (cap_set_find(schema_name(child), &set) &&
			 cap_identity_find(schema_identity(child), &identity))
			cap_add(out, set, identity);
	}
}

bool codec_cap_read(const struct schema_tree *tree, struct arena *arena, struct diags *diags,
		    struct codec_cap_nsfs *out)
{
	*out = (struct codec_cap_nsfs){0};
	for (const struct schema_node *node = schema_first(tree); node; node = schema_next(node)) {
		if (!schema_is(node, MODULE, "nsf"))
			continue;
		struct codec_cap_nsf nsf = {
			.name = arena_strdup(arena, schema_get_value(node, "nsf-name"))};
		codec_cap_read_node(node, &nsf.cap);
		vec_push(arena, &out->list, nsf);
	}
	if (!out->list.len)
		diag_error(diags, DIAG_MISSING, "/" MODULE ":nsf",
			   "give an instance document of " MODULE,
			   "no network security function is described");
	return out->list.len;
}

// From one set of containers to the next: closes and opens what differs.
static void move(struct xml_out *out, const char *from, const char *to)
{
	char name[64];
	size_t common = 0;
	for (size_t i = 0;; i++) {
		bool end = (!from[i] || from[i] == '/') && (!to[i] || to[i] == '/');
		if (end && i)
			common = i;
		if (!from[i] || from[i] != to[i])
			break;
	}
	for (size_t end = strlen(from); end > common;) {
		size_t start = end;
		while (start > common && from[start - 1] != '/')
			start--;
		memcpy(name, from + start, end - start);
		name[end - start] = '\0';
		xml_close(out, name);
		end = start > common ? start - 1 : start;
	}
	for (const char *p = to + common + (to[common] == '/'); *p;) {
		size_t len = strcspn(p, "/");
		memcpy(name, p, len);
		name[len] = '\0';
		xml_open(out, name);
		p += len + (p[len] == '/');
	}
}

static bool any(const struct cap *cap, enum cap_set set)
{
	return cap->bits[set][0] | cap->bits[set][1];
}

void codec_cap_write(const char *name, const struct cap *cap, struct buf *buf)
{
	struct xml_out out = {.buf = buf};
	const char *at = "";
	xml_open_with(&out, "nsf", " xmlns=\"" NAMESPACE "\"");
	xml_leaf(&out, "nsf-name", name);
	for (unsigned s = 0; s < CAP_SETS; s++) {
		if (!any(cap, (enum cap_set)s))
			continue;
		move(&out, at, cap_set_info[s].containers);
		at = cap_set_info[s].containers;
		for (unsigned i = 0; i < CAP_IDENTITIES; i++)
			if (cap_has(cap, (enum cap_set)s, (enum cap_identity)i))
				xml_leaf(&out, cap_set_info[s].name,
					 cap_identity_name((enum cap_identity)i));
	}
	move(&out, at, "");
	xml_close(&out, "nsf");
}
