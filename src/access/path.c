// SPDX-License-Identifier: Apache-2.0
// The paths of rules (RFC 8341 section 3.5.2, typedef node-instance-identifier): an instance-identifier in which keys may
// be left out and $USER stands for the user's name.
//
// The idea: a path is understood once, against the modules, and is then a kind of node and some keys to compare. Text
// comes in its canonical form, with names of modules as prefixes (RFC 7951 section 6.11).
// It knows no positions ("[3]"): they are refused.
#include "access/internal.h"

#include "schema/schema.h"

#include <string.h>

#define PATH_DEPTH_MOST 64u

struct reader {
	const struct schema *schema;
	struct arena *arena;
	const char *at;
	const char *module; // of the step before
	const struct schema_kind *kind;
	const char *fault;
};

static bool fail(struct reader *r, const char *fault)
{
	r->fault = fault;
	return false;
}

static void skip_space(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static const char *read_name(struct reader *r)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	skip_space(r);
	size_t len = strspn(r->at, letters);
	const char *name = arena_strndup(r->arena, r->at, len);
	r->at += len;
	return name;
}

// "module:name", or a name of the module that was named last.
static const struct schema_kind *read_kind(struct reader *r)
{
	const char *name = read_name(r);
	const char *module = r->module;
	if (*r->at == ':') {
		r->at++;
		module = name;
		name = read_name(r);
	}
	if (!module) {
		r->fault = "the first name of the path has no module before it";
		return NULL;
	}
	const struct schema_kind *kind = schema_kind_find(r->schema, r->kind, module, name);
	if (!kind || schema_kind_class(kind) >= SCHEMA_RPC) {
		r->fault = arena_printf(r->arena, "there is no data node %s:%s here", module, name);
		return NULL;
	}
	r->module = module;
	return kind;
}

static bool read_value(struct reader *r, const char **out)
{
	skip_space(r);
	if (strncmp(r->at, "$USER", 5) == 0) {
		r->at += 5;
		*out = NULL;
		return true;
	}
	char quote = *r->at;
	const char *end = quote == '\'' || quote == '"' ? strchr(r->at + 1, quote) : NULL;
	if (!end)
		return fail(r, "a key is compared with a text in quotes or with $USER");
	*out = arena_strndup(r->arena, r->at + 1, (size_t)(end - r->at - 1));
	r->at = end + 1;
	return true;
}

static bool read_key(struct reader *r, struct access_key *key)
{
	const char *module = r->module;
	skip_space(r);
	*key = (struct access_key){0};
	if (*r->at >= '0' && *r->at <= '9')
		return fail(r, "inside of brackets stands KEY='VALUE', not a position");
	if (r->at[0] == '.' && strspn(r->at + 1, " =\t\r\n")) {
		r->at++;
	} else {
		key->kind = read_kind(r);
		r->module = module;
		if (!key->kind)
			return false;
	}
	if (!take(r, '='))
		return fail(r, "inside of brackets stands KEY='VALUE'");
	return read_value(r, &key->value) && (take(r, ']') || fail(r, "a bracket is not closed"));
}

static bool read_keys(struct reader *r, struct access_path *path)
{
	struct access_test test = {.at = r->kind};
	while (take(r, '[')) {
		struct access_key key;
		if (!read_key(r, &key))
			return false;
		vec_push(r->arena, &test.key, key);
	}
	if (test.key.len)
		vec_push(r->arena, &path->test, test);
	return true;
}

static bool read_step(struct reader *r, struct access_path *path)
{
	if (!take(r, '/'))
		return fail(r, "a path is made of steps that begin with a slash");
	const struct schema_kind *kind = read_kind(r);
	if (!kind)
		return false;
	r->kind = kind;
	return read_keys(r, path);
}

bool access_path_parse(const struct schema *schema, const char *text, struct arena *arena,
		       struct access_path *out, const char **fault_out)
{
	struct reader r = {.schema = schema, .arena = arena, .at = text};
	struct access_path path = {0};
	skip_space(&r);
	// "/" is all of the datastores.
	bool good = true, all = r.at[0] == '/' && !r.at[1 + strspn(r.at + 1, " \t\r\n")];
	for (unsigned depth = 0; good && !all && (*r.at || !depth); depth++) {
		good = depth < PATH_DEPTH_MOST ? read_step(&r, &path)
					       : fail(&r, "the path has too many steps");
		skip_space(&r);
	}
	path.kind = r.kind;
	if (good)
		*out = path;
	else
		*fault_out = r.fault;
	return good;
}
