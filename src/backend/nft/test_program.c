// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_program.h"
#include "backend/nft/encode.h"
#include "backend/nft/lift.h"
#include "backend/nft/open.h"
#include "backend/nft/text.h"
#include "base/buf.h"
#include "base/diag.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

int test_programs_open(void **state)
{
	struct fixture *f = base_oom(calloc(1, sizeof(*f)));
	test_oracle_open(&f->oracle);
	f->random.state = 5280;
	*state = f;
	return 0;
}

int test_programs_close(void **state)
{
	struct fixture *f = *state;
	test_oracle_close(&f->oracle);
	free(f);
	return 0;
}

int test_programs_begin(void **state)
{
	arena_init(&((struct fixture *)*state)->arena);
	return 0;
}

int test_programs_finish(void **state)
{
	arena_fini(&((struct fixture *)*state)->arena);
	return 0;
}

struct nft_encoder test_encoder(struct fixture *f, struct nft_batch *batch, const char *prefix)
{
	return (struct nft_encoder){.arena = &f->arena,
				    .batch = batch,
				    .table = "bulwark",
				    .prefix = prefix,
				    .set_by_content = {.arena = &f->arena}};
}

void test_batch_run(struct fixture *f, struct nft_batch *batch)
{
	struct nft_fault fault;
	int error = nft_batch_run(&f->oracle.nft->socket, batch, &fault);
	if (error)
		fail_msg("the kernel refuses the message of rule %u: %s", fault.owner,
			 strerror(-error));
	nft_batch_fini(batch);
}

// Puts a program into the router at hand, in force, in place of whatever was there.
void test_program_load(struct fixture *f, const struct nft_program *program)
{
	struct nft_batch batch;
	struct nft_encoder encoder = test_encoder(f, &batch, "g1"),
			   plain = test_encoder(f, &batch, "");
	const struct nft_form enter = {.act = ACT_GOTO, .chain = "g1"};
	assert_int_equal(test_nft("table inet bulwark\ndelete table inet bulwark\n"), 0);
	nft_batch_init(&batch, &f->arena);
	nft_batch_split(&batch, &f->oracle.nft->socket);
	nft_encode_table(&batch, "bulwark");
	nft_encode_program(&encoder, program);
	nft_encode_base(&batch, "bulwark", NFT_BASE_CHAIN, true);
	nft_encode_rule(&plain, NFT_BASE_CHAIN, &enter);
	test_batch_run(f, &batch);
}

void test_program_read(struct fixture *f, struct nft_program *out)
{
	struct nft_table table;
	assert_int_equal(
		nft_table_read(&f->oracle.nft->socket, "bulwark", NFT_ALL, &f->arena, &table), 0);
	assert_int_equal(table.generation, 1);
	nft_program_init(out, &f->arena);
	nft_lift_program(&table, 1, out);
	for (size_t i = 0; i < table.set.len; i++)
		assert_true(table.set.at[i]->used);
}

void test_form_assert(struct fixture *f, const struct nft_form *meant, const struct nft_form *is)
{
	struct nft_program none;
	nft_program_init(&none, &f->arena);
	if (!nft_form_same((struct nft_form_of){&none, meant}, (struct nft_form_of){&none, is},
			   true))
		fail_msg("%s\nis read as\n%s", nft_text_shown(&none, meant, &f->arena),
			 nft_text_shown(&none, is, &f->arena));
	if (meant->act == ACT_BRANCH)
		assert_string_equal(is->map.name, meant->map.name);
}

void test_program_assert(struct fixture *f, const struct nft_program *program)
{
	struct nft_program found;
	test_program_read(f, &found);
	assert_int_equal(found.chain.len, program->chain.len);
	for (size_t i = 0; i < program->chain.len; i++) {
		const struct nft_chain *meant = program->chain.at[i],
				       *is = nft_program_find(&found, meant->name);
		assert_non_null(is);
		assert_int_equal(is->rule.len, meant->rule.len);
		for (size_t k = 0; k < meant->rule.len; k++)
			test_form_assert(f, &meant->rule.at[k], &is->rule.at[k]);
	}
}

void test_rule_push(struct fixture *f, struct nft_chain *chain, struct nft_form form)
{
	form.tag.known = true;
	vec_push(&f->arena, &chain->rule, form);
}

bool test_program_script(struct fixture *f, const struct nft_program *program)
{
	struct diags diags;
	struct buf script;
	diags_init(&diags, &f->arena);
	buf_init(&script);
	buf_adds(&script, "table inet bulwark\ndelete table inet bulwark\ntable inet bulwark {\n");
	bool good = nft_text_program(program, "g1", &diags, &script);
	buf_adds(&script,
		 "\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n"
		 "\t\tgoto g1\n\t}\n}\n");
	assert_int_equal(good, !diags.list.len);
	if (good && test_nft(script.data))
		fail_msg("nft does not take:\n%s", script.data);
	buf_fini(&script);
	return good;
}
