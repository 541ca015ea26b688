// SPDX-License-Identifier: Apache-2.0
// What a customer asked for: the data of ietf-i2nsf-cons-facing-interface, every leaf of it, as
// plain structs. Nothing is resolved or judged here: names stay names and times stay text, so that
// what was read can be written again.
//
// Everything lives in the arena of whoever made it. Zeroed is the empty intent; an absent text is
// NULL, an absent term INTENT_NO_TERM. Without the model's defaults filled in, an absent term means
// its default.
#pragma once

#include "base/arena.h"

// The identity or enumeration that a name belongs to.
enum intent_vocabulary {
	INTENT_PRIORITY_USAGE,
	INTENT_RESOLUTION_STRATEGY,
	INTENT_PRIMARY_ACTION,
	INTENT_SECONDARY_ACTION,
	INTENT_ICMP_MESSAGE,
	INTENT_IOC_FORMAT,
	INTENT_DEVICE_TYPE,
	INTENT_TRANSPORT,
	INTENT_APPLICATION,
	INTENT_SYSTEM_EVENT,
	INTENT_SYSTEM_ALARM,
	INTENT_FREQUENCY,
	INTENT_DAY,
};

enum intent_term {
	INTENT_NO_TERM,
#define X(code, vocabulary, name) code,
#include "intent/terms.def"
#undef X
	INTENT_TERMS
};

// "" for INTENT_NO_TERM.
const char *intent_term_name(enum intent_term term) must_check;
// INTENT_NO_TERM when the vocabulary does not have the name.
enum intent_term intent_term_find(enum intent_vocabulary vocabulary, const char *name) must_check;
// Whether its identities are those of ietf-i2nsf-monitoring-interface.
bool intent_vocabulary_monitoring(enum intent_vocabulary vocabulary) must_check;

// Where it was said; unknown is NULL and 0.
struct intent_place {
	const char *file;
	unsigned line;
};

// Optional numbers.
struct intent_number {
	bool given;
	uint64_t value;
};
struct intent_integer {
	bool given;
	int64_t value;
};

// Vectors for vec_push.
struct intent_texts {
	const char **at;
	size_t len, cap;
};
struct intent_terms {
	enum intent_term *at;
	size_t len, cap;
};

// --- endpoint-groups ---

struct intent_prefix {
	u128 address; // bits beyond the length mean nothing
	uint8_t length;
};

struct intent_range {
	u128 start, end; // as given: the end may be below the start
	struct intent_place place;
};

// The union of them. (A document has one kind in a group; a struct may have all.)
struct intent_addresses {
	VEC(struct intent_prefix) prefix4, prefix6;
	VEC(struct intent_range) range4, range6;
};

// A user group or a device group.
struct intent_group {
	struct intent_place place;
	const char *name;
	VEC(uint64_t) mac;               // user groups only
	struct intent_terms application; // device groups only
	struct intent_addresses addresses;
};

struct intent_location {
	struct intent_place place;
	const char *country, *region, *city;
	struct intent_addresses addresses;
};

// A URL group (URLs) or a voice group (SIP identities).
struct intent_list {
	struct intent_place place;
	const char *name;
	struct intent_texts value;
};

// --- threat-prevention ---

struct intent_feed {
	struct intent_place place;
	const char *name;
	struct intent_texts ioc;
	enum intent_term format;
};

struct intent_content {
	const char *content;            // base64
	struct intent_number depth;     // bytes
	struct intent_integer offset;   // bytes from the payload's start; or
	struct intent_integer distance; // bytes from the end of the content before
};

struct intent_payload {
	struct intent_place place;
	const char *name, *description;
	VEC(struct intent_content) content; // in this order
};

// --- i2nsf-cfi-policy ---

struct intent_ports {
	uint16_t start, end;
};

struct intent_firewall {
	struct intent_texts source, destination; // names of user or device groups
	enum intent_term transport;
	VEC(struct intent_ports) ports;
	struct intent_terms icmp;
};

struct intent_ddos {
	struct intent_number packet_rate, byte_rate, flow_rate; // per second
};

struct intent_month {
	const char *start, *end; // "MM-DD"
};

struct intent_time {
	const char *start_date_time, *end_date_time; // RFC 3339
	enum intent_term frequency;
	// The period; it counts only when the frequency is not only-once, as the model's `when`
	// says.
	const char *start_time, *end_time; // "HH:MM:SS", a fraction and a zone may follow
	struct intent_terms day;           // weekly
	VEC(uint8_t) date;                 // monthly
	VEC(struct intent_month) month;    // yearly
};

struct intent_user {
	uint32_t id;
	const char *name;
};

struct intent_geography {
	const char *country, *region, *city;
};

struct intent_context {
	struct intent_time time;
	struct intent_terms application, device;
	VEC(struct intent_user) user, group;
	struct intent_geography source, destination;
};

struct intent_condition {
	struct intent_firewall firewall;
	struct intent_ddos ddos;
	struct intent_texts virus_profile, virus_exception;  // anti-virus
	struct intent_texts payload;                         // names of payload contents
	const char *url_group;                               // name
	struct intent_texts voice_source, voice_destination; // names of voice groups
	struct intent_texts voice_agent;
	struct intent_context context;
	struct intent_texts feed; // names of threat feeds
};

// The line of a leaf of a rule, or of one entry of its lists. `member` is where the leaf (of a list,
// its vector) is in struct intent_rule.
struct intent_mark {
	size_t member;
	unsigned line;
};

struct intent_rule {
	struct intent_place place;
	const char *name;
	struct intent_number priority;
	struct intent_terms event, alarm;
	struct intent_condition condition;
	enum intent_term action;
	struct intent_integer limit; // hundredths of bytes per second
	enum intent_term log;
	VEC(struct intent_mark) mark; // in the order of the document; may be empty
};

// The line of the member at this offset, or of the rule when that is not known.
unsigned intent_rule_line(const struct intent_rule *rule, size_t member) must_check;

struct intent_policy {
	struct intent_place place;
	const char *name, *language;
	enum intent_term usage, resolution;
	VEC(struct intent_rule) rule;
};

struct intent {
	VEC(struct intent_policy) policy;
	VEC(struct intent_group) user_group, device_group;
	VEC(struct intent_location) location;
	VEC(struct intent_list) url_group, voice_group;
	VEC(struct intent_feed) feed;
	VEC(struct intent_payload) payload;
};
