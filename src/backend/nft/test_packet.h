// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder: packets as their fields, as frames on the wire, and as packets of the
// IR. Every frame ends with a number by which it is recognised.
#pragma once

#include "ir/test.h"

struct buf;

#define TEST_TAIL 12 // bytes of the mark and the number at the end
#define TEST_FRAME_MOST 2048

struct test_packet {
	uint32_t id;
	bool from_b; // which way it goes
	uint8_t version;
	u128 src, dst;
	uint8_t proto; // of the transport header
	uint16_t sport, dport;
	uint8_t type, code; // ICMP
	uint16_t echo_id;
	uint8_t tcp_flags, tcp_reserved;
	uint16_t window, urgent;
	uint32_t seq, ack;
	uint8_t tcp_options; // words
	uint8_t chunk;       // SCTP
	uint32_t vtag;
	uint8_t dccp_type, dccp_offset;
	uint32_t service;
	uint8_t dscp, ecn, ttl, ip_options; // options: words, IPv4
	uint16_t ip_id, fragment;           // offset in units of 8 bytes
	uint8_t ip_flags;
	uint32_t flow_label;
	bool extension; // IPv6: destination options before the transport header
	uint8_t smac[6];
	uint16_t payload; // bytes before the tail
	bool bad_checksum;
	bool cut; // `left` bytes are behind the IP header, and no number at the end
	uint8_t left;
	const uint8_t *inner; // an ICMP error: the packet that it is about, from its IP header on
	uint16_t inner_len;
};

// Returns the frame's length.
size_t test_packet_frame(const struct test_packet *packet,
			 uint8_t frame[static TEST_FRAME_MOST]) must_check;
// The frame's dimensions: what ir_eval reads of it. Connection state, flow and time are the caller's.
void test_packet_dims(const struct test_packet *packet, struct ir_packet *out);
// What connection tracking would make of it as the first packet of a flow: TUPLE dimensions only.
void test_packet_tuple(const struct ir_packet *packet, struct ir_packet *out);
// The number at the end of the IP packet; false when it is none of ours.
bool test_frame_id(const uint8_t *frame, size_t len, uint32_t *out) must_check;
// Looks for the number anywhere in the frame: an ICMP error holds the packet that it is about.
bool test_frame_inner_id(const uint8_t *frame, size_t len, uint32_t *out) must_check;
void test_packet_print(const struct test_packet *packet, struct buf *out);
