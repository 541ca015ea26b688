// SPDX-License-Identifier: Apache-2.0
// Large writes under way: what others see meanwhile, and what happens when somebody goes or the application says something
// in the midst of one.
#include "proto/netconf/server_internal.h"
#include "proto/netconf/test_pair.h"
#include "schema/schema.h"

#include <string.h>

#define PAGES 10000u
#define GET(datastore, what)                                                            \
	"<get-config><source><" datastore "/></source><filter><box " BOX "><" what "/>" \
	"</box></filter></get-config>"
#define OLD LABEL("old")

// Slices are short, so that everything takes many.
static int setup(void **state)
{
	(void)state;
	return test_pair_begin(&(struct netconf_server_options){.slice_us = 50}, 2);
}

// An edit of everything.
static const char *large_edit(const char *label)
{
	struct buf edit cleanup(buf_fini);
	buf_init(&edit);
	buf_printf(&edit,
		   "<edit-config><target><candidate/></target><default-operation>replace"
		   "</default-operation><config><box " BOX "><label>%s</label>",
		   label);
	for (unsigned i = 0; i < PAGES; i++)
		buf_printf(&edit, "<page><number>%u</number><text>%s</text></page>", i, label);
	buf_adds(&edit, "</box></config></edit-config>");
	return arena_strndup(&w.arena, edit.data, edit.len);
}

// A write is in the midst of its work.
static bool is_writing(void)
{
	return w.box.server->busy && w.box.server->busy->work;
}

static void until_writing(void)
{
	while (!is_writing())
		test_step(&w);
}

static void begin_write(const char *request)
{
	test_send(&a, request);
	until_writing();
}

// The other one asks as long as the write is at work, and sees what was before it.
static void sees_meanwhile(const char *request, const char *wanted)
{
	unsigned answers = 0;
	while (is_writing()) {
		const char *reply = test_ask(&b, request);
		if (is_writing())
			test_has(reply, wanted);
		answers++;
	}
	assert_true(answers > 0);
}

static void others_see_what_was_before(void **state)
{
	(void)state;
	test_ok(&a, EDIT(OLD));
	test_ok(&a, "<commit/>");
	begin_write(large_edit("new"));
	sees_meanwhile(GET("candidate", "label"), "<data>" OLD "</data>");
	test_has(test_receive(&a), "<ok/>");
	test_has(test_ask(&b, GET("candidate", "label")), ">new<");
	begin_write("<commit/>");
	sees_meanwhile(GET("running", "label"), "<data>" OLD "</data>");
	test_has(test_receive(&a), "<ok/>");
	test_has(test_ask(&b, GET("running", "label")), ">new<");
	begin_write(large_edit("newer"));
	sees_meanwhile("<get><filter type=\"xpath\" xmlns:t=\"urn:test:box\" "
		       "select=\"/t:box/t:label | /t:box/t:load\"/></get>",
		       "<label>new</label><load><percent>12</percent></load>");
	test_has(test_receive(&a), "<ok/>");
}

// Shows: RFC 6241 7.5 a session that ends gives its locks back, when what it has asked for is done
static void the_writer_may_go(void **state)
{
	(void)state;
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	begin_write(large_edit("new"));
	test_peer_fini(&a);
	a = (struct test_peer){.world = &w};
	test_event(&w, "session ended by the client");
	test_ok(&b, "<lock><target><candidate/></target></lock>");
	test_config(&b, "candidate", "");
}

// It held the lock of the candidate, too, which a commit must not lose.
static void the_committer_may_go(void **state)
{
	(void)state;
	test_ok(&a, "<lock><target><candidate/></target></lock>");
	test_ok(&a, EDIT(LABEL("new")));
	w.box.later = true;
	test_send(&a, "<commit/>");
	while (!w.box.held)
		test_step(&w);
	test_peer_fini(&a);
	a = (struct test_peer){.world = &w};
	test_event(&w, "session ended by the client");
	test_box_answer(&w.box);
	w.box.later = false;
	test_config(&b, "running", LABEL("new"));
	test_config(&b, "candidate", LABEL("new"));
	test_ok(&b, "<lock><target><candidate/></target></lock>");
}

static void the_server_may_go(void **state)
{
	(void)state;
	begin_write(large_edit("new"));
}

static void the_server_may_go_in_a_commit(void **state)
{
	(void)state;
	test_ok(&a, large_edit("new"));
	begin_write("<commit/>");
	test_send(&b, GET("running", "page"));
	test_asked(&w, "");
}

static void a_commit_is_undone_meanwhile(void **state)
{
	(void)state;
	test_ok(&a, EDIT(OLD));
	test_ok(&a, "<commit><confirmed/></commit>");
	begin_write(large_edit("new"));
	netconf_server_reverted(w.box.server);
	test_has(test_receive(&a), "<ok/>");
	test_config(&b, "running", "");
	test_has(test_ask(&b, GET("candidate", "label")), ">new<");
	test_ok(&a, "<commit/>");
	test_has(test_ask(&b, GET("running", "label")), ">new<");
}

// Somebody else says what running is while one session reads all of it and another one writes.
static void running_is_replaced_meanwhile(void **state)
{
	(void)state;
	test_ok(&a, large_edit("old"));
	test_ok(&a, "<commit/>");
	b.deaf = true;
	test_send(&b, "<get-config><source><running/></source></get-config>");
	begin_write(large_edit("new"));
	struct schema_tree *tree = test_box_tree(w.box.schema, LABEL("other"));
	netconf_server_update(w.box.server, tree);
	schema_tree_free(tree);
	test_has(test_receive(&a), "<ok/>");
	test_config(&a, "running", LABEL("other"));
	test_has(test_ask(&a, GET("candidate", "label")), ">new<");
	b.deaf = false;
	io_stream_resume(b.stream);
	test_has(test_receive(&b), "<label>old</label>");
}

// More expressions than share the time: each gets its answer, and so do writes.
static void many_search(void **state)
{
	static struct test_peer peer[6];
	(void)state;
	test_ok(&a, large_edit("old"));
	test_ok(&a, "<commit/>");
	for (size_t i = 0; i < array_len(peer); i++) {
		test_peer_open(&peer[i], &w);
		test_send(&peer[i], "<get-config><source><running/></source><filter type=\"xpath\" "
				    "select=\"//*[.='7']\"/></get-config>");
	}
	test_ok(&a, EDIT(LABEL("new")));
	test_ok(&a, "<commit/>");
	test_has(test_ask(&b, GET("running", "label")), ">new<");
	for (size_t i = 0; i < array_len(peer); i++) {
		test_has(test_receive(&peer[i]), "<page><number>7</number></page>");
		test_peer_fini(&peer[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, test_pair_teardown)
		T(others_see_what_was_before),    T(the_writer_may_go),
		T(the_committer_may_go),          T(the_server_may_go),
		T(the_server_may_go_in_a_commit), T(a_commit_is_undone_meanwhile),
		T(running_is_replaced_meanwhile), T(many_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
