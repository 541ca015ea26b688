// SPDX-License-Identifier: Apache-2.0
// What is enforced against what is intended. Both are lists of kernel rules with keys that hold all
// that a rule does; the lists are equal or every difference is named. Where they differ, equal rules
// are paired first, the longest run that kept its order stays, and what is left is missing, changed
// (the user data still says whose it was), foreign or reordered.
#include "backend/nft/lift.h"
#include "backend/nft/open.h"
#include "backend/nft/pinhole.h"
#include "backend/nft/text.h"
#include "base/buf.h"

#include <linux/netfilter.h>
#include <string.h>

const char *const backend_change_name[] = {
	[BACKEND_MISSING] = "missing",
	[BACKEND_CHANGED] = "changed",
	[BACKEND_FOREIGN] = "foreign",
	[BACKEND_REORDERED] = "reordered",
};

static void add(struct backend_differences *out, struct backend_difference difference)
{
	vec_push(out->arena, &out->list, difference);
}

static void add_named(struct backend_differences *out, enum backend_change change,
		      const char *intended, const char *found)
{
	add(out,
	    (struct backend_difference){.change = change, .intended = intended, .found = found});
}

// --- the rules of the generation ---

struct side {
	const struct nft_program *program;
	const struct nft_form *form;
	size_t len;
	const char **key;
	size_t *partner; // index on the other side, NONE
};
#define NONE SIZE_MAX

static char *key_text(const struct nft_program *program, const struct nft_form *form,
		      struct arena *arena)
{
	static const char hex[] = "0123456789abcdef";
	struct buf buf;
	buf_init(&buf);
	nft_form_key(program, form, true, &buf);
	char *text = arena_alloc(arena, buf.len * 2 + 1);
	for (size_t i = 0; i < buf.len; i++) {
		text[2 * i] = hex[(unsigned char)buf.data[i] >> 4];
		text[2 * i + 1] = hex[buf.data[i] & 15];
	}
	buf_fini(&buf);
	return text;
}

static struct side side_of(const struct nft_program *program, struct arena *arena)
{
	const struct nft_chain *chain = nft_program_find(program, "");
	struct side side = {.program = program};
	if (!chain)
		return side;
	side.form = chain->rule.at;
	side.len = chain->rule.len;
	side.key = arena_array(arena, const char *, side.len);
	side.partner = arena_array(arena, size_t, side.len);
	for (size_t i = 0; i < side.len; i++) {
		side.key[i] = key_text(program, &side.form[i], arena);
		side.partner[i] = NONE;
	}
	return side;
}

static void pair_equal(struct side *intended, struct side *found, struct arena *arena)
{
	struct map heads = {.arena = arena};
	size_t *next = arena_array(arena, size_t, intended->len);
	for (size_t i = intended->len; i-- > 0;) {
		size_t *head = map_get(&heads, intended->key[i]);
		if (!head) {
			head = arena_new(arena, size_t);
			*head = NONE;
			map_put(&heads, intended->key[i], head);
		}
		next[i] = *head;
		*head = i;
	}
	for (size_t k = 0; k < found->len; k++) {
		size_t *head = map_get(&heads, found->key[k]);
		if (!head || *head == NONE)
			continue;
		found->partner[k] = *head;
		intended->partner[*head] = k;
		*head = next[*head];
	}
}

// Marks the found rules of a longest run whose partners ascend; the other paired ones are reordered.
static bool *longest_run(const struct side *found, struct arena *arena)
{
	bool *in = arena_array(arena, bool, found->len + 1);
	size_t *last =
		arena_array(arena, size_t, found->len + 1); // by length: the run's last found rule
	size_t *before = arena_array(arena, size_t, found->len + 1);
	size_t length = 0;
	for (size_t k = 0; k < found->len; k++) {
		if (found->partner[k] == NONE)
			continue;
		size_t lo = 0, hi = length;
		while (lo < hi) {
			size_t middle = (lo + hi) / 2;
			if (found->partner[last[middle]] < found->partner[k])
				lo = middle + 1;
			else
				hi = middle;
		}
		before[k] = lo ? last[lo - 1] : NONE;
		last[lo] = k;
		length = lo == length ? length + 1 : length;
	}
	for (size_t k = length ? last[length - 1] : NONE; k != NONE; k = before[k])
		in[k] = true;
	return in;
}

static bool same_owner(const struct nft_tag *a, const struct nft_tag *b)
{
	return a->known && b->known && a->rule == b->rule && a->clause == b->clause;
}

struct comparison {
	struct side intended, found;
	struct arena *arena;
	struct backend_differences *out;
};

static const char *shown(struct comparison *c, const struct side *side, size_t i)
{
	return nft_text_shown(side->program, &side->form[i], c->out->arena);
}

static void add_rule(struct comparison *c, enum backend_change change, size_t intended,
		     size_t found)
{
	const struct nft_form *form =
		intended != NONE ? &c->intended.form[intended] : &c->found.form[found];
	const char *name = form->tag.rule == NFT_TAG_DEFAULT   ? "default action"
			   : form->tag.rule == NFT_TAG_NO_FLOW ? "packets without a flow"
							       : form->tag.name;
	add(c->out, (struct backend_difference){
			    .change = change,
			    .policy = arena_strdup(c->out->arena, form->tag.policy),
			    .rule = arena_strdup(c->out->arena, name),
			    .intended = intended != NONE ? shown(c, &c->intended, intended) : NULL,
			    .found = found != NONE ? shown(c, &c->found, found) : NULL});
}

// The found rules that have no equal, by their tags.
static struct map left_by_tag(struct comparison *c)
{
	struct map by_tag = {.arena = c->arena};
	for (size_t k = c->found.len; k-- > 0;) {
		const struct nft_tag *tag = &c->found.form[k].tag;
		if (c->found.partner[k] != NONE || !tag->known)
			continue;
		size_t *at = arena_new(c->arena, size_t);
		*at = k;
		(void)map_put(&by_tag, arena_printf(c->arena, "%u.%u", tag->rule, tag->clause), at);
	}
	return by_tag;
}

// What an intended rule without an equal has been changed into: the found rule that is left under its
// tag, or one without a tag in its place.
static size_t changed_into(struct comparison *c, const struct map *by_tag, size_t i)
{
	const struct nft_tag *tag = &c->intended.form[i].tag;
	size_t *at = map_get(by_tag, arena_printf(c->arena, "%u.%u", tag->rule, tag->clause));
	if (at && c->found.partner[*at] == NONE && same_owner(tag, &c->found.form[*at].tag))
		return *at;
	if (i && c->intended.partner[i - 1] == NONE)
		return NONE;
	size_t k = i ? c->intended.partner[i - 1] + 1 : 0;
	bool replaced =
		k < c->found.len && c->found.partner[k] == NONE && !c->found.form[k].tag.known;
	return replaced ? k : NONE;
}

static void pair_changed(struct comparison *c)
{
	struct map by_tag = left_by_tag(c);
	for (size_t i = 0; i < c->intended.len; i++) {
		if (c->intended.partner[i] != NONE)
			continue;
		size_t k = changed_into(c, &by_tag, i);
		add_rule(c, k == NONE ? BACKEND_MISSING : BACKEND_CHANGED, i, k);
		if (k == NONE)
			continue;
		c->found.partner[k] = i;
		c->intended.partner[i] = k;
	}
}

static void compare_rules(struct comparison *c)
{
	pair_equal(&c->intended, &c->found, c->arena);
	bool *in_order = longest_run(&c->found, c->arena);
	for (size_t k = 0; k < c->found.len; k++)
		if (c->found.partner[k] != NONE && !in_order[k])
			add_rule(c, BACKEND_REORDERED, c->found.partner[k], k);
	pair_changed(c);
	for (size_t k = 0; k < c->found.len; k++)
		if (c->found.partner[k] == NONE)
			add_rule(c, BACKEND_FOREIGN, NONE, k);
}

// --- the frame around it ---

static const char *base_text(const struct nft_dumped_chain *chain, struct arena *arena)
{
	return arena_printf(arena, "chain %s: type %s, hook %u, priority %d, policy %s",
			    chain->name, chain->base ? chain->type : "none", chain->hook,
			    chain->priority, chain->policy == NF_ACCEPT ? "accept" : "drop");
}

static bool is_jump(const struct nft_form *form, enum nft_act act, const char *chain)
{
	return !form->len && !form->strange && !form->limited && !form->log.prefix &&
	       !form->named_set && form->act == act && form->chain && !strcmp(form->chain, chain);
}

// The base chain: jump pinholes, goto g<N>, and nothing else.
static void compare_base(const struct nft_table *table, bool deployed,
			 struct backend_differences *out)
{
	struct arena *a = out->arena;
	const struct nft_dumped_chain *base = nft_table_chain(table, NFT_BASE_CHAIN);
	const char *wanted =
		arena_printf(a, "chain %s: type filter, hook %u, priority 0, policy %s",
			     NFT_BASE_CHAIN, NF_INET_FORWARD, deployed ? "drop" : "accept");
	if (!base) {
		add_named(out, BACKEND_MISSING, wanted, NULL);
		return;
	}
	const char *is = base_text(base, a);
	if (strcmp(is, wanted) != 0)
		add_named(out, BACKEND_CHANGED, wanted, is);
	struct nft_program none;
	nft_program_init(&none, a);
	const char *generation = nft_generation_name(table->generation, a);
	bool pinholes = false, policy = !deployed;
	for (size_t i = 0; i < base->rule.len; i++) {
		const struct nft_form *form = &base->rule.at[i];
		if (!pinholes && is_jump(form, ACT_JUMP, NFT_PINHOLE_CHAIN))
			pinholes = true;
		else if (!policy && pinholes && is_jump(form, ACT_GOTO, generation))
			policy = true;
		else
			add_named(out, BACKEND_FOREIGN, NULL,
				  arena_printf(a, "chain %s: %s", base->name,
					       nft_text_shown(&none, form, a)));
	}
	if (!pinholes)
		add_named(out, BACKEND_MISSING, "chain " NFT_BASE_CHAIN ": jump " NFT_PINHOLE_CHAIN,
			  NULL);
	if (!policy)
		add_named(out, BACKEND_MISSING, "chain " NFT_BASE_CHAIN ": goto the policy", NULL);
}

static void compare_pinholes(const struct nft_table *table, struct backend_differences *out)
{
	const struct nft_dumped_chain *chain = nft_table_chain(table, NFT_PINHOLE_CHAIN);
	struct nft_program none;
	struct backend_pinhole_state state;
	nft_program_init(&none, out->arena);
	if (!chain)
		add_named(out, BACKEND_MISSING, "chain " NFT_PINHOLE_CHAIN, NULL);
	else if (chain->base)
		add_named(out, BACKEND_CHANGED, "chain " NFT_PINHOLE_CHAIN,
			  base_text(chain, out->arena));
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (!nft_pinhole_read(table, &chain->rule.at[i], out->arena, nft_now(), &state))
			add_named(out, BACKEND_FOREIGN, NULL,
				  arena_printf(
					  out->arena, "chain %s: %s", chain->name,
					  nft_text_shown(&none, &chain->rule.at[i], out->arena)));
}

static void mark(const struct nft_program *program, const struct nft_chain *chain, struct map *seen)
{
	if (!chain || map_put(seen, chain->name, (void *)chain))
		return;
	for (size_t i = 0; i < chain->rule.len; i++)
		if (chain->rule.at[i].chain)
			mark(program, nft_program_find(program, chain->rule.at[i].chain), seen);
}

// Chains, sets and the rest that nothing of ours leads to.
static void compare_leftovers(const struct nft_table *table, const struct nft_program *found,
			      struct backend_differences *out)
{
	struct arena *a = out->arena;
	struct map seen = {.arena = a};
	mark(found, nft_program_find(found, ""), &seen);
	for (size_t i = 0; i < table->chain.len; i++) {
		const char *name = table->chain.at[i]->name;
		uint32_t generation;
		bool ours = !strcmp(name, NFT_BASE_CHAIN) || !strcmp(name, NFT_PINHOLE_CHAIN);
		if (nft_generation_of(name, &generation) && generation == table->generation)
			ours = map_get(&seen, name + strlen(nft_generation_name(generation, a))) !=
			       NULL;
		if (!ours)
			add_named(out, BACKEND_FOREIGN, NULL, arena_printf(a, "chain %s", name));
	}
	for (size_t i = 0; i < table->set.len; i++)
		if (!table->set.at[i]->used && !nft_pinhole_owns(table, table->set.at[i]))
			add_named(out, BACKEND_FOREIGN, NULL,
				  arena_printf(a, "set %s", table->set.at[i]->name));
	for (size_t i = 0; i < table->other.len; i++)
		add_named(out, BACKEND_FOREIGN, NULL,
			  arena_printf(a, "object %s", table->other.at[i].name));
	if (table->flags)
		add_named(out, BACKEND_CHANGED, "table flags 0",
			  arena_printf(a, "table flags %u", table->flags));
}

static void compare_policy(struct backend_nft *nft, const struct nft_program *found,
			   const struct ir_ruleset *lowered, struct backend_differences *out)
{
	struct arena arena;
	struct nft_program intended;
	arena_init(&arena);
	nft_program_init(&intended, &arena);
	nft_compile(lowered, &nft->options, &intended);
	struct comparison c = {.arena = &arena, .out = out};
	c.intended = side_of(&intended, &arena);
	c.found = side_of(found, &arena);
	compare_rules(&c);
	arena_fini(&arena);
}

int backend_nft_compare(struct backend_nft *nft, const struct ir_ruleset *lowered,
			struct backend_differences *out)
{
	struct nft_table table;
	struct nft_program found;
	int error = nft_table_read(&nft->socket, nft->table, NFT_ALL, out->arena, &table);
	if (error)
		return error;
	if (!table.there) {
		if (lowered)
			add_named(out, BACKEND_MISSING,
				  arena_printf(out->arena, "table inet %s", nft->table), NULL);
		return 0;
	}
	nft_program_init(&found, out->arena);
	if (table.generation)
		nft_lift_program(&table, table.generation, &found);
	compare_base(&table, lowered != NULL, out);
	compare_pinholes(&table, out);
	compare_leftovers(&table, &found, out);
	if (lowered)
		compare_policy(nft, &found, lowered, out);
	return 0;
}

int backend_nft_read_back(struct backend_nft *nft, struct arena *arena, struct backend_state *out)
{
	struct nft_table table;
	struct nft_program found;
	*out = (struct backend_state){.strange = {.arena = arena}};
	int error = nft_table_read(&nft->socket, nft->table, NFT_ALL, arena, &table);
	if (error || !table.there)
		return error;
	out->deployed = table.generation != 0;
	nft_program_init(&found, arena);
	if (out->deployed)
		nft_lift_program(&table, table.generation, &found);
	compare_base(&table, out->deployed, &out->strange);
	compare_pinholes(&table, &out->strange);
	compare_leftovers(&table, &found, &out->strange);
	if (out->deployed)
		nft_lift(&found, arena, &out->ruleset, &out->strange);
	return 0;
}
