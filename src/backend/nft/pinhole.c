// SPDX-License-Identifier: Apache-2.0
// Pinholes: one kernel rule each, in a chain that is asked before the policy. Nobody has to close one:
// the rule stops matching when its time is over, and it looks up a set of one element that the kernel
// removes unless a packet of the flow has refreshed it. What is left then is a rule that matches
// nothing, until it is purged. The flow is known by its first packet, so replies and errors belong to it.
// The base chain leads there only while there are any, as each packet would pay for it: the jump comes with the first
// pinhole and goes with the last, each in one transaction.
#include "backend/nft/pinhole.h"
#include "backend/nft/encode.h"
#include "backend/nft/open.h"
#include "base/diag.h"

#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ull
#define NAME_MOST 64u
#define SECONDS_MOST (UINT64_MAX / SECOND - 1)

struct work {
	struct backend_nft *nft;
	struct diags *diags;
	struct arena arena;
	struct nft_table table;
	struct nft_batch batch;
};

// time() may lag behind the clock that the kernel compares with.
int64_t nft_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

static int begin(struct work *w, struct backend_nft *nft, struct diags *diags)
{
	*w = (struct work){.nft = nft, .diags = diags};
	arena_init(&w->arena);
	nft_batch_init(&w->batch, &w->arena);
	return nft_table_read(&nft->socket, nft->table, NFT_PINHOLES, &w->arena, &w->table);
}

static void finish(struct work *w)
{
	nft_batch_fini(&w->batch);
	arena_fini(&w->arena);
}

static int run(struct work *w)
{
	struct nft_fault fault;
	return nft_batch_run(&w->nft->socket, &w->batch, &fault);
}

static bool has_ports(uint8_t proto)
{
	return algebra_set_has(nft_protocols_set(FLOW_PORTS), proto);
}

// --- to a kernel rule and back ---

static void match_address(struct nft_form *form, struct arena *a, enum nft_field field, u128 value)
{
	nft_form_match(form, a, field, algebra_set_one(a, value, value));
}

static struct nft_form form_of(const struct backend_pinhole *p, const char *set, struct arena *a)
{
	bool v4 = p->family == 4;
	struct nft_form form = {.act = ACT_ACCEPT,
				.named_set = set,
				.refresh_ms = (uint64_t)p->idle * 1000,
				.tag = {.known = true,
					.rule = NFT_TAG_HELPER,
					.clause = p->setup,
					.counts = true,
					.name = p->name}};
	match_address(&form, a, F_FLOW_PROTO, p->proto);
	match_address(&form, a, v4 ? F_FLOW_SRC4 : F_FLOW_SRC6, p->src);
	match_address(&form, a, v4 ? F_FLOW_DST4 : F_FLOW_DST6, p->dst);
	if (p->sport.len)
		nft_form_match(&form, a, F_FLOW_SPORT, p->sport);
	if (p->dport.len)
		nft_form_match(&form, a, F_FLOW_DPORT, p->dport);
	nft_form_match(&form, a, F_TIME, algebra_set_one(a, 0, (u128)p->end * SECOND - 1));
	return form;
}

static bool single(const struct nft_form *form, enum nft_field field, u128 *out)
{
	const struct algebra_set *set = nft_form_set(form, field);
	if (!set || set->len != 1 || set->at[0].lo != set->at[0].hi)
		return false;
	*out = set->at[0].lo;
	return true;
}

static struct algebra_set ports(const struct nft_form *form, enum nft_field field)
{
	const struct algebra_set *set = nft_form_set(form, field);
	return set ? *set : (struct algebra_set){0};
}

static bool guess(const struct nft_form *form, struct backend_pinhole *out)
{
	u128 proto = 0;
	bool v4 = nft_form_set(form, F_FLOW_SRC4) != NULL;
	const struct algebra_set *time = nft_form_set(form, F_TIME);
	*out = (struct backend_pinhole){.name = form->tag.name ? form->tag.name : "",
					.family = v4 ? 4 : 6};
	if (!single(form, F_FLOW_PROTO, &proto) ||
	    !single(form, v4 ? F_FLOW_SRC4 : F_FLOW_SRC6, &out->src) ||
	    !single(form, v4 ? F_FLOW_DST4 : F_FLOW_DST6, &out->dst) || !time || time->len != 1)
		return false;
	out->proto = (uint8_t)proto;
	out->sport = ports(form, F_FLOW_SPORT);
	out->dport = ports(form, F_FLOW_DPORT);
	out->end = (int64_t)((uint64_t)time->at[0].hi / SECOND + 1);
	out->idle = (uint32_t)(form->refresh_ms / 1000);
	out->setup = form->tag.clause;
	return true;
}

static bool same(const struct nft_form *a, const struct nft_form *b, struct arena *arena)
{
	struct nft_program none;
	nft_program_init(&none, arena);
	return nft_form_same((struct nft_form_of){&none, a}, (struct nft_form_of){&none, b}, true);
}

bool nft_pinhole_read(const struct nft_table *table, const struct nft_form *form,
		      struct arena *arena, int64_t now, struct backend_pinhole_state *out)
{
	struct backend_pinhole p;
	if (form->strange || !form->named_set || !guess(form, &p))
		return false;
	struct nft_form again = form_of(&p, form->named_set, arena);
	const struct nft_dumped_set *set = map_get(&table->set_by_name, form->named_set);
	if (!same(form, &again, arena) || !set ||
	    strncmp(set->name, NFT_PINHOLE_SET, strlen(NFT_PINHOLE_SET)) != 0)
		return false;
	*out = (struct backend_pinhole_state){.pinhole = p, .count = {form->packets, form->bytes}};
	for (size_t i = 0; i < set->element.len; i++) {
		// An element that does not expire would keep it open for ever.
		if (set->element.at[i].key != p.proto || !set->element.at[i].expires_ms)
			return false;
		out->idle_ms = (uint32_t)set->element.at[i].expires_ms;
	}
	out->lifetime = p.end > now ? p.end - now : 0;
	out->closed = !out->idle_ms || !out->lifetime;
	return true;
}

static size_t count(const struct nft_table *table, struct arena *arena)
{
	const struct nft_dumped_chain *chain = nft_table_chain(table, NFT_PINHOLE_CHAIN);
	struct backend_pinhole_state state;
	size_t n = 0;
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		n += nft_pinhole_read(table, &chain->rule.at[i], arena, nft_now(), &state);
	return n;
}

bool nft_pinhole_any(const struct nft_table *table, struct arena *arena)
{
	return count(table, arena) > 0;
}

bool nft_pinhole_owns(const struct nft_table *table, const struct nft_dumped_set *set)
{
	const struct nft_dumped_chain *chain = nft_table_chain(table, NFT_PINHOLE_CHAIN);
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (chain->rule.at[i].named_set && !strcmp(chain->rule.at[i].named_set, set->name))
			return true;
	return false;
}

// --- opening ---

static bool refuse(struct diags *diags, const struct backend_pinhole *p, const char *text,
		   const char *hint)
{
	struct diag about = {.code = DIAG_VALUE, .rule = p->name, .hint = hint};
	diag_add(diags, &about, "pinhole: %s", text);
	return false;
}

static bool acceptable(const struct backend_pinhole *p, struct diags *diags)
{
	size_t name = p->name ? strnlen(p->name, NAME_MOST + 1) : 0;
	bool port = p->sport.len || p->dport.len;
	u128 most = algebra_max(p->family == 4 ? 32 : 128);
	if (!name || name > NAME_MOST)
		return refuse(diags, p, "a name of 1 to 64 bytes is needed",
			      "give the call's name");
	if ((p->family != 4 && p->family != 6) || p->src > most || p->dst > most)
		return refuse(diags, p, "the IP version is neither 4 nor 6",
			      "give two addresses of one version");
	if (port && !has_ports(p->proto))
		return refuse(diags, p, "the protocol has no ports",
			      "leave the ports out, or use tcp, udp or sctp");
	if ((p->sport.len && p->sport.at[p->sport.len - 1].hi > 65535) ||
	    (p->dport.len && p->dport.at[p->dport.len - 1].hi > 65535))
		return refuse(diags, p, "a port above 65535", "give ports 0 to 65535");
	if (!p->idle || !p->setup || p->end <= 0 || (uint64_t)p->end > SECONDS_MOST)
		return refuse(diags, p, "times must be positive",
			      "give setup and idle in seconds and an end");
	return true;
}

static const struct nft_form *find(struct work *w, const char *name,
				   struct backend_pinhole_state *out)
{
	const struct nft_dumped_chain *chain = nft_table_chain(&w->table, NFT_PINHOLE_CHAIN);
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (nft_pinhole_read(&w->table, &chain->rule.at[i], &w->arena, nft_now(), out) &&
		    !strcmp(out->pinhole.name, name))
			return &chain->rule.at[i];
	return NULL;
}

struct nft_form nft_pinhole_jump(void)
{
	return (struct nft_form){
		.act = ACT_JUMP, .chain = NFT_PINHOLE_CHAIN, .tag = nft_tag_helper()};
}

// As the kernel has it; NULL: it has none.
static const struct nft_form *jump_of(const struct nft_table *table)
{
	const struct nft_dumped_chain *base = nft_table_chain(table, NFT_BASE_CHAIN);
	for (size_t i = 0; base && i < base->rule.len; i++)
		if (nft_only_leads(&base->rule.at[i], ACT_JUMP, NFT_PINHOLE_CHAIN))
			return &base->rule.at[i];
	return NULL;
}

// In front of the policy, where a base chain that was not there lets everything pass.
static void encode_jump(struct work *w)
{
	const struct nft_dumped_chain *base = nft_table_chain(&w->table, NFT_BASE_CHAIN);
	struct nft_encoder frame = {
		.arena = &w->arena, .batch = &w->batch, .table = w->nft->table, .prefix = ""};
	const struct nft_form jump = nft_pinhole_jump();
	if (!base)
		nft_encode_base(&w->batch, w->nft->table, NFT_BASE_CHAIN, false);
	if (base && base->rule.len)
		nft_encode_rule_at(&frame, NFT_BASE_CHAIN, &jump, SPOT_BEFORE,
				   base->rule.at[0].handle);
	else
		nft_encode_rule(&frame, NFT_BASE_CHAIN, &jump);
}

// When so many pinholes go, the jump goes with the last of them.
static void encode_no_jump(struct work *w, size_t removed)
{
	const struct nft_form *jump = jump_of(&w->table);
	if (jump && removed == count(&w->table, &w->arena))
		nft_encode_delete_rule(&w->batch, w->nft->table, NFT_BASE_CHAIN, jump->handle);
}

static void encode_removal(struct work *w, const struct nft_form *form)
{
	nft_encode_delete_rule(&w->batch, w->nft->table, NFT_PINHOLE_CHAIN, form->handle);
	nft_encode_delete(&w->batch, NFT_MSG_DELSET, w->nft->table, form->named_set);
}

// One above the highest, so that a name is never given twice while the old one may be remembered.
static char *next_set(struct work *w)
{
	unsigned long highest = 0;
	for (size_t i = 0; i < w->table.set.len; i++) {
		const char *name = w->table.set.at[i]->name;
		if (strncmp(name, NFT_PINHOLE_SET, strlen(NFT_PINHOLE_SET)) != 0)
			continue;
		unsigned long n = strtoul(name + strlen(NFT_PINHOLE_SET), NULL, 10);
		if (n > highest && n < UINT32_MAX)
			highest = n;
	}
	return arena_printf(&w->arena, NFT_PINHOLE_SET "%lu", highest + 1);
}

static void encode_open(struct work *w, const struct backend_pinhole *p)
{
	const char *table = w->nft->table, *set = next_set(w);
	struct nft_encoder encoder = {.arena = &w->arena,
				      .batch = &w->batch,
				      .table = table,
				      .prefix = set,
				      .set_by_content = {.arena = &w->arena}};
	nft_encode_table(&w->batch, table);
	nft_encode_chain(&w->batch, table, NFT_PINHOLE_CHAIN, 0);
	if (!jump_of(&w->table))
		encode_jump(w);
	nft_encode_timer(&w->batch, table, set, p->proto, (uint64_t)p->setup * 1000);
	struct nft_form form = form_of(p, set, &w->arena);
	nft_encode_rule(&encoder, NFT_PINHOLE_CHAIN, &form);
}

static int open_one(struct work *w, const struct backend_pinhole *p)
{
	struct backend_pinhole_state old;
	const struct nft_form *before = find(w, p->name, &old);
	if (before && !old.closed) {
		struct diag about = {.code = DIAG_EXISTS,
				     .rule = p->name,
				     .hint = "close it first, or give another name"};
		diag_add(w->diags, &about, "pinhole: '%s' is open already", p->name);
		return BACKEND_REFUSED;
	}
	if (before)
		encode_removal(w, before);
	encode_open(w, p);
	int error = run(w);
	if (error)
		nft_add_error(w->diags, error, "opening the pinhole");
	return error;
}

int backend_nft_pinhole_open(struct backend_nft *nft, const struct backend_pinhole *pinhole,
			     struct diags *diags)
{
	struct work w;
	if (!acceptable(pinhole, diags))
		return BACKEND_REFUSED;
	int error = begin(&w, nft, diags);
	if (error)
		nft_add_error(diags, error, "opening the pinhole");
	else
		error = open_one(&w, pinhole);
	finish(&w);
	return error;
}

// --- closing, listing, purging ---

int backend_nft_pinhole_close(struct backend_nft *nft, const char *name, struct diags *diags)
{
	struct work w;
	struct backend_pinhole_state state;
	int error = begin(&w, nft, diags);
	const struct nft_form *form = error ? NULL : find(&w, name, &state);
	if (form) {
		encode_removal(&w, form);
		encode_no_jump(&w, 1);
		error = run(&w);
	}
	if (error) {
		nft_add_error(diags, error, "closing the pinhole");
	} else if (!form) {
		struct diag about = {.code = DIAG_ABSENT,
				     .rule = name,
				     .hint = "list the pinholes for their names"};
		diag_add(diags, &about, "pinhole: there is no '%s'", name);
		error = BACKEND_REFUSED;
	}
	finish(&w);
	return error;
}

int backend_nft_pinhole_list(struct backend_nft *nft, struct backend_pinholes *out)
{
	struct nft_table table;
	int error = nft_table_read(&nft->socket, nft->table, NFT_PINHOLES, out->arena, &table);
	const struct nft_dumped_chain *chain =
		error ? NULL : nft_table_chain(&table, NFT_PINHOLE_CHAIN);
	struct backend_pinhole_state state;
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (nft_pinhole_read(&table, &chain->rule.at[i], out->arena, nft_now(), &state))
			vec_push(out->arena, &out->list, state);
	return error;
}

int backend_nft_pinhole_purge(struct backend_nft *nft)
{
	struct work w;
	struct backend_pinhole_state state;
	size_t removed = 0;
	int error = begin(&w, nft, NULL);
	const struct nft_dumped_chain *chain =
		error ? NULL : nft_table_chain(&w.table, NFT_PINHOLE_CHAIN);
	for (size_t i = 0; chain && i < chain->rule.len; i++)
		if (nft_pinhole_read(&w.table, &chain->rule.at[i], &w.arena, nft_now(), &state) &&
		    state.closed) {
			encode_removal(&w, &chain->rule.at[i]);
			removed++;
		}
	if (!error) {
		encode_no_jump(&w, removed);
		error = run(&w);
	}
	finish(&w);
	return error;
}
