// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share.
#include "north/test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *const bench_nsf[BENCH_NSFS] = {"fw1", "fw2"};
const struct pki_identity bench_alice = {.role = PKI_OPERATOR, .name = "alice"};
const struct pki_identity bench_bob = {.role = PKI_TENANT_USER, .name = "bob", .tenant = "acme"};
const struct pki_identity bench_agent = {.role = PKI_NSF, .name = "fw1"};

int bench_set_up(void **state)
{
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	b->store = store_sqlite_open(":memory:", &b->diags);
	assert_non_null(b->store);
	fake_init(&b->fake, bench_nsf, BENCH_NSFS);
	struct engine_options options = {
		.store = b->store, .nsf = &fake_ops, .nsf_context = &b->fake, .workers = 2};
	b->engine = engine_new(&options, &b->diags);
	assert_non_null(b->engine);
	b->fake.engine = b->engine;
	assert_true(workspaces_init(&b->workspaces, 1, &b->diags));
	*state = b;
	return 0;
}

int bench_tear_down(void **state)
{
	struct bench *b = *state;
	if (b->has_exchange)
		exchange_fini(&b->x);
	workspaces_fini(&b->workspaces);
	engine_free(b->engine);
	fake_fini(&b->fake);
	store_close(b->store);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

// --- asking ---

unsigned bench_ask(struct bench *b, struct bench_ask a)
{
	if (b->has_exchange)
		exchange_fini(&b->x);
	struct exchange *x = &b->x;
	exchange_init(x, b->engine, &b->workspaces);
	b->has_exchange = true;
	x->asked.stop = a.left;
	if (!a.anonymous)
		exchange_identify(x, a.who ? a.who : &bench_alice, a.tenant);
	struct restconf_argument *argument = arena_array(&x->arena, struct restconf_argument, 2);
	argument[0] = (struct restconf_argument){a.query, a.value};
	argument[1] = (struct restconf_argument){a.query2, a.value2};
	const char *type = a.xml ? RESTCONF_XML : RESTCONF_JSON;
	x->raw = (struct restconf_raw){.method = a.method,
				       .path = a.path,
				       .accept = a.accept ? a.accept : type,
				       .content_type = !a.body  ? NULL
						       : a.type ? a.type
								: type,
				       .has_body = a.body != NULL,
				       .host = "controller",
				       .if_match = a.if_match,
				       .if_none_match = a.if_none_match,
				       .if_modified_since = a.if_modified,
				       .if_unmodified_since = a.if_unmodified,
				       .argument = argument,
				       .arguments = !a.query   ? 0
						    : a.query2 ? 2
							       : 1};
	if (a.body)
		buf_adds(&x->body, a.body);
	exchange_serve(x);
	if (x->status >= 400 && !x->is_answered)
		assert_non_null(strstr(x->out.data, a.xml ? "<errors" : "ietf-restconf:errors"));
	return x->status;
}

json_t *bench_answer(struct bench *b)
{
	json_error_t error;
	json_t *json = json_loads(b->x.out.data, 0, &error);
	if (!json)
		print_message("%s: %s\n", error.text, b->x.out.data);
	assert_non_null(json);
	return json;
}

void bench_expect(struct bench *b, const char *text)
{
	if (!strstr(b->x.out.data, text))
		print_message("no %s in %s\n", text, b->x.out.data);
	assert_non_null(strstr(b->x.out.data, text));
}

void bench_expect_not(struct bench *b, const char *text)
{
	assert_null(strstr(b->x.out.data, text));
}

const char *bench_policy(struct bench *b, const char *name, unsigned port)
{
	return arena_printf(
		&b->arena,
		"{\"" CFI
		":i2nsf-cfi-policy\":[{\"name\":\"%s\",\"rules\":[{\"name\":\"web\",\"condition\":"
		"{\"firewall\":{\"source\":[\"all\"],\"destination\":[\"all\"],"
		"\"transport-layer-protocol\":\"ietf-i2nsf-monitoring-interface:tcp\","
		"\"range-port-number\":[{\"start\":%u,\"end\":%u}]}},\"action\":{\"primary-"
		"action\":"
		"{\"action\":\"pass\"}}}]}]}",
		name, port, port);
}

void bench_documents(struct bench *b)
{
	assert_int_equal(ask(b, "PUT", DATA "/" CFI ":endpoint-groups", GROUPS), 201);
	assert_int_equal(ask(b, "PUT", POLICY "=office", bench_policy(b, "office", 443)), 201);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":sites/site=hq",
			     "{\"" BWC
			     ":site\":[{\"name\":\"hq\",\"networks\":[\"10.1.0.0/16\"]}]}"),
			 201);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":nsfs/nsf=fw1",
			     "{\"" BWC
			     ":nsf\":[{\"name\":\"fw1\",\"address\":\"192.0.2.1\",\"site\":\"hq\","
			     "\"guards\":[\"10.1.0.0/16\"]}]}"),
			 201);
	assert_int_equal(ask(b, "PUT", DATA "/" BWC ":nsfs/nsf=fw2",
			     "{\"" BWC ":nsf\":[{\"name\":\"fw2\",\"address\":\"2001:db8::2\","
			     "\"guards\":[\"10.2.0.0/16\",\"2001:db8:2::/48\"]}]}"),
			 201);
}
