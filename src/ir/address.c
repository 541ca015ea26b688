// SPDX-License-Identifier: Apache-2.0
// Addresses and values of dimensions as text, both ways.
#include "ir/ir.h"
#include "base/buf.h"

#include <arpa/inet.h>
#include <string.h>

bool ir_address_parse(const char *text, int *family_out, u128 *value_out)
{
	unsigned char b[16];
	int family = strchr(text, ':') ? 6 : 4;
	if (inet_pton(family == 6 ? AF_INET6 : AF_INET, text, b) != 1)
		return false;
	u128 v = 0;
	for (int i = 0; i < (family == 6 ? 16 : 4); i++)
		v = v << 8 | b[i];
	*family_out = family;
	*value_out = v;
	return true;
}

static void print_address(unsigned bits, u128 v, struct buf *out)
{
	unsigned char b[16];
	char text[INET6_ADDRSTRLEN];
	for (unsigned i = 0; i < bits / 8; i++)
		b[i] = (unsigned char)(v >> (bits - 8 - 8 * i));
	buf_adds(out, inet_ntop(bits == 128 ? AF_INET6 : AF_INET, b, text, sizeof(text)));
}

static void print_mac(u128 v, struct buf *out)
{
	for (int i = 5; i >= 0; i--)
		buf_printf(out, "%02x%s", (unsigned)(v >> (8 * i)) & 255, i ? ":" : "");
}

static void print_interface(u128 v, struct buf *out)
{
	for (int i = 15; i >= 0 && (unsigned char)(v >> (8 * i)); i--)
		buf_addc(out, (char)(v >> (8 * i)));
}

static const char *name_of(enum ir_dim dim, u128 v)
{
	static const char *const protocols[256] = {
		[1] = "icmp",  [2] = "igmp",   [6] = "tcp",    [17] = "udp",     [33] = "dccp",
		[47] = "gre",  [50] = "esp",   [51] = "ah",    [58] = "icmpv6",  [89] = "ospf",
		[103] = "pim", [112] = "vrrp", [132] = "sctp", [136] = "udplite"};
	static const char *const states[8] = {"new", "established", "related", "invalid",
					      "untracked"};
	static const char *const days[8] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	switch ((int)dim) {
	case IR_PROTO:
		return protocols[v];
	case IR_STATE:
		return states[v];
	case IR_WDAY:
		return days[v];
	case IR_FAMILY:
		return v == 4 ? "IPv4" : v == 6 ? "IPv6" : NULL;
	default:
		return NULL;
	}
}

bool ir_protocol_parse(const char *text, uint8_t *out)
{
	for (unsigned p = 0; p < 256; p++) {
		const char *name = name_of(IR_PROTO, p);
		if (name && !strcmp(name, text)) {
			*out = (uint8_t)p;
			return true;
		}
	}
	return false;
}

static void print_flags(u128 v, struct buf *out)
{
	static const char *const flags[8] = {"fin", "syn", "rst", "psh",
					     "ack", "urg", "ece", "cwr"};
	bool first = true;
	for (int i = 0; i < 8; i++)
		if (v >> i & 1) {
			buf_printf(out, "%s%s", first ? "" : "+", flags[i]);
			first = false;
		}
	if (first)
		buf_adds(out, "none");
}

void ir_value_print(enum ir_dim dim, u128 v, struct buf *out)
{
	const char *name = name_of(dim, v);
	char time[32];
	switch ((int)dim) {
	case IR_SRC4:
	case IR_DST4:
	case IR_SRC6:
	case IR_DST6:
		print_address(ir_dim_info[dim].bits, v, out);
		return;
	case IR_SMAC:
	case IR_DMAC:
		print_mac(v, out);
		return;
	case IR_IN:
	case IR_OUT:
		print_interface(v, out);
		return;
	case IR_TCPFLAGS:
		print_flags(v, out);
		return;
	case IR_ICMP4:
	case IR_ICMP6:
		buf_printf(out, "%u:%u", (unsigned)v >> 8, (unsigned)v & 255);
		return;
	case IR_HOUR:
		buf_printf(out, "%02u:%02u:%02u", (unsigned)v / 3600, (unsigned)v / 60 % 60,
			   (unsigned)v % 60);
		return;
	case IR_MMDD:
		buf_printf(out, "%02u-%02u", (unsigned)v / 100, (unsigned)v % 100);
		return;
	case IR_TIME:
		if (v < (u128)253402300800) { // the year 10000
			ir_time_print((int64_t)v, time);
			buf_adds(out, time);
			return;
		}
		break;
	default:
		break;
	}
	if (name)
		buf_adds(out, name);
	else
		buf_printf(out, "%llu", (unsigned long long)v);
}
