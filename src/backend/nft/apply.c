// SPDX-License-Identifier: Apache-2.0
// Replacing the policy in force, in three transactions: make the new generation of chains where
// nothing leads to it; let the base chain's jump lead to it, in one step for every packet; delete the
// old one. Up to the second a failure leaves the old policy as it was, and what was made is removed.
// Making and switching in one transaction loses packets while the kernel fills large sets.
//
// Every apply also repairs: whatever else stands in the table goes with the old generation.
#include "backend/nft/live.h"
#include "backend/nft/open.h"
#include "backend/nft/pinhole.h"
#include "base/diag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

struct apply {
	struct backend_nft *nft;
	const struct ir_ruleset *lowered; // NULL while nothing is compiled
	bool edited;                      // from what is in force; rules that stay go on counting
	struct diags *diags;
	struct arena arena;
	struct nft_table table;  // as it was found …
	struct nft_moment found; // … then
	struct nft_batch batch;
	struct nft_live *live; // that is being made
	uint32_t generation;   // that is being made
	const char *prefix;
};

void nft_add_error(struct diags *diags, int error, const char *doing)
{
	struct diag about = {
		.code = error == -EPERM ? DIAG_DENIED : DIAG_FAILED,
		.hint = error == -EPERM
				? "the process needs CAP_NET_ADMIN in this network namespace"
				: "see the kernel log; what was in force before still is"};
	diag_add(diags, &about, "nft: %s: %s", doing, strerror(-error));
}

static void add_fault(struct apply *a, const struct nft_fault *fault, const char *doing)
{
	const struct ir_ruleset *r = a->lowered;
	if (fault->error == -EPERM || !r || fault->owner >= r->rule.len) {
		nft_add_error(a->diags, fault->error, doing);
		return;
	}
	const struct ir_rule *rule = &r->rule.at[fault->owner];
	struct diag about = {.code = DIAG_FAILED,
			     .policy = rule->policy,
			     .rule = rule->name,
			     .file = rule->file,
			     .line = rule->line,
			     .hint = "the kernel may lack a module or memory; what was in force "
				     "before still is"};
	diag_add(a->diags, &about, "nft: the kernel refuses the rule: %s", strerror(-fault->error));
}

static int run(struct apply *a, const char *doing)
{
	struct nft_fault fault;
	int error = nft_batch_run(&a->nft->socket, &a->batch, &fault);
	if (error && doing)
		add_fault(a, &fault, doing);
	return error;
}

// --- 1: the new generation, unreferenced ---

static bool base_as_made(const struct nft_dumped_chain *base)
{
	return base && base->base && base->hook == NF_INET_FORWARD && !base->priority &&
	       base->type && !strcmp(base->type, "filter");
}

// What every generation stands on. Before the first policy the base chain lets everything pass.
static void encode_frame(struct apply *a)
{
	const char *table = a->nft->table;
	nft_encode_table(&a->batch, table);
	nft_encode_chain(&a->batch, table, NFT_PINHOLE_CHAIN, 0);
	if (!nft_table_chain(&a->table, NFT_BASE_CHAIN))
		nft_encode_base(&a->batch, table, NFT_BASE_CHAIN, false);
}

static int make_generation(struct apply *a)
{
	nft_batch_split(&a->batch, &a->nft->socket);
	encode_frame(a);
	nft_live_encode(a->live, &a->batch, a->nft->table);
	return run(a, "making the new policy");
}

// --- 2: the switch ---

static void delete_rules(struct apply *a, const struct nft_dumped_chain *chain)
{
	for (size_t i = 0; i < chain->rule.len; i++)
		nft_encode_delete_rule(&a->batch, a->nft->table, chain->name,
				       chain->rule.at[i].handle);
}

// Rules among the pinholes that are none; what they looked up goes with all that is left over.
static void remove_false_pinholes(struct apply *a)
{
	struct nft_dumped_chain *chain = nft_table_chain(&a->table, NFT_PINHOLE_CHAIN);
	struct backend_pinhole_state state;
	size_t n = 0;
	for (size_t i = 0; chain && i < chain->rule.len; i++) {
		const struct nft_form *rule = &chain->rule.at[i];
		if (nft_pinhole_read(&a->table, rule, &a->arena, nft_now(), &state))
			chain->rule.at[n++] = *rule;
		else
			nft_encode_delete_rule(&a->batch, a->nft->table, chain->name, rule->handle);
	}
	if (chain)
		chain->rule.len = n;
}

// All rules of the base chain are replaced, in one step.
static int switch_over(struct apply *a)
{
	const char *table = a->nft->table;
	const struct nft_dumped_chain *base = nft_table_chain(&a->table, NFT_BASE_CHAIN);
	struct nft_encoder encoder = {.arena = &a->arena,
				      .batch = &a->batch,
				      .table = table,
				      .prefix = "",
				      .set_by_content = {.arena = &a->arena}};
	const struct nft_form pinholes = nft_pinhole_jump(), policy = {.act = ACT_GOTO,
								       .chain = a->prefix,
								       .tag = nft_tag_helper()};
	remove_false_pinholes(a);
	if (base)
		delete_rules(a, base);
	if (base && !base_as_made(base))
		nft_encode_delete(&a->batch, NFT_MSG_DELCHAIN, table, NFT_BASE_CHAIN);
	nft_encode_base(&a->batch, table, NFT_BASE_CHAIN, true);
	if (nft_pinhole_any(&a->table, &a->arena))
		nft_encode_rule(&encoder, NFT_BASE_CHAIN, &pinholes);
	nft_encode_rule(&encoder, NFT_BASE_CHAIN, &policy);
	return run(a, "switching to the new policy");
}

// --- 3: what is left over ---

static bool stays(const char *name, uint32_t keep)
{
	uint32_t generation;
	if (!strcmp(name, NFT_BASE_CHAIN) || !strcmp(name, NFT_PINHOLE_CHAIN))
		return true;
	return nft_generation_of(name, &generation) && generation == keep;
}

// Rules first, then sets and maps, whose elements lead to chains: whatever is deleted is in use no more.
static void remove_rules(struct apply *a, uint32_t keep)
{
	for (size_t i = 0; i < a->table.chain.len; i++)
		if (!stays(a->table.chain.at[i]->name, keep))
			nft_encode_delete_rule(&a->batch, a->nft->table, a->table.chain.at[i]->name,
					       0);
}

static void remove_sets(struct apply *a, uint32_t keep)
{
	for (size_t i = 0; i < a->table.set.len; i++) {
		const struct nft_dumped_set *set = a->table.set.at[i];
		bool goes_with_its_rule = set->flags & NFT_SET_ANONYMOUS;
		if (!goes_with_its_rule && !stays(set->name, keep) &&
		    !nft_pinhole_owns(&a->table, set))
			nft_encode_delete(&a->batch, NFT_MSG_DELSET, a->nft->table, set->name);
	}
	for (size_t i = 0; i < a->table.other.len; i++)
		nft_encode_delete_other(&a->batch, a->nft->table, &a->table.other.at[i]);
}

static void remove_chains(struct apply *a, uint32_t keep)
{
	for (size_t i = 0; i < a->table.chain.len; i++)
		if (!stays(a->table.chain.at[i]->name, keep))
			nft_encode_delete(&a->batch, NFT_MSG_DELCHAIN, a->nft->table,
					  a->table.chain.at[i]->name);
}

static int read_table(struct apply *a)
{
	struct nft_socket *socket = &a->nft->socket;
	a->found.commits = socket->commits;
	int error = nft_table_read(socket, a->nft->table, NFT_PINHOLES, &a->arena, &a->table);
	a->found.changes = a->table.changes;
	return error;
}

// Everything that was found but the frame, the pinholes and the generation to keep.
static int remove_all_but(struct apply *a, uint32_t keep, const char *doing)
{
	if (!a->table.there)
		return 0;
	nft_batch_split(&a->batch, &a->nft->socket);
	remove_rules(a, keep);
	remove_sets(a, keep);
	remove_chains(a, keep);
	return run(a, doing);
}

// Reading all names again takes as long as deleting what they name.
static int remove_left_over(struct apply *a)
{
	uint32_t now;
	int error = nft_only_ours(&a->nft->socket, a->found, &now) ? 0 : read_table(a);
	return error ? error : remove_all_but(a, a->generation, NULL);
}

// --- the whole ---

// The kernel's weekday follows its own time zone, which normally is UTC.
bool nft_weekday_off(const struct ir_ruleset *lowered, struct diags *diags)
{
	struct timezone zone = {0};
	bool asked = false;
	for (size_t i = 0; i < lowered->rule.len; i++)
		for (size_t k = 0; k < lowered->rule.at[i].clauses; k++)
			asked |= ir_clause_set(&lowered->rule.at[i].clause[k], IR_WDAY) != NULL;
	if (!asked || syscall(SYS_gettimeofday, NULL, &zone) || !zone.tz_minuteswest)
		return false;
	diag_error(diags, DIAG_UNSUPPORTED, NULL, "set it to UTC: hwclock --systz --utc",
		   "nft: the kernel's time zone is not UTC, so its days of the week are not");
	return true;
}

// Behind the switch, when packets come to the old generation no more. Its books have been edited already: they say which
// number the rule at a place had there.
static void keep_counts(struct apply *a, uint32_t old_generation)
{
	const struct nft_live *old = a->nft->live;
	struct nft_counts counts = {.arena = &a->arena, .numbers = old->numbers},
			  *to = &a->live->counts;
	*to = (struct nft_counts){.arena = &a->live->arena, .numbers = a->live->numbers};
	if (nft_read_counts(a->nft, old_generation, &counts))
		diag_add(a->diags, &(struct diag){.severity = DIAG_WARNING, .code = DIAG_FAILED},
			 "nft: what the rules have counted could not be read: they begin anew");
	nft_counts_join(&counts, &old->counts);
	for (size_t i = 0; i < old->rule.len; i++)
		nft_counts_set(to, (uint32_t)i, nft_counts_of(&counts, old->rule.at[i].number));
	if (old->default_action == a->lowered->default_action)
		to->by_default = counts.by_default;
	to->no_flow = counts.no_flow;
}

static int undo(struct apply *a, int error)
{
	uint32_t before = a->table.generation;
	if (a->table.there) {
		if (!read_table(a))
			(void)remove_all_but(a, before, NULL);
	} else {
		nft_encode_delete(&a->batch, NFT_MSG_DELTABLE, a->nft->table, NULL);
		(void)run(a, NULL);
	}
	return error;
}

static int replace(struct apply *a)
{
	int error = read_table(a);
	if (error) {
		nft_add_error(a->diags, error, "reading what is in force");
		return error;
	}
	a->generation = nft_generation_free(&a->table);
	a->prefix = nft_generation_name(a->generation, &a->arena);
	a->live = nft_live_new(a->lowered, &a->nft->options, a->generation);
	error = make_generation(a);
	if (!error)
		error = switch_over(a);
	if (error)
		return undo(a, error);
	// From here on the new policy is in force, whatever happens.
	if (a->edited)
		keep_counts(a, a->table.generation);
	nft_live_free(a->nft->live);
	a->nft->live = a->live;
	a->live = NULL;
	error = remove_left_over(a);
	if (error)
		diag_add(
			a->diags,
			&(struct diag){.severity = DIAG_WARNING,
				       .code = DIAG_FAILED,
				       .hint = "the next change tries again"},
			"nft: the new policy is in force, but the old one could not be removed: %s",
			strerror(-error));
	return BACKEND_DONE;
}

static void begin(struct apply *a, struct backend_nft *nft, struct diags *diags)
{
	*a = (struct apply){.nft = nft, .diags = diags};
	arena_init(&a->arena);
	nft_batch_init(&a->batch, &a->arena);
	nft_watch_pause(nft);
}

static void finish(struct apply *a)
{
	nft_watch_resume(a->nft);
	nft_live_free(a->live);
	nft_batch_fini(&a->batch);
	arena_fini(&a->arena);
}

static int put_in_force(struct backend_nft *nft, const struct ir_ruleset *lowered, bool edited,
			struct diags *diags)
{
	struct apply a;
	nft_changed_forget(nft);
	begin(&a, nft, diags);
	a.lowered = lowered;
	a.edited = edited;
	int error = replace(&a);
	finish(&a);
	return error;
}

int backend_nft_apply(struct backend_nft *nft, const struct ir_ruleset *lowered,
		      struct diags *diags)
{
	if (!backend_nft_check(lowered, diags) || nft_weekday_off(lowered, diags))
		return BACKEND_REFUSED;
	return put_in_force(nft, lowered, false, diags);
}

// When it fails the edited books are of no use any more.
int nft_replace_edited(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct diags *diags)
{
	int error = put_in_force(nft, lowered, true, diags);
	nft->replaced++;
	if (error) {
		nft_live_free(nft->live);
		nft->live = NULL;
	}
	return error;
}

int backend_nft_clear(struct backend_nft *nft, struct diags *diags)
{
	struct apply a;
	nft_changed_forget(nft);
	begin(&a, nft, diags);
	nft_live_free(nft->live);
	nft->live = NULL;
	nft_encode_delete(&a.batch, NFT_MSG_DELTABLE, nft->table, NULL);
	struct nft_fault fault;
	int error = nft_batch_run(&nft->socket, &a.batch, &fault);
	if (error == -ENOENT)
		error = 0;
	if (error)
		nft_add_error(diags, error, "withdrawing the policy");
	finish(&a);
	return error;
}
