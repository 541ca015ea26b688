// SPDX-License-Identifier: Apache-2.0
// What a split is worth: what the step takes a packet, and the list that it comes to. It weighs candidates quickly and
// roughly; what a whole form costs is said by cost.c.
#include "backend/nft/cost.h"
#include "backend/nft/tree_split.h"

#include <math.h>
#include <stdlib.h>

#define RULE_NS 12.0      // of a rule in a list, met or passed
#define FEW 8.0           // rules that are not told apart any more
#define COPIES_MOST 4u    // of blocks, for each rule …
#define COPIES_MORE 1000u // … and so many more

// --- what rules ask ---

static bool within(struct algebra_range range, struct algebra_range known,
		   struct algebra_range *out)
{
	*out = (struct algebra_range){range.lo > known.lo ? range.lo : known.lo,
				      range.hi < known.hi ? range.hi : known.hi};
	return out->lo <= out->hi;
}

static int by_begin(const void *x, const void *y)
{
	const struct nft_span *a = x, *b = y;
	if (a->range.lo != b->range.lo)
		return a->range.lo < b->range.lo ? -1 : 1;
	return a->range.hi < b->range.hi ? -1 : a->range.hi > b->range.hi;
}

static void combine(struct nft_spans *spans)
{
	size_t n = 0;
	for (size_t i = 0; i < spans->asked; i++)
		if (n && !by_begin(&spans->at[n - 1], &spans->at[i]))
			spans->at[n - 1].rules++;
		else
			spans->at[n++] = spans->at[i];
	spans->len = n;
}

static void add_spans(struct nft_spans *spans, const struct algebra_set *set, bool exact,
		      size_t *room)
{
	struct algebra_range r;
	for (size_t k = 0; k < set->len; k++) {
		if (!within(set->at[k], spans->known, &r) || (exact && r.lo != r.hi))
			continue;
		if (spans->asked == *room) {
			*room = *room ? *room * 2 : 16;
			spans->at = base_oom(realloc(spans->at, *room * sizeof(*spans->at)));
		}
		spans->at[spans->asked++] = (struct nft_span){r, 1};
	}
}

bool nft_spans_init(const struct nft_splitting *s, enum nft_field field, struct algebra_range known,
		    struct nft_spans *out)
{
	size_t room = 0;
	uint32_t bit;
	*out = (struct nft_spans){.field = field, .known = known};
	for (size_t i = 0; i < s->entries->len; i++) {
		const struct algebra_set *set =
			nft_entry_set(s->tree, s->entries->at[i], field, &bit);
		if (set)
			add_spans(out, set, s->exact, &room);
		else
			out->others++;
	}
	if (!out->asked)
		return false;
	qsort(out->at, out->asked, sizeof(*out->at), by_begin);
	combine(out);
	return true;
}

void nft_spans_fini(struct nft_spans *spans)
{
	free(spans->at);
}

// --- what lists cost ---

double nft_rules_ns(size_t rules)
{
	return RULE_NS * (double)rules;
}

// Long lists are told apart further, each time with less success.
static double list_ns(size_t rules)
{
	double n = (double)rules;
	return RULE_NS * (n > FEW ? sqrt(FEW * n) : n);
}

struct weighing {
	const struct nft_spans *spans;
	const struct nft_split *split;
	size_t *rules; // that ask for some of a way, by way
	double *ns;    // of its list
	size_t misses, copies;
	double miss_ns;
	size_t next; // way; spans ascend
};

static double values(struct algebra_range range)
{
	u128 more = range.hi - range.lo;
	return 1 + (more >> 64 ? (double)more : (double)(uint64_t)more);
}

// The first way that does not end before the span.
static size_t first_way(struct weighing *w, const struct nft_span *span)
{
	while (w->next < w->split->range.len && w->split->range.at[w->next].hi < span->range.lo)
		w->next++;
	return w->next;
}

// How many values the span has of the i-th way; 0: none, nor of those behind it.
static double shared(const struct weighing *w, const struct nft_span *span, size_t i)
{
	struct algebra_range r;
	return i < w->split->range.len && within(w->split->range.at[i], span->range, &r) ? values(r)
											 : 0;
}

static void count(struct weighing *w)
{
	w->next = 0;
	for (size_t k = 0; k < w->spans->len; k++) {
		const struct nft_span *span = &w->spans->at[k];
		double in = 0, some;
		for (size_t i = first_way(w, span); (some = shared(w, span, i)) > 0; i++) {
			w->rules[i] += span->rules;
			w->copies += span->rules;
			in += some;
		}
		w->misses += in < values(span->range) ? span->rules : 0;
	}
}

static void set_lists(struct weighing *w)
{
	for (size_t i = 0; i < w->split->range.len; i++)
		w->ns[i] = list_ns(w->rules[i] + w->spans->others);
	w->miss_ns = list_ns(w->misses + w->spans->others);
}

// On average over the span's values.
static double span_ns(struct weighing *w, const struct nft_span *span)
{
	double all = values(span->range), in = 0, sum = 0, some;
	for (size_t i = first_way(w, span); (some = shared(w, span, i)) > 0; i++) {
		in += some;
		sum += some * w->ns[i];
	}
	return (sum + (all > in ? all - in : 0) * w->miss_ns) / all;
}

static double step_ns(const struct nft_split *split)
{
	size_t ways = split->range.len;
	return ways <= NFT_JUMPS_MOST ? RULE_NS * (double)(ways + 1) / 2
				      : nft_cost_lookup(!split->blocks, ways);
}

static double mean_ns(struct weighing *w)
{
	const struct nft_spans *spans = w->spans;
	const struct nft_span all = {spans->known, spans->others};
	w->next = 0;
	double sum = (double)all.rules * span_ns(w, &all);
	w->next = 0;
	for (size_t k = 0; k < spans->len; k++)
		sum += (double)spans->at[k].rules * span_ns(w, &spans->at[k]);
	return sum / (double)(spans->asked + spans->others);
}

bool nft_split_weigh(const struct nft_splitting *s, const struct nft_spans *spans,
		     const struct nft_split *split, double *ns_out)
{
	size_t ways = split->range.len;
	struct weighing w = {.spans = spans, .split = split};
	w.rules = base_oom(calloc(ways, sizeof(*w.rules)));
	w.ns = base_oom(calloc(ways, sizeof(*w.ns)));
	count(&w);
	size_t copies = w.copies + spans->others * ways, most = s->copies_most;
	if (split->blocks && most / COPIES_MOST > s->entries->len + COPIES_MORE)
		most = COPIES_MOST * s->entries->len + COPIES_MORE;
	set_lists(&w);
	if (copies <= most)
		*ns_out = step_ns(split) + mean_ns(&w);
	free(w.rules);
	free(w.ns);
	return copies <= most;
}
