// SPDX-License-Identifier: Apache-2.0
// ietf-i2nsf-cons-facing-interface as tables: every data node of the module with its place in
// struct intent. Keys stand first, as XML wants them (RFC 7950 section 7.8.5). Entries of lists and
// leaf-lists keep their order, as `priority-by-order` lives from it. Choices and cases have no node
// and so no row.
#include "codec/cfi_fields.h"

#define LEAF(name_, type, member, value_)                                   \
	{                                                                   \
		name_, CFI_LEAF, offsetof(type, member), .value = &(value_) \
	}
#define TERM(name_, type, member, vocabulary_)                                     \
	{                                                                          \
		name_, CFI_LEAF, offsetof(type, member), .value = &cfi_term,       \
							 .vocabulary = vocabulary_ \
	}
#define LEAVES(name_, type, member, value_)                                      \
	{                                                                        \
		name_, CFI_LEAF_LIST, offsetof(type, member), .value = &(value_) \
	}
#define TERMS(name_, type, member, vocabulary_)                                         \
	{                                                                               \
		name_, CFI_LEAF_LIST, offsetof(type, member), .value = &cfi_term,       \
							      .vocabulary = vocabulary_ \
	}
// A container that is a struct of its own, and one whose leaves stand in the outer struct.
#define IN(name_, type, member, fields_)                                          \
	{                                                                         \
		name_, CFI_CONTAINER, offsetof(type, member), .fields = (fields_) \
	}
#define FLAT(name_, fields_)                                 \
	{                                                    \
		name_, CFI_CONTAINER, 0, .fields = (fields_) \
	}
#define LIST(name_, type, member, fields_)                                              \
	{                                                                               \
		name_, CFI_LIST, offsetof(type, member),                                \
			.fields = (fields_), .size = sizeof(((type *)0)->member.at[0]), \
			.place = CFI_NO_PLACE                                           \
	}
#define PLACED(name_, type, member, fields_)                                            \
	{                                                                               \
		name_, CFI_LIST, offsetof(type, member),                                \
			.fields = (fields_), .size = sizeof(((type *)0)->member.at[0]), \
			.place = offsetof(__typeof__(((type *)0)->member.at[0]), place) \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

// --- i2nsf-cfi-policy/rules ---

static const struct cfi_field events[] = {
	TERMS("system-event", struct intent_rule, event, INTENT_SYSTEM_EVENT),
	TERMS("system-alarm", struct intent_rule, alarm, INTENT_SYSTEM_ALARM),
	END,
};

static const struct cfi_field ports[] = {
	LEAF("start", struct intent_ports, start, cfi_u16),
	LEAF("end", struct intent_ports, end, cfi_u16),
	END,
};
static const struct cfi_field icmp[] = {
	TERMS("message", struct intent_firewall, icmp, INTENT_ICMP_MESSAGE),
	END,
};
static const struct cfi_field firewall[] = {
	LEAVES("source", struct intent_firewall, source, cfi_text),
	LEAVES("destination", struct intent_firewall, destination, cfi_text),
	TERM("transport-layer-protocol", struct intent_firewall, transport, INTENT_TRANSPORT),
	LIST("range-port-number", struct intent_firewall, ports, ports),
	FLAT("icmp", icmp),
	END,
};

static const struct cfi_field thresholds[] = {
	LEAF("packet-rate-threshold", struct intent_ddos, packet_rate, cfi_number),
	LEAF("byte-rate-threshold", struct intent_ddos, byte_rate, cfi_number),
	LEAF("flow-rate-threshold", struct intent_ddos, flow_rate, cfi_number),
	END,
};
static const struct cfi_field ddos[] = {FLAT("rate-limit", thresholds), END};

static const struct cfi_field anti_virus[] = {
	LEAVES("profile", struct intent_condition, virus_profile, cfi_text),
	LEAVES("exception-files", struct intent_condition, virus_exception, cfi_text),
	END,
};
static const struct cfi_field payload_condition[] = {
	LEAVES("content", struct intent_condition, payload, cfi_text),
	END,
};
static const struct cfi_field url_category[] = {
	LEAF("url-name", struct intent_condition, url_group, cfi_text),
	END,
};
static const struct cfi_field voice[] = {
	LEAVES("source-id", struct intent_condition, voice_source, cfi_text),
	LEAVES("destination-id", struct intent_condition, voice_destination, cfi_text),
	LEAVES("user-agent", struct intent_condition, voice_agent, cfi_text),
	END,
};

static const struct cfi_field months[] = {
	LEAF("start", struct intent_month, start, cfi_text),
	LEAF("end", struct intent_month, end, cfi_text),
	END,
};
static const struct cfi_field period[] = {
	LEAF("start-time", struct intent_time, start_time, cfi_text),
	LEAF("end-time", struct intent_time, end_time, cfi_text),
	TERMS("day", struct intent_time, day, INTENT_DAY),
	LEAVES("date", struct intent_time, date, cfi_u8),
	LIST("month", struct intent_time, month, months),
	END,
};
static const struct cfi_field time_condition[] = {
	LEAF("start-date-time", struct intent_time, start_date_time, cfi_text),
	LEAF("end-date-time", struct intent_time, end_date_time, cfi_text),
	FLAT("period", period),
	TERM("frequency", struct intent_time, frequency, INTENT_FREQUENCY),
	END,
};

static const struct cfi_field application[] = {
	TERMS("protocol", struct intent_context, application, INTENT_APPLICATION),
	END,
};
static const struct cfi_field device_type[] = {
	TERMS("device", struct intent_context, device, INTENT_DEVICE_TYPE),
	END,
};
static const struct cfi_field user[] = {
	LEAF("id", struct intent_user, id, cfi_u32),
	LEAF("name", struct intent_user, name, cfi_text),
	END,
};
static const struct cfi_field users[] = {
	LIST("user", struct intent_context, user, user),
	LIST("group", struct intent_context, group, user),
	END,
};
static const struct cfi_field geography[] = {
	LEAF("country", struct intent_geography, country, cfi_text),
	LEAF("region", struct intent_geography, region, cfi_text),
	LEAF("city", struct intent_geography, city, cfi_text),
	END,
};
static const struct cfi_field locations[] = {
	IN("source", struct intent_context, source, geography),
	IN("destination", struct intent_context, destination, geography),
	END,
};
static const struct cfi_field context[] = {
	IN("time", struct intent_context, time, time_condition),
	FLAT("application", application),
	FLAT("device-type", device_type),
	FLAT("users", users),
	FLAT("geographic-location", locations),
	END,
};

static const struct cfi_field feed_condition[] = {
	LEAVES("name", struct intent_condition, feed, cfi_text),
	END,
};
static const struct cfi_field condition[] = {
	IN("firewall", struct intent_condition, firewall, firewall),
	IN("ddos", struct intent_condition, ddos, ddos),
	FLAT("anti-virus", anti_virus),
	FLAT("payload", payload_condition),
	FLAT("url-category", url_category),
	FLAT("voice", voice),
	IN("context", struct intent_condition, context, context),
	FLAT("threat-feed", feed_condition),
	END,
};

static const struct cfi_field primary_action[] = {
	TERM("action", struct intent_rule, action, INTENT_PRIMARY_ACTION),
	LEAF("limit", struct intent_rule, limit, cfi_hundredths),
	END,
};
static const struct cfi_field secondary_action[] = {
	TERM("log-action", struct intent_rule, log, INTENT_SECONDARY_ACTION),
	END,
};
static const struct cfi_field action[] = {
	FLAT("primary-action", primary_action),
	FLAT("secondary-action", secondary_action),
	END,
};
static const struct cfi_field rules[] = {
	LEAF("name", struct intent_rule, name, cfi_text),
	LEAF("priority", struct intent_rule, priority, cfi_number),
	FLAT("event", events),
	IN("condition", struct intent_rule, condition, condition),
	FLAT("action", action),
	END,
};
static const struct cfi_field policy[] = {
	LEAF("name", struct intent_policy, name, cfi_text),
	LEAF("language", struct intent_policy, language, cfi_text),
	TERM("priority-usage", struct intent_policy, usage, INTENT_PRIORITY_USAGE),
	TERM("resolution-strategy", struct intent_policy, resolution, INTENT_RESOLUTION_STRATEGY),
	{"rules", CFI_LIST, offsetof(struct intent_policy, rule), .fields = rules,
	 .size = sizeof(struct intent_rule), .place = offsetof(struct intent_rule, place),
	 .marks = true},
	END,
};

// --- endpoint-groups ---

static const struct cfi_field range4[] = {
	LEAF("start", struct intent_range, start, cfi_address4),
	LEAF("end", struct intent_range, end, cfi_address4),
	END,
};
static const struct cfi_field range6[] = {
	LEAF("start", struct intent_range, start, cfi_address6),
	LEAF("end", struct intent_range, end, cfi_address6),
	END,
};
#define ADDRESSES(type)                                                       \
	LEAVES("ipv4-prefix", type, addresses.prefix4, cfi_prefix4),          \
		PLACED("range-ipv4-address", type, addresses.range4, range4), \
		LEAVES("ipv6-prefix", type, addresses.prefix6, cfi_prefix6),  \
		PLACED("range-ipv6-address", type, addresses.range6, range6)

static const struct cfi_field user_group[] = {
	LEAF("name", struct intent_group, name, cfi_text),
	LEAVES("mac-address", struct intent_group, mac, cfi_mac),
	ADDRESSES(struct intent_group),
	END,
};
static const struct cfi_field device_group[] = {
	LEAF("name", struct intent_group, name, cfi_text),
	ADDRESSES(struct intent_group),
	TERMS("application-protocol", struct intent_group, application, INTENT_APPLICATION),
	END,
};
static const struct cfi_field location_group[] = {
	LEAF("country", struct intent_location, country, cfi_text),
	LEAF("region", struct intent_location, region, cfi_text),
	LEAF("city", struct intent_location, city, cfi_text),
	ADDRESSES(struct intent_location),
	END,
};
static const struct cfi_field url_group[] = {
	LEAF("name", struct intent_list, name, cfi_text),
	LEAVES("url", struct intent_list, value, cfi_text),
	END,
};
static const struct cfi_field voice_group[] = {
	LEAF("name", struct intent_list, name, cfi_text),
	LEAVES("sip-id", struct intent_list, value, cfi_text),
	END,
};
static const struct cfi_field endpoint_groups[] = {
	PLACED("user-group", struct intent, user_group, user_group),
	PLACED("device-group", struct intent, device_group, device_group),
	PLACED("location-group", struct intent, location, location_group),
	PLACED("url-group", struct intent, url_group, url_group),
	PLACED("voice-group", struct intent, voice_group, voice_group),
	END,
};

// --- threat-prevention ---

static const struct cfi_field feed[] = {
	LEAF("name", struct intent_feed, name, cfi_text),
	LEAVES("ioc", struct intent_feed, ioc, cfi_text),
	TERM("format", struct intent_feed, format, INTENT_IOC_FORMAT),
	END,
};
static const struct cfi_field contents[] = {
	LEAF("content", struct intent_content, content, cfi_text),
	LEAF("depth", struct intent_content, depth, cfi_number),
	LEAF("offset", struct intent_content, offset, cfi_integer),
	LEAF("distance", struct intent_content, distance, cfi_integer),
	END,
};
static const struct cfi_field payload_content[] = {
	LEAF("name", struct intent_payload, name, cfi_text),
	LEAF("description", struct intent_payload, description, cfi_text),
	LIST("contents", struct intent_payload, content, contents),
	END,
};
static const struct cfi_field threat_prevention[] = {
	PLACED("threat-feed-list", struct intent, feed, feed),
	PLACED("payload-content", struct intent, payload, payload_content),
	END,
};

const struct cfi_field cfi_roots[] = {
	PLACED("i2nsf-cfi-policy", struct intent, policy, policy),
	FLAT("endpoint-groups", endpoint_groups),
	FLAT("threat-prevention", threat_prevention),
	END,
};
