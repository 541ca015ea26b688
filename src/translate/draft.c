// SPDX-License-Identifier: Apache-2.0
// The rule being translated. The one idea: conditions are disjunctions of branches, a rule is their
// product, and only at the end are branches with the same opaque conditions gathered into IR rules.
// It bounds the product (TRANSLATE_CLAUSES_MOST) and does not know what any condition means.
#include "translate/draft.h"

#include "base/buf.h"

#include <string.h>

// Tries of one product beyond the clauses that may come out of it: most of them contradict.
#define TRIES_MOST (16u * TRANSLATE_CLAUSES_MOST)
#define FEW 16

const char *translate_path(struct arena *arena, const char *list, const char *name)
{
	const char *quote = strchr(name, '\'') ? "\"" : "'";
	return arena_printf(arena, "/ietf-i2nsf-cons-facing-interface:%s[name=%s%s%s]", list, quote,
			    name, quote);
}

// Where the leaves are that faults are found in.
static const struct {
	const char *where;
	size_t member;
} members[] = {
#define MEMBER(where, member)                               \
	{                                                   \
		where, offsetof(struct intent_rule, member) \
	}
	MEMBER("action/primary-action/action", action),
	MEMBER("action/primary-action/limit", limit),
	MEMBER("condition/firewall/source", condition.firewall.source),
	MEMBER("condition/firewall/destination", condition.firewall.destination),
	MEMBER("condition/firewall/range-port-number", condition.firewall.ports),
	MEMBER("condition/firewall/icmp/message", condition.firewall.icmp),
	MEMBER("condition/ddos/rate-limit/packet-rate-threshold", condition.ddos.packet_rate),
	MEMBER("condition/ddos/rate-limit/byte-rate-threshold", condition.ddos.byte_rate),
	MEMBER("condition/ddos/rate-limit/flow-rate-threshold", condition.ddos.flow_rate),
	MEMBER("condition/url-category/url-name", condition.url_group),
	MEMBER("condition/payload/content", condition.payload),
	MEMBER("condition/voice/source-id", condition.voice_source),
	MEMBER("condition/voice/destination-id", condition.voice_destination),
	MEMBER("condition/threat-feed/name", condition.feed),
	MEMBER("condition/context/application/protocol", condition.context.application),
	MEMBER("condition/context/users/group", condition.context.group),
	MEMBER("condition/context/time/start-date-time", condition.context.time.start_date_time),
	MEMBER("condition/context/time/end-date-time", condition.context.time.end_date_time),
	MEMBER("condition/context/time/frequency", condition.context.time.frequency),
	MEMBER("condition/context/time/period/start-time", condition.context.time.start_time),
	MEMBER("condition/context/time/period/end-time", condition.context.time.end_time),
	MEMBER("condition/context/time/period/month", condition.context.time.month),
#undef MEMBER
};

static unsigned line_of(const struct intent_rule *rule, const char *where)
{
	for (size_t i = 0; i < array_len(members); i++)
		if (!strcmp(members[i].where, where))
			return intent_rule_line(rule, members[i].member);
	return rule->place.line;
}

static const char *rule_path(const struct draft *draft, const char *where)
{
	struct arena *arena = draft->context->arena;
	const char *policy = translate_path(arena, "i2nsf-cfi-policy", draft->policy->name);
	const char *quote = strchr(draft->rule->name, '\'') ? "\"" : "'";
	return arena_printf(arena, "%s/rules[name=%s%s%s]/%s", policy, quote, draft->rule->name,
			    quote, where);
}

void draft_diag(struct draft *draft, const struct diag *about, const char *where, const char *fmt,
		...)
{
	struct arena *arena = draft->context->arena;
	struct diag full = *about;
	full.file = draft->rule->place.file;
	full.line = line_of(draft->rule, where);
	full.policy = draft->policy->name;
	full.rule = draft->rule->name;
	full.path = rule_path(draft, where);
	if (!strncmp(where, "condition/", 10))
		full.condition = where + 10;
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	diag_add(draft->context->diags, &full, "%s", text);
}

void draft_empty(struct draft *draft, const char *where, const char *hint, const char *fmt, ...)
{
	if (!draft->empty) {
		va_list ap;
		va_start(ap, fmt);
		const char *text = arena_vprintf(draft->context->arena, fmt, ap);
		va_end(ap);
		draft_diag(
			draft,
			&(struct diag){.severity = DIAG_WARNING, .code = DIAG_EMPTY, .hint = hint},
			where, "no packet can match: %s", text);
	}
	draft->empty = true;
	draft->branches = (struct branches){0};
}

static bool opaque_equal(const struct ir_opaque *a, const struct ir_opaque *b)
{
	if (a->kind != b->kind || a->len != b->len || !a->name != !b->name ||
	    (a->name && strcmp(a->name, b->name)))
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->value[i], b->value[i]))
			return false;
	return true;
}

uint64_t draft_opaque(struct draft *draft, const struct ir_opaque *opaque)
{
	for (size_t i = 0; i < draft->opaque.len; i++)
		if (opaque_equal(&draft->opaque.at[i], opaque))
			return UINT64_C(1) << i;
	if (draft->opaque.len == DRAFT_OPAQUES_MOST) {
		draft_error(draft, DIAG_LIMIT, "condition", "split the rule",
			    "more than %u conditions that are not about headers",
			    DRAFT_OPAQUES_MOST);
		return 0;
	}
	vec_push(draft->context->arena, &draft->opaque, *opaque);
	return UINT64_C(1) << (draft->opaque.len - 1);
}

void branches_add(struct arena *arena, struct branches *to, const struct branch *branch)
{
	vec_push(arena, to, *branch);
}

void branches_append(struct arena *arena, struct branches *to, const struct branches *from)
{
	for (size_t i = 0; i < from->len; i++)
		branches_add(arena, to, &from->at[i]);
}

// The dimensions of a clause imply versions and protocols: whether they leave one. Ports always
// come with their protocols here, so only ICMP can meet a protocol that it is not.
static bool clause_possible(const struct ir_clause *clause)
{
	return ir_clause_versions(clause) &&
	       (!ir_clause_set(clause, IR_ICMP4) || ir_clause_allows_protocol(clause, 1)) &&
	       (!ir_clause_set(clause, IR_ICMP6) || ir_clause_allows_protocol(clause, 58));
}

bool draft_exhausted(struct draft *draft)
{
	struct context *context = draft->context;
	size_t most =
		context->options->bytes_most ? context->options->bytes_most : TRANSLATE_BYTES_MOST;
	if (context->arena->total - context->arena_before <= most)
		return false;
	if (context->exhausted)
		return true;
	context->exhausted = true;
	draft_error(draft, DIAG_LIMIT, "condition", "use fewer or smaller groups and feeds",
		    "the translation takes more than %zu KiB of memory", most >> 10);
	return true;
}

static bool too_large(struct draft *draft, size_t clauses, size_t tries)
{
	if (clauses <= TRANSLATE_CLAUSES_MOST && tries <= TRIES_MOST)
		return draft_exhausted(draft);
	draft_error(draft, DIAG_LIMIT, "condition",
		    "split the rule, or name fewer groups with MAC addresses or applications of "
		    "their own",
		    "the rule has more than %u combinations", TRANSLATE_CLAUSES_MOST);
	return true;
}

bool branches_and(struct draft *draft, const struct branches *a, const struct branches *b,
		  struct branches *out)
{
	struct arena *arena = draft->context->arena;
	struct branches product = {0};
	if (a->len * b->len <= FEW) { // the usual case without a growing copy
		product.at = arena_array(arena, struct branch, a->len * b->len);
		product.cap = a->len * b->len;
	}
	for (size_t i = 0; i < a->len; i++) {
		for (size_t j = 0; j < b->len; j++) {
			struct branch both = {a->at[i].clause, a->at[i].opaque | b->at[j].opaque};
			if (ir_clause_and(&both.clause, arena, &b->at[j].clause) &&
			    clause_possible(&both.clause))
				branches_add(arena, &product, &both);
			if (too_large(draft, product.len, i * b->len + j))
				return false;
		}
	}
	*out = product;
	return true;
}

bool draft_narrow(struct draft *draft, const struct branches *part)
{
	struct branches product = {0};
	if (!draft->branches.len || !branches_and(draft, &draft->branches, part, &product))
		return true;
	draft->branches = product;
	return product.len;
}

void draft_and(struct draft *draft, const struct branches *part, const char *where)
{
	if (!draft_narrow(draft, part))
		draft_empty(draft, where, "take one of the conditions out, or make two rules of it",
			    "%s cannot hold together with the conditions before it",
			    strchr(where, '/') + 1);
}

void draft_and_opaque(struct draft *draft, enum ir_opaque_kind kind, const char *name,
		      const struct intent_texts *values)
{
	struct ir_opaque opaque = {kind, name, values->at, values->len, false};
	uint64_t bit = draft_opaque(draft, &opaque);
	for (size_t i = 0; i < draft->branches.len; i++)
		draft->branches.at[i].opaque |= bit;
}

bool draft_has_rate(const struct draft *draft)
{
	const struct intent_ddos *ddos = &draft->rule->condition.ddos;
	return draft->rule->action == INTENT_RATE_LIMIT || ddos->packet_rate.given ||
	       ddos->byte_rate.given || ddos->flow_rate.given;
}

static void add_rule(struct draft *draft, uint64_t opaque, struct ir_policy *out)
{
	struct arena *arena = draft->context->arena;
	const struct branches *all = &draft->branches;
	struct ir_rule rule = draft->base;
	rule.clause = arena_array(arena, struct ir_clause, all->len);
	for (size_t i = 0; i < all->len; i++)
		if (all->at[i].opaque == opaque)
			rule.clause[rule.clauses++] = all->at[i].clause;
	rule.opaque = arena_array(arena, struct ir_opaque, draft->opaque.len);
	for (size_t i = 0; i < draft->opaque.len; i++)
		if (opaque >> i & 1)
			rule.opaque[rule.opaques++] = draft->opaque.at[i];
	vec_push(arena, &out->rule, rule);
}

// The different sets of opaque conditions, the smallest first: what can be decided comes first.
static size_t distinct_opaques(const struct draft *draft, uint64_t *set)
{
	size_t n = 0;
	for (size_t i = 0; i < draft->branches.len; i++) {
		uint64_t opaque = draft->branches.at[i].opaque;
		size_t at = 0;
		while (at < n && set[at] != opaque)
			at++;
		if (at < n)
			continue;
		for (at = n++;
		     at && __builtin_popcountll(set[at - 1]) > __builtin_popcountll(opaque); at--)
			set[at] = set[at - 1];
		set[at] = opaque;
	}
	return n;
}

void draft_finish(struct draft *draft, struct ir_policy *out)
{
	uint64_t *set = arena_array(draft->context->arena, uint64_t, draft->branches.len + 1);
	size_t n = distinct_opaques(draft, set);
	if (n > 1 && draft_has_rate(draft))
		draft_error(draft, DIAG_UNSUPPORTED, "condition",
			    "make two rules of it: one for the groups with applications, one for "
			    "the others",
			    "only some alternatives of the rule are about headers, so they cannot "
			    "share one rate");
	if (draft->by_port.len)
		draft_diag(draft, &(struct diag){.severity = DIAG_NOTE, .code = DIAG_BY_PORT},
			   "condition/context/application/protocol",
			   "recognised by registered port only: %s",
			   terms_join(draft->context->arena, &draft->by_port));
	if (!n)
		vec_push(draft->context->arena, &out->rule, draft->base);
	for (size_t i = 0; i < n; i++)
		add_rule(draft, set[i], out);
}

static const char *keep(struct arena *arena, struct buf *buf)
{
	const char *text = arena_strndup(arena, buf->data, buf->len);
	buf_fini(buf);
	return text;
}

const char *texts_join(struct arena *arena, const struct intent_texts *texts)
{
	if (texts->len == 1)
		return texts->at[0];
	struct buf joined;
	buf_init(&joined);
	for (size_t i = 0; i < texts->len; i++) {
		buf_adds(&joined, i ? ", " : "");
		buf_adds(&joined, texts->at[i]);
	}
	return keep(arena, &joined);
}

const char *texts_key(struct arena *arena, const char *kind, const struct intent_texts *texts)
{
	struct buf key;
	buf_init(&key);
	buf_adds(&key, kind);
	for (size_t i = 0; i < texts->len; i++)
		buf_printf(&key, " %zu:%s", strlen(texts->at[i]), texts->at[i]);
	return keep(arena, &key);
}

struct intent_texts terms_texts(struct arena *arena, const struct intent_terms *terms)
{
	struct intent_texts texts = {0};
	for (size_t i = 0; i < terms->len; i++)
		vec_push(arena, &texts, intent_term_name(terms->at[i]));
	return texts;
}

const char *terms_join(struct arena *arena, const struct intent_terms *terms)
{
	struct intent_texts texts = terms_texts(arena, terms);
	return texts_join(arena, &texts);
}
