// SPDX-License-Identifier: Apache-2.0
// What the log of a tree tells about a commit: entries of rules, and whatever else is different. The one idea: an entry is
// told as a whole, whatever in it was changed; so the change of the configuration is an edit that replaces, removes and
// adds entries, and doing it leads to the same configuration in the same order.
// What it does not: say what the entries became (sent_edits.c).
#include "agent/sent_internal.h"

#include "base/buf.h"
#include "schema/schema.h"

#include <string.h>

#define NC "urn:ietf:params:xml:ns:netconf:base:1.0"

enum { TOUCHED_MOST = 4096 };

// Where a change is: the top-level node, and below a policy the node under it.
struct place {
	const struct schema_node *top, *kid; // kid NULL: the top-level node itself
};

static struct place place_of(const struct schema_change *change)
{
	struct place place = {.top = change->node};
	for (const struct schema_node *at = change->parent; at; at = schema_parent(at)) {
		place.kid = place.top;
		place.top = at;
	}
	return place;
}

static struct sent_touched *find_touched(struct sent_log *log, size_t policy,
					 const struct schema_node *entry)
{
	for (size_t i = log->touched[policy].list.len; i-- > 0;)
		if (log->touched[policy].list.at[i].entry == entry)
			return &log->touched[policy].list.at[i];
	return NULL;
}

static bool touch(struct sent_log *log, size_t policy, const struct schema_change *change,
		  const struct schema_node *entry)
{
	bool itself = change->node == entry;
	struct sent_touched *touched = find_touched(log, policy, entry);
	if (itself && change->kind == SCHEMA_MOVED)
		return false;
	if (!touched) {
		if (log->touched[policy].list.len >= TOUCHED_MOST)
			return false;
		vec_push(log->arena, &log->touched[policy].list,
			 (struct sent_touched){.entry = entry,
					       .was = !itself || change->kind == SCHEMA_REMOVED,
					       .is = true});
		touched = find_touched(log, policy, entry);
	}
	if (itself)
		touched->is = change->kind == SCHEMA_ADDED;
	return true;
}

static void touch_top(struct sent_log *log, const struct schema_change *change,
		      const struct schema_node *top)
{
	for (size_t i = 0; i < log->top.len; i++)
		if (log->top.at[i].entry == top) {
			if (change->node == top)
				log->top.at[i].is = change->kind == SCHEMA_ADDED;
			return;
		}
	vec_push(log->arena, &log->top,
		 (struct sent_touched){.entry = top,
				       .is = change->node != top || change->kind == SCHEMA_ADDED});
}

static size_t find_policy(const struct sent_list *list, const struct schema_node *node)
{
	size_t i = 0;
	while (i < list->policies && list->policy[i].node != node)
		i++;
	return i;
}

static bool take_change(struct sent_log *log, const struct sent_list *list,
			const struct schema_change *change)
{
	struct place place = place_of(change);
	if (!schema_is(place.top, CODEC_NFI_MODULE, "i2nsf-security-policy")) {
		touch_top(log, change, place.top);
		return change->kind != SCHEMA_MOVED && log->top.len < TOUCHED_MOST;
	}
	size_t policy = find_policy(list, place.top);
	return policy < list->policies && place.kid && !strcmp(schema_name(place.kid), "rules") &&
	       touch(log, policy, change, place.kid);
}

// An entry that comes after one of its name has gone cannot be told in one edit.
static bool comes_again(const struct sent_log *log, size_t policy)
{
	struct map gone = {.arena = log->arena};
	for (size_t i = 0; i < log->touched[policy].list.len; i++) {
		const struct sent_touched *t = &log->touched[policy].list.at[i];
		if (t->was && !t->is)
			map_put(&gone, schema_get_value(t->entry, "name"), log->arena);
	}
	for (size_t i = 0; i < log->touched[policy].list.len; i++) {
		const struct sent_touched *t = &log->touched[policy].list.at[i];
		if (!t->was && t->is && map_get(&gone, schema_get_value(t->entry, "name")))
			return true;
	}
	return false;
}

// Entries that are new stand at the end, in the order in which they came; only so does the edit put them there.
static bool come_last(const struct sent_log *log, size_t policy)
{
	const struct schema_node *last = NULL;
	for (size_t i = 0; i < log->touched[policy].list.len; i++) {
		const struct sent_touched *t = &log->touched[policy].list.at[i];
		if (t->was || !t->is)
			continue;
		if (last && schema_next(last) != t->entry)
			return false;
		last = t->entry;
	}
	const struct schema_node *next = last ? schema_next(last) : NULL;
	return !next || strcmp(schema_name(next), "rules") != 0;
}

bool sent_log_read(const struct sent_list *list, const struct schema_tree *tree, size_t since,
		   struct arena *arena, struct sent_log *out)
{
	*out = (struct sent_log){.arena = arena};
	out->touched = arena_array(arena, struct sent_touches, list->policies);
	for (size_t i = since; i < schema_changes(tree); i++) {
		struct schema_change change = schema_change(tree, i);
		if (!take_change(out, list, &change))
			return false;
	}
	for (size_t i = 0; i < list->policies; i++)
		if (comes_again(out, i) || !come_last(out, i))
			return false;
	return true;
}

// --- the edit ---

// The element of the node, to which this is to be done.
static void put_element(const struct schema_node *node, const char *operation, struct buf *out)
{
	struct buf element cleanup(buf_fini);
	buf_init(&element);
	schema_print_node(node, SCHEMA_XML, 0, &element);
	size_t name = strlen(schema_name(node)) + 1;
	buf_add(out, element.data, name);
	buf_printf(out, " xmlns:nc=\"" NC "\" nc:operation=\"%s\"", operation);
	buf_add(out, element.data + name, element.len - name);
}

static void put_gone(const struct schema_node *entry, struct buf *out)
{
	buf_adds(out, "<rules xmlns:nc=\"" NC "\" nc:operation=\"remove\"><name>");
	buf_add_xml(out, schema_get_value(entry, "name"));
	buf_adds(out, "</name></rules>");
}

static void put_policy(const struct sent_log *log, size_t i, const struct sent_policy *policy,
		       struct buf *out)
{
	const struct sent_touches *touched = &log->touched[i];
	if (!touched->list.len)
		return;
	buf_adds(out, "<i2nsf-security-policy xmlns=\"" CODEC_NFI_NAMESPACE "\"><name>");
	buf_add_xml(out, schema_get_value(policy->node, "name"));
	buf_adds(out, "</name>");
	for (size_t k = 0; k < touched->list.len; k++)
		if (touched->list.at[k].was && !touched->list.at[k].is)
			put_gone(touched->list.at[k].entry, out);
	for (size_t k = 0; k < touched->list.len; k++)
		if (touched->list.at[k].is)
			put_element(touched->list.at[k].entry, "replace", out);
	buf_adds(out, "</i2nsf-security-policy>");
}

void sent_log_print(const struct sent_log *log, const struct sent_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->policies; i++)
		put_policy(log, i, &list->policy[i], out);
	for (size_t i = 0; i < log->top.len; i++)
		put_element(log->top.at[i].entry, log->top.at[i].is ? "replace" : "remove", out);
}
