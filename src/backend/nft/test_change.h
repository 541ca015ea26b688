// SPDX-License-Identifier: Apache-2.0
// For tests: what somebody does to a program by hand.
#pragma once

#include "backend/nft/form.h"
#include "ir/test.h"

// One change: a rule goes, comes, asks or does something else, two change places, or a map leads elsewhere. Now and then
// nothing comes of it.
void test_program_change(struct test_random *random, struct arena *arena,
			 struct nft_program *program);
void test_chain_remove(struct nft_chain *chain, size_t at);
void test_chain_insert(struct arena *arena, struct nft_chain *chain, size_t at,
		       struct nft_form form);
