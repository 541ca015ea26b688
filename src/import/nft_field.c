// SPDX-License-Identifier: Apache-2.0
// The table of fields, and what a field's name alone says about the packets that have it.
#include "import/nft_field.h"

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
