// SPDX-License-Identifier: Apache-2.0
// Every message through bytes and back, and what is not a message. With a directory as argument: writes the messages
// there, as the corpus of the fuzz target.
#include "agent/message.h"
#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct algebra_range port[] = {{443, 443}, {5000, 5009}};
static struct backend_difference difference[] = {
	{.change = BACKEND_MISSING, .policy = "p", .rule = "r", .intended = "tcp"},
	{.change = BACKEND_FOREIGN, .found = "everything", .witness = "src=10.0.0.1"},
};
static struct backend_other other[] = {
	{.kind = BACKEND_OTHER_DROPS, .where = "table ip t", .rule = "drop", .witness = "src=::1"},
	{.kind = BACKEND_OTHER_UNKNOWN, .where = "table ip t", .rule = "?"},
};
static struct agent_rule_state rule[] = {
	{.policy = "p", .name = "r", .digest = "00", .enforced = true, .count = {1, 60}},
	{.policy = "p", .name = "s", .difference = "gone"},
};
static struct agent_event_entry event[] = {
	{.sequence = 9, .time = 5, .kind = "drift", .text = "2 differences"}};
static struct diag diag[] = {
	{.code = DIAG_CAPABILITY,
	 .policy = "p",
	 .rule = "r",
	 .capability = "url",
	 .text = "cannot",
	 .hint = "use another"},
	{.severity = DIAG_WARNING, .code = DIAG_BY_PORT, .text = "by port only"},
};
static struct agent_endpoint endpoint[] = {{0, false, "192.0.2.1"},
					   {1, true, "[2001:db8::1]:7000"}};
static struct backend_edit edit[] = {
	{.at = 0, .removed = 1}, {.at = 3, .inserted = 2, .to = 2}, {4, 5, 5, 1}};
static struct backend_pinhole_state hole[] = {
	{.pinhole = {.name = "call",
		     .family = 6,
		     .src = 1,
		     .dst = 2,
		     .proto = 17,
		     .dport = {port, 2},
		     .end = 99,
		     .setup = 5,
		     .idle = 9},
	 .lifetime = 40,
	 .idle_ms = 8000,
	 .count = {3, 900}},
};
static struct agent_record record[] = {{"{}", "AAAA"}, {"{}", ""}};
#define digests_                                                                                   \
	{                                                                                          \
		.intended = "aa", .policy = "bb", .enforced = "cc", .lowered_at = 1, .horizon = 2, \
		.generation = 3                                                                    \
	}
#define list_(array)                                                            \
	{                                                                       \
		.at = (array), .len = array_len(array), .cap = array_len(array) \
	}

static const struct agent_message sample[] = {
	{.type = AGENT_READY},
	{.type = AGENT_TEXT, .piece = {"<x/>", 4}},
	{.type = AGENT_RULES, .piece = {"bytes", 5}},
	{.type = AGENT_FORGET},
	{.type = AGENT_APPLY,
	 .id = 1,
	 .apply = {.default_action = IR_DROP,
		   .terms = {.confirmed = true, .timeout = 60, .persist = "id"}}},
	{.type = AGENT_APPLY, .id = 2},
	{.type = AGENT_CHANGE,
	 .id = 12,
	 .change = {.version = 3,
		    .before = 9,
		    .edit = list_(edit),
		    .rules = {"bytes", 5},
		    .text = "<x/>",
		    .terms = {.confirmed = true, .timeout = 60}}},
	{.type = AGENT_CHANGE, .id = 13, .change = {.rules = {"", 0}, .text = ""}},
	{.type = AGENT_KEPT,
	 .kept = {.which = AGENT_KEPT_STARTUP, .begins = true, .data = "<x", .len = 2}},
	{.type = AGENT_CONFIRM, .id = 3},
	{.type = AGENT_CANCEL, .id = 4, .session_ended = true},
	{.type = AGENT_STARTUP, .id = 5, .text = "<x/>"},
	{.type = AGENT_STARTUP, .id = 6},
	{.type = AGENT_STATE, .id = 7},
	{.type = AGENT_VERIFY, .id = 8},
	{.type = AGENT_OPEN,
	 .id = 9,
	 .pinhole = {.name = "x",
		     .family = 4,
		     .src = 0xc0000201,
		     .dst = 0xffffffff,
		     .proto = 6,
		     .sport = {port, 1},
		     .dport = {port, 2},
		     .end = 1,
		     .setup = 2,
		     .idle = 3}},
	{.type = AGENT_CLOSE, .id = 10, .text = "x"},
	{.type = AGENT_TRUST, .id = 11, .trust = {.crl = "pem"}},
	{.type = AGENT_START,
	 .start = {.name = "edge",
		   .listeners = 2,
		   .over_ssh = 2,
		   .sessions = 1000,
		   .recovery = "alice",
		   .endpoint = list_(endpoint),
		   .last_connected = true,
		   .call_wait = 60,
		   .keepalive = 15,
		   .pending = true,
		   .persist = "id"}},
	{.type = AGENT_RESULT, .id = 1, .result = {.ok = true}},
	{.type = AGENT_RESULT, .id = 1, .result = {.diags = {.list = list_(diag)}}},
	{.type = AGENT_REPORT,
	 .id = 7,
	 .report = {.boot_time = 1,
		    .verified_at = 2,
		    .enforcement = AGENT_PENDING,
		    .digests = digests_,
		    .pending = true,
		    .persist = "id",
		    .seconds_left = 4,
		    .repairs = 5,
		    .rule = list_(rule),
		    .differences = {.list = list_(difference)},
		    .others = {.list = list_(other)},
		    .pinholes = {.list = list_(hole)},
		    .event = list_(event)}},
	{.type = AGENT_PROOF,
	 .id = 8,
	 .proof = {.digests = digests_, .differences = {.list = list_(difference)}}},
	{.type = AGENT_COMMITTED, .committed = {.digest = "bb", .generation = 3}},
	{.type = AGENT_REVERTED, .reverted = {.reason = AGENT_SESSION_END, .digest = "bb"}},
	{.type = AGENT_DRIFT, .drift = {.differences = {.list = list_(difference)}, .total = 200}},
	{.type = AGENT_REPAIRED, .repaired = {.generation = 4, .milliseconds = 12}},
	{.type = AGENT_EVIDENCE, .id = 12, .ask = {.chain = "c", .serial = 1ull << 40}},
	{.type = AGENT_EVIDENCE, .id = 13},
	{.type = AGENT_RECORDS,
	 .id = 12,
	 .records = {.certificate = "pem", .record = list_(record), .more = true}},
	{.type = AGENT_PROVEN,
	 .proven = {.serial = 9, .trigger = EVIDENCE_PERIODIC, .result = EVIDENCE_DIFFERENT}},
	{.type = AGENT_CLOSED, .closed = {.name = "x", .reason = AGENT_UNUSED}},
	{.type = AGENT_RELOAD},
};

static void every_type_has_a_sample(void **state)
{
	(void)state;
	bool has[AGENT_TYPES] = {false};
	for (size_t i = 0; i < array_len(sample); i++)
		has[sample[i].type] = true;
	for (size_t i = 0; i < AGENT_TYPES; i++)
		assert_true(has[i]);
}

static void round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(sample); i++) {
		struct arena arena;
		struct agent_message got;
		cleanup(buf_fini) struct buf bytes;
		cleanup(buf_fini) struct buf again;
		arena_init(&arena);
		buf_init(&bytes);
		buf_init(&again);
		agent_message_encode(&sample[i], &bytes);
		assert_true(agent_message_decode(bytes.data, bytes.len, &arena, &got));
		assert_int_equal(got.type, sample[i].type);
		assert_int_equal(got.id, sample[i].id);
		agent_message_encode(&got, &again);
		assert_int_equal(again.len, bytes.len);
		assert_memory_equal(again.data, bytes.data, bytes.len);
		arena_fini(&arena);
	}
}

static bool decodes(const void *data, size_t len)
{
	struct arena arena;
	struct agent_message got;
	arena_init(&arena);
	bool ok = agent_message_decode(data, len, &arena, &got);
	arena_fini(&arena);
	return ok;
}

static void cut_or_longer_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(sample); i++) {
		cleanup(buf_fini) struct buf bytes;
		buf_init(&bytes);
		agent_message_encode(&sample[i], &bytes);
		for (size_t len = 0; len < bytes.len; len++) {
			void *exact = base_oom(malloc(
				len ? len : 1)); // so that a sanitizer sees one byte too many
			memcpy(exact, bytes.data, len);
			assert_false(decodes(exact, len));
			free(exact);
		}
		buf_addc(&bytes, '\0');
		assert_false(decodes(bytes.data, bytes.len));
	}
}

// Whatever one changed byte makes of a message, it is refused or means what its bytes say.
static void changed_bytes_stay_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(sample); i++) {
		cleanup(buf_fini) struct buf bytes;
		buf_init(&bytes);
		agent_message_encode(&sample[i], &bytes);
		for (size_t at = 0; at < bytes.len * 8; at++) {
			struct arena arena;
			struct agent_message got;
			cleanup(buf_fini) struct buf again;
			arena_init(&arena);
			buf_init(&again);
			bytes.data[at / 8] ^= (char)(1 << at % 8);
			if (agent_message_decode(bytes.data, bytes.len, &arena, &got)) {
				agent_message_encode(&got, &again);
				assert_int_equal(again.len, bytes.len);
				assert_memory_equal(again.data, bytes.data, bytes.len);
			}
			bytes.data[at / 8] ^= (char)(1 << at % 8);
			arena_fini(&arena);
		}
	}
}

// Edits that are in no order, touch each other, do nothing or go beyond the end.
static void impossible_edits_are_refused(void **state)
{
	static struct backend_edit bad[][2] = {
		{{.at = 4, .removed = 1}, {.at = 1, .removed = 1}},
		{{.at = 1, .removed = 2}, {.at = 3, .removed = 1}},
		{{.at = 1, .removed = 2}, {.at = 2, .inserted = 1}},
		{{.at = 1, .removed = 1}, {.at = 5}},
		{{.at = 1, .removed = 1}, {.at = 8, .removed = 2}},
		{{.at = 1, .removed = 1}, {.at = 10, .inserted = 1}},
		{{.at = 1, .removed = 1}, {.at = 5, .inserted = IR_RULES_MOST}},
	};
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++) {
		cleanup(buf_fini) struct buf bytes;
		struct agent_message m = {
			.type = AGENT_CHANGE,
			.change = {
				.before = 9, .edit = list_(bad[i]), .rules = {"", 0}, .text = ""}};
		buf_init(&bytes);
		agent_message_encode(&m, &bytes);
		assert_false(decodes(bytes.data, bytes.len));
	}
}

static int write_corpus(const char *dir)
{
	for (size_t i = 0; i < array_len(sample); i++) {
		char path[256];
		cleanup(buf_fini) struct buf bytes;
		buf_init(&bytes);
		agent_message_encode(&sample[i], &bytes);
		snprintf(path, sizeof(path), "%s/%02zu-%s", dir, i,
			 agent_type_info[sample[i].type].name);
		if (file_put(&(struct file_put){
			    .path = path, .data = bytes.data, .len = bytes.len, .mode = 0644}) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_a_sample),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cut_or_longer_is_refused),
		cmocka_unit_test(impossible_edits_are_refused),
		cmocka_unit_test(changed_bytes_stay_canonical),
	};
	return argc == 2 ? write_corpus(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
