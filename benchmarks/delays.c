// SPDX-License-Identifier: Apache-2.0
// How long others wait while one session asks for something large: a small request is sent again and again meanwhile, and
// the longest answer counts. The server has 100,000 rules or interfaces. The target is 50 ms whatever somebody sends.
#include "base/buf.h"
#include "benchmarks/figure.h"
#include "benchmarks/world.h"
#include "proto/netconf/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE 100000u
#define NONSENSE_BYTES (100u << 20)
#define NFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface\""
#define INTERFACES "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\""
#define RUNNING "<get-config><source><running/></source>"

// --- what is asked ---

typedef char *(*write_fn)(void);

static void begin_edit(struct buf *out, const char *operation)
{
	buf_init(out);
	buf_printf(out,
		   "<edit-config><target><candidate/></target><default-operation>%s"
		   "</default-operation><config>",
		   operation);
}

static char *end_edit(struct buf *out)
{
	buf_adds(out, "</config></edit-config>");
	return buf_take(out, &(size_t){0});
}

static char *nonsense(void)
{
	struct buf out;
	begin_edit(&out, "merge");
	for (unsigned i = 0; out.len < NONSENSE_BYTES; i++)
		buf_printf(&out, "<nothing xmlns=\"urn:nobody\"><a>%u</a></nothing>", i);
	return end_edit(&out);
}

static char *write_rules(const char *operation, const char *action)
{
	struct buf out;
	begin_edit(&out, operation);
	buf_adds(&out, "<i2nsf-security-policy " NFI "><name>p</name>");
	for (unsigned i = 0; i < LARGE; i++)
		buf_printf(&out,
			   "<rules><name>rule-%u</name><condition><ipv4><source-ipv4-network>"
			   "10.%u.%u.%u/32</source-ipv4-network></ipv4></condition><action>"
			   "<packet-action><ingress-action>%s</ingress-action></packet-action>"
			   "</action></rules>",
			   i, i >> 16, i >> 8 & 255, i & 255, action);
	buf_adds(&out, "</i2nsf-security-policy>");
	return end_edit(&out);
}

static char *new_rules(void)
{
	return write_rules("merge", "drop");
}

static char *other_rules(void)
{
	return write_rules("replace", "pass");
}

static char *one_rule(void)
{
	struct buf out;
	begin_edit(&out, "merge");
	buf_adds(&out, "<i2nsf-security-policy " NFI "><name>p</name><rules><name>rule-7</name>"
		       "<priority>9</priority></rules></i2nsf-security-policy>");
	return end_edit(&out);
}

static char *no_rules(void)
{
	struct buf out;
	begin_edit(&out, "replace");
	return end_edit(&out);
}

static char *interfaces(void)
{
	struct buf out;
	begin_edit(&out, "merge");
	buf_adds(&out, "<interfaces " INTERFACES ">");
	for (unsigned i = 0; i < LARGE; i++)
		buf_printf(&out,
			   "<interface><name>%u</name><type xmlns:t=\"urn:ietf:params:xml:ns:yang:"
			   "iana-if-type\">t:ethernetCsmacd</type></interface>",
			   i);
	buf_adds(&out, "</interfaces>");
	return end_edit(&out);
}

static char *plain(const char *request)
{
	struct buf out;
	buf_init(&out);
	buf_adds(&out, request);
	return buf_take(&out, &(size_t){0});
}

static char *commit(void)
{
	return plain("<commit/>");
}

static char *get(void)
{
	return plain("<get/>");
}

static char *get_by_path(void)
{
	return plain("<get><filter type=\"xpath\" select=\"//*[.='7']\"/></get>");
}

static char *get_config(void)
{
	return plain(RUNNING "</get-config>");
}

static char *get_config_by_path(void)
{
	return plain(RUNNING "<filter type=\"xpath\" select=\"//*[.='7']\"/></get-config>");
}

static char *get_config_by_value(void)
{
	return plain(RUNNING "<filter><i2nsf-security-policy " NFI "><rules><priority>9</priority>"
			     "</rules></i2nsf-security-policy></filter></get-config>");
}

static char *copy(void)
{
	return plain("<copy-config><target><startup/></target><source><running/></source>"
		     "</copy-config>");
}

static char *delete_startup(void)
{
	return plain("<delete-config><target><startup/></target></delete-config>");
}

// --- measuring ---

struct scene {
	const char *name;
	write_fn before[3]; // that nobody waits beside
	write_fn asked[3];
	unsigned times;
};

static const struct scene scenes[] = {
	{"100 MB of nonsense", {0}, {nonsense}, 1},
	{"an edit that makes 100,000 rules", {0}, {new_rules}, 1},
	{"its commit", {new_rules}, {commit}, 1},
	{"an edit that changes 100,000 rules", {new_rules, commit}, {other_rules}, 1},
	{"its commit", {new_rules, commit, other_rules}, {commit}, 1},
	{"an edit that deletes them, and its commit", {new_rules, commit}, {no_rules, commit}, 1},
	{"get-config of 100,000 rules", {new_rules, commit}, {get_config}, 3},
	{"one rule's edits and commits, with readers of all",
	 {new_rules, commit},
	 {get_config, one_rule, commit},
	 3},
	{"get-config by XPath", {new_rules, commit}, {get_config_by_path}, 3},
	{"get-config by a value", {new_rules, commit}, {get_config_by_value}, 3},
	{"get of configuration with state", {interfaces, commit}, {get}, 3},
	{"get of both by XPath", {interfaces, commit}, {get_by_path}, 3},
	{"copy-config, delete-config", {new_rules, commit}, {copy, delete_startup}, 1},
};

static void send_all(struct world *w, const write_fn *requests)
{
	struct netconf_result result;
	for (unsigned i = 0; i < 3 && requests[i]; i++) {
		char *request = requests[i]();
		(void)!netconf_client_call(w->client, &(struct netconf_call){.xml = request},
					   &w->diags, &result);
		free(request);
	}
}

static void be_the_other(struct world *w, const struct scene *s)
{
	w->client = NULL;
	world_connect_client(w);
	for (unsigned i = 0; i < s->times; i++)
		send_all(w, s->asked);
	_exit(0);
}

static void measure(struct world *w, const struct scene *s)
{
	char name[80];
	double worst = 0;
	unsigned n = 0;
	world_start_server(w, WORLD_OURS);
	world_connect_client(w);
	send_all(w, s->before);
	double begun = figure_seconds();
	pid_t pid = fork();
	if (!pid)
		be_the_other(w, s);
	for (; waitpid(pid, NULL, WNOHANG) == 0; n++) {
		double one = world_ask_small(w);
		worst = one > worst ? one : worst;
	}
	snprintf(name, sizeof(name), "%.2f s, %u answers; target 50", figure_seconds() - begun, n);
	figure_print(s->name, worst * 1e3, "ms", name);
	world_stop_server(w);
}

int main(void)
{
	struct world w;
	world_init(&w);
	for (size_t i = 0; i < array_len(scenes); i++)
		measure(&w, &scenes[i]);
	world_fini(&w);
	return 0;
}
