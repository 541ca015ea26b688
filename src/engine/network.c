// SPDX-License-Identifier: Apache-2.0
// The network document: which NSFs there are, where, and what stands behind each.
//
// The idea: everything that placement needs is resolved here once, so that the rest of the engine
// knows neither sites nor prefixes.
#include "engine/internal.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

#define MODULE "bulwark-controller"

static const struct schema_node *top(const struct schema_tree *tree, const char *name)
{
	for (const struct schema_node *n = schema_first(tree); n; n = schema_next(n))
		if (schema_is(n, MODULE, name))
			return n;
	return NULL;
}

static enum ir_verdict verdict_of(const char *text)
{
	if (text && strcmp(text, "pass") == 0)
		return IR_PASS;
	return text && strcmp(text, "reject") == 0 ? IR_REJECT : IR_DROP;
}

// The model has checked that the site is there. Without one an NSF drops what no rule decides.
static enum ir_verdict site_default(const struct schema_tree *tree, const char *site)
{
	const struct schema_node *sites = top(tree, "sites");
	if (!sites || !site)
		return IR_DROP;
	schema_for_each_child (n, sites) {
		const char *name = schema_get_value(n, "name");
		if (name && strcmp(name, site) == 0)
			return verdict_of(schema_get_value(n, "default-action"));
	}
	return IR_DROP;
}

struct guards {
	struct algebra_builder v4, v6;
};

static bool add_prefix(struct guards *guards, const char *text, const char *path,
		       struct diags *diags)
{
	char address[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : sizeof(address);
	int family;
	u128 value;
	if (len < sizeof(address)) {
		memcpy(address, text, len);
		address[len] = '\0';
	}
	if (len >= sizeof(address) || !ir_address_parse(address, &family, &value)) {
		diag_error(diags, DIAG_VALUE, path, "write it as 192.0.2.0/24 or 2001:db8::/32",
			   "'%s' is not a prefix", text);
		return false;
	}
	unsigned bits = family == 4 ? 32 : 128;
	unsigned host = bits - (unsigned)strtoul(slash + 1, NULL, 10);
	u128 rest = host ? algebra_max(host) : 0;
	algebra_builder_add(family == 4 ? &guards->v4 : &guards->v6, value & ~rest, value | rest);
	return true;
}

// How it is reached over SSH, if it is.
static void read_ssh(const struct schema_node *ssh, struct arena *a, struct network_nsf *out)
{
	VEC(const char *) keys = {.at = NULL};
	const char *port = schema_get_value(ssh, "port");
	schema_for_each_child (n, ssh)
		if (schema_is(n, MODULE, "host-key"))
			vec_push(a, &keys, arena_strdup(a, schema_value(n)));
	vec_push(a, &keys, NULL);
	out->ssh_user = arena_strdup(a, schema_get_value(ssh, "user"));
	out->host_keys = keys.at;
	out->port = (uint16_t)strtoul(port ? port : "830", NULL, 10);
}

static bool read_nsf(const struct schema_tree *tree, const struct schema_node *node,
		     struct diags *diags, struct network *out)
{
	struct arena *a = &out->arena;
	const char *path = schema_path(node, diags->arena);
	const char *enabled = schema_get_value(node, "enabled"),
		   *address = schema_get_value(node, "address"),
		   *calls = schema_get_value(node, "call-home");
	const char *tenant = schema_get_value(node, "tenant"),
		   *port = schema_get_value(node, "port"), *site = schema_get_value(node, "site");
	struct guards guards = {{.arena = a}, {.arena = a}};
	schema_for_each_child (n, node)
		if (schema_is(n, MODULE, "guards") &&
		    !add_prefix(&guards, schema_value(n), path, diags))
			return false;
	struct network_nsf nsf = {
		.name = arena_strdup(a, schema_get_value(node, "name")),
		.tenant = arena_strdup(a, tenant ? tenant : ENGINE_TENANT_DEFAULT),
		.address = arena_strdup(a, address),
		.site = arena_strdup(a, site),
		.port = (uint16_t)strtoul(port ? port : "6513", NULL, 10),
		.enabled = !enabled || strcmp(enabled, "false") != 0,
		.calls_home = calls && strcmp(calls, "true") == 0,
		.default_action = site_default(tree, site),
		.guarded4 = algebra_builder_take(&guards.v4),
		.guarded6 = algebra_builder_take(&guards.v6),
	};
	const struct schema_node *ssh = schema_get(node, "ssh");
	if (ssh)
		read_ssh(ssh, a, &nsf);
	if (!nsf.guarded4.len && !nsf.guarded6.len)
		diag_add(diags,
			 &(struct diag){.severity = DIAG_WARNING,
					.code = DIAG_PLACE,
					.path = path,
					.nsf = nsf.name,
					.hint = "name the networks behind it as guards"},
			 "the NSF %s guards no network: no rule will ever be placed on it",
			 nsf.name);
	vec_push(a, &out->nsf, nsf);
	if (address || nsf.calls_home)
		return true;
	diag_error(diags, DIAG_MISSING, path, "give it an address, or mark it as calling home",
		   "the NSF %s has no address", nsf.name);
	return false;
}

static bool is_dialled(const struct network_nsf *n)
{
	return n->enabled && !n->calls_home;
}

// Two NSFs at one address would take turns in being refused for their names.
static bool distinct(const struct network *net, struct diags *diags)
{
	for (size_t i = 0; i < net->nsf.len; i++)
		for (size_t k = i + 1; k < net->nsf.len; k++) {
			const struct network_nsf *a = &net->nsf.at[i], *b = &net->nsf.at[k];
			if (!is_dialled(a) || !is_dialled(b) || a->port != b->port ||
			    strcmp(a->address, b->address))
				continue;
			diag_error(diags, DIAG_CONFLICT, NULL,
				   "give one of them another address or port, or disable one",
				   "the NSFs %s and %s have the same address %s and port %u",
				   a->name, b->name, a->address, a->port);
			return false;
		}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network_nsf *)a)->name, ((const struct network_nsf *)b)->name);
}

bool network_read(const struct schema_tree *tree, struct diags *diags, struct network *out)
{
	*out = (struct network){0};
	arena_init(&out->arena);
	const struct schema_node *nsfs = top(tree, "nsfs");
	bool ok = true;
	if (nsfs) {
		schema_for_each_child (n, nsfs)
			if (schema_is(n, MODULE, "nsf"))
				ok = read_nsf(tree, n, diags, out) && ok;
	}
	if (ok && distinct(out, diags)) {
		if (out->nsf.len)
			qsort(out->nsf.at, out->nsf.len, sizeof(out->nsf.at[0]), by_name);
		return true;
	}
	arena_fini(&out->arena);
	return false;
}
