// SPDX-License-Identifier: Apache-2.0
// What the controller is told: policy documents, sites, NSFs, and pinholes.
#include "cli/answer.h"
#include "base/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MOST (256u << 20)
#define CFI "ietf-i2nsf-cons-facing-interface:"

static bool done(struct cli *cli, const char *what, const char *name)
{
	if (!cli_answer(cli, json_pack("{s:s, s:s}", "done", what, "name", name)))
		buf_printf(&cli->out, "%s %s %s\n", answer_mark(cli, true), name, what);
	return true;
}

static int edit(struct cli *cli, const struct client_edit *request, const char *what,
		const char *name)
{
	struct client *client = cli_controller(cli);
	if (!client || !client_edit(client, request, &cli->diags))
		return cli_fail(cli);
	(void)done(cli, what, name);
	return CLI_YES;
}

// Consumes the value.
static int put_json(struct cli *cli, const char *path, json_t *value, const char *name)
{
	char *text = json_dumps(value, JSON_COMPACT);
	struct client_edit request = {
		.method = "PUT", .path = path, .body = text, .len = strlen(text)};
	int status = edit(cli, &request, "is known to the controller", name);
	free(text);
	json_decref(value);
	return status;
}

static int remove_entry(struct cli *cli, const char *path)
{
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	struct client_edit request = {
		.method = "DELETE", .path = arena_printf(&cli->arena, "%s=%s", path, cli->arg[0])};
	return edit(cli, &request, "is removed", cli->arg[0]);
}

static json_t *option_list(const struct cli *cli, const char *name)
{
	json_t *list = json_array();
	for (size_t i = 0; cli_option_value(cli, name, i); i++)
		json_array_append_new(list, json_string(cli_option_value(cli, name, i)));
	return list;
}

// --- policy ---

// RESTCONF takes one datastore document: XML files are put under one <data>, JSON members into one object.
static bool is_json(const struct buf *file)
{
	const char *p = file->data + strspn(file->data, " \t\r\n");
	return *p == '{';
}

// The document without its prolog (RFC 8040 section 3.3.1 puts it into an element of its own).
static const char *after_prolog(const char *text)
{
	text += strspn(text, " \t\r\n\xef\xbb\xbf");
	const char *end = strncmp(text, "<?xml", 5) ? NULL : strstr(text, "?>");
	return end ? end + 2 : text;
}

struct document {
	struct buf xml;
	json_t *json;
	bool any_xml, any_json;
};

static bool merge_json(struct cli *cli, const char *path, const struct buf *file,
		       struct document *to)
{
	json_error_t error;
	json_t *value = json_loadb(file->data, file->len, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_SYNTAX,
					.file = path,
					.line = (unsigned)error.line,
					.hint = "`bulwark check` says more"},
			 "%s", error.text);
		return false;
	}
	json_object_update(to->json, value);
	json_decref(value);
	to->any_json = true;
	return true;
}

static bool read_document(struct cli *cli, struct document *to)
{
	bool good = true;
	for (size_t i = 0; i < cli->args; i++) {
		struct buf file;
		buf_init(&file);
		int error = file_read(!strcmp(cli->arg[i], "-") ? "/dev/stdin" : cli->arg[i],
				      FILE_MOST, &file);
		if (error)
			diag_add(&cli->diags,
				 &(struct diag){.code = DIAG_IO,
						.file = cli->arg[i],
						.hint = "is the name right?"},
				 "cannot be read: %s", strerror(-error));
		else if (is_json(&file))
			good &= merge_json(cli, cli->arg[i], &file, to);
		else {
			buf_adds(&to->xml, after_prolog(file.data));
			to->any_xml = true;
		}
		good &= !error;
		buf_fini(&file);
	}
	if (to->any_xml && to->any_json)
		diag_error(&cli->diags, DIAG_CONFLICT, NULL, "give all files as XML or all as JSON",
			   "XML and JSON are mixed");
	return good && !(to->any_xml && to->any_json);
}

static int put_document(struct cli *cli, struct document *document)
{
	struct buf body;
	buf_init(&body);
	if (document->any_xml) {
		buf_printf(&body,
			   "<data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-restconf\">%s</data>",
			   document->xml.data);
	} else {
		char *text = json_dumps(document->json, JSON_COMPACT);
		buf_printf(&body, "{\"ietf-restconf:data\":%s}", text);
		free(text);
	}
	struct client_edit request = {.method = "PUT",
				      .path = "",
				      .body = body.data,
				      .len = body.len,
				      .xml = document->any_xml};
	int status =
		edit(cli, &request, "is the policy now; see what it changes with `bulwark plan`",
		     cli->arg[0]);
	buf_fini(&body);
	return status;
}

int cli_policy_put(struct cli *cli)
{
	if (!cli_need(cli, 1, true))
		return cli_fail(cli);
	struct document document = {.json = json_object()};
	buf_init(&document.xml);
	int status = read_document(cli, &document) ? put_document(cli, &document) : cli_fail(cli);
	buf_fini(&document.xml);
	json_decref(document.json);
	return status;
}

int cli_policy_get(struct cli *cli)
{
	static const char *const roots[] = {"i2nsf-cfi-policy", "endpoint-groups",
					    "threat-prevention"};
	struct client *client = cli_controller(cli);
	json_t *all = json_object(), *one;
	for (size_t i = 0; i < array_len(roots); i++) {
		if (!client || !client_get(client, arena_printf(&cli->arena, CFI "%s", roots[i]),
					   &cli->diags, &one)) {
			json_decref(all);
			return cli_fail(cli);
		}
		json_object_update(all, one);
		json_decref(one);
	}
	cli->json = true; // the document itself is JSON
	(void)cli_answer(cli, all);
	return CLI_YES;
}

int cli_policy_delete(struct cli *cli)
{
	return remove_entry(cli, CFI "i2nsf-cfi-policy");
}

// --- sites and NSFs ---

int cli_site_add(struct cli *cli)
{
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	const char *action = cli_option_value(cli, "default-action", 0);
	json_t *site = json_pack("{s:s, s:o}", "name", cli->arg[0], "networks",
				 option_list(cli, "networks"));
	if (action)
		json_object_set_new(site, "default-action", json_string(action));
	return put_json(cli,
			arena_printf(&cli->arena, "bulwark-controller:sites/site=%s", cli->arg[0]),
			json_pack("{s:[o]}", "bulwark-controller:site", site), cli->arg[0]);
}

int cli_site_remove(struct cli *cli)
{
	return remove_entry(cli, "bulwark-controller:sites/site");
}

// What --ssh and --host-key say. False: they do not fit together.
static bool add_ssh(struct cli *cli, uint64_t port, json_t *nsf)
{
	const char *user = cli_option_value(cli, "ssh", 0),
		   *key = cli_option_value(cli, "host-key", 0);
	if (!user != !key) {
		diag_error(&cli->diags, DIAG_MISSING, NULL,
			   "give both: the fingerprint is what bulwark-nsf --host-key prints on "
			   "its host",
			   "over SSH an NSF has a user (--ssh) and a host key (--host-key)");
		return false;
	}
	if (user)
		json_object_set_new(nsf, "ssh",
				    json_pack("{s:s, s:I, s:o}", "user", user, "port",
					      (json_int_t)port, "host-key",
					      option_list(cli, "host-key")));
	else
		json_object_set_new(nsf, "port", json_integer((json_int_t)port));
	return true;
}

int cli_nsf_add(struct cli *cli)
{
	uint64_t port;
	bool calls = cli_has(cli, "call-home");
	const char *address = calls ? cli_option_value(cli, "address", 0)
				    : cli_need_option(cli, "address"),
		   *site = cli_option_value(cli, "site", 0);
	if ((!address && !calls) || !cli_need(cli, 1, false) ||
	    !cli_number(cli, "port", 65535, cli_has(cli, "ssh") ? 830 : 6513, &port))
		return cli_fail(cli);
	json_t *nsf = json_pack("{s:s, s:b, s:o}", "name", cli->arg[0], "call-home", calls,
				"guards", option_list(cli, "guards"));
	if (!add_ssh(cli, port, nsf)) {
		json_decref(nsf);
		return cli_fail(cli);
	}
	if (address)
		json_object_set_new(nsf, "address", json_string(address));
	if (site)
		json_object_set_new(nsf, "site", json_string(site));
	return put_json(cli,
			arena_printf(&cli->arena, "bulwark-controller:nsfs/nsf=%s", cli->arg[0]),
			json_pack("{s:[o]}", "bulwark-controller:nsf", nsf), cli->arg[0]);
}

int cli_nsf_remove(struct cli *cli)
{
	return remove_entry(cli, "bulwark-controller:nsfs/nsf");
}

int cli_nsf_enrol(struct cli *cli)
{
	uint64_t lifetime;
	int status;
	if (!cli_need(cli, 1, false) || !cli_number(cli, "lifetime", 604800, 3600, &lifetime))
		return cli_fail(cli);
	json_t *input =
		json_pack("{s:s, s:I}", "nsf-name", cli->arg[0], "lifetime", (json_int_t)lifetime);
	json_t *output = answer_call(cli, "enrolment-token", input, &status);
	if (!output)
		return status;
	if (!cli_answer(cli, json_incref(output))) {
		buf_printf(&cli->out, "On the host of %s, before ", cli->arg[0]);
		answer_time(answer_text(output, "expires"), &cli->out);
		buf_printf(
			&cli->out,
			" UTC:\n\n  bulwark-nsf --enrol %s --controller https://CONTROLLER:8443\n",
			answer_text(output, "token"));
	}
	json_decref(output);
	return CLI_YES;
}

int cli_nsf_revoke(struct cli *cli)
{
	int status;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	json_t *output =
		answer_call(cli, "revoke", json_pack("{s:s}", "name", cli->arg[0]), &status);
	if (!output)
		return status;
	if (!cli_answer(cli, json_incref(output)))
		buf_printf(&cli->out, "%s %llu certificates of %s are revoked\n",
			   answer_mark(cli, true),
			   (unsigned long long)answer_number(output, "revoked"), cli->arg[0]);
	json_decref(output);
	return CLI_YES;
}

// --- pinholes ---

// "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT" into the two members of the input.
static bool endpoint(struct cli *cli, const char *option, const char *text, json_t *input)
{
	bool source = !strcmp(option, "from");
	char *address = arena_strdup(&cli->arena, text), *port = NULL, *end;
	char *bracket = *address == '[' ? strchr(address, ']') : NULL,
	     *colon = strchr(address, ':');
	if (bracket) {
		*bracket = '\0';
		port = bracket[1] == ':' ? bracket + 2 : NULL;
		address++;
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
		port = colon + 1;
	}
	json_object_set_new(input, source ? "source" : "destination", json_string(address));
	unsigned long n = port ? strtoul(port, &end, 10) : 0;
	if (port && (*end || !*port || n > 65535)) {
		diag_error(&cli->diags, DIAG_VALUE, NULL,
			   "give ADDRESS:PORT, or [ADDRESS]:PORT for IPv6",
			   "--%s %s: this port is none", option, text);
		return false;
	}
	if (port)
		json_object_set_new(input, source ? "source-port" : "destination-port",
				    json_integer((json_int_t)n));
	return true;
}

int cli_pinhole_open(struct cli *cli)
{
	uint64_t lifetime, idle;
	int status;
	const char *from = cli_need_option(cli, "from"), *to = cli_need_option(cli, "to");
	const char *protocol = cli_option_value(cli, "protocol", 0);
	if (!from || !to || !cli_number(cli, "lifetime", 86400, 3600, &lifetime) ||
	    !cli_number(cli, "idle", 86400, 60, &idle))
		return cli_fail(cli);
	json_t *input =
		json_pack("{s:s, s:I, s:I}", "protocol", protocol ? protocol : "udp", "lifetime",
			  (json_int_t)lifetime, "idle-timeout", (json_int_t)idle);
	if (!endpoint(cli, "from", from, input) || !endpoint(cli, "to", to, input)) {
		json_decref(input);
		return cli_fail(cli);
	}
	json_t *output = answer_call(cli, "open-pinhole", input, &status);
	if (!output)
		return status;
	size_t i;
	const json_t *nsf;
	if (!cli_answer(cli, json_incref(output))) {
		buf_printf(&cli->out, "%s pinhole %s is open on", answer_mark(cli, true),
			   answer_text(output, "id"));
		json_array_foreach(json_object_get(output, "nsf"), i, nsf)
		{
			buf_printf(&cli->out, "%s %s", i ? "," : "", json_string_value(nsf));
		}
		buf_addc(&cli->out, '\n');
	}
	json_decref(output);
	return CLI_YES;
}

int cli_pinhole_close(struct cli *cli)
{
	int status;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	json_t *output =
		answer_call(cli, "close-pinhole", json_pack("{s:s}", "id", cli->arg[0]), &status);
	if (!output)
		return status;
	json_decref(output);
	(void)done(cli, "is closed", cli->arg[0]);
	return CLI_YES;
}

int cli_pinhole_list(struct cli *cli)
{
	struct client *client = cli_controller(cli);
	json_t *answer;
	if (!client || !client_get(client, "bulwark-controller:pinholes", &cli->diags, &answer))
		return cli_fail(cli);
	const json_t *list = json_object_get(answer_only(answer), "pinhole"), *p;
	size_t i;
	json_array_foreach(list, i, p)
	{
		buf_printf(&cli->out, "%s  %-8s %s %s -> %s port %llu  %s\n", answer_text(p, "id"),
			   answer_text(p, "state"), answer_text(p, "protocol"),
			   answer_text(p, "source"), answer_text(p, "destination"),
			   (unsigned long long)answer_number(p, "destination-port"),
			   answer_text(p, "reason"));
	}
	if (cli->json)
		buf_clear(&cli->out);
	(void)cli_answer(cli, list ? json_incref((json_t *)list) : json_array());
	json_decref(answer);
	return CLI_YES;
}
