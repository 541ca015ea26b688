// SPDX-License-Identifier: Apache-2.0
// Compiling to the linear form: in the order of the rules one kernel rule a clause. What a rule does
// beyond one statement stands in chains of its own, so that all its clauses share it:
//   -<i>       dispatch: the clauses of a rule that may let the packet go on to the next rule
//   -<i>-rate  only while one of the rates is exceeded
//   -<i>-do    log, limits, verdict
//   -reject    a TCP reset for TCP, else ICMP port unreachable
// It does not choose a faster form (decision trees, verdict maps); it is the reference for them.
#include "backend/nft/compile.h"

#include <inttypes.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 1000u // rules at once, since compiling needs several times the room of what comes out

struct compiler {
	struct nft_program *program;
	struct arena *arena;
	const struct backend_nft_options *options;
	const struct ir_rule *rule;
	uint32_t index;
};

static struct algebra_set one(struct arena *arena, u128 value)
{
	return algebra_set_one(arena, value, value);
}

// --- rates ---

static uint64_t gcd(uint64_t a, uint64_t b)
{
	return b ? gcd(b, a % b) : a;
}

// The kernel counts in nanoseconds: a bucket of `burst` packets, each worth unit/rate; or of
// unit * (rate + burst) / rate for bytes. All of it must fit 64 bits, and a packet be worth at least
// one nanosecond. Bursts: as many packets as nft(8) allows, but no more than a second's; in bytes the
// largest IP packet, so that no packet is beyond the limit by its size alone.
bool nft_limit_of(uint64_t rate, bool bytes, struct nft_limit *out)
{
	const uint64_t second = 1000000000u;
	if (!bytes) {
		*out = (struct nft_limit){
			.rate = rate, .unit = 1, .burst = rate < 5 ? (uint32_t)rate : 5};
		return rate <= second;
	}
	uint64_t unit = 100 / gcd(rate, 100), room;
	*out = (struct nft_limit){
		.rate = rate / (100 / unit), .unit = unit, .burst = 65535, .bytes = true};
	return !__builtin_add_overflow(out->rate, (uint64_t)out->burst, &room) &&
	       !__builtin_mul_overflow(room, unit * second, &room);
}

// --- names ---

static void clean(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\' || *c == '$' || *c == 127)
			*c = '_';
}

// Cuts at a character's start.
static void cut(char *text, size_t most)
{
	if (strlen(text) <= most)
		return;
	while (most && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	text[most] = '\0';
}

char *nft_log_prefix(const struct ir_rule *rule, struct arena *arena)
{
	char *names = arena_printf(arena, "bulwark %s/%s", rule->policy ? rule->policy : "",
				   rule->name ? rule->name : "");
	clean(names);
	cut(names, NFT_LOG_PREFIX_MOST - 1);
	return arena_printf(arena, "%s ", names);
}

static char *chain_name(struct compiler *c, const char *suffix)
{
	return arena_printf(c->arena, "-%" PRIu32 "%s", c->index, suffix);
}

static struct nft_log log_of(struct compiler *c)
{
	return (struct nft_log){.prefix = nft_log_prefix(c->rule, c->arena),
				.to_group = c->options && c->options->log_to_group,
				.group = c->options ? c->options->log_group : 0};
}

// --- what a rule does ---

static void push(struct compiler *c, struct nft_chain *to, struct nft_form form)
{
	vec_push(c->arena, &to->rule, form);
}

static struct nft_tag tag(struct compiler *c, uint32_t clause, bool counts)
{
	return (struct nft_tag){.known = true,
				.rule = c->index,
				.clause = clause,
				.counts = counts,
				.policy = c->rule->policy,
				.name = c->rule->name};
}

// Through connection tracking: only the packet that makes a flow.
static void match_first(struct nft_form *form, struct arena *arena)
{
	nft_form_match(form, arena, F_KNOWN, one(arena, 0));
}

static const char *reject_chain(struct compiler *c)
{
	struct arena *a = c->arena;
	if (nft_program_find(c->program, NFT_REJECT_CHAIN))
		return NFT_REJECT_CHAIN;
	struct nft_chain *chain = nft_program_chain(c->program, NFT_REJECT_CHAIN);
	struct nft_form reset = {.act = ACT_RESET, .tag = nft_tag_helper()};
	nft_form_match(&reset, a, F_PROTO, one(a, 6));
	push(c, chain, reset);
	push(c, chain, (struct nft_form){.act = ACT_UNREACHABLE, .tag = nft_tag_helper()});
	return NFT_REJECT_CHAIN;
}

static void set_verdict(struct compiler *c, struct nft_form *form, enum ir_verdict verdict)
{
	if (ir_verdict_passes(verdict))
		form->act = ACT_ACCEPT;
	else if (verdict == IR_DROP)
		form->act = ACT_DROP;
	else if (verdict == IR_REJECT) {
		form->act = ACT_GOTO;
		form->chain = reject_chain(c);
	}
}

static struct nft_form log_form(struct compiler *c)
{
	struct nft_form form = {.log = log_of(c), .tag = tag(c, 0, false)};
	if (c->rule->log == IR_LOG_SESSION)
		match_first(&form, c->arena);
	return form;
}

// The rule's rates as tests that are true beyond them, each with what `then` does.
static void push_limits(struct compiler *c, struct nft_chain *to, struct nft_form then)
{
	const struct ir_rate *rate = &c->rule->rate;
	const struct {
		uint64_t rate;
		bool bytes, flows;
	} kinds[] = {{rate->packets, false, false},
		     {rate->flows, false, true},
		     {rate->bytes_x100, true, false}};
	for (size_t i = 0; i < array_len(kinds); i++) {
		struct nft_form form = then;
		form.limited =
			kinds[i].rate && nft_limit_of(kinds[i].rate, kinds[i].bytes, &form.limit);
		if (!form.limited)
			continue;
		if (kinds[i].flows)
			match_first(&form, c->arena);
		push(c, to, form);
	}
}

// A chain that logs the session and gives the verdict.
static const char *session_chain(struct compiler *c)
{
	struct nft_chain *chain = nft_program_chain(c->program, chain_name(c, "-do"));
	push(c, chain, log_form(c));
	struct nft_form verdict = {.tag = tag(c, 0, false)};
	set_verdict(c, &verdict, c->rule->verdict);
	if (verdict.act != ACT_CONTINUE)
		push(c, chain, verdict);
	return chain->name;
}

static const char *rate_limit_chain(struct compiler *c)
{
	struct nft_chain *chain = nft_program_chain(c->program, chain_name(c, "-do"));
	if (c->rule->log != IR_LOG_NONE)
		push(c, chain, log_form(c));
	push_limits(c, chain, (struct nft_form){.act = ACT_DROP, .tag = tag(c, 0, false)});
	push(c, chain, (struct nft_form){.act = ACT_ACCEPT, .tag = tag(c, 0, false)});
	return chain->name;
}

// What is done with a packet to which the rule applies, as statements of one kernel rule. `back` ends
// a rule without a verdict inside a chain, where going on would mean the rule's next clause.
static struct nft_form action(struct compiler *c, enum nft_act back)
{
	struct nft_form form = {0};
	if (c->rule->verdict == IR_RATE_LIMIT) {
		form.act = ACT_GOTO;
		form.chain = rate_limit_chain(c);
	} else if (c->rule->log == IR_LOG_SESSION) {
		form.act =
			c->rule->verdict == IR_NONE && back == ACT_CONTINUE ? ACT_JUMP : ACT_GOTO;
		form.chain = session_chain(c);
	} else {
		if (c->rule->log != IR_LOG_NONE)
			form.log = log_of(c);
		form.act = back;
		set_verdict(c, &form, c->rule->verdict);
	}
	return form;
}

static const char *rate_chain(struct compiler *c)
{
	struct nft_chain *chain = nft_program_chain(c->program, chain_name(c, "-rate"));
	struct nft_form then = action(c, ACT_RETURN);
	then.tag = tag(c, 0, true);
	push_limits(c, chain, then);
	return chain->name;
}

// --- which packets ---

// What a field asks of the packet beside its value. The tuple of a flow rule is not the packet's: an
// ICMP error belongs to a TCP flow too. Flows have no fragments, they are put together before.
static void guard(struct nft_form *form, struct arena *arena, const struct nft_field_info *info,
		  bool flow)
{
	if (info->dim == IR_SMAC || info->dim == IR_DMAC)
		nft_form_match(form, arena, F_LINK, one(arena, NFT_LINK_ETHERNET));
	bool transport = info->place.source == SOURCE_PAYLOAD &&
			 info->place.key == NFT_PAYLOAD_TRANSPORT_HEADER;
	if (!flow && transport)
		nft_form_match(form, arena, F_HEADER, algebra_set_one(arena, 0, algebra_max(24)));
	if (!flow)
		return;
	if (info->version)
		nft_form_match(form, arena, F_VERSION,
			       one(arena, info->version == 4 ? NFT_VERSION_4 : NFT_VERSION_6));
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	if (protocols.len)
		nft_form_match(form, arena, F_PROTO, protocols);
}

static unsigned version_of(const struct ir_clause *clause)
{
	return ir_clause_versions(clause) == 2 ? 6 : 4;
}

static bool is_response(const struct ir_clause *clause)
{
	const struct algebra_set *type = ir_clause_set(clause, IR_DCCPTYPE);
	return type && algebra_set_has(*type, 1);
}

enum part { ALL, TUPLE_AND_CLOCK };

static void match_clause(struct nft_form *form, struct arena *arena, const struct ir_clause *clause,
			 bool flow, enum part part)
{
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		enum ir_dim_kind kind = ir_dim_info[dim].kind;
		if (kind == IR_KIND_PACKET && part == TUPLE_AND_CLOCK)
			continue;
		enum nft_side side = kind == IR_KIND_TUPLE && flow ? OF_FLOW : OF_PACKET;
		enum nft_field field =
			nft_field_of(dim, side, version_of(clause), is_response(clause));
		if (kind == IR_KIND_PACKET || side == OF_PACKET)
			guard(form, arena, &nft_field_info[field], flow);
		nft_form_match(form, arena, field,
			       nft_field_raw(field, arena, clause->cond[i].set));
	}
}

static bool has_packet_dims(const struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++)
		if (ir_dim_info[clause->cond[i].dim].kind == IR_KIND_PACKET)
			return true;
	return false;
}

struct clause_forms {
	struct nft_form form[2];
	size_t len;
};

// The kernel rules of a clause, with `then` as what they do.
static struct clause_forms forms_of(struct compiler *c, const struct ir_clause *clause,
				    struct nft_form then)
{
	struct arena *a = c->arena;
	struct clause_forms out = {.len = 1};
	struct nft_form *form = out.form;
	form[0] = form[1] = then;
	match_clause(&form[0], a, clause, c->rule->flow, ALL);
	if (!c->rule->flow)
		return out;
	bool split = has_packet_dims(clause);
	if (split) {
		nft_form_match(&form[0], a, F_DIRECTION, one(a, 0));
	} else {
		// Every flow has a protocol: true where there is a flow.
		nft_form_match(&form[0], a, F_FLOW_PROTO, algebra_set_one(a, 0, 255));
	}
	if (split && ir_verdict_passes(c->rule->verdict)) {
		match_clause(&form[1], a, clause, true, TUPLE_AND_CLOCK);
		nft_form_match(&form[1], a, F_DIRECTION, one(a, 1));
		out.len = 2;
	}
	nft_form_tidy(&form[0]);
	nft_form_tidy(&form[1]);
	return out;
}

static size_t kernel_rules(const struct ir_rule *rule)
{
	size_t n = 0;
	for (size_t i = 0; i < rule->clauses; i++)
		n += rule->flow && ir_verdict_passes(rule->verdict) &&
				     has_packet_dims(&rule->clause[i])
			     ? 2
			     : 1;
	return n;
}

static void push_clauses(struct compiler *c, const struct nft_form *then, bool counts,
			 struct nft_chain *to)
{
	for (size_t i = 0; i < c->rule->clauses; i++) {
		struct clause_forms forms = forms_of(c, &c->rule->clause[i], *then);
		for (size_t k = 0; k < forms.len; k++) {
			forms.form[k].tag = tag(c, (uint32_t)i, counts);
			push(c, to, forms.form[k]);
		}
	}
}

// A dispatch chain is needed when a packet that went through the rule may come back from it and then
// would meet the rule's other clauses, or when limits must be reached from one place only.
void nft_compile_rule(struct nft_program *program, const struct backend_nft_options *options,
		      const struct ir_rule *rule, uint32_t index, struct nft_chain *to)
{
	struct ir_rule normal;
	struct compiler c = {.program = program,
			     .arena = program->arena,
			     .options = options,
			     .rule = &normal,
			     .index = index};
	nft_normal_rule(rule, c.arena, &normal);
	if (!normal.clauses)
		return;
	bool rate = ir_rule_has_rate(&normal), conditional = ir_rule_has_rate_condition(&normal);
	bool dispatch = (rate || normal.verdict == IR_NONE) && kernel_rules(&normal) > 1;
	if (dispatch) {
		struct nft_chain *chain = nft_program_chain(program, chain_name(&c, ""));
		push(&c, to,
		     (struct nft_form){
			     .act = ACT_JUMP, .chain = chain->name, .tag = tag(&c, 0, false)});
		to = chain;
	}
	struct nft_form then = {.act = dispatch ? ACT_GOTO : ACT_JUMP};
	if (conditional)
		then.chain = rate_chain(&c);
	else
		then = action(&c, dispatch ? ACT_RETURN : ACT_CONTINUE);
	push_clauses(&c, &then, !conditional, to);
}

void nft_compile_end(struct nft_program *program, bool flow_rules, enum ir_verdict default_action,
		     struct nft_chain *to)
{
	struct compiler c = {.program = program, .arena = program->arena};
	if (flow_rules) {
		struct nft_form form = {
			.act = ACT_DROP,
			.tag = {.known = true, .rule = NFT_TAG_NO_FLOW, .counts = true}};
		struct algebra_set none =
			algebra_set_one(c.arena, IR_STATE_INVALID, IR_STATE_UNTRACKED);
		nft_form_match(&form, c.arena, F_STATE, none);
		push(&c, to, form);
	}
	struct nft_form form = {.tag = {.known = true, .rule = NFT_TAG_DEFAULT, .counts = true}};
	set_verdict(&c, &form, default_action);
	push(&c, to, form);
}

// --- lists ---

struct blocks {
	const struct ir_ruleset *lowered;
	const struct backend_nft_options *options;
	struct nft_program *program;
	nft_forms_fn each;
	void *context;
	bool flow_rules;
};

static void compile_block(const struct blocks *b, size_t first)
{
	struct arena scratch;
	struct nft_program made;
	struct nft_chain forms = {.name = ""}, own = {.name = ""};
	size_t rules = b->lowered->rule.len, end = first + BLOCK < rules ? first + BLOCK : rules;
	arena_init(&scratch);
	nft_program_init(&made, &scratch);
	for (size_t i = first; i < end; i++)
		nft_compile_rule(&made, b->options, &b->lowered->rule.at[i], (uint32_t)i, &forms);
	if (end == rules)
		nft_compile_end(&made, b->flow_rules, b->lowered->default_action, &forms);
	nft_program_adopt(b->program, &made);
	for (size_t i = 0; i < forms.rule.len; i++)
		vec_push(&scratch, &own.rule, nft_form_copy(&forms.rule.at[i], b->program));
	b->each(b->context, own.rule.at, own.rule.len);
	arena_fini(&scratch);
}

void nft_compile_blocks(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
			struct nft_program *program, nft_forms_fn each, void *context)
{
	struct blocks b = {lowered, options, program, each, context, false};
	for (size_t i = 0; i < lowered->rule.len; i++)
		b.flow_rules |= lowered->rule.at[i].flow;
	for (size_t i = 0; !i || i < lowered->rule.len; i += BLOCK)
		compile_block(&b, i);
}

struct gathered {
	struct nft_form *at;
	size_t len, cap;
};

static void gather(void *context, const struct nft_form *form, size_t len)
{
	struct gathered *to = context;
	if (to->cap - to->len < len) {
		to->cap = to->cap * 2 + len;
		to->at = base_oom(realloc(to->at, to->cap * sizeof(*to->at)));
	}
	memcpy(to->at + to->len, form, len * sizeof(*form));
	to->len += len;
}

void nft_compile(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		 struct nft_program *program)
{
	struct nft_chain *main_chain = nft_program_chain(program, "");
	struct gathered all = {0};
	nft_compile_blocks(lowered, options, program, gather, &all);
	main_chain->rule.at = arena_memdup(program->arena, all.at, all.len * sizeof(*all.at));
	main_chain->rule.len = main_chain->rule.cap = all.len;
	free(all.at);
}
