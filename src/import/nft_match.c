// SPDX-License-Identifier: Apache-2.0
// A match compares one field, or several in a concatenation, with values. Each field's values become a set of numbers, and
// that lies in a dimension of the IR as nft_field.def says; whatever does not lie there exactly becomes an alternative with
// a condition of which only the text is known, so that nothing is claimed that is not so. What a field implies (its IP
// version, its protocol) is part of the match, as nft puts it in silently.
#include "import/nft_match.h"

#include <string.h>

#define BOXES_MOST 4096 // of what is not in a set of concatenations
#define PARTS_MOST 16   // fields in a concatenation

// --- conditions that are not modelled ---

// Conditions that change from one look to the next are told apart by counting them.
static const char *told_apart(struct nft_matcher *m, const char *text)
{
	uintptr_t n = (uintptr_t)map_get(&m->seen, text) + 1;
	map_put(&m->seen, text, (void *)n);
	return n == 1 ? text : arena_printf(m->arena, "%s #%zu", text, (size_t)n);
}

void nft_opaque_apply(struct nft_matcher *m, const char *text, bool varies,
		      struct nft_alternatives *state)
{
	if (varies)
		text = told_apart(m, text);
	for (size_t i = 0; i < state->list.len; i++)
		state->list.at[i].opaques = nft_extend(m, state->list.at[i].opaques, text, false);
}

// --- narrowing ---

void nft_narrow(struct nft_matcher *m, enum ir_dim dim, u128 value, struct nft_alternatives *state)
{
	size_t kept = 0;
	for (size_t i = 0; i < state->list.len; i++) {
		struct nft_alternative one = state->list.at[i];
		if (nft_narrow_one(m, &one, dim, value))
			state->list.at[kept++] = one;
	}
	state->list.len = kept;
}

// ICMPv6 in IPv4 is something that only the kernel can make sense of.
static bool of_other_version(const struct nft_matcher *m, unsigned version)
{
	return (version == 6 && !strcmp(m->table->family, "ip")) ||
	       (version == 4 && !strcmp(m->table->family, "ip6"));
}

static void imply(struct nft_matcher *m, const char *name, struct nft_alternatives *state)
{
	struct nft_implied implied = nft_field_implies(name);
	if (implied.version && !of_other_version(m, implied.version))
		nft_narrow(m, IR_FAMILY, implied.version, state);
	if (implied.protocol)
		nft_narrow(m, IR_PROTO, implied.protocol, state);
}

void nft_implied_apply(struct nft_matcher *m, const struct nft_expr *expr,
		       struct nft_alternatives *state)
{
	if (expr->kind == NFT_FIELD)
		imply(m, expr->text, state);
	size_t n = expr->kind == NFT_MAP ? 1 : expr->len; // of a map only the key is read
	for (size_t i = 0; i < n; i++)
		nft_implied_apply(m, expr->item[i], state);
}

// --- the fields that are compared ---

struct part {
	const struct nft_field *field;
	struct nft_field place; // of which the field is `shift` bits above the end; NULL name: none
	unsigned shift;
	u128 mask;
	bool masked;
};
struct parts {
	struct part at[PARTS_MOST];
	size_t len;
};

static bool part_of(struct nft_matcher *m, const struct nft_expr *expr, struct part *out)
{
	bool masks = expr->kind == NFT_BINARY && !strcmp(expr->text, "&");
	const struct nft_expr *read = masks ? expr->item[0] : expr;
	const struct nft_field *field = read->kind == NFT_FIELD ? nft_field_find(read->text) : NULL;
	if (!field || map_get(&m->table->changed, read->text) ||
	    of_other_version(m, field->version))
		return false;
	*out = (struct part){.field = field, .masked = masks};
	return !masks || nft_number_of(expr->item[1], field, &out->mask);
}

// A place in packets is a field if the alternatives say in which header it is.
static bool part_of_place(struct nft_matcher *m, const struct nft_expr *left,
			  const struct nft_alternatives *state, struct part *out)
{
	bool masks = left->kind == NFT_BINARY && !strcmp(left->text, "&");
	const struct nft_expr *read = masks ? left->item[0] : left;
	unsigned bits = read->kind == NFT_FIELD ? nft_place_bits(read->text) : 0, versions = 0;
	struct ir_protocols protocols = {0};
	u128 mask = bits ? algebra_max(bits) : 0;
	*out = (struct part){.place = {.name = "place", .type = NFT_TYPE_NUMBER, .bits = bits}};
	if (!bits || (masks && !nft_number_of(left->item[1], &out->place, &mask)))
		return false;
	for (size_t i = 0; i < state->list.len; i++) {
		struct ir_protocols of = ir_clause_protocols(&state->list.at[i].clause);
		versions |= ir_clause_versions(&state->list.at[i].clause);
		for (size_t k = 0; k < array_len(of.bit); k++)
			protocols.bit[k] |= of.bit[k];
	}
	versions &= !strcmp(m->table->family, "ip") ? 1 : !strcmp(m->table->family, "ip6") ? 2 : 3;
	out->field = nft_place_find(read->text, mask, versions, protocols, &out->shift);
	return out->field && !map_get(&m->table->changed, out->field->name);
}

static bool parts_of(struct nft_matcher *m, const struct nft_expr *left, struct parts *out)
{
	out->len = 0;
	if (left->kind != NFT_CONCAT)
		return part_of(m, left, &out->at[out->len++]);
	for (; out->len < left->len; out->len++)
		if (out->len == PARTS_MOST || !part_of(m, left->item[out->len], &out->at[out->len]))
			return false;
	return true;
}

struct test {
	u128 mask;
	struct algebra_set of; // x & mask is in it, or is not when `negated`
	bool masked, negated;
};

static bool test_holds(const struct test *t, u128 x)
{
	return algebra_set_has(t->of, t->masked ? x & t->mask : x) != t->negated;
}

// The numbers of a field for which the test holds. False: too many ranges.
static bool test_solve(struct nft_matcher *m, const struct nft_field *field, const struct test *t,
		       struct algebra_set *out)
{
	struct algebra_builder b = {.arena = m->arena};
	if (field->how == NFT_STATE) {
		for (size_t i = 0; i < nft_states; i++)
			if (test_holds(t, nft_state[i].bit))
				algebra_builder_add(&b, nft_state[i].bit, nft_state[i].bit);
		*out = algebra_builder_take(&b);
		return true;
	}
	*out = t->of;
	if (t->masked && !nft_values_masked(m->arena, field->bits, t->mask, t->of, out))
		return false;
	if (t->negated)
		*out = algebra_set_complement(m->arena, *out, algebra_max(field->bits));
	if (field->type == NFT_TYPE_HOUR)
		*out = algebra_set_intersect(m->arena, *out, algebra_set_one(m->arena, 0, 86399));
	return true;
}

// x < 5 as the set of such x.
static bool compared(struct nft_matcher *m, const struct part *part, const struct nft_stmt *stmt,
		     struct test *out)
{
	u128 v, most = algebra_max(part->field->bits);
	struct algebra_set none = {0};
	if (part->field->type == NFT_TYPE_NAME || part->field->type == NFT_TYPE_STATE ||
	    !nft_number_of(stmt->right, part->field, &v))
		return false;
	if (stmt->op == NFT_LT)
		out->of = v ? algebra_set_one(m->arena, 0, v - 1) : none;
	else if (stmt->op == NFT_LE)
		out->of = algebra_set_one(m->arena, 0, v);
	else if (stmt->op == NFT_GT)
		out->of = v < most ? algebra_set_one(m->arena, v + 1, most) : none;
	else
		out->of = algebra_set_one(m->arena, v, most);
	return true;
}

// Of the place's numbers those that leave the bits below the field empty, as the field's.
static struct algebra_set shifted(struct nft_matcher *m, struct algebra_set set,
				  const struct part *part)
{
	struct algebra_builder b = {.arena = m->arena};
	u128 below = ((u128)1 << part->shift) - 1, most = algebra_max(part->field->bits);
	for (size_t i = 0; i < set.len; i++) {
		u128 low = (set.at[i].lo + below) >> part->shift,
		     high = set.at[i].hi >> part->shift;
		if (low <= high && low <= most)
			algebra_builder_add(&b, low, high < most ? high : most);
	}
	return algebra_builder_take(&b);
}

static bool test_of(struct nft_matcher *m, const struct part *part, const struct nft_stmt *stmt,
		    struct test *out)
{
	*out = (struct test){.mask = part->mask, .masked = part->masked};
	switch (stmt->op) {
	case NFT_EQ:
	case NFT_NE:
		out->negated = stmt->op == NFT_NE;
		return nft_values_of(&m->reader, stmt->right, part->field, &out->of);
	case NFT_ANY_OF:
	case NFT_NONE_OF:
		if (part->masked || !nft_number_of(stmt->right, part->field, &out->mask))
			return false;
		out->masked = true;
		out->negated = stmt->op == NFT_ANY_OF;
		out->of = algebra_set_one(m->arena, 0, 0);
		return true;
	case NFT_LT:
	case NFT_GT:
	case NFT_LE:
	case NFT_GE:
		return compared(m, part, stmt, out);
	}
	return false;
}

// --- matches ---

static bool test_of_place(struct nft_matcher *m, const struct part *part,
			  const struct nft_stmt *stmt, struct test *out)
{
	struct part place = {.field = &part->place};
	if (!test_of(m, &place, stmt, out))
		return false;
	out->of = shifted(m, out->of, part);
	return true;
}

static bool apply_single(struct nft_matcher *m, const struct nft_stmt *stmt,
			 const struct part *part, struct nft_alternatives *state)
{
	struct test test;
	struct nft_alternatives out = {0};
	struct nft_placing p = {.m = m, .field = part->field, .out = &out};
	bool known = part->place.name ? test_of_place(m, part, stmt, &test)
				      : test_of(m, part, stmt, &test);
	if (!known || !test_solve(m, part->field, &test, &p.set))
		return false;
	p.text = nft_stmt_text(m->arena, stmt);
	nft_place(&p, state);
	*state = out;
	return true;
}

// One element of a set of concatenations, in the packets of `from`.
static bool apply_element(struct nft_matcher *m, const struct parts *parts,
			  const struct nft_expr *element, const char *text,
			  struct nft_alternatives *state)
{
	const struct nft_expr *key = element->kind == NFT_PAIR ? element->item[0] : element;
	bool any = key->kind == NFT_ANY;
	if (!any && (key->kind != NFT_CONCAT || key->len != parts->len))
		return false;
	for (size_t i = 0; i < parts->len; i++) {
		struct test test = {.mask = parts->at[i].mask, .masked = parts->at[i].masked};
		struct nft_alternatives out = {0};
		struct nft_placing p = {
			.m = m, .field = parts->at[i].field, .text = text, .out = &out};
		const struct nft_expr *value = any ? key : key->item[i];
		if (!nft_values_of(&m->reader, value, p.field, &test.of) ||
		    !test_solve(m, p.field, &test, &p.set))
			return false;
		nft_place(&p, state);
		*state = out;
	}
	return true;
}

// The elements of { } or @name; NULL when they are not known.
static const struct nft_expr *elements_of(struct nft_matcher *m, const struct nft_expr *right)
{
	if (right->kind != NFT_REFERENCE)
		return right->kind == NFT_SET ? right : NULL;
	const struct nft_set *set = nft_set_find(&m->reader, right->text);
	return set ? set->elements : NULL;
}

static struct nft_alternatives copy(struct nft_matcher *m, const struct nft_alternatives *state)
{
	struct nft_alternatives made = {0};
	for (size_t i = 0; i < state->list.len; i++)
		vec_push(m->arena, &made.list, state->list.at[i]);
	return made;
}

static bool subtract(struct nft_matcher *m, struct nft_alternatives *from,
		     const struct nft_alternatives *boxes)
{
	for (size_t b = 0; b < boxes->list.len; b++) {
		struct nft_alternatives left = {0};
		for (size_t i = 0; i < from->list.len; i++) {
			struct import_clauses pieces = {0};
			if (boxes->list.at[b].opaques ||
			    !import_clause_subtract(&from->list.at[i].clause,
						    &boxes->list.at[b].clause, false, m->arena,
						    &pieces))
				return false;
			for (size_t k = 0; k < pieces.list.len; k++)
				vec_push(m->arena, &left.list,
					 (struct nft_alternative){pieces.list.at[k],
								  from->list.at[i].opaques});
		}
		*from = left;
		if (from->list.len > BOXES_MOST)
			return false;
	}
	return true;
}

// All that the parts say together, whatever their values.
static void imply_parts(struct nft_matcher *m, const struct parts *parts,
			struct nft_alternatives *state)
{
	for (size_t i = 0; i < parts->len; i++)
		imply(m, parts->at[i].field->name, state);
}

static bool apply_concat(struct nft_matcher *m, const struct nft_stmt *stmt,
			 const struct parts *parts, struct nft_alternatives *state)
{
	const struct nft_expr *elements = elements_of(m, stmt->right);
	const char *text = nft_stmt_text(m->arena, stmt);
	struct nft_alternatives out = {0};
	if (!elements || (stmt->op != NFT_EQ && stmt->op != NFT_NE))
		return false;
	for (size_t i = 0; i < elements->len; i++) {
		struct nft_alternatives one = copy(m, state);
		if (!apply_element(m, parts, elements->item[i], text, &one))
			return false;
		for (size_t k = 0; k < one.list.len; k++)
			nft_add(m, &out, one.list.at[k]);
	}
	if (stmt->op == NFT_EQ) {
		*state = out;
		return true;
	}
	struct nft_alternatives rest = copy(m, state);
	imply_parts(m, parts, &rest);
	if (!subtract(m, &rest, &out))
		return false;
	*state = rest;
	return true;
}

// --- what is left to its text ---

static const char *gap_name(struct nft_matcher *m, const struct nft_expr *left)
{
	if (m->reader.unknown)
		return m->reader.unknown;
	while (left->kind == NFT_BINARY || left->kind == NFT_MAP || left->kind == NFT_CONCAT)
		left = left->item[0];
	if (left->kind != NFT_FIELD)
		return "expressions";
	const struct nft_field *known = nft_field_find(left->text);
	if (known && map_get(&m->table->changed, left->text))
		return "fields that a rule changes";
	return left->text[0] == '@'   ? "places in packets (@nh, @th)"
	       : left->text[0] == '{' ? "expressions"
				      : left->text;
}

static bool varies(const struct nft_matcher *m, const struct nft_expr *expr)
{
	if (expr->kind == NFT_FIELD &&
	    (map_get(&m->table->changed, expr->text) || !strncmp(expr->text, "numgen", 6) ||
	     !strcmp(expr->text, "meta random")))
		return true;
	if (expr->kind == NFT_REFERENCE)
		return map_get(&m->table->updated, expr->text);
	for (size_t i = 0; i < expr->len; i++)
		if (expr->kind != NFT_SET && varies(m, expr->item[i]))
			return true;
	return false;
}

static void leave(struct nft_matcher *m, const struct nft_stmt *stmt, const char *text,
		  struct nft_alternatives *state)
{
	m->gap = gap_name(m, stmt->left);
	nft_implied_apply(m, stmt->left, state);
	nft_opaque_apply(m, text, varies(m, stmt->left) || varies(m, stmt->right), state);
}

void nft_match_apply(struct nft_matcher *m, const struct nft_stmt *stmt,
		     struct nft_alternatives *state)
{
	struct parts parts;
	m->gap = m->reader.unknown = NULL;
	bool known = parts_of(m, stmt->left, &parts) ||
		     part_of_place(m, stmt->left, state, &parts.at[0]);
	if (known && stmt->left->kind == NFT_CONCAT)
		known = apply_concat(m, stmt, &parts, state);
	else if (known)
		known = apply_single(m, stmt, &parts.at[0], state);
	if (!known)
		leave(m, stmt, nft_stmt_text(m->arena, stmt), state);
}

// --- verdict maps ---

static struct nft_way *way_of(struct nft_matcher *m, struct nft_ways *ways,
			      const struct nft_expr *decision, struct map *index)
{
	struct nft_stmt as = {
		.kind = NFT_DECIDE, .verdict = decision->verdict, .text = decision->text};
	const char *key = nft_stmt_text(m->arena, &as);
	size_t at = (size_t)(uintptr_t)map_get(index, key);
	if (!at) {
		vec_push(m->arena, &ways->list, (struct nft_way){.decision = decision});
		at = ways->list.len;
		map_put(index, key, (void *)(uintptr_t)at);
	}
	return &ways->list.at[at - 1];
}

static bool is_decision(const struct nft_expr *element)
{
	return element->kind == NFT_PAIR && element->item[1]->kind == NFT_DECISION;
}

// One field: the keys of each verdict are one set.
static bool vmap_single(struct nft_matcher *m, const struct part *part,
			const struct nft_expr *elements, const char *text,
			const struct nft_alternatives *state, struct nft_ways *out)
{
	struct map index = {.arena = m->arena};
	VEC(struct algebra_builder) keys = {0};
	struct algebra_builder all = {.arena = m->arena};
	size_t rest = SIZE_MAX; // the way of what no other key is
	for (size_t i = 0; i < elements->len; i++) {
		const struct nft_expr *element = elements->item[i];
		struct algebra_set set;
		if (!is_decision(element))
			return false;
		size_t at = (size_t)(way_of(m, out, element->item[1], &index) - out->list.at);
		if (at == keys.len)
			vec_push(m->arena, &keys, (struct algebra_builder){.arena = m->arena});
		if (element->item[0]->kind == NFT_ANY) {
			rest = at;
			continue;
		}
		if (!nft_values_of(&m->reader, element->item[0], part->field, &set))
			return false;
		for (size_t k = 0; k < set.len; k++) {
			algebra_builder_add(&keys.at[at], set.at[k].lo, set.at[k].hi);
			algebra_builder_add(&all, set.at[k].lo, set.at[k].hi);
		}
	}
	struct algebra_set known = algebra_builder_take(&all);
	for (size_t w = 0; w < out->list.len; w++) {
		struct test test = {.mask = part->mask, .masked = part->masked};
		struct nft_placing p = {
			.m = m, .field = part->field, .text = text, .out = &out->list.at[w].state};
		test.of = algebra_builder_take(&keys.at[w]);
		if (rest == w) {
			struct algebra_set others = algebra_set_complement(
				m->arena, known, algebra_max(part->field->bits));
			test.of = algebra_set_union(m->arena, test.of, others);
		}
		if (!test_solve(m, part->field, &test, &p.set))
			return false;
		nft_place(&p, state);
	}
	return true;
}

static bool vmap_concat(struct nft_matcher *m, const struct parts *parts,
			const struct nft_expr *elements, const char *text,
			const struct nft_alternatives *state, struct nft_ways *out)
{
	struct map index = {.arena = m->arena};
	struct nft_alternatives all = {0}, rest = copy(m, state);
	const struct nft_expr *of_rest = NULL;
	for (size_t i = 0; i < elements->len; i++) {
		const struct nft_expr *element = elements->item[i];
		struct nft_alternatives one = copy(m, state);
		if (!is_decision(element))
			return false;
		struct nft_way *way = way_of(m, out, element->item[1], &index);
		if (element->item[0]->kind == NFT_ANY) {
			of_rest = element->item[1];
			continue;
		}
		if (!apply_element(m, parts, element, text, &one))
			return false;
		for (size_t k = 0; k < one.list.len; k++) {
			nft_add(m, &way->state, one.list.at[k]);
			nft_add(m, &all, one.list.at[k]);
		}
	}
	if (!of_rest)
		return true;
	imply_parts(m, parts, &rest);
	if (!subtract(m, &rest, &all))
		return false;
	struct nft_way *way = way_of(m, out, of_rest, &index);
	for (size_t k = 0; k < rest.list.len; k++)
		nft_add(m, &way->state, rest.list.at[k]);
	return true;
}

// Which key goes with which verdict is known, but not which packets have it.
static void vmap_opaque(struct nft_matcher *m, const struct nft_stmt *stmt,
			const struct nft_alternatives *state, struct nft_ways *out)
{
	struct map index = {.arena = m->arena};
	const struct nft_expr *elements = elements_of(m, stmt->right);
	*out = (struct nft_ways){.whole = elements != NULL};
	for (size_t i = 0; elements && i < elements->len; i++)
		if (is_decision(elements->item[i]))
			(void)way_of(m, out, elements->item[i]->item[1], &index);
	for (size_t w = 0; w < out->list.len; w++) {
		struct nft_way *way = &out->list.at[w];
		struct nft_stmt as = {.kind = NFT_DECIDE,
				      .verdict = way->decision->verdict,
				      .text = way->decision->text};
		way->state = copy(m, state);
		leave(m, stmt,
		      arena_printf(m->arena, "%s says %s", nft_stmt_text(m->arena, stmt),
				   nft_stmt_text(m->arena, &as)),
		      &way->state);
	}
	if (!out->list.len)
		m->gap = gap_name(m, stmt->left);
}

void nft_vmap_apply(struct nft_matcher *m, const struct nft_stmt *stmt,
		    const struct nft_alternatives *state, struct nft_ways *out)
{
	struct parts parts;
	m->gap = m->reader.unknown = NULL;
	*out = (struct nft_ways){.whole = true};
	const struct nft_expr *elements = elements_of(m, stmt->right);
	const char *text = nft_stmt_text(m->arena, stmt);
	bool known = elements && parts_of(m, stmt->left, &parts);
	if (known && stmt->left->kind == NFT_CONCAT)
		known = vmap_concat(m, &parts, elements, text, state, out);
	else if (known)
		known = vmap_single(m, &parts.at[0], elements, text, state, out);
	if (!known)
		vmap_opaque(m, stmt, state, out);
}
