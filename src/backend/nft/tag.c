// SPDX-License-Identifier: Apache-2.0
// The user data of kernel rules, both ways: whose they are. It names, it never means.
#include "backend/nft/decode.h"
#include "backend/nft/encode.h"
#include "base/wire.h"

#include <string.h>

struct nft_tag nft_tag_helper(void)
{
	return (struct nft_tag){.known = true, .rule = NFT_TAG_HELPER};
}

void nft_tag_comment(const struct nft_tag *tag, struct buf *out)
{
	size_t before = out->len,
	       policy = tag->policy ? strnlen(tag->policy, NFT_COMMENT_MOST / 2) : 0;
	if (policy)
		buf_printf(out, "%.*s/", (int)policy, tag->policy);
	if (tag->name)
		buf_printf(out, "%.*s", (int)(NFT_COMMENT_MOST - (out->len - before)), tag->name);
	// nft(8) writes comments between quotes and does not escape what is inside.
	for (size_t i = before; i < out->len; i++)
		if (out->data[i] == '"')
			out->data[i] = '\'';
}

void nft_tag_bytes(const struct nft_tag *tag, struct buf *out)
{
	if (!tag->known)
		return;
	struct buf comment;
	buf_init(&comment);
	size_t policy = tag->policy ? strnlen(tag->policy, NFT_COMMENT_MOST / 2) : 0;
	nft_tag_comment(tag, &comment);
	if (comment.len) {
		wire_put_u8(out, NFT_UDATA_COMMENT);
		wire_put_u8(out, (uint8_t)(comment.len + 1));
		buf_add(out, comment.data, comment.len + 1);
	}
	wire_put_u8(out, NFT_UDATA_TAG);
	wire_put_u8(out, NFT_UDATA_TAG_BYTES);
	wire_put_u8(out, 1);
	wire_put_u32(out, tag->rule);
	wire_put_u32(out, tag->clause);
	wire_put_u8(out, tag->counts);
	wire_put_u8(out, (uint8_t)policy);
	buf_fini(&comment);
}

void nft_decode_tag(struct arena *arena, const void *data, size_t len, struct nft_tag *tag)
{
	struct wire_reader in = wire_reader(data, len);
	const char *comment = NULL;
	size_t policy = 0;
	*tag = (struct nft_tag){0};
	while (!in.bad && in.at < in.end) {
		uint8_t type = wire_u8(&in), bytes = wire_u8(&in);
		if (in.bad || (size_t)(in.end - in.at) < bytes)
			break;
		struct wire_reader value = wire_reader(in.at, bytes);
		if (type == NFT_UDATA_COMMENT)
			comment = arena_strndup(arena, (const char *)in.at, bytes);
		if (type == NFT_UDATA_TAG && bytes == NFT_UDATA_TAG_BYTES && wire_u8(&value) == 1) {
			tag->known = true;
			tag->rule = wire_u32(&value);
			tag->clause = wire_u32(&value);
			tag->counts = wire_u8(&value);
			policy = wire_u8(&value);
		}
		in.at += bytes;
	}
	bool split = comment && policy && strlen(comment) > policy && comment[policy] == '/';
	tag->policy = split ? arena_strndup(arena, comment, policy) : NULL;
	tag->name = split ? comment + policy + 1 : comment;
}
