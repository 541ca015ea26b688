// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/put.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

void nft_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htobe32(value));
}

void nft_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t value)
{
	mnl_attr_put_u64(nlh, type, htobe64(value));
}

void nft_put_data(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

// The low `len` bytes, most significant first.
void nft_to_bytes(u128 value, size_t len, uint8_t out[static 16])
{
	for (size_t i = len; i-- > 0; value >>= 8)
		out[i] = (uint8_t)value;
}

void nft_put_number(struct nlmsghdr *nlh, uint16_t type, u128 value, size_t len)
{
	uint8_t bytes[16];
	nft_to_bytes(value, len, bytes);
	nft_put_data(nlh, type, bytes, len);
}

void nft_put_verdict_data(struct nlmsghdr *nlh, uint16_t type, uint32_t code, const char *chain)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, type);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	nft_put_u32(nlh, NFTA_VERDICT_CODE, code);
	if (chain)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}
