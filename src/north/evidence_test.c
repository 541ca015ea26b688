// SPDX-License-Identifier: Apache-2.0
// Records of proofs over RESTCONF: found by NSF, time and place, whole, and by nobody else's tenant.
#include "north/test.h"

#include <jansson.h>
#include <string.h>

#define FIND "/restconf/operations/" BWC ":find-evidence"
#define RECORDS DATA "/" BWC ":evidence"
#define LINE "{\"a\":\"<&\\\"\"}" // as it was signed, whatever has to be escaped on the way

static void add(struct bench *b, const char *nsf, const char *tenant, uint64_t serial)
{
	struct store_evidence e = {.nsf = nsf,
				   .tenant = tenant,
				   .chain = "00112233445566aa",
				   .serial = serial,
				   .time = 1773219600 + (int64_t)serial,
				   .received = 1773219700,
				   .trigger = "periodic",
				   .result = serial == 3 ? "different" : "equal",
				   .differences = serial == 3,
				   .fault = serial == 4 ? "nobody has certified it" : NULL,
				   .record = LINE,
				   .signature = "AAAA",
				   .certificate = "-----BEGIN"};
	int outcome;
	assert_int_equal(store_do(b->store, evidence_add, &e, 1, &outcome), 0);
	assert_int_equal(outcome, 0);
}

static void fill(struct bench *b)
{
	bench_documents(b);
	for (uint64_t serial = 1; serial <= 5; serial++) {
		add(b, "fw1", "default", serial);
		add(b, "fw2", "acme", serial);
	}
}

// The serials that were found, as one text.
static const char *found(struct bench *b, const struct pki_identity *who, const char *input)
{
	const char *body = arena_printf(&b->arena, "{\"" BWC ":input\":{%s}}", input), *all = "";
	assert_int_equal(ask(b, "POST", FIND, body, .who = who), 200);
	json_t *answer = bench_answer(b), *item;
	json_t *list = json_object_get(json_object_get(answer, BWC ":output"), "record");
	size_t i;
	json_array_foreach(list, i, item)
	{
		all = arena_printf(&b->arena, "%s%s:%s ", all,
				   json_string_value(json_object_get(item, "nsf")),
				   json_string_value(json_object_get(item, "serial")));
		assert_string_equal(json_string_value(json_object_get(item, "record")), LINE);
	}
	json_decref(answer);
	return all;
}

// CUS-4, NSF-5
static void finds(void **state)
{
	struct bench *b = *state;
	fill(b);
	assert_string_equal(found(b, NULL, "\"nsf\":\"fw1\""), "fw1:1 fw1:2 fw1:3 fw1:4 fw1:5 ");
	assert_string_equal(found(b, NULL, "\"nsf\":\"fw1\",\"most\":2"), "fw1:4 fw1:5 ");
	assert_string_equal(found(b, NULL, "\"after\":\"0\",\"most\":3"), "fw1:1 fw2:1 fw1:2 ");
	assert_string_equal(found(b, NULL, "\"after\":\"9\""), "fw2:5 ");
	assert_string_equal(found(b, NULL,
				  "\"from\":\"2026-03-11T09:00:02Z\","
				  "\"until\":\"2026-03-11T10:00:03+01:00\",\"nsf\":\"fw2\""),
			    "fw2:2 fw2:3 ");
	assert_string_equal(found(b, NULL, "\"nsf\":\"nobody\""), "");
	bench_expect_not(b, "BEGIN");
	assert_string_equal(found(b, NULL, "\"nsf\":\"fw1\""), "fw1:1 fw1:2 fw1:3 fw1:4 fw1:5 ");
	bench_expect(b, "\"certificate\":[\"-----BEGIN\"]");
	bench_expect(b, "\"fault\":\"nobody has certified it\"");
	// A tenant sees what its own NSFs have sent.
	assert_string_equal(found(b, &bench_bob, ""), "fw2:1 fw2:2 fw2:3 fw2:4 fw2:5 ");
	assert_string_equal(found(b, &bench_bob, "\"nsf\":\"fw1\""), "");
}

static void refuses(void **state)
{
	struct bench *b = *state;
	static const char *const bad[] = {"\"from\":\"yesterday\"", "\"most\":0", "\"most\":1001",
					  "\"after\":\"x\"", "\"nothing\":1"};
	fill(b);
	for (size_t i = 0; i < array_len(bad); i++)
		assert_int_equal(ask(b, "POST", FIND,
				     arena_printf(&b->arena, "{\"" BWC ":input\":{%s}}", bad[i])),
				 400);
	assert_int_equal(ask(b, "POST", FIND, "{}", .who = &bench_agent), 403);
}

static void is_data(void **state)
{
	struct bench *b = *state;
	fill(b);
	assert_int_equal(ask(b, "GET", RECORDS "/record=5"), 200);
	bench_expect(b, "\"serial\":\"3\"");
	bench_expect(b, "\"result\":\"different\"");
	assert_int_equal(ask(b, "GET", RECORDS, .xml = true), 200);
	bench_expect(b, "<fault>nobody has certified it</fault>");
	assert_int_equal(ask(b, "GET", RECORDS, .who = &bench_bob), 200);
	bench_expect_not(b, "fw1");
	assert_int_equal(ask(b, "DELETE", RECORDS "/record=5"), 405);
	assert_int_equal(ask(b, "GET", DATA "/" BWC ":nsfs/nsf=fw1/state/evidence"), 200);
	bench_expect(b, "\"serial\":\"5\"");
	assert_int_equal(ask(b, "POST", "/restconf/operations/" BWC ":status", "{}"), 200);
	bench_expect(b, "\"evidence\":{\"serial\":\"5\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {TEST(finds), TEST(refuses), TEST(is_data)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
