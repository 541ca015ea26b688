// SPDX-License-Identifier: Apache-2.0
// The controller as a NETCONF server: who is let in, whose datastores a session sees, and what is new.
//
// The idea: a domain is one set of datastores with a NETCONF server of its own in one loop: one a tenant, which holds the
// tenant's policy alone, and one for operators with the default tenant's policy, sites and NSFs, and access control. A
// session joins its user's domain when it opens, so nothing of another tenant can be named. Running is what the documents
// in force say, looked up before each request; a commit is a new revision of the one document that it changes.
// It has neither startup (every revision is kept) nor confirmed commits (deployments have their own), and does not offer
// them. RFC 6241 section 8; RFC 7589 section 7.
#include "north/netconf.h"
#include "io/loop.h"
#include "io/transport.h"
#include "north/stream.h"
#include "proto/netconf/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS_MS 1000u
#define NEWS_MOST 256u

struct netconf_side {
	struct netconf_side_options opt;
	struct arena arena;
	struct schema *schema;
	struct io_loop *loop;
	struct io_timer *news;
	uint64_t newest; // event that was told
	struct domain *first;
	pthread_t thread;
	bool runs;
};

const struct netconf_side_options *domain_options(const struct domain *domain)
{
	return &domain->side->opt;
}

struct arena *domain_arena(const struct domain *domain)
{
	return &domain->side->arena;
}

const char *domain_owner(const struct domain *domain, enum store_kind kind)
{
	if (kind == STORE_POLICY)
		return domain->tenant ? domain->tenant : ENGINE_TENANT_DEFAULT;
	return domain->tenant ? NULL : ENGINE_TENANT_OPERATOR;
}

void domain_post(struct domain *domain, void (*fn)(void *context), void *context)
{
	io_post(domain->side->loop, fn, context);
}

void domain_exchange(const struct domain *domain, struct exchange *x, enum pki_role role,
		     const char *name, const char *tenant)
{
	const struct netconf_side_options *o = domain_options(domain);
	struct pki_identity identity = {.role = role};
	snprintf(identity.name, sizeof(identity.name), "%s", name);
	snprintf(identity.tenant, sizeof(identity.tenant), "%s", tenant ? tenant : "");
	exchange_init(x, o->engine, o->workspaces);
	exchange_identify(x, &identity, NULL);
}

// --- running ---

// Access control that says nothing means what is shipped (guard.c), which the server has apart.
static bool add_document(struct domain *d, enum store_kind kind, struct schema_tree *tree,
			 struct diags *diags)
{
	const char *owner = domain_owner(d, kind);
	struct store_revision r;
	if (!owner)
		return true;
	if (!engine_document(d->side->opt.engine, kind, owner, diags->arena, diags, &r))
		return false;
	struct schema_input input = {.data = r.document, .len = r.len, .format = SCHEMA_XML};
	d->id[kind] = r.id;
	return !r.len || schema_parse(tree, &input, diags);
}

// NULL: the database has failed.
static struct schema_tree *read_running(struct domain *d)
{
	struct arena arena;
	struct diags diags;
	struct schema_tree *tree = schema_tree_new(d->side->schema);
	arena_init(&arena);
	diags_init(&diags, &arena);
	bool ok = true;
	for (unsigned k = 0; k < STORE_KINDS; k++)
		ok = ok && add_document(d, k, tree, &diags);
	ok = ok && schema_validate(tree, &diags);
	arena_fini(&arena);
	if (ok)
		return tree;
	schema_tree_free(tree);
	return NULL;
}

static bool is_old(const struct domain *d)
{
	for (unsigned k = 0; k < STORE_KINDS; k++) {
		const char *owner = domain_owner(d, k);
		if (owner && engine_document_id(d->side->opt.engine, k, owner) != d->id[k])
			return true;
	}
	return false;
}

// The operators' rules bind tenants, too, who do not see them.
static void refresh_access(struct domain *d)
{
	struct engine *engine = d->side->opt.engine;
	uint32_t id = engine_document_id(engine, STORE_ACCESS, ENGINE_TENANT_OPERATOR);
	struct arena arena;
	struct diags diags;
	struct store_revision r;
	if (d->nacm && id == d->nacm_id)
		return;
	arena_init(&arena);
	diags_init(&diags, &arena);
	if (engine_document(engine, STORE_ACCESS, ENGINE_TENANT_OPERATOR, &arena, &diags, &r)) {
		char *text = base_oom(strdup(r.len ? r.document : north_nacm));
		netconf_server_access(d->server, text);
		free(d->nacm);
		d->nacm = text;
		d->nacm_id = r.id;
	}
	arena_fini(&arena);
}

static void refresh(void *context)
{
	struct domain *d = context;
	refresh_access(d);
	if (!is_old(d))
		return;
	struct schema_tree *tree = read_running(d);
	if (tree)
		netconf_server_update(d->server, tree);
	schema_tree_free(tree);
}

// --- who ---

static bool user(void *context, const struct io_peer *peer, struct diags *diags,
		 struct access_who *out)
{
	struct domain *d = context;
	enum pki_role role = PKI_NSF;
	bool named = peer && peer->name && peer->unit && pki_role_parse(peer->unit, &role);
	if (!named || (role != PKI_OPERATOR && role != PKI_TENANT_USER)) {
		diag_error(diags, DIAG_DENIED, NULL,
			   "use a certificate or a key of an operator or of a tenant's user",
			   "this role is not let in");
		return false;
	}
	struct exchange x;
	domain_exchange(d, &x, role, peer->name, peer->organisation);
	*out = access_who_copy(&x.access, diags->arena);
	exchange_fini(&x);
	return true;
}

static struct domain *domain_new(struct netconf_side *side, const char *tenant);

static struct netconf_server *route(void *context, const struct access_who *who)
{
	struct netconf_side *side = ((struct domain *)context)->side;
	const char *tenant = who->groups > 1 ? strchr(who->group[1], ':') + 1 : NULL;
	for (struct domain *d = side->first; d; d = d->next)
		if (!d->tenant == !tenant && (!tenant || strcmp(d->tenant, tenant) == 0))
			return d->server;
	struct domain *d = domain_new(side, tenant);
	return d->server;
}

// Who was not let in, or not any longer; what sessions do is recorded where it is done.
static void event(void *context, const struct netconf_asker *asker, const char *what,
		  const struct diag *why)
{
	struct engine *engine = ((struct domain *)context)->side->opt.engine;
	char detail[400];
	if (!why || (why->code != DIAG_DENIED && why->code != DIAG_LIMIT))
		return;
	snprintf(detail, sizeof(detail), "NETCONF from %s: %s: %s", asker->address, what,
		 why->text);
	engine_record(engine, ENGINE_DENIED,
		      &(struct store_event){.who = *asker->user ? asker->user : "nobody",
					    .outcome = 1,
					    .detail = detail});
}

static const struct netconf_ops ops = {
	.user = user,
	.route = route,
	.refresh = refresh,
	.commit = work_commit,
	.state = work_state,
	.event = event,
};

static struct domain *domain_new(struct netconf_side *side, const char *tenant)
{
	struct domain *d = arena_new(&side->arena, struct domain);
	*d = (struct domain){.side = side, .tenant = arena_strdup(&side->arena, tenant)};
	struct netconf_server_options o = {.loop = side->loop,
					   .schema = side->schema,
					   .ops = &ops,
					   .context = d,
					   .nacm = north_nacm,
					   .counts = &side->opt.workspaces->counts,
					   .message_most = NORTH_BODY_MOST,
					   .running = read_running(d)};
	d->server = netconf_server_new(&o);
	work_operations(d);
	// The operators' stays the first: connections come in there.
	struct domain **at = side->first ? &side->first->next : &side->first;
	d->next = *at;
	*at = d;
	return d;
}

// --- events ---

static void tell(const struct store_event *e, void *context)
{
	struct netconf_side *side = context;
	struct buf xml cleanup(buf_fini);
	buf_init(&xml);
	side->newest = e->id;
	stream_notification(e, SCHEMA_XML, &xml);
	for (struct domain *d = side->first; d; d = d->next)
		if (!d->tenant || (e->tenant && strcmp(e->tenant, d->tenant) == 0))
			netconf_server_notify(d->server, xml.data, xml.len, e->time);
}

static void look_for_news(void *context)
{
	struct netconf_side *side = context;
	struct store_query query = {.most = NEWS_MOST};
	// What cannot be read now is read the next time.
	(void)!engine_events_after(side->opt.engine, side->newest, &query, tell, side);
	io_timer_set(side->news, NEWS_MS);
}

static void keep_id(const struct store_event *e, void *context)
{
	*(uint64_t *)context = e->id;
}

// --- life ---

struct netconf_side *netconf_side_new(const struct netconf_side_options *options,
				      struct diags *diags)
{
	static const char *const modules[] = {
		"ietf-netconf:candidate,rollback-on-error,validate,xpath",
		"ietf-netconf-monitoring",
		"ietf-netconf-with-defaults",
		"ietf-netconf-notifications",
		"ietf-netconf-acm",
		"ietf-netconf-nmda:with-defaults",
		"ietf-yang-library",
		"notifications",
		"nc-notifications",
		NORTH_CFI,
		NORTH_MODULE,
		"ietf-i2nsf-capability",
		NULL};
	struct netconf_side *side = base_oom(calloc(1, sizeof(*side)));
	struct store_query newest = {.most = 1};
	side->opt = *options;
	arena_init(&side->arena);
	side->schema = schema_open(NULL, modules, diags);
	int rc = side->schema ? io_loop_new(&side->loop) : 0;
	if (rc < 0)
		diag_error(diags, DIAG_IO, NULL, "raise the limit of open files",
			   "the kernel gives no descriptor: %s", strerror(-rc));
	if (!side->loop) {
		netconf_side_free(side);
		return NULL;
	}
	(void)!engine_each_event(options->engine, &newest, keep_id, &side->newest);
	side->news = io_timer_new(side->loop, look_for_news, side);
	io_timer_set(side->news, NEWS_MS);
	(void)domain_new(side, NULL);
	return side;
}

int netconf_side_listen(struct netconf_side *side, struct io_opener opener, int fd)
{
	return netconf_server_listen(side->first->server, opener, fd);
}

static void *run(void *context)
{
	struct netconf_side *side = context;
	(void)!io_loop_run(side->loop);
	return NULL;
}

bool netconf_side_start(struct netconf_side *side)
{
	side->runs = pthread_create(&side->thread, NULL, run, side) == 0;
	return side->runs;
}

struct dismissal {
	struct netconf_side *side;
	char *user;
};

static void dismiss(void *context)
{
	struct dismissal *dismissal = context;
	for (struct domain *d = dismissal->side->first; d; d = d->next)
		netconf_server_dismiss(d->server, dismissal->user);
	free(dismissal->user);
	free(dismissal);
}

void netconf_side_dismiss(struct netconf_side *side, const char *who)
{
	struct dismissal *dismissal = base_oom(malloc(sizeof(*dismissal)));
	*dismissal = (struct dismissal){side, base_oom(strdup(who))};
	io_post(side->loop, dismiss, dismissal);
}

static void stop(void *context)
{
	io_loop_stop(((struct netconf_side *)context)->loop);
}

void netconf_side_stop(struct netconf_side *side)
{
	if (!side->runs)
		return;
	io_post(side->loop, stop, side);
	pthread_join(side->thread, NULL);
	side->runs = false;
}

void netconf_side_free(struct netconf_side *side)
{
	if (!side)
		return;
	// Answers of the workers that nobody fetched.
	if (side->loop)
		(void)!io_loop_step(side->loop, 0);
	for (struct domain *d = side->first; d; d = d->next) {
		netconf_server_free(d->server);
		free(d->nacm);
	}
	io_timer_free(side->news);
	io_loop_free(side->loop);
	schema_free(side->schema);
	arena_fini(&side->arena);
	free(side);
}
