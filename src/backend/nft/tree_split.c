// SPDX-License-Identifier: Apache-2.0
// By which field rules are told apart best. Each candidate is swept: its rules' ranges in ascending order, neighbours
// packed together while few rules meet there; or addresses go together in blocks. The best one is that behind which a
// packet is decided soonest. It does not build anything (tree.c).
#include "backend/nft/tree_split.h"

#include <stdlib.h>

// What may be split by.
const enum nft_field nft_split_field[NFT_SPLIT_FIELDS] = {
	F_VERSION,    F_PROTO,     F_SRC4,      F_DST4,      F_SRC6,      F_DST6,
	F_SPORT,      F_DPORT,     F_HEADER,    F_IN,        F_OUT,       F_FLOW_VERSION,
	F_FLOW_PROTO, F_FLOW_SRC4, F_FLOW_DST4, F_FLOW_SRC6, F_FLOW_DST6, F_FLOW_SPORT,
	F_FLOW_DPORT, F_ICMP4,     F_ICMP6,     F_LINK,      F_SMAC,      F_DMAC,
	F_TCPFLAGS,   F_DSCP4,     F_DSCP6,     F_LENGTH4,   F_LENGTH6,   F_TTL4,
	F_TTL6,
};

#define NONE SIZE_MAX
#define COMMON_QUARTERS 3u // of the rules that are worth sorting: they are worth a step of its own
#define GATE_QUARTERS 1u   // of these: rules with an address, and without
#define FEW_LEAVE 0.9      // share of the rules that few ways may leave a packet
#define DOUBLED_MOST 8u    // copies of rules that do not ask for the field, for each rule

// --- what is known on the way ---

static size_t index_of(enum nft_field field)
{
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++)
		if (nft_split_field[i] == field)
			return i;
	return NONE;
}

uint32_t nft_split_bit(enum nft_field field)
{
	size_t at = index_of(field);
	return at == NONE ? 0 : 1u << at;
}

uint32_t nft_path_fields(const struct nft_path *path)
{
	uint32_t out = 0;
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++) {
		enum nft_field field = nft_split_field[i];
		if (nft_path_needs(path, field) == field && nft_path_has(path, field))
			out |= 1u << i;
	}
	return out;
}

// It only says whether other fields are there.
static bool is_guard(enum nft_field field)
{
	return field == F_HEADER || field == F_LINK;
}

static bool is_version(enum nft_field field)
{
	return field == F_VERSION || field == F_FLOW_VERSION;
}

static bool is_protocol(enum nft_field field)
{
	return field == F_PROTO || field == F_FLOW_PROTO;
}

static bool is_of_link(enum nft_field field)
{
	return field == F_SMAC || field == F_DMAC;
}

static void know_protocols(struct nft_path *path, enum nft_side side, struct algebra_range range)
{
	uint64_t now[4] = {0};
	// Not counted in u128: gcc 12 makes zeros of that.
	for (unsigned p = (unsigned)range.lo; p <= range.hi && p < 256; p++)
		now[p / 64] |= (uint64_t)1 << (p % 64);
	for (size_t i = 0; i < 4; i++)
		path->protocols[side][i] =
			path->protocols_known[side] ? path->protocols[side][i] & now[i] : now[i];
	path->protocols_known[side] = true;
}

void nft_path_follow(struct nft_path *path, enum nft_field field, struct algebra_range range)
{
	enum nft_side side = nft_field_info[field].side;
	size_t at = index_of(field);
	path->flow |= side == OF_FLOW;
	path->header |= field == F_HEADER;
	path->link |= field == F_LINK && range.lo == range.hi && range.lo == NFT_LINK_ETHERNET;
	if (is_version(field) && range.lo == range.hi)
		path->version[side] = range.lo == NFT_VERSION_4 ? 4 : 6;
	if (is_protocol(field))
		know_protocols(path, side, range);
	if (at != NONE) {
		path->split |= 1u << at;
		path->range[at] = range;
	}
}

static bool protocols_within(const struct nft_path *path, enum nft_side side,
			     struct algebra_set needed)
{
	for (unsigned i = 0; i < 4; i++)
		for (uint64_t left = path->protocols[side][i]; left; left &= left - 1)
			if (!algebra_set_has(needed, i * 64 + (unsigned)__builtin_ctzll(left)))
				return false;
	return path->protocols_known[side];
}

enum nft_field nft_path_needs(const struct nft_path *path, enum nft_field field)
{
	const struct nft_field_info *info = &nft_field_info[field];
	struct algebra_set protocols = nft_protocols_set(info->protocols);
	bool flow = info->side == OF_FLOW;
	if (info->version && path->version[info->side] != info->version)
		return flow ? F_FLOW_VERSION : F_VERSION;
	if (protocols.len && !protocols_within(path, info->side, protocols))
		return flow ? F_FLOW_PROTO : F_PROTO;
	if (protocols.len && !flow && !path->header)
		return F_HEADER;
	if (is_of_link(field) && !path->link)
		return F_LINK;
	return field;
}

// A header may be cut off before TCP's flags, and a packet out of a tunnel may have lost its link header.
bool nft_path_has(const struct nft_path *path, enum nft_field field)
{
	if (field == F_HEADER || field == F_TCPFLAGS || is_of_link(field))
		return false;
	return nft_field_info[field].side == OF_PACKET || path->flow;
}

// --- what a rule asks ---

static uint64_t bit_of(enum nft_field field)
{
	return (uint64_t)1 << field;
}

// A flow's address says its version, too, where the rule does not.
static const struct algebra_set *implied(uint64_t asks, enum nft_field field)
{
	static const struct algebra_range v4 = {NFT_VERSION_4, NFT_VERSION_4},
					  v6 = {NFT_VERSION_6, NFT_VERSION_6};
	static const struct algebra_set four = {&v4, 1}, six = {&v6, 1};
	if (field != F_FLOW_VERSION)
		return NULL;
	if (asks & (bit_of(F_FLOW_SRC4) | bit_of(F_FLOW_DST4)))
		return &four;
	return asks & (bit_of(F_FLOW_SRC6) | bit_of(F_FLOW_DST6)) ? &six : NULL;
}

const struct algebra_set *nft_entry_set(const struct nft_tree *tree, struct nft_entry entry,
					enum nft_field field, uint32_t *bit_out)
{
	uint64_t asks = tree->asks.at[entry.rule];
	*bit_out = 0;
	if (!(asks & bit_of(field)))
		return implied(asks, field);
	unsigned at = (unsigned)__builtin_popcountll(asks & (bit_of(field) - 1));
	if (!(entry.left >> at & 1))
		return NULL;
	*bit_out = 1u << at;
	return &tree->rule.at[entry.rule]->match[at].set;
}

// --- one candidate ---

struct sweep {
	const struct nft_splitting *s;
	const struct nft_spans *spans;
	u128 *end; // first values behind spans, ascending, one for each rule
	size_t ends;
	unsigned ways; // that there should be; 0: as many as it takes
	size_t most;   // rules that may be packed together
	struct nft_split *split;
	struct arena *arena;
};

static struct algebra_range known_range(const struct nft_path *path, enum nft_field field)
{
	size_t at = index_of(field);
	if (at != NONE && path->split >> at & 1)
		return path->range[at];
	return (struct algebra_range){0, algebra_max(nft_field_info[field].bits)};
}

// What reaches to the last value does not end.
static void collect_ends(struct sweep *w)
{
	for (size_t i = 0; i < w->spans->len; i++) {
		const struct nft_span *span = &w->spans->at[i];
		for (size_t k = 0; k < span->rules && span->range.hi < w->spans->known.hi; k++)
			w->end[w->ends++] = span->range.hi + 1;
	}
	algebra_values_sort(w->end, w->ends);
}

static void add_range(struct sweep *w, u128 lo, u128 hi)
{
	vec_push(w->arena, &w->split->range, ((struct algebra_range){lo, hi}));
}

// A range being made.
struct packing {
	u128 from, behind;     // where it begins; behind it, while no rule is active
	size_t active, inside; // rules at this place; rules in it
	bool open;
};

// Here so many rules begin, and others have ended.
static void pack_at(struct sweep *w, struct packing *p, u128 at, size_t begin, size_t end)
{
	bool gap = !p->active;
	p->active -= end;
	if (!p->active && !begin) {
		p->behind = at;
		return;
	}
	size_t across = nft_field_is_address(w->spans->field) ? w->s->across_most : 0;
	across = across < w->most ? across : w->most;
	if (p->open && p->inside + begin > (p->active ? w->most : across)) {
		add_range(w, p->from, (gap ? p->behind : at) - 1);
		p->open = false;
	}
	if (!p->open) {
		p->from = at;
		p->inside = p->active;
	}
	p->open = true;
	p->active += begin;
	p->inside += begin;
}

// Neighbours go together while at most `most` rules meet there; fewer across values that no rule asks for, which else
// belong to no range.
static void pack(struct sweep *w)
{
	const struct nft_spans *spans = w->spans;
	struct packing p = {.open = false};
	for (size_t i = 0, k = 0; i < spans->len || k < w->ends;) {
		bool begins =
			i < spans->len && (k == w->ends || spans->at[i].range.lo <= w->end[k]);
		u128 at = begins ? spans->at[i].range.lo : w->end[k];
		size_t begin = 0, before = k;
		for (; i < spans->len && spans->at[i].range.lo == at; i++)
			begin += spans->at[i].rules;
		while (k < w->ends && w->end[k] == at)
			k++;
		pack_at(w, &p, at, begin, k - before);
	}
	if (p.open)
		add_range(w, p.from, p.active ? w->spans->known.hi : p.behind - 1);
}

// Few values, each by itself: the versions, the protocols, and whatever a hash map is to hold.
static bool alone(const struct sweep *w)
{
	return is_version(w->spans->field) || is_protocol(w->spans->field) || w->s->exact;
}

static size_t packed_at_most(const struct sweep *w)
{
	size_t all = w->s->entries->len, others = w->spans->others, most = w->s->leaf_most;
	if (alone(w))
		return 0;
	if (w->ways)
		return (all - others) / w->ways;
	if (others * 2 <= most)
		return most - others;
	size_t coarse = others * (all - others) / (DOUBLED_MOST * all);
	return coarse > most / 2 ? coarse : most / 2;
}

static void sweep(struct sweep *w)
{
	w->end = base_oom(malloc(w->spans->asked * sizeof(*w->end)));
	collect_ends(w);
	w->most = packed_at_most(w);
	pack(w);
	free(w->end);
}

// --- the choice ---

static bool known_alone(const struct nft_splitting *s, const struct nft_split *split)
{
	struct algebra_range known = known_range(s->path, split->field);
	return split->range.len == 1 && split->range.at[0].lo == known.lo &&
	       split->range.at[0].hi == known.hi;
}

static bool covers(const struct nft_splitting *s, const struct nft_split *split)
{
	struct algebra_range known = known_range(s->path, split->field);
	if (!nft_path_has(s->path, split->field))
		return false;
	if (is_version(split->field))
		return split->range.len == 2;
	u128 next = known.lo;
	for (size_t i = 0; i < split->range.len; i++) {
		if (split->range.at[i].lo != next)
			return false;
		next = split->range.at[i].hi + 1;
	}
	return next == known.hi + 1;
}

static bool take_ranges(const struct nft_splitting *s, const struct nft_spans *spans,
			struct arena *arena, struct nft_split *out, double *ns_out)
{
	struct sweep w = {.s = s, .spans = spans, .split = out, .arena = arena};
	*out = (struct nft_split){.field = spans->field};
	sweep(&w);
	out->covers = covers(s, out);
	return (spans->field == F_HEADER || !known_alone(s, out)) &&
	       nft_split_weigh(s, spans, out, ns_out);
}

// Ranges or blocks, whichever are better.
static bool take(const struct nft_splitting *s, enum nft_field field, struct arena *arena,
		 struct nft_split *out, double *ns_out)
{
	struct nft_spans spans;
	struct nft_split blocks;
	double ns;
	if (!nft_spans_init(s, field, known_range(s->path, field), &spans))
		return false;
	bool found = take_ranges(s, &spans, arena, out, ns_out);
	if (!s->exact && nft_blocks_choose(s, &spans, arena, &blocks, &ns) &&
	    (!found || ns < *ns_out)) {
		found = true;
		*out = blocks;
		*ns_out = ns;
	}
	nft_spans_fini(&spans);
	return found;
}

static bool known(const struct nft_path *path, enum nft_field field)
{
	enum nft_side side = nft_field_info[field].side;
	if (field == F_HEADER)
		return path->header;
	return is_version(field) ? path->version[side] != 0 : path->protocols_known[side];
}

static size_t asking(const struct nft_splitting *s, enum nft_field field)
{
	size_t n = 0;
	uint32_t bit;
	for (size_t i = 0; i < s->entries->len; i++)
		n += nft_entry_set(s->tree, s->entries->at[i], field, &bit) != NULL;
	return n;
}

// What nearly every rule asks is cheaper once on the way than in each leaf; the test for a header most of all.
static bool take_common(const struct nft_splitting *s, struct arena *arena, struct nft_split *out)
{
	static const enum nft_field first[] = {F_VERSION, F_FLOW_VERSION, F_PROTO, F_FLOW_PROTO,
					       F_HEADER};
	double ns;
	size_t few = s->tree->sorted_least * COMMON_QUARTERS / 4;
	for (size_t i = 0; i < array_len(first) && s->entries->len > few; i++)
		if (!known(s->path, first[i]) && !s->exact &&
		    asking(s, first[i]) > s->entries->len / 4 && take(s, first[i], arena, out, &ns))
			return true;
	return false;
}

// --- packets for which no rule has an address ---

// Of networks large enough to hold many of the others' no more is asked here.
static bool is_narrow(enum nft_field field, const struct algebra_set *set)
{
	unsigned bits = nft_field_info[field].bits;
	return set && set->len &&
	       set->at[set->len - 1].hi - set->at[0].lo < (u128)1 << (bits == 32 ? 24 : 96);
}

static uint32_t side_of(enum nft_field field)
{
	enum ir_dim dim = nft_field_info[field].dim;
	return dim == IR_SRC4 || dim == IR_SRC6 ? NFT_HAS_SRC : NFT_HAS_DST;
}

uint32_t nft_split_addresses(const struct nft_form *form)
{
	uint32_t has = 0;
	for (size_t i = 0; i < form->len; i++) {
		enum nft_field field = form->match[i].field;
		if (nft_field_is_address(field) && is_narrow(field, &form->match[i].set))
			has |= side_of(field);
	}
	return has;
}

uint32_t nft_path_held(const struct nft_path *path)
{
	uint32_t held = 0;
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++)
		if (path->held >> i & 1)
			held |= side_of(nft_split_field[i]);
	return held;
}

bool nft_split_gated(const struct nft_form *form, enum nft_field address, uint32_t held)
{
	return is_narrow(address, nft_form_set(form, address)) &&
	       !(nft_split_addresses(form) & held);
}

static size_t count_gated(const struct nft_splitting *s, enum nft_field address)
{
	size_t n = 0;
	uint32_t held = nft_path_held(s->path);
	for (size_t i = 0; i < s->entries->len; i++)
		n += nft_split_gated(s->tree->rule.at[s->entries->at[i].rule], address, held);
	return n;
}

// Most packets that come so far have an address that few rules ask for, and then only the others are left.
static bool take_gate(const struct nft_splitting *s, struct nft_split *out)
{
	size_t least = s->tree->sorted_least * GATE_QUARTERS / 4, most = least ? least - 1 : 0;
	enum nft_field best = NFT_FIELDS;
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++) {
		enum nft_field field = nft_split_field[i];
		if (!nft_field_is_address(field) || s->path->held >> i & 1 ||
		    nft_path_needs(s->path, field) != field)
			continue;
		size_t n = count_gated(s, field);
		if (n > most && s->entries->len - n >= least) {
			most = n;
			best = field;
		}
	}
	if (best == NFT_FIELDS)
		return false;
	*out = (struct nft_split){.field = best, .gate = true};
	return true;
}

// What some rule still asks for: bit f is field f.
static uint64_t asked_fields(const struct nft_splitting *s)
{
	uint64_t asked = bit_of(F_FLOW_VERSION); // addresses imply it
	for (size_t i = 0; i < s->entries->len; i++) {
		uint64_t asks = s->tree->asks.at[s->entries->at[i].rule];
		for (uint32_t left = s->entries->at[i].left; left; left >>= 1, asks &= asks - 1)
			asked |= left & 1 ? asks & -asks : 0;
	}
	return asked;
}

// --- few ways ---

struct few {
	struct nft_split split;
	double rules; // that a packet is left
};

static size_t rules_of(const struct nft_spans *spans, struct algebra_range way)
{
	size_t n = 0;
	for (size_t i = 0; i < spans->len && spans->at[i].range.lo <= way.hi; i++)
		n += spans->at[i].range.hi >= way.lo ? spans->at[i].rules : 0;
	return n;
}

// Every rule has the same traffic. False: too many copies of rules.
static bool count_left(const struct nft_splitting *s, const struct nft_spans *spans,
		       struct few *few)
{
	double own = 0, squares = 0, others = (double)spans->others;
	for (size_t i = 0; i < few->split.range.len; i++) {
		double rules = (double)rules_of(spans, few->split.range.at[i]);
		own += rules;
		squares += rules * rules;
		if (own + others * (double)(i + 1) > (double)s->copies_most)
			return false;
	}
	few->rules = squares / own + others;
	return few->split.range.len > 1;
}

static void try_few(const struct nft_splitting *s, enum nft_field field, struct arena *arena,
		    struct few *best)
{
	static const unsigned ways[] = {8, 5, 3, 2};
	struct nft_spans spans;
	if (!nft_spans_init(s, field, known_range(s->path, field), &spans))
		return;
	for (size_t i = 0; i < array_len(ways); i++) {
		struct few now = {.split.field = field};
		struct sweep w = {.s = s,
				  .spans = &spans,
				  .split = &now.split,
				  .ways = ways[i],
				  .arena = arena};
		sweep(&w);
		now.split.covers = covers(s, &now.split);
		if (count_left(s, &spans, &now) && now.rules < best->rules)
			*best = now;
	}
	nft_spans_fini(&spans);
}

// What was asked once is not asked again.
static bool take_few(const struct nft_splitting *s, struct arena *arena, struct nft_split *out)
{
	struct few best = {{.field = NFT_FIELDS}, (double)s->entries->len * FEW_LEAVE};
	uint64_t asked = asked_fields(s);
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++) {
		enum nft_field field = nft_split_field[i];
		if (!is_guard(field) && asked >> field & 1 && !(s->path->split >> i & 1) &&
		    nft_path_needs(s->path, field) == field)
			try_few(s, field, arena, &best);
	}
	*out = best.split;
	return best.split.field != NFT_FIELDS;
}

bool nft_split_choose(const struct nft_splitting *s, struct arena *arena, struct nft_split *out)
{
	if (take_common(s, arena, out))
		return true;
	if (s->gates && take_gate(s, out))
		return true;
	if (s->common_only)
		return false;
	if (s->few)
		return take_few(s, arena, out);
	struct nft_split best = {.field = NFT_FIELDS}, now;
	double least = nft_rules_ns(s->entries->len), ns;
	uint64_t asked = asked_fields(s);
	for (size_t i = 0; i < NFT_SPLIT_FIELDS; i++) {
		enum nft_field field = nft_split_field[i], needed = nft_path_needs(s->path, field);
		if (is_guard(field) || !(asked >> field & 1) || !(asked >> needed & 1) ||
		    !take(s, field, arena, &now, &ns))
			continue;
		if (ns < least) {
			least = ns;
			best = now;
		}
	}
	if (best.field == NFT_FIELDS)
		return false;
	enum nft_field needed = nft_path_needs(s->path, best.field);
	if (needed != best.field && !take(s, needed, arena, &best, &ns))
		return false;
	*out = best;
	return true;
}
