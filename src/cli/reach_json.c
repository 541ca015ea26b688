// SPDX-License-Identifier: Apache-2.0
// The answer of `bulwark reach` as JSON and as a graph for dot. Both stable: programs read them.
#include "cli/reach_say.h"
#include "ir/text.h"

#include <jansson.h>
#include <string.h>

// --- JSON ---

static json_t *step_json(const struct reach_answer *a, const struct verify_step *step)
{
	json_t *value = words_decision_json(step->verdict, step->rule);
	json_object_set_new(value, "nsf", words_text(a->network->nsf.at[step->nsf].name));
	return value;
}

static json_t *way_json(const struct reach_answer *a, const struct verify_way *way)
{
	json_t *list = json_array();
	for (size_t i = 0; i < way->legs; i++)
		json_array_append_new(list, words_text(a->network->nsf.at[way->leg[i].nsf].name));
	return list;
}

static json_t *packet_json(const struct reach_answer *a, const struct ir_packet *packet)
{
	return words_text(words_packet(a->cli, &a->scope, packet));
}

static json_t *walk_json(const struct reach_answer *a, const struct verify_walk *walk)
{
	if (!walk)
		return json_null();
	json_t *decided = json_array();
	for (size_t i = 0; i < walk->steps; i++)
		json_array_append_new(decided, step_json(a, &walk->step[i]));
	json_t *value =
		json_pack("{s:o, s:b, s:o, s:o}", "packet", packet_json(a, walk->packet), "passes",
			  walk->passes, "way", way_json(a, walk->way), "decided", decided);
	if (walk->reply_lost)
		json_object_set_new(value, "reply-dropped", step_json(a, &walk->lost));
	return value;
}

static json_t *conditions_json(const struct verify_service *service)
{
	json_t *list = json_array();
	for (size_t i = 0; i < service->condition.len; i++) {
		const struct verify_condition *c = &service->condition.at[i];
		json_t *value = json_pack("{s:b}", "holds", c->holds);
		if (c->opaque) {
			json_t *values = json_array();
			for (size_t k = 0; k < c->opaque->len; k++)
				json_array_append_new(values, words_text(c->opaque->value[k]));
			json_object_set_new(value, "condition",
					    words_text(ir_opaque_info[c->opaque->kind].name));
			json_object_set_new(value, "name", words_text(c->opaque->name));
			json_object_set_new(value, "values", values);
		} else {
			json_object_set_new(value, "rate-of", words_text(c->rate->name));
		}
		json_array_append_new(list, value);
	}
	return list;
}

static json_t *where_json(const struct ir_clause *clause)
{
	json_t *object = json_object();
	for (size_t i = 0; i < clause->len; i++) {
		const struct algebra_set *set = &clause->cond[i].set;
		json_t *ranges = json_array();
		for (size_t k = 0; k < set->len; k++) {
			struct buf lo, hi;
			buf_init(&lo);
			buf_init(&hi);
			ir_value_print(clause->cond[i].dim, set->at[k].lo, &lo);
			ir_value_print(clause->cond[i].dim, set->at[k].hi, &hi);
			json_array_append_new(ranges, json_pack("[s, s]", lo.data, hi.data));
			buf_fini(&lo);
			buf_fini(&hi);
		}
		json_object_set_new(object, ir_dim_info[clause->cond[i].dim].key, ranges);
	}
	return object;
}

static json_t *service_json(const struct reach_answer *a, const struct verify_pair *pair,
			    const struct verify_service *service, bool open)
{
	static const char *const replies[] = {"pass", "some-source-ports-dropped", "dropped"};
	json_t *versions = json_array();
	for (unsigned bit = 0; bit < 2; bit++)
		if (service->versions >> bit & 1)
			json_array_append_new(versions, json_integer(bit ? 6 : 4));
	json_t *value = json_pack("{s:o, s:o, s:o}", "service",
				  words_text(reach_service_text(a, pair, service)), "versions",
				  versions, "where", where_json(&service->clause));
	if (service->other_times)
		json_object_set_new(value, "at-other-times", json_true());
	if (!open)
		return value;
	json_object_set_new(value, "conditions", conditions_json(service));
	json_object_set_new(value, "every-host", json_boolean(service->every_host));
	json_object_set_new(value, "every-way", json_boolean(service->every_way));
	json_object_set_new(value, "replies", json_string(replies[service->replies]));
	json_object_set_new(value, "example", walk_json(a, service->walk));
	return value;
}

static json_t *services_json(const struct reach_answer *a, const struct verify_pair *pair,
			     bool open)
{
	json_t *list = json_array();
	const struct verify_service *at = open ? pair->open.at : pair->closed.at;
	for (size_t i = 0, n = open ? pair->open.len : pair->closed.len; i < n; i++)
		json_array_append_new(list, service_json(a, pair, &at[i], open));
	return list;
}

static json_t *blockers_json(const struct reach_answer *a, const struct verify_pair *pair)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pair->blocker.len; i++) {
		json_t *value = step_json(a, &pair->blocker.at[i].step);
		json_object_set_new(value, "example", walk_json(a, pair->blocker.at[i].walk));
		json_array_append_new(list, value);
	}
	return list;
}

static json_t *uneven_json(const struct reach_answer *a, const struct verify_pair *pair)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pair->uneven.len; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o}", "passes",
						walk_json(a, pair->uneven.at[i].passes), "blocked",
						walk_json(a, pair->uneven.at[i].blocked)));
	return list;
}

static json_t *pair_json(const struct reach_answer *a, const struct verify_pair *pair)
{
	json_t *ways = json_array();
	for (size_t i = 0; i < pair->way.len; i++)
		json_array_append_new(ways, way_json(a, &pair->way.at[i]));
	json_t *value = json_pack(
		"{s:o, s:o, s:s, s:s, s:o}", "from", words_text(a->question->from[pair->from].name),
		"to", words_text(a->question->to[pair->to].name), "passes",
		pair->together ? "same-zone"
		: pair->none   ? "nothing"
		: pair->all    ? "all"
			       : "some",
		"summary", reach_pair_text(a, pair, VERIFY_SERVICES_MOST), "ways", ways);
	json_object_set_new(value, "open", services_json(a, pair, true));
	json_object_set_new(value, "open-more", json_boolean(pair->open_more));
	json_object_set_new(value, "closed", services_json(a, pair, false));
	json_object_set_new(value, "closed-more", json_boolean(pair->closed_more));
	json_object_set_new(value, "blocked-by", blockers_json(a, pair));
	json_object_set_new(value, "blocked-by-more", json_boolean(pair->blocker_more));
	json_object_set_new(value, "uneven", uneven_json(a, pair));
	return value;
}

json_t *reach_say_json(const struct reach_answer *a)
{
	json_t *pairs = json_array(), *contradictions = json_array();
	for (size_t i = 0; i < a->reach->pair.len; i++)
		json_array_append_new(pairs, pair_json(a, &a->reach->pair.at[i]));
	for (size_t i = 0; i < a->reach->contradiction.len; i++) {
		const struct verify_contradiction *c = &a->reach->contradiction.at[i];
		json_array_append_new(contradictions,
				      json_pack("{s:o, s:o, s:o, s:o, s:o}", "from",
						words_text(a->question->from[c->from].name), "to",
						words_text(a->question->to[c->to].name), "passes",
						step_json(a, &c->passes), "drops",
						step_json(a, &c->drops), "packet",
						packet_json(a, c->packet)));
	}
	return json_pack("{s:o, s:o, s:b, s:o}", "pairs", pairs, "contradictions", contradictions,
			 "contradictions-more", a->reach->contradictions_more, "notes",
			 words_notes_json(&a->reach->notes));
}

// --- dot ---

static bool in_domain(const char *domain, const char *of)
{
	return domain == of || (domain && of && !strcmp(domain, of));
}

static void put_nodes(const struct reach_answer *a, const char *domain)
{
	struct buf *out = &a->cli->out;
	for (size_t i = 0; i < a->network->zone.len; i++)
		if (in_domain(domain, a->network->zone.at[i].domain)) {
			const struct verify_zone *zone = &a->network->zone.at[i];
			buf_printf(out, "    z%zu [shape=%s, label=", i,
				   zone->v4.len || zone->v6.len ? "ellipse" : "point");
			buf_add_quoted(out, zone->name);
			buf_adds(out, "];\n");
		}
	for (size_t i = 0; i < a->network->nsf.len; i++)
		if (in_domain(domain, a->network->nsf.at[i].domain)) {
			buf_printf(out,
				   "    n%zu [shape=box, style=filled, fillcolor=\"#dde8f5\", "
				   "label=",
				   i);
			buf_add_quoted(out, a->network->nsf.at[i].name);
			buf_adds(out, "];\n");
		}
}

static const char *domain_at(const struct reach_answer *a, size_t i)
{
	size_t zones = a->network->zone.len;
	return i < zones ? a->network->zone.at[i].domain : a->network->nsf.at[i - zones].domain;
}

static void put_domains(const struct reach_answer *a)
{
	size_t n = a->network->zone.len + a->network->nsf.len;
	put_nodes(a, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *domain = domain_at(a, i);
		bool first = domain != NULL;
		for (size_t k = 0; k < i && first; k++)
			first = !in_domain(domain, domain_at(a, k));
		if (!first)
			continue;
		buf_printf(&a->cli->out, "  subgraph cluster_%zu {\n    color=grey; label=", i);
		buf_add_quoted(&a->cli->out, domain);
		buf_adds(&a->cli->out, ";\n");
		put_nodes(a, domain);
		buf_adds(&a->cli->out, "  }\n");
	}
}

static void put_links(const struct reach_answer *a)
{
	for (size_t i = 0; i < a->network->nsf.len; i++)
		for (size_t k = 0; k < a->network->nsf.at[i].links; k++) {
			const struct verify_link *link = &a->network->nsf.at[i].link[k];
			buf_printf(&a->cli->out, "  z%zu -> n%zu [dir=none, penwidth=2", link->zone,
				   i);
			if (link->interface) {
				buf_adds(&a->cli->out, ", fontsize=9, label=");
				buf_add_quoted(&a->cli->out, link->interface);
			}
			buf_adds(&a->cli->out, "];\n");
		}
}

static void put_passing(const struct reach_answer *a, const struct verify_pair *pair)
{
	const struct verify_end *from = &a->question->from[pair->from],
				*to = &a->question->to[pair->to];
	if (pair->together || pair->none)
		return;
	buf_printf(&a->cli->out,
		   "  z%zu -> z%zu [constraint=false, color=\"%s\", fontcolor=\"%s\", "
		   "fontsize=10, label=",
		   from->zone, to->zone, pair->all ? "#2a7d3f" : "#b07300",
		   pair->all ? "#2a7d3f" : "#b07300");
	buf_add_quoted(&a->cli->out, reach_pair_text(a, pair, 3));
	buf_adds(&a->cli->out, "];\n");
}

void reach_say_dot(const struct reach_answer *a)
{
	buf_adds(&a->cli->out, "digraph reach {\n  rankdir=LR; node [fontname=\"sans-serif\"]; "
			       "edge [fontname=\"sans-serif\"];\n");
	put_domains(a);
	put_links(a);
	for (size_t i = 0; i < a->reach->pair.len; i++)
		put_passing(a, &a->reach->pair.at[i]);
	buf_adds(&a->cli->out, "}\n");
}
