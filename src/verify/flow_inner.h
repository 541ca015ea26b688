// SPDX-License-Identifier: Apache-2.0
// Between the two halves of reading flow logs: flow_text.c takes records apart into fields, flows.c makes flows of them.
#pragma once

#include "base/buf.h"
#include "verify/flows.h"

enum flow_field {
	FLOW_SRC,
	FLOW_DST,
	FLOW_PROTO,
	FLOW_SPORT,
	FLOW_DPORT,
	FLOW_ICMP_TYPE,
	FLOW_ICMP_CODE,
	FLOW_ICMP_BOTH, // type * 256 + code
	FLOW_TOS,
	FLOW_DSCP,
	FLOW_IN,
	FLOW_OUT,
	FLOW_ACTION,
	FLOW_EVENT, // firewallEvent of IPFIX
	FLOW_TIME,
	FLOW_PACKETS,
	FLOW_BYTES,
	FLOW_FIELDS
};
#define FLOW_COLUMNS_MOST 256

// Texts of one record, NULL where it has none; borrowed.
struct flow_record {
	const char *value[FLOW_FIELDS];
	unsigned line;
};

// How the bytes are divided into records.
enum flow_form { FLOW_UNKNOWN, FLOW_TABLE, FLOW_JSON };

struct verify_flows {
	struct verify_flow_log log;
	struct verify_flow_count count;
	enum flow_form form;
	struct buf pending; // a record that has only begun
	unsigned line;      // of the next byte, from 1
	bool ended;         // nothing more is wanted
	bool marked;        // past the place where a mark of the byte order may stand

	// FLOW_TABLE
	char divider;                     // ' ' means any blanks
	int8_t column[FLOW_COLUMNS_MOST]; // field of each column, -1 none
	size_t columns;

	// FLOW_JSON
	unsigned depth, begun; // of braces and brackets in the record; the line where it began
	bool in_string, escaped, too_long;

	uint64_t *seen; // hashes of the flows, open addressing
	size_t seen_len, seen_cap;
};

// The field of that name, or -1. Case, blanks and punctuation do not count.
int flow_field_find(const char *name, size_t len) must_check;
// A record is complete. False: nothing more is wanted.
bool flow_record_take(struct verify_flows *flows, const struct flow_record *record) must_check;
void flow_fault(struct verify_flows *flows, unsigned line, const char *fmt, ...) printf_like(3, 4);
// Takes the bytes; what does not end a record stays in `pending`. `end`: there is no more.
bool flow_text_feed(struct verify_flows *flows, const char *data, size_t len) must_check;
bool flow_text_end(struct verify_flows *flows) must_check;
