// SPDX-License-Identifier: Apache-2.0
// What an NSF says (module bulwark-nsf) as the engine understands it.
//
// The idea: values are taken only from a tree that the model has accepted, and what is missing stays
// missing: it is the engine that decides what a report proves.
#include "south/internal.h"
#include "base/buf.h"
#include "engine/nsf.h"
#include "pki/pki.h"
#include "schema/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MODULE "bulwark-nsf"

static bool digest(const struct schema_node *node, const char *name,
		   unsigned char out[static ENGINE_DIGEST])
{
	const char *text = schema_get_value(node, name);
	return text && pki_digest_parse(text, out);
}

static int64_t number(const struct schema_node *node, const char *name)
{
	const char *text = schema_get_value(node, name);
	return text ? strtoll(text, NULL, 10) : 0;
}

static uint64_t counter(const struct schema_node *node, const char *name)
{
	const char *text = schema_get_value(node, name);
	return text ? strtoull(text, NULL, 10) : 0;
}

static const char *text(const struct schema_node *node, const char *name, struct arena *arena)
{
	return arena_strdup(arena, schema_get_value(node, name));
}

static bool is(const char *value, const char *wanted)
{
	return value && strcmp(value, wanted) == 0;
}

static void read_rule(const struct schema_node *node, struct arena *arena,
		      struct engine_report *out)
{
	vec_push(arena, &out->rule,
		 (struct engine_report_rule){.policy = text(node, "policy", arena),
					     .name = text(node, "name", arena),
					     .enforced =
						     is(schema_get_value(node, "enforced"), "true"),
					     .packets = counter(node, "packets"),
					     .bytes = counter(node, "bytes"),
					     .difference = text(node, "difference", arena)});
}

// "changed: intended …: found …: for example the packet …"
static const char *describe(const struct schema_node *node, struct arena *arena)
{
	const char *kind = schema_get_value(node, "kind"), *found = schema_get_value(node, "found"),
		   *intended = schema_get_value(node, "intended"),
		   *witness = schema_get_value(node, "witness");
	return arena_printf(arena, "%s%s%s%s%s%s%s", kind ? kind : "different",
			    intended ? ": intended " : "", intended ? intended : "",
			    found ? ": found " : "", found ? found : "",
			    witness ? ": for example the packet " : "", witness ? witness : "");
}

// "drops: table …, handle 5: tcp dport 22 drop: for example the packet …"
static const char *describe_foreign(const struct schema_node *node, struct arena *arena)
{
	const char *kind = schema_get_value(node, "kind"), *where = schema_get_value(node, "where"),
		   *rule = schema_get_value(node, "rule"),
		   *witness = schema_get_value(node, "witness");
	return arena_printf(arena, "%s: %s: %s%s%s", kind ? kind : "unknown", where ? where : "?",
			    rule ? rule : "?", witness ? ": for example the packet " : "",
			    witness ? witness : "");
}

static void read_state(const struct schema_node *state, struct arena *arena,
		       struct engine_report *out)
{
	const char *enforcement = schema_get_value(state, "enforcement");
	const struct schema_node *pending = schema_get(state, "pending");
	out->software = text(state, "version", arena);
	out->has_intended = digest(state, "intended-digest", out->intended);
	out->has_enforced = digest(state, "policy-digest", out->policy) &&
			    digest(state, "enforced-digest", out->enforced);
	out->lowered_at = number(state, "lowered-at");
	out->horizon = number(state, "horizon");
	out->persist = pending ? text(pending, "persist-id", arena) : NULL;
	schema_for_each_child (n, state) {
		if (schema_is(n, MODULE, "rule"))
			read_rule(n, arena, out);
		else if (schema_is(n, MODULE, "pinhole"))
			vec_push(arena, &out->pinhole, text(n, "id", arena));
		else if (schema_is(n, MODULE, "foreign"))
			vec_push(arena, &out->foreign, describe_foreign(n, arena));
		else if (schema_is(n, MODULE, "difference"))
			vec_push(arena, &out->difference,
				 (struct engine_report_difference){.policy =
									   text(n, "policy", arena),
								   .rule = text(n, "rule", arena),
								   .text = describe(n, arena)});
	}
	out->settled = is(enforcement, "enforced") || is(enforcement, "pending");
	out->none = is(enforcement, "none") ||
		    (is(enforcement, "pending") && !out->has_intended && !out->rule.len);
}

bool report_read(struct schema *schema, const char *xml, size_t len, struct diags *diags,
		 struct engine_report *out)
{
	*out = (struct engine_report){0};
	struct schema_tree *tree = schema_tree_new(schema);
	struct schema_input input = {.data = xml, .len = len, .format = SCHEMA_XML};
	bool ok = schema_parse(tree, &input, diags);
	const struct schema_node *state = NULL;
	for (const struct schema_node *n = ok ? schema_first(tree) : NULL; n; n = schema_next(n))
		if (schema_is(n, MODULE, "nsf-state"))
			state = n;
	if (ok && state)
		read_state(state, diags->arena, out);
	else if (ok)
		diag_error(diags, DIAG_MISSING, "/bulwark-nsf:nsf-state",
			   "an NSF that Bulwark can prove must have the module bulwark-nsf",
			   "the NSF does not say what it enforces");
	schema_tree_free(tree);
	return ok && state;
}

// --- notifications ---

static void tell(struct session *s, const struct schema_node *n, struct arena *arena)
{
	struct engine_notice notice = {.nsf = s->name};
	if (schema_is(n, MODULE, "drift")) {
		const struct schema_node *first = schema_get(n, "difference");
		const char *rule = first ? schema_get_value(first, "rule") : NULL;
		const char *policy = first ? schema_get_value(first, "policy") : NULL;
		const char *count = schema_get_value(n, "differences");
		notice.kind = ENGINE_NOTICE_DRIFT;
		notice.text = arena_printf(
			arena, "%s difference(s); %s%s%s%s%s", count ? count : "some",
			rule ? "rule " : "", policy && rule ? policy : "",
			policy && rule ? "/" : "", rule ? rule : "",
			first ? arena_printf(arena, " %s", describe(first, arena)) : "");
	} else if (schema_is(n, MODULE, "repaired")) {
		const char *ms = schema_get_value(n, "milliseconds");
		notice.kind = ENGINE_NOTICE_REPAIRED;
		notice.text = arena_printf(arena, "by the NSF itself, %s ms after the change",
					   ms ? ms : "some");
	} else if (schema_is(n, MODULE, "reverted")) {
		notice.kind = ENGINE_NOTICE_REVERTED;
		notice.text = schema_get_value(n, "reason");
	} else if (schema_is(n, MODULE, "evidence")) {
		notice.kind = ENGINE_NOTICE_EVIDENCE;
	} else if (schema_is(n, MODULE, "pinhole-closed")) {
		notice.kind = ENGINE_NOTICE_PINHOLE_CLOSED;
		notice.id = schema_get_value(n, "id");
		notice.text = schema_get_value(n, "reason");
	} else {
		return;
	}
	engine_nsf_notice(s->south->engine, &notice);
}

// Of other modules, or malformed: nobody waits for it.
void report_notification(struct session *s, const char *xml, size_t len)
{
	struct arena arena;
	struct diags ignored;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	struct schema_tree *tree = NULL;
	struct schema_input input = {.data = xml, .len = len, .format = SCHEMA_XML};
	if (schema_parse_notification(s->south->schema, &input, &ignored, &tree)) {
		tell(s, schema_first(tree), &arena);
		schema_tree_free(tree);
	}
	arena_fini(&arena);
}
