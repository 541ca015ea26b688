// SPDX-License-Identifier: Apache-2.0
// What is enforced against what is intended: the frame of our table must be ours (base chain, pinholes, nothing that
// nobody leads to), and of the policy it must be proven that it is enforced (differ.c).
#include "backend/nft/differ.h"
#include "backend/nft/live.h"
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

// --- the frame around it ---

static const char *base_text(const struct nft_dumped_chain *chain, struct arena *arena)
{
	return arena_printf(arena, "chain %s: type %s, hook %u, priority %d, policy %s",
			    chain->name, chain->base ? chain->type : "none", chain->hook,
			    chain->priority, chain->policy == NF_ACCEPT ? "accept" : "drop");
}

// The base chain: jump pinholes while there are any, goto g<N>, and nothing else.
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
	bool pinholes = nft_pinhole_any(table, a), jumps = false, goes = false;
	for (size_t i = 0; i < base->rule.len; i++) {
		const struct nft_form *form = &base->rule.at[i];
		if (pinholes && !jumps && !goes &&
		    nft_only_leads(form, ACT_JUMP, NFT_PINHOLE_CHAIN))
			jumps = true;
		else if (deployed && !goes && nft_only_leads(form, ACT_GOTO, generation))
			goes = true;
		else
			add_named(out, BACKEND_FOREIGN, NULL,
				  arena_printf(a, "chain %s: %s", base->name,
					       nft_text_shown(&none, form, a)));
	}
	if (pinholes && !jumps)
		add_named(out, BACKEND_MISSING, "chain " NFT_BASE_CHAIN ": jump " NFT_PINHOLE_CHAIN,
			  NULL);
	if (deployed && !goes)
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
	for (size_t i = 0; i < chain->rule.len; i++) {
		const struct nft_form *form = &chain->rule.at[i];
		if (form->chain)
			mark(program, nft_program_find(program, form->chain), seen);
		for (size_t k = 0; form->act == ACT_BRANCH && k < form->map.len; k++)
			mark(program, nft_program_find(program, form->map.branch[k].chain), seen);
		for (size_t k = 0; form->act == ACT_BOXES && k < form->boxes.len; k++)
			mark(program, nft_program_find(program, form->boxes.box[k].chain), seen);
	}
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

// --- rules in front ---

static bool has_version(const struct nft_form *form, u128 version)
{
	const struct algebra_set *set = nft_form_set(form, F_VERSION);
	return !set || algebra_set_has(*set, version);
}

// Elements of the chain's maps that are for this version of IP; they are told when nobody comes to them.
static size_t compare_pieces(const struct nft_dumped_chain *chain, u128 version, bool come,
			     struct backend_differences *out)
{
	struct nft_program none;
	size_t n = 0;
	nft_program_init(&none, out->arena);
	for (size_t i = 0; i < chain->rule.len; i++)
		for (size_t k = 0; k < chain->rule.at[i].boxes.pieces; k++) {
			const struct nft_form *piece = &chain->rule.at[i].boxes.piece[k];
			if (!has_version(piece, version))
				continue;
			n++;
			if (!come)
				add_named(out, BACKEND_FOREIGN, NULL,
					  arena_printf(out->arena, "chain %s, behind its guard: %s",
						       chain->name,
						       nft_text_shown(&none, piece, out->arena)));
		}
	return n;
}

// What stands behind a guard that is shut is in force for nobody, so the proof says nothing of it; but it would be when we
// open the guard. And it is open for those only for whom something stands there.
static void compare_guard(const struct nft_dumped_chain *chain, const struct nft_form *guard,
			  struct backend_differences *out)
{
	static const u128 version[] = {NFT_VERSION_4, NFT_VERSION_6};
	const struct algebra_set *in = nft_form_set(guard, F_VERSION);
	struct algebra_builder needed = {.arena = out->arena};
	struct nft_program none;
	nft_program_init(&none, out->arena);
	for (size_t i = 0; i < array_len(version); i++)
		if (compare_pieces(chain, version[i], algebra_set_has(*in, version[i]), out))
			algebra_builder_add(&needed, version[i], version[i]);
	if (!algebra_set_within(*in, algebra_builder_take(&needed)))
		add_named(out, BACKEND_FOREIGN, NULL,
			  arena_printf(out->arena, "%s, where nothing stands for some of these",
				       nft_text_shown(&none, guard, out->arena)));
}

static bool looks_rules_up(const struct nft_dumped_chain *chain)
{
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (chain->rule.at[i].boxes.counts)
			return true;
	return false;
}

static void compare_front(const struct nft_table *table, struct backend_differences *out)
{
	const char *prefix = nft_generation_name(table->generation, out->arena);
	const struct nft_dumped_chain *chain = nft_table_chain(table, prefix);
	for (size_t i = 0; chain && i < chain->rule.len; i++) {
		const struct nft_form *guard = &chain->rule.at[i];
		const char *to = guard->chain && nft_form_set(guard, F_VERSION)
					 ? arena_printf(out->arena, "%s%s", prefix, guard->chain)
					 : prefix;
		const struct nft_dumped_chain *front = nft_table_chain(table, to);
		if (front != chain && looks_rules_up(front))
			compare_guard(front, guard, out);
	}
}

static void number_rule(const struct nft_live *live, const uint32_t *place, struct nft_form *rule)
{
	for (size_t i = 0; rule->act == ACT_BOXES && i < rule->boxes.pieces; i++)
		number_rule(live, place, &rule->boxes.piece[i]);
	nft_live_place(live, place, &rule->tag);
}

// Changes in place give rules numbers that are not their places; who made them knows. That is only about who a rule says it
// is: it guides, it proves nothing.
static void number_by_place(const struct backend_nft *nft, struct nft_table *table)
{
	struct arena arena;
	if (!nft->live)
		return;
	arena_init(&arena);
	const uint32_t *place = nft_live_places(nft->live, &arena);
	for (size_t i = 0; i < table->chain.len; i++)
		for (size_t k = 0; k < table->chain.at[i]->rule.len; k++)
			number_rule(nft->live, place, &table->chain.at[i]->rule.at[k]);
	for (size_t i = 0; i < table->set.len; i++)
		for (size_t k = 0; k < table->set.at[i]->direct.len; k++)
			nft_live_place(nft->live, place, &table->set.at[i]->direct.at[k]->tag);
	arena_fini(&arena);
}

// A copy has nothing to count for; it says whether what was counted before is so.
static bool count_places(struct backend_nft *nft, const struct nft_table *table)
{
	if (!nft->live)
		return false;
	if (nft->apart.read)
		return nft_places_hold(nft->live, table);
	nft_places_count(nft->live, table);
	return true;
}

// Proofs in part need not read them again. The maps at the top of a tree, to which most packets come, were made last.
static void know_maps(struct backend_nft *nft, const struct nft_table *table)
{
	if (!nft->live || nft->apart.read)
		return;
	struct nft_known *known = &nft->live->known;
	nft_known_fini(known);
	for (size_t i = table->set.len; i-- && known->bytes < NFT_KNOWN_MOST / 2;)
		nft_known_put(known, table->set.at[i]);
	for (size_t i = 0; i < table->chain.len; i++)
		nft_known_put_chain(known, table->chain.at[i]);
	nft->known_at = (struct nft_moment){table->changes, nft->socket.commits};
}

// The rules of the policy's list, by their numbers in the tree.
static const uint32_t *number_list(const struct nft_live *live, struct arena *arena,
				   size_t *len_out)
{
	VEC(uint32_t) number = {0};
	for (size_t i = 0; i < live->rule.len; i++)
		for (uint32_t k = 0; k < live->rule.at[i].forms; k++)
			vec_push(arena, &number, live->rule.at[i].first + k);
	for (uint32_t i = 0; i < live->lasts; i++)
		vec_push(arena, &number, live->last + i);
	*len_out = number.len;
	return number.at;
}

// What is proven for all packets, and why.
static int differ(struct backend_nft *nft, const struct ir_ruleset *lowered,
		  const struct nft_program *found, const char *prefix,
		  struct backend_differences *out)
{
	struct nft_live *live = nft->live;
	struct nft_leaning leaning = {0};
	if (live) {
		leaning.to = &live->reasons;
		leaning.number = number_list(live, out->arena, &leaning.rules);
		nft_reasons_fini(&live->reasons);
	}
	return nft_differ(lowered, &nft->options, found, prefix, live ? &leaning : NULL, out);
}

int backend_nft_compare(struct backend_nft *nft, const struct ir_ruleset *lowered,
			struct backend_differences *out)
{
	struct nft_table table;
	struct nft_program found;
	nft_changed_forget(nft);
	int error = nft_table_read(&nft->socket, nft->table, NFT_ALL, out->arena, &table);
	if (error)
		return error;
	if (nft->apart.read)
		nft->apart.read(nft->apart.context);
	if (!table.there) {
		if (lowered)
			add_named(out, BACKEND_MISSING,
				  arena_printf(out->arena, "table inet %s", nft->table), NULL);
		return 0;
	}
	bool counted = count_places(nft, &table);
	know_maps(nft, &table);
	number_by_place(nft, &table);
	nft_program_init(&found, out->arena);
	if (table.generation)
		nft_lift_program(&table, table.generation, &found);
	compare_base(&table, lowered != NULL, out);
	compare_pinholes(&table, out);
	compare_leftovers(&table, &found, out);
	compare_front(&table, out);
	if (!lowered)
		return 0;
	error = differ(nft, lowered, &found, nft_generation_name(table.generation, out->arena),
		       out);
	if (!error && !out->list.len)
		nft_changed_proven(nft, table.changes, counted);
	else if (nft->live)
		nft->live->reasons.known = false;
	return error;
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
	number_by_place(nft, &table);
	nft_program_init(&found, arena);
	if (out->deployed)
		nft_lift_program(&table, table.generation, &found);
	compare_base(&table, out->deployed, &out->strange);
	compare_pinholes(&table, &out->strange);
	compare_leftovers(&table, &found, &out->strange);
	compare_front(&table, &out->strange);
	if (out->deployed)
		nft_lift(&found, arena, &out->ruleset, &out->strange, NULL);
	return 0;
}
