// SPDX-License-Identifier: Apache-2.0
// Zones and links out of what NSFs guard.
//
// The idea: guards that are nested or disjoint are a tree. What an NSF guards and no NSF inside of it does is a zone; the
// NSF links it to the zone of the next NSF around it, at last to `elsewhere`. The only way between two zones then leads
// through exactly those NSFs that guard one of them. Equal guards stand in series, with zones without addresses between.
// Where IPv4 and IPv6 are nested in different ways, each has a tree of its own.
#include "engine/reach_zones.h"

#include <string.h>

#define NONE SIZE_MAX

struct zoning {
	const struct view *view;
	const struct ir_ruleset *rules;
	struct arena *arena;
	struct verify_network *out;
	bool v4, v6;  // what this tree is about
	size_t *zone; // by NSF: its inner zone; NONE: it is on no way
};

static const struct network_nsf *nsf_at(const struct zoning *z, size_t i)
{
	return &z->view->nsf.at[i].net;
}

static struct algebra_set guarded4(const struct zoning *z, size_t i)
{
	return z->v4 ? nsf_at(z, i)->guarded4 : (struct algebra_set){0};
}

static struct algebra_set guarded6(const struct zoning *z, size_t i)
{
	return z->v6 ? nsf_at(z, i)->guarded6 : (struct algebra_set){0};
}

static bool takes_part(const struct zoning *z, size_t i)
{
	return nsf_at(z, i)->enabled && (guarded4(z, i).len || guarded6(z, i).len);
}

static bool within(const struct zoning *z, size_t a, size_t b)
{
	return algebra_set_within(guarded4(z, a), guarded4(z, b)) &&
	       algebra_set_within(guarded6(z, a), guarded6(z, b));
}

// Of equal ones the first is the inner one.
static bool inside(const struct zoning *z, size_t a, size_t b)
{
	return a != b && takes_part(z, b) && within(z, a, b) && (a < b || !within(z, b, a));
}

static bool clash(const struct zoning *z, size_t a, size_t b)
{
	return takes_part(z, a) && takes_part(z, b) &&
	       (algebra_set_overlaps(guarded4(z, a), guarded4(z, b)) ||
		algebra_set_overlaps(guarded6(z, a), guarded6(z, b))) &&
	       !inside(z, a, b) && !inside(z, b, a);
}

static bool find_clash(const struct zoning *z, size_t *a_out, size_t *b_out)
{
	for (size_t a = 0; a < z->view->nsf.len; a++)
		for (size_t b = a + 1; b < z->view->nsf.len; b++)
			if (clash(z, a, b)) {
				*a_out = a;
				*b_out = b;
				return true;
			}
	return false;
}

// The next NSF around it.
static size_t around(const struct zoning *z, size_t i)
{
	size_t next = NONE;
	for (size_t k = 0; k < z->view->nsf.len; k++)
		if (inside(z, i, k) && (next == NONE || inside(z, k, next)))
			next = k;
	return next;
}

static struct algebra_set minus(struct arena *arena, struct algebra_set a, struct algebra_set b,
				unsigned bits)
{
	return algebra_set_intersect(arena, a, algebra_set_complement(arena, b, algebra_max(bits)));
}

// What it guards and nobody inside of it does.
static struct verify_zone own_zone(const struct zoning *z, size_t i)
{
	struct algebra_set inner4 = {0}, inner6 = {0};
	for (size_t k = 0; k < z->view->nsf.len; k++)
		if (takes_part(z, k) && inside(z, k, i)) {
			inner4 = algebra_set_union(z->arena, inner4, guarded4(z, k));
			inner6 = algebra_set_union(z->arena, inner6, guarded6(z, k));
		}
	return (struct verify_zone){.transit = true,
				    .v4 = minus(z->arena, guarded4(z, i), inner4, 32),
				    .v6 = minus(z->arena, guarded6(z, i), inner6, 128)};
}

static bool has_addresses(const struct verify_zone *zone)
{
	return zone->v4.len || zone->v6.len;
}

// The site, unless its NSFs have several zones.
static const char *name_of(const struct zoning *z, size_t i)
{
	const char *site = nsf_at(z, i)->site;
	for (size_t k = 0; site && k < z->view->nsf.len; k++) {
		const char *other = nsf_at(z, k)->site;
		if (k == i || z->zone[k] == NONE || !other || strcmp(site, other))
			continue;
		if (has_addresses(&z->out->zone.at[z->zone[k]]))
			return nsf_at(z, i)->name;
	}
	return site ? site : nsf_at(z, i)->name;
}

static const char *full_name(const struct zoning *z, const char *name)
{
	if (z->v4 && z->v6)
		return name;
	return arena_printf(z->arena, "%s (IPv%u)", name, z->v4 ? 4 : 6);
}

static void put_outside(struct zoning *z)
{
	struct algebra_set v4 = {0}, v6 = {0};
	struct verify_zone rest = {.name = full_name(z, "elsewhere"), .transit = true};
	for (size_t i = 0; i < z->view->nsf.len; i++) {
		v4 = algebra_set_union(z->arena, v4, guarded4(z, i));
		v6 = algebra_set_union(z->arena, v6, guarded6(z, i));
	}
	if (z->v4)
		rest.v4 = algebra_set_complement(z->arena, v4, algebra_max(32));
	if (z->v6)
		rest.v6 = algebra_set_complement(z->arena, v6, algebra_max(128));
	vec_push(z->arena, &z->out->zone, rest);
}

static void put_zones(struct zoning *z)
{
	size_t n = z->view->nsf.len;
	z->zone = arena_array(z->arena, size_t, n + 1);
	for (size_t i = 0; i < n; i++) {
		z->zone[i] = takes_part(z, i) ? z->out->zone.len : NONE;
		if (takes_part(z, i))
			vec_push(z->arena, &z->out->zone, own_zone(z, i));
	}
	for (size_t i = 0; i < n; i++)
		if (z->zone[i] != NONE)
			z->out->zone.at[z->zone[i]].name = full_name(z, name_of(z, i));
}

static void put_tree(struct zoning *z)
{
	put_zones(z);
	size_t outside = z->out->zone.len;
	put_outside(z);
	for (size_t i = 0; i < z->view->nsf.len; i++) {
		if (z->zone[i] == NONE)
			continue;
		size_t next = around(z, i);
		struct verify_link *link = arena_array(z->arena, struct verify_link, 2);
		link[0].zone = z->zone[i];
		link[1].zone = next == NONE ? outside : z->zone[next];
		vec_push(z->arena, &z->out->nsf,
			 (struct verify_nsf){nsf_at(z, i)->name, NULL, &z->rules[i], link, 2});
	}
}

static bool refuse(const struct zoning *z, size_t a, size_t b, struct diags *diags)
{
	diag_error(diags, DIAG_CONFLICT, "/bulwark-controller:nsfs",
		   "let what one of them guards lie inside what the other guards, or apart from it",
		   "the NSFs %s and %s guard networks that overlap, but neither is inside the "
		   "other: which stands before which is not known",
		   nsf_at(z, a)->name, nsf_at(z, b)->name);
	return false;
}

bool reach_zones(const struct view *view, const struct ir_ruleset *rules, struct diags *diags,
		 struct verify_network *out)
{
	struct zoning both = {view, rules, diags->arena, out, true, true, NULL}, v4 = both,
		      v6 = both;
	size_t a, b;
	*out = (struct verify_network){0};
	v4.v6 = v6.v4 = false;
	if (!find_clash(&both, &a, &b)) {
		put_tree(&both);
		return true;
	}
	if (find_clash(&v4, &a, &b) || find_clash(&v6, &a, &b))
		return refuse(&both, a, b, diags);
	put_tree(&v4);
	put_tree(&v6);
	return true;
}
