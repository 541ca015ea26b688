// SPDX-License-Identifier: Apache-2.0
// Evidence of proofs: what the controller has of it, as a list and as a file for an auditor, and what such a file proves.
// The last needs no controller: signatures, certificates and chains are checked here, against an authority that is named.
#include "cli/answer.h"
#include "cli/source.h"
#include "base/file.h"
#include "evidence/evidence.h"
#include "ir/period.h"
#include "pki/pki.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LISTED 100u
#define PAGE 1000u

// --- asking the controller ---

static bool put_time(struct cli *cli, json_t *input, const char *option)
{
	const char *value = cli_option_value(cli, option, 0);
	int64_t time;
	char printed[32];
	if (!value)
		return true;
	if (!ir_time_parse(value, &time)) {
		diag_error(&cli->diags, DIAG_VALUE, NULL, "give a time as 2026-03-11T09:00:00Z",
			   "--%s: '%s' is not a time", option, value);
		return false;
	}
	ir_time_print(time, printed);
	json_object_set_new(input, option, json_string(printed));
	return true;
}

static json_t *filter(struct cli *cli)
{
	const char *nsf = cli_option_value(cli, "nsf", 0);
	json_t *input = json_object();
	if (nsf)
		json_object_set_new(input, "nsf", json_string(nsf));
	if (put_time(cli, input, "from") && put_time(cli, input, "until"))
		return input;
	json_decref(input);
	return NULL;
}

static void print_listed(struct cli *cli, const json_t *e)
{
	const char *result = answer_text(e, "result"), *fault = answer_text(e, "fault");
	enum cli_colour colour = !strcmp(result, "equal") ? CLI_GREEN : CLI_RED;
	answer_time(answer_text(e, "time"), &cli->out);
	buf_printf(&cli->out, "  %s %s%-12s%s %6" PRIu64 "  %-9s %s%-9s%s",
		   answer_mark(cli, !*fault), cli_colour(cli, CLI_BOLD), answer_text(e, "nsf"),
		   cli_colour(cli, CLI_PLAIN), answer_number(e, "serial"),
		   answer_text(e, "trigger"), cli_colour(cli, colour), result,
		   cli_colour(cli, CLI_PLAIN));
	uint64_t differences = answer_number(e, "differences");
	if (differences)
		buf_printf(&cli->out, "  %" PRIu64 " difference%s", differences,
			   differences == 1 ? "" : "s");
	if (answer_number(e, "job"))
		buf_printf(&cli->out, "  job %" PRIu64, answer_number(e, "job"));
	buf_printf(&cli->out, "%s%s\n", *fault ? "  not to be believed: " : "", fault);
}

int cli_evidence_list(struct cli *cli)
{
	uint64_t most;
	int status;
	if (!cli_need(cli, 0, false) || !cli_number(cli, "most", PAGE, LISTED, &most))
		return cli_fail(cli);
	json_t *input = filter(cli);
	if (!input)
		return cli_fail(cli);
	json_object_set_new(input, "most", json_integer((json_int_t)most));
	json_t *output = answer_call(cli, "find-evidence", input, &status);
	if (!output)
		return status;
	const json_t *list = json_object_get(output, "record"), *e;
	size_t i;
	json_array_foreach(list, i, e)
	{
		print_listed(cli, e);
		status = *answer_text(e, "fault") ? CLI_NO : status;
	}
	if (cli->json)
		buf_clear(&cli->out);
	if (!cli_answer(cli, list ? json_incref((json_t *)list) : json_array()) && !i)
		buf_adds(&cli->out, "there is no evidence yet\n");
	json_decref(output);
	return status;
}

// --- export ---

struct export
{
	struct evidence_bundle bundle;
	struct map certificates; // that are in it
	uint64_t last;           // id
};

static void take_certificates(struct cli *cli, struct export *to, const json_t *list)
{
	size_t i;
	const json_t *item;
	json_array_foreach(list, i, item)
	{
		struct diags ignored; // what is none certifies nothing
		const char *pem = json_string_value(item);
		diags_init(&ignored, &cli->arena);
		if (pem && !map_get(&to->certificates, pem) &&
		    evidence_bundle_certify(&to->bundle, pem, &ignored))
			map_put(&to->certificates, arena_strdup(&cli->arena, pem), to);
	}
}

// How many there were; -1: it failed, and that was said.
static int take_page(struct cli *cli, struct export *to, int *status_out)
{
	json_t *input = filter(cli);
	if (!input) {
		*status_out = cli_fail(cli);
		return -1;
	}
	json_object_set_new(input, "most", json_integer(PAGE));
	json_object_set_new(input, "after",
			    json_string(arena_printf(&cli->arena, "%" PRIu64, to->last)));
	json_t *output = answer_call(cli, "find-evidence", input, status_out);
	const json_t *list = json_object_get(output, "record"), *e;
	size_t i;
	json_array_foreach(list, i, e)
	{
		to->last = answer_number(e, "id");
		vec_push(&cli->arena, &to->bundle.item,
			 (struct evidence_item){
				 .text = arena_strdup(&cli->arena, answer_text(e, "record")),
				 .signature =
					 arena_strdup(&cli->arena, answer_text(e, "signature"))});
	}
	take_certificates(cli, to, json_object_get(output, "certificate"));
	int taken = output ? (int)json_array_size(list) : -1;
	json_decref(output);
	return taken;
}

static bool write_bundle(struct cli *cli, const struct export *from, const char *path)
{
	char now[32];
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	ir_time_print(time(NULL), now);
	evidence_bundle_print(
		&from->bundle,
		arena_printf(&cli->arena,
			     "%s; check it with: bulwark evidence verify FILE --ca ca.pem", now),
		&text);
	if (strcmp(path, "-") == 0) {
		buf_add(&cli->out, text.data, text.len);
		return true;
	}
	struct file_put put = {.path = path,
			       .data = text.data,
			       .len = text.len,
			       .mode = 0644,
			       .how = FILE_REPLACE};
	int r = file_put(&put);
	if (r < 0)
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_IO,
					.file = path,
					.hint = "is the directory writable?"},
			 "cannot be written: %s", strerror(-r));
	return r == 0;
}

int cli_evidence_export(struct cli *cli)
{
	struct export to = {.certificates.arena = &cli->arena};
	int status = CLI_YES, taken;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	while ((taken = take_page(cli, &to, &status)) == PAGE)
		;
	if (taken < 0)
		return status;
	if (!write_bundle(cli, &to, cli->arg[0]))
		return cli_fail(cli);
	if (!strcmp(cli->arg[0], "-"))
		return CLI_YES;
	if (!cli_answer(cli, json_pack("{s:s, s:I, s:I}", "file", cli->arg[0], "records",
				       (json_int_t)to.bundle.item.len, "certificates",
				       (json_int_t)to.bundle.certificate.len)))
		buf_printf(&cli->out, "%s %zu records and %zu certificates in %s\n",
			   answer_mark(cli, true), to.bundle.item.len, to.bundle.certificate.len,
			   cli->arg[0]);
	return CLI_YES;
}

// --- verify ---

// What the records of one NSF say together.
struct account {
	const char *nsf;
	struct evidence_link last;
	size_t records, chains, faults, result[EVIDENCE_RESULTS];
	uint64_t first; // serial of the first
	int64_t from, until;
	struct account *next;
};

struct verifying {
	struct cli *cli;
	const char *file;
	struct evidence_bundle bundle;
	struct pki_trust *trust;
	struct map by_name;            // of accounts
	struct account *first, **last; // in order of appearance
	bool unsupported;              // something of another version
};

static struct account *account_of(struct verifying *v, const char *nsf)
{
	struct account *a = map_get(&v->by_name, nsf);
	if (a)
		return a;
	a = arena_new(&v->cli->arena, struct account);
	*a = (struct account){.nsf = nsf, .from = INT64_MAX, .until = INT64_MIN};
	map_put(&v->by_name, nsf, a);
	*v->last = a;
	v->last = &a->next;
	return a;
}

// Says where in the file it is.
static void pass_on(struct verifying *v, const struct diags *why, const struct evidence_item *item,
		    const struct evidence_record *r)
{
	for (size_t i = 0; i < why->list.len; i++) {
		struct diag d = why->list.at[i];
		d.file = v->file;
		d.line = item->line;
		d.nsf = r ? r->nsf : NULL;
		if (r)
			diag_add(&v->cli->diags, &d, "record %" PRIu64 " of %s: %s", r->serial,
				 r->nsf, d.text);
		else
			diag_add(&v->cli->diags, &d, "%s", d.text);
	}
}

static void tally(struct account *a, const struct evidence_record *r)
{
	bool is_new = strcmp(a->last.chain, r->chain) != 0;
	a->first = a->records ? a->first : r->serial;
	a->chains += is_new;
	a->records++;
	a->result[r->result]++;
	a->from = r->time < a->from ? r->time : a->from;
	a->until = r->time > a->until ? r->time : a->until;
}

static void verify_item(struct verifying *v, const struct evidence_item *item)
{
	struct diags why;
	struct evidence_record r;
	diags_init(&why, &v->cli->arena);
	if (!evidence_read(item->text, strlen(item->text), &why, &r)) {
		v->unsupported |= why.list.at[0].code == DIAG_UNSUPPORTED;
		pass_on(v, &why, item, NULL);
		return;
	}
	struct account *a = account_of(v, r.nsf);
	tally(a, &r);
	bool follows = evidence_follows(&a->last, &r, item->text, &why);
	const char *pem = evidence_bundle_certificate(&v->bundle, r.key, r.time);
	bool is_signed = evidence_signed(&r, item->text, item->signature, pem, v->trust, &why);
	a->faults += !(follows && is_signed);
	pass_on(v, &why, item, &r);
}

static const char *date(struct cli *cli, int64_t time)
{
	char printed[32];
	ir_time_print(time, printed);
	return arena_strdup(&cli->arena, printed);
}

static void print_account(struct cli *cli, const struct account *a)
{
	buf_printf(&cli->out, "%s %s%-12s%s %zu record%s, %s to %s\n", answer_mark(cli, !a->faults),
		   cli_colour(cli, CLI_BOLD), a->nsf, cli_colour(cli, CLI_PLAIN), a->records,
		   a->records == 1 ? "" : "s", date(cli, a->from), date(cli, a->until));
	buf_printf(&cli->out, "    equal %zu, different %zu, unknown %zu",
		   a->result[EVIDENCE_EQUAL], a->result[EVIDENCE_DIFFERENT],
		   a->result[EVIDENCE_UNKNOWN]);
	if (a->first > 1)
		buf_printf(&cli->out, "; begins with number %" PRIu64, a->first);
	if (a->chains > 1)
		buf_printf(&cli->out, "; %zu chains, between which records may be lost", a->chains);
	buf_printf(&cli->out, "%s\n",
		   a->faults ? arena_printf(&cli->arena, "; %zu do not hold", a->faults) : "");
}

static json_t *account_json(struct cli *cli, const struct account *a)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I}", "nsf", a->nsf,
			 "records", (json_int_t)a->records, "first", (json_int_t)a->first, "chains",
			 (json_int_t)a->chains, "from", date(cli, a->from), "until",
			 date(cli, a->until), "equal", (json_int_t)a->result[EVIDENCE_EQUAL],
			 "different", (json_int_t)a->result[EVIDENCE_DIFFERENT], "unknown",
			 (json_int_t)a->result[EVIDENCE_UNKNOWN], "faults", (json_int_t)a->faults);
}

static int conclude(struct verifying *v)
{
	struct cli *cli = v->cli;
	bool holds = !cli->diags.errors;
	json_t *list = json_array();
	cli_report(cli);
	for (const struct account *a = v->first; a; a = a->next) {
		json_array_append_new(list, account_json(cli, a));
		if (!cli->json)
			print_account(cli, a);
	}
	if (!cli_answer(cli, json_pack("{s:b, s:o, s:o}", "holds", holds, "nsf", list, "diags",
				       cli_diags_json(&cli->diags))))
		buf_printf(&cli->out, "%s\n",
			   holds ? "Every signature, certificate and chain holds."
				 : "Not everything holds.");
	return v->unsupported ? CLI_BAD : holds ? CLI_YES : CLI_NO;
}

// As for the commands that ask a controller, but for the identity, which nobody needs here.
static const char *authority(struct cli *cli)
{
	const char *named = cli_option_value(cli, "ca", 0), *usual = getenv("BULWARK_CA");
	if (named || usual)
		return named ? named : usual;
	diag_error(&cli->diags, DIAG_MISSING, NULL,
		   "give --ca FILE: the certificate of the authority that you trust, from somebody "
		   "you trust",
		   "it is not known whose certificates to believe");
	return NULL;
}

int cli_evidence_verify(struct cli *cli)
{
	struct verifying v = {.cli = cli, .by_name.arena = &cli->arena};
	v.last = &v.first;
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	v.file = cli->arg[0];
	const char *ca = authority(cli);
	struct buf *text = ca ? source_read(cli, v.file) : NULL;
	if (!text)
		return cli_fail(cli);
	v.trust = pki_trust_load(ca, NULL, &cli->diags);
	bool read = v.trust && evidence_bundle_read(text->data, text->len, &cli->diags, &v.bundle);
	for (size_t i = 0; v.trust && !read && i < cli->diags.list.len; i++)
		cli->diags.list.at[i].file = v.file;
	for (size_t i = 0; read && i < v.bundle.item.len; i++)
		verify_item(&v, &v.bundle.item.at[i]);
	int status = read ? conclude(&v) : cli_fail(cli);
	pki_trust_free(v.trust);
	buf_fini(text);
	return status;
}
