// SPDX-License-Identifier: Apache-2.0
// Instance paths taken apart, and what goes around an edit.
//
// The idea: the body of a RESTCONF request is a node without its ancestors. Written back into them it
// is an ordinary edit document, so that everything below is schema_edit's.
#include "north/internal.h"

#include <string.h>

// "[name='value']" or with double quotes; `*p` is behind it afterwards.
static bool read_key(const char **p, struct arena *arena, struct path_step *step)
{
	const char *name = *p + 1, *equals = strchr(name, '=');
	if (!equals || (equals[1] != '\'' && equals[1] != '"'))
		return false;
	const char *value = equals + 2, *end = strchr(value, equals[1]);
	if (!end || end[1] != ']')
		return false;
	const char *colon = memchr(name, ':', (size_t)(equals - name));
	name = colon ? colon + 1 : name;
	vec_push(arena, &step->key,
		 (struct path_key){.name = arena_strndup(arena, name, (size_t)(equals - name)),
				   .value = arena_strndup(arena, value, (size_t)(end - value))});
	*p = end + 2;
	return true;
}

bool path_parse(const char *instance, struct arena *arena, struct path *out)
{
	*out = (struct path){.text = arena_strdup(arena, instance)};
	const char *module = NULL;
	for (const char *p = instance; *p;) {
		if (*p++ != '/')
			return false;
		size_t len = strcspn(p, "/[");
		const char *colon = memchr(p, ':', len);
		if (colon)
			module = arena_strndup(arena, p, (size_t)(colon - p));
		const char *name = colon ? colon + 1 : p;
		struct path_step step = {
			.module = module,
			.name = arena_strndup(arena, name, len - (size_t)(name - p))};
		p += len;
		while (*p == '[')
			if (!read_key(&p, arena, &step))
				return false;
		if (!module || !*step.name)
			return false;
		vec_push(arena, &out->step, step);
	}
	return out->step.len > 0;
}

// Whether the step's module must be written: it is the first, or another than above.
static bool is_new_module(const struct path *path, size_t i)
{
	return !i || strcmp(path->step.at[i].module, path->step.at[i - 1].module) != 0;
}

const char *path_prefix(const struct path *path, size_t n, struct arena *arena)
{
	const char *p = path->text;
	char quote = '\0';
	for (size_t slashes = 0; *p; p++) {
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == '/' && slashes++ == n)
			break;
	}
	return arena_strndup(arena, path->text, (size_t)(p - path->text));
}

static void encode(const char *text, struct buf *out)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	for (const char *p = text; *p; p++) {
		if (strchr(plain, *p))
			buf_addc(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}

const char *path_uri(const struct path *path, struct arena *arena)
{
	struct buf out;
	buf_init(&out);
	for (size_t i = 0; i < path->step.len; i++) {
		const struct path_step *s = &path->step.at[i];
		buf_addc(&out, '/');
		if (is_new_module(path, i))
			buf_printf(&out, "%s:", s->module);
		buf_adds(&out, s->name);
		for (size_t k = 0; k < s->key.len; k++) {
			buf_addc(&out, k ? ',' : '=');
			encode(s->key.at[k].value, &out);
		}
	}
	const char *text = arena_strdup(arena, out.data);
	buf_fini(&out);
	return text;
}

static void wrap_xml(const struct path_wrap *w, struct workspace *workspace, struct buf *out)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct path_step *s = &w->path->step.at[i];
		const char *uri = is_new_module(w->path, i)
					  ? workspace_namespace(workspace, s->module)
					  : NULL;
		buf_printf(out, "<%s", s->name);
		if (uri)
			buf_printf(out, " xmlns=\"%s\"", uri);
		buf_addc(out, '>');
		for (size_t k = 0; k < s->key.len; k++) {
			buf_printf(out, "<%s>", s->key.at[k].name);
			buf_add_xml(out, s->key.at[k].value);
			buf_printf(out, "</%s>", s->key.at[k].name);
		}
	}
	buf_add(out, w->content, w->len);
	for (size_t i = w->n; i; i--)
		buf_printf(out, "</%s>", w->path->step.at[i - 1].name);
}

static void json_value(const char *value, bool bare, struct buf *out)
{
	bool number = *value && strlen(value) < 20 &&
		      strspn(value, "0123456789") == strlen(value) && (*value != '0' || !value[1]);
	if (bare && number) {
		buf_adds(out, value);
		return;
	}
	buf_addc(out, '"');
	for (const char *p = value; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(out, '\\');
		if ((unsigned char)*p < 0x20)
			buf_printf(out, "\\u%04x", *p);
		else
			buf_addc(out, *p);
	}
	buf_addc(out, '"');
}

static void wrap_json(const struct path_wrap *w, struct buf *out)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < w->n; i++) {
		const struct path_step *s = &w->path->step.at[i];
		buf_addc(out, '"');
		if (is_new_module(w->path, i))
			buf_printf(out, "%s:", s->module);
		buf_printf(out, "%s\":%s{", s->name, s->key.len ? "[" : "");
		for (size_t k = 0; k < s->key.len; k++) {
			buf_printf(out, "\"%s\":", s->key.at[k].name);
			json_value(s->key.at[k].value, w->bare_numbers, out);
			if (k + 1 < s->key.len || w->len)
				buf_addc(out, ',');
		}
	}
	buf_add(out, w->content, w->len);
	for (size_t i = w->n; i; i--)
		buf_adds(out, w->path->step.at[i - 1].key.len ? "}]" : "}");
	buf_addc(out, '}');
}

void path_wrap(const struct path_wrap *wrap, struct workspace *workspace, struct buf *out)
{
	if (wrap->format == SCHEMA_XML)
		wrap_xml(wrap, workspace, out);
	else
		wrap_json(wrap, out);
}
