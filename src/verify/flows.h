// SPDX-License-Identifier: Apache-2.0
// Recorded flows: logs of flows as routers, collectors and clouds write them, read piece by piece, and how the flows fare.
//
// Recognised by their first bytes: CSV with a header (comma, semicolon or tab), columns divided by blanks as in VPC flow
// logs (with their header, or in their default order), JSON lines and JSON arrays with names as of nfdump and IPFIX. A
// column is found by any of its usual names (flows.c has the list).
#pragma once

#include "ir/ir.h"

struct diags;

// One record. The packet is the first of its flow: state new, TCP with SYN alone. When the log had the opposite direction
// before, it is an answer to that flow: `reply` is set and `flow` is the flow's first packet. Conditions that are not
// about headers do not hold, and no rate is exceeded: nothing is open.
struct verify_flow {
	struct ir_packet packet;
	enum ir_verdict
		action; // recorded: IR_PASS, IR_DROP (blocked somehow); IR_NONE: not recorded
	uint64_t packets, bytes; // 0: not recorded
	unsigned line;           // where it begins
};
// False: enough. The flow is good for the call.
typedef bool (*verify_flow_fn)(void *user, const struct verify_flow *flow);

struct verify_flow_log {
	const char *file; // for messages
	int64_t now;      // the time of records that have none
	struct diags *diags;
	verify_flow_fn found;
	void *user;
};
#define VERIFY_RECORD_MOST 65536 // bytes of a line or of a JSON object
#define VERIFY_RECORD_FAULTS \
	20 // records that cannot be read are told apart up to here, then counted

// What the log had, known at the end.
struct verify_flow_count {
	uint64_t flows;   // handed out
	uint64_t replies; // of these, answers to flows that were in the log before them
	uint64_t skipped; // records without addresses (no data, other protocols)
	uint64_t
		faults; // records that could not be read; each has a diag, up to VERIFY_RECORD_FAULTS
	uint64_t has;   // dimensions that the log knows, a bit each
	bool actions;   // it records what happened to the flows
};

// Opaque, heap. Feed it the log in pieces of any size, then end it. False when nothing more will be read: `found` said so
// or the log is not one; then there is a diag.
struct verify_flows;
struct verify_flows *verify_flows_new(const struct verify_flow_log *log) must_check;
bool verify_flows_feed(struct verify_flows *flows, const char *data, size_t len) must_check;
bool verify_flows_end(struct verify_flows *flows, struct verify_flow_count *out) must_check;
void verify_flows_free(struct verify_flows *flows);

// --- flows that fare differently, by the rules that decide ---

// A side is a ruleset's decision, or what was recorded (rule NULL).
struct verify_flow_side {
	enum ir_verdict verdict;
	const struct ir_rule *rule;
};
struct verify_flow_group {
	struct verify_flow_side a, b;
	uint64_t flows, packets, bytes;
	struct verify_flow example; // the first; its packet's flow is in the arena
};
struct verify_flow_tally {
	struct arena *arena;
	VEC(struct verify_flow_group) group;
	size_t *slot; // open addressing: index + 1
	size_t slots;
};
void verify_flow_tally_add(struct verify_flow_tally *tally, const struct verify_flow *flow,
			   struct verify_flow_side a, struct verify_flow_side b);
// The groups with the most flows first.
void verify_flow_tally_sort(struct verify_flow_tally *tally);
