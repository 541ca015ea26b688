// SPDX-License-Identifier: Apache-2.0
// Digests of rulesets: a list that is changed again and again has the digest of one that was made so, which has the digest
// that digest.h describes, worked out here in another way.
#include "ir/digest.h"
#include "base/buf.h"
#include "ir/test.h"
#include "pki/pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 3000 };

// Level by level, from the front.
static struct ir_digest expected(const struct ir_digest *at, size_t n)
{
	struct ir_digest total, one;
	struct buf level, next, all;
	unsigned char head[5] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n, IR_DROP};
	buf_init(&level);
	buf_init(&all);
	buf_add(&level, at, n * IR_DIGEST);
	while (level.len > IR_DIGEST) {
		size_t begin = 0, run = 0;
		buf_init(&next);
		for (size_t i = IR_DIGEST; i <= level.len; i += IR_DIGEST) {
			run++;
			bool ends = run >= 2 && (unsigned char)level.data[i - 1] % 64 == 0;
			if (!ends && run < 256 && i < level.len)
				continue;
			pki_sha256(level.data + begin, i - begin, one.octet);
			buf_add(&next, &one, sizeof(one));
			begin = i;
			run = 0;
		}
		buf_fini(&level);
		level = next;
	}
	buf_add(&all, head, sizeof(head));
	buf_add(&all, n ? level.data : (const char[IR_DIGEST]){0}, IR_DIGEST);
	pki_sha256(all.data, all.len, total.octet);
	buf_fini(&level);
	buf_fini(&all);
	return total;
}

static void assert_list(const struct ir_digests *digests, const struct ir_digest *model, size_t n)
{
	struct ir_digest is = ir_digests_total(digests, IR_DROP), shall = expected(model, n);
	assert_memory_equal(&is, &shall, IR_DIGEST);
	assert_int_equal(ir_digests_len(digests), n);
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(ir_digests_at(digests, i), &model[i], IR_DIGEST);
}

// By chance; so that most runs are short; few different ones, so that runs end by their length.
enum kind { BY_CHANCE, SHORT_RUNS, ALIKE };

static void make(struct test_random *random, struct ir_digest *out, size_t n, enum kind kind)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < IR_DIGEST; k++)
			out[i].octet[k] =
				kind == ALIKE ? 1 : (unsigned char)test_random_next(random);
		if (test_random_chance(random, kind == SHORT_RUNS ? 30 : kind == ALIKE ? 1 : 0))
			out[i].octet[IR_DIGEST - 1] = 64;
	}
}

// `most`: so long it becomes, more or less.
static void change_at_random(enum kind kind, unsigned rounds, size_t most)
{
	struct test_random random = {test_random_seed(NULL)};
	static struct ir_digest model[2 * MOST], some[MOST];
	struct ir_digests *digests = ir_digests_new();
	size_t n = 0;
	assert_list(digests, model, 0);
	for (unsigned round = 0; round < rounds; round++) {
		size_t at = test_random_below(&random, (uint32_t)n + 1);
		bool much = test_random_chance(&random, 5);
		size_t removed = test_random_below(&random, much ? (uint32_t)(n - at) + 1 : 3);
		size_t inserted = n < most ? test_random_below(&random, much ? (uint32_t)most : 3)
					   : removed / 2;
		removed = removed > n - at ? n - at : removed;
		make(&random, some, inserted, kind);
		ir_digests_splice(digests,
				  &(struct ir_digests_splice){at, removed, inserted, some});
		memmove(&model[at + inserted], &model[at + removed],
			(n - at - removed) * IR_DIGEST);
		memcpy(&model[at], some, inserted * IR_DIGEST);
		n = n + inserted - removed;
		assert_list(digests, model, n);
	}
	ir_digests_free(digests);
}

static void any_change(void **state)
{
	(void)state;
	change_at_random(BY_CHANCE, 400, MOST);
}

static void short_lists(void **state)
{
	(void)state;
	change_at_random(SHORT_RUNS, 20000, 6);
}

static void alike_or_ending_at_once(void **state)
{
	(void)state;
	change_at_random(ALIKE, 400, MOST);
}

// What others compute must not change unnoticed.
static void known(void **state)
{
	struct ir_rule rule[] = {{.policy = "a", .name = "b", .verdict = IR_PASS},
				 {.policy = "c", .name = "d", .verdict = IR_DROP, .flow = true}};
	struct ir_ruleset set = {.default_action = IR_DROP};
	char text[PKI_DIGEST_TEXT];
	(void)state;
	struct ir_digest is = ir_ruleset_digest(&set);
	pki_digest_text(is.octet, text);
	assert_string_equal(text, "f956a539849d6df7ee7b40993cc21831"
				  "e225dded179a649db7c4fb91e0d4f169");
	set.rule.at = rule;
	set.rule.len = 2;
	is = ir_ruleset_digest(&set);
	pki_digest_text(is.octet, text);
	assert_string_equal(text, "297c8edf0be54e05c3583af54491badd"
				  "8dabc073650419711d6e79286ad3ff2a");
	// Names are not part of it, the order is.
	rule[0].name = "other";
	struct ir_digest other = ir_ruleset_digest(&set);
	assert_memory_equal(&is, &other, IR_DIGEST);
	struct ir_rule swapped[] = {rule[1], rule[0]};
	set.rule.at = swapped;
	other = ir_ruleset_digest(&set);
	assert_memory_not_equal(&is, &other, IR_DIGEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_change),
		cmocka_unit_test(short_lists),
		cmocka_unit_test(alike_or_ending_at_once),
		cmocka_unit_test(known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
