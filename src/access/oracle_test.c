// SPDX-License-Identifier: Apache-2.0
// The engine against a plain interpreter of RFC 8341 section 3.4 that compares texts: random rule-lists, users and
// trees. It knows nothing of states, kinds or changes kept in logs.
#include "access/test.h"
#include "schema/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"amy", "bob", "cleo"};
static const char *const group_names[] = {"red", "green", "blue", "black"};

static unsigned dice(unsigned sides)
{
	return (unsigned)rand() % sides;
}

// --- random trees ---

static void add_light(struct buf *xml, unsigned n)
{
	buf_printf(xml, "<light " MORE "><n>%u</n><on>%s</on></light>", n,
		   dice(2) ? "true" : "false");
}

static void add_item(struct buf *xml, const char *name, unsigned size)
{
	buf_printf(xml, "<item><name>%s</name><size>%u</size>", name, size);
	if (dice(2))
		buf_printf(xml, "<price>%u</price>", dice(3));
	if (dice(2))
		buf_printf(xml, "<made><place>%s</place></made>", names[dice(3)]);
	if (dice(3) == 0)
		buf_printf(xml, "<margin>%u</margin>", dice(3));
	buf_adds(xml, "</item>");
}

static void add_shelf(struct buf *xml, const char *id)
{
	buf_printf(xml, "<shelf><id>%s</id>", id);
	if (dice(2))
		buf_printf(xml, "<label>%u</label>", dice(2));
	for (unsigned i = 0; i < 3; i++)
		if (dice(3) == 0)
			buf_printf(xml, "<tag>%s</tag>", names[i]);
	for (unsigned i = 0; i < 4; i++)
		if (dice(2))
			add_item(xml, names[i / 2], i % 2);
	if (dice(2))
		buf_printf(xml, "<colour " MORE ">%s</colour>", names[dice(3)]);
	for (unsigned i = 0; i < 2; i++)
		if (dice(2))
			add_light(xml, i);
	buf_adds(xml, "</shelf>");
}

static void add_queue(struct buf *xml)
{
	unsigned order[3] = {0, 1, 2}, swap = dice(3);
	unsigned was = order[0];
	order[0] = order[swap];
	order[swap] = was;
	for (unsigned i = 0; i < 3; i++)
		if (dice(3))
			buf_printf(xml, "<queue><name>%s</name><note>%u</note></queue>",
				   names[order[i]], dice(2));
}

static void random_tree(struct buf *xml)
{
	buf_clear(xml);
	buf_adds(xml, "<shop " SHOP ">");
	if (dice(2))
		buf_printf(xml, "<name>%u</name>", dice(2));
	for (unsigned i = 0; i < 3; i++)
		if (dice(3))
			add_shelf(xml, names[i]);
	add_queue(xml);
	if (dice(2))
		buf_printf(xml, "<till><drawer>%u</drawer>%s</till>", dice(2),
			   dice(2) ? "<log/>" : "");
	if (dice(2))
		buf_printf(xml, "<safe><key><owner>%s</owner></key></safe>", names[dice(3)]);
	if (dice(2))
		buf_printf(xml, "<paper><sheet xmlns=\"urn:x\">%u</sheet></paper>", dice(2));
	buf_adds(xml, "</shop>");
	if (dice(2))
		buf_printf(xml,
			   "<garden " MORE
			   "><trees>%u</trees><bed><n>1</n><flower>%s</flower></bed></garden>",
			   dice(2), names[dice(3)]);
	if (dice(3) == 0)
		buf_printf(xml, "<owner " SHOP ">%s</owner>", names[dice(3)]);
}

// The same but for the queue, so that nothing else decides.
static void other_queue(const char *before, struct buf *xml)
{
	const char *begin = strstr(before, "<queue>"), *end = before;
	for (const char *p = before; (p = strstr(p, "</queue>"));)
		end = p += strlen("</queue>");
	if (!begin)
		begin = end = strstr(before, "</shop>");
	buf_clear(xml);
	buf_add(xml, before, (size_t)(begin - before));
	add_queue(xml);
	buf_adds(xml, end);
}

// --- places: a node by texts ---

enum { STEPS = 8, KEYS = 2 };
struct step {
	const char *module, *name;
	unsigned keys;
	const char *key[KEYS]; // "." for a leaf-list
	const char *value[KEYS];
};
struct place {
	unsigned steps;
	struct step step[STEPS];
};

static void step_of(struct test *t, const struct schema_node *node, struct step *out)
{
	static const struct {
		const char *list, *key[KEYS];
	} keyed[] = {{"shelf", {"id"}},   {"item", {"name", "size"}},
		     {"queue", {"name"}}, {"key", {"owner"}},
		     {"bed", {"n"}},      {"light", {"n"}},
		     {"tag", {"."}}};
	*out = (struct step){.module = arena_strdup(&t->arena, schema_module(node)),
			     .name = arena_strdup(&t->arena, schema_name(node))};
	for (size_t i = 0; i < array_len(keyed); i++)
		for (unsigned k = 0; !strcmp(keyed[i].list, out->name) && k < KEYS; k++) {
			const char *key = keyed[i].key[k];
			if (!key)
				continue;
			const char *value =
				*key == '.' ? schema_value(node) : schema_get_value(node, key);
			out->key[out->keys] = key;
			out->value[out->keys++] = arena_strdup(&t->arena, value);
		}
}

static void place_of(struct test *t, const struct schema_node *node, struct place *out)
{
	unsigned depth = 0;
	for (const struct schema_node *n = node; n; n = schema_parent(n))
		depth++;
	assert_true(depth <= STEPS);
	*out = (struct place){.steps = depth};
	for (const struct schema_node *n = node; n; n = schema_parent(n))
		step_of(t, n, &out->step[--depth]);
}

// --- rules ---

enum type { ANY_TYPE, RPC, NOTIFICATION, PATH, ROOT };
struct rule {
	const char *module, *name;
	enum type type;
	struct place path;
	const char *operations[5];
	unsigned noperations; // 0: "*"
	bool permit;
};
struct list {
	const char *group[3];
	unsigned groups, rules;
	struct rule rule[5];
};
struct config {
	bool enabled, external, read, write, exec;
	bool member[4][3]; // of group i is name k
	unsigned lists;
	struct list list[4];
};

static void random_path(struct test *t, const struct schema_tree *tree, struct place *out)
{
	const struct schema_node *node = schema_first(tree), *child;
	while (node && dice(3) == 0 && schema_next(node))
		node = schema_next(node);
	while (node && dice(5) && (child = schema_child(node)) &&
	       !schema_is(node, "test-shop", "paper"))
		for (node = child; dice(3) && schema_next(node);)
			node = schema_next(node);
	if (!node) {
		*out = (struct place){.steps = 1, .step[0] = {"test-shop", "shop", .keys = 0}};
		return;
	}
	place_of(t, node, out);
	for (unsigned i = 0; i < out->steps; i++)
		for (unsigned k = 0; k < out->step[i].keys; k++)
			if (dice(2))
				out->step[i].value[k] = dice(2) ? NULL : "$USER";
}

static void random_operations(struct rule *r)
{
	static const char *const words[] = {"create", "read", "update", "delete", "exec"};
	for (unsigned i = 0; i < 5; i++)
		if (dice(2))
			r->operations[r->noperations++] = words[i];
}

static void random_rule(struct test *t, const struct schema_tree *tree, struct rule *r)
{
	static const char *const modules[] = {NULL, "test-shop", "test-more", "ietf-netconf", "x"};
	static const char *const calls[] = {NULL, "restock", "open-safe", "kill-session", "water"};
	static const char *const events[] = {NULL, "sold", "alarm", "replayComplete"};
	*r = (struct rule){.module = modules[dice(3) ? 0 : dice(5)],
			   .type = dice(2) ? PATH : dice(5),
			   .permit = dice(2)};
	if (r->type == RPC)
		r->name = calls[dice(5)];
	if (r->type == NOTIFICATION)
		r->name = events[dice(4)];
	if (r->type == PATH)
		random_path(t, tree, &r->path);
	if (dice(2))
		random_operations(r);
}

static void random_config(struct test *t, const struct schema_tree *tree, struct config *c)
{
	*c = (struct config){.enabled = dice(20),
			     .external = dice(5),
			     .read = dice(2),
			     .write = dice(2),
			     .exec = dice(2),
			     .lists = dice(5)};
	for (unsigned i = 0; i < 12; i++)
		c->member[i / 3][i % 3] = dice(3) == 0;
	for (unsigned i = 0; i < c->lists; i++) {
		struct list *l = &c->list[i];
		l->rules = dice(6);
		for (unsigned k = 0; k < 3; k++)
			if (dice(2))
				l->group[l->groups++] = dice(5) ? group_names[k + dice(2)] : "*";
		for (unsigned k = 0; k < l->rules; k++)
			random_rule(t, tree, &l->rule[k]);
	}
}

// --- rules as XML ---

static const char *prefix(const char *module)
{
	return strcmp(module, "test-shop") == 0   ? "s"
	       : strcmp(module, "test-more") == 0 ? "m"
						  : "n";
}

static void write_path(const struct place *p, struct buf *out)
{
	for (unsigned i = 0; i < p->steps; i++) {
		const struct step *s = &p->step[i];
		buf_printf(out, "/%s:%s", prefix(s->module), s->name);
		for (unsigned k = 0; k < s->keys; k++) {
			if (!s->value[k])
				continue;
			buf_adds(out, dice(2) ? "[" : "[ ");
			if (*s->key[k] != '.')
				buf_printf(out, "%s:", prefix(s->module));
			const char *quote = s->value[k][0] == '$' ? "" : "'";
			buf_printf(out, "%s=%s%s%s]", s->key[k], quote, s->value[k], quote);
		}
	}
}

static void write_rule(const struct rule *r, unsigned n, struct buf *out)
{
	static const char *const leaf[] = {"", "rpc-name", "notification-name", "path", "path"};
	buf_printf(out, "<rule><name>%u</name>", n);
	if (r->module)
		buf_printf(out, "<module-name>%s</module-name>", r->module);
	if (r->type != ANY_TYPE) {
		buf_printf(out, "<%s>", leaf[r->type]);
		if (r->type == PATH)
			write_path(&r->path, out);
		else
			buf_adds(out, r->type == ROOT ? "/" : r->name ? r->name : "*");
		buf_printf(out, "</%s>", leaf[r->type]);
	}
	if (r->noperations)
		buf_adds(out, "<access-operations>");
	for (unsigned i = 0; i < r->noperations; i++)
		buf_printf(out, "%s%s", i ? " " : "", r->operations[i]);
	if (r->noperations)
		buf_adds(out, "</access-operations>");
	buf_printf(out, "<action>%s</action></rule>", r->permit ? "permit" : "deny");
}

static void write_flag(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "<%s>%s</%s>", name, value, name);
}

static void write_groups(const struct config *c, struct buf *out)
{
	buf_adds(out, "<groups>");
	for (unsigned i = 0; i < 4; i++) {
		buf_printf(out, "<group><name>%s</name>", group_names[i]);
		for (unsigned k = 0; k < 3; k++)
			if (c->member[i][k])
				write_flag(out, "user-name", names[k]);
		buf_adds(out, "</group>");
	}
	buf_adds(out, "</groups>");
}

static void write_config(const struct config *c, struct buf *out)
{
	static const char *const action[] = {"deny", "permit"}, *const truth[] = {"false", "true"};
	buf_clear(out);
	write_flag(out, "enable-nacm", truth[c->enabled]);
	write_flag(out, "read-default", action[c->read]);
	write_flag(out, "write-default", action[c->write]);
	write_flag(out, "exec-default", action[c->exec]);
	write_flag(out, "enable-external-groups", truth[c->external]);
	write_groups(c, out);
	for (unsigned i = 0; i < c->lists; i++) {
		const struct list *l = &c->list[i];
		buf_printf(out, "<rule-list><name>%u</name>", i);
		for (unsigned k = 0; k < l->groups; k++) {
			bool twice = false;
			for (unsigned j = 0; j < k; j++)
				twice |= strcmp(l->group[j], l->group[k]) == 0;
			if (!twice)
				write_flag(out, "group", l->group[k]);
		}
		for (unsigned k = 0; k < l->rules; k++)
			write_rule(&l->rule[k], k, out);
		buf_adds(out, "</rule-list>");
	}
}

// --- the interpreter ---

struct oracle {
	const struct config *config;
	const char *user;
	const char *outside; // the group that the transport tells of, or NULL
};
struct wish {
	enum type type; // RPC, NOTIFICATION or PATH
	const char *operation, *module, *name;
	const struct place *place;
};

static bool in_group(const struct oracle *o, const char *group)
{
	if (o->config->external && o->outside && strcmp(o->outside, group) == 0)
		return true;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 3; k++)
			if (o->config->member[i][k] && !strcmp(group_names[i], group) &&
			    !strcmp(names[k], o->user))
				return true;
	return false;
}

static bool in_some_group(const struct oracle *o)
{
	for (unsigned i = 0; i < 4; i++)
		if (in_group(o, group_names[i]))
			return true;
	return false;
}

static bool list_applies(const struct oracle *o, const struct list *l)
{
	for (unsigned i = 0; i < l->groups; i++)
		if (in_group(o, l->group[i]) || (l->group[i][0] == '*' && in_some_group(o)))
			return true;
	return false;
}

static bool step_matches(const struct oracle *o, const struct step *rule, const struct step *node)
{
	if (strcmp(rule->module, node->module) != 0 || strcmp(rule->name, node->name) != 0)
		return false;
	for (unsigned k = 0; k < rule->keys; k++) {
		const char *value = rule->value[k];
		if (value && strcmp(value, "$USER") == 0)
			value = o->user;
		if (value && strcmp(value, node->value[k]) != 0)
			return false;
	}
	return true;
}

static bool path_matches(const struct oracle *o, const struct place *rule, const struct place *node)
{
	if (rule->steps > node->steps)
		return false;
	for (unsigned i = 0; i < rule->steps; i++)
		if (!step_matches(o, &rule->step[i], &node->step[i]))
			return false;
	return true;
}

static bool rule_matches(const struct oracle *o, const struct rule *r, const struct wish *w)
{
	if (r->module && strcmp(r->module, w->module) != 0)
		return false;
	bool named = !r->name || strcmp(r->name, w->name) == 0;
	bool about = r->type == ANY_TYPE || (r->type == w->type && r->type != PATH && named) ||
		     (w->type == PATH && r->type == ROOT) ||
		     (w->type == PATH && r->type == PATH && path_matches(o, &r->path, w->place));
	bool operation = r->noperations == 0;
	for (unsigned i = 0; i < r->noperations; i++)
		operation |= strcmp(r->operations[i], w->operation) == 0;
	return about && operation;
}

static bool has_extension(const struct wish *w, bool write)
{
	static const char *const all[] = {"safe", "margin", "nacm"};
	if (w->type != PATH)
		return !strcmp(w->name, "open-safe") || !strcmp(w->name, "alarm");
	for (unsigned i = 0; i < w->place->steps; i++) {
		const char *name = w->place->step[i].name;
		for (unsigned k = 0; k < 3; k++)
			if (strcmp(name, all[k]) == 0)
				return true;
		if (write && strcmp(name, "till") == 0)
			return true;
	}
	return false;
}

static bool permits(const struct oracle *o, const struct wish *w)
{
	const struct config *c = o->config;
	bool read = strcmp(w->operation, "read") == 0, exec = strcmp(w->operation, "exec") == 0;
	if (!c->enabled)
		return true;
	if (exec && strcmp(w->name, "close-session") == 0)
		return true;
	if (w->type == NOTIFICATION && strcmp(w->name, "replayComplete") == 0)
		return true;
	for (unsigned i = 0; i < c->lists; i++)
		for (unsigned k = 0; list_applies(o, &c->list[i]) && k < c->list[i].rules; k++)
			if (rule_matches(o, &c->list[i].rule[k], w))
				return c->list[i].rule[k].permit;
	if (has_extension(w, !read && !exec))
		return false;
	if (exec && (!strcmp(w->name, "kill-session") || !strcmp(w->name, "delete-config")))
		return false;
	return exec ? c->exec : read ? c->read : c->write;
}

static bool permits_node(struct test *t, const struct oracle *o, const struct schema_node *node,
			 const char *operation)
{
	struct place place;
	place_of(t, node, &place);
	struct wish w = {PATH, operation, schema_module(node), schema_name(node), &place};
	return permits(o, &w);
}

// --- reading ---

static void check_read(struct test *t, const struct oracle *o, struct access_look *look,
		       const struct schema_node *node)
{
	bool may = schema_kind_is_key(schema_kind(node)) || permits_node(t, o, node, "read");
	if (access_may_read(look, node) != may)
		fail_msg("%s at %s, %s", may ? "denied" : "permitted", schema_path(node, &t->arena),
			 o->user);
	if (!may && access_reads_all(t->user))
		fail_msg("%s is not read", schema_path(node, &t->arena));
	if (!schema_is(node, "test-shop", "paper"))
		schema_for_each_child (n, node)
			check_read(t, o, look, n);
}

static void check_reads(struct test *t, const struct oracle *o, const struct schema_tree *tree)
{
	struct access_look look = {.user = t->user};
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		check_read(t, o, &look, n);
}

static void check_calls(struct test *t, const struct oracle *o)
{
	static const struct wish wish[] = {
		{RPC, "exec", "test-shop", "restock", NULL},
		{RPC, "exec", "test-shop", "open-safe", NULL},
		{RPC, "exec", "test-more", "water", NULL},
		{RPC, "exec", "ietf-netconf", "close-session", NULL},
		{RPC, "exec", "ietf-netconf", "kill-session", NULL},
		{RPC, "exec", "ietf-netconf", "delete-config", NULL},
		{RPC, "exec", "ietf-netconf", "get", NULL},
		{NOTIFICATION, "read", "test-shop", "sold", NULL},
		{NOTIFICATION, "read", "test-shop", "alarm", NULL},
		{NOTIFICATION, "read", "test-more", "rained", NULL},
		{NOTIFICATION, "read", "nc-notifications", "replayComplete", NULL},
	};
	for (size_t i = 0; i < array_len(wish); i++) {
		const struct wish *w = &wish[i];
		test_forget(t);
		bool may = w->type == RPC ? access_may_call(t->user, w->module, w->name, &t->diags)
					  : access_may_notify(t->user, w->module, w->name);
		if (may != permits(o, w))
			fail_msg("%s is %s", w->name, may ? "permitted" : "denied");
	}
}

// --- writing ---

struct one {
	const struct schema_node *node;
	const char *path, *value;
};
struct nodes {
	VEC(struct one) list;
};

static bool means_nothing(const struct schema_node *node)
{
	static const char *const plain[] = {"shop", "made", "till", "safe", "garden"};
	for (size_t i = 0; i < array_len(plain); i++)
		if (strcmp(schema_name(node), plain[i]) == 0)
			return true;
	return schema_is_default(node);
}

static void collect(struct test *t, const struct schema_node *node, struct nodes *out)
{
	bool any = schema_is(node, "test-shop", "paper");
	struct one one = {node, schema_path(node, &t->arena), schema_value(node)};
	if (any) {
		struct buf text cleanup(buf_fini);
		buf_init(&text);
		schema_any_text(node, &text);
		one.value = arena_strdup(&t->arena, text.data);
	}
	if (!means_nothing(node))
		vec_push(&t->arena, &out->list, one);
	if (!any)
		schema_for_each_child (n, node)
			collect(t, n, out);
}

static void collect_all(struct test *t, const struct schema_tree *tree, struct nodes *out)
{
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		collect(t, n, out);
}

static const struct one *same_path(const struct nodes *nodes, const struct one *one)
{
	for (size_t i = 0; i < nodes->list.len; i++)
		if (strcmp(nodes->list.at[i].path, one->path) == 0)
			return &nodes->list.at[i];
	return NULL;
}

// Entries of the queue: moved when one that stands before it stood behind it.
static bool is_moved(const struct nodes *before, const struct nodes *after, const struct one *one)
{
	const struct one *was = same_path(before, one);
	if (!was || strcmp(schema_name(one->node), "queue") != 0)
		return false;
	for (const struct one *x = after->list.at; x < one; x++) {
		const struct one *other = same_path(before, x);
		if (other > was && strcmp(schema_name(x->node), "queue") == 0)
			return true;
	}
	return false;
}

static bool may_write(struct test *t, const struct oracle *o, const struct schema_tree *before,
		      const struct schema_tree *after)
{
	struct nodes a = {0}, b = {0};
	bool may = true;
	collect_all(t, before, &a);
	collect_all(t, after, &b);
	for (size_t i = 0; i < b.list.len; i++) {
		const struct one *one = &b.list.at[i], *was = same_path(&a, one);
		if (!was)
			may = may && permits_node(t, o, one->node, "create");
		else if ((one->value && strcmp(one->value, was->value) != 0) ||
			 is_moved(&a, &b, one))
			may = may && permits_node(t, o, one->node, "update");
	}
	for (size_t i = 0; i < a.list.len; i++)
		if (!same_path(&b, &a.list.at[i]))
			may = may && permits_node(t, o, a.list.at[i].node, "delete");
	return may;
}

static void check_change(struct test *t, const struct oracle *o, const struct schema_tree *before,
			 const struct schema_tree *after)
{
	bool may = may_write(t, o, before, after);
	uint32_t count = t->counts.writes;
	test_forget(t);
	assert_int_equal(access_may_change(t->user, before, after, &t->diags), may);
	assert_int_equal(t->counts.writes, count + !may);
	assert_int_equal(t->diags.errors, !may);
	assert_true(may || !access_writes_all(t->user));
}

// The edit that makes `after` of a copy of `before`: by what it logs the same must come out.
static void check_edit(struct test *t, const struct oracle *o, const struct schema_tree *before,
		       const char *after)
{
	struct schema_tree *tree = schema_tree_copy(before), *edit = schema_tree_new(t->schema);
	struct schema_input input = {.data = after, .len = strlen(after), .format = SCHEMA_XML};
	struct schema_veto veto = {access_may_edit, t->user};
	enum schema_operation op = dice(2) ? SCHEMA_OP_MERGE : SCHEMA_OP_REPLACE;
	struct schema_tree *result = schema_tree_copy(before);
	test_forget(t);
	assert_true(schema_parse_edit(edit, &input, &t->diags));
	assert_true(schema_edit(result, edit, op, &t->diags));
	bool may = may_write(t, o, before, result);
	if (schema_edit_if(tree, edit, op, &veto, &t->diags) != may)
		fail_msg("%s: %s", may ? "denied" : "permitted", after);
	schema_tree_free(tree);
	schema_tree_free(edit);
	schema_tree_free(result);
}

// Several edits by somebody else, then the question: what is asked about is what has changed in the end.
static void check_edits(struct test *t, const struct oracle *o, const struct schema_tree *before)
{
	struct schema_tree *tree = schema_tree_copy(before);
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	test_forget(t);
	schema_keep(tree, schema_changes(tree));
	size_t first = schema_changes(tree);
	for (unsigned i = 0; i < 3; i++) {
		struct schema_tree *edit = schema_tree_new(t->schema);
		random_tree(&xml);
		struct schema_input input = {
			.data = xml.data, .len = xml.len, .format = SCHEMA_XML};
		assert_true(schema_parse_edit(edit, &input, &t->diags));
		enum schema_operation op = dice(3) ? SCHEMA_OP_MERGE : SCHEMA_OP_REPLACE;
		assert_true(schema_edit(tree, edit, op, &t->diags));
		assert_true(dice(2) || schema_validate(tree, &t->diags));
		schema_tree_free(edit);
	}
	bool may = may_write(t, o, before, tree);
	bool says = access_may_edit(t->user, tree, first, &t->diags);
	if (says && !may)
		fail_msg("permitted: %s", xml.data);
	// Where something goes and comes back, more may be asked about than has changed in the end.
	t->strict += may && !says;
	t->fair += may && says;
	schema_tree_free(tree);
}

// --- the runs ---

static void check_user(struct test *t, const struct config *c, const char *before,
		       const struct schema_tree *tree)
{
	const char *outside = dice(2) ? group_names[dice(4)] : NULL;
	struct oracle o = {c, names[dice(3)], outside};
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	test_login(t, o.user, outside ? outside : "");
	check_reads(t, &o, tree);
	check_calls(t, &o);
	if (dice(2))
		random_tree(&xml);
	else
		other_queue(before, &xml);
	struct schema_tree *after = test_valid(t, xml.data);
	check_change(t, &o, tree, after);
	check_edit(t, &o, tree, xml.data);
	check_edits(t, &o, tree);
	schema_tree_free(after);
}

// Shows: RFC 8341 3.4.4 rules about operations, in the order of the steps
// Shows: RFC 8341 3.4.5 rules about data: read, create, update and delete, paths with keys and $USER
// Shows: RFC 8341 3.4.6 rules about notifications
static void random_rules_decide_as_the_steps_say(void **state)
{
	struct test *t = *state;
	struct buf xml cleanup(buf_fini), rules cleanup(buf_fini);
	struct config config;
	const char *seed = getenv("ACCESS_SEED");
	srand(seed ? (unsigned)strtoul(seed, NULL, 10) : 1);
	buf_init(&xml);
	buf_init(&rules);
	for (unsigned round = 0; round < 400; round++) {
		random_tree(&xml);
		struct schema_tree *tree = test_valid(t, xml.data);
		random_config(t, tree, &config);
		write_config(&config, &rules);
		test_forget(t);
		if (!test_configure(t, rules.data))
			fail_msg("%s", t->diags.list.at[0].text);
		for (unsigned i = 0; i < 4; i++)
			check_user(t, &config, xml.data, tree);
		schema_tree_free(tree);
	}
	if (t->strict * 20 > t->fair)
		fail_msg("%u of %u are denied for what has come and gone", t->strict, t->fair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_rules_decide_as_the_steps_say, test_setup,
						test_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
