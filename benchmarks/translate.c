// SPDX-License-Identifier: Apache-2.0
// Consumer-facing XML to NSF-facing XML, the whole way: parse, validate, translate, order, write. A policy of N rules with
// groups of both IP versions, ports and protocols. Held against the public reference translator, which needs 6.4 s for
// the first stage alone at 10,000 rules.
#include "base/buf.h"
#include "base/diag.h"
#include "benchmarks/figure.h"
#include "codec/nfi.h"
#include "engine/load.h"
#include "schema/schema.h"

#include <stdlib.h>

#define GROUPS 200
#define REFERENCE_S 6.4
#define REFERENCE_RULES 10000

static void write_groups(struct buf *out)
{
	buf_adds(out, "<endpoint-groups "
		      "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\">\n");
	for (unsigned i = 0; i < GROUPS; i++) {
		buf_printf(out, "<user-group><name>g%u</name>", i);
		if (i % 2)
			buf_printf(out, "<ipv6-prefix>2001:db8:%x::/48</ipv6-prefix>", i);
		else
			buf_printf(out,
				   "<range-ipv4-address><start>10.%u.0.7</start><end>10.%u.3.200</"
				   "end></range-ipv4-address>",
				   i, i);
		buf_adds(out, "</user-group>\n");
	}
	buf_adds(out, "</endpoint-groups>\n");
}

static void write_policy(unsigned rules, struct buf *out)
{
	buf_adds(out, "<i2nsf-cfi-policy "
		      "xmlns=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface\" "
		      "xmlns:mi=\"urn:ietf:params:xml:ns:yang:ietf-i2nsf-monitoring-interface\"><"
		      "name>p</name>\n");
	for (unsigned i = 0; i < rules; i++) {
		unsigned port = 1 + i * 7 % 60000, side = i % 2;
		buf_printf(out,
			   "<rules><name>r%u</name><condition><firewall><source>g%u</"
			   "source><source>g%u</source>"
			   "<destination>g%u</destination><transport-layer-protocol>mi:%s</"
			   "transport-layer-protocol>"
			   "<range-port-number><start>%u</start><end>%u</end></range-port-number></"
			   "firewall></condition>"
			   "<action><primary-action><action>%s</action></primary-action></action></"
			   "rules>\n",
			   i, i * 13 % 100 * 2 + side, (i * 31 % 100 * 2 + 2 + side) % GROUPS,
			   (i * 17 % 100 * 2 + 4 + side) % GROUPS, i % 3 ? "tcp" : "udp", port,
			   port + i % 5, i % 4 ? "pass" : "drop");
	}
	buf_adds(out, "</i2nsf-cfi-policy>\n");
}

// Seconds for the whole way; ends the program on any diagnostic, because then nothing was measured.
static double translate_once(struct schema *schema, const struct buf *text)
{
	struct arena arena;
	struct diags diags;
	struct ir_document document = {0};
	struct ir_ruleset ruleset;
	struct buf nfi;
	arena_init(&arena);
	diags_init(&diags, &arena);
	buf_init(&nfi);
	struct translate_options options = translate_options_default(0);
	struct engine_load load = {
		.schema = schema, .translate = &options, .arena = &arena, .diags = &diags};
	struct schema_input input = {.file = "bench", .data = text->data, .len = text->len};
	double start = figure_seconds();
	bool good = engine_load(&load, &input, 1, &document);
	if (good) {
		ir_document_order(&document, &arena, &diags, &ruleset);
		ruleset.default_action = IR_DROP;
		good = codec_nfi_write(&ruleset, &diags, &nfi);
	}
	double seconds = figure_seconds() - start;
	if (!good) {
		struct buf why;
		buf_init(&why);
		if (diags.list.len)
			diag_print(&diags.list.at[0], false, &why);
		fprintf(stderr, "bench: the policy was refused: %s\n", why.data);
		exit(1);
	}
	buf_fini(&nfi);
	arena_fini(&arena);
	return seconds;
}

int main(void)
{
	static const unsigned sizes[] = {100, 1000, 10000};
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	struct schema *schema = engine_load_schema(&diags);
	if (!schema)
		return 1;
	for (size_t i = 0; i < array_len(sizes); i++) {
		struct buf text;
		char what[64], against[80] = "";
		buf_init(&text);
		write_groups(&text);
		write_policy(sizes[i], &text);
		double best = translate_once(schema, &text);
		for (int again = 0; again < 4; again++) {
			double seconds = translate_once(schema, &text);
			best = seconds < best ? seconds : best;
		}
		if (sizes[i] == REFERENCE_RULES)
			snprintf(against, sizeof(against),
				 "%.0f x the reference translator's first stage (%.1f s)",
				 REFERENCE_S / best, REFERENCE_S);
		snprintf(what, sizeof(what), "customer XML to NSF-facing XML, %u rules", sizes[i]);
		figure_print(what, best, "s", against);
		snprintf(what, sizeof(what), "  the same as a rate, %u rules", sizes[i]);
		figure_print(what, sizes[i] / best, "rules/s", "");
		buf_fini(&text);
	}
	figure_print("  peak memory of this program", figure_peak_mb(), "MB", "");
	schema_free(schema);
	arena_fini(&arena);
	return 0;
}
