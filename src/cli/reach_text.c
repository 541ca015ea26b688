// SPDX-License-Identifier: Apache-2.0
// Services in the words of people: "tcp 443, 8443", "ping", "everything but tcp 23".
#include "cli/reach_say.h"
#include "ir/text.h"

#include <stdio.h>
#include <string.h>

#define VALUES_SHOWN 6

static const char *keep(const struct reach_answer *answer, struct buf *text)
{
	const char *kept = arena_strndup(&answer->cli->arena, text->data, text->len);
	buf_fini(text);
	return kept;
}

static void put_ports(struct buf *out, struct algebra_set set)
{
	for (size_t i = 0; i < set.len && i < VALUES_SHOWN; i++) {
		unsigned lo = (unsigned)set.at[i].lo, hi = (unsigned)set.at[i].hi;
		buf_printf(out, i ? ", %u" : "%u", lo);
		if (lo != hi)
			buf_printf(out, "-%u", hi);
	}
	if (set.len > VALUES_SHOWN)
		buf_printf(out, ", … %zu more", set.len - VALUES_SHOWN);
}

// All protocols that have ports, and no other.
static bool any_with_ports(struct algebra_set set)
{
	static const u128 protos[][2] = {{6, 6}, {17, 17}, {33, 33}, {132, 132}, {136, 136}};
	bool same = set.len == array_len(protos);
	for (size_t i = 0; same && i < set.len; i++)
		same = set.at[i].lo == protos[i][0] && set.at[i].hi == protos[i][1];
	return same;
}

static bool only_value(const struct algebra_set *set, u128 lo, u128 hi)
{
	return set && set->len == 1 && set->at[0].lo == lo && set->at[0].hi == hi;
}

static bool is_ping(const struct ir_clause *clause)
{
	const struct algebra_set *v4 = ir_clause_set(clause, IR_ICMP4),
				 *v6 = ir_clause_set(clause, IR_ICMP6);
	return (only_value(v4, 2048, 2303) && only_value(ir_clause_set(clause, IR_PROTO), 1, 1)) ||
	       (only_value(v6, 32768, 33023) &&
		only_value(ir_clause_set(clause, IR_PROTO), 58, 58));
}

static bool said_short(enum ir_dim dim)
{
	return dim == IR_PROTO || dim == IR_DPORT || dim == IR_SPORT;
}

// "not {icmp, tcp}" where that is shorter.
static void put_protocols(struct algebra_set set, struct buf *out)
{
	struct arena scratch;
	arena_init(&scratch);
	struct algebra_set others = algebra_set_complement(&scratch, set, 255);
	bool shorter = others.len && others.len < set.len;
	if (shorter)
		buf_adds(out, "not ");
	ir_set_print(IR_PROTO, shorter ? others : set, out);
	arena_fini(&scratch);
}

static void put_short(const struct ir_clause *clause, struct buf *out)
{
	const struct algebra_set *proto = ir_clause_set(clause, IR_PROTO),
				 *dport = ir_clause_set(clause, IR_DPORT),
				 *sport = ir_clause_set(clause, IR_SPORT);
	bool ports = proto && (dport || sport) && any_with_ports(*proto);
	if (ports)
		buf_adds(out, dport ? "port" : "ports");
	else if (proto)
		put_protocols(*proto, out);
	if (dport) {
		buf_adds(out, out->len ? " " : "port ");
		put_ports(out, *dport);
	}
	if (sport) {
		buf_adds(out, out->len ? " from port " : "from port ");
		put_ports(out, *sport);
	}
}

static void put_clause(const struct reach_answer *answer, const struct verify_service *service,
		       struct buf *out)
{
	const struct ir_clause *clause = &service->clause;
	struct ir_clause rest = {.clock = clause->clock}, times = {.clock = clause->clock};
	bool ping = is_ping(clause);
	rest.cond = arena_array(&answer->cli->arena, struct ir_cond, clause->len + 1);
	times.cond = arena_array(&answer->cli->arena, struct ir_cond, clause->len + 1);
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		if (dim >= IR_TIME)
			times.cond[times.len++] = clause->cond[i];
		else if (!said_short(dim) && !(ping && (dim == IR_ICMP4 || dim == IR_ICMP6)))
			rest.cond[rest.len++] = clause->cond[i];
	}
	if (ping)
		buf_adds(out, "ping");
	else
		put_short(clause, out);
	if (rest.len) {
		buf_adds(out, out->len ? " " : "");
		ir_clause_print(&rest, out);
	}
	if (!out->len)
		buf_adds(out, "everything");
	if (times.len) {
		buf_adds(out, service->other_times ? " but " : " ");
		ir_clause_print(&times, out);
	}
}

static void put_condition(const struct verify_condition *condition, bool first, struct buf *out)
{
	const struct ir_opaque *o = condition->opaque;
	buf_adds(out, first ? " if " : " and ");
	if (!o) {
		buf_printf(out, "the rate of '%s' is %sexceeded", condition->rate->name,
			   condition->holds ? "" : "not ");
		return;
	}
	buf_printf(out, "%s%s", condition->holds ? "" : "not ", ir_opaque_info[o->kind].name);
	if (o->name)
		buf_printf(out, " '%s'", o->name);
	else if (o->len)
		buf_printf(out, " '%s'%s", o->value[0], o->len > 1 ? " and others" : "");
}

static bool both_versions(const struct reach_answer *answer, const struct verify_pair *pair)
{
	const struct verify_end *from = &answer->question->from[pair->from],
				*to = &answer->question->to[pair->to];
	return from->v4.len && to->v4.len && from->v6.len && to->v6.len;
}

const char *reach_service_text(const struct reach_answer *answer, const struct verify_pair *pair,
			       const struct verify_service *service)
{
	struct buf out;
	bool icmp = ir_clause_set(&service->clause, IR_ICMP4) ||
		    ir_clause_set(&service->clause, IR_ICMP6);
	buf_init(&out);
	put_clause(answer, service, &out);
	if (service->versions != 3 && both_versions(answer, pair) &&
	    (!icmp || is_ping(&service->clause)))
		buf_printf(&out, " (IPv%u)", service->versions == 1 ? 4 : 6);
	for (size_t i = 0; i < service->condition.len; i++)
		put_condition(&service->condition.at[i], !i, &out);
	return keep(answer, &out);
}

// --- pairs ---

// Marks that the legend explains.
static const char *marks_of(const struct verify_service *service)
{
	bool some = !service->every_host || !service->every_way;
	bool lost = service->replies == VERIFY_REPLIES_LOST;
	return some ? lost ? "*!" : "*" : lost ? "!" : "";
}

static bool plain(const struct verify_service *service)
{
	return service->every_host && service->every_way && !service->condition.len &&
	       service->replies != VERIFY_REPLIES_LOST;
}

static bool all_plain(const struct verify_pair *pair)
{
	bool good = true;
	for (size_t i = 0; i < pair->open.len; i++)
		good &= plain(&pair->open.at[i]);
	return good;
}

static void put_list(const struct reach_answer *answer, const struct verify_pair *pair, bool closed,
		     size_t items, struct buf *out)
{
	const struct verify_service *at = closed ? pair->closed.at : pair->open.at;
	size_t len = closed ? pair->closed.len : pair->open.len;
	bool more = closed ? pair->closed_more : pair->open_more;
	for (size_t i = 0; i < len && i < items; i++)
		buf_printf(out, "%s%s%s", i ? "; " : "", reach_service_text(answer, pair, &at[i]),
			   marks_of(&at[i]));
	if (len > items)
		buf_printf(out, "; %zu%s more", len - items, more ? "+" : "");
	else if (more)
		buf_adds(out, "; and more");
}

const char *reach_pair_text(const struct reach_answer *answer, const struct verify_pair *pair,
			    size_t items)
{
	struct buf out;
	if (pair->together)
		return "·";
	if (!pair->way.len)
		return "no way";
	if (pair->none)
		return "–";
	buf_init(&out);
	if (pair->all && all_plain(pair))
		buf_adds(&out, "everything");
	else if (pair->closed.len && pair->closed.len < pair->open.len && !pair->closed_more &&
		 all_plain(pair)) {
		buf_adds(&out, "everything but ");
		put_list(answer, pair, true, items, &out);
	} else {
		put_list(answer, pair, false, items, &out);
	}
	return keep(answer, &out);
}

const char *reach_way_text(const struct reach_answer *answer, const struct verify_way *way)
{
	struct buf out;
	buf_init(&out);
	for (size_t i = 0; i < way->legs; i++)
		buf_printf(&out, "%s%s", i ? ", " : "",
			   answer->network->nsf.at[way->leg[i].nsf].name);
	return keep(answer, &out);
}
