// SPDX-License-Identifier: Apache-2.0
// Evidence of NSFs as it comes to the engine: in pages, after a restart, bad in every way; what is kept and what is told.
#include "evidence/evidence.h"
#include "base/buf.h"
#include "base/test_dir.h"
#include "engine/engine.h"
#include "engine/fake.h"
#include "pki/pki.h"
#include "pki/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DEADLINE_S 30
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const char *const names[] = {"fw1"};
static const struct engine_caller alice = {"alice", ENGINE_TENANT_DEFAULT, true};

struct bench {
	struct arena arena;
	struct diags diags;
	char dir[40];
	struct pki *pki;
	struct pki_signer *signer;
	struct store *store;
	struct fake fake;
	struct engine *engine;
	VEC(struct engine_record) made;
	char previous[EVIDENCE_DIGEST];
	pthread_mutex_t mutex;
	unsigned told[ENGINE_EVENTS];
	char last[160]; // of EVIDENCE_BAD
};

static void log_event(void *context, enum engine_event_kind kind, const struct store_event *event)
{
	struct bench *b = context;
	pthread_mutex_lock(&b->mutex);
	b->told[kind]++;
	if (kind == ENGINE_EVIDENCE_BAD)
		snprintf(b->last, sizeof(b->last), "%s", event->detail);
	pthread_mutex_unlock(&b->mutex);
}

static unsigned told(struct bench *b, enum engine_event_kind kind)
{
	pthread_mutex_lock(&b->mutex);
	unsigned n = b->told[kind];
	pthread_mutex_unlock(&b->mutex);
	return n;
}

static char *in(struct bench *b, const char *name)
{
	return arena_printf(&b->arena, "%s/%s", b->dir, name);
}

static void start_engine(struct bench *b)
{
	b->engine = engine_new(&(struct engine_options){.store = b->store,
							.pki = b->pki,
							.nsf = &fake_ops,
							.nsf_context = &b->fake,
							.workers = 4,
							.log = log_event,
							.context = b},
			       &b->diags);
	assert_non_null(b->engine);
	b->fake.engine = b->engine;
}

static const char *certify(struct bench *b)
{
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = "fw1"};
	cleanup(buf_fini) struct buf request, chain;
	buf_init(&request);
	buf_init(&chain);
	assert_true(pki_key_new(in(b, "key"), &b->diags));
	assert_true(pki_request(in(b, "key"), "fw1", &b->diags, &request));
	assert_true(pki_issue(b->pki, &subject, request.data, &b->diags, &chain));
	b->signer = pki_signer_open(in(b, "key"), &b->diags);
	assert_non_null(b->signer);
	return arena_strdup(&b->arena, chain.data);
}

static int setup(void **state)
{
	static const char network[] =
		"<nsfs xmlns=\"urn:bulwark:yang:controller\"><nsf><name>fw1</name>"
		"<address>192.0.2.1</address><guards>10.1.0.0/16</guards></nsf></nsfs>";
	struct bench *b = base_oom(calloc(1, sizeof(*b)));
	struct engine_put put = {.kind = STORE_NETWORK, .xml = network, .len = sizeof(network) - 1};
	uint32_t revision;
	arena_init(&b->arena);
	diags_init(&b->diags, &b->arena);
	pthread_mutex_init(&b->mutex, NULL);
	snprintf(b->dir, sizeof(b->dir), "/tmp/evidence-test.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_true(pki_init(in(b, "ca"), "Example", &b->diags));
	b->pki = pki_open(in(b, "ca"), &b->diags);
	b->store = store_sqlite_open(":memory:", &b->diags);
	fake_init(&b->fake, names, array_len(names));
	b->fake.nsf[0].certificate = certify(b);
	snprintf(b->previous, sizeof(b->previous), "%s", ZEROS);
	start_engine(b);
	assert_true(engine_document_put(b->engine, &alice, &put, &b->diags, &revision));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	engine_free(b->engine);
	fake_fini(&b->fake);
	store_close(b->store);
	pki_signer_free(b->signer);
	pki_close(b->pki);
	test_dir_remove(b->dir);
	pthread_mutex_destroy(&b->mutex);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static struct evidence_record next(struct bench *b)
{
	return (struct evidence_record){.nsf = "fw1",
					.chain = "00112233445566aa",
					.serial = b->made.len + 1,
					.previous = b->previous,
					.key = pki_signer_key(b->signer),
					.time = time(NULL),
					.trigger = EVIDENCE_PERIODIC,
					.method = "m",
					.back_end = "b",
					.kernel = "k"};
}

// The fake NSF makes it; `signer` NULL: its own.
static void make(struct bench *b, const struct evidence_record *r)
{
	cleanup(buf_fini) struct buf text, signature;
	buf_init(&text);
	buf_init(&signature);
	evidence_print(r, &text);
	pki_sign(b->signer, text.data, text.len, &signature);
	evidence_digest(text.data, text.len, b->previous);
	struct engine_record made = {.text = arena_strdup(&b->arena, text.data),
				     .signature = arena_strdup(&b->arena, signature.data)};
	pthread_mutex_lock(&b->fake.mutex);
	vec_push(&b->arena, &b->made, made);
	b->fake.nsf[0].record = b->made.at;
	b->fake.nsf[0].records = b->made.len;
	pthread_mutex_unlock(&b->fake.mutex);
}

static void make_good(struct bench *b)
{
	struct evidence_record r = next(b);
	make(b, &r);
}

struct kept {
	unsigned all, bad;
	uint64_t serial;
	char fault[160];
};

static void count(const struct store_evidence *e, void *context)
{
	struct kept *kept = context;
	kept->all++;
	kept->bad += e->fault != NULL;
	kept->serial = e->serial;
	snprintf(kept->fault, sizeof(kept->fault), "%s", e->fault ? e->fault : "");
}

static struct kept kept(struct bench *b)
{
	struct kept k = {.all = 0};
	assert_int_equal(
		engine_each_evidence(b->engine, &(struct store_evidence_query){0}, count, &k), 0);
	return k;
}

static struct kept wait_for(struct bench *b, unsigned records)
{
	time_t end = time(NULL) + DEADLINE_S;
	struct kept k;
	while ((k = kept(b)).all < records) {
		assert_true(time(NULL) < end);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	assert_int_equal(k.all, records);
	return k;
}

static void tell_news(struct bench *b)
{
	engine_nsf_notice(b->engine,
			  &(struct engine_notice){.kind = ENGINE_NOTICE_EVIDENCE, .nsf = "fw1"});
}

// CUS-4, NSF-2
static void everything_is_fetched_once(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < 5; i++)
		make_good(b);
	fake_connect(&b->fake, 0);
	struct kept k = wait_for(b, 5);
	assert_int_equal(k.bad, 0);
	make_good(b);
	tell_news(b);
	assert_int_equal(wait_for(b, 6).serial, 6);
	// News of what is here already brings nothing; what was made meanwhile comes with the next session.
	tell_news(b);
	engine_free(b->engine);
	make_good(b);
	make_good(b);
	start_engine(b);
	fake_connect(&b->fake, 0);
	k = wait_for(b, 8);
	assert_int_equal(k.bad, 0);
	assert_int_equal(k.serial, 8);
	assert_int_equal(told(b, ENGINE_EVIDENCE_BAD), 0);
}

static void what_matters_is_told(void **state)
{
	struct bench *b = *state;
	struct evidence_record r = next(b);
	r.trigger = EVIDENCE_COMMIT;
	make(b, &r);
	make_good(b);
	r = next(b);
	r.trigger = EVIDENCE_CHANGE;
	r.result = EVIDENCE_DIFFERENT;
	make(b, &r);
	fake_connect(&b->fake, 0);
	wait_for(b, 3);
	time_t end = time(NULL) + DEADLINE_S;
	while (told(b, ENGINE_EVIDENCE) < 2)
		assert_true(time(NULL) < end);
	assert_int_equal(told(b, ENGINE_EVIDENCE_BAD), 0);
}

static void expect_bad(struct bench *b, unsigned records, const char *why)
{
	tell_news(b);
	struct kept k = wait_for(b, records);
	assert_non_null(strstr(k.fault, why));
	time_t end = time(NULL) + DEADLINE_S;
	for (bool heard = false; !heard;) {
		assert_true(time(NULL) < end);
		pthread_mutex_lock(&b->mutex);
		heard = strstr(b->last, why) != NULL;
		pthread_mutex_unlock(&b->mutex);
	}
}

static void what_does_not_hold_is_kept_and_told(void **state)
{
	struct bench *b = *state;
	make_good(b);
	fake_connect(&b->fake, 0);
	wait_for(b, 1);
	// Changed on its way.
	make_good(b);
	b->made.at[1].signature = b->made.at[0].signature;
	expect_bad(b, 2, "not that of this record");
	// Of another NSF.
	struct evidence_record r = next(b);
	r.nsf = "fw2";
	make(b, &r);
	expect_bad(b, 3, "another NSF");
	// Not chained to the one before.
	r = next(b);
	r.previous = ZEROS;
	make(b, &r);
	expect_bad(b, 4, "does not follow");
	// A gap.
	r = next(b);
	r.serial++;
	make(b, &r);
	expect_bad(b, 5, "missing");
	// No certificate; told once.
	unsigned before = told(b, ENGINE_EVIDENCE_BAD);
	b->fake.nsf[0].certificate = NULL;
	r = next(b);
	r.serial++;
	make(b, &r);
	r = next(b);
	r.serial++;
	make(b, &r);
	expect_bad(b, 7, "nobody has certified");
	assert_int_equal(told(b, ENGINE_EVIDENCE_BAD), before + 1);
}

static void nonsense_is_not_kept(void **state)
{
	struct bench *b = *state;
	make_good(b);
	make_good(b);
	b->made.at[1].text = "{\"format\":\"bulwark-evidence-9\"}";
	make_good(b);
	fake_connect(&b->fake, 0);
	wait_for(b, 1);
	time_t end = time(NULL) + DEADLINE_S;
	while (!told(b, ENGINE_EVIDENCE_BAD))
		assert_true(time(NULL) < end);
	assert_int_equal(kept(b).all, 1);
}

#define on_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		on_bench(everything_is_fetched_once),
		on_bench(what_matters_is_told),
		on_bench(what_does_not_hold_is_kept_and_told),
		on_bench(nonsense_is_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
