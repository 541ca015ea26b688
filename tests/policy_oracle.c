// SPDX-License-Identifier: Apache-2.0
// Every policy document either does in the kernel what it says, or says rule by rule why it does not:
// each rule is enforced and confirmed with packets, or refused with an error that names the rule, the
// condition and the missing capability.
//
//   policy_oracle          all of tests/policies, and the example policies beside the source tree
//   policy_oracle FILE...  these files, as one document
#include "policy_oracle.h"

#include "base/file.h"
#include "engine/load.h"
#include "schema/schema.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MOST 32

struct totals {
	size_t documents, enforced, refused, unaccepted, packets, deployed, faults;
};

struct oracle {
	struct schema *schema;
	struct test_oracle kernel;
	struct test_random random;
	struct totals totals;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void print_diags(const struct diags *diags)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	for (size_t i = 0; i < diags->list.len; i++)
		if (diags->list.at[i].severity == DIAG_ERROR)
			diag_print(&diags->list.at[i], false, &text);
	fputs(text.data, stdout);
}

// --- one document ---

static void probe(struct oracle *o, struct policy_document *d)
{
	policy_place(d);
	policy_check_groups(d);
	if (d->enforced.default_action != IR_NONE) {
		policy_probe(d, &o->kernel, &o->random, d->enforced.default_action);
	} else {
		policy_probe(d, &o->kernel, &o->random, IR_PASS);
		policy_probe(d, &o->kernel, &o->random, IR_DROP);
	}
	policy_flood(d, &o->kernel, &o->random);
}

// What an active rule matches it must have matched here, each of its groups included.
static void check_reach(struct policy_document *d, const struct policy_unit *unit)
{
	for (size_t i = 0; i < unit->group.len && unit->matched && !unit->sampled; i++)
		if (!unit->group.at[i].matched && !unit->group.at[i].narrowed)
			policy_fault(d, "rule '%s' matched no packet of group '%s' in IPv%u",
				     unit->name, unit->group.at[i].name, unit->group.at[i].version);
}

static void print_unit(struct policy_document *d, const struct policy_unit *unit)
{
	if (unit->refused) {
		printf("  refused   %s: %s\n", unit->name, unit->lacks.data);
		return;
	}
	if (policy_unit_empty(d, unit)) {
		printf("  enforced  %s: matches nothing, as a warning says\n", unit->name);
		return;
	}
	printf("  enforced  %s: %zu packets agreed, %zu decided by it", unit->name, unit->agreed,
	       unit->decided);
	if (unit->group.len)
		printf(", %zu group%s reached", unit->group.len, unit->group.len == 1 ? "" : "s");
	if (unit->sampled)
		printf(" (some edges by chance)");
	if (!policy_unit_active(d, unit, d->now))
		printf("; not in its time now");
	else if (unit->agreed && !unit->matched)
		printf("; it is about no flow that can begin");
	printf("%s\n", unit->rates.data);
}

static void print_document(struct oracle *o, struct policy_document *d)
{
	for (size_t i = 0; i < d->unit.len; i++) {
		struct policy_unit *unit = &d->unit.at[i];
		if (!unit->refused && policy_unit_active(d, unit, d->now))
			check_reach(d, unit);
		print_unit(d, unit);
		if (unit->refused)
			o->totals.refused++;
		else
			o->totals.enforced++;
	}
	o->totals.packets += d->packets;
	o->totals.deployed += d->deployed;
}

// `expected`: it must not be accepted.
static void run(struct oracle *o, const char *const *files, size_t n, bool unacceptable)
{
	struct policy_document d;
	o->totals.documents++;
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i ? " + " : "", base_name(files[i]));
	putchar('\n');
	if (!policy_load(&d, o->schema, files, n)) {
		o->totals.unaccepted++;
		printf("  not accepted%s\n", unacceptable ? ", as it should be" : "");
		print_diags(&d.diags);
		o->totals.faults += !unacceptable;
	} else if (unacceptable) {
		policy_fault(&d, "it is accepted, and should not be");
	} else {
		probe(o, &d);
		print_document(o, &d);
	}
	if (d.faults.len) {
		printf("FAULTS\n%s", d.faults.data);
		o->totals.faults++;
	}
	fflush(stdout);
	policy_close(&d);
}

// --- all documents ---

static int is_expectation(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && !strcmp(dot, ".expect");
}

static int is_example(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && !strcmp(dot, ".xml") && strcmp(entry->d_name, "datastore.xml") != 0;
}

// The files of an expectation, and whether it expects an error: see tests/policies/README.md.
static void run_expectation(struct oracle *o, const char *folder, const char *name)
{
	struct arena arena cleanup(arena_fini);
	struct buf text cleanup(buf_fini);
	const char *files[FILES_MOST];
	size_t n = 0;
	bool error = false;
	arena_init(&arena);
	buf_init(&text);
	if (file_read(arena_printf(&arena, "%s/%s", folder, name), 1 << 20, &text)) {
		printf("%s cannot be read\n", name);
		o->totals.faults++;
		return;
	}
	char *rest = text.data;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (!strncmp(line, "file ", 5) && n < FILES_MOST)
			files[n++] = arena_printf(&arena, "%s/%s", folder, line + 5);
		error |= !strncmp(line, "diag error", 10);
	}
	run(o, files, n, error);
}

static void run_example(struct oracle *o, const char *folder, const char *name)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	const char *files[] = {arena_printf(&arena, "%s/%s", folder, name),
			       arena_printf(&arena, "%s/datastore.xml", folder)};
	run(o, files, 2, false);
}

// 0 where there is no such folder.
static size_t run_folder(struct oracle *o, const char *folder,
			 int (*wanted)(const struct dirent *entry),
			 void (*each)(struct oracle *o, const char *folder, const char *name))
{
	struct dirent **entry;
	int n = scandir(folder, &entry, wanted, alphasort);
	if (n < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		each(o, folder, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return (size_t)n;
}

static void run_all(struct oracle *o)
{
	if (!run_folder(o, EXAMPLES, is_example, run_example))
		printf("there are no examples in %s\n", EXAMPLES);
	if (!run_folder(o, POLICIES, is_expectation, run_expectation)) {
		printf("there are no policies in %s\n", POLICIES);
		o->totals.faults++;
	}
	if (o->totals.packets < 2000) {
		printf("%zu packets are too few\n", o->totals.packets);
		o->totals.faults++;
	}
}

static struct schema *open_schema(void)
{
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema *schema = engine_load_schema(&diags);
	print_diags(&diags);
	return schema;
}

int main(int argc, char **argv)
{
	struct oracle o = {0};
	const struct totals *t = &o.totals;
	o.random.state = test_random_seed(NULL);
	test_oracle_open(&o.kernel);
	o.schema = open_schema();
	if (!o.schema)
		return 1;
	if (argc > 1)
		run(&o, (const char *const *)argv + 1, (size_t)argc - 1, false);
	else
		run_all(&o);
	printf("\n%zu documents: %zu rules enforced, %zu refused, %zu documents not accepted; "
	       "%zu packets in %zu deployments fared as they should; %zu faults\n",
	       t->documents, t->enforced, t->refused, t->unaccepted, t->packets, t->deployed,
	       t->faults);
	schema_free(o.schema);
	test_oracle_close(&o.kernel);
	return t->faults ? 1 : 0;
}
