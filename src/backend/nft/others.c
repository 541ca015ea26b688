// SPDX-License-Identifier: Apache-2.0
// What others have put into the forward hook. Their base chains are read, followed and lifted as ours are; then it is asked
// of each of their rules that drops whether it takes a packet that our policy passes. What cannot be lifted is named:
// nobody can say what it does. Tables of the old iptables are not nf_tables' and are only named.
#include "backend/nft/decode.h"
#include "backend/nft/lift.h"
#include "backend/nft/open.h"
#include "backend/nft/text.h"
#include "verify/verify.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RULES_MOST 2000000u // put to the question, all questions together
#define ASKED_LEAST 4u
#define ASKED_MOST 64u
#define UNKNOWN_MOST 32u // that are told of one chain
#define WITNESS_MEMORY ((size_t)256 << 20)

const char *const backend_other_name[] = {
	[BACKEND_OTHER_DROPS] = "drops",
	[BACKEND_OTHER_UNKNOWN] = "unknown",
};

struct base_chain {
	uint8_t family;
	const char *table, *name;
	int32_t priority;
	bool drops; // its policy
};
struct others {
	struct backend_nft *nft;
	const struct ir_ruleset *lowered;
	struct arena *arena; // until all is told
	VEC(struct base_chain) chain;
	struct backend_others *out;
};

static const char *family_name(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

static void tell(struct others *o, struct backend_other other)
{
	struct arena *a = o->out->arena;
	other.where = arena_strdup(a, other.where);
	other.rule = arena_strdup(a, other.rule);
	other.witness = arena_strdup(a, other.witness);
	vec_push(a, &o->out->list, other);
}

// --- which chains there are ---

static const char *text_of(struct arena *arena, const struct nlattr *attr)
{
	return arena_strndup(arena, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

static void take_hook(const struct nlattr *nest, struct base_chain *chain, uint32_t *hook_out)
{
	const struct nlattr *attr;
	for (attr = nft_attr_next(nest, NULL); attr; attr = nft_attr_next(nest, attr)) {
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			*hook_out = (uint32_t)nft_attr_number(attr, 4);
		if (mnl_attr_get_type(attr) == NFTA_HOOK_PRIORITY)
			chain->priority = (int32_t)nft_attr_number(attr, 4);
	}
}

static int take_chain(const struct nlmsghdr *nlh, void *context)
{
	struct others *o = context;
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct base_chain chain = {.family = nfg->nfgen_family};
	uint32_t hook = UINT32_MAX;
	const struct nlattr *attr;
	for (attr = nft_message_next(nlh, NULL); attr; attr = nft_message_next(nlh, attr)) {
		uint16_t type = mnl_attr_get_type(attr);
		if (type == NFTA_CHAIN_TABLE)
			chain.table = text_of(o->arena, attr);
		else if (type == NFTA_CHAIN_NAME)
			chain.name = text_of(o->arena, attr);
		else if (type == NFTA_CHAIN_HOOK)
			take_hook(attr, &chain, &hook);
		else if (type == NFTA_CHAIN_POLICY)
			chain.drops = nft_attr_number(attr, 4) == NF_DROP;
	}
	bool ours =
		chain.family == NFPROTO_INET && chain.table && !strcmp(chain.table, o->nft->table);
	if (chain.table && chain.name && hook == NF_INET_FORWARD && !ours)
		vec_push(o->arena, &o->chain, chain);
	return 0;
}

static int find_chains(struct others *o)
{
	static const uint8_t family[] = {NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6};
	int error = 0;
	for (size_t i = 0; i < array_len(family) && !error; i++) {
		const struct nft_dump dump = {.type = NFT_MSG_GETCHAIN,
					      .family = family[i],
					      .each = take_chain,
					      .context = o};
		error = nft_dump_run(&o->nft->socket, &dump);
	}
	return error;
}

// --- their chains as a program of ours ---

// All their chains only lead on, so that they are followed.
static const char *renamed(struct arena *arena, const char *chain)
{
	return chain ? arena_printf(arena, NFT_NODE_CHAIN ":%s", chain) : NULL;
}

static bool of_transport(const struct nft_place *place)
{
	return place->source == SOURCE_PAYLOAD && place->key == NFT_PAYLOAD_TRANSPORT_HEADER;
}

static bool reads_transport(const struct nft_form *form)
{
	bool reads = form->act == ACT_BRANCH &&
		     of_transport(form->map.reg ? &form->map.reg->place
						: &nft_field_info[form->map.field].place);
	for (size_t i = 0; i < form->len; i++)
		reads |= of_transport(&nft_field_info[form->match[i].field].place);
	for (size_t i = 0; i < form->open_len; i++)
		reads |= of_transport(&form->open[i].reg.place);
	return reads;
}

// Others do not ask whether there is a transport header: their rules are looked at for packets that have one.
static struct nft_form renamed_form(struct arena *arena, const struct nft_form *form)
{
	struct nft_form out = *form;
	if (reads_transport(form))
		nft_form_match(&out, arena, F_HEADER, algebra_set_one(arena, 0, algebra_max(24)));
	out.chain = renamed(arena, form->chain);
	out.tag = (struct nft_tag){0};
	if (form->act == ACT_RESET || form->act == ACT_UNREACHABLE)
		out.act = ACT_DROP; // what is answered does not pass either
	if (form->act != ACT_BRANCH)
		return out;
	out.map.branch =
		arena_memdup(arena, form->map.branch, form->map.len * sizeof(*form->map.branch));
	for (size_t i = 0; i < form->map.len; i++)
		out.map.branch[i].chain = renamed(arena, form->map.branch[i].chain);
	return out;
}

// Behind a goto of the base chain, and when packets return to it, its policy decides.
static void push_of_base(struct arena *arena, struct nft_chain *to, struct nft_form form,
			 enum nft_act policy)
{
	bool goes = form.act == ACT_GOTO;
	if (form.act == ACT_RETURN)
		form.act = policy;
	if (goes)
		form.act = ACT_JUMP;
	vec_push(arena, &to->rule, form);
	if (!goes)
		return;
	form.act = policy;
	form.chain = NULL;
	vec_push(arena, &to->rule, form);
}

static void make_program(const struct nft_table *table, const struct base_chain *base,
			 struct nft_program *out)
{
	struct arena *a = out->arena;
	struct nft_chain *first = nft_program_chain(out, "");
	enum nft_act policy = base->drops ? ACT_DROP : ACT_ACCEPT;
	struct nft_form enter = {.act = ACT_GOTO, .chain = renamed(a, base->name)};
	u128 version = base->family == NFPROTO_IPV4 ? NFT_VERSION_4 : NFT_VERSION_6;
	if (base->family != NFPROTO_INET)
		nft_form_match(&enter, a, F_VERSION, algebra_set_one(a, version, version));
	vec_push(a, &first->rule, enter);
	vec_push(a, &first->rule, (struct nft_form){.act = ACT_ACCEPT});
	for (size_t i = 0; i < table->chain.len; i++) {
		const struct nft_dumped_chain *from = table->chain.at[i];
		struct nft_chain *to = nft_program_chain(out, renamed(a, from->name));
		bool is_base = !strcmp(from->name, base->name);
		for (size_t k = 0; k < from->rule.len; k++) {
			struct nft_form form = renamed_form(a, &from->rule.at[k]);
			if (is_base)
				push_of_base(a, to, form, policy);
			else
				vec_push(a, &to->rule, form);
		}
		if (is_base)
			vec_push(a, &to->rule, (struct nft_form){.act = policy});
	}
}

// --- what their rules do to what we pass ---

struct question {
	struct others *o;
	const struct base_chain *base;
	const struct nft_program *program;
	const struct ir_ruleset *theirs;
	const struct nft_origin *origin;
	unsigned asked, most;
};

static const char *where_is(struct others *o, const struct base_chain *base,
			    const struct nft_origin *origin)
{
	size_t prefix = strlen(NFT_NODE_CHAIN ":");
	const char *chain = origin && origin->chain && strlen(origin->chain->name) > prefix
				    ? origin->chain->name + prefix
				    : base->name;
	const char *text =
		arena_printf(o->arena, "table %s %s, chain %s (priority %d)",
			     family_name(base->family), base->table, chain, base->priority);
	if (!origin)
		return text;
	if (!origin->form || !origin->form->handle)
		return arena_printf(o->arena, "%s, its policy", text);
	return arena_printf(o->arena, "%s, handle %llu", text,
			    (unsigned long long)origin->form->handle);
}

// Our rules, for packets that none of their rules before this one has taken: passing is then what this one prevents.
static void ours_behind(const struct question *q, size_t rule, struct arena *arena,
			struct ir_ruleset *out)
{
	*out = (struct ir_ruleset){.default_action = q->o->lowered->default_action};
	for (size_t i = 0; i < rule; i++) {
		struct ir_rule before = q->theirs->rule.at[i];
		if (before.verdict == IR_NONE)
			continue;
		before.verdict = IR_DROP;
		vec_push(arena, &out->rule, before);
	}
	for (size_t i = 0; i < q->o->lowered->rule.len; i++)
		vec_push(arena, &out->rule, q->o->lowered->rule.at[i]);
}

static void tell_answer(struct question *q, size_t rule, const struct verify_assertion *answer)
{
	const struct nft_origin *origin = &q->origin[rule];
	struct backend_other other = {.where = where_is(q->o, q->base, origin)};
	bool told = answer->broken.len > 0;
	if (!told && answer->status == VERIFY_DONE)
		return;
	other.kind = told ? BACKEND_OTHER_DROPS : BACKEND_OTHER_UNKNOWN;
	other.rule = !told ? "too much work to tell what it drops"
		     : origin->form && origin->form->handle
			     ? nft_text_shown(q->program, origin->form, q->o->arena)
			     : "policy drop";
	other.witness = told ? nft_text_packet(answer->broken.at[0].packet, q->o->arena) : NULL;
	tell(q->o, other);
}

// A rule that drops is a guarantee that its packets do not pass; ours would break it.
static void ask(struct question *q, size_t rule, const struct ir_rule *drops)
{
	struct arena arena;
	struct ir_ruleset ours;
	struct verify_assertion answer;
	struct verify_options options = verify_options_default(time(NULL));
	struct ir_rule never = *drops;
	if (q->asked++ >= q->most)
		return;
	arena_init(&arena);
	options.memory = WITNESS_MEMORY;
	never.verdict = IR_DROP;
	never.rate = (struct ir_rate){0};
	ours_behind(q, rule, &arena, &ours);
	verify_assert(&ours, &never, 1, &options, &arena, &answer);
	tell_answer(q, rule, &answer);
	arena_fini(&arena);
}

static bool stops(enum ir_verdict verdict)
{
	return verdict == IR_DROP || verdict == IR_REJECT;
}

// What they have at the end is asked about, too, unless it only stands in for an end that could not be followed.
static void ask_all(struct question *q)
{
	static const struct ir_clause all = {0};
	size_t n = q->theirs->rule.len, rules = n + q->o->lowered->rule.len + 1;
	q->most = (unsigned)(RULES_MOST / rules);
	q->most = q->most < ASKED_LEAST ? ASKED_LEAST : q->most > ASKED_MOST ? ASKED_MOST : q->most;
	for (size_t i = 0; i < n; i++)
		if (stops(q->theirs->rule.at[i].verdict))
			ask(q, i, &q->theirs->rule.at[i]);
	struct ir_rule rest = {.policy = "",
			       .name = "",
			       .clause = (struct ir_clause *)(uintptr_t)&all,
			       .clauses = 1};
	if (stops(q->theirs->default_action) && (q->base->drops || q->origin[n].form->handle))
		ask(q, n, &rest);
	if (q->asked > q->most)
		tell(q->o,
		     (struct backend_other){
			     .kind = BACKEND_OTHER_UNKNOWN,
			     .where = where_is(q->o, q->base, NULL),
			     .rule = arena_printf(q->o->arena,
						  "%u more rules that drop were not looked at",
						  q->asked - q->most)});
}

// Rules of a table for one version need not ask for it.
static struct nft_form of_family(struct others *o, const struct base_chain *base,
				 const struct nft_form *form)
{
	struct nft_form version = {0}, out;
	u128 value = base->family == NFPROTO_IPV4 ? NFT_VERSION_4 : NFT_VERSION_6;
	if (base->family != NFPROTO_INET)
		nft_form_match(&version, o->arena, F_VERSION,
			       algebra_set_one(o->arena, value, value));
	nft_form_resolve(form, &version, o->arena, &out);
	return out;
}

static void tell_unknown(struct others *o, const struct base_chain *base,
			 const struct nft_program *program)
{
	unsigned told = 0;
	for (size_t i = 0; i < program->chain.len; i++)
		for (size_t k = 0; k < program->chain.at[i]->rule.len; k++) {
			const struct nft_form *from = &program->chain.at[i]->rule.at[k];
			struct nft_origin origin = {program->chain.at[i], from};
			struct nft_form form = of_family(o, base, from);
			if (!form.strange || form.open_len || form.map.reg)
				continue;
			if (told++ < UNKNOWN_MOST)
				tell(o, (struct backend_other){
						.kind = BACKEND_OTHER_UNKNOWN,
						.where = where_is(o, base, &origin),
						.rule = nft_text_shown(program, &form, o->arena)});
		}
	if (told > UNKNOWN_MOST)
		tell(o, (struct backend_other){
				.kind = BACKEND_OTHER_UNKNOWN,
				.where = where_is(o, base, NULL),
				.rule = arena_printf(o->arena,
						     "%u more rules of which nobody can say what "
						     "they do",
						     told - UNKNOWN_MOST)});
}

static int judge_chain(struct others *o, const struct base_chain *base)
{
	struct nft_table table;
	struct nft_program program;
	struct ir_ruleset theirs;
	struct backend_differences strange = {.arena = o->arena};
	struct nft_origin *origin;
	int error = nft_table_read_of(&o->nft->socket, base->family, base->table, o->arena, &table);
	if (error || !nft_table_chain(&table, base->name) || table.flags & NFT_TABLE_F_DORMANT)
		return error;
	nft_program_init(&program, o->arena);
	make_program(&table, base, &program);
	size_t before = o->out->list.len;
	tell_unknown(o, base, &program);
	nft_lift(&program, o->arena, &theirs, &strange, &origin);
	if (strange.list.len && o->out->list.len == before)
		tell(o, (struct backend_other){.kind = BACKEND_OTHER_UNKNOWN,
					       .where = where_is(o, base, NULL),
					       .rule = strange.list.at[0].found
							       ? strange.list.at[0].found
							       : "rules that cannot be followed"});
	struct question q = {
		.o = o, .base = base, .program = &program, .theirs = &theirs, .origin = origin};
	if (origin)
		ask_all(&q);
	return 0;
}

// --- the old iptables ---

// Of its tables those that have a chain in the forward hook.
static bool forwards(const char *table)
{
	return !strcmp(table, "filter") || !strcmp(table, "mangle") || !strcmp(table, "security");
}

static void tell_legacy(struct backend_others *out, const char *path, const char *program)
{
	char line[64];
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		struct backend_other other = {
			.kind = BACKEND_OTHER_UNKNOWN,
			.where = arena_printf(out->arena, "table %s of %s", line, program),
			.rule = "tables of the old iptables cannot be read; use those of "
				"nf_tables"};
		if (forwards(line))
			vec_push(out->arena, &out->list, other);
	}
	if (file)
		fclose(file);
}

// --- all of it ---

static int judge_all(struct others *o)
{
	int error = find_chains(o);
	for (size_t i = 0; i < o->chain.len && !error; i++)
		error = judge_chain(o, &o->chain.at[i]);
	return error;
}

static void keep(struct backend_nft *nft, const struct ir_ruleset *lowered, uint32_t at)
{
	struct arena arena;
	struct others o = {
		.nft = nft, .lowered = lowered, .arena = &arena, .out = &nft->others.found};
	arena_fini(&nft->others.arena);
	arena_init(&nft->others.arena);
	arena_init(&arena);
	nft->others.found = (struct backend_others){.arena = &nft->others.arena};
	nft->others.known = !judge_all(&o);
	nft->others.at = at;
	arena_fini(&arena);
}

int backend_nft_others(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct backend_others *out)
{
	uint32_t now = 0;
	int error = nft_generation(&nft->socket, &now);
	if (error)
		return error;
	if (!nft->others.known || nft->others.at != now)
		keep(nft, lowered, now);
	if (!nft->others.known)
		return -EAGAIN;
	for (size_t i = 0; i < nft->others.found.list.len; i++) {
		struct backend_other other = nft->others.found.list.at[i];
		other.where = arena_strdup(out->arena, other.where);
		other.rule = arena_strdup(out->arena, other.rule);
		other.witness = arena_strdup(out->arena, other.witness);
		vec_push(out->arena, &out->list, other);
	}
	// The kernel's number of changes does not count these.
	tell_legacy(out, "/proc/thread-self/net/ip_tables_names", "iptables");
	tell_legacy(out, "/proc/thread-self/net/ip6_tables_names", "ip6tables");
	return 0;
}
