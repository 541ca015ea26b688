// SPDX-License-Identifier: Apache-2.0
// The controller's own certificate.
//
// The idea: the controller owns the authority, so nobody has to think of its certificate. A new pair
// is made aside and moved over the old one, key first; a crash between the two leaves a pair that does
// not match, which the next start notices and replaces.
#include "controller/identity.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "controller/config.h"
#include "controller/log.h"
#include "engine/engine.h"
#include "io/net.h"
#include "io/ssh.h"
#include "pki/pki.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MOST 32u

static bool failed(struct diags *diags, const char *path, const char *what)
{
	diag_add(diags,
		 &(struct diag){.code = DIAG_IO,
				.file = path,
				.hint = "let the controller's user write to the state directory"},
		 "%s: %s", what, strerror(errno));
	return false;
}

static bool make_dir(const char *path, struct diags *diags)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ||
	       failed(diags, path, "the directory cannot be made");
}

// What clients reach it by: the addresses that it listens on, unless that is all of them, and those
// that it was told.
static size_t addresses(const struct config *config, struct arena *arena,
			const char *out[static ADDRESSES_MOST])
{
	struct diags ignored;
	diags_init(&ignored, arena);
	size_t n = 0;
	for (size_t i = 0; i < config->listen.list.len && n < ADDRESSES_MOST; i++) {
		struct io_address a;
		char text[IO_ADDRESS_TEXT];
		if (!io_address_parse(config->listen.list.at[i], 0, &ignored, &a))
			continue;
		io_address_print(&a, text);
		bool v6 = text[0] == '[';
		text[strcspn(text, v6 ? "]" : ":")] = '\0';
		const char *address = text + v6;
		if (strcmp(address, "::") && strcmp(address, "0.0.0.0") && strcmp(address, "*"))
			out[n++] = arena_strdup(arena, address);
	}
	for (size_t i = 0; i < config->address.list.len && n < ADDRESSES_MOST; i++)
		out[n++] = config->address.list.at[i];
	for (const char *local = "::1"; n < ADDRESSES_MOST; local = "127.0.0.1") {
		out[n++] = local;
		if (strcmp(local, "127.0.0.1") == 0)
			break;
	}
	return n;
}

static const char *file_of(const struct config *config, const char *dir, const char *suffix,
			   struct arena *arena)
{
	return arena_printf(arena, "%s/%s/%s.%s", config->state, dir, config->name, suffix);
}

// Moves the new pair over the old one.
static bool take_over(const struct config *config, struct diags *diags)
{
	static const char *const suffix[] = {"key", "pem"};
	for (size_t i = 0; i < array_len(suffix); i++) {
		const char *from = file_of(config, "identity.new", suffix[i], diags->arena);
		const char *to = file_of(config, "identity", suffix[i], diags->arena);
		if (rename(from, to))
			return failed(diags, to, "the new certificate cannot be put in place");
	}
	return true;
}

struct issuer {
	struct pki *pki;       // before the engine runs
	struct engine *engine; // afterwards
};

static bool make(const struct config *config, const struct issuer *issuer, struct diags *diags)
{
	const char *dir = arena_printf(diags->arena, "%s/identity.new", config->state);
	const char *address[ADDRESSES_MOST];
	struct pki_subject subject = {.role = PKI_CONTROLLER, .name = config->name};
	subject.addresses = addresses(config, diags->arena, address);
	subject.address = address;
	static const char *const suffix[] = {"key", "pem"};
	for (size_t i = 0; i < array_len(suffix); i++) {
		int rc = file_remove(file_of(config, "identity.new", suffix[i], diags->arena));
		if (rc && rc != -ENOENT && rc != -ENOTDIR) {
			errno = -rc;
			return failed(diags, dir, "what a crash left cannot be removed");
		}
	}
	bool issued = make_dir(dir, diags) &&
		      (issuer->pki ? pki_issue_files(issuer->pki, &subject, dir, diags)
				   : engine_issue_files(issuer->engine, &subject, dir, diags));
	return issued && take_over(config, diags);
}

// Whether the pair in the files will do for the next third of its life.
static bool is_good(const struct identity *identity, struct arena *arena)
{
	struct diags ignored;
	diags_init(&ignored, arena);
	struct buf text;
	buf_init(&text);
	struct pki_identity who;
	int64_t now = time(NULL);
	bool good = file_read(identity->certificate, PKI_PEM_MOST, &text) == 0 &&
		    pki_identify(text.data, &ignored, &who) &&
		    pki_key_matches(identity->key, text.data, &ignored) && who.not_before <= now &&
		    (who.not_after - now) * 3 > who.not_after - who.not_before;
	buf_fini(&text);
	return good;
}

bool identity_open(const struct config *config, struct pki *pki, struct diags *diags,
		   struct identity *out)
{
	*out = (struct identity){.certificate = config->certificate, .key = config->key};
	if (config->certificate)
		return true;
	*out = (struct identity){.certificate = file_of(config, "identity", "pem", diags->arena),
				 .key = file_of(config, "identity", "key", diags->arena),
				 .own = true};
	const char *dir = arena_printf(diags->arena, "%s/identity", config->state);
	struct issuer issuer = {.pki = pki};
	return make_dir(dir, diags) && (is_good(out, diags->arena) || make(config, &issuer, diags));
}

static struct io_ssh *open_ssh(const struct io_ssh_options *options, struct diags *diags)
{
	if (access(options->key, F_OK) != 0 && !io_ssh_key_new(options->key, diags))
		return NULL;
	return io_ssh_new(options, diags);
}

struct io_ssh *identity_ssh(const struct config *config, struct diags *diags)
{
	struct io_ssh_options options = {
		.key = arena_printf(diags->arena, "%s/ssh_key", config->state)};
	return open_ssh(&options, diags);
}

static void on_note(void *context, const struct diag *what)
{
	struct arena arena;
	struct diags diags;
	(void)context;
	arena_init(&arena);
	diags_init(&diags, &arena);
	diag_add(&diags, what, "SSH: %s", what->text);
	log_diags(&diags);
	arena_fini(&arena);
}

struct io_ssh *identity_ssh_host(const struct config *config, struct diags *diags)
{
	const char *const roles[] = {pki_role_name[PKI_OPERATOR], pki_role_name[PKI_TENANT_USER],
				     NULL};
	struct io_ssh_options options = {
		.key = arena_printf(diags->arena, "%s/ssh_host_key", config->state),
		.authorized = arena_printf(diags->arena, "%s/authorized_keys", config->state),
		.roles = roles,
		.tenant_role = pki_role_name[PKI_TENANT_USER],
		.note = on_note};
	return open_ssh(&options, diags);
}

int identity_renew(const struct config *config, const struct identity *identity,
		   struct engine *engine, struct diags *diags)
{
	if (!identity->own || is_good(identity, diags->arena))
		return 0;
	struct issuer issuer = {.engine = engine};
	return make(config, &issuer, diags) ? 1 : -1;
}
