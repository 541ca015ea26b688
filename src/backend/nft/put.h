// SPDX-License-Identifier: Apache-2.0
// Attributes of nf_tables messages: numbers stand in network order, data in nests of its own.
#pragma once

#include "base/base.h"

struct nlmsghdr;

void nft_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t value);
void nft_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t value);
void nft_put_data(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len);
// The low `len` bytes, most significant first.
void nft_to_bytes(u128 value, size_t len, uint8_t out[static 16]);
void nft_put_number(struct nlmsghdr *nlh, uint16_t type, u128 value, size_t len);
// `chain` NULL: a verdict that leads to none.
void nft_put_verdict_data(struct nlmsghdr *nlh, uint16_t type, uint32_t code, const char *chain);
