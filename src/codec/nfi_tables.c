// SPDX-License-Identifier: Apache-2.0
// Tables of the NSF-facing model that reading and writing share: one fact, one place.
#include "codec/nfi_inner.h"

#include <ctype.h>
#include <string.h>

const struct nfi_leaf nfi_leaf[NFI_LEAVES] = {
#define X(dim, box, name, least, most, form) {dim, box, name, least, most, form},
#include "codec/nfi_leaves.def"
#undef X
};

const char *const nfi_box_name[NFI_BOXES] = {
	[NFI_IPV4] = "ipv4", [NFI_IPV6] = "ipv6", [NFI_TCP] = "tcp",   [NFI_UDP] = "udp",
	[NFI_SCTP] = "sctp", [NFI_DCCP] = "dccp", [NFI_ICMP] = "icmp",
};

const struct nfi_bit *nfi_bits(enum ir_dim dim)
{
	static const struct nfi_bit tcp[] = {{"cwr", 128}, {"ece", 64}, {"urg", 32},
					     {"ack", 16},  {"psh", 8},  {"rst", 4},
					     {"syn", 2},   {"fin", 1},  {NULL, 0}};
	static const struct nfi_bit ip[] = {
		{"reserved", 4}, {"fragment", 2}, {"more", 1}, {NULL, 0}};
	return dim == IR_TCPFLAGS ? tcp : ip;
}

const struct nfi_header nfi_header[3] = {
	{"tcp/options=", "options", NFI_TCP},
	{"sctp/chunk-length=", "chunk-length", NFI_SCTP},
	{"icmp/rest-of-header=", "rest-of-header", NFI_ICMP},
};

static const char *const events[] = {"access-violation", "configuration-change", NULL};
static const char *const alarms[] = {"memory-alarm",   "cpu-alarm",       "disk-alarm",
				     "hardware-alarm", "interface-alarm", NULL};
static const char *const devices[] = {
	"computer",   "mobile-phone", "voip-vocn-phone", "tablet", "network-infrastructure-device",
	"iot-device", "ot",           "vehicle",         NULL};
static const char *const applications[] = {"http", "https",  "http2", "https2", "ftp",
					   "ssh",  "telnet", "smtp",  "pop3",   "pop3s",
					   "imap", "imaps",  NULL};

const struct nfi_list nfi_list[NFI_LISTS] = {
	{.kind = IR_OPAQUE_EVENT, .container = "event", .leaf = "system-event", .known = events},
	{.kind = IR_OPAQUE_ALARM, .container = "event", .leaf = "system-alarm", .known = alarms},
	{.kind = IR_OPAQUE_URL_PREDEFINED, .container = "url-category", .leaf = "pre-defined"},
	{.kind = IR_OPAQUE_URL, .container = "url-category", .leaf = "user-defined"},
	{.kind = IR_OPAQUE_VOICE_SOURCE, .container = "voice", .leaf = "source-voice-id"},
	{.kind = IR_OPAQUE_VOICE_DESTINATION, .container = "voice", .leaf = "destination-voice-id"},
	{.kind = IR_OPAQUE_VOICE_AGENT, .container = "voice", .leaf = "user-agent"},
	{.kind = IR_OPAQUE_ANTI_VIRUS, .container = "anti-virus", .leaf = "profile"},
	{.kind = IR_OPAQUE_ANTI_VIRUS_EXCEPTION,
	 .container = "anti-virus",
	 .leaf = "exception-files"},
	{.kind = IR_OPAQUE_PAYLOAD, .container = "payload", .leaf = "content"},
	{.kind = IR_OPAQUE_APPLICATION,
	 .container = "application",
	 .leaf = "protocol",
	 .known = applications},
	{.kind = IR_OPAQUE_DEVICE, .container = "device-type", .leaf = "device", .known = devices},
	{.kind = IR_OPAQUE_USER, .container = "users", .leaf = "user", .user = true},
	{.kind = IR_OPAQUE_USER_GROUP, .container = "users", .leaf = "group", .user = true},
	{.kind = IR_OPAQUE_GEO_SOURCE, .container = "geographic-location", .leaf = "source"},
	{.kind = IR_OPAQUE_GEO_DESTINATION,
	 .container = "geographic-location",
	 .leaf = "destination"},
};

bool nfi_is_base64(const char *value)
{
	size_t len =
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t pad = strspn(value + len, "=");
	return !value[len + pad] && pad <= 2 && (len + pad) % 4 == 0;
}

static bool is_user(const char *value)
{
	uint64_t id = 0;
	const char *p = value;
	for (; isdigit((unsigned char)*p) && id <= UINT32_MAX; p++)
		id = id * 10 + (uint64_t)(*p - '0');
	bool canonical = p > value && (value[0] != '0' || p == value + 1);
	return canonical && id <= UINT32_MAX && (!*p || (*p == ' ' && p[1]));
}

bool nfi_list_takes(const struct nfi_list *list, const char *value)
{
	if (list->kind == IR_OPAQUE_PAYLOAD)
		return nfi_is_base64(value);
	if (list->user)
		return is_user(value);
	for (size_t i = 0; list->known && list->known[i]; i++)
		if (!strcmp(list->known[i], value))
			return true;
	return !list->known;
}

bool nfi_is_ip_type(u128 type)
{
	return type == 0x0800 || type == 0x86dd;
}
