// SPDX-License-Identifier: Apache-2.0
// Building frames byte by byte, so that no library's idea of a header stands between the test and the
// kernel.
#include "backend/nft/test_packet.h"
#include "backend/nft/test_net.h"
#include "base/buf.h"

#include <string.h>

static const uint8_t mark[8] = {0xb5, 'b', 'u', 'l', 'w', 'a', 'r', 'k'};

// --- writing ---

struct writer {
	uint8_t *at;
};

static void put8(struct writer *w, unsigned v)
{
	*w->at++ = (uint8_t)v;
}

static void put16(struct writer *w, unsigned v)
{
	put8(w, v >> 8);
	put8(w, v);
}

static void put32(struct writer *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

static void put_address(struct writer *w, uint8_t version, u128 address)
{
	for (int i = version == 4 ? 3 : 15; i >= 0; i--)
		put8(w, (unsigned)(address >> (8 * i)) & 0xff);
}

static void put_bytes(struct writer *w, const void *data, size_t len)
{
	memcpy(w->at, data, len);
	w->at += len;
}

static void put_zeros(struct writer *w, size_t len)
{
	memset(w->at, 0, len);
	w->at += len;
}

static void put_tail(struct writer *w, const struct test_packet *p)
{
	put_zeros(w, p->payload);
	put_bytes(w, mark, sizeof(mark));
	put32(w, p->id);
}

static void set16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

// --- checksums ---

static uint32_t sum(const uint8_t *data, size_t len, uint32_t s)
{
	for (size_t i = 0; i < len; i++)
		s += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	return s;
}

static uint16_t folded(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static uint16_t with_pseudo_header(const struct test_packet *p, const uint8_t *l4, size_t len)
{
	uint8_t pseudo[40];
	struct writer w = {pseudo};
	put_address(&w, p->version, p->src);
	put_address(&w, p->version, p->dst);
	put32(&w, (uint32_t)len);
	// Linux' connection tracking sums UDP-Lite with UDP's number and takes right checksums for wrong ones.
	put32(&w, p->proto == 136 ? 17 : p->proto);
	return folded(sum(l4, len, sum(pseudo, (size_t)(w.at - pseudo), 0)));
}

static uint32_t crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

// --- transport headers ---

static void put_tcp(struct writer *w, const struct test_packet *p)
{
	put16(w, p->sport);
	put16(w, p->dport);
	put32(w, p->seq);
	put32(w, p->ack);
	put8(w, (5u + p->tcp_options) << 4 | p->tcp_reserved);
	put8(w, p->tcp_flags);
	put16(w, p->window);
	put16(w, 0);
	put16(w, p->urgent);
	for (unsigned i = 0; i < p->tcp_options * 4u; i++)
		put8(w, 1); // no operation
	put_tail(w, p);
}

static void put_udp(struct writer *w, const struct test_packet *p)
{
	put16(w, p->sport);
	put16(w, p->dport);
	put16(w, p->proto == 136 ? 0 : 8u + p->payload + TEST_TAIL); // UDP-Lite: all is covered
	put16(w, 0);
	put_tail(w, p);
}

// One chunk that holds the rest.
static void put_sctp(struct writer *w, const struct test_packet *p)
{
	put16(w, p->sport);
	put16(w, p->dport);
	put32(w, p->vtag);
	put32(w, 0);
	put8(w, p->chunk);
	put8(w, 0);
	put16(w, 4u + 16 + p->payload + TEST_TAIL);
	put32(w, 0x01020304); // initiate tag
	put32(w, 0x00010000);
	put32(w, 0x00010001);
	put32(w, 1);
	put_tail(w, p);
}

// Long sequence numbers; a response has an acknowledgement before its service code.
static void put_dccp(struct writer *w, const struct test_packet *p)
{
	put16(w, p->sport);
	put16(w, p->dport);
	put8(w, p->dccp_offset);
	put8(w, 0);
	put16(w, 0);
	put8(w, (unsigned)p->dccp_type << 1 | 1);
	put_zeros(w, 7);
	if (p->dccp_type == 1)
		put_zeros(w, 8);
	if (p->dccp_type <= 1)
		put32(w, p->service);
	put_tail(w, p);
}

static bool is_icmp(const struct test_packet *p)
{
	return p->proto == (p->version == 4 ? 1 : 58);
}

static void put_icmp(struct writer *w, const struct test_packet *p)
{
	put8(w, p->type);
	put8(w, p->code);
	put16(w, 0);
	put16(w, p->inner ? 0 : p->echo_id);
	put16(w, 0);
	if (p->inner)
		put_bytes(w, p->inner, p->inner_len);
	put_tail(w, p);
}

static void put_transport(struct writer *w, const struct test_packet *p)
{
	if (p->fragment)
		put_tail(w, p);
	else if (p->proto == 6)
		put_tcp(w, p);
	else if (p->proto == 17 || p->proto == 136)
		put_udp(w, p);
	else if (p->proto == 132)
		put_sctp(w, p);
	else if (p->proto == 33)
		put_dccp(w, p);
	else if (is_icmp(p))
		put_icmp(w, p);
	else
		put_tail(w, p);
}

static void set_checksum(const struct test_packet *p, uint8_t *l4, size_t len)
{
	if (p->fragment)
		return;
	unsigned wrong = p->bad_checksum ? 0x5555 : 0;
	if (p->proto == 6)
		set16(l4 + 16, with_pseudo_header(p, l4, len) ^ wrong);
	else if (p->proto == 17 || p->proto == 136) {
		// Zero would mean that there is none, which is no fault.
		unsigned right = with_pseudo_header(p, l4, len);
		unsigned sent = (right ? right : 0xffff) ^ wrong;
		set16(l4 + 6, sent ? sent : 0xaaaa);
	} else if (p->proto == 33)
		set16(l4 + 6, with_pseudo_header(p, l4, len) ^ wrong);
	else if (p->proto == 58 && is_icmp(p))
		set16(l4 + 2, with_pseudo_header(p, l4, len) ^ wrong);
	else if (is_icmp(p))
		set16(l4 + 2, folded(sum(l4, len, 0)) ^ wrong);
	else if (p->proto == 132) {
		uint32_t crc = crc32c(l4, len) ^ wrong; // little-endian on the wire
		for (int i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(crc >> (8 * i));
	}
}

// --- network headers ---

static void put_ip4(struct writer *w, const struct test_packet *p, size_t len)
{
	uint8_t *start = w->at;
	put8(w, 0x40u | (5u + p->ip_options));
	put8(w, (unsigned)p->dscp << 2 | p->ecn);
	put16(w, (unsigned)(20 + p->ip_options * 4u + len));
	put16(w, p->ip_id);
	put16(w, (unsigned)p->ip_flags << 13 | p->fragment);
	put8(w, p->ttl);
	put8(w, p->proto);
	put16(w, 0);
	put_address(w, 4, p->src);
	put_address(w, 4, p->dst);
	for (unsigned i = 0; i < p->ip_options * 4u; i++)
		put8(w, 1); // no operation
	set16(start + 10, folded(sum(start, (size_t)(w->at - start), 0)));
}

static void put_ip6(struct writer *w, const struct test_packet *p, size_t len)
{
	unsigned traffic_class = (unsigned)p->dscp << 2 | p->ecn;
	put32(w, 6u << 28 | traffic_class << 20 | p->flow_label);
	uint8_t inner = p->fragment ? 44 : p->proto;
	put16(w, (unsigned)len + (p->extension ? 8 : 0) + (p->fragment ? 8 : 0));
	put8(w, p->extension ? 60 : inner);
	put8(w, p->ttl);
	put_address(w, 6, p->src);
	put_address(w, 6, p->dst);
	if (p->extension) {
		put8(w, inner);
		put8(w, 0);
		put16(w, 0x0104); // padding
		put32(w, 0);
	}
	if (p->fragment) {
		put8(w, p->proto);
		put8(w, 0);
		put16(w, (unsigned)p->fragment << 3 | 1);
		put32(w, p->id);
	}
}

size_t test_packet_frame(const struct test_packet *p, uint8_t frame[static TEST_FRAME_MOST])
{
	uint8_t l4[TEST_FRAME_MOST];
	struct writer body = {l4}, w = {frame};
	put_transport(&body, p);
	size_t len = (size_t)(body.at - l4);
	set_checksum(p, l4, len);
	len = p->cut && p->left < len ? p->left : len;
	put_bytes(&w, test_mac_nsf[p->from_b], 6);
	put_bytes(&w, p->smac, 6);
	put16(&w, p->version == 4 ? 0x0800 : 0x86dd);
	if (p->version == 4)
		put_ip4(&w, p, len);
	else
		put_ip6(&w, p, len);
	put_bytes(&w, l4, len);
	return (size_t)(w.at - frame);
}

// --- dimensions ---

static u128 number(const uint8_t *bytes, size_t len)
{
	u128 v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | bytes[i];
	return v;
}

static u128 name(const char *text)
{
	uint8_t bytes[16] = {0};
	memcpy(bytes, text, strlen(text));
	return number(bytes, 16);
}

static void set_ip4(const struct test_packet *p, size_t len, struct ir_packet *out)
{
	ir_packet_set(out, IR_SRC4, p->src);
	ir_packet_set(out, IR_DST4, p->dst);
	ir_packet_set(out, IR_LENGTH, len);
	ir_packet_set(out, IR_IHL, 5u + p->ip_options);
	ir_packet_set(out, IR_IPFLAGS, p->ip_flags);
	ir_packet_set(out, IR_FRAGOFF, p->fragment);
	ir_packet_set(out, IR_IPID, p->ip_id);
}

static void set_tcp(const struct test_packet *p, struct ir_packet *out)
{
	ir_packet_set(out, IR_TCPFLAGS, p->tcp_flags);
	ir_packet_set(out, IR_TCPSEQ, p->seq);
	ir_packet_set(out, IR_TCPACK, p->ack);
	ir_packet_set(out, IR_TCPOFFSET, 5u + p->tcp_options);
	ir_packet_set(out, IR_TCPRESERVED, p->tcp_reserved);
	ir_packet_set(out, IR_TCPWINDOW, p->window);
	ir_packet_set(out, IR_TCPURGENT, p->urgent);
}

static void set_transport(const struct test_packet *p, struct ir_packet *out)
{
	bool ports = p->proto == 6 || p->proto == 17 || p->proto == 33 || p->proto == 132 ||
		     p->proto == 136;
	if (ports) {
		ir_packet_set(out, IR_SPORT, p->sport);
		ir_packet_set(out, IR_DPORT, p->dport);
	}
	if (is_icmp(p))
		ir_packet_set(out, p->version == 4 ? IR_ICMP4 : IR_ICMP6, p->type * 256u + p->code);
	if (p->proto == 6)
		set_tcp(p, out);
	if (p->proto == 17)
		ir_packet_set(out, IR_UDPLEN, 8u + p->payload + TEST_TAIL);
	if (p->proto == 136)
		ir_packet_set(out, IR_UDPLEN, 0);
	if (p->proto == 132)
		ir_packet_set(out, IR_SCTPCHUNK, p->chunk);
	if (p->proto == 33) {
		ir_packet_set(out, IR_DCCPTYPE, p->dccp_type);
		ir_packet_set(out, IR_DCCPOFFSET, p->dccp_offset);
	}
	if (p->proto == 33 && p->dccp_type <= 1)
		ir_packet_set(out, IR_DCCPSERVICE, p->service);
}

// What is not whole is not there, of ports both or none.
static void cut_transport(const struct test_packet *p, struct ir_packet *out)
{
	const struct {
		enum ir_dim dim;
		unsigned end;
	} last[] = {{IR_SPORT, 4},        {IR_DPORT, 4},
		    {IR_ICMP4, 4},        {IR_ICMP6, 4},
		    {IR_TCPFLAGS, 14},    {IR_TCPSEQ, 8},
		    {IR_TCPACK, 12},      {IR_TCPOFFSET, 13},
		    {IR_TCPRESERVED, 13}, {IR_TCPWINDOW, 16},
		    {IR_TCPURGENT, 20},   {IR_UDPLEN, 6},
		    {IR_SCTPCHUNK, 13},   {IR_DCCPTYPE, 9},
		    {IR_DCCPOFFSET, 5},   {IR_DCCPSERVICE, p->dccp_type ? 28 : 20}};
	for (size_t i = 0; p->cut && i < array_len(last); i++)
		if (p->left < last[i].end)
			out->has &= ~((uint64_t)1 << last[i].dim);
}

void test_packet_dims(const struct test_packet *p, struct ir_packet *out)
{
	uint8_t frame[TEST_FRAME_MOST];
	size_t ip_len = test_packet_frame(p, frame) - 14;
	*out = (struct ir_packet){0};
	ir_packet_set(out, IR_FAMILY, p->version);
	ir_packet_set(out, IR_PROTO, p->proto);
	ir_packet_set(out, IR_IN, name(test_interface[p->from_b]));
	ir_packet_set(out, IR_OUT, name(test_interface[!p->from_b]));
	ir_packet_set(out, IR_ETHERTYPE, p->version == 4 ? 0x0800 : 0x86dd);
	ir_packet_set(out, IR_SMAC, number(p->smac, 6));
	ir_packet_set(out, IR_DMAC, number(test_mac_nsf[p->from_b], 6));
	ir_packet_set(out, IR_DSCP, p->dscp);
	ir_packet_set(out, IR_ECN, p->ecn);
	ir_packet_set(out, IR_TTL, p->ttl);
	if (p->version == 4) {
		set_ip4(p, ip_len, out);
	} else {
		ir_packet_set(out, IR_SRC6, p->src);
		ir_packet_set(out, IR_DST6, p->dst);
		ir_packet_set(out, IR_LENGTH, ip_len - 40);
		ir_packet_set(out, IR_FLOWLABEL, p->flow_label);
	}
	if (!p->fragment)
		set_transport(p, out);
	cut_transport(p, out);
}

void test_packet_tuple(const struct ir_packet *packet, struct ir_packet *out)
{
	bool portless = packet->value[IR_PROTO] == 33; // not tracked by ports
	*out = (struct ir_packet){.time = packet->time};
	for (unsigned d = 0; d < IR_DIMS; d++) {
		bool port = d == IR_SPORT || d == IR_DPORT;
		if (ir_dim_info[d].kind == IR_KIND_TUPLE && packet->has >> d & 1 &&
		    !(port && portless))
			ir_packet_set(out, d, packet->value[d]);
	}
}

// --- recognising ---

bool test_frame_id(const uint8_t *frame, size_t len, uint32_t *out)
{
	if (len < 14 + TEST_TAIL)
		return false;
	const uint8_t *tail = frame + len - TEST_TAIL;
	*out = (uint32_t)number(tail + sizeof(mark), 4);
	return !memcmp(tail, mark, sizeof(mark));
}

bool test_frame_inner_id(const uint8_t *frame, size_t len, uint32_t *out)
{
	const uint8_t *at =
		len > 34 + TEST_TAIL ? memmem(frame + 34, len - 34, mark, sizeof(mark)) : NULL;
	if (!at || at + TEST_TAIL > frame + len)
		return false;
	*out = (uint32_t)number(at + sizeof(mark), 4);
	return true;
}

void test_packet_print(const struct test_packet *p, struct buf *out)
{
	struct ir_packet dims;
	test_packet_dims(p, &dims);
	buf_printf(out, "from %s%s%s:", p->from_b ? "b" : "a",
		   p->bad_checksum ? " bad-checksum" : "", p->inner ? " about-another-packet" : "");
	for (unsigned d = 0; d < IR_DIMS; d++)
		if (dims.has >> d & 1) {
			buf_printf(out, " %s=", ir_dim_info[d].key);
			ir_value_print(d, dims.value[d], out);
		}
}
