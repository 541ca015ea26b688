// SPDX-License-Identifier: Apache-2.0
// For tests: a NETCONF server whose application only notes what it is asked, and answers as it is told.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "proto/netconf/server.h"

struct io_timer;
struct schema;

struct test_box {
	struct io_loop *loop;
	struct schema *schema;
	struct netconf_server *server;
	struct arena arena;
	struct diags diags;
	struct buf asked;  // "commit;confirm;…" in the order of asking
	struct buf events; // what and why, one a line
	bool later;        // questions wait for test_box_answer
	bool fails;        // questions are answered with an error
	bool own_timer;    // confirmed commits revert by themselves when their time is over
	struct io_timer *timer;
	struct netconf_reply *held;
	struct buf held_data;
};

// `options` without schema, ops and context; its numbers are kept. Opens the schema of testdata/.
void test_box_init(struct test_box *box, const struct netconf_server_options *options);
void test_box_fini(struct test_box *box);
// Answers the question that waits.
void test_box_answer(struct test_box *box);
// A configuration from XML text; for the options.
struct schema_tree *test_box_tree(struct schema *schema, const char *xml);
struct schema *test_box_schema(void) must_check;
