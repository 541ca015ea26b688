// SPDX-License-Identifier: Apache-2.0
// The authority through its whole life, every verdict on a certificate, what a crash leaves behind,
// and hostile input.
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/test_dir.h"
#include "pki/pki.h"
#include "pki/signature.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cmocka.h>

#define DAY ((int64_t)86400)

struct place {
	struct arena arena;
	struct diags diags;
	char dir[32], ca[64], key[64];
	struct pki *pki;
};

static char *in(struct place *place, const char *name)
{
	return arena_printf(&place->arena, "%s/%s", place->dir, name);
}

static int setup(void **state)
{
	struct place *place = base_oom(calloc(1, sizeof(*place)));
	arena_init(&place->arena);
	diags_init(&place->diags, &place->arena);
	snprintf(place->dir, sizeof(place->dir), "/tmp/pki-test.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->ca, sizeof(place->ca), "%s/ca", place->dir);
	snprintf(place->key, sizeof(place->key), "%s/nsf.key", place->dir);
	assert_true(pki_init(place->ca, "Example Networks", &place->diags));
	place->pki = pki_open(place->ca, &place->diags);
	assert_non_null(place->pki);
	assert_true(pki_key_new(place->key, &place->diags));
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	pki_close(place->pki);
	test_dir_remove(place->dir);
	arena_fini(&place->arena);
	free(place);
	return 0;
}

static enum diag_code last_code(const struct place *place)
{
	assert_true(place->diags.list.len > 0);
	const struct diag *last = &place->diags.list.at[place->diags.list.len - 1];
	assert_non_null(last->hint);
	return last->code;
}

static char *request(struct place *place, const char *key)
{
	struct buf buf;
	buf_init(&buf);
	assert_true(pki_request(key, "edge-1", &place->diags, &buf));
	char *text = arena_strdup(&place->arena, buf.data);
	buf_fini(&buf);
	return text;
}

static const char *const addresses[] = {"192.0.2.7", "2001:db8::7"};
static const struct pki_subject nsf = {
	.role = PKI_NSF, .name = "edge-1", .address = addresses, .addresses = 2, .days = 30};

static char *issue(struct place *place, const struct pki_subject *subject)
{
	struct buf buf;
	buf_init(&buf);
	assert_true(
		pki_issue(place->pki, subject, request(place, place->key), &place->diags, &buf));
	char *text = arena_strdup(&place->arena, buf.data);
	buf_fini(&buf);
	return text;
}

static char *ca_text(struct place *place)
{
	struct buf buf;
	buf_init(&buf);
	pki_ca(place->pki, &buf);
	char *text = arena_strdup(&place->arena, buf.data);
	buf_fini(&buf);
	return text;
}

static char *crl_text(struct place *place)
{
	struct buf buf;
	buf_init(&buf);
	assert_true(pki_crl(place->pki, &place->diags, &buf));
	char *text = arena_strdup(&place->arena, buf.data);
	buf_fini(&buf);
	return text;
}

struct der {
	unsigned char *at;
	size_t len;
};

static struct der der_of(struct place *place, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(certificate);
	unsigned char *bytes = NULL;
	int len = i2d_X509(certificate, &bytes);
	assert_true(len > 0);
	struct der der = {arena_memdup(&place->arena, bytes, (size_t)len), (size_t)len};
	OPENSSL_free(bytes);
	X509_free(certificate);
	BIO_free(bio);
	return der;
}

static enum pki_verdict judge(struct place *place, const char *pem, int64_t now,
			      const struct pki_expect *expect)
{
	struct pki_trust *trust = pki_trust_new(ca_text(place), crl_text(place), &place->diags);
	assert_non_null(trust);
	struct der der = der_of(place, pem);
	struct pki_identity who;
	enum pki_verdict verdict = pki_verify(trust, der.at, der.len, now, expect, &who);
	assert_int_equal(pki_verify_text(trust, pem, now, expect, &who), verdict);
	assert_non_null(pki_verdict_text(verdict));
	assert_non_null(pki_verdict_hint(verdict));
	pki_trust_free(trust);
	return verdict;
}

static void issues_what_was_asked_for(void **state)
{
	struct place *place = *state;
	char *chain = issue(place, &nsf);
	struct pki_identity who;
	assert_true(pki_identify(chain, &place->diags, &who));
	assert_int_equal(who.role, PKI_NSF);
	assert_string_equal(who.name, "edge-1");
	assert_string_equal(who.tenant, "Example Networks");
	assert_in_range(who.not_after - who.not_before, 30 * DAY, 30 * DAY + 3600);
	assert_true(pki_key_matches(place->key, chain, &place->diags));
	assert_non_null(strstr(strstr(chain, "END CERTIFICATE"),
			       "BEGIN CERTIFICATE")); // the authority's follows
	struct stat st;
	assert_int_equal(stat(in(place, "ca/ca.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(
		access(in(place, arena_printf(&place->arena, "ca/issued/%s.pem", who.serial)),
		       R_OK),
		0);
}

static void gives_every_verdict(void **state)
{
	struct place *place = *state;
	int64_t now = time(NULL);
	char *chain = issue(place, &nsf);
	struct pki_expect good = {.roles = 1u << PKI_NSF | 1u << PKI_CONTROLLER,
				  .name = "EDGE-1",
				  .address = "2001:db8:0::7"};
	struct pki_expect role = {.roles = 1u << PKI_OPERATOR}, name = {.name = "edge-2"},
			  address = {.address = "192.0.2.8"};
	assert_int_equal(judge(place, chain, now, NULL), PKI_OK);
	assert_int_equal(judge(place, chain, now, &good), PKI_OK);
	assert_int_equal(judge(place, chain, now, &role), PKI_WRONG_ROLE);
	assert_int_equal(judge(place, chain, now, &name), PKI_WRONG_NAME);
	assert_int_equal(judge(place, chain, now, &address), PKI_WRONG_NAME);
	assert_int_equal(judge(place, chain, now + 31 * DAY, NULL), PKI_EXPIRED);
	assert_int_equal(judge(place, chain, now - 3600, NULL),
			 PKI_UNKNOWN_ISSUER); // the authority is not valid yet either
	assert_int_equal(judge(place, ca_text(place), now, NULL), PKI_BAD_CERTIFICATE);
	assert_true(pki_revoke(place->pki, "edge-1", &place->diags));
	assert_int_equal(judge(place, chain, now, NULL), PKI_REVOKED);
}

static void knows_its_own_only(void **state)
{
	struct place *place = *state;
	char *chain = issue(place, &nsf), *crl = crl_text(place);
	pki_close(place->pki);
	assert_true(pki_init(in(place, "other"), "Example Networks", &place->diags));
	place->pki = pki_open(in(place, "other"), &place->diags);
	assert_int_equal(judge(place, chain, time(NULL), NULL), PKI_UNKNOWN_ISSUER);
	assert_null(
		pki_trust_new(ca_text(place), crl, &place->diags)); // a list of another authority
	assert_int_equal(last_code(place), DIAG_VALUE);
	struct buf out;
	buf_init(&out);
	assert_false(
		pki_renew(place->pki, chain, request(place, place->key), 0, &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_DENIED);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void renews_without_an_outage(void **state)
{
	struct place *place = *state;
	char *old = issue(place, &nsf);
	char *key = in(place, "new.key");
	assert_true(pki_key_new(key, &place->diags));
	struct buf out;
	buf_init(&out);
	assert_true(pki_renew(place->pki, old, request(place, key), 60, &place->diags, &out));
	int64_t now = time(NULL);
	struct pki_expect same = {.roles = 1u << PKI_NSF, .name = "edge-1", .address = "192.0.2.7"};
	assert_int_equal(judge(place, out.data, now, &same), PKI_OK);
	assert_int_equal(judge(place, old, now, &same), PKI_OK);
	assert_true(pki_key_matches(key, out.data, &place->diags));
	assert_false(pki_key_matches(place->key, out.data, &place->diags));
	// Revoked by serial: the old one only; and who is revoked gets no new one.
	struct pki_identity who;
	assert_true(pki_identify(old, &place->diags, &who));
	assert_true(pki_revoke(place->pki, who.serial, &place->diags));
	assert_int_equal(judge(place, old, now, NULL), PKI_REVOKED);
	assert_int_equal(judge(place, out.data, now, NULL), PKI_OK);
	buf_clear(&out);
	assert_false(pki_renew(place->pki, old, request(place, key), 60, &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_DENIED);
	buf_fini(&out);
}

static void writes_files_for_people(void **state)
{
	struct place *place = *state;
	struct pki_subject user = {.role = PKI_TENANT_USER, .name = "ann", .tenant = "Köln Süd AG"};
	assert_true(pki_issue_files(place->pki, &user, place->dir, &place->diags));
	struct buf pem;
	buf_init(&pem);
	assert_int_equal(file_read(in(place, "ann.pem"), PKI_PEM_MOST, &pem), 0);
	struct pki_identity who;
	assert_true(pki_identify(pem.data, &place->diags, &who));
	assert_string_equal(who.tenant, "Köln Süd AG");
	assert_true(pki_key_matches(in(place, "ann.key"), pem.data, &place->diags));
	assert_false(
		pki_issue_files(place->pki, &user, place->dir, &place->diags)); // never overwritten
	assert_true(pki_key_matches(in(place, "ann.key"), pem.data, &place->diags));
	buf_fini(&pem);
}

static void count(const struct pki_entry *entry, void *context)
{
	unsigned *seen = context;
	seen[entry->revoked ? 1 : 0]++;
}

// The index is written, then the crash: the list lacks the revocation, or is gone, or is cut off.
static void mends_what_a_crash_left(void **state)
{
	struct place *place = *state;
	char *chain = issue(place, &nsf);
	struct buf before;
	buf_init(&before);
	assert_int_equal(file_read(in(place, "ca/crl.pem"), PKI_PEM_MOST, &before), 0);
	assert_true(pki_revoke(place->pki, "edge-1", &place->diags));
	const size_t kept[] = {before.len, before.len / 2, 0};
	for (size_t i = 0; i < array_len(kept); i++) {
		pki_close(place->pki);
		struct file_put put = {.path = in(place, "ca/crl.pem"),
				       .data = before.data,
				       .len = kept[i],
				       .mode = 0644};
		assert_int_equal(file_put(&put), 0);
		place->pki = pki_open(place->ca, &place->diags);
		assert_non_null(place->pki);
		assert_int_equal(judge(place, chain, time(NULL), NULL), PKI_REVOKED);
	}
	unsigned seen[2] = {0};
	pki_each(place->pki, count, seen);
	assert_int_equal(seen[0], 0);
	assert_int_equal(seen[1], 1);
	buf_fini(&before);
}

static void refuses_a_damaged_directory(void **state)
{
	struct place *place = *state;
	(void)issue(place, &nsf);
	assert_null(pki_open(place->ca, &place->diags));
	assert_int_equal(last_code(place), DIAG_LOCKED);
	pki_close(place->pki);
	place->pki = NULL;
	struct buf index;
	buf_init(&index);
	assert_int_equal(file_read(in(place, "ca/index"), PKI_PEM_MOST, &index), 0);
	for (size_t len = 0; len < index.len; len++) {
		struct file_put put = {.path = in(place, "ca/index"),
				       .data = index.data,
				       .len = len,
				       .mode = 0644};
		if (len == strlen("bulwark-pki 1\n"))
			continue; // a whole index of no certificates
		assert_int_equal(file_put(&put), 0);
		assert_null(pki_open(place->ca, &place->diags));
		assert_int_equal(last_code(place), DIAG_SYNTAX);
	}
	assert_int_equal(chmod(in(place, "ca/ca.key"), 0640), 0);
	assert_null(pki_open(place->ca, &place->diags));
	assert_int_equal(last_code(place), DIAG_DENIED);
	assert_false(pki_init(place->ca, "Other", &place->diags));
	assert_int_equal(last_code(place), DIAG_EXISTS);
	buf_fini(&index);
}

static void refuses_bad_subjects(void **state)
{
	struct place *place = *state;
	static const char *const wrong[] = {"192.0.2.300"};
	static const struct pki_subject bad[] = {
		{.role = PKI_NSF, .name = ""},
		{.role = PKI_NSF, .name = "../x"},
		{.role = PKI_NSF, .name = "a,IP:1.2.3.4"},
		{.role = PKI_NSF, .name = "a", .tenant = "t"},
		{.role = PKI_TENANT_USER, .name = "a"},
		{.role = PKI_TENANT_USER, .name = "a", .tenant = "x\ny"},
		{.role = PKI_NSF, .name = "a", .days = PKI_DAYS_MOST + 1},
		{.role = PKI_NSF, .name = "a", .address = wrong, .addresses = 1},
	};
	struct buf out;
	buf_init(&out);
	for (size_t i = 0; i < array_len(bad); i++) {
		size_t before = place->diags.errors;
		assert_false(pki_issue(place->pki, &bad[i], request(place, place->key),
				       &place->diags, &out));
		assert_true(place->diags.errors > before);
	}
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static char *weak_request(struct place *place)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	X509_REQ *req = X509_REQ_new();
	assert_true(X509_REQ_set_pubkey(req, key) && X509_REQ_sign(req, key, EVP_sha256()));
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_REQ(bio, req);
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	char *copy = arena_strndup(&place->arena, text, (size_t)len);
	BIO_free(bio);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return copy;
}

static void refuses_bad_requests(void **state)
{
	struct place *place = *state;
	struct buf out;
	buf_init(&out);
	assert_false(pki_issue(place->pki, &nsf, weak_request(place), &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_VALUE);
	char *good = request(place, place->key);
	// Up to the last group of base64, some bits of which mean nothing.
	size_t len = (size_t)(strstr(good, "-----END") - good) - 5;
	for (size_t at = 0; at < len; at++) {
		char *cut = arena_strndup(&place->arena, good, at);
		assert_false(pki_issue(place->pki, &nsf, cut, &place->diags, &out));
		if (at < strlen("-----BEGIN CERTIFICATE REQUEST-----\n"))
			continue;
		char *flipped = arena_strdup(&place->arena, good);
		flipped[at] = flipped[at] == 'A' ? 'B' : 'A';
		if (flipped[at] != good[at] && good[at] != '\n')
			assert_false(pki_issue(place->pki, &nsf, flipped, &place->diags, &out));
	}
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void survives_damaged_certificates(void **state)
{
	struct place *place = *state;
	struct der der = der_of(place, issue(place, &nsf));
	struct pki_trust *trust = pki_trust_new(ca_text(place), NULL, &place->diags);
	struct pki_identity who;
	int64_t now = time(NULL);
	for (size_t i = 0; i < der.len; i++) {
		assert_int_equal(pki_verify(trust, der.at, i, now, NULL, &who),
				 PKI_BAD_CERTIFICATE);
		der.at[i] ^= 1;
		assert_int_not_equal(pki_verify(trust, der.at, der.len, now, NULL, &who), PKI_OK);
		der.at[i] ^= 1;
	}
	assert_int_equal(pki_verify(trust, der.at, der.len, now, NULL, &who), PKI_OK);
	pki_trust_free(trust);
	assert_null(pki_trust_new("", NULL, &place->diags));
	assert_null(pki_trust_new(ca_text(place), "nonsense", &place->diags));
	assert_null(pki_trust_new("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
				  NULL, &place->diags));
	assert_null(pki_trust_new(issue(place, &nsf), NULL, &place->diags) /* no authority: */);
	assert_null(pki_trust_load("/nowhere", NULL, &place->diags));
	assert_int_equal(last_code(place), DIAG_IO);
}

static void lists_grow_old(void **state)
{
	struct place *place = *state;
	struct pki_trust *trust = pki_trust_new(ca_text(place), crl_text(place), &place->diags);
	assert_false(pki_trust_crl_stale(trust, time(NULL) + (PKI_CRL_DAYS - 1) * DAY));
	assert_true(pki_trust_crl_stale(trust, time(NULL) + (PKI_CRL_DAYS + 1) * DAY));
	pki_trust_free(trust);
}

static void pins_the_authority(void **state)
{
	struct place *place = *state;
	char *chain = issue(place, &nsf);
	unsigned char fingerprint[PKI_DIGEST], same[PKI_DIGEST];
	struct buf out;
	buf_init(&out);
	pki_ca_fingerprint(place->pki, fingerprint);
	assert_true(pki_pin(chain, fingerprint, &place->diags, &out));
	assert_true(pki_fingerprint(out.data, &place->diags, same));
	assert_memory_equal(fingerprint, same, PKI_DIGEST);
	buf_clear(&out);
	assert_false(pki_pin(ca_text(place), fingerprint, &place->diags,
			     &out)); // nothing that it signed
	// The authority is shown, but another one signed the leaf.
	char *shown = ca_text(place);
	pki_close(place->pki);
	assert_true(pki_init(in(place, "other"), "Example Networks", &place->diags));
	place->pki = pki_open(in(place, "other"), &place->diags);
	char *leaf = issue(place, &nsf);
	char *foreign = arena_printf(&place->arena, "%s%s", leaf, shown);
	assert_false(pki_pin(foreign, fingerprint, &place->diags, &out));
	fingerprint[0] ^= 1;
	assert_false(pki_pin(chain, fingerprint, &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_DENIED);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void tokens(void **state)
{
	struct place *place = *state;
	unsigned char fingerprint[PKI_DIGEST];
	pki_ca_fingerprint(place->pki, fingerprint);
	struct pki_token kept, other, shown;
	char text[PKI_TOKEN_TEXT], other_text[PKI_TOKEN_TEXT];
	pki_token_new(fingerprint, &kept, text);
	pki_token_new(fingerprint, &other, other_text);
	assert_true(pki_token_parse(text, &place->diags, &shown));
	assert_true(pki_token_matches(&shown, &kept));
	assert_false(pki_token_matches(&shown, &other));
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char broken[PKI_TOKEN_TEXT];
		snprintf(broken, sizeof(broken), "%.*s", (int)i, text);
		assert_false(pki_token_parse(broken, &place->diags, &shown));
		snprintf(broken, sizeof(broken), "%s", text);
		broken[i] = broken[i] == '0' ? '1' : '0';
		assert_false(pki_token_parse(broken, &place->diags, &shown) &&
			     pki_token_matches(&shown, &kept));
	}
	assert_false(
		pki_token_parse(arena_printf(&place->arena, "%s0", text), &place->diags, &shown));
	assert_int_equal(last_code(place), DIAG_VALUE);
}

static void digests(void **state)
{
	(void)state;
	unsigned char out[PKI_DIGEST], back[PKI_DIGEST];
	char text[PKI_DIGEST_TEXT];
	pki_sha256("abc", 3, out);
	pki_digest_text(out, text);
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(pki_digest_parse(text, back));
	assert_memory_equal(out, back, PKI_DIGEST);
	assert_false(pki_digest_parse("zz", back));
	// RFC 4231 section 4.3.
	pki_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	pki_digest_text(out, text);
	assert_string_equal(text,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void keys_stay_private(void **state)
{
	struct place *place = *state;
	assert_false(pki_key_new(place->key, &place->diags)); // never overwritten
	struct buf out;
	buf_init(&out);
	assert_int_equal(chmod(place->key, 0604), 0);
	assert_false(pki_request(place->key, "edge-1", &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_DENIED);
	assert_false(pki_request(in(place, "absent"), "edge-1", &place->diags, &out));
	assert_int_equal(last_code(place), DIAG_IO);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

static void statements_are_signed(void **state)
{
	static const char text[] = "{\"serial\":1}";
	struct place *place = *state;
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = "hq-fw"};
	struct pki_signer *signer = pki_signer_open(place->key, &place->diags);
	char *certificate = issue(place, &subject), name[PKI_DIGEST_TEXT];
	cleanup(buf_fini) struct buf signature;
	buf_init(&signature);
	assert_non_null(signer);
	pki_sign(signer, text, sizeof(text) - 1, &signature);
	assert_true(pki_signature_holds(certificate, text, sizeof(text) - 1, signature.data));
	assert_true(pki_certified_key(certificate, &place->diags, name));
	assert_string_equal(name, pki_signer_key(signer));
	assert_int_equal(strlen(name), 64);
	// Nothing else is signed, and nobody else has signed it.
	assert_false(pki_signature_holds(certificate, text, sizeof(text) - 2, signature.data));
	assert_false(pki_signature_holds(ca_text(place), text, sizeof(text) - 1, signature.data));
	static const char *const bad[] = {"", "=", "====", "AAAA", "A", "AB=C", "?AAA", " AAA"};
	for (size_t i = 0; i < array_len(bad); i++)
		assert_false(pki_signature_holds(certificate, text, sizeof(text) - 1, bad[i]));
	for (size_t i = 0; i < signature.len; i++) {
		signature.data[i] = (char)(signature.data[i] ^ 1);
		assert_false(pki_signature_holds(certificate, text, sizeof(text) - 1,
						 signature.data) &&
			     i + 3 < signature.len); // the last bits mean nothing
		signature.data[i] = (char)(signature.data[i] ^ 1);
	}
	assert_null(pki_signer_open(in(place, "nothing.key"), &place->diags));
	assert_int_equal(last_code(place), DIAG_IO);
	pki_signer_free(signer);
	pki_signer_free(NULL);
}

// A key for evidence is one for good: who has only the name gets no other one certified.
static void the_same_key_again(void **state)
{
	struct place *place = *state;
	struct pki_subject subject = {.role = PKI_EVIDENCE, .name = "hq-fw"};
	char *other = in(place, "other.key");
	cleanup(buf_fini) struct buf chain;
	buf_init(&chain);
	char *mine = request(place, place->key);
	assert_false(pki_certify_again(place->pki, &subject, mine, &place->diags, &chain));
	assert_int_equal(last_code(place), DIAG_DENIED);
	(void)issue(place, &subject);
	assert_true(pki_certify_again(place->pki, &subject, mine, &place->diags, &chain));
	assert_true(pki_key_matches(place->key, chain.data, &place->diags));
	assert_false(pki_renew(place->pki, chain.data, mine, 0, &place->diags, &chain));
	assert_int_equal(last_code(place), DIAG_DENIED);
	// Another key, another role, another name.
	assert_true(pki_key_new(other, &place->diags));
	assert_false(pki_certify_again(place->pki, &subject, request(place, other), &place->diags,
				       &chain));
	subject.role = PKI_NSF;
	assert_false(pki_certify_again(place->pki, &subject, mine, &place->diags, &chain));
	subject = (struct pki_subject){.role = PKI_EVIDENCE, .name = "dc-fw"};
	assert_false(pki_certify_again(place->pki, &subject, mine, &place->diags, &chain));
	subject.name = "hq-fw";
	assert_true(pki_revoke(place->pki, "hq-fw", &place->diags));
	assert_false(pki_certify_again(place->pki, &subject, mine, &place->diags, &chain));
	assert_int_equal(last_code(place), DIAG_DENIED);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		in_place(issues_what_was_asked_for),
		in_place(gives_every_verdict),
		in_place(knows_its_own_only),
		in_place(renews_without_an_outage),
		in_place(writes_files_for_people),
		in_place(mends_what_a_crash_left),
		in_place(refuses_a_damaged_directory),
		in_place(refuses_bad_subjects),
		in_place(refuses_bad_requests),
		in_place(survives_damaged_certificates),
		in_place(lists_grow_old),
		in_place(pins_the_authority),
		in_place(tokens),
		in_place(statements_are_signed),
		in_place(the_same_key_again),
		in_place(keys_stay_private),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
