// SPDX-License-Identifier: Apache-2.0
// Instance paths on the wire. One scanner over the pieces of a path: literals, names with or without prefix, marks between.
#include "proto/netconf/path.h"
#include "base/buf.h"
#include "base/map.h"

#include <string.h>

enum piece_kind { PIECE_END, PIECE_MARK, PIECE_LITERAL, PIECE_NAME, PIECE_PREFIX };

struct piece {
	enum piece_kind kind;
	const char *at;
	size_t len; // of a prefix: without the colon
};

static struct piece next_piece(const char *at)
{
	if (!*at)
		return (struct piece){PIECE_END, at, 0};
	if (*at == '\'' || *at == '"') {
		const char *end = strchr(at + 1, *at);
		return (struct piece){PIECE_LITERAL, at, end ? (size_t)(end + 1 - at) : strlen(at)};
	}
	size_t len = strcspn(at, "/[]=:@.'\" ");
	// A name may have dots inside, but does not begin with one.
	while (len && at[len] == '.')
		len += 1 + strcspn(at + len + 1, "/[]=:@.'\" ");
	if (!len)
		return (struct piece){PIECE_MARK, at, 1};
	return (struct piece){at[len] == ':' ? PIECE_PREFIX : PIECE_NAME, at, len};
}

static bool same(const struct piece *a, const struct piece *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

// A number in brackets, or an attribute: neither has a prefix.
static bool is_bare(const char *path, const struct piece *name)
{
	char before = name->at > path ? name->at[-1] : '\0';
	return before == '@' || (before == '[' && strspn(name->at, "0123456789") == name->len);
}

// Text of the path, escaped.
static void add_text(const char *at, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++)
		buf_add_xml(out, (char[]){at[i], '\0'});
}

void netconf_path_declare(const char *path, const struct map *namespaces, struct buf *out)
{
	struct arena arena cleanup(arena_fini);
	arena_init(&arena);
	struct map declared = {.arena = &arena};
	const char *at = path;
	for (struct piece p; (p = next_piece(at)).kind != PIECE_END; at = p.at + p.len) {
		char *module = p.kind == PIECE_PREFIX ? arena_strndup(&arena, p.at, p.len) : NULL;
		const char *uri = module ? map_get(namespaces, module) : NULL;
		if (!uri || map_put(&declared, module, module))
			continue;
		buf_printf(out, " xmlns:%s=\"", module);
		buf_add_xml(out, uri);
		buf_addc(out, '"');
	}
}

void netconf_path_print(const char *path, struct buf *out)
{
	struct piece module = {0};
	const char *at = path;
	for (struct piece p; (p = next_piece(at)).kind != PIECE_END; at = p.at + p.len) {
		bool has_prefix = p.at > path && p.at[-1] == ':';
		if (p.kind == PIECE_PREFIX)
			module = p;
		else if (p.kind == PIECE_NAME && module.len && !has_prefix && !is_bare(path, &p))
			buf_printf(out, "%.*s:", (int)module.len, module.at);
		add_text(p.at, p.len, out);
	}
}

const char *netconf_path_read(struct arena *arena, const char *text)
{
	struct piece module = {0};
	const char *at = text;
	struct buf out cleanup(buf_fini);
	buf_init(&out);
	for (struct piece p; (p = next_piece(at)).kind != PIECE_END; at = p.at + p.len) {
		if (p.kind == PIECE_PREFIX && module.len && same(&p, &module)) {
			p.len++; // the colon, too
			continue;
		}
		if (p.kind == PIECE_PREFIX)
			module = p;
		buf_add(&out, p.at, p.len);
	}
	return arena_strndup(arena, out.data, out.len);
}
