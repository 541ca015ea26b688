// SPDX-License-Identifier: Apache-2.0
// For the tests of translate: a second reading of the consumer-facing model, which decides for one
// packet from the intent itself, without sets, clauses or rules of the IR.
#pragma once

#include "intent/intent.h"

struct naive_packet {
	int family; // 4 or 6
	u128 source, destination;
	unsigned protocol; // 1 and 58: ICMP, type and code instead of ports
	unsigned source_port, destination_port;
	unsigned type, code;
	uint64_t source_mac, destination_mac;
	int64_t time;
	bool reply; // the members above are those of the flow's first packet
	bool over_rate;
	unsigned truths; // seed of naive_truth
};

// Whether a thing that no header tells is so for the packet: arbitrary, but always the same.
bool naive_truth(const struct naive_packet *packet, const char *value);

struct naive_answer {
	const char *policy, *rule; // NULL: no rule decides
};
struct naive_answer naive_decide(const struct intent *intent, const struct naive_packet *packet);
