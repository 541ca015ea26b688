// SPDX-License-Identifier: Apache-2.0
// What access control costs: reading all of an NSF-facing policy of 100,000 rules, changing one of its rules and comparing
// two whole configurations, by users who meet no rule, ten and a hundred, without and with keys in their paths. Held
// against the same without access control.
#include "access/access.h"
#include "base/buf.h"
#include "base/diag.h"
#include "benchmarks/figure.h"
#include "schema/view.h"

#include <stdlib.h>
#include <string.h>

#define RULES 100000u
#define NFI "ietf-i2nsf-nsf-facing-interface"
#define NS "xmlns=\"urn:ietf:params:xml:ns:yang:" NFI "\""
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""

struct bench {
	struct schema *schema;
	struct arena arena;
	struct diags diags;
	struct access_counts counts;
	struct schema_tree *tree, *other;
	double reading, editing; // without access control
};

static void must(struct bench *b, bool good)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", b->diags.list.len ? b->diags.list.at[0].text : "failed");
	exit(1);
}

static struct schema_tree *parse(struct bench *b, const char *xml, bool edit)
{
	struct schema_tree *tree = schema_tree_new(b->schema);
	struct schema_input input = {.data = xml, .len = strlen(xml), .format = SCHEMA_XML};
	must(b, edit ? schema_parse_edit(tree, &input, &b->diags)
		     : schema_parse(tree, &input, &b->diags));
	return tree;
}

static struct schema_tree *policy(struct bench *b, unsigned changed)
{
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	buf_adds(&xml, "<i2nsf-security-policy " NS "><name>p</name>");
	for (unsigned i = 0; i < RULES; i++)
		buf_printf(&xml,
			   "<rules><name>r%u</name><priority>%u</priority><condition><ipv4>"
			   "<destination-ipv4-network>10.%u.%u.0/24</destination-ipv4-network>"
			   "</ipv4></condition><action><packet-action><ingress-action>%s"
			   "</ingress-action></packet-action></action></rules>",
			   i, i % 255 + 1, i / 256 % 256, i % 256, i == changed ? "drop" : "pass");
	buf_adds(&xml, "</i2nsf-security-policy>");
	struct schema_tree *tree = parse(b, xml.data, false);
	must(b, schema_validate(tree, &b->diags));
	return tree;
}

// `n` rules that name other things come first; with keys each of them names a rule of the policy.
static struct access_user *user(struct bench *b, unsigned n, bool keys)
{
	struct buf xml cleanup(buf_fini);
	static const char *const group[] = {"g"};
	struct access_who who = {.name = "u", .group = group, .groups = 1};
	buf_init(&xml);
	buf_printf(&xml, "<nacm xmlns=\"" ACCESS_NAMESPACE
			 "\"><rule-list><name>l</name><group>g</group>");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(&xml,
			   "<rule><name>%u</name><path xmlns:n=\"urn:ietf:params:xml:ns:yang:" NFI
			   "\">/n:i2nsf-security-policy/n:rules",
			   i);
		if (keys)
			buf_printf(&xml, "[n:name='r%u']</path>", i * 700);
		else
			buf_adds(&xml, "/n:description</path>");
		buf_printf(&xml,
			   "<access-operations>%s</access-operations><action>deny</action></rule>",
			   keys ? "read delete" : "delete");
	}
	buf_adds(&xml, "<rule><name>all</name><module-name>" NFI
		       "</module-name><action>permit</action></rule></rule-list></nacm>");
	struct schema_tree *config = parse(b, xml.data, false);
	struct access *access = access_new(b->schema, config, &b->counts, &b->diags);
	must(b, access);
	struct access_user *found = access_user(access, &who);
	access_free(access);
	schema_tree_free(config);
	return found;
}

static double read_all(struct bench *b, struct access_look *look)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	double begin = figure_seconds();
	bool filtered = look && !access_reads_all(look->user);
	struct schema_view_options options = {.visible = filtered ? access_may_read : NULL,
					      .context = look};
	struct schema_view *view = schema_view_new(b->tree, &options);
	schema_view_print(view, &out);
	schema_view_free(view);
	must(b, out.len > 1000000);
	return figure_seconds() - begin;
}

// The same rule again and again, so that only the edit is measured.
static double edit_one(struct bench *b, struct access_user *user)
{
	enum { TIMES = 1000 };
	double taken = 0;
	for (unsigned i = 0; i < TIMES; i++) {
		struct schema_veto veto = {access_may_edit, user};
		const char *xml = arena_printf(
			&b->arena,
			"<i2nsf-security-policy " NS "><name>p</name><rules><name>r50001</name>"
			"<priority>%u</priority></rules></i2nsf-security-policy>",
			i % 2 + 1);
		struct schema_tree *edit = parse(b, xml, true);
		double begin = figure_seconds();
		must(b, schema_edit_if(b->tree, edit, SCHEMA_OP_MERGE, user ? &veto : NULL,
				       &b->diags) &&
				schema_validate(b->tree, &b->diags));
		taken += figure_seconds() - begin;
		schema_tree_free(edit);
	}
	return taken / TIMES;
}

static void print_ratio(const char *what, double seconds, double plain)
{
	char against[64];
	bool small = seconds < 1e-3;
	snprintf(against, sizeof(against), "%.2f times that without access control",
		 seconds / plain);
	figure_print(what, seconds * (small ? 1e6 : 1e3), small ? "us" : "ms", against);
}

static void measure(struct bench *b, unsigned n, bool keys)
{
	char what[80];
	const char *kind = keys ? "rules with keys" : "rules";
	struct access_user *u = user(b, n, keys);
	struct access_look look = {.user = u};
	snprintf(what, sizeof(what), "read 100,000 rules, %u %s", n, kind);
	(void)read_all(b, &look);
	print_ratio(what, read_all(b, &look), b->reading);
	snprintf(what, sizeof(what), "change one rule of 100,000, %u %s", n, kind);
	print_ratio(what, edit_one(b, u), b->editing);
	snprintf(what, sizeof(what), "commit of one change in 100,000, %u %s", n, kind);
	double begin = figure_seconds();
	must(b, access_may_change(u, b->tree, b->other, &b->diags));
	figure_print(what, (figure_seconds() - begin) * 1000, "ms", "");
	access_user_unref(u);
}

int main(void)
{
	static const char *const modules[] = {NFI, ACCESS_MODULE, NULL};
	struct bench b = {0};
	arena_init(&b.arena);
	diags_init(&b.diags, &b.arena);
	b.schema = schema_open(NULL, modules, &b.diags);
	must(&b, b.schema);
	b.tree = policy(&b, RULES);
	b.other = policy(&b, RULES / 2);
	(void)read_all(&b, NULL);
	b.reading = read_all(&b, NULL);
	b.editing = edit_one(&b, NULL);
	figure_print("read 100,000 rules, no access control", b.reading * 1000, "ms", "");
	figure_print("change one rule of 100,000, no access control", b.editing * 1e6, "us", "");
	measure(&b, 0, false);
	measure(&b, 10, false);
	measure(&b, 100, false);
	measure(&b, 10, true);
	measure(&b, 100, true);
	schema_tree_free(b.tree);
	schema_tree_free(b.other);
	schema_free(b.schema);
	arena_fini(&b.arena);
	return 0;
}
