// SPDX-License-Identifier: Apache-2.0
// Who may reach whom through the NSFs that the controller knows: what each is told, in the network that their guards make
// (reach_zones.c). Everything else is verify's work.
#include "engine/asking.h"
#include "engine/reach_zones.h"

#include <string.h>

struct reaching {
	struct arena *arena;
	struct diags *diags;
	struct view view;
	const struct ir_ruleset *rules; // one an NSF of the view
	struct verify_network network;
};

struct addresses {
	struct algebra_set v4, v6;
};

struct parts {
	VEC(struct verify_end) list;
};

// --- what the NSFs are told ---

static bool read_deployed(struct reaching *r, struct engine *engine,
			  const struct engine_caller *caller)
{
	registry_view(engine, caller->tenant, r->arena, &r->view);
	struct ir_ruleset *rules = arena_array(r->arena, struct ir_ruleset, r->view.nsf.len + 1);
	for (size_t i = 0; i < r->view.nsf.len; i++)
		if (!asking_deployed(engine, r->view.nsf.at[i].net.name, r->diags, &rules[i]))
			return false;
	r->rules = rules;
	return true;
}

static bool read_rules(struct reaching *r, struct engine *engine,
		       const struct engine_caller *caller, const struct engine_subject *of)
{
	struct ir_ruleset policy;
	if (of->whose == ENGINE_DEPLOYED)
		return read_deployed(r, engine, caller);
	if (!asking_policy(engine, caller, of, r->diags, &policy))
		return false;
	r->rules = planning_on_all(engine, caller, &policy, r->diags, &r->view);
	return true;
}

// Which interface leads to which zone is not known.
static bool no_interfaces(const struct reaching *r)
{
	for (size_t i = 0; r->view.nsf.len > 1 && i < r->view.nsf.len; i++)
		if (verify_asks_interfaces(&r->rules[i])) {
			diag_error(
				r->diags, DIAG_UNSUPPORTED, "/bulwark-controller:nsfs",
				"ask offline, with a network file that names the interfaces",
				"rules of %s ask for interfaces, and which of them leads where is "
				"not known",
				r->view.nsf.at[i].net.name);
			return false;
		}
	return true;
}

static bool not_too_many(const struct reaching *r)
{
	if (r->view.nsf.len <= ENGINE_REACH_NSFS_MOST)
		return true;
	diag_error(r->diags, DIAG_LIMIT, "/bulwark-controller:nsfs",
		   "ask offline, about parts of the network",
		   "there are %zu NSFs; reach is answered for %u at the most", r->view.nsf.len,
		   ENGINE_REACH_NSFS_MOST);
	return false;
}

// --- ends ---

static void put_end(struct reaching *r, const char *name, size_t zone,
		    const struct addresses *which, struct parts *out)
{
	const struct verify_zone *z = &r->network.zone.at[zone];
	struct verify_end end = {name, zone, z->v4, z->v6};
	if (which) {
		end.v4 = algebra_set_intersect(r->arena, z->v4, which->v4);
		end.v6 = algebra_set_intersect(r->arena, z->v6, which->v6);
	}
	if (end.v4.len || end.v6.len)
		vec_push(r->arena, &out->list, end);
}

// What the NSF, or those of the site, guard.
static bool guarded(struct reaching *r, const char *name, struct addresses *out)
{
	bool found = false;
	for (size_t i = 0; i < r->view.nsf.len; i++) {
		const struct network_nsf *n = &r->view.nsf.at[i].net;
		if (strcmp(n->name, name) != 0 && (!n->site || strcmp(n->site, name) != 0))
			continue;
		found = true;
		out->v4 = algebra_set_union(r->arena, out->v4, n->guarded4);
		out->v6 = algebra_set_union(r->arena, out->v6, n->guarded6);
	}
	return found;
}

static bool read_addresses(struct reaching *r, const char *text, struct addresses *out)
{
	if (ir_looks_like_addresses(text))
		return ir_addresses_parse(text, text, r->arena, r->diags, &out->v4, &out->v6);
	diag_error(r->diags, DIAG_REFERENCE, NULL,
		   "name a site with NSFs, an NSF or elsewhere, or give addresses",
		   "there is no site and no NSF %s", text);
	return false;
}

static bool is_zone(const struct reaching *r, const char *text, size_t *out)
{
	for (*out = 0; *out < r->network.zone.len; ++*out)
		if (!strcmp(r->network.zone.at[*out].name, text))
			return true;
	return false;
}

static bool read_end(struct reaching *r, const char *text, struct parts *out)
{
	struct addresses which = {0};
	size_t first = out->list.len, zone;
	if (guarded(r, text, &which) ||
	    (!is_zone(r, text, &zone) && read_addresses(r, text, &which)))
		for (size_t i = 0; i < r->network.zone.len; i++)
			put_end(r, text, i, &which, out);
	else if (!r->diags->errors)
		put_end(r, text, zone, NULL, out);
	for (size_t i = first; out->list.len - first > 1 && i < out->list.len; i++)
		out->list.at[i].name = arena_printf(r->arena, "%s in %s", text,
						    r->network.zone.at[out->list.at[i].zone].name);
	if (out->list.len == first && !r->diags->errors)
		diag_error(r->diags, DIAG_EMPTY, NULL, "ask about addresses", "%s has no addresses",
			   text);
	return out->list.len > first;
}

static bool read_ends(struct reaching *r, const struct engine_ends *ends, struct parts *out)
{
	for (size_t i = 0; i < ends->len && out->list.len <= ENGINE_REACH_PAIRS_MOST; i++)
		if (!read_end(r, ends->text[i], out))
			return false;
	for (size_t i = 0; !ends->len && i < r->network.zone.len; i++)
		put_end(r, r->network.zone.at[i].name, i, NULL, out);
	return true;
}

static bool not_too_wide(const struct reaching *r, const struct parts *from, const struct parts *to)
{
	if (from->list.len * to->list.len <= ENGINE_REACH_PAIRS_MOST)
		return true;
	diag_error(r->diags, DIAG_LIMIT, NULL, "ask about fewer: name them with from and to",
		   "%zu by %zu are asked about; %u pairs are the limit", from->list.len,
		   to->list.len, ENGINE_REACH_PAIRS_MOST);
	return false;
}

// --- the question ---

bool engine_reach(struct engine *engine, const struct engine_caller *caller,
		  const struct engine_question *question, const struct engine_ends *from,
		  const struct engine_ends *to, struct diags *diags, struct engine_reach *out)
{
	struct reaching *r = arena_new(diags->arena, struct reaching);
	struct parts senders = {0}, receivers = {0};
	struct asking asking;
	r->arena = diags->arena;
	r->diags = diags;
	if (!read_rules(r, engine, caller, &question->of) || !not_too_many(r) ||
	    !no_interfaces(r) || !reach_zones(&r->view, r->rules, diags, &r->network) ||
	    !read_ends(r, from, &senders) || !read_ends(r, to, &receivers) ||
	    !not_too_wide(r, &senders, &receivers) ||
	    !asking_begin(engine, question, diags, &asking))
		return false;
	struct verify_reach_question q = {.network = &r->network,
					  .from = senders.list.at,
					  .to = receivers.list.at,
					  .froms = senders.list.len,
					  .tos = receivers.list.len,
					  .options = &asking.options};
	*out = (struct engine_reach){
		.network = &r->network, .from = senders.list.at, .to = receivers.list.at};
	verify_reach(&q, diags->arena, &out->reach);
	asking_end(&asking);
	return true;
}
