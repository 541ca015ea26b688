// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: RESTCONF over an engine with NSFs in memory, without HTTP.
#pragma once

#include "engine/fake.h"
#include "north/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct json_t;

#define CFI_NS "urn:ietf:params:xml:ns:yang:ietf-i2nsf-cons-facing-interface"
#define CFI NORTH_CFI
#define BWC NORTH_MODULE

struct bench {
	struct arena arena;
	struct diags diags;
	struct store *store;
	struct fake fake;
	struct engine *engine;
	struct workspaces workspaces;
	struct exchange x; // the last one
	bool has_exchange;
};

#define BENCH_NSFS 2
extern const char *const bench_nsf[BENCH_NSFS];
extern const struct pki_identity bench_alice; // an operator
extern const struct pki_identity bench_bob;   // a user of the tenant acme
extern const struct pki_identity bench_agent; // an NSF

int bench_set_up(void **state);
int bench_tear_down(void **state);

struct bench_ask {
	const char *method, *path, *body;
	const struct pki_identity *who; // NULL: alice
	bool anonymous, xml;            // xml: body and answer
	const char *if_match, *if_none_match, *query, *value, *tenant, *accept, *type, *if_modified,
		*if_unmodified;
	const char *query2, *value2;
	bool left; // nobody waits for the answer
};
// The status; the exchange is that of the bench.
unsigned bench_ask(struct bench *b, struct bench_ask a);
// Members that are not named are absent.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define ask(b, ...) bench_ask(b, (struct bench_ask){__VA_ARGS__})
struct json_t *bench_answer(struct bench *b); // the last answer, as JSON
void bench_expect(struct bench *b, const char *text);
void bench_expect_not(struct bench *b, const char *text);

#define DATA "/restconf/data"
#define POLICY DATA "/" CFI ":i2nsf-cfi-policy"
#define GROUPS                                                             \
	"{\"" CFI ":endpoint-groups\":{\"user-group\":[{\"name\":\"all\"," \
	"\"ipv4-prefix\":[\"10.0.0.0/8\"]}]}}"
const char *bench_policy(struct bench *b, const char *name, unsigned port);
// GROUPS, the policy office, a site, two NSFs.
void bench_documents(struct bench *b);
