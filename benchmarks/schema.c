// SPDX-License-Identifier: Apache-2.0
// Trees of rules: reading and validating, one rule's edit with the validation of what changed, whole replacements, going
// back and forward, printing, selecting by XPath; bytes a rule. Policies of 1,000 to 100,000 rules, consumer-facing over
// 200 groups and NSF-facing. Held against a full replace by the open source NETCONF servers at 100,000 rules: netopeer2
// 42 s, Clixon 38 s; one rule: 6.6 s and 10.2 s; and against libyang's 5.6 kB a rule.
#include "base/buf.h"
#include "base/diag.h"
#include "benchmarks/figure.h"
#include "schema/view.h"
#include "schema/xpath.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUPS 200u
#define CFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\""
#define NFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface\""
#define NC "xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\""

// A model with rules: its policy begins and ends so.
struct model {
	const char *name, *module;
	const char *begin, *end;
	const char *changed; // what a changed rule has beside its name
	void (*write_head)(struct buf *out);
	void (*write_rule)(struct buf *out, unsigned i, const char *action);
};

struct bench {
	struct schema *schema;
	struct arena arena;
	struct diags diags;
	const struct model *model;
	unsigned rules;
};

static void write_groups(struct buf *out)
{
	buf_adds(out, "<endpoint-groups " CFI ">");
	for (unsigned i = 0; i < GROUPS; i++)
		buf_printf(out,
			   "<user-group><name>g%u</name><ipv4-prefix>10.0.%u.0/24</ipv4-prefix></"
			   "user-group>",
			   i, i);
	buf_adds(out, "</endpoint-groups>");
}

static void write_cfi_rule(struct buf *out, unsigned i, const char *action)
{
	buf_printf(
		out,
		"<rules><name>r%u</name><condition><firewall><source>g%u</source><destination>g%u</"
		"destination>"
		"<range-port-number><start>%u</start><end>%u</end></range-port-number></firewall></"
		"condition>"
		"<action><primary-action><action>%s</action></primary-action></action></rules>\n",
		i, i % GROUPS, i * 7 % GROUPS, i % 60000, i % 60000 + 10, action);
}

static void write_nfi_rule(struct buf *out, unsigned i, const char *action)
{
	buf_printf(out,
		   "<rules><name>r%u</name><priority>%u</priority><condition><ipv4><protocol>6</"
		   "protocol>"
		   "<destination-ipv4-network>192.%u.%u.0/24</destination-ipv4-network>"
		   "<source-ipv4-network>10.%u.%u.%u/32</source-ipv4-network></ipv4><tcp>"
		   "<destination-port-number><port-numbers><start>%u</start><end>%u</end></"
		   "port-numbers>"
		   "</destination-port-number></tcp></condition><action><packet-action><ingress-"
		   "action>%s</ingress-action></packet-action></action></rules>\n",
		   i, 1 + i % 255, i % 7, i % 251, i >> 16, i >> 8 & 255, i & 255, i % 60000,
		   i % 60000 + 10, action);
}

static const struct model models[] = {
	{"consumer-facing", "ietf-i2nsf-cons-facing-interface",
	 "<i2nsf-cfi-policy " CFI " " NC "><name>p</name>", "</i2nsf-cfi-policy>\n",
	 "<action><primary-action><action>reject</action></primary-action></action>", write_groups,
	 write_cfi_rule},
	{"NSF-facing", "ietf-i2nsf-nsf-facing-interface",
	 "<i2nsf-security-policy " NFI " " NC "><name>p</name>", "</i2nsf-security-policy>\n",
	 "<action><packet-action><ingress-action>reject</ingress-action></packet-action></action>",
	 NULL, write_nfi_rule},
};

static void write_document(const struct bench *b, struct buf *out, const char *action)
{
	if (b->model->write_head)
		b->model->write_head(out);
	buf_adds(out, b->model->begin);
	for (unsigned i = 0; i < b->rules; i++)
		b->model->write_rule(out, i, action);
	buf_adds(out, b->model->end);
}

// Ends the program on any diagnostic, because then nothing was measured.
static void must(struct bench *b, bool good)
{
	struct buf out;
	if (good)
		return;
	buf_init(&out);
	for (size_t i = 0; i < b->diags.list.len && i < 5; i++)
		diag_print(&b->diags.list.at[i], false, &out);
	fprintf(stderr, "%s", out.data);
	exit(1);
}

static void print_figure(const struct bench *b, const char *what, double value, const char *unit,
			 const char *held_against)
{
	char text[80];
	snprintf(text, sizeof(text), "%s, %u rules", what, b->rules);
	figure_print(text, value, unit, held_against);
}

static void print_time(const struct bench *b, const char *what, double begin,
		       const char *held_against)
{
	print_figure(b, what, (figure_seconds() - begin) * 1000, "ms",
		     b->rules == 100000 ? held_against : "");
}

static double memory_in_use(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	malloc_trim(0);
	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static struct schema_tree *read_tree(struct bench *b, const struct buf *text, bool edit)
{
	struct schema_tree *tree = schema_tree_new(b->schema);
	struct schema_input input = {.data = text->data, .len = text->len, .format = SCHEMA_XML};
	must(b, edit ? schema_parse_edit(tree, &input, &b->diags)
		     : schema_parse(tree, &input, &b->diags));
	return tree;
}

// An edit of the running tree, with the validation of what it changed.
static void edit(struct bench *b, struct schema_tree *tree, const struct buf *text,
		 enum schema_operation op, const char *what, const char *held_against)
{
	struct schema_tree *change = read_tree(b, text, true);
	double begin = figure_seconds();
	must(b, schema_edit_take(tree, change, op, NULL, &b->diags));
	must(b, schema_validate(tree, &b->diags));
	print_time(b, what, begin, held_against);
}

static void edit_rule(struct bench *b, struct schema_tree *tree, const char *operation,
		      const char *what)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_printf(&text, "%s<rules nc:operation=\"%s\"><name>r%u</name>%s</rules>%s",
		   b->model->begin, operation, b->rules / 2,
		   *operation == 'd' ? "" : b->model->changed, b->model->end);
	edit(b, tree, &text, SCHEMA_OP_MERGE, what, "netopeer2 6600, Clixon 10200");
}

// Back to the state before, and forward again.
static void flip(struct bench *b, struct schema_tree *tree, size_t position, const char *what)
{
	char text[64];
	size_t last = schema_changes(tree);
	double begin = figure_seconds();
	schema_go(tree, position);
	snprintf(text, sizeof(text), "%s, taken back", what);
	print_time(b, text, begin, "");
	begin = figure_seconds();
	schema_go(tree, last);
	snprintf(text, sizeof(text), "%s, done again", what);
	print_time(b, text, begin, "");
}

static void edit_all(struct bench *b, struct schema_tree *tree)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	write_document(b, &text, "drop");
	edit(b, tree, &text, SCHEMA_OP_REPLACE, "replace all, two rules differ", "");
	buf_clear(&text);
	write_document(b, &text, "pass");
	schema_keep(tree, schema_changes(tree));
	size_t before = schema_changes(tree);
	edit(b, tree, &text, SCHEMA_OP_REPLACE, "replace all, all rules differ",
	     "netopeer2 42000, Clixon 38000");
	flip(b, tree, before, "replace all");
	before = schema_changes(tree);
	edit_rule(b, tree, "merge", "change one rule, all kept");
	flip(b, tree, before, "one rule");
}

static struct schema_tree *begin_tree(struct bench *b)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	write_document(b, &text, "drop");
	double memory = memory_in_use();
	double begin = figure_seconds();
	struct schema_tree *tree = read_tree(b, &text, false);
	print_time(b, "read", begin, "");
	begin = figure_seconds();
	must(b, schema_validate(tree, &b->diags));
	print_time(b, "validate", begin, "");
	print_figure(b, "memory of a rule", (memory_in_use() - memory) / b->rules, "bytes",
		     "libyang 5600");
	return tree;
}

// What a view by XPath costs: reading the expression, finding, printing what is found.
static void select_by(struct bench *b, const struct schema_tree *tree, const char *expression,
		      const char *what)
{
	struct buf out cleanup(buf_fini);
	struct schema_view_options options = {0};
	buf_init(&out);
	double begin = figure_seconds();
	struct schema_view *view = schema_view_new(tree, &options);
	struct schema_xpath *xpath =
		schema_xpath_parse(b->schema, expression, &schema_xpath_by_module, &b->diags);
	must(b, xpath && schema_view_xpath(view, xpath, &b->diags));
	schema_view_print(view, &out);
	schema_xpath_free(xpath);
	schema_view_free(view);
	print_time(b, what, begin, "");
}

static void measure(struct bench *b, unsigned rules)
{
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	b->rules = rules;
	struct schema_tree *tree = begin_tree(b);
	edit_rule(b, tree, "merge", "change one rule");
	edit_rule(b, tree, "delete", "delete one rule");
	edit_rule(b, tree, "create", "create one rule");
	edit_all(b, tree);
	double begin = figure_seconds();
	schema_print(tree, SCHEMA_XML, 0, &out);
	print_time(b, "print", begin, "");
	select_by(b, tree, "/*[name = 'p']/rules[name = 'r500']", "XPath: one rule by its key");
	select_by(b, tree, "//rules[.//start = 500]", "XPath: rules by a value in them");
	select_by(b, tree, "//rules/name", "XPath: all names");
	begin = figure_seconds();
	schema_tree_free(tree);
	print_time(b, "free", begin, "");
}

static void measure_model(const struct model *model)
{
	const char *modules[] = {model->module, NULL};
	struct bench b = {.model = model};
	arena_init(&b.arena);
	diags_init(&b.diags, &b.arena);
	b.schema = schema_open(NULL, modules, &b.diags);
	must(&b, b.schema);
	printf("%s\n", model->name);
	measure(&b, 1000);
	measure(&b, 10000);
	measure(&b, 100000);
	schema_free(b.schema);
	arena_fini(&b.arena);
}

int main(void)
{
	base_give_memory_back();
	for (size_t i = 0; i < array_len(models); i++)
		measure_model(&models[i]);
	figure_print("peak memory", figure_peak_mb(), "MB", "netopeer2 3300, Clixon 2000");
	return 0;
}
