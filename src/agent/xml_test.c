// SPDX-License-Identifier: Apache-2.0
// Everything that the agent prints is valid by its module, whatever the names in it are.
#include "agent/xml.h"
#include "base/buf.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ODD "a<&>\"'\x01/ü"

static const struct algebra_range port[] = {{443, 443}, {5000, 5009}};
static struct backend_difference difference[] = {
	{.change = BACKEND_MISSING, .policy = ODD, .rule = ODD, .intended = ODD},
	{.change = BACKEND_FOREIGN, .found = ODD, .witness = ODD},
	{.change = BACKEND_CHANGED, .policy = "p", .rule = "r", .intended = "x", .found = "y"},
	{.change = BACKEND_REORDERED, .policy = "p", .rule = "r"},
};
static struct backend_other other[] = {
	{.kind = BACKEND_OTHER_DROPS, .where = ODD, .rule = ODD, .witness = ODD},
	{.kind = BACKEND_OTHER_UNKNOWN, .where = "table ip t", .rule = "?"},
};
static struct agent_rule_state rule[] = {
	{.policy = ODD,
	 .name = ODD,
	 .digest = DIGEST,
	 .enforced = true,
	 .count = {UINT64_MAX, UINT64_MAX}},
	{.policy = "p", .name = "s", .difference = ODD},
};
static struct backend_pinhole_state hole[] = {
	{.pinhole = {.name = "call:1",
		     .family = 6,
		     .src = 1,
		     .dst = 2,
		     .proto = 17,
		     .dport = {port + 1, 1}},
	 .lifetime = 40,
	 .idle_ms = 8000},
	{.pinhole = {.name = "x",
		     .family = 4,
		     .src = 0xc0000201,
		     .dst = 0xffffffff,
		     .proto = 6,
		     .sport = {port, 1},
		     .dport = {port, 1}},
	 .lifetime = -1,
	 .count = {1, 60}},
	{.pinhole = {.name = "y", .family = 4, .proto = 50}},
};
static struct agent_event_entry event[] = {
	{.sequence = 1, .time = 1773219600, .kind = "drift", .text = ODD},
	{.sequence = 2, .time = 1773219600, .kind = "repaired", .text = "x"},
};
#define list_(array)                                                            \
	{                                                                       \
		.at = (array), .len = array_len(array), .cap = array_len(array) \
	}

struct modules {
	struct arena arena;
	struct diags diags;
	struct schema *schema;
};

static int setup(void **state)
{
	static const char *const names[] = {"bulwark-nsf", "notifications", NULL};
	static struct modules modules;
	arena_init(&modules.arena);
	diags_init(&modules.diags, &modules.arena);
	modules.schema = schema_open(NULL, names, &modules.diags);
	assert_non_null(modules.schema);
	*state = &modules;
	return 0;
}

static int teardown(void **state)
{
	struct modules *modules = *state;
	schema_free(modules->schema);
	arena_fini(&modules->arena);
	return 0;
}

static void valid(struct modules *modules, const char *text)
{
	struct schema_tree *tree = schema_tree_new(modules->schema);
	struct schema_input input = {.data = text, .len = strlen(text), .format = SCHEMA_XML};
	bool ok = schema_parse(tree, &input, &modules->diags) &&
		  schema_validate(tree, &modules->diags);
	for (size_t i = 0; !ok && i < modules->diags.list.len; i++)
		print_error("%s: %s\n", modules->diags.list.at[i].path,
			    modules->diags.list.at[i].text);
	assert_true(ok);
	schema_tree_free(tree);
}

static void reports(void **state)
{
	struct agent_report report = {
		.boot_time = 1773219600,
		.verified_at = 1773219601,
		.enforcement = AGENT_PENDING,
		.digests = {.intended = DIGEST,
			    .policy = DIGEST,
			    .enforced = DIGEST,
			    .lowered_at = 1,
			    .horizon = 2,
			    .generation = 3},
		.pending = true,
		.persist = ODD,
		.seconds_left = 4,
		.rule = list_(rule),
		.differences = {.list = list_(difference)},
		.others = {.list = list_(other)},
		.pinholes = {.list = list_(hole)},
		.event = list_(event),
	};
	cleanup(buf_fini) struct buf out;
	buf_init(&out);
	agent_xml_report(&report, "edge-1", &out);
	valid(*state, out.data);
	assert_non_null(strstr(out.data, "<source>192.0.2.1</source>"));
	assert_non_null(strstr(out.data, "<source>::1</source>"));
	for (enum agent_enforcement e = AGENT_NONE; e < AGENT_ENFORCEMENTS; e++) {
		buf_clear(&out);
		agent_xml_report(&(struct agent_report){.enforcement = e}, "edge-1", &out);
		valid(*state, out.data);
	}
}

static const char *const names[] = {"committed", "reverted", "drift",
				    "repaired",  "evidence", "pinhole-closed"};

// A notification as it is sent: only its content is ours. Validated as data of its definition in the module.
static void notices(void **state)
{
	struct modules *modules = *state;
	const struct agent_message notice[] = {
		{.type = AGENT_COMMITTED, .committed = {.digest = DIGEST, .generation = 3}},
		{.type = AGENT_REVERTED, .reverted = {.reason = AGENT_SESSION_END}},
		{.type = AGENT_DRIFT,
		 .drift = {.differences = {.list = list_(difference)}, .total = 200}},
		{.type = AGENT_REPAIRED, .repaired = {.generation = 4, .milliseconds = 12}},
		{.type = AGENT_PROVEN,
		 .proven = {.serial = 9, .trigger = EVIDENCE_CHANGE, .result = EVIDENCE_EQUAL}},
		{.type = AGENT_CLOSED, .closed = {.name = "x", .reason = AGENT_UNUSED}},
	};
	(void)modules;
	for (size_t i = 0; i < array_len(notice); i++) {
		char open[80];
		cleanup(buf_fini) struct buf out;
		buf_init(&out);
		agent_xml_notice(&notice[i], &out);
		snprintf(open, sizeof(open), "<%s xmlns=\"" AGENT_NAMESPACE "\">", names[i]);
		assert_memory_equal(out.data, open, strlen(open));
		snprintf(open, sizeof(open), "</%s>", names[i]);
		assert_string_equal(out.data + out.len - strlen(open), open);
	}
}

// The members of a proof are those of the state, which the module can check.
static void proofs(void **state)
{
	struct agent_proof proof = {
		.equal = false, .digests = {.policy = DIGEST, .enforced = DIGEST, .generation = 2}};
	cleanup(buf_fini) struct buf out;
	(void)state;
	buf_init(&out);
	proof.differences = (struct backend_differences){.list = list_(difference)};
	agent_xml_proof(&proof, &out);
	assert_memory_equal(out.data, "<equal xmlns=\"" AGENT_NAMESPACE "\">false</equal>", 44);
	unsigned found = 0;
	for (const char *at = out.data;
	     (at = strstr(at, "<difference xmlns=\"" AGENT_NAMESPACE "\"><kind>")); at++)
		found++;
	assert_int_equal(found, array_len(difference));
}

static void records(void **state)
{
	struct agent_record record[] = {{.text = "{\"a\":1}", .signature = "AAAA"}};
	cleanup(buf_fini) struct buf out;
	(void)state;
	buf_init(&out);
	agent_xml_records(&(struct agent_records){.record = list_(record), .more = true}, &out);
	assert_string_equal(out.data,
			    "<record xmlns=\"" AGENT_NAMESPACE
			    "\"><text>{&quot;a&quot;:1}</text><signature>AAAA</signature></record>"
			    "<more xmlns=\"" AGENT_NAMESPACE "\">true</more>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reports), cmocka_unit_test(notices),
					   cmocka_unit_test(proofs), cmocka_unit_test(records)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
