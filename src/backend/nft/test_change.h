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

// The n-th rule of a program that is so; NULL: there are fewer.
struct nft_form *test_find(const struct nft_program *tree, bool (*is)(const struct nft_form *form),
			   size_t n) must_check;

// What may be done to a tree with gates, in several places: the n-th of them.
struct test_gate_change {
	const char *name;
	bool (*change)(struct arena *arena, struct nft_program *tree,
		       size_t n); // false: there is no such place
};
#define TEST_GATE_CHANGES 7
#define TEST_BOX_ELSEWHERE 5 // of them
extern const struct test_gate_change test_gate_change[TEST_GATE_CHANGES];
// As walks take it (ways.h): maps of one box that lead to a single rule are none.
bool test_has_gate(const struct nft_program *program) must_check;

// A rule with this number; one of a tree that leads on to the chain.
struct nft_form test_rule_of(uint32_t number, enum nft_act act) must_check;
struct nft_form test_lead(enum nft_act act, const char *chain) must_check;
