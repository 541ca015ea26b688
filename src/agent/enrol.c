// SPDX-License-Identifier: Apache-2.0
// Enrolment: a token and a request are exchanged for a certificate; renewal: the certificate in use and a request are.
// The one idea: nothing secret leaves before the other end has proved that it is a controller. At the enrolment the only
// thing known of it is the fingerprint of its authority, which the token carries: a first connection fetches the chain,
// from which that authority is taken; the second trusts this authority alone, and checks the role before it asks.
// What it does not: find the controller, or ask for a certificate again by itself (the service manager's timer does).
// RFC 8040 section 3.6 (operations), RFC 7951 (JSON).
#include "agent/enrol.h"

#include "agent/evidence.h"
#include "agent/identity.h"
#include "base/buf.h"
#include "base/file.h"
#include "io/net.h"
#include "pki/pki.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MOST = 1 << 20, CONNECT_S = 10, TOTAL_S = 60 };
#define MEDIA "application/yang-data+json"

struct exchange {
	const struct agent_enrol *enrol;
	struct diags *diags;
	const char *url; // of the RESTCONF root
	struct buf ca;   // the authority that the controller must be certified by
	struct buf answer;
	const char *address; // of this function, for the controller
	bool wrong_role;
};

static bool fault(struct exchange *x, enum diag_code code, const char *hint, const char *what)
{
	diag_error(x->diags, code, NULL, hint, "%s: %s", x->url, what);
	return false;
}

static bool curl_fault(struct exchange *x, CURLcode code)
{
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return fault(x, DIAG_DENIED,
			     "check the address; the controller's certificate must be issued for "
			     "the host in the URL",
			     curl_easy_strerror(code));
	return fault(x, DIAG_UNREACHABLE,
		     "check the address, the port and that the controller is running",
		     curl_easy_strerror(code));
}

static void free_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static CURL *new_curl(const char *url)
{
	CURL *curl = base_oom(curl_easy_init());
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_S);
	return curl;
}

// Trusts this authority and nobody else.
static void use_authority(const struct exchange *x, CURL *curl)
{
	struct curl_blob ca = {.data = x->ca.data, .len = x->ca.len, .flags = CURL_BLOB_COPY};
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
}

// The server's certificates as PEM, its own first.
static void print_chain(CURL *curl, struct buf *out)
{
	static const char field[] = "Cert:";
	struct curl_certinfo *info = NULL;
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || !info)
		return;
	for (int i = 0; i < info->num_of_certs; i++) {
		for (const struct curl_slist *at = info->certinfo[i]; at; at = at->next) {
			if (strncmp(at->data, field, strlen(field)) == 0)
				buf_printf(out, "%s\n", at->data + strlen(field));
		}
	}
}

// --- whom to trust ---

static bool fetch_authority(struct exchange *x, const struct pki_token *token)
{
	cleanup(free_curl) CURL *curl = new_curl(x->url);
	cleanup(buf_fini) struct buf chain;
	buf_init(&chain);
	// Nothing is sent over this connection; what it shows is believed only if the token says so.
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return curl_fault(x, code);
	print_chain(curl, &chain);
	return pki_pin(chain.data, token->fingerprint, x->diags, &x->ca);
}

static bool load_authority(struct exchange *x)
{
	const char *path =
		arena_printf(x->diags->arena, "%s/ca.pem", x->enrol->config->certificate_dir);
	int r = file_read(path, PKI_PEM_MOST, &x->ca);
	if (r == 0)
		return true;
	diag_add(x->diags, &(struct diag){.code = DIAG_IO, .file = path, .hint = "enrol first"},
		 "%s", strerror(-r));
	return false;
}

struct request {
	struct exchange *x;
	CURL *curl;
};

// Connected, and nothing sent yet: the name fits and the authority has signed it; is it a controller?
static int check_role(void *context, char *remote, char *local, int remote_port, int local_port)
{
	struct request *request = context;
	struct exchange *x = request->x;
	struct pki_expect expect = {.roles = 1u << PKI_CONTROLLER};
	struct pki_identity who;
	cleanup(buf_fini) struct buf chain;
	(void)remote, (void)local, (void)remote_port, (void)local_port;
	buf_init(&chain);
	print_chain(request->curl, &chain);
	struct pki_trust *trust = pki_trust_new(x->ca.data, NULL, x->diags);
	x->wrong_role =
		!trust || pki_verify_text(trust, chain.data, time(NULL), &expect, &who) != PKI_OK;
	pki_trust_free(trust);
	return x->wrong_role ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

// --- asking ---

static size_t take(char *data, size_t size, size_t n, void *context)
{
	struct exchange *x = context;
	if (x->answer.len + size * n > ANSWER_MOST)
		return 0;
	buf_add(&x->answer, data, size * n);
	return size * n;
}

static void use_own_certificate(const struct exchange *x, CURL *curl)
{
	const char *dir = x->enrol->config->certificate_dir;
	curl_easy_setopt(curl, CURLOPT_SSLCERT, arena_printf(x->diags->arena, "%s/nsf.pem", dir));
	curl_easy_setopt(curl, CURLOPT_SSLKEY, arena_printf(x->diags->arena, "%s/nsf.key", dir));
}

// What the controller answered with, when it was no success: its own words.
static bool refused(struct exchange *x, long status)
{
	json_t *root = json_loadb(x->answer.data, x->answer.len, 0, NULL);
	const json_t *errors =
		json_object_get(json_object_get(root, "ietf-restconf:errors"), "error");
	const char *why =
		json_string_value(json_object_get(json_array_get(errors, 0), "error-message"));
	diag_error(
		x->diags, DIAG_DENIED, NULL,
		x->enrol->token
			? "ask the operator for a new token; each works once, for one name, for a "
			  "limited time"
			: "enrol again with a token if the certificate was revoked or has expired",
		"the controller refused (%ld): %s", status, why ? why : "no reason given");
	json_decref(root);
	return false;
}

static bool post(struct exchange *x, const char *operation, const char *body)
{
	const char *url = arena_printf(x->diags->arena, "%s/operations/%s", x->url, operation);
	cleanup(free_curl) CURL *curl = new_curl(url);
	struct request request = {.x = x, .curl = curl};
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: " MEDIA);
	headers = base_oom(curl_slist_append(headers, "Accept: " MEDIA));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	use_authority(x, curl);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, check_role);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, &request);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
	if (!x->enrol->token)
		use_own_certificate(x, curl);
	CURLcode code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	if (x->wrong_role)
		return fault(x, DIAG_DENIED, "check the address; somebody else answers there",
			     "it is not a controller");
	if (code != CURLE_OK)
		return curl_fault(x, code);
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 || refused(x, status);
}

// --- the exchange ---

static uint16_t port_of(const struct agent_config *config)
{
	struct arena arena;
	struct diags ignored;
	struct io_address address;
	size_t i = 0;
	while (i < config->listens && config->listen[i].ssh)
		i++;
	arena_init(&arena);
	diags_init(&ignored, &arena);
	bool ok = i < config->listens &&
		  io_address_parse(config->listen[i].address, AGENT_PORT, &ignored, &address);
	arena_fini(&arena);
	return ok ? io_address_port(&address) : AGENT_PORT;
}

static void free_text(char **text)
{
	free(*text);
}

// Where the controller shall reach this function: as it is said, else from where this connection comes.
static bool find_address(struct exchange *x)
{
	const struct agent_enrol *enrol = x->enrol;
	x->address = enrol->address ? enrol->address : enrol->config->address;
	if (x->address)
		return true;
	cleanup(free_curl) CURL *curl = new_curl(x->url);
	const char *local = NULL;
	use_authority(x, curl);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return curl_fault(x, code);
	curl_easy_getinfo(curl, CURLINFO_LOCAL_IP, &local);
	x->address = arena_strdup(x->diags->arena, local);
	return true;
}

// With the requests for the key of sessions and for that of evidence.
static char *body_of(const struct exchange *x, const char *csr, const char *evidence)
{
	const struct agent_enrol *enrol = x->enrol;
	json_t *input = json_pack("{s:s,s:s}", "csr", csr, "evidence-csr", evidence);
	if (enrol->token) {
		json_object_set_new(input, "token", json_string(enrol->token));
		json_object_set_new(input, "name", json_string(enrol->config->name));
		json_object_set_new(input, "address", json_string(x->address));
		json_object_set_new(input, "port", json_integer(port_of(enrol->config)));
	}
	json_t *body = json_pack("{s:o}", "bulwark-controller:input", input);
	char *text = base_oom(json_dumps(body, JSON_COMPACT));
	json_decref(body);
	return text;
}

// The certificate must be what was asked for: this name, this role, from the authority that is trusted. That is the one
// of the token; at a renewal the controller, which has proved itself under the old one, may bring others.
static bool is_ours(struct exchange *x, const char *certificate, enum pki_role role,
		    const char *trusted)
{
	struct pki_expect expect = {.roles = 1u << role, .name = x->enrol->config->name};
	struct pki_identity who;
	struct pki_trust *trust = pki_trust_new(trusted, NULL, x->diags);
	if (!trust)
		return false;
	enum pki_verdict verdict = pki_verify_text(trust, certificate, time(NULL), &expect, &who);
	pki_trust_free(trust);
	return verdict == PKI_OK ||
	       fault(x, DIAG_CONFLICT, pki_verdict_hint(verdict), pki_verdict_text(verdict));
}

// `evidence` NULL: the controller certifies no such keys, or not this one; proofs go on being signed with it.
static bool install(struct exchange *x, const char *certificate, const char *evidence,
		    const char *ca)
{
	const struct agent_config *config = x->enrol->config;
	const char *trusted = x->enrol->token ? x->ca.data : ca;
	if (!is_ours(x, certificate, PKI_NSF, trusted) ||
	    !agent_identity_finish(config->certificate_dir, certificate, trusted, &config->user,
				   x->diags))
		return false;
	return !evidence || (is_ours(x, evidence, PKI_EVIDENCE, trusted) &&
			     agent_evidence_certify(config->state_dir, evidence, x->diags));
}

static bool take_answer(struct exchange *x)
{
	json_t *root = json_loadb(x->answer.data, x->answer.len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *output = json_object_get(root, "bulwark-controller:output");
	const char *certificate = json_string_value(json_object_get(output, "certificate"));
	const char *evidence = json_string_value(json_object_get(output, "evidence-certificate"));
	const char *ca = json_string_value(json_object_get(output, "ca"));
	bool ok = certificate && ca
			  ? install(x, certificate, evidence, ca)
			  : fault(x, DIAG_SYNTAX,
				  "see whether this is a Bulwark controller of this version",
				  "an answer that cannot be read");
	json_decref(root);
	return ok;
}

static bool exchange(struct exchange *x)
{
	const struct agent_enrol *enrol = x->enrol;
	struct pki_token token;
	cleanup(buf_fini) struct buf csr, evidence;
	buf_init(&csr);
	buf_init(&evidence);
	if (enrol->token ? !pki_token_parse(enrol->token, x->diags, &token) ||
				   !fetch_authority(x, &token)
			 : !load_authority(x))
		return false;
	if (enrol->token && !find_address(x))
		return false;
	if (!agent_identity_begin(enrol->config->certificate_dir, enrol->config->name, x->diags,
				  &csr) ||
	    !agent_evidence_request(enrol->config->state_dir, enrol->config->name, x->diags,
				    &evidence))
		return false;
	cleanup(free_text) char *body = body_of(x, csr.data, evidence.data);
	const char *operation =
		enrol->token ? "bulwark-controller:enrol" : "bulwark-controller:renew";
	return post(x, operation, body) && take_answer(x);
}

static const char *root_of(struct exchange *x, const char *controller)
{
	size_t len = strlen(controller);
	while (len && controller[len - 1] == '/')
		len--;
	const char *host = strstr(controller, "://");
	const char *path =
		host ? memchr(host + 3, '/', len - (size_t)(host + 3 - controller)) : NULL;
	return arena_printf(x->diags->arena, "%.*s%s", (int)len, controller,
			    path ? "" : "/restconf");
}

bool agent_enrol_run(const struct agent_enrol *enrol, struct diags *diags)
{
	struct exchange x = {.enrol = enrol, .diags = diags};
	const char *controller = enrol->controller ? enrol->controller : enrol->config->controller;
	if (!controller || strncmp(controller, "https://", 8) != 0) {
		diag_error(diags, DIAG_MISSING, NULL, "give --controller https://HOST:PORT",
			   "it is not known where the controller is");
		return false;
	}
	x.url = root_of(&x, controller);
	buf_init(&x.ca);
	buf_init(&x.answer);
	bool ok = exchange(&x);
	buf_fini(&x.answer);
	buf_fini(&x.ca);
	return ok;
}
