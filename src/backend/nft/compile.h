// SPDX-License-Identifier: Apache-2.0
// From rulesets of the IR to kernel rules as data, and what cannot be said in them.
#pragma once

#include "backend/nft/form.h"
#include "backend/nft/nft.h"

// A rule with its clauses in normal form; none when no packet can match. Shares what it can with `rule`.
void nft_normal_rule(const struct ir_rule *rule, struct arena *arena, struct ir_rule *out);
// The values of a dimension that packets in the forward hook can have; the empty set where every number can be.
struct algebra_set nft_normal_domain(enum ir_dim dim, struct arena *arena) must_check;

// The chains of a ruleset that backend_nft_check has accepted. Tags name the rules by their index.
void nft_compile(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
		 struct nft_program *program);
// The rules of its main chain, some at a time, good for the call only; what they point to, and the chains that they lead to,
// is the program's.
typedef void (*nft_forms_fn)(void *context, const struct nft_form *form, size_t len);
void nft_compile_blocks(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
			struct nft_program *program, nft_forms_fn each, void *context);
// The same in the form that the options ask for: what goes into the kernel.
void nft_compile_shaped(const struct ir_ruleset *lowered, const struct backend_nft_options *options,
			struct nft_program *program);
// One rule alone, at the end of `to`.
void nft_compile_rule(struct nft_program *program, const struct backend_nft_options *options,
		      const struct ir_rule *rule, uint32_t index, struct nft_chain *to);
// The end of a generation: packets without a flow, then the default action.
void nft_compile_end(struct nft_program *program, bool flow_rules, enum ir_verdict default_action,
		     struct nft_chain *to);

// The kernel's limiter for a rate; false when it cannot count that exactly. bytes: rate is in
// hundredths of bytes.
bool nft_limit_of(uint64_t rate, bool bytes, struct nft_limit *out) must_check;
// What a log entry of a rule begins with.
char *nft_log_prefix(const struct ir_rule *rule, struct arena *arena) must_check;

#define NFT_LOG_PREFIX_MOST 127u
