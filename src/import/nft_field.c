// SPDX-License-Identifier: Apache-2.0
// The table of fields, and what a field's name alone says about the packets that have it.
#include "import/nft_field.h"

#include <stdio.h>
#include <string.h>

static const struct nft_field fields[] = {
#define X(name, type, bits, how, dim, version, protocol) \
	{name, type, bits, how, dim, version, protocol},
#include "import/nft_field.def"
#undef X
};

const struct nft_field *nft_field_find(const char *name)
{
	for (size_t i = 0; i < array_len(fields); i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

struct nft_implied nft_field_implies(const char *name)
{
	static const struct {
		const char *header;
		struct nft_implied implied;
	} headers[] = {
		{"ip ", {4, 0}},        {"ip6 ", {6, 0}},    {"tcp ", {0, 6}},   {"udp ", {0, 17}},
		{"udplite ", {0, 136}}, {"sctp ", {0, 132}}, {"dccp ", {0, 33}}, {"icmp ", {4, 1}},
		{"icmpv6 ", {6, 58}},   {"igmp ", {0, 2}},   {"ah ", {0, 51}},   {"esp ", {0, 50}},
		{"comp ", {0, 108}},    {"frag ", {6, 0}},   {"hbh ", {6, 0}},   {"dst ", {6, 0}},
		{"mh ", {6, 0}},        {"srh ", {6, 0}},    {"exthdr ", {6, 0}}};
	for (size_t i = 0; i < array_len(headers); i++)
		if (!strncmp(name, headers[i].header, strlen(headers[i].header)))
			return headers[i].implied;
	return (struct nft_implied){0, 0};
}

// --- places in packets ---

struct place {
	char base[3];
	unsigned offset, bits;
};

static bool read_place(const char *text, struct place *out)
{
	int end = 0;
	return sscanf(text, "@%2[a-z],%4u,%3u%n", out->base, &out->offset, &out->bits, &end) == 3 &&
	       !text[end] && out->bits > 0 && out->bits <= 64;
}

unsigned nft_place_bits(const char *text)
{
	struct place place;
	return read_place(text, &place) ? place.bits : 0;
}

// The bits that a mask leaves, if they stand together.
static bool narrow_place(struct place *place, u128 mask, unsigned *shift)
{
	unsigned low = 0, len = 0;
	while (low < place->bits && !(mask >> low & 1))
		low++;
	while (low + len < place->bits && mask >> (low + len) & 1)
		len++;
	*shift = low;
	place->offset += place->bits - low - len;
	place->bits = len;
	return len && !(mask >> low >> len);
}

static bool only_protocol(struct ir_protocols protocols, unsigned protocol)
{
	for (unsigned word = 0; word < 4; word++) {
		uint64_t is = word == protocol / 64 ? (uint64_t)1 << protocol % 64 : 0;
		if (protocols.bit[word] != is)
			return false;
	}
	return true;
}

const struct nft_field *nft_place_find(const char *text, u128 mask, unsigned versions,
				       struct ir_protocols protocols, unsigned *shift)
{
	static const struct {
		const char *base;
		unsigned offset, bits, version, protocol;
		const char *field;
	} places[] = {
#define X(base, offset, bits, version, protocol, field) \
	{base, offset, bits, version, protocol, field},
#include "import/nft_places.def"
#undef X
	};
	struct place place;
	if (!read_place(text, &place) || !narrow_place(&place, mask, shift))
		return NULL;
	for (size_t i = 0; i < array_len(places); i++) {
		bool there = !strcmp(places[i].base, place.base) &&
			     places[i].offset == place.offset && places[i].bits == place.bits;
		unsigned version = places[i].version == 4 ? 1 : places[i].version == 6 ? 2 : 3;
		if (there && (version == 3 || versions == version) &&
		    (!places[i].protocol || only_protocol(protocols, places[i].protocol)))
			return nft_field_find(places[i].field);
	}
	return NULL;
}
