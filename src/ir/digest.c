// SPDX-License-Identifier: Apache-2.0
// Digests of rulesets (digest.h says what they are). The one idea: levels of digests, each level cut into runs by its own
// content; a change on one level is a change of few digests on the next. A whole ruleset is an empty one that is changed.
// What it does not: know what a rule means (wire.c).
#include "ir/digest.h"

#include "base/wire.h"
#include "pki/pki.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(IR_DIGEST == PKI_DIGEST, "one kind of digest");

// A run has 2 digests at least, but for the last: a level is at most half as long as the one below it, and one.
enum { RUN_LEAST = 2, RUN_MOST = 256, END_BITS = 63, LEVELS_MOST = 40 };

struct level {
	struct ir_digest *at;
	size_t len, cap;
	uint16_t *run; // lengths of the runs; none on the highest level, which has one digest
	size_t runs, runs_cap;
};
struct ir_digests {
	struct level level[LEVELS_MOST];
};

struct ir_digests *ir_digests_new(void)
{
	return base_oom(calloc(1, sizeof(struct ir_digests)));
}

void ir_digests_free(struct ir_digests *digests)
{
	if (!digests)
		return;
	for (size_t i = 0; i < LEVELS_MOST; i++) {
		free(digests->level[i].at);
		free(digests->level[i].run);
	}
	free(digests);
}

size_t ir_digests_len(const struct ir_digests *digests)
{
	return digests->level[0].len;
}

const struct ir_digest *ir_digests_at(const struct ir_digests *digests, size_t at)
{
	assert(at < digests->level[0].len);
	return &digests->level[0].at[at];
}

// --- lists that are spliced ---

struct list {
	void **at;
	size_t *len, *cap, size;
};

static void splice(const struct list *list, size_t at, size_t removed, const void *items,
		   size_t inserted)
{
	size_t behind = *list->len - at - removed, len = at + inserted + behind;
	if (len > *list->cap) {
		*list->cap = len + len / 8 + 8;
		*list->at = base_oom(realloc(*list->at, *list->cap * list->size));
	}
	char *to = (char *)*list->at + at * list->size;
	if (behind && inserted != removed)
		memmove(to + inserted * list->size, to + removed * list->size, behind * list->size);
	if (inserted)
		memcpy(to, items, inserted * list->size);
	*list->len = len;
}

static void splice_digests(struct level *level, const struct ir_digests_splice *s)
{
	struct list list = {(void **)&level->at, &level->len, &level->cap, sizeof(*level->at)};
	splice(&list, s->at, s->removed, s->digest, s->inserted);
}

// --- runs ---

// How many digests the run that begins here has.
static size_t run_at(const struct level *level, size_t from)
{
	size_t most = level->len - from < RUN_MOST ? level->len - from : RUN_MOST, n = 1;
	while (n < most &&
	       (n < RUN_LEAST || (level->at[from + n - 1].octet[IR_DIGEST - 1] & END_BITS) != 0))
		n++;
	return n;
}

// Runs from number `first` on, `gone` of them, are to be cut anew into these.
struct recut {
	size_t first, gone, made, cap;
	struct ir_digest *digest;
	uint16_t *run;
};

static void recut_push(struct recut *recut, const struct level *level, size_t from, size_t n)
{
	if (recut->made == recut->cap) {
		recut->cap = recut->cap * 2 + 16;
		recut->digest =
			base_oom(realloc(recut->digest, recut->cap * sizeof(*recut->digest)));
		recut->run = base_oom(realloc(recut->run, recut->cap * sizeof(*recut->run)));
	}
	pki_sha256(&level->at[from], n * IR_DIGEST, recut->digest[recut->made].octet);
	recut->run[recut->made++] = (uint16_t)n;
}

// The level is changed already, its runs are those of before: new runs are cut until one ends where one ended before.
static void cut_anew(const struct level *level, const struct ir_digests_splice *s,
		     struct recut *out)
{
	size_t from = 0, old = 0;
	while (out->first < level->runs && from + level->run[out->first] < s->at)
		from += level->run[out->first++];
	for (old = from; from < level->len;) {
		size_t n = run_at(level, from);
		recut_push(out, level, from, n);
		from += n;
		if (from < s->at + s->inserted)
			continue;
		size_t was = from - s->inserted + s->removed;
		while (out->first + out->gone < level->runs && old < was)
			old += level->run[out->first + out->gone++];
		if (level->runs && old == was && was >= s->at + s->removed)
			return;
	}
	out->gone = level->runs - out->first;
}

static void forget_above(struct ir_digests *digests, size_t level)
{
	digests->level[level].runs = 0;
	for (size_t i = level + 1; i < LEVELS_MOST; i++)
		digests->level[i].len = digests->level[i].runs = 0;
}

static void take_runs(struct level *level, const struct recut *recut)
{
	struct list list = {(void **)&level->run, &level->runs, &level->runs_cap,
			    sizeof(*level->run)};
	splice(&list, recut->first, recut->gone, recut->run, recut->made);
}

void ir_digests_splice(struct ir_digests *digests, const struct ir_digests_splice *splice)
{
	struct ir_digests_splice s = *splice;
	struct ir_digest *made = NULL; // what the splice of this level holds
	for (size_t i = 0; i < LEVELS_MOST; i++) {
		struct level *level = &digests->level[i];
		assert(s.at + s.removed <= level->len);
		splice_digests(level, &s);
		free(made);
		if (level->len <= 1) {
			forget_above(digests, i);
			return;
		}
		struct recut recut = {0};
		cut_anew(level, &s, &recut);
		take_runs(level, &recut);
		free(recut.run);
		made = recut.digest;
		s = (struct ir_digests_splice){.at = recut.first,
					       .removed = recut.gone,
					       .inserted = recut.made,
					       .digest = made};
	}
	assert(!"a level is half as long as the one below it");
}

struct ir_digest ir_digests_total(const struct ir_digests *digests, enum ir_verdict default_action)
{
	struct ir_digest total = {{0}};
	cleanup(buf_fini) struct buf all;
	size_t top = 0;
	while (digests->level[top].len > 1)
		top++;
	buf_init(&all);
	wire_put_u32(&all, (uint32_t)ir_digests_len(digests));
	wire_put_u8(&all, (uint8_t)default_action);
	buf_add(&all, digests->level[top].len ? &digests->level[top].at[0] : &total, IR_DIGEST);
	pki_sha256(all.data, all.len, total.octet);
	return total;
}

// --- rules ---

struct ir_digest ir_rule_digest(const struct ir_rule *rule)
{
	struct ir_digest digest;
	cleanup(buf_fini) struct buf meaning;
	buf_init(&meaning);
	ir_rule_meaning(rule, &meaning);
	pki_sha256(meaning.data, meaning.len, digest.octet);
	return digest;
}

struct ir_digest ir_ruleset_digest(const struct ir_ruleset *ruleset)
{
	size_t n = ruleset->rule.len;
	struct ir_digests *digests = ir_digests_new();
	struct ir_digest *of_rule = base_oom(malloc((n + 1) * sizeof(*of_rule)));
	for (size_t i = 0; i < n; i++)
		of_rule[i] = ir_rule_digest(&ruleset->rule.at[i]);
	ir_digests_splice(digests, &(struct ir_digests_splice){.inserted = n, .digest = of_rule});
	struct ir_digest total = ir_digests_total(digests, ruleset->default_action);
	free(of_rule);
	ir_digests_free(digests);
	return total;
}
