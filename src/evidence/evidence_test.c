// SPDX-License-Identifier: Apache-2.0
// Records there and back, every fault of a record and of a chain, and bundles that were cut, changed and made up.
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/test_dir.h"
#include "evidence/evidence.h"
#include "pki/pki.h"
#include "pki/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOBODY "0000000000000000000000000000000000000000000000000000000000000000"

struct place {
	struct arena arena;
	struct diags diags;
	char dir[40];
	struct pki *pki;
	struct pki_trust *trust;
	struct pki_signer *signer;
	const char *certificate;
	int64_t now;
};

static char *in(struct place *place, const char *name)
{
	return arena_printf(&place->arena, "%s/%s", place->dir, name);
}

// A key of this name in the directory, and its certificate.
static const char *certify(struct place *place, const char *nsf, enum pki_role role,
			   struct pki_signer **signer_out)
{
	struct pki_subject subject = {.role = role, .name = nsf};
	const char *key =
		in(place, arena_printf(&place->arena, "%s-%s.key", nsf, pki_role_name[role]));
	cleanup(buf_fini) struct buf request, chain;
	buf_init(&request);
	buf_init(&chain);
	assert_true(pki_key_new(key, &place->diags));
	assert_true(pki_request(key, nsf, &place->diags, &request));
	assert_true(pki_issue(place->pki, &subject, request.data, &place->diags, &chain));
	*signer_out = pki_signer_open(key, &place->diags);
	assert_non_null(*signer_out);
	return arena_strdup(&place->arena, chain.data);
}

static int setup(void **state)
{
	struct place *place = base_oom(calloc(1, sizeof(*place)));
	arena_init(&place->arena);
	diags_init(&place->diags, &place->arena);
	snprintf(place->dir, sizeof(place->dir), "/tmp/evidence-test.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	assert_true(pki_init(in(place, "ca"), "Example Networks", &place->diags));
	place->pki = pki_open(in(place, "ca"), &place->diags);
	place->trust = pki_trust_load(in(place, "ca/ca.pem"), NULL, &place->diags);
	assert_non_null(place->trust);
	place->certificate = certify(place, "hq-fw", PKI_EVIDENCE, &place->signer);
	place->now = time(NULL);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	pki_signer_free(place->signer);
	pki_trust_free(place->trust);
	pki_close(place->pki);
	test_dir_remove(place->dir);
	arena_fini(&place->arena);
	free(place);
	return 0;
}

static struct evidence_record record(struct place *place)
{
	return (struct evidence_record){.nsf = "hq-fw",
					.chain = "00112233445566aa",
					.serial = 1,
					.previous = NOBODY,
					.key = pki_signer_key(place->signer),
					.time = place->now,
					.milliseconds = 12,
					.trigger = EVIDENCE_COMMIT,
					.method = "read",
					.back_end = "nft",
					.kernel = "6.18.5",
					.generation = 7,
					.commit = "bulwark-1",
					.rules = 3,
					.intended = NOBODY,
					.policy = NOBODY,
					.enforced = NOBODY,
					.lowered_at = -5,
					.horizon = 1773219600};
}

static const char *print(struct place *place, const struct evidence_record *r)
{
	cleanup(buf_fini) struct buf out;
	buf_init(&out);
	evidence_print(r, &out);
	return arena_strndup(&place->arena, out.data, out.len);
}

static bool reads(struct place *place, const char *text, struct evidence_record *out)
{
	return evidence_read(text, strlen(text), &place->diags, out);
}

static const struct diag *last(const struct place *place)
{
	assert_true(place->diags.list.len > 0);
	const struct diag *diag = &place->diags.list.at[place->diags.list.len - 1];
	assert_non_null(diag->hint);
	return diag;
}

static void a_record_is_one_line(void **state)
{
	struct place *place = *state;
	struct evidence_record r = record(place), got;
	r.key = NOBODY;
	r.time = 1773219600;
	r.result = EVIDENCE_DIFFERENT;
	r.differences = 2;
	vec_push(&place->arena, &r.difference,
		 (struct evidence_difference){
			 .kind = "changed", .policy = "p\"q", .rule = "é\n", .found = "\\"});
	const char *text = print(place, &r);
	assert_string_equal(
		text,
		"{\"format\":\"bulwark-evidence-1\",\"nsf\":\"hq-fw\",\"chain\":"
		"\"00112233445566aa\","
		"\"serial\":1,\"previous\":\"" NOBODY "\",\"key\":\"" NOBODY "\","
		"\"time\":\"2026-03-11T09:00:00Z\",\"milliseconds\":12,\"trigger\":\"commit\","
		"\"method\":\"read\",\"back-end\":\"nft\",\"kernel\":\"6.18.5\",\"generation\":7,"
		"\"commit\":\"bulwark-1\",\"rules\":3,\"intended-digest\":\"" NOBODY "\","
		"\"policy-digest\":\"" NOBODY "\",\"enforced-digest\":\"" NOBODY "\","
		"\"lowered-at\":-5,\"horizon\":1773219600,\"result\":\"different\","
		"\"differences\":2,\"difference\":[{\"kind\":\"changed\",\"policy\":\"p\\\"q\","
		"\"rule\":\"é\\u000a\",\"found\":\"\\\\\"}]}");
	assert_true(reads(place, text, &got));
	assert_int_equal(got.time, 1773219600);
	assert_int_equal(got.result, EVIDENCE_DIFFERENT);
	assert_int_equal(got.difference.len, 1);
	assert_string_equal(got.difference.at[0].policy, "p\"q");
	assert_string_equal(got.difference.at[0].rule, "é\n");
	assert_null(got.difference.at[0].intended);
}

static void texts_are_bounded(void **state)
{
	struct place *place = *state;
	struct evidence_record r = record(place), got;
	char *longest = arena_alloc(&place->arena, 5000);
	for (size_t i = 0; i < 4998; i += 2)
		memcpy(longest + i, "é", 2);
	longest[4998] = '\0';
	r.fault = longest;
	r.kernel = "a\xff\xc3z";                                             // no text
	r.back_end = "\xef\xbf\xbf\xef\xb7\x90\xf0\x9f\xbf\xbe\xef\xbf\xbd"; // three that are none
	r.differences = 100;
	for (size_t i = 0; i < 100; i++)
		vec_push(&place->arena, &r.difference,
			 (struct evidence_difference){.kind = "foreign", .found = longest});
	const char *text = print(place, &r);
	assert_true(strlen(text) < EVIDENCE_RECORD_MOST);
	assert_true(reads(place, text, &got));
	assert_int_equal(got.difference.len, EVIDENCE_DIFFERENCES);
	assert_int_equal(got.differences, 100);
	assert_true(strlen(got.fault) <= EVIDENCE_TEXT_MOST);
	assert_string_equal(got.fault + strlen(got.fault) - 3, "…");
	assert_string_equal(got.kernel, "a??z");
	assert_string_equal(got.back_end, "??????????\xef\xbf\xbd");
}

// Every byte, left out and changed: either refused, or it says something else and prints as what it is.
static void no_other_form_is_read(void **state)
{
	struct place *place = *state;
	struct evidence_record r = record(place), got;
	r.result = EVIDENCE_DIFFERENT;
	r.differences = 1;
	vec_push(&place->arena, &r.difference, (struct evidence_difference){.kind = "missing"});
	const char *text = print(place, &r);
	size_t len = strlen(text);
	for (size_t i = 0; i <= len; i++) {
		struct diags diags;
		diags_init(&diags, &place->arena);
		assert_false(i < len && evidence_read(text, i, &diags, &got));
		for (unsigned char change = 1; i < len && change;
		     change = (unsigned char)(change << 1)) {
			char *other = arena_strdup(&place->arena, text);
			diags_init(&diags, &place->arena);
			other[i] = (char)(other[i] ^ change);
			if (evidence_read(other, len, &diags, &got))
				assert_string_equal(print(place, &got), other);
			else
				assert_int_equal(diags.errors, 1);
		}
	}
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"{\"format\":\"bulwark-evidence-1\"}",
		"{\"format\":\"bulwark-evidence-1\"",
	};
	for (size_t i = 0; i < array_len(bad); i++)
		assert_false(reads(place, bad[i], &got));
	assert_int_equal(last(place)->code, DIAG_SYNTAX);
	assert_false(reads(place, "{\"format\":\"bulwark-evidence-2\",\"nsf\":\"hq-fw\"}", &got));
	assert_int_equal(last(place)->code, DIAG_UNSUPPORTED);
}

static char *sign(struct place *place, const struct pki_signer *signer, const char *text)
{
	cleanup(buf_fini) struct buf out;
	buf_init(&out);
	pki_sign(signer, text, strlen(text), &out);
	return arena_strdup(&place->arena, out.data);
}

static bool holds(struct place *place, const struct evidence_record *r, const char *signature,
		  const char *certificate)
{
	return evidence_signed(r, print(place, r), signature, certificate, place->trust,
			       &place->diags);
}

static void who_says_it(void **state)
{
	struct place *place = *state;
	struct evidence_record r = record(place);
	const char *signature = sign(place, place->signer, print(place, &r));
	assert_true(holds(place, &r, signature, place->certificate));
	// A changed byte.
	r.rules++;
	assert_false(holds(place, &r, signature, place->certificate));
	assert_non_null(strstr(last(place)->text, "signature"));
	r.rules--;
	// Nobody's certificate; somebody else's.
	assert_false(holds(place, &r, signature, ""));
	assert_int_equal(last(place)->code, DIAG_MISSING);
	struct pki_signer *other;
	const char *theirs = certify(place, "dc-fw", PKI_EVIDENCE, &other);
	assert_false(holds(place, &r, signature, theirs));
	assert_non_null(strstr(last(place)->text, "another key"));
	// Another NSF's key for this NSF's evidence.
	r.key = pki_signer_key(other);
	assert_false(holds(place, &r, sign(place, other, print(place, &r)), theirs));
	assert_non_null(strstr(last(place)->text, "another name"));
	pki_signer_free(other);
	// The NSF's own key, but the one of its sessions, which front holds.
	const char *session = certify(place, "hq-fw", PKI_NSF, &other);
	r.key = pki_signer_key(other);
	assert_false(holds(place, &r, sign(place, other, print(place, &r)), session));
	assert_non_null(strstr(last(place)->text, "another role"));
	pki_signer_free(other);
	// Out of the certificate's time.
	r = record(place);
	r.time += (int64_t)(PKI_DAYS_DEFAULT + 1) * 86400;
	assert_false(
		holds(place, &r, sign(place, place->signer, print(place, &r)), place->certificate));
	assert_non_null(strstr(last(place)->text, "expired"));
}

static bool follows(struct place *place, struct evidence_link *link,
		    const struct evidence_record *r)
{
	return evidence_follows(link, r, print(place, r), &place->diags);
}

static void nothing_is_missing(void **state)
{
	struct place *place = *state;
	struct evidence_record r = record(place);
	struct evidence_link link = {.serial = 0}, old;
	assert_true(follows(place, &link, &r));
	old = link;
	struct evidence_record next = r;
	next.serial = 2;
	next.previous = arena_strdup(&place->arena, link.digest);
	assert_true(follows(place, &link, &next));
	// The same again, and one back.
	assert_false(follows(place, &link, &next));
	assert_false(follows(place, &link, &r));
	assert_int_equal(last(place)->code, DIAG_CONFLICT);
	// A gap.
	link = old;
	next.serial = 4;
	assert_false(follows(place, &link, &next));
	assert_non_null(strstr(last(place)->text, "2 missing before it, from number 2 on"));
	// Another one before it.
	link = old;
	next.serial = 2;
	next.previous = NOBODY;
	assert_false(follows(place, &link, &next));
	assert_non_null(strstr(last(place)->text, "does not follow"));
	// Time: clocks are set, but not by hours.
	link = old;
	next.previous = arena_strdup(&place->arena, old.digest);
	next.time = r.time - EVIDENCE_CLOCK_SKEW;
	assert_true(follows(place, &link, &next));
	link = old;
	next.time--;
	assert_false(follows(place, &link, &next));
	// A new chain begins with any number.
	link = old;
	next.chain = "ffffffffffffffff";
	next.serial = 9;
	assert_true(follows(place, &link, &next));
	assert_int_equal(link.serial, 9);
}

static struct buf bundle(struct place *place)
{
	struct evidence_bundle b = {.item = {.len = 0}};
	struct evidence_record r = record(place);
	assert_true(evidence_bundle_certify(&b, place->certificate, &place->diags));
	for (unsigned i = 1; i <= 3; i++) {
		r.serial = i;
		const char *text = print(place, &r);
		vec_push(&place->arena, &b.item,
			 (struct evidence_item){.text = text,
						.signature = sign(place, place->signer, text)});
	}
	struct buf out;
	buf_init(&out);
	evidence_bundle_print(&b, "a test", &out);
	return out;
}

static void a_bundle_is_whole_or_nothing(void **state)
{
	struct place *place = *state;
	cleanup(buf_fini) struct buf text = bundle(place);
	struct evidence_bundle got;
	char *copy = arena_strndup(&place->arena, text.data, text.len);
	assert_true(evidence_bundle_read(copy, text.len, &place->diags, &got));
	assert_int_equal(got.item.len, 3);
	assert_int_equal(got.certificate.len, 1);
	const char *key = pki_signer_key(place->signer);
	assert_non_null(evidence_bundle_certificate(&got, key, place->now));
	assert_non_null(evidence_bundle_certificate(&got, key, 0));
	assert_null(evidence_bundle_certificate(&got, NOBODY, place->now));
	for (size_t i = 0; i < text.len; i++) {
		struct diags diags;
		copy = arena_strndup(&place->arena, text.data, i);
		diags_init(&diags, &place->arena);
		assert_false(evidence_bundle_read(copy, i, &diags, &got));
		assert_int_equal(diags.errors, 1);
		assert_non_null(diags.list.at[0].hint);
	}
}

static void bundles_that_are_none(void **state)
{
	static const struct {
		const char *text;
		enum diag_code code;
	} bad[] = {
		{"", DIAG_SYNTAX},
		{"bulwark evidence bundle 2\nend 0\n", DIAG_UNSUPPORTED},
		{"bulwark evidence bundle 1\nhello\nend 0\n", DIAG_SYNTAX},
		{"bulwark evidence bundle 1\nrecord x\nend 1\n", DIAG_SYNTAX},
		{"bulwark evidence bundle 1\nend 1\n", DIAG_SYNTAX},
		{"bulwark evidence bundle 1\nend 0\nend 0\n", DIAG_SYNTAX},
		{"bulwark evidence bundle 1\n-----BEGIN CERTIFICATE-----\nAAAA\n"
		 "-----END CERTIFICATE-----\nend 0\n",
		 DIAG_SYNTAX},
	};
	struct place *place = *state;
	struct evidence_bundle got;
	for (size_t i = 0; i < array_len(bad); i++) {
		char *copy = arena_strdup(&place->arena, bad[i].text);
		assert_false(evidence_bundle_read(copy, strlen(copy), &place->diags, &got));
		assert_int_equal(last(place)->code, bad[i].code);
	}
	char zero[] = "bulwark evidence bundle 1\n\0end 0\n";
	assert_false(evidence_bundle_read(zero, sizeof(zero) - 1, &place->diags, &got));
	char none[] = "bulwark evidence bundle 1\n# nothing\nend 0\n";
	assert_true(evidence_bundle_read(none, sizeof(none) - 1, &place->diags, &got));
	assert_int_equal(got.item.len, 0);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		in_place(a_record_is_one_line),  in_place(texts_are_bounded),
		in_place(no_other_form_is_read), in_place(who_says_it),
		in_place(nothing_is_missing),    in_place(a_bundle_is_whole_or_nothing),
		in_place(bundles_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
