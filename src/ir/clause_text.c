// SPDX-License-Identifier: Apache-2.0
// Conditions and rules as people write them: "src=10.0.0.0/8|192.0.2.1,proto=tcp,dport!=22". Every pair narrows the
// clause, so a key may stand twice. A clause is of one IP version where it names addresses or ICMP types, because it is one
// box; two versions are two conditions.
#include "ir/keys.h"
#include "base/diag.h"

#include <string.h>

struct clause_parse {
	struct ir_reader reader;
	struct ir_clause clause;
	struct ir_opaques *opaque; // NULL refuses them
	int family;                // 0 while unknown
	bool icmp_word;            // "icmp" was said: of whichever version it turns out to be
	struct algebra_set type, code;
	bool has_type, has_code;
};

static bool refuse(struct clause_parse *p, const struct ir_pair *pair, const char *hint)
{
	return ir_refuse_value(&p->reader, pair->key, pair->value, hint);
}

static bool empty(struct clause_parse *p, const char *key)
{
	diag_add(p->reader.diags,
		 &(struct diag){.code = DIAG_EMPTY, .hint = "widen one of its conditions"},
		 "%s: no packet is left at '%s'", p->reader.what, key);
	return false;
}

static bool narrow(struct clause_parse *p, const char *key, enum ir_dim dim, struct algebra_set set)
{
	return ir_clause_narrow(&p->clause, p->reader.arena, dim, set) || empty(p, key);
}

static bool set_family(struct clause_parse *p, const struct ir_pair *pair, int family)
{
	if (p->family && p->family != family) {
		diag_add(p->reader.diags,
			 &(struct diag){.code = DIAG_CONFLICT,
					.hint = "write one condition for IPv4 and one for IPv6"},
			 "%s: '%s=%s' is of another IP version than what stands beside it",
			 p->reader.what, pair->key, pair->value);
		return false;
	}
	p->family = family;
	return true;
}

static const char *hint_of(struct clause_parse *p, const struct ir_key *key)
{
	return arena_printf(p->reader.arena, "%s; with | between several%s", key->hint,
			    key->dim6 != IR_DIMS ? ", and prefixes and ranges (a/24, a-b)" : "");
}

static bool item_family(struct clause_parse *p, const struct ir_pair *pair, enum ir_dim dim,
			struct algebra_set set)
{
	if (dim == IR_SRC4 || dim == IR_DST4)
		return set_family(p, pair, 4);
	if (dim == IR_SRC6 || dim == IR_DST6)
		return set_family(p, pair, 6);
	if (dim == IR_FAMILY && !pair->negated && set.len == 1)
		return set_family(p, pair, (int)set.at[0].lo);
	return true;
}

// The union of the pair's values; all of them are of one dimension.
static bool read_items(struct clause_parse *p, const struct ir_key *key, const struct ir_pair *pair,
		       enum ir_dim *dim_out, struct algebra_set *out)
{
	char *rest = arena_strdup(p->reader.arena, pair->value);
	struct algebra_set all = {0}, one;
	while (rest) {
		struct ir_item item;
		if (!ir_item_cut(&rest, false, &item) ||
		    !ir_key_read(key, &item, p->reader.arena, dim_out, &one))
			return refuse(p, pair, hint_of(p, key));
		if (!item_family(p, pair, *dim_out, one))
			return false;
		bool icmp = *dim_out == IR_PROTO && !strcmp(item.text, "icmp");
		p->icmp_word |= icmp;
		if (icmp)
			one = algebra_set_union(p->reader.arena, one,
						algebra_set_one(p->reader.arena, 58, 58));
		all = algebra_set_union(p->reader.arena, all, one);
	}
	*out = all;
	return true;
}

static bool set_icmp(struct clause_parse *p, const struct ir_pair *pair, struct algebra_set set)
{
	bool type = !strcmp(pair->key, "icmp-type");
	bool *has = type ? &p->has_type : &p->has_code;
	struct algebra_set *to = type ? &p->type : &p->code;
	if (pair->negated)
		set = algebra_set_complement(p->reader.arena, set, 255);
	*to = *has ? algebra_set_intersect(p->reader.arena, *to, set) : set;
	*has = true;
	return to->len || empty(p, pair->key);
}

static bool set_header(struct clause_parse *p, const struct ir_key *key, const struct ir_pair *pair)
{
	enum ir_dim dim;
	struct algebra_set set;
	if (!read_items(p, key, pair, &dim, &set))
		return false;
	if (dim == IR_DIMS)
		return set_icmp(p, pair, set);
	if (pair->negated)
		set = algebra_set_complement(p->reader.arena, set,
					     algebra_max(ir_dim_info[dim].bits));
	return narrow(p, pair->key, dim, set);
}

// "FROM..TO", either may be absent, or one instant; `TO` is the first instant that is no longer meant.
static bool set_time(struct clause_parse *p, const struct ir_pair *pair)
{
	const char *hint = "give FROM..TO, such as 2026-03-11T09:00:00Z..2026-03-12T09:00:00Z; "
			   "either may be left out";
	char *dots = strstr(pair->value, "..");
	int64_t from = 0, to = INT64_MAX;
	const char *first =
		dots ? arena_strndup(p->reader.arena, pair->value, (size_t)(dots - pair->value))
		     : pair->value;
	const char *last = dots ? dots + 2 : "";
	if ((*first || !dots) && !ir_time_parse(first, &from))
		return refuse(p, pair, hint);
	if (!dots)
		to = from + 1;
	if (*last && !ir_time_parse(last, &to))
		return refuse(p, pair, hint);
	if (from < 0)
		from = 0;
	if (to <= from)
		return empty(p, pair->key);
	u128 until = to == INT64_MAX ? algebra_max(64) : (u128)to - 1;
	struct algebra_set set = algebra_set_one(p->reader.arena, (u128)from, until);
	if (pair->negated)
		set = algebra_set_complement(p->reader.arena, set, algebra_max(64));
	return narrow(p, pair->key, IR_TIME, set);
}

static bool set_opaque(struct clause_parse *p, const struct ir_pair *pair)
{
	uint32_t kinds = ir_opaque_kinds(pair->key);
	struct ir_opaque opaque = {.negated = pair->negated};
	VEC(const char *) values = {0};
	char *rest = arena_strdup(p->reader.arena, pair->value);
	if (kinds & (kinds - 1))
		return refuse(p, pair, "the name is of several conditions: write it whole");
	for (; !(kinds >> opaque.kind & 1); opaque.kind++)
		;
	while (rest) {
		struct ir_item item;
		if (!ir_item_cut(&rest, false, &item) || !item.len)
			return refuse(p, pair, "give a name, in quotes when it has a comma in it");
		vec_push(p->reader.arena, &values, item.text);
	}
	opaque.value = values.at;
	opaque.len = values.len;
	vec_push(p->reader.arena, &p->opaque->list, opaque);
	return true;
}

static bool set_pair(struct clause_parse *p, const struct ir_pair *pair)
{
	struct ir_key key;
	if (ir_key_find(pair->key, &key))
		return set_header(p, &key, pair);
	if (!strcmp(pair->key, "time"))
		return set_time(p, pair);
	if (ir_opaque_kinds(pair->key) && p->opaque)
		return set_opaque(p, pair);
	if (ir_opaque_kinds(pair->key))
		diag_add(p->reader.diags,
			 &(struct diag){.code = DIAG_UNSUPPORTED,
					.hint = "leave it out; answers hold however such "
						"conditions turn out"},
			 "%s: '%s' is not about headers", p->reader.what, pair->key);
	else
		diag_add(p->reader.diags,
			 &(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
					.hint = "keys: src dst proto sport dport icmp-type "
						"icmp-code tcp-flags state in out smac dmac family "
						"time dscp ttl length ..."},
			 "%s: there is no '%s'", p->reader.what, pair->key);
	return false;
}

// ICMP types and codes are one dimension, and one of each version.
static bool complete_icmp(struct clause_parse *p)
{
	struct algebra_builder both = {.arena = p->reader.arena};
	struct algebra_set any = algebra_set_one(p->reader.arena, 0, 255);
	struct algebra_set type = p->has_type ? p->type : any, code = p->has_code ? p->code : any;
	if (!p->has_type && !p->has_code)
		return true;
	if (!p->family) {
		diag_add(p->reader.diags,
			 &(struct diag){.code = DIAG_MISSING,
					.hint = "give proto=icmpv6, addresses, or family=4|6"},
			 "%s: an ICMP type needs the IP version", p->reader.what);
		return false;
	}
	for (size_t i = 0; i < type.len; i++)
		for (unsigned t = (unsigned)type.at[i].lo; t <= type.at[i].hi; t++)
			for (size_t k = 0; k < code.len; k++)
				algebra_builder_add(&both, t * 256 + code.at[k].lo,
						    t * 256 + code.at[k].hi);
	return narrow(p, "icmp-type", p->family == 4 ? IR_ICMP4 : IR_ICMP6,
		      algebra_builder_take(&both));
}

// "src=::/0" restricts no address, yet it is said of IPv6.
static bool complete_family(struct clause_parse *p)
{
	unsigned said = p->family == 4 ? 1 : p->family == 6 ? 2 : 3;
	if (!(ir_clause_versions(&p->clause) & ~said))
		return true;
	u128 family = (u128)p->family;
	return narrow(p, "family", IR_FAMILY, algebra_set_one(p->reader.arena, family, family));
}

static bool complete(struct clause_parse *p)
{
	const struct algebra_set *proto = ir_clause_set(&p->clause, IR_PROTO);
	bool v6_only = proto && proto->len == 1 && proto->at[0].lo == 58 && proto->at[0].hi == 58;
	if (!p->family && v6_only)
		p->family = 6;
	if (p->icmp_word && p->family) {
		u128 other = p->family == 4 ? 58 : 1;
		struct algebra_set one = algebra_set_one(p->reader.arena, other, other);
		if (!narrow(p, "proto", IR_PROTO,
			    algebra_set_complement(p->reader.arena, one, 255)))
			return false;
	}
	return complete_icmp(p) && complete_family(p);
}

// Takes a pair that is no condition. False when there were errors.
typedef bool (*pair_fn)(void *user, const struct ir_reader *reader, const struct ir_pair *pair,
			bool *taken_out);

static bool parse(struct clause_parse *p, const char *text, pair_fn take, void *user)
{
	bool good = true;
	char *rest = strcmp(text, "any") ? arena_strdup(p->reader.arena, text) : NULL;
	while (rest) {
		struct ir_pair pair;
		bool taken = false;
		ir_pair_cut(&p->reader, &rest, &pair);
		if (!pair.key)
			continue;
		if (!pair.value) {
			good = false;
			continue;
		}
		if (take)
			good &= take(user, &p->reader, &pair, &taken);
		if (!taken)
			good &= set_pair(p, &pair);
	}
	return good && complete(p);
}

bool ir_clause_parse(const char *text, const char *what, struct arena *arena, struct diags *diags,
		     struct ir_clause *out, struct ir_opaques *opaque)
{
	struct clause_parse p = {.reader = {arena, diags, what}, .opaque = opaque};
	if (!parse(&p, text, NULL, NULL))
		return false;
	*out = p.clause;
	return true;
}

bool ir_looks_like_addresses(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF.:/-") == strlen(text) &&
	       strpbrk(text, ".:") != NULL;
}

bool ir_addresses_parse(const char *text, const char *what, struct arena *arena,
			struct diags *diags, struct algebra_set *v4, struct algebra_set *v6)
{
	struct ir_clause clause;
	if (strpbrk(text, ",=|\"") || !*text) {
		diag_error(diags, DIAG_VALUE, NULL, "give 10.0.0.0/8, 192.0.2.1-192.0.2.9 or ::1",
			   "%s: '%s' is no network", what, text);
		return false;
	}
	if (!ir_clause_parse(arena_printf(arena, "src=%s", text), what, arena, diags, &clause,
			     NULL))
		return false;
	const struct algebra_set *src4 = ir_clause_set(&clause, IR_SRC4),
				 *src6 = ir_clause_set(&clause, IR_SRC6);
	if (src4)
		*v4 = algebra_set_union(arena, *v4, *src4);
	if (src6)
		*v6 = algebra_set_union(arena, *v6, *src6);
	bool whole = !src4 && !src6; // 0.0.0.0/0 and ::/0 restrict nothing but the IP version
	if (whole && !strchr(text, ':'))
		*v4 = algebra_set_one(arena, 0, algebra_max(32));
	if (whole && strchr(text, ':'))
		*v6 = algebra_set_one(arena, 0, algebra_max(128));
	return true;
}

// --- rules ---

static bool set_action(struct ir_rule *rule, const struct ir_reader *reader,
		       const struct ir_pair *pair)
{
	for (unsigned i = 0; i < IR_VERDICTS; i++)
		if (!strcmp(pair->value, ir_verdict_name[i]) && i != IR_RATE_LIMIT) {
			rule->verdict = (enum ir_verdict)i;
			return true;
		}
	return ir_refuse_value(reader, pair->key, pair->value,
			       "give pass, drop, reject, mirror, ... or none for a rule that only "
			       "logs; rate limits need a policy file");
}

static bool set_log(struct ir_rule *rule, const struct ir_reader *reader,
		    const struct ir_pair *pair)
{
	static const char *const names[] = {
		[IR_LOG_NONE] = "no", [IR_LOG_RULE] = "rule", [IR_LOG_SESSION] = "session"};
	for (unsigned i = 0; i < array_len(names); i++)
		if (!strcmp(pair->value, names[i])) {
			rule->log = (enum ir_log)i;
			return true;
		}
	return ir_refuse_value(reader, pair->key, pair->value, "give no, rule or session");
}

static bool set_flow(struct ir_rule *rule, const struct ir_reader *reader,
		     const struct ir_pair *pair)
{
	rule->flow = !strcmp(pair->value, "yes");
	return rule->flow || !strcmp(pair->value, "no") ||
	       ir_refuse_value(reader, pair->key, pair->value,
			       "give yes for a rule that judges flows, else no");
}

static bool set_name(struct ir_rule *rule, const struct ir_reader *reader,
		     const struct ir_pair *pair)
{
	char *rest = pair->value;
	struct ir_item item;
	if (!ir_item_cut(&rest, true, &item) || !item.len)
		return ir_refuse_value(reader, pair->key, pair->value,
				       "give a name, in quotes when it has a comma in it");
	rule->name = item.text;
	return true;
}

struct rule_parse {
	struct ir_rule rule;
	unsigned seen; // bit by bit of the table below
};

static bool take_rule_key(void *user, const struct ir_reader *reader, const struct ir_pair *pair,
			  bool *taken_out)
{
	static const struct {
		const char *key;
		bool (*set)(struct ir_rule *rule, const struct ir_reader *reader,
			    const struct ir_pair *pair);
	} keys[] = {
		{"action", set_action}, {"log", set_log}, {"flow", set_flow}, {"name", set_name}};
	struct rule_parse *p = user;
	for (size_t i = 0; i < array_len(keys); i++) {
		if (strcmp(keys[i].key, pair->key) != 0)
			continue;
		*taken_out = true;
		if (pair->negated || p->seen >> i & 1)
			return ir_refuse_value(reader, pair->key, pair->value,
					       "say it once, with =");
		p->seen |= 1u << i;
		return keys[i].set(&p->rule, reader, pair);
	}
	return true;
}

bool ir_rule_parse(const char *text, const char *what, struct arena *arena, struct diags *diags,
		   struct ir_rule *out)
{
	struct ir_opaques opaque = {0};
	struct clause_parse p = {.reader = {arena, diags, what}, .opaque = &opaque};
	struct rule_parse r = {
		.rule = {.policy = arena_strdup(arena, what), .name = arena_strdup(arena, what)}};
	if (!parse(&p, text, take_rule_key, &r))
		return false;
	if (!(r.seen & 1)) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_MISSING,
					.hint = "begin with action=pass, drop or reject"},
			 "%s: the rule has no action", what);
		return false;
	}
	r.rule.clause = arena_memdup(arena, &p.clause, sizeof(p.clause));
	r.rule.clauses = 1;
	r.rule.opaque = opaque.list.at;
	r.rule.opaques = opaque.list.len;
	*out = r.rule;
	return true;
}
