// SPDX-License-Identifier: Apache-2.0
// context/geographic-location: the addresses of all location groups that agree with the leaves that
// a rule gives; a leaf that it does not give agrees with all. The one idea: each location is entered
// under every combination of its leaves, so that a rule finds its locations at once, however many
// there are. Countries and regions are compared without case (they are codes), cities as they are.
#include "translate/draft.h"

#include <ctype.h>

// The locations that have the leaves of one combination.
struct place {
	VEC(const struct address_sets *) addresses;
	bool united, unknown; // unknown: one of them has no address
	struct branches side[2];
};

// Which leaves are given, as bits.
enum { COUNTRY = 1, REGION = 2, CITY = 4, ALL = 7 };

static const char *text_or(const char *text, const char *absent)
{
	return text ? text : absent;
}

static const char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

// Codes hold no '/' and the city comes last, so keys are unambiguous.
static const char *key_of(struct arena *arena, unsigned leaves, const struct intent_geography *of)
{
	return arena_printf(arena, "%u/%s/%s/%s", leaves,
			    leaves & COUNTRY ? lower(arena, text_or(of->country, "")) : "",
			    leaves & REGION ? lower(arena, text_or(of->region, "")) : "",
			    leaves & CITY ? text_or(of->city, "") : "");
}

static void enter(struct context *context, const struct intent_geography *leaves, unsigned which,
		  const struct address_sets *addresses)
{
	const char *key = key_of(context->arena, which, leaves);
	struct place *place = map_get(&context->location, key);
	if (!place) {
		place = arena_new(context->arena, struct place);
		map_put(&context->location, key, place);
	}
	vec_push(context->arena, &place->addresses, addresses);
	place->unknown |= !addresses->v4.len && !addresses->v6.len;
}

void locations_prepare(struct context *context)
{
	for (size_t i = 0; i < context->intent->location.len; i++) {
		const struct intent_location *given = &context->intent->location.at[i];
		struct intent_geography leaves = {given->country, given->region, given->city};
		struct address_owner owner = {
			given->place,
			arena_printf(context->arena,
				     "/ietf-i2nsf-cons-facing-interface:endpoint-groups/"
				     "location-group[country='%s'][region='%s'][city='%s']",
				     text_or(given->country, ""), text_or(given->region, ""),
				     text_or(given->city, ""))};
		struct address_sets *addresses = arena_new(context->arena, struct address_sets);
		*addresses = addresses_union(context, &given->addresses, &owner);
		for (unsigned which = 1; which <= ALL; which++)
			enter(context, &leaves, which, addresses);
	}
}

static void unite(struct context *context, struct place *place)
{
	struct address_sets sets =
		addresses_join(context, place->addresses.at, place->addresses.len);
	for (enum side side = SOURCE; side <= DESTINATION; side++)
		addresses_branches(context, &sets, side, &place->side[side]);
	place->united = true;
}

static struct ir_opaque opaque_of(struct arena *arena, const struct intent_geography *leaves,
				  enum side side)
{
	struct intent_texts value = {0};
	vec_push(arena, &value,
		 arena_printf(arena, "%s/%s/%s", text_or(leaves->country, "*"),
			      text_or(leaves->region, "*"), text_or(leaves->city, "*")));
	return (struct ir_opaque){side == SOURCE ? IR_OPAQUE_GEO_SOURCE : IR_OPAQUE_GEO_DESTINATION,
				  NULL, value.at, value.len, false};
}

static void apply_side(struct draft *draft, const struct intent_geography *leaves, enum side side)
{
	struct context *context = draft->context;
	unsigned which = (leaves->country ? COUNTRY : 0u) | (leaves->region ? REGION : 0u) |
			 (leaves->city ? CITY : 0u);
	if (!which)
		return;
	struct place *place = map_get(&context->location, key_of(context->arena, which, leaves));
	struct branches branches = {0};
	if (place && !place->united)
		unite(context, place);
	// One rate cannot be shared by two rules: then nothing is told by addresses.
	if (place && !(place->unknown && draft_has_rate(draft)))
		branches_append(context->arena, &branches, &place->side[side]);
	if (!place || place->unknown) {
		struct ir_opaque opaque = opaque_of(context->arena, leaves, side);
		struct branch branch = {.opaque = draft_opaque(draft, &opaque)};
		branches_add(context->arena, &branches, &branch);
	}
	draft_and(draft, &branches,
		  side == SOURCE ? "condition/context/geographic-location/source"
				 : "condition/context/geographic-location/destination");
}

void locations_apply(struct draft *draft)
{
	const struct intent_context *given = &draft->rule->condition.context;
	apply_side(draft, &given->source, SOURCE);
	apply_side(draft, &given->destination, DESTINATION);
}
