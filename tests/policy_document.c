// SPDX-License-Identifier: Apache-2.0
// Documents for the policy oracle: read as the command line reads them, and asked rule by rule what the
// nft back end can enforce. A rule that it cannot must have an error for each capability that it lacks;
// nothing else may be left out.
#include "policy_oracle.h"

#include "base/file.h"
#include "base/map.h"
#include "codec/cfi.h"
#include "codec/nfi.h"
#include "engine/load.h"
#include "place/place.h"
#include "schema/schema.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LOWERED_FOR (2 * 365 * (int64_t)86400)

void policy_fault(struct policy_document *d, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_printf(&d->faults, "%s\n", arena_vprintf(&d->arena, fmt, ap));
	va_end(ap);
}

// --- reading ---

static bool read_files(struct policy_document *d, const char *const *files, size_t n,
		       struct schema_input *inputs)
{
	for (size_t i = 0; i < n; i++) {
		struct buf text cleanup(buf_fini);
		buf_init(&text);
		int error = file_read(files[i], SCHEMA_BYTES_MOST, &text);
		if (error) {
			diag_add(&d->diags, &(struct diag){.code = DIAG_IO, .file = files[i]},
				 "the file cannot be read: %s", strerror(-error));
			return false;
		}
		inputs[i] =
			(struct schema_input){.file = files[i],
					      .data = arena_memdup(&d->arena, text.data, text.len),
					      .len = text.len};
	}
	return true;
}

// The intent beside the IR, for what must be in it. The document was accepted before.
static void read_intent(struct policy_document *d, struct schema *schema,
			const struct schema_input *inputs, size_t n)
{
	struct schema_tree *tree = schema_tree_new(schema);
	bool good = true;
	for (size_t i = 0; i < n; i++)
		good = good && schema_parse(tree, &inputs[i], &d->diags);
	if (!good || !schema_validate(tree, &d->diags) ||
	    !codec_cfi_read(tree, &d->arena, &d->diags, &d->intent))
		policy_fault(d, "the document is accepted only sometimes");
	schema_tree_free(tree);
}

static const struct intent_rule *asked(const struct policy_document *d, const char *policy,
				       const char *name)
{
	for (size_t i = 0; i < d->intent.policy.len; i++)
		for (size_t k = 0; k < d->intent.policy.at[i].rule.len; k++)
			if (!strcmp(d->intent.policy.at[i].name, policy) &&
			    !strcmp(d->intent.policy.at[i].rule.at[k].name, name))
				return &d->intent.policy.at[i].rule.at[k];
	return NULL;
}

static struct policy_unit *unit_of(struct policy_document *d, const char *policy, const char *name)
{
	for (size_t i = 0; i < d->unit.len; i++)
		if (!strcmp(d->unit.at[i].policy, policy) && !strcmp(d->unit.at[i].name, name))
			return &d->unit.at[i];
	return NULL;
}

static void find_units(struct policy_document *d)
{
	for (size_t i = 0; i < d->ordered.rule.len; i++) {
		const struct ir_rule *rule = &d->ordered.rule.at[i];
		struct policy_unit *unit = unit_of(d, rule->policy, rule->name);
		if (!unit) {
			vec_push(&d->arena, &d->unit,
				 (struct policy_unit){.policy = rule->policy,
						      .name = rule->name,
						      .asked = asked(d, rule->policy, rule->name)});
			unit = &d->unit.at[d->unit.len - 1];
			buf_init(&unit->lacks);
			buf_init(&unit->rates);
		}
		vec_push(&d->arena, &unit->rule, i);
	}
	for (size_t i = 0; i < d->intent.policy.len; i++)
		for (size_t k = 0; k < d->intent.policy.at[i].rule.len; k++)
			if (!unit_of(d, d->intent.policy.at[i].name,
				     d->intent.policy.at[i].rule.at[k].name))
				policy_fault(d, "rule '%s' is lost in translation",
					     d->intent.policy.at[i].rule.at[k].name);
}

bool policy_load(struct policy_document *d, struct schema *schema, const char *const *files,
		 size_t n)
{
	*d = (struct policy_document){.now = time(NULL)};
	arena_init(&d->arena);
	diags_init(&d->diags, &d->arena);
	buf_init(&d->faults);
	struct schema_input *inputs = arena_array(&d->arena, struct schema_input, n);
	struct translate_options options = translate_options_default(d->now);
	struct engine_load load = {
		.schema = schema, .translate = &options, .arena = &d->arena, .diags = &d->diags};
	struct ir_document document;
	if (!read_files(d, files, n, inputs) || !engine_load(&load, inputs, n, &document))
		return false;
	ir_document_order(&document, &d->arena, &d->diags, &d->ordered);
	if (d->diags.errors)
		return false;
	read_intent(d, schema, inputs, n);
	find_units(d);
	return true;
}

void policy_close(struct policy_document *d)
{
	for (size_t i = 0; i < d->unit.len; i++) {
		buf_fini(&d->unit.at[i].lacks);
		buf_fini(&d->unit.at[i].rates);
	}
	buf_fini(&d->faults);
	arena_fini(&d->arena);
}

// --- times and tracking ---

bool policy_clause_active(const struct ir_clause *clause, int64_t time)
{
	struct ir_packet packet = {.time = time};
	size_t first = clause->len;
	while (first && ir_dim_info[clause->cond[first - 1].dim].kind == IR_KIND_CLOCK)
		first--;
	struct ir_clause clock = {.len = clause->len - first, .clock = clause->clock};
	if (clock.len)
		clock.cond = clause->cond + first;
	return ir_clause_matches(&clock, &(struct ir_rule){0}, &packet);
}

bool policy_unit_active(const struct policy_document *d, const struct policy_unit *unit,
			int64_t time)
{
	for (size_t i = 0; i < unit->rule.len; i++) {
		const struct ir_rule *rule = &d->ordered.rule.at[unit->rule.at[i]];
		for (size_t k = 0; k < rule->clauses; k++)
			if (policy_clause_active(&rule->clause[k], time))
				return true;
	}
	return false;
}

bool policy_tracked(const struct ir_ruleset *ruleset)
{
	bool yes = false;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		yes |= rule->flow || rule->log == IR_LOG_SESSION || rule->rate.flows;
		for (size_t k = 0; k < rule->clauses; k++)
			yes |= ir_clause_set(&rule->clause[k], IR_STATE) != NULL;
	}
	return yes;
}

// --- what is refused ---

static void take_capabilities(struct policy_document *d, struct cap *out)
{
	*out = (struct cap){0};
	for (size_t i = 0; i < backend_nft_capabilities_len; i++) {
		const struct backend_capability *c = &backend_nft_capabilities[i];
		enum cap_set set;
		enum cap_identity identity;
		if (cap_set_find(c->leaf_list, &set) && cap_identity_find(c->identity, &identity) &&
		    cap_allows(set, identity))
			cap_add(out, set, identity);
		else
			policy_fault(d, "the capability model has no %s in %s", c->identity,
				     c->leaf_list);
	}
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

// An error that names the rule, what of it cannot be enforced, the capability that it needs (if there is
// a word for it), and what can be done.
static bool is_said(const struct diags *diags, const struct policy_unit *unit,
		    const struct place_need *need)
{
	bool speakable = need->identity != CAP_UNSPEAKABLE;
	const char *capability = speakable ? cap_identity_name(need->identity) : NULL;
	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *e = &diags->list.at[i];
		if (e->severity == DIAG_ERROR && e->code == DIAG_CAPABILITY && e->hint &&
		    same(e->policy, unit->policy) && same(e->rule, unit->name) &&
		    same(e->condition, need->condition) && same(e->capability, capability))
			return true;
	}
	return false;
}

static void add_lack(struct policy_unit *unit, const char *what, const char *condition)
{
	buf_printf(&unit->lacks, "%s%s (%s)", unit->lacks.len ? "; " : "", what, condition);
	unit->refused = true;
}

static void refuse_by_need(struct policy_document *d, const struct cap *cap,
			   const struct diags *said)
{
	for (size_t u = 0; u < d->unit.len; u++) {
		struct policy_unit *unit = &d->unit.at[u];
		struct map seen = {.arena = &d->arena};
		for (size_t i = 0; i < unit->rule.len; i++) {
			struct place_needs needs;
			place_needs(&d->ordered.rule.at[unit->rule.at[i]], &d->arena, &needs);
			for (size_t k = 0; k < needs.list.len; k++) {
				const struct place_need *need = &needs.list.at[k];
				const char *name = need->identity == CAP_UNSPEAKABLE
							   ? NULL
							   : cap_identity_name(need->identity);
				char *key = arena_printf(&d->arena, "%u %s %s", need->set,
							 name ? name : "", need->condition);
				if (cap_has(cap, need->set, need->identity) ||
				    map_put(&seen, key, unit))
					continue;
				add_lack(unit,
					 name ? arena_printf(&d->arena, "lacks %s", name)
					      : "the capability model has no word for it",
					 need->condition);
				if (!is_said(said, unit, need))
					policy_fault(d, "nothing says that rule '%s' lacks %s",
						     unit->name, key);
			}
		}
	}
	for (size_t i = 0; i < said->list.len; i++) {
		const struct diag *e = &said->list.at[i];
		const struct policy_unit *unit = e->rule ? unit_of(d, e->policy, e->rule) : NULL;
		if (e->severity == DIAG_ERROR && unit && !unit->refused)
			policy_fault(d, "rule '%s' is refused, and lacks nothing", e->rule);
	}
}

// Errors of a part that judges rules by itself. False when they refuse nothing more.
static bool refuse_by_diags(struct policy_document *d, const struct diags *said)
{
	bool more = false;
	for (size_t i = 0; i < said->list.len; i++) {
		const struct diag *e = &said->list.at[i];
		struct policy_unit *unit =
			e->policy && e->rule ? unit_of(d, e->policy, e->rule) : NULL;
		if (e->severity != DIAG_ERROR || !unit || unit->refused)
			continue;
		more = true;
		add_lack(unit,
			 e->capability
				 ? arena_printf(&d->arena, "%s, lacks %s", e->text, e->capability)
				 : e->text,
			 e->condition ? e->condition : "");
		if (!e->condition || !e->hint)
			policy_fault(d, "an error about rule '%s' names no condition: %s", e->rule,
				     e->text);
	}
	return more;
}

static void refuse_unwritable(struct policy_document *d)
{
	for (size_t u = 0; u < d->unit.len; u++) {
		struct policy_unit *unit = &d->unit.at[u];
		for (size_t i = 0; i < unit->rule.len && !unit->refused; i++) {
			const struct ir_rule *rule = &d->ordered.rule.at[unit->rule.at[i]];
			struct diags said;
			diags_init(&said, &d->arena);
			if (!codec_nfi_can(rule, &said) && !refuse_by_diags(d, &said))
				policy_fault(d, "rule '%s' cannot be sent, and nothing says why",
					     rule->name);
		}
	}
}

static void fill_enforced(struct policy_document *d)
{
	d->enforced = (struct ir_ruleset){.default_action = d->ordered.default_action};
	d->unit_of = arena_array(&d->arena, size_t, d->ordered.rule.len);
	for (size_t i = 0; i < d->ordered.rule.len; i++) {
		const struct ir_rule *rule = &d->ordered.rule.at[i];
		const struct policy_unit *unit = unit_of(d, rule->policy, rule->name);
		if (unit->refused)
			continue;
		d->unit_of[d->enforced.rule.len] = (size_t)(unit - d->unit.at);
		vec_push(&d->arena, &d->enforced.rule, *rule);
	}
}

// What the back end itself refuses of what the capabilities allow.
static void refuse_by_backend(struct policy_document *d)
{
	for (bool more = true; more;) {
		struct ir_ruleset lowered;
		struct diags said;
		fill_enforced(d);
		diags_init(&said, &d->arena);
		ir_ruleset_lower_time(&d->enforced, &d->arena, d->now, d->now + LOWERED_FOR,
				      &lowered);
		more = !backend_nft_check(&lowered, &said);
		if (more && !refuse_by_diags(d, &said)) {
			policy_fault(d, "the back end refuses the policy, and no rule of it");
			return;
		}
	}
}

// No back end tells what is in no header, and this one has no other actions.
static void check_enforced(struct policy_document *d)
{
	for (size_t i = 0; i < d->ordered.rule.len; i++) {
		const struct ir_rule *rule = &d->ordered.rule.at[i];
		bool able = !rule->opaques && rule->verdict != IR_MIRROR &&
			    rule->verdict <= IR_RATE_LIMIT;
		if (!able && !unit_of(d, rule->policy, rule->name)->refused)
			policy_fault(d, "placement should have refused rule '%s'", rule->name);
	}
}

void policy_place(struct policy_document *d)
{
	static const enum ir_verdict usable[] = {IR_PASS, IR_DROP, IR_REJECT};
	struct cap cap;
	struct diags said;
	take_capabilities(d, &cap);
	diags_init(&said, &d->arena);
	enum ir_verdict action = d->ordered.default_action;
	struct place_nsf nsf = {.name = "nft",
				.cap = &cap,
				.default_action = action == IR_NONE ? IR_DROP : action,
				.enabled = true};
	if (!place_check(&d->ordered, &nsf, &d->arena, &said) && !said.errors)
		policy_fault(d, "something is refused, and nothing says what");
	refuse_by_need(d, &cap, &said);
	check_enforced(d);
	bool known = false;
	for (size_t i = 0; i < array_len(usable); i++)
		known |= d->ordered.default_action == usable[i];
	if (!known)
		d->ordered.default_action = IR_DROP; // of the oracle's choice
	refuse_unwritable(d);
	refuse_by_backend(d);
	d->ordered.default_action = action;
	d->enforced.default_action = known ? action : IR_NONE;
}
