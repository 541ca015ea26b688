// SPDX-License-Identifier: Apache-2.0
// The questions of verify.h about policies that the controller knows: what is deployed, a revision, or a candidate that is
// not stored. Asked of the policy as a whole, or of what one NSF is told of it.
#pragma once

#include "engine/engine.h"
#include "verify/reach.h"

enum engine_whose { ENGINE_REVISION, ENGINE_DEPLOYED, ENGINE_CANDIDATE };
struct engine_subject {
	enum engine_whose whose;
	uint32_t revision;    // ENGINE_REVISION; 0: the latest
	const char *document; // ENGINE_CANDIDATE: XML or JSON of the policy models
	size_t len;
	const char *nsf; // NULL: the policy as a whole
};
struct engine_question {
	struct engine_subject of;
	const char *where; // a condition as ir_clause_parse reads it; NULL: all packets
	unsigned seconds;  // 0: ENGINE_QUESTION_SECONDS; at most ENGINE_QUESTION_SECONDS_MOST
	struct verify_control *
		control; // ends soon once its `stop` is set, as when nobody waits any more; or NULL
};
#define ENGINE_QUESTION_SECONDS 10u
#define ENGINE_QUESTION_SECONDS_MOST 300u
#define ENGINE_QUESTIONS_MOST 4u // that are worked on at once; others are refused (DIAG_IN_USE)

struct engine_finding {
	struct verify_finding is; // its packet is NULL
	const char *packet;       // as ir_packet_print writes it, or NULL
};
struct engine_findings {
	const struct ir_ruleset *ruleset; // that the findings' indices are about
	VEC(struct engine_finding) list;
	struct verify_summary summary;
};
bool engine_findings(struct engine *engine, const struct engine_caller *caller,
		     const struct engine_question *question, struct diags *diags,
		     struct engine_findings *out) must_check;
// question->of is A, `with` is B.
bool engine_compare(struct engine *engine, const struct engine_caller *caller,
		    const struct engine_question *question, const struct engine_subject *with,
		    size_t most, struct diags *diags, struct verify_comparison *out) must_check;
// Conditions whose packets must always pass, and must never.
struct engine_expectations {
	const char *const *always, *const *never;
	size_t always_len, never_len;
};
bool engine_assert(struct engine *engine, const struct engine_caller *caller,
		   const struct engine_question *question,
		   const struct engine_expectations *expected, struct diags *diags,
		   struct verify_assertion *out) must_check;
// Who may reach whom through the enabled NSFs of the tenant. Whatever has the same guarding NSFs is a zone, named after its
// site or its NSF; the rest of the addresses is "elsewhere".
struct engine_ends {
	const char *const
		*text; // sites (what their NSFs guard), NSFs, zones or addresses; none: all zones
	size_t len;
};
struct engine_reach {
	const struct verify_network *network;
	const struct verify_end *from, *to; // of the pairs
	struct verify_reach reach;
};
#define ENGINE_REACH_NSFS_MOST 128u
#define ENGINE_REACH_PAIRS_MOST 2500u
bool engine_reach(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_question *question, const struct engine_ends *from,
		  const struct engine_ends *to, struct diags *diags,
		  struct engine_reach *out) must_check;
