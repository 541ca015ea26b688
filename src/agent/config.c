// SPDX-License-Identifier: Apache-2.0
// Reading bulwark-nsf.conf. The one idea: options.def is the only list of keys; it makes the reader and the manual.
#include "agent/config.h"

#include "base/buf.h"
#include "base/file.h"
#include "io/net.h"
#include "pki/pki.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MOST = 65536 };

struct reader {
	const char *dir, *file;
	unsigned line; // 0: a default
	struct diags *diags;
	struct agent_config config;
};

struct number {
	const char *key;
	uint32_t least, most, *to;
};

static bool wrong(struct reader *r, const char *hint, const char *key, const char *value)
{
	diag_add(r->diags,
		 &(struct diag){.code = DIAG_VALUE, .file = r->file, .line = r->line, .hint = hint},
		 "'%.80s' cannot be the value of '%s'", value, key);
	return false;
}

static const char *path_of(struct reader *r, const char *value)
{
	return value[0] == '/' ? arena_strdup(r->diags->arena, value)
			       : arena_printf(r->diags->arena, "%s/%s", r->dir, value);
}

// --- one function a key ---

static bool read_name(struct reader *r, const char *value)
{
	size_t len = strlen(value);
	if (len > PKI_NAME_MOST ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") !=
		    len)
		return wrong(r, "use up to 63 letters, digits, '-', '.' and '_'", "name", value);
	r->config.name = arena_strdup(r->diags->arena, value);
	return true;
}

static bool add_listen(struct reader *r, const struct agent_listen *listen, const char *key)
{
	struct io_address address;
	if (!io_address_parse(listen->address, agent_listen_port(listen), r->diags, &address))
		return false;
	if (r->config.listens == AGENT_LISTENERS_MOST)
		return wrong(r, "8 addresses are the limit; '*' is all of them", key,
			     listen->address);
	r->config.listen[r->config.listens] = *listen;
	r->config.listen[r->config.listens++].address =
		arena_strdup(r->diags->arena, listen->address);
	return true;
}

static bool read_listen(struct reader *r, const char *value)
{
	return strcmp(value, "none") == 0 ||
	       add_listen(r, &(struct agent_listen){.address = value}, "listen");
}

static bool read_listen_ssh(struct reader *r, const char *value)
{
	return add_listen(r, &(struct agent_listen){.address = value, .ssh = true}, "listen-ssh");
}

static bool read_endpoint(struct reader *r, const struct agent_endpoint *endpoint)
{
	const char *text = endpoint->address;
	struct io_address address;
	if (!io_address_parse(text, agent_endpoint_port(endpoint), r->diags, &address))
		return false;
	if (io_address_is_any(&address))
		return wrong(r, "give the address of one host", "call-home", text);
	if (r->config.endpoints == AGENT_ENDPOINTS_MOST)
		return wrong(r, "16 addresses of all controllers together are the limit",
			     "call-home", text);
	r->config.endpoint[r->config.endpoints++] = *endpoint;
	return true;
}

// A line is one controller.
static bool read_calls(struct reader *r, const char *value, bool ssh)
{
	size_t n = r->config.endpoints;
	uint8_t controller = n ? (uint8_t)(r->config.endpoint[n - 1].controller + 1) : 0;
	bool ok = true;
	for (const char *at = value; *at && ok; at += strspn(at, " \t")) {
		size_t len = strcspn(at, " \t");
		struct agent_endpoint endpoint = {.controller = controller, .ssh = ssh};
		endpoint.address = arena_strndup(r->diags->arena, at, len);
		ok = read_endpoint(r, &endpoint);
		at += len;
	}
	return ok;
}

static bool read_call_home(struct reader *r, const char *value)
{
	return read_calls(r, value, false);
}

static bool read_call_home_ssh(struct reader *r, const char *value)
{
	return read_calls(r, value, true);
}

static bool read_call_start(struct reader *r, const char *value)
{
	r->config.last_connected = strcmp(value, "last-connected") == 0;
	return r->config.last_connected || strcmp(value, "first-listed") == 0 ||
	       wrong(r, "use first-listed or last-connected", "call-home-start", value);
}

static bool read_number(struct reader *r, const struct number *number, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || n < number->least || n > number->most)
		return wrong(r,
			     arena_printf(r->diags->arena, "use a number from %u to %u",
					  number->least, number->most),
			     number->key, value);
	*number->to = (uint32_t)n;
	return true;
}

static bool read_call_wait(struct reader *r, const char *value)
{
	return read_number(r, &(struct number){"call-home-wait", 1, 86400, &r->config.call_wait},
			   value);
}

static bool read_keepalive(struct reader *r, const char *value)
{
	return read_number(r, &(struct number){"keep-alive", 3, 3600, &r->config.keepalive}, value);
}

static bool read_sessions(struct reader *r, const char *value)
{
	return read_number(r, &(struct number){"sessions", 1, 100000, &r->config.sessions}, value);
}

static bool read_proof_every(struct reader *r, const char *value)
{
	r->config.proof_every = 0;
	return strcmp(value, "never") == 0 ||
	       read_number(r, &(struct number){"proof-every", 1, 86400, &r->config.proof_every},
			   value);
}

static bool read_recovery(struct reader *r, const char *value)
{
	if (!*value || strlen(value) > PKI_NAME_MOST)
		return wrong(r, "give the name in an operator's certificate", "recovery", value);
	r->config.recovery = arena_strdup(r->diags->arena, value);
	return true;
}

static bool read_address(struct reader *r, const char *value)
{
	r->config.address = arena_strdup(r->diags->arena, value);
	return true;
}

static bool read_controller(struct reader *r, const char *value)
{
	if (strncmp(value, "https://", 8) != 0 || !value[8])
		return wrong(r, "give https://HOST:PORT", "controller", value);
	r->config.controller = arena_strdup(r->diags->arena, value);
	return true;
}

static bool read_state_dir(struct reader *r, const char *value)
{
	r->config.state_dir = path_of(r, value);
	return true;
}

static bool read_certificate_dir(struct reader *r, const char *value)
{
	r->config.certificate_dir = path_of(r, value);
	return true;
}

static bool read_yang_dir(struct reader *r, const char *value)
{
	r->config.yang_dir = path_of(r, value);
	return true;
}

static bool read_user(struct reader *r, const char *value)
{
	r->config.user = (struct priv_user){0, 0};
	return strcmp(value, "none") == 0 || priv_user_parse(value, r->diags, &r->config.user);
}

static bool read_unreadable(struct reader *r, const char *value)
{
	r->config.keep_open = strcmp(value, "open") == 0;
	return r->config.keep_open || strcmp(value, "closed") == 0 ||
	       wrong(r, "use closed or open", "unreadable-state", value);
}

static bool read_log_group(struct reader *r, const char *value)
{
	char *end;
	r->config.log_group = -1;
	if (strcmp(value, "none") == 0)
		return true;
	unsigned long group = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || group > UINT16_MAX)
		return wrong(r, "use none or a number up to 65535", "log-group", value);
	r->config.log_group = (int)group;
	return true;
}

static const struct option {
	const char *key;
	bool (*read)(struct reader *r, const char *value);
	const char *otherwise;
} option[] = {
#define X(key, read, otherwise, text) {key, read, otherwise},
#include "agent/options.def"
#undef X
};

// --- lines ---

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

static const struct option *find_option(const char *key)
{
	for (size_t i = 0; i < array_len(option); i++) {
		if (strcmp(option[i].key, key) == 0)
			return &option[i];
	}
	return NULL;
}

static void read_line(struct reader *r, char *line, bool given[static array_len(option)])
{
	line = trim(line);
	if (!line[0] || line[0] == '#')
		return;
	char *equals = strchr(line, '=');
	if (equals)
		*equals = '\0';
	const struct option *o = find_option(trim(line));
	char *value = equals ? trim(equals + 1) : "";
	if (!o || !value[0]) {
		diag_add(r->diags,
			 &(struct diag){.code = DIAG_UNKNOWN_ELEMENT,
					.file = r->file,
					.line = r->line,
					.hint = "write 'key = value' with a key of bulwark-nsf(8)"},
			 "'%.80s' is not a setting", line);
		return;
	}
	bool repeats = o->read == read_listen || o->read == read_listen_ssh ||
		       o->read == read_call_home || o->read == read_call_home_ssh;
	if (given[o - option] && !repeats) {
		diag_add(r->diags,
			 &(struct diag){.code = DIAG_DUPLICATE,
					.file = r->file,
					.line = r->line,
					.hint = "keep one of them"},
			 "'%s' stands twice", o->key);
		return;
	}
	given[o - option] = true;
	(void)o->read(r, value); // its fault is a diag
}

static void read_text(struct reader *r, char *text)
{
	bool given[array_len(option)] = {false};
	for (char *next = text; next;) {
		char *line = next;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r->line++;
		read_line(r, line, given);
	}
	r->line = 0;
	for (size_t i = 0; i < array_len(option); i++) {
		if (!given[i] && option[i].otherwise)
			(void)option[i].read(r, option[i].otherwise);
	}
	if (!given[0]) // the first option is the name
		diag_add(r->diags,
			 &(struct diag){.code = DIAG_MISSING,
					.file = r->file,
					.hint = "add a line 'name = NAME'"},
			 "the function has no name");
}

uint16_t agent_listen_port(const struct agent_listen *listen)
{
	return listen->ssh ? AGENT_PORT_SSH : AGENT_PORT;
}

static bool uses(const struct agent_config *config, bool ssh)
{
	for (size_t i = 0; i < config->listens; i++)
		if (config->listen[i].ssh == ssh)
			return true;
	for (size_t i = 0; i < config->endpoints; i++)
		if (config->endpoint[i].ssh == ssh)
			return true;
	return false;
}

bool agent_config_uses_tls(const struct agent_config *config)
{
	return uses(config, false);
}

bool agent_config_uses_ssh(const struct agent_config *config)
{
	return uses(config, true);
}

bool agent_config_read(const char *dir, struct diags *diags, struct agent_config *out)
{
	struct reader r = {.dir = dir, .diags = diags};
	size_t before = diags->errors;
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	r.file = arena_printf(diags->arena, "%s/%s", dir, AGENT_CONFIG_FILE);
	int error = file_read(r.file, CONFIG_MOST, &text);
	if (error < 0) {
		diag_add(diags,
			 &(struct diag){.code = DIAG_IO,
					.file = r.file,
					.hint = "make it; bulwark-nsf(8) shows one"},
			 "%s", strerror(-error));
		return false;
	}
	read_text(&r, text.data);
	if (diags->errors == before && !r.config.listens && !r.config.endpoints)
		diag_add(diags,
			 &(struct diag){.code = DIAG_MISSING,
					.file = r.file,
					.hint = "add a line 'call-home = ADDRESS', or listen"},
			 "nobody could ever reach the function: it neither listens nor calls");
	if (diags->errors != before)
		return false;
	*out = r.config;
	return true;
}
