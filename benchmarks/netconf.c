// SPDX-License-Identifier: Apache-2.0
// A NETCONF server under policies of 1,000, 10,000 and 100,000 rules, asked over TLS by our client: replacing all rules,
// changing one, reading all; the memory of the server's process. The peer is the least server that libnetconf2 and libyang
// make (netconf_peer.c), asked the same in the same run. Ours edits the candidate and commits, the peer edits running.
#include "base/buf.h"
#include "benchmarks/figure.h"
#include "benchmarks/world.h"
#include "io/tls.h"
#include "proto/netconf/client.h"

#include <stdlib.h>

#define NFI "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-nsf-facing-interface\""
#define ONE_EDITS 100u
#define TIMEOUT_MS 600000u

// Seconds; `len_out` of what the reply holds.
static double ask(struct world *w, const char *xml, size_t *len_out)
{
	struct arena arena;
	struct diags diags;
	struct netconf_result result;
	arena_init(&arena);
	diags_init(&diags, &arena);
	double begun = figure_seconds();
	if (!netconf_client_call(w->client,
				 &(struct netconf_call){.xml = xml, .timeout_ms = TIMEOUT_MS},
				 &diags, &result)) {
		w->diags = diags;
		world_fail(w, "a request");
	}
	double end = figure_seconds();
	if (len_out)
		*len_out = result.len;
	arena_fini(&arena);
	return end - begun;
}

static double edit(struct world *w, const char *xml)
{
	double seconds = ask(w, xml, NULL);
	return w->peer ? seconds : seconds + ask(w, "<commit/>", NULL);
}

// --- policies ---

static void add_rule(struct buf *out, unsigned i, unsigned port)
{
	buf_printf(out,
		   "<rules><name>rule-%u</name><priority>%u</priority><condition><ipv4>"
		   "<source-ipv4-network>10.%u.%u.%u/32</source-ipv4-network>"
		   "<destination-ipv4-network>192.%u.%u.0/24</destination-ipv4-network></ipv4><tcp>"
		   "<destination-port-number><lower-port>%u</lower-port><upper-port>%u</upper-port>"
		   "</destination-port-number></tcp></condition><action><packet-action>"
		   "<ingress-action>%s</ingress-action></packet-action></action></rules>",
		   i, 1 + i % 255, i >> 16, i >> 8 & 255, i & 255, i % 7, i % 251, port, port + 5,
		   i % 3 ? "pass" : "drop");
}

static char *policy(const struct world *w, unsigned rules, unsigned port, bool replace)
{
	struct buf out;
	buf_init(&out);
	buf_printf(&out,
		   "<edit-config><target><%s/></target>%s<config><i2nsf-security-policy " NFI
		   "><name>p</name><priority-usage>priority-by-number</priority-usage>"
		   "<default-action>drop</default-action>",
		   w->peer ? "running" : "candidate",
		   replace ? "<default-operation>replace</default-operation>" : "");
	for (unsigned i = 0; i < (replace ? rules : 1); i++)
		add_rule(&out, replace ? i : rules / 2, port);
	buf_adds(&out, "</i2nsf-security-policy></config></edit-config>");
	return buf_take(&out, &(size_t){0});
}

// --- figures ---

struct figures {
	double replace, one_median, one_worst, get, peak_mb;
	size_t get_len;
};

static void measure_one(struct world *w, unsigned rules, struct figures *f)
{
	double seconds[ONE_EDITS];
	unsigned n = w->peer && rules > 10000 ? 5 : ONE_EDITS;
	for (unsigned i = 0; i < n; i++) {
		char *xml = policy(w, rules, 2000 + i, false);
		seconds[i] = edit(w, xml);
		free(xml);
	}
	figure_sort(seconds, n);
	f->one_median = seconds[n / 2];
	f->one_worst = seconds[n * 99 / 100];
}

static struct figures measure(struct world *w, bool peer, unsigned rules)
{
	struct figures f = {0};
	world_start_server(w, peer ? WORLD_PEER : WORLD_OURS);
	world_connect_client(w);
	char *first = policy(w, rules, 80, true), *second = policy(w, rules, 8080, true);
	(void)edit(w, first);
	f.replace = edit(w, second);
	free(first);
	free(second);
	measure_one(w, rules, &f);
	f.get = ask(w, "<get-config><source><running/></source></get-config>", &f.get_len);
	f.peak_mb = world_memory_mb(w, "VmHWM:");
	world_stop_server(w);
	return f;
}

static void print(const char *what, unsigned rules, double ours, double theirs, const char *unit)
{
	char name[80], ratio[80];
	snprintf(name, sizeof(name), "%s, %u rules", what, rules);
	snprintf(ratio, sizeof(ratio), "libnetconf2 %.3f, %.1f times as much", theirs,
		 theirs / ours);
	figure_print(name, ours, unit, ratio);
}

int main(void)
{
	struct world w;
	world_init(&w);
	for (unsigned rules = 1000; rules <= 100000; rules *= 10) {
		struct figures ours = measure(&w, false, rules), theirs = measure(&w, true, rules);
		print("replace all", rules, ours.replace * 1e3, theirs.replace * 1e3, "ms");
		print("change one, median", rules, ours.one_median * 1e3, theirs.one_median * 1e3,
		      "ms");
		print("change one, p99", rules, ours.one_worst * 1e3, theirs.one_worst * 1e3, "ms");
		print("get-config", rules, ours.get * 1e3, theirs.get * 1e3, "ms");
		print("peak memory of the server", rules, ours.peak_mb, theirs.peak_mb, "MB");
	}
	world_fini(&w);
	return 0;
}
