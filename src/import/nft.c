// SPDX-License-Identifier: Apache-2.0
// From a listed ruleset to chains that can be flattened. Each statement of a rule narrows the packets that the next one
// sees, so a rule is walked from left to right with the alternatives it can still match. Families and chains that do
// not filter are counted and left aside. What a rule does beside its verdict is a gap, each kind once a rule.
#include "import/nft_match.h"
#include "base/diag.h"
#include "import/readers.h"

#include <stdlib.h>
#include <string.h>

struct lowering {
	struct arena *arena;
	struct diags *diags;
	struct import_result *out;
	const struct nft_ruleset *ruleset;
	struct map gaps;    // what, to the gap's index + 1
	struct map at_hook; // "4 input", to the number of base chains
	size_t memory;      // of the arena, at the start
	bool bad;
};

struct rule_walk {
	struct lowering *l;
	struct nft_matcher *m;
	struct import_body *body;
	const struct nft_rule *rule;
	struct nft_alternatives state;
	unsigned number;
	const char *gap[8];
	size_t gaps;
	bool logs;    // and the next entry says so
	bool emitted; // an entry, so that the rule is counted
	bool done;
};

static void refuse(struct lowering *l, enum diag_code code, unsigned line, const char *hint,
		   const char *text)
{
	l->bad = true;
	diag_add(l->diags,
		 &(struct diag){.code = code, .file = l->ruleset->file, .line = line, .hint = hint},
		 "%s", text);
}

// --- gaps ---

static void count_gap(struct lowering *l, const char *what, unsigned line)
{
	size_t at = (size_t)(uintptr_t)map_get(&l->gaps, what);
	if (at) {
		l->out->gap.at[at - 1].rules++;
		return;
	}
	vec_push(l->arena, &l->out->gap, (struct import_gap){what, 1, line});
	map_put(&l->gaps, what, (void *)(uintptr_t)l->out->gap.len);
}

static void gap(struct rule_walk *w, const char *what)
{
	for (size_t i = 0; i < w->gaps; i++)
		if (!strcmp(w->gap[i], what))
			return;
	if (w->gaps < array_len(w->gap))
		w->gap[w->gaps++] = what;
	count_gap(w->l, what, w->rule->line);
}

// --- entries of the flat model ---

static struct import_rule entry(const struct rule_walk *w)
{
	return (struct import_rule){.target = IMPORT_CONTINUE,
				    .number = w->number,
				    .line = w->rule->line,
				    .text = w->rule->text};
}

static void emit(struct rule_walk *w, struct import_rule rule)
{
	rule.log = w->logs ? IR_LOG_RULE : IR_LOG_NONE;
	w->emitted = true;
	vec_push(w->l->arena, &w->body->rule, rule);
}

static int by_opaques(const void *a, const void *b)
{
	const struct nft_alternative *x = a, *y = b;
	unsigned sx = x->opaques ? x->opaques->serial : 0, sy = y->opaques ? y->opaques->serial : 0;
	return (sx > sy) - (sx < sy);
}

// One entry for all alternatives that depend on the same.
static void emit_all(struct rule_walk *w, const struct import_rule *as,
		     const struct nft_alternatives *state)
{
	size_t n = state->list.len;
	struct nft_alternative *sorted =
		arena_memdup(w->l->arena, state->list.at, n * sizeof(*sorted));
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), by_opaques);
	for (size_t i = 0, from = 0; i < n; i++) {
		if (i + 1 < n && sorted[i + 1].opaques == sorted[from].opaques)
			continue;
		struct import_rule rule = *as;
		rule.clauses = i + 1 - from;
		rule.clause = arena_array(w->l->arena, struct ir_clause, rule.clauses);
		for (size_t k = 0; k < rule.clauses; k++)
			rule.clause[k] = sorted[from + k].clause;
		if (sorted[from].opaques) {
			rule.opaque = sorted[from].opaques->at;
			rule.opaques = sorted[from].opaques->len;
		}
		emit(w, rule);
		from = i + 1;
	}
}

// A log in front of something that not all packets get to is an entry of its own.
static void flush_log(struct rule_walk *w)
{
	struct import_rule rule = entry(w);
	if (w->logs)
		emit_all(w, &rule, &w->state);
	w->logs = false;
}

// --- verdicts ---

static struct nft_alternatives state_copy(const struct rule_walk *w)
{
	struct nft_alternatives made = {0};
	for (size_t i = 0; i < w->state.list.len; i++)
		vec_push(w->l->arena, &made.list, w->state.list.at[i]);
	return made;
}

static void emit_verdict(struct rule_walk *w, enum ir_verdict verdict,
			 const struct nft_alternatives *state)
{
	struct import_rule rule = entry(w);
	rule.target = IMPORT_VERDICT;
	rule.verdict = verdict;
	emit_all(w, &rule, state);
}

// Nobody knows whether it drops or accepts: two conditions, one for each.
static void emit_unknown(struct rule_walk *w, const char *text, bool may_go_on)
{
	struct nft_alternatives drops = state_copy(w);
	nft_opaque_apply(w->m, arena_printf(w->l->arena, "%s drops", text), true, &drops);
	emit_verdict(w, IR_DROP, &drops);
	struct nft_alternatives accepts = state_copy(w);
	if (may_go_on)
		nft_opaque_apply(w->m, arena_printf(w->l->arena, "%s accepts", text), true,
				 &accepts);
	emit_verdict(w, IR_PASS, &accepts);
}

// A reset is for TCP, an ICMP answer for its version of IP; nft does not list what that implies.
static void imply_reject(struct rule_walk *w, const char *how)
{
	static const char *const same[] = {"",
					   "with tcp reset",
					   "with icmp port-unreachable",
					   "with icmpv6 port-unreachable",
					   "with icmpx port-unreachable",
					   "with icmp 3",
					   "with icmpv6 4",
					   "with icmpx 1"};
	if (!strncmp(how, "with tcp", 8))
		nft_narrow(w->m, IR_PROTO, 6, &w->state);
	if (!strncmp(how, "with icmp ", 10))
		nft_narrow(w->m, IR_FAMILY, 4, &w->state);
	if (!strncmp(how, "with icmpv6 ", 12))
		nft_narrow(w->m, IR_FAMILY, 6, &w->state);
	for (size_t i = 0; i < array_len(same); i++)
		if (!strcmp(same[i], how))
			return;
	gap(w, arena_printf(w->l->arena, "reject %.60s", how));
}

static void decide(struct rule_walk *w, enum nft_verdict verdict, const char *text)
{
	struct import_rule rule = entry(w);
	rule.to = text;
	switch (verdict) {
	case NFT_ACCEPT:
		emit_verdict(w, IR_PASS, &w->state);
		return;
	case NFT_DROP:
		emit_verdict(w, IR_DROP, &w->state);
		return;
	case NFT_REJECT:
		imply_reject(w, text);
		emit_verdict(w, IR_REJECT, &w->state);
		return;
	case NFT_QUEUE:
		gap(w, "queue");
		emit_unknown(w, arena_printf(w->l->arena, "queue %s", text), false);
		return;
	case NFT_JUMP:
		rule.target = IMPORT_JUMP;
		break;
	case NFT_GOTO:
		rule.target = IMPORT_GOTO;
		break;
	case NFT_RETURN:
		rule.target = IMPORT_RETURN;
		rule.to = NULL;
		break;
	case NFT_CONTINUE:
		rule.to = NULL;
		if (!w->logs)
			return;
		break;
	}
	emit_all(w, &rule, &w->state);
}

static void walk_decide(struct rule_walk *w, const struct nft_stmt *stmt)
{
	decide(w, stmt->verdict, stmt->text);
	w->logs = false;
	w->done = true;
}

// After a verdict map the rule goes on only for keys that say continue.
static void walk_vmap(struct rule_walk *w, const struct nft_stmt *stmt)
{
	struct nft_ways ways;
	struct nft_alternatives before = w->state, goes_on = {0};
	flush_log(w);
	nft_vmap_apply(w->m, stmt, &before, &ways);
	if (w->m->gap)
		gap(w, w->m->gap);
	for (size_t i = 0; i < ways.list.len; i++) {
		w->state = ways.list.at[i].state;
		decide(w, ways.list.at[i].decision->verdict, ways.list.at[i].decision->text);
		if (ways.list.at[i].decision->verdict == NFT_CONTINUE)
			goes_on = w->state;
	}
	w->state = before;
	if (!ways.whole)
		emit_unknown(w, nft_stmt_text(w->l->arena, stmt), true);
	w->state = ways.whole ? goes_on : before;
}

// --- other statements ---

static bool has_time(const struct nft_expr *expr)
{
	static const char *const clocks[] = {"meta hour", "meta day", "meta time"};
	for (size_t i = 0; expr->kind == NFT_FIELD && i < array_len(clocks); i++)
		if (!strcmp(expr->text, clocks[i]))
			return true;
	for (size_t i = 0; i < expr->len; i++)
		if (has_time(expr->item[i]))
			return true;
	return false;
}

static bool is_field(const struct nft_stmt *stmt, const char *name, enum nft_op op,
		     const char *value)
{
	return stmt->left->kind == NFT_FIELD && !strcmp(stmt->left->text, name) && stmt->op == op &&
	       stmt->right->kind == NFT_VALUE && !strcmp(stmt->right->text, value);
}

// That there is a link header at all, or a transport header with both ports, goes without saying where the rule reads a
// field from it.
static bool is_implied(const struct rule_walk *w, const struct nft_stmt *stmt)
{
	static const char *const transport[] = {"tcp ",  "udp ", "udplite ", "sctp ",
						"dccp ", "th ",  "icmp ",    "icmpv6 "};
	bool link = is_field(stmt, "meta iiftype", NFT_EQ, "ether") ||
		    is_field(stmt, "meta iiftype", NFT_EQ, "1");
	bool header = is_field(stmt, "@th,8,24", NFT_GE, "0");
	for (size_t i = 0; (link || header) && i < w->rule->stmt.len; i++) {
		const struct nft_stmt *other = &w->rule->stmt.at[i];
		bool known = other->kind == NFT_MATCH && other->left->kind == NFT_FIELD &&
			     nft_field_find(other->left->text);
		if (known && link && !strncmp(other->left->text, "ether ", 6))
			return true;
		for (size_t k = 0; known && header && k < array_len(transport); k++)
			if (!strncmp(other->left->text, transport[k], strlen(transport[k])))
				return true;
	}
	return false;
}

static void walk_match(struct rule_walk *w, const struct nft_stmt *stmt)
{
	if (is_implied(w, stmt))
		return;
	flush_log(w);
	nft_match_apply(w->m, stmt, &w->state);
	if (w->m->gap)
		gap(w, w->m->gap);
	if (has_time(stmt->left))
		gap(w, "meta hour, day and time, read as UTC");
}

static void walk_effect(struct rule_walk *w, const struct nft_stmt *stmt)
{
	gap(w, stmt->gap);
	if (stmt->left) {
		flush_log(w);
		nft_implied_apply(w->m, stmt->left, &w->state);
	}
	if (!stmt->breaks)
		return;
	struct nft_stmt lookup = *stmt;
	const char *text = stmt->text;
	if (stmt->left && stmt->left->kind == NFT_MAP) {
		lookup.kind = NFT_VMAP; // prints the key and the map
		lookup.right = stmt->left->item[1];
		lookup.left = stmt->left->item[0];
		text = arena_printf(w->l->arena, "%s %s", text,
				    nft_stmt_text(w->l->arena, &lookup));
	}
	flush_log(w);
	nft_opaque_apply(w->m, text, true, &w->state);
}

static void walk_condition(struct rule_walk *w, const struct nft_stmt *stmt)
{
	flush_log(w);
	gap(w, stmt->gap);
	if (stmt->left)
		nft_implied_apply(w->m, stmt->left, &w->state);
	nft_opaque_apply(w->m, stmt->text, true, &w->state);
}

static void walk_target(struct rule_walk *w, const struct nft_stmt *stmt)
{
	flush_log(w);
	gap(w, stmt->gap);
	emit_unknown(w, stmt->text, true);
}

static void walk_stmt(struct rule_walk *w, const struct nft_stmt *stmt)
{
	switch (stmt->kind) {
	case NFT_MATCH:
		walk_match(w, stmt);
		break;
	case NFT_VMAP:
		walk_vmap(w, stmt);
		break;
	case NFT_DECIDE:
		walk_decide(w, stmt);
		break;
	case NFT_LOG:
		w->logs = true;
		break;
	case NFT_NOTHING:
		break;
	case NFT_EFFECT:
		walk_effect(w, stmt);
		break;
	case NFT_CONDITION:
		walk_condition(w, stmt);
		break;
	case NFT_TARGET:
	case NFT_TRANSLATE:
		walk_target(w, stmt);
		break;
	}
}

static bool within_limits(struct lowering *l, const struct nft_matcher *m, unsigned line)
{
	if (!m->over && l->arena->total - l->memory <= IMPORT_MEMORY_MOST)
		return true;
	refuse(l, DIAG_LIMIT, line, "split the rule, or use fewer elements",
	       "a rule makes too many combinations of conditions");
	return false;
}

static void lower_rule(struct rule_walk *w)
{
	vec_push(w->l->arena, &w->state.list, (struct nft_alternative){0});
	for (size_t i = 0; i < w->rule->stmt.len && !w->done && !w->l->bad; i++) {
		walk_stmt(w, &w->rule->stmt.at[i]);
		(void)within_limits(w->l, w->m, w->rule->line);
	}
	flush_log(w);
	if (!w->emitted)
		emit(w, entry(w));
}

static void lower_chain(struct lowering *l, struct nft_matcher *m, const struct nft_chain *chain,
			struct import_body *body)
{
	*body = (struct import_body){.name = chain->name, .line = chain->line};
	if (chain->hook) {
		body->hook = chain->hook;
		body->policy = chain->drops ? IR_DROP : IR_PASS;
		body->policy_text = chain->drops ? "policy drop" : "policy accept";
	}
	for (size_t i = 0; i < chain->rule.len && !l->bad; i++) {
		struct rule_walk w = {.l = l,
				      .m = m,
				      .body = body,
				      .rule = &chain->rule.at[i],
				      .number = (unsigned)i + 1};
		lower_rule(&w);
	}
}

// --- which chains filter ---

struct reach {
	struct lowering *l;
	const struct nft_table *table;
	VEC(const char *) names; // reached, and not looked into yet
	struct map *reached;
};

static void reach(struct reach *r, const char *name, unsigned line)
{
	if (!map_get(&r->table->chains, name)) {
		refuse(r->l, DIAG_REFERENCE, line,
		       "give the whole output of nft list ruleset, with the chains",
		       arena_printf(r->l->arena, "there is no chain %s in this table", name));
		return;
	}
	if (map_put(r->reached, name, (void *)(uintptr_t)1))
		return;
	vec_push(r->l->arena, &r->names, name);
}

static void reach_elements(struct reach *r, const struct nft_expr *right, unsigned line)
{
	const struct nft_set *set =
		right->kind == NFT_REFERENCE ? map_get(&r->table->sets, right->text) : NULL;
	const struct nft_expr *elements = set ? set->elements : right;
	for (size_t i = 0; i < elements->len; i++) {
		const struct nft_expr *pair = elements->item[i];
		if (pair->kind == NFT_PAIR && pair->item[1]->kind == NFT_DECISION &&
		    pair->item[1]->text)
			reach(r, pair->item[1]->text, line);
	}
}

static void reach_from(struct reach *r, const char *name)
{
	reach(r, name, 0);
	while (r->names.len && !r->l->bad) {
		const struct nft_chain *chain =
			map_get(&r->table->chains, r->names.at[--r->names.len]);
		for (size_t i = 0; i < chain->rule.len; i++)
			for (size_t k = 0; k < chain->rule.at[i].stmt.len; k++) {
				const struct nft_stmt *stmt = &chain->rule.at[i].stmt.at[k];
				bool jumps =
					stmt->kind == NFT_DECIDE &&
					(stmt->verdict == NFT_JUMP || stmt->verdict == NFT_GOTO);
				if (jumps)
					reach(r, stmt->text, chain->rule.at[i].line);
				if (stmt->kind == NFT_VMAP)
					reach_elements(r, stmt->right, chain->rule.at[i].line);
			}
	}
}

// Chains that translate addresses and those at the edge of a device see other packets than filters do.
static bool filters(const struct nft_chain *chain)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output",
					    "postrouting"};
	if (!chain->hook || (strcmp(chain->type, "filter") && strcmp(chain->type, "route")))
		return false;
	for (size_t i = 0; i < array_len(hooks); i++)
		if (!strcmp(hooks[i], chain->hook))
			return true;
	return false;
}

// The chains that a filter can get to, or that nothing gets to; the others belong to what does not filter.
static void find_filters(struct lowering *l, const struct nft_table *table, struct map *kept)
{
	struct map others = {.arena = l->arena};
	struct reach keep = {.l = l, .table = table, .reached = kept};
	struct reach leave = {.l = l, .table = table, .reached = &others};
	for (size_t i = 0; i < table->chain.len; i++)
		if (table->chain.at[i]->hook)
			reach_from(filters(table->chain.at[i]) ? &keep : &leave,
				   table->chain.at[i]->name);
	for (size_t i = 0; i < table->chain.len; i++)
		if (!map_get(&others, table->chain.at[i]->name))
			reach_from(&keep, table->chain.at[i]->name);
}

// --- tables ---

static void leave_chain(struct lowering *l, const struct nft_chain *chain, const char *what)
{
	l->out->source_rules += chain->rule.len;
	l->out->elsewhere += chain->rule.len;
	for (size_t i = 0; i < chain->rule.len; i++)
		count_gap(l, what, chain->rule.at[i].line);
}

static bool version_seen(const struct nft_table *table, unsigned version)
{
	const char *other = version == 4 ? "ip6" : "ip";
	return strcmp(table->family, other) != 0;
}

// Several base chains at one hook: each is judged alone.
static void count_at_hook(struct lowering *l, const struct nft_table *table,
			  const struct nft_chain *chain)
{
	bool bridge = !strcmp(table->family, "bridge"), shared = false;
	for (unsigned version = 4; version <= 6; version += 2) {
		const char *key = arena_printf(l->arena, "%s%u %s", bridge ? "bridge " : "",
					       version, chain->hook);
		if (!version_seen(table, version))
			continue;
		uintptr_t n = (uintptr_t)map_get(&l->at_hook, key) + 1;
		map_put(&l->at_hook, key, (void *)n);
		shared |= n > 1;
	}
	if (shared)
		count_gap(l,
			  arena_printf(l->arena,
				       "further base chains at hook %s: packets pass all of them, "
				       "each is a chain of its own here",
				       chain->hook),
			  chain->line);
}

static struct ir_clause seen_by(struct lowering *l, const struct nft_table *table)
{
	struct ir_clause sees = {0};
	struct algebra_builder versions = {.arena = l->arena};
	bool ip = !strcmp(table->family, "ip"), inet = !strcmp(table->family, "inet");
	if (ip || inet)
		algebra_builder_add(&versions, 4, 4);
	if (inet || !strcmp(table->family, "ip6"))
		algebra_builder_add(&versions, 6, 6);
	struct algebra_set set = algebra_builder_take(&versions);
	if (set.len) // a bridge sees more than IP
		(void)!ir_clause_narrow(&sees, l->arena, IR_FAMILY, set);
	return sees;
}

static const char *left_aside(const struct nft_table *table)
{
	static const char *const families[] = {"ip", "ip6", "inet", "bridge"};
	if (table->dormant)
		return "rules of dormant tables";
	for (size_t i = 0; i < array_len(families); i++)
		if (!strcmp(families[i], table->family))
			return NULL;
	return !strcmp(table->family, "arp") ? "rules of family arp" : "rules of family netdev";
}

static void lower_filters(struct lowering *l, const struct nft_table *table, const struct map *kept)
{
	struct nft_matcher m = {.reader = {.arena = l->arena, .table = table},
				.table = table,
				.arena = l->arena,
				.seen = {.arena = l->arena}};
	struct import_table made = {.file = l->ruleset->file,
				    .family = table->family,
				    .name = table->name,
				    .filters = true,
				    .sees = seen_by(l, table)};
	for (size_t i = 0; i < table->chain.len && !l->bad; i++) {
		const struct nft_chain *chain = table->chain.at[i];
		if (!map_get(kept, chain->name)) {
			leave_chain(l, chain,
				    "rules that translate addresses, or filter at devices");
			continue;
		}
		if (chain->hook)
			count_at_hook(l, table, chain);
		vec_push(l->arena, &made.chain, (struct import_body){0});
		lower_chain(l, &m, chain, &made.chain.at[made.chain.len - 1]);
	}
	if (!l->bad && !import_flatten(&made, l->arena, l->diags, l->out))
		l->bad = true;
}

static void lower_table(struct lowering *l, const struct nft_table *table)
{
	const char *aside = left_aside(table);
	struct map kept = {.arena = l->arena};
	if (!aside) {
		find_filters(l, table, &kept);
		if (!l->bad)
			lower_filters(l, table, &kept);
		return;
	}
	for (size_t i = 0; i < table->chain.len; i++)
		leave_chain(l, table->chain.at[i], aside);
}

typedef bool (*read_fn)(const struct import_input *input, struct diags *diags,
			struct nft_ruleset *out);

static bool import_with(read_fn read, const struct import_input *input, struct arena *arena,
			struct diags *diags, struct import_result *out)
{
	struct nft_ruleset ruleset = {.arena = arena, .file = input->file};
	struct lowering l = {.arena = arena,
			     .diags = diags,
			     .out = out,
			     .ruleset = &ruleset,
			     .gaps = {.arena = arena},
			     .at_hook = {.arena = arena}};
	if (!read(input, diags, &ruleset))
		return false;
	l.memory = arena->total;
	for (size_t i = 0; i < ruleset.gap.len; i++)
		count_gap(&l, ruleset.gap.at[i].what, ruleset.gap.at[i].line);
	for (size_t i = 0; i < ruleset.table.len && !l.bad; i++)
		lower_table(&l, ruleset.table.at[i]);
	return !l.bad;
}

bool import_nft_read(const struct import_input *input, struct arena *arena, struct diags *diags,
		     struct import_result *out)
{
	return import_with(nft_text_read, input, arena, diags, out);
}

bool import_nft_json_read(const struct import_input *input, struct arena *arena,
			  struct diags *diags, struct import_result *out)
{
	return import_with(nft_json_read, input, arena, diags, out);
}
