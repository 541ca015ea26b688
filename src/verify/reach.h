// SPDX-License-Identifier: Apache-2.0
// Who may reach whom: the answer for a network of zones with rulesets (NSFs) between them, in chains and on parallel
// paths, in one domain or several. Exact, as verify.h says. What is asked about are flows:
// - A flow's first packet decides: the connection state is new (rules for other states do not see it), a TCP segment has
//   SYN alone. It passes on a way when every NSF of the way passes it; drop, reject and "no rule decides" do not.
// - Its first reply goes back the same way: established, SYN and ACK, the echo reply of an echo request. Everything else
//   of its headers is looked at as if it were that of the first packet; and along a way nothing of a packet changes but
//   the interfaces.
#pragma once

#include "verify/verify.h"

// Where packets begin and end. Zones do not share addresses. Without addresses a zone is a link between NSFs.
struct verify_zone {
	const char *name, *domain; // domain: or NULL
	struct algebra_set v4, v6;
	bool transit; // packets from elsewhere to elsewhere may go through it
};
// `interface`: of the NSF, to that zone. NULL: not known; what rules say about interfaces is then one unknown value that
// all NSFs share, so with several NSFs it must be known wherever rules ask for interfaces.
struct verify_link {
	size_t zone;
	const char *interface;
};
struct verify_nsf {
	const char *name, *domain;
	const struct ir_ruleset *ruleset;
	const struct verify_link *link;
	size_t links;
};
struct verify_network {
	VEC(struct verify_zone) zone;
	VEC(struct verify_nsf) nsf;
};

// Addresses of a zone (all of them or some), asked about under a name.
struct verify_end {
	const char *name;
	size_t zone;
	struct algebra_set v4, v6;
};
struct verify_reach_question {
	const struct verify_network *network;
	const struct verify_end *from, *to;
	size_t froms, tos;
	const struct verify_options *options; // `where`: services, times; of first packets
};

// --- answers ---

// A way is without loops: no NSF and no zone twice. Links by their number in the NSF.
struct verify_leg {
	size_t nsf, in, out;
};
struct verify_way {
	const struct verify_leg *leg;
	size_t legs;
};
#define VERIFY_WAYS_MOST 64 // of a pair; beyond: VERIFY_OVER_BUDGET
// One packet on one way, as far as it comes. ir_eval has said so at each NSF.
struct verify_step {
	size_t nsf;
	const struct ir_rule *rule; // NULL: the default
	enum ir_verdict verdict;
};
struct verify_walk {
	const struct verify_way *way;
	const struct ir_packet *packet; // at the first NSF
	struct verify_step *step;
	size_t steps;
	bool passes;
	bool reply_lost;         // it passes, but its first reply does not:
	struct verify_step lost; // who drops that
};
// What must be known beside headers: the condition (or that the rate of the rule is exceeded) holds, or does not.
struct verify_condition {
	const struct ir_opaque *opaque;
	const struct ir_rule *rate;
	bool holds;
};
// LOST_SOME: to some source ports, whatever the rest is; services that no rule tells apart by source port only.
enum verify_replies { VERIFY_REPLIES_PASS, VERIFY_REPLIES_LOST_SOME, VERIFY_REPLIES_LOST };
// Flows that fare alike, whoever sends them to whom.
struct verify_service {
	unsigned versions;       // bit 0: IPv4, bit 1: IPv6
	struct ir_clause clause; // without addresses; times as a rule says them where a rule does
	bool other_times;        // the times are those that the clause's are not
	VEC(struct verify_condition) condition;
	bool every_host; // for all addresses of both ends; else for some
	bool every_way;
	enum verify_replies replies;
	const struct verify_walk *walk;
};
// Somebody who does not let asked flows pass that come to it.
struct verify_blocker {
	struct verify_step step;
	const struct verify_walk *walk;
};
// A flow that passes on one way and not on another.
struct verify_uneven {
	const struct verify_walk *passes, *blocked;
};
struct verify_pair {
	size_t from, to; // ends
	bool together;   // of one zone: no NSF stands between them
	VEC(struct verify_way) way;
	VEC(struct verify_service) open; // on some way
	VEC(struct verify_service)
	closed; // of which nothing passes for anybody, whatever conditions hold; without walks
	bool open_more, closed_more;        // there are more than are listed
	VEC(struct verify_blocker) blocker; // each rule (or default) once
	bool blocker_more;
	VEC(struct verify_uneven) uneven; // ways that are unlike the first
	bool all, none; // of what is asked passes, on some way, whatever conditions hold
};
#define VERIFY_SERVICES_MOST 64
#define VERIFY_BLOCKERS_MOST 32
// CUS-5: what a rule of one domain's policy passes, a rule of another domain's on the same way drops. Rules that restrict
// nothing (but the IP version) count as defaults, which contradict nobody.
struct verify_contradiction {
	size_t from, to; // ends
	struct verify_step passes, drops;
	const struct ir_packet *packet;
};
#define VERIFY_CONTRADICTIONS_MOST 256
struct verify_reach {
	enum verify_status status;
	VEC(struct verify_pair) pair;                   // from by from
	VEC(struct verify_contradiction) contradiction; // each pair of rules once
	bool contradictions_more;
	struct verify_notes notes;
};
void verify_reach(const struct verify_reach_question *question, struct arena *arena,
		  struct verify_reach *out);

// The addresses in none of the zones, as the set of that zone.
void verify_zone_rest(const struct verify_network *network, struct arena *arena,
		      struct verify_zone *zone);
// Whether rules of the ruleset ask for interfaces.
bool verify_asks_interfaces(const struct ir_ruleset *ruleset) must_check;
