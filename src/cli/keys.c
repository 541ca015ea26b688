// SPDX-License-Identifier: Apache-2.0
// The authority's directory from the command line: made, certificates issued, listed, revoked.
#include "cli/answer.h"
#include "base/file.h"
#include "ir/ir.h"
#include "pki/pki.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

int cli_pki_init(struct cli *cli)
{
	const char *organisation = cli_option_value(cli, "organisation", 0);
	if (!cli_need(cli, 1, false) ||
	    !pki_init(cli->arg[0], organisation ? organisation : "Bulwark", &cli->diags))
		return cli_fail(cli);
	if (!cli_answer(cli, json_pack("{s:s}", "authority", cli->arg[0])))
		buf_printf(&cli->out,
			   "%s the authority is in %s; its key never leaves it\n\nNext:\n"
			   "  bulwark pki issue %s controller --role controller --address ADDRESS "
			   "--out DIR\n"
			   "  bulwark pki issue %s YOU --role operator --out ~/.config/bulwark\n",
			   answer_mark(cli, true), cli->arg[0], cli->arg[0], cli->arg[0]);
	return CLI_YES;
}

static bool write_ca(struct cli *cli, const struct pki *pki, const char *dir)
{
	struct buf pem;
	buf_init(&pem);
	pki_ca(pki, &pem);
	struct file_put put = {.path = arena_printf(&cli->arena, "%s/ca.pem", dir),
			       .data = pem.data,
			       .len = pem.len,
			       .mode = 0644,
			       .how = FILE_REPLACE};
	int error = file_put(&put);
	if (error)
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_IO,
					.file = put.path,
					.hint = "is the directory writable?"},
			 "cannot be written: %s", strerror(-error));
	buf_fini(&pem);
	return !error;
}

static bool read_subject(struct cli *cli, struct pki_subject *subject)
{
	uint64_t days;
	const char *role = cli_need_option(cli, "role"), **address;
	if (!role || !cli_number(cli, "days", PKI_DAYS_MOST, PKI_DAYS_DEFAULT, &days))
		return false;
	*subject = (struct pki_subject){.name = cli->arg[1],
					.tenant = cli_option_value(cli, "tenant", 0),
					.days = (unsigned)days};
	if (!pki_role_parse(role, &subject->role)) {
		diag_error(&cli->diags, DIAG_VALUE, NULL,
			   "give controller, nsf, operator, tenant-user or evidence",
			   "'%s' is not a role", role);
		return false;
	}
	while (cli_option_value(cli, "address", subject->addresses))
		subject->addresses++;
	address = arena_array(&cli->arena, const char *, subject->addresses + 1);
	for (size_t i = 0; i < subject->addresses; i++)
		address[i] = cli_option_value(cli, "address", i);
	subject->address = address;
	return true;
}

int cli_pki_issue(struct cli *cli)
{
	struct pki_subject subject;
	const char *out = cli_option_value(cli, "out", 0);
	if (!cli_need(cli, 2, false) || !read_subject(cli, &subject))
		return cli_fail(cli);
	out = out ? out : ".";
	mkdir(out, 0700); // when it is there already, so much the better
	struct pki *pki = pki_open(cli->arg[0], &cli->diags);
	bool good =
		pki && pki_issue_files(pki, &subject, out, &cli->diags) && write_ca(cli, pki, out);
	pki_close(pki);
	if (!good)
		return cli_fail(cli);
	if (!cli_answer(cli, json_pack("{s:s, s:s}", "name", subject.name, "directory", out)))
		buf_printf(&cli->out, "%s %s/%s.pem and %s.key (mode 0600), %s/ca.pem\n",
			   answer_mark(cli, true), out, subject.name, subject.name, out);
	return CLI_YES;
}

struct listing {
	struct cli *cli;
	json_t *list;
};

static void list_entry(const struct pki_entry *entry, void *context)
{
	struct listing *to = context;
	const struct pki_identity *who = &entry->identity;
	char until[32];
	ir_time_print(who->not_after, until);
	json_array_append_new(to->list,
			      json_pack("{s:s, s:s, s:s, s:s, s:b}", "serial", who->serial, "name",
					who->name, "role", pki_role_name[who->role], "until", until,
					"revoked", entry->revoked != 0));
	if (!to->cli->json)
		buf_printf(&to->cli->out, "%-40s  %-12s %-16s until %.10s%s\n", who->serial,
			   pki_role_name[who->role], who->name, until,
			   entry->revoked ? "  revoked" : "");
}

int cli_pki_list(struct cli *cli)
{
	if (!cli_need(cli, 1, false))
		return cli_fail(cli);
	struct pki *pki = pki_open(cli->arg[0], &cli->diags);
	if (!pki)
		return cli_fail(cli);
	struct listing to = {.cli = cli, .list = json_array()};
	pki_each(pki, list_entry, &to);
	pki_close(pki);
	if (!cli_answer(cli, json_incref(to.list)) && !json_array_size(to.list))
		buf_adds(&cli->out, "no certificate was issued yet\n");
	json_decref(to.list);
	return CLI_YES;
}

int cli_pki_revoke(struct cli *cli)
{
	if (!cli_need(cli, 2, false))
		return cli_fail(cli);
	struct pki *pki = pki_open(cli->arg[0], &cli->diags);
	bool good = pki && pki_revoke(pki, cli->arg[1], &cli->diags);
	pki_close(pki);
	if (!good)
		return cli_fail(cli);
	if (!cli_answer(cli, json_pack("{s:s}", "revoked", cli->arg[1])))
		buf_printf(&cli->out,
			   "%s %s is revoked; controllers and NSFs need the new %s/crl.pem\n",
			   answer_mark(cli, true), cli->arg[1], cli->arg[0]);
	return CLI_YES;
}
