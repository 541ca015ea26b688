// SPDX-License-Identifier: Apache-2.0
// Reading of flags and of the configuration file.
//
// The idea: options.def is the only list of options; it makes the reader, the help and the defaults.
// What stands on the command line wins over the file, the file over the default.
#include "controller/config.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MOST 65536u

struct value {
	const char *file; // NULL: the command line
	unsigned line;
	const char *name, *text;
};

struct reader {
	struct diags *diags;
	VEC(struct value) value; // what wins comes first
};

static bool read_text(struct reader *r, const struct value *v, void *to)
{
	(void)r;
	*(const char **)to = v->text;
	return true;
}

static bool read_list(struct reader *r, const struct value *v, void *to)
{
	struct config_list *list = to;
	vec_push(r->diags->arena, &list->list, v->text);
	return true;
}

static bool read_number(struct reader *r, const struct value *v, void *to)
{
	char *end;
	unsigned long number = strtoul(v->text, &end, 10);
	if (*v->text >= '0' && *v->text <= '9' && !*end && number <= 1000000) {
		*(unsigned *)to = (unsigned)number;
		return true;
	}
	diag_add(r->diags,
		 &(struct diag){.code = DIAG_VALUE,
				.file = v->file,
				.line = v->line,
				.hint = "give a number up to 1000000"},
		 "'%s' cannot be the value of '%s'", v->text, v->name);
	return false;
}

static const struct option {
	const char *name, *argument, *preset, *help;
	size_t member;
	bool (*read)(struct reader *r, const struct value *v, void *to);
} options[] = {
#define X(name, argument, member, read, preset, help) \
	{name, argument, preset, help, offsetof(struct config, member), read},
#include "controller/options.def"
#undef X
};

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < array_len(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static bool unknown(struct reader *r, const struct value *v)
{
	diag_add(r->diags,
		 &(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
				.file = v->file,
				.line = v->line,
				.hint = "bulwarkd --help lists the options"},
		 "there is no option '%s'", v->name);
	return false;
}

// --- the file: NAME = VALUE, # begins a comment ---

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static bool read_line(struct reader *r, const char *file, unsigned number, char *line)
{
	line[strcspn(line, "#")] = '\0';
	line = trim(line);
	if (!*line)
		return true;
	char *equals = strchr(line, '=');
	struct value v = {.file = file, .line = number, .name = line};
	if (!equals) {
		diag_add(r->diags,
			 &(struct diag){.code = DIAG_SYNTAX,
					.file = file,
					.line = number,
					.hint = "write NAME = VALUE"},
			 "this line sets nothing");
		return false;
	}
	*equals = '\0';
	v.name = trim(line);
	v.text = trim(equals + 1);
	if (!find(v.name))
		return unknown(r, &v);
	vec_push(r->diags->arena, &r->value, v);
	return true;
}

static bool read_file(struct reader *r, const char *path)
{
	struct buf content;
	buf_init(&content);
	int rc = file_read(path, FILE_MOST, &content);
	bool ok = rc == 0;
	if (rc)
		diag_add(
			r->diags,
			&(struct diag){.code = DIAG_IO, .file = path, .hint = "is the name right?"},
			"cannot be read: %s", strerror(-rc));
	char *text = arena_strndup(r->diags->arena, content.data, content.len), *next;
	buf_fini(&content);
	for (unsigned number = 1; text; text = next, number++) {
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		ok = read_line(r, path, number, text) && ok;
	}
	return ok;
}

// --- the command line ---

static bool read_flag(struct reader *r, int argc, char **argv, int *at, const char **file_out)
{
	struct value v = {.name = argv[*at]};
	if (strncmp(v.name, "--", 2))
		return unknown(r, &v);
	v.name += 2;
	bool is_file = strcmp(v.name, "config") == 0;
	if (!is_file && !find(v.name))
		return unknown(r, &v);
	if (*at + 1 >= argc) {
		diag_error(r->diags, DIAG_MISSING, NULL, "bulwarkd --help says what it takes",
			   "--%s wants a value", v.name);
		return false;
	}
	v.text = argv[++*at];
	if (is_file)
		*file_out = v.text;
	else
		vec_push(r->diags->arena, &r->value, v);
	return true;
}

static bool read_flags(struct reader *r, int argc, char **argv, struct config *out)
{
	const char *file = NULL;
	bool ok = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			out->help = true;
		else if (strcmp(argv[i], "--version") == 0)
			out->version = true;
		else if (strcmp(argv[i], "--ssh-key") == 0)
			out->ssh_key = true;
		else
			ok = read_flag(r, argc, argv, &i, &file) && ok;
	}
	return ok && (!file || read_file(r, file));
}

// A list takes all its values of the first place that has any; of anything else the first counts.
static bool use(struct reader *r, const struct option *o, struct config *out)
{
	void *to = (char *)out + o->member;
	const struct value *first = NULL;
	for (size_t i = 0; i < r->value.len; i++) {
		const struct value *v = &r->value.at[i];
		if (strcmp(v->name, o->name) || (first && (first->file != v->file)))
			continue;
		if (first && o->read != read_list)
			break;
		first = v;
		if (!o->read(r, v, to))
			return false;
	}
	struct value preset = {.name = o->name, .text = o->preset};
	return first || !o->preset || o->read(r, &preset, to);
}

bool config_read(int argc, char **argv, struct diags *diags, struct config *out)
{
	struct reader r = {.diags = diags};
	*out = (struct config){0};
	bool ok = read_flags(&r, argc, argv, out);
	for (size_t i = 0; i < array_len(options); i++)
		ok = use(&r, &options[i], out) && ok;
	if (ok && !out->certificate != !out->key) {
		diag_error(diags, DIAG_MISSING, NULL, "give both or none",
			   "a certificate and its key belong together");
		ok = false;
	}
	return ok;
}

void config_help(struct buf *out)
{
	buf_adds(out, "Usage: bulwarkd [--config FILE] [OPTION VALUE]...\n"
		      "The Bulwark security controller.\n\n"
		      "  --config FILE\n      read options from a file, one NAME = VALUE a line\n");
	for (size_t i = 0; i < array_len(options); i++) {
		const struct option *o = &options[i];
		buf_printf(out, "  --%s %s\n      %s", o->name, o->argument, o->help);
		if (o->preset)
			buf_printf(out, " [%s]", o->preset);
		buf_addc(out, '\n');
	}
	buf_adds(out,
		 "  --ssh-key\n      print the public key by which NSFs know this controller over "
		 "SSH, and its fingerprint\n"
		 "  --help, --version\n\n"
		 "SIGHUP reads certificates and revocation lists again; SIGTERM ends in order.\n");
}
