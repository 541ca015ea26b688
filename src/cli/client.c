// SPDX-License-Identifier: Apache-2.0
// RESTCONF requests with libcurl, answers with jansson. Errors of the controller (RFC 8040 section 7.1) become the diags
// that they were, so that a fault reads the same whether it was found here or there. Answers are limited in size; nothing
// is retried, because a write may have been carried out although its answer was lost.
#include "cli/client.h"
#include "base/buf.h"
#include "base/diag.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_MOST (256u << 20)
#define CONNECT_SECONDS 10L
#define ANSWER_SECONDS 300L

struct client {
	CURL *curl;
	char *url, *tenant;
	struct buf answer;
	char error[CURL_ERROR_SIZE];
};

struct request {
	const char *method, *path, *body, *type;
	size_t len;
};

static size_t take_answer(char *data, size_t size, size_t n, void *context)
{
	struct buf *answer = context;
	if (answer->len + size * n > ANSWER_MOST)
		return 0;
	buf_add(answer, data, size * n);
	return size * n;
}

static const char *first_of(const char *given, const char *variable, const char *otherwise)
{
	const char *value = given ? given : getenv(variable);
	return value && *value ? value : otherwise;
}

static bool readable(const char *path, const char *what, struct diags *diags)
{
	if (!access(path, R_OK))
		return true;
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "name your certificate with --identity PREFIX (PREFIX.pem "
					"and PREFIX.key, with "
					"ca.pem beside them) or BULWARK_IDENTITY; `bulwark pki "
					"issue` makes one"},
		 "the %s cannot be read", what);
	return false;
}

static bool use_identity(struct client *client, const struct client_config *config,
			 struct diags *diags)
{
	struct arena *a = diags->arena;
	const char *home = getenv("HOME");
	const char *usual = arena_printf(a, "%s/.config/bulwark/identity", home ? home : "");
	const char *prefix = first_of(config->identity, "BULWARK_IDENTITY", usual),
		   *slash = strrchr(prefix, '/');
	const char *certificate = arena_printf(a, "%s.pem", prefix),
		   *key = arena_printf(a, "%s.key", prefix);
	const char *beside =
		arena_printf(a, "%.*sca.pem", slash ? (int)(slash + 1 - prefix) : 0, prefix);
	const char *ca = first_of(config->ca, "BULWARK_CA", beside);
	if (!readable(certificate, "certificate", diags) || !readable(key, "private key", diags) ||
	    !readable(ca, "authority's certificate", diags))
		return false;
	curl_easy_setopt(client->curl, CURLOPT_SSLCERT, certificate);
	curl_easy_setopt(client->curl, CURLOPT_SSLKEY, key);
	curl_easy_setopt(client->curl, CURLOPT_CAINFO, ca);
	return true;
}

static bool use_url(struct client *client, const char *url, struct diags *diags)
{
	if (strncmp(url, "https://", 8) != 0) {
		diag_error(diags, DIAG_VALUE, NULL,
			   "give https://HOST:PORT with --controller or BULWARK_CONTROLLER",
			   "'%s' is not the address of a controller", url);
		return false;
	}
	client->url = base_oom(strdup(url));
	for (size_t len = strlen(url); len && client->url[len - 1] == '/'; len--)
		client->url[len - 1] = '\0';
	return true;
}

struct client *client_open(const struct client_config *config, struct diags *diags)
{
	struct client *client = base_oom(calloc(1, sizeof(*client)));
	buf_init(&client->answer);
	client->curl = base_oom(curl_easy_init());
	client->tenant = config->tenant ? base_oom(strdup(config->tenant)) : NULL;
	CURL *curl = client->curl;
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &client->answer);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
	if (!use_url(client, first_of(config->url, "BULWARK_CONTROLLER", "https://localhost:8443"),
		     diags) ||
	    !use_identity(client, config, diags)) {
		client_close(client);
		return NULL;
	}
	return client;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	buf_fini(&client->answer);
	free(client->url);
	free(client->tenant);
	free(client);
}

static struct curl_slist *headers(const struct client *client, const struct request *request)
{
	char line[256];
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/yang-data+json");
	if (request->type) {
		snprintf(line, sizeof(line), "Content-Type: %s", request->type);
		list = curl_slist_append(list, line);
	}
	if (client->tenant) {
		snprintf(line, sizeof(line), "Bulwark-Tenant: %.200s", client->tenant);
		list = curl_slist_append(list, line);
	}
	return list;
}

// The HTTP status, or 0 and a diag when there was no answer.
static long perform(struct client *client, const struct request *request, struct diags *diags)
{
	CURL *curl = client->curl;
	struct curl_slist *list = headers(client, request);
	char *url = arena_printf(diags->arena, "%s/restconf/%s", client->url, request->path);
	buf_clear(&client->answer);
	client->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, !request->body);
	if (request->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	}
	CURLcode code = curl_easy_perform(curl);
	long status = 0;
	curl_slist_free_all(list);
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		return status;
	}
	diag_add(diags,
		 &(struct diag){.code = DIAG_UNREACHABLE,
				.hint = "is bulwarkd running there, and is your certificate of its "
					"authority? "
					"--controller and --identity choose another"},
		 "the controller at %s did not answer: %s", client->url,
		 client->error[0] ? client->error : curl_easy_strerror(code));
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static enum diag_code code_of(const char *name)
{
	for (int code = 0; name && code < DIAG_CODES; code++)
		if (!strcmp(diag_code_name((enum diag_code)code), name))
			return (enum diag_code)code;
	return DIAG_FAILED;
}

// One entry of ietf-restconf:errors. What the controller knows beyond the standard stands in error-info.
static void add_error(const json_t *error, struct diags *diags)
{
	const json_t *outer = json_object_get(error, "error-info"),
		     *info = json_object_get(outer, "bulwark-controller:diag");
	const char *text = text_of(error, "error-message");
	struct diag about = {.code = code_of(text_of(info, "code")),
			     .path = text_of(error, "error-path")};
	about.hint = text_of(info, "hint");
	about.nsf = text_of(info, "nsf");
	about.policy = text_of(info, "policy");
	about.rule = text_of(info, "rule");
	about.condition = text_of(info, "condition");
	about.capability = text_of(info, "capability");
	diag_add(diags, &about, "%s", text ? text : text_of(error, "error-tag"));
}

static bool refused(struct client *client, long status, struct diags *diags)
{
	json_t *answer = json_loadb(client->answer.data, client->answer.len, 0, NULL);
	const json_t *list =
		json_object_get(json_object_get(answer, "ietf-restconf:errors"), "error");
	size_t before = diags->errors, i;
	const json_t *error;
	json_array_foreach(list, i, error)
	{
		add_error(error, diags);
	}
	if (diags->errors == before)
		diag_add(diags,
			 &(struct diag){.code = status == 401 || status == 403 ? DIAG_DENIED
									       : DIAG_FAILED,
					.hint = "see the controller's log"},
			 "the controller answered with HTTP status %ld", status);
	json_decref(answer);
	return false;
}

static bool understood(struct client *client, struct diags *diags, json_t **out)
{
	json_error_t error;
	json_t *answer = client->answer.len
				 ? json_loadb(client->answer.data, client->answer.len, 0, &error)
				 : json_object();
	if (!answer) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_SYNTAX,
					.line = (unsigned)error.line,
					.hint = "is it a Bulwark controller?"},
			 "the controller's answer is not JSON: %s", error.text);
		return false;
	}
	*out = answer;
	return true;
}

bool client_call(struct client *client, const char *name, json_t *input, struct diags *diags,
		 json_t **output_out)
{
	json_t *body = json_object(), *answer;
	json_object_set_new(body, "bulwark-controller:input", input ? input : json_object());
	char *text = json_dumps(body, JSON_COMPACT);
	struct request request = {
		.method = "POST",
		.path = arena_printf(diags->arena, "operations/bulwark-controller:%s", name),
		.body = text,
		.len = strlen(text),
		.type = "application/yang-data+json"};
	long status = perform(client, &request, diags);
	free(text);
	json_decref(body);
	if (!status)
		return false;
	if (status >= 300)
		return refused(client, status, diags);
	if (!understood(client, diags, &answer))
		return false;
	json_t *output = json_incref(json_object_get(answer, "bulwark-controller:output"));
	json_decref(answer);
	*output_out = output ? output : json_object();
	return true;
}

bool client_get(struct client *client, const char *path, struct diags *diags, json_t **value_out)
{
	struct request request = {.method = "GET",
				  .path = arena_printf(diags->arena, "data/%s", path)};
	long status = perform(client, &request, diags);
	*value_out = NULL;
	if (status == 404)
		return true;
	if (!status || status >= 300)
		return status && refused(client, status, diags);
	return understood(client, diags, value_out);
}

bool client_edit(struct client *client, const struct client_edit *edit, struct diags *diags)
{
	struct request request = {
		.method = edit->method,
		.path = arena_printf(diags->arena, "data%s%s", *edit->path ? "/" : "", edit->path),
		.body = edit->body,
		.len = edit->len,
		.type = edit->xml ? "application/yang-data+xml" : "application/yang-data+json"};
	long status = perform(client, &request, diags);
	if (!status || status >= 300)
		return status && refused(client, status, diags);
	return true;
}
