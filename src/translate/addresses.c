// SPDX-License-Identifier: Apache-2.0
// Address sets of groups and locations: the union of all prefixes and ranges, per IP version, and
// the branches that say "the source (destination) is one of them". A version without addresses has
// no branch: it cannot match. Who owns the addresses and when they count is the callers' business.
#include "translate/draft.h"

#include "base/buf.h"

struct address_builder address_builder(struct context *context)
{
	return (struct address_builder){{.arena = context->arena}, {.arena = context->arena}};
}

struct address_sets address_builder_take(struct address_builder *builder)
{
	return (struct address_sets){algebra_builder_take(&builder->v4),
				     algebra_builder_take(&builder->v6)};
}

// Growing a builder leaves its smaller copies in the arena; what rules unite is large and known.
static void reserve(struct algebra_builder *builder, size_t cap)
{
	builder->list.at = arena_array(builder->arena, struct algebra_range, cap);
	builder->list.cap = cap;
}

static void add_set(struct algebra_builder *builder, struct algebra_set set)
{
	for (size_t i = 0; i < set.len; i++)
		algebra_builder_add(builder, set.at[i].lo, set.at[i].hi);
}

struct address_sets addresses_join(struct context *context, const struct address_sets *const *sets,
				   size_t len)
{
	struct address_builder all = address_builder(context);
	size_t v4 = 0, v6 = 0;
	for (size_t i = 0; i < len; i++) {
		v4 += sets[i]->v4.len;
		v6 += sets[i]->v6.len;
	}
	reserve(&all.v4, v4);
	reserve(&all.v6, v6);
	for (size_t i = 0; i < len; i++) {
		add_set(&all.v4, sets[i]->v4);
		add_set(&all.v6, sets[i]->v6);
	}
	return address_builder_take(&all);
}

void address_add_prefix(struct algebra_builder *to, u128 address, unsigned length, unsigned bits)
{
	u128 host = length < bits ? algebra_max(bits - length) : 0;
	address &= algebra_max(bits);
	algebra_builder_add(to, address & ~host, address | host);
}

static void add_prefixes(struct algebra_builder *to, const struct intent_prefix *at, size_t len,
			 unsigned bits)
{
	for (size_t i = 0; i < len; i++)
		address_add_prefix(to, at[i].address, at[i].length, bits);
}

static void report_range(struct context *context, const struct intent_range *range, enum ir_dim dim,
			 const struct address_owner *owner)
{
	struct buf text;
	buf_init(&text);
	buf_adds(&text, "the range ends at ");
	ir_value_print(dim, range->end, &text);
	buf_adds(&text, ", before its start ");
	ir_value_print(dim, range->start, &text);
	diag_add(context->diags,
		 &(struct diag){.code = DIAG_VALUE,
				.file = range->place.file ? range->place.file : owner->place.file,
				.line = range->place.line ? range->place.line : owner->place.line,
				.path = owner->path,
				.hint = "exchange start and end"},
		 "%s", text.data);
	buf_fini(&text);
}

static void add_ranges(struct context *context, struct algebra_builder *to,
		       const struct intent_range *at, size_t len, enum ir_dim dim,
		       const struct address_owner *owner)
{
	for (size_t i = 0; i < len; i++) {
		if (at[i].start <= at[i].end)
			algebra_builder_add(to, at[i].start, at[i].end);
		else
			report_range(context, &at[i], dim, owner);
	}
}

struct address_sets addresses_union(struct context *context, const struct intent_addresses *given,
				    const struct address_owner *owner)
{
	struct address_builder all = address_builder(context);
	add_prefixes(&all.v4, given->prefix4.at, given->prefix4.len, 32);
	add_prefixes(&all.v6, given->prefix6.at, given->prefix6.len, 128);
	add_ranges(context, &all.v4, given->range4.at, given->range4.len, IR_SRC4, owner);
	add_ranges(context, &all.v6, given->range6.at, given->range6.len, IR_SRC6, owner);
	return address_builder_take(&all);
}

static void add_branch(struct context *context, enum ir_dim dim, unsigned version,
		       struct algebra_set set, struct branches *out)
{
	struct branch branch = {0};
	if (!ir_clause_narrow(&branch.clause, context->arena, dim, set))
		return;
	// All addresses of a version restrict no address, but still the version.
	if (branch.clause.len ||
	    ir_clause_narrow(&branch.clause, context->arena, IR_FAMILY,
			     algebra_set_one(context->arena, version, version)))
		branches_add(context->arena, out, &branch);
}

void addresses_branches(struct context *context, const struct address_sets *sets, enum side side,
			struct branches *out)
{
	add_branch(context, side == SOURCE ? IR_SRC4 : IR_DST4, 4, sets->v4, out);
	add_branch(context, side == SOURCE ? IR_SRC6 : IR_DST6, 6, sets->v6, out);
}
