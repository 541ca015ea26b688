// SPDX-License-Identifier: Apache-2.0
// For tests of whole programs of kernel rules: puts them into a router and reads them back. Whatever goes wrong fails
// the test.
#pragma once

#include "backend/nft/encode.h"
#include "backend/nft/test_oracle.h"
#include "ir/test.h"

struct fixture {
	struct test_oracle oracle;
	struct test_random random;
	struct arena arena; // of one test
};
// Set up and tear down of a group, and of one test in it.
int test_programs_open(void **state);
int test_programs_close(void **state);
int test_programs_begin(void **state);
int test_programs_finish(void **state);

struct nft_encoder test_encoder(struct fixture *f, struct nft_batch *batch, const char *prefix);
void test_batch_run(struct fixture *f, struct nft_batch *batch);
// Puts a program into the router at hand, in force, in place of whatever was there.
void test_program_load(struct fixture *f, const struct nft_program *program);
void test_program_read(struct fixture *f, struct nft_program *out);
void test_form_assert(struct fixture *f, const struct nft_form *meant, const struct nft_form *is);
// What the router has is this program.
void test_program_assert(struct fixture *f, const struct nft_program *program);
// A rule of the policy at the end of the chain.
void test_rule_push(struct fixture *f, struct nft_chain *chain, struct nft_form form);
// Has nft(8) put the program into the router at hand. False when it has no words for it.
bool test_program_script(struct fixture *f, const struct nft_program *program) must_check;
