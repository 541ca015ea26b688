// SPDX-License-Identifier: Apache-2.0
// What one change of a large policy costs at the controller: RESTCONF requests without HTTP, an engine behind them, the
// database in a file. A PATCH changes the port of one rule, which makes a new revision; a GET behind it reads that rule.
#include "base/buf.h"
#include "benchmarks/figure.h"
#include "north/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUPS 100
#define TIMES 21
#define DATA "/restconf/data/" NORTH_CFI
#define NS " xmlns=\"urn:ietf:params:xml:ns:yang:" NORTH_CFI "\""
#define MONITORING " xmlns:mi=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface\""

struct controller {
	struct engine *engine;
	struct workspaces workspaces;
	double seconds; // of the last request
};

// Nothing is deployed.
static void configure(void *context, const struct engine_peer *peers, size_t len)
{
	(void)context, (void)peers, (void)len;
}

static const struct engine_nsf_ops no_nsfs = {.configure = configure};

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static void ask(struct controller *c, const char *method, const char *path, const char *body)
{
	struct exchange x;
	struct pki_identity alice = {.role = PKI_OPERATOR, .name = "alice"};
	exchange_init(&x, c->engine, &c->workspaces);
	exchange_identify(&x, &alice, NULL);
	x.raw = (struct restconf_raw){.method = method,
				      .path = path,
				      .accept = RESTCONF_XML,
				      .content_type = body ? RESTCONF_XML : NULL,
				      .has_body = body != NULL,
				      .host = "controller"};
	buf_adds(&x.body, body ? body : "");
	double start = figure_seconds();
	exchange_serve(&x);
	c->seconds = figure_seconds() - start;
	if (x.status >= 300)
		fail(path, x.out.len ? x.out.data : "refused");
	exchange_fini(&x);
}

static void write_groups(struct buf *out)
{
	buf_adds(out, "<endpoint-groups" NS ">");
	for (unsigned i = 0; i < GROUPS; i++)
		buf_printf(out,
			   "<user-group><name>g%u</name><ipv4-prefix>10.%u.0.0/16</ipv4-prefix>"
			   "</user-group>",
			   i, i);
	buf_adds(out, "</endpoint-groups>");
}

static void write_rule(unsigned i, unsigned port, struct buf *out)
{
	buf_printf(out,
		   "<rules" NS MONITORING "><name>r%u</name><condition><firewall>"
		   "<source>g%u</source><destination>g%u</destination>"
		   "<transport-layer-protocol>mi:tcp</transport-layer-protocol>"
		   "<range-port-number><start>%u</start><end>%u</end></range-port-number>"
		   "</firewall></condition><action><primary-action><action>%s</action>"
		   "</primary-action></action></rules>",
		   i, i % GROUPS, i / GROUPS % GROUPS, port, port, i % 4 ? "pass" : "drop");
}

static double median(double *all)
{
	figure_sort(all, TIMES);
	return all[TIMES / 2];
}

static void measure(struct controller *c, unsigned rules)
{
	struct buf text cleanup(buf_fini);
	double change[TIMES], look[TIMES];
	char what[64], path[128];
	buf_init(&text);
	buf_adds(&text, "<i2nsf-cfi-policy" NS "><name>p</name>");
	for (unsigned i = 0; i < rules; i++)
		write_rule(i, 1 + i % 60000, &text);
	buf_adds(&text, "</i2nsf-cfi-policy>");
	ask(c, "PUT", DATA ":i2nsf-cfi-policy=p", text.data);
	snprintf(what, sizeof(what), "PUT of a policy, %u rules", rules);
	figure_print(what, c->seconds * 1e3, "ms", "");
	for (unsigned i = 0; i < TIMES; i++) {
		unsigned rule = i * 7919 % rules;
		snprintf(path, sizeof(path), DATA ":i2nsf-cfi-policy=p/rules=r%u", rule);
		buf_clear(&text);
		write_rule(rule, 60001 + i, &text);
		ask(c, "PUT", path, text.data);
		change[i] = c->seconds;
		ask(c, "GET", path, NULL);
		look[i] = c->seconds;
	}
	snprintf(what, sizeof(what), "one rule changed, %u rules", rules);
	figure_print(what, median(change) * 1e3, "ms", "");
	snprintf(what, sizeof(what), "  then read, %u rules", rules);
	figure_print(what, median(look) * 1e3, "ms", "");
}

int main(void)
{
	static const unsigned sizes[] = {100, 1000, 10000};
	char dir[] = "/tmp/bench-edits-XXXXXX", file[64];
	struct controller c = {0};
	struct arena arena;
	struct diags diags;
	struct buf groups cleanup(buf_fini);
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&groups);
	if (!mkdtemp(dir))
		fail(dir, "it cannot be made");
	snprintf(file, sizeof(file), "%s/state.db", dir);
	struct store *store = store_sqlite_open(file, &diags);
	struct engine_options options = {.store = store, .nsf = &no_nsfs};
	c.engine = store ? engine_new(&options, &diags) : NULL;
	if (!c.engine || !workspaces_init(&c.workspaces, 1, &diags))
		fail("start", diags.list.len ? diags.list.at[0].text : "?");
	write_groups(&groups);
	ask(&c, "PUT", DATA ":endpoint-groups", groups.data);
	for (size_t i = 0; i < array_len(sizes); i++)
		measure(&c, sizes[i]);
	figure_print("  peak memory of this program", figure_peak_mb(), "MB", "");
	workspaces_fini(&c.workspaces);
	engine_free(c.engine);
	store_close(store);
	arena_fini(&arena);
	char *const files[] = {"", "-wal", "-shm", ".lock"};
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(file, sizeof(file), "%s/state.db%s", dir, files[i]);
		unlink(file);
	}
	rmdir(dir);
	return 0;
}
