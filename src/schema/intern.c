// SPDX-License-Identifier: Apache-2.0
// A dictionary of counted texts: open addressing; each text has its count, length and hash in front of it.
#include "schema/intern.h"
#include "base/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct text {
	uint32_t refs, len;
	uint32_t hash; // 0: a lone one
	char at[];
};

static struct text *text_of(const char *at)
{
	return (struct text *)(uintptr_t)(at - offsetof(struct text, at));
}

static uint32_t hash_of(const char *text, size_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ len;
	for (; len >= 8; text += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, text, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (; len; text++, len--)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	h = (h ^ h >> 29) * 0xff51afd7ed558ccdu;
	uint32_t folded = (uint32_t)(h ^ h >> 32);
	return folded ? folded : 1;
}

void intern_fini(struct intern *intern)
{
	for (size_t i = 0; i < intern->cap; i++)
		if (intern->slot[i])
			free(text_of(intern->slot[i]));
	free(intern->slot);
	*intern = (struct intern){0};
}

static const char **find(const struct intern *intern, const char *text, size_t len, uint32_t hash)
{
	size_t mask = intern->cap - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		const char *at = intern->slot[i];
		if (!at || (text_of(at)->hash == hash && text_of(at)->len == len &&
			    !memcmp(at, text, len)))
			return &intern->slot[i];
	}
}

static void grow(struct intern *intern)
{
	struct intern old = *intern;
	intern->cap = old.cap ? old.cap * 2 : 64;
	intern->slot = base_oom(calloc(intern->cap, sizeof(*intern->slot)));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i]) {
			const struct text *t = text_of(old.slot[i]);
			*find(intern, t->at, t->len, t->hash) = old.slot[i];
		}
	free(old.slot);
}

// Its characters are to be filled in.
static struct text *text_new(size_t len, uint32_t hash)
{
	assert(len < UINT32_MAX);
	struct text *t = base_oom(malloc(sizeof(*t) + len + 1));
	*t = (struct text){.refs = 1, .len = (uint32_t)len, .hash = hash};
	t->at[len] = '\0';
	return t;
}

const char *intern_add(struct intern *intern, const char *text, size_t len)
{
	if (intern->len * 3 >= intern->cap * 2)
		grow(intern);
	uint32_t hash = hash_of(text, len);
	const char **slot = find(intern, text, len, hash);
	if (*slot)
		return intern_ref(*slot);
	struct text *t = text_new(len, hash);
	memcpy(t->at, text, len);
	*slot = t->at;
	intern->len++;
	return *slot;
}

const char *intern_find(const struct intern *intern, const char *text, size_t len)
{
	return intern->cap ? *find(intern, text, len, hash_of(text, len)) : NULL;
}

const char *intern_ref(const char *text)
{
	struct text *t = text_of(text);
	t->refs++;
	assert(t->refs);
	return text;
}

// The run behind the gap moves up, so that every text can still be reached from its hash.
static void take_out(struct intern *intern, const struct text *t)
{
	size_t mask = intern->cap - 1;
	size_t gap = (size_t)(find(intern, t->at, t->len, t->hash) - intern->slot);
	for (size_t i = (gap + 1) & mask; intern->slot[i]; i = (i + 1) & mask) {
		size_t home = text_of(intern->slot[i])->hash & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		intern->slot[gap] = intern->slot[i];
		gap = i;
	}
	intern->slot[gap] = NULL;
	intern->len--;
}

void intern_unref(struct intern *intern, const char *text)
{
	struct text *t = text_of(text);
	if (--t->refs)
		return;
	if (t->hash)
		take_out(intern, t);
	free(t);
}

const char *intern_lone(const char *text, size_t len)
{
	struct text *t = text_new(len, 0);
	turn_copy(t->at, text, len);
	return t->at;
}

size_t intern_length(const char *text)
{
	return text_of(text)->len;
}
