// SPDX-License-Identifier: Apache-2.0
// Where the model's rules are narrower than a clause, a clause becomes a product: every combination of
// one IP version and transport protocol, one value of each field that the model holds as a single
// value, one range of the day and one of absolute time is a part. The one idea: the product is never
// built; a part is a position on each axis. What no number of parts can say is refused.
#include "codec/nfi_split.h"
#include "base/diag.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400
#define YEAR_10000 253402300800
#define FRAMES_MOST ((size_t)16 * CODEC_NFI_PARTS_MOST) // of all parts

void nfi_refuse(const struct ir_rule *rule, const char *condition, const char *hint,
		struct diags *diags, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(diags,
		 &(struct diag){.code = DIAG_UNSUPPORTED,
				.file = rule->file,
				.line = rule->line,
				.policy = rule->policy,
				.rule = rule->name,
				.condition = condition,
				.hint = hint},
		 "rule '%s' of policy '%s': %s", rule->name, rule->policy, text);
}

bool nfi_is_icmp(enum ir_dim dim)
{
	return dim == IR_ICMP4 || dim == IR_ICMP6;
}

bool nfi_asks_icmp(const struct ir_clause *clause)
{
	return ir_clause_set(clause, IR_ICMP4) || ir_clause_set(clause, IR_ICMP6);
}

bool nfi_asks_layer3(const struct ir_clause *clause)
{
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		if (dim <= IR_DST6 || (dim >= IR_DSCP && dim <= IR_FLOWLABEL))
			return true;
	}
	return false;
}

static const struct nfi_leaf *leaf_of(enum ir_dim dim)
{
	for (size_t i = 0; i < NFI_LEAVES; i++)
		if (nfi_leaf[i].dim == dim)
			return &nfi_leaf[i];
	return NULL;
}

// How many values; beyond the most that anyone asks for it does not matter how many.
static size_t count_values(struct algebra_set set)
{
	u128 n = 0;
	for (size_t i = 0; i < set.len && n <= CODEC_NFI_PARTS_MOST; i++)
		n += set.at[i].hi - set.at[i].lo + 1;
	return n > CODEC_NFI_PARTS_MOST ? CODEC_NFI_PARTS_MOST + 1 : (size_t)n;
}

static u128 nth_value(struct algebra_set set, size_t n)
{
	size_t i = 0;
	for (; n > set.at[i].hi - set.at[i].lo; i++)
		n -= (size_t)(set.at[i].hi - set.at[i].lo + 1);
	return set.at[i].lo + n;
}

const struct nfi_header *nfi_header_of(const char *value)
{
	for (size_t i = 0; i < array_len(nfi_header); i++)
		if (!strncmp(value, nfi_header[i].prefix, strlen(nfi_header[i].prefix)))
			return &nfi_header[i];
	return NULL;
}

// --- version and protocol ---

static enum nfi_box box_of(unsigned protocol)
{
	switch (protocol) {
	case 6:
		return NFI_TCP;
	case 17:
	case 136: // UDP-Lite's ports stand where UDP's do; the leaf `protocol` says which
		return NFI_UDP;
	case 132:
		return NFI_SCTP;
	case 33:
		return NFI_DCCP;
	case 1:
	case 58:
		return NFI_ICMP;
	default:
		return NFI_BOXES;
	}
}

enum nfi_box nfi_header_box(const struct ir_rule *rule)
{
	for (size_t i = 0; i < rule->opaques; i++)
		if (rule->opaque[i].kind == IR_OPAQUE_HEADER)
			return nfi_header_of(rule->opaque[i].value[0])->box;
	return NFI_BOXES;
}

static bool needs_family(const struct ir_clause *clause)
{
	bool mac = ir_clause_set(clause, IR_SMAC) || ir_clause_set(clause, IR_DMAC);
	return nfi_asks_layer3(clause) || (mac && !ir_clause_set(clause, IR_ETHERTYPE));
}

void nfi_transports_add(struct nfi_transports *transports, const struct ir_clause *clause,
			struct nfi_transport transport, bool family, struct arena *arena)
{
	unsigned versions = ir_clause_versions(clause);
	if (!family) {
		vec_push(arena, &transports->list, transport);
		return;
	}
	for (transport.family = 4; transport.family <= 6; transport.family += 2)
		if (versions & (transport.family == 4 ? 1u : 2u))
			vec_push(arena, &transports->list, transport);
}

static void add_transports(struct nfi_split *split, struct nfi_transport transport, bool family)
{
	nfi_transports_add(&split->transport, &split->clause, transport, family, split->arena);
}

// How one protocol is said: by its box where something in it is needed, else by the leaf in layer 3 if
// that is there anyway, else by the box again.
static void add_protocol(struct nfi_split *split, unsigned protocol, bool inside)
{
	bool family = needs_family(&split->clause);
	enum nfi_box box = box_of(protocol);
	bool boxed = inside || (!family && box != NFI_ICMP && protocol != 136);
	struct nfi_transport transport = {.protocol = -1, .box = boxed ? box : NFI_BOXES};
	transport.number = (uint8_t)protocol;
	bool leaf = transport.box == NFI_BOXES || protocol == 136;
	if (leaf)
		transport.protocol = (int)protocol;
	add_transports(split, transport, family || leaf);
}

static void find_transports(struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	enum nfi_box header = nfi_header_box(split->rule);
	bool inside = ir_clause_asks_transport(clause) || header != NFI_BOXES;
	if (!ir_clause_versions(clause))
		return;
	if (!inside && !ir_clause_set(clause, IR_PROTO)) {
		add_transports(split, (struct nfi_transport){.protocol = -1, .box = NFI_BOXES},
			       needs_family(clause));
		return;
	}
	struct ir_protocols allowed = ir_clause_protocols(clause);
	for (unsigned p = 0; p < 256; p++) {
		bool fits = header == NFI_BOXES || (box_of(p) == header && p != 136);
		if (fits && (allowed.bit[p / 64] >> p % 64 & 1))
			add_protocol(split, p, inside);
	}
}

// --- what cannot be said ---

// Against the direction of a flow only its identity counts, so nothing else may stand for the
// version or the protocol there.
static bool flow_says_it_all(const struct ir_rule *rule, const struct ir_clause *clause)
{
	struct ir_clause tuple = *clause;
	struct ir_cond cond[IR_DIMS];
	tuple.cond = cond;
	tuple.len = 0;
	for (size_t i = 0; i < clause->len; i++)
		if (ir_dim_info[clause->cond[i].dim].kind == IR_KIND_TUPLE)
			cond[tuple.len++] = clause->cond[i];
	bool same = ir_clause_versions(&tuple) == ir_clause_versions(clause) &&
		    ir_protocols_equal(ir_clause_protocols(&tuple), ir_clause_protocols(clause));
	bool passes = ir_verdict_passes(rule->verdict);
	return same || !rule->flow || !passes;
}

static bool check_condition(const struct ir_rule *rule, const struct ir_cond *cond,
			    struct diags *diags)
{
	const char *key = ir_dim_info[cond->dim].key;
	const struct nfi_leaf *leaf = leaf_of(cond->dim);
	struct algebra_set set = cond->set;
	if (cond->dim == IR_STATE || cond->dim == IR_IN || cond->dim == IR_OUT) {
		nfi_refuse(
			rule, key,
			cond->dim == IR_STATE
				? "flow-action judges connections by their first packet: make flow "
				  "rules of those about new ones, and leave those about replies out"
				: "the function's place on the path says it: leave the interface "
				  "out, of access control lists their attachment-points",
			diags, "the NSF-facing model has no word for the condition '%s'", key);
		return false;
	}
	bool least = leaf && set.at[0].lo < leaf->least;
	bool most = leaf && set.at[set.len - 1].hi > leaf->most;
	if (least || most) {
		nfi_refuse(rule, key, "leave these values out", diags,
			   "the NSF-facing model holds %s from %u to %u only", leaf->name,
			   leaf->least, leaf->most);
		return false;
	}
	if (leaf && leaf->form == NFI_LIST && count_values(set) > CODEC_NFI_PARTS_MOST) {
		nfi_refuse(rule, key, "name fewer values", diags,
			   "the NSF-facing model lists single values of '%s'; these are too many",
			   key);
		return false;
	}
	return true;
}

// How many entries of layer 2 a part takes; beyond the most it does not matter how many.
static size_t count_frames(const struct ir_clause *clause, struct arena *arena)
{
	static const enum ir_dim dims[] = {IR_SMAC, IR_DMAC};
	const struct algebra_set *types = ir_clause_set(clause, IR_ETHERTYPE);
	size_t n = types ? count_values(*types) : 1;
	for (size_t i = 0; i < array_len(dims); i++) {
		const struct algebra_set *set = ir_clause_set(clause, dims[i]);
		struct nfi_masked_list masks;
		if (!set)
			continue;
		nfi_mask(&(struct nfi_masking){arena, 48, CODEC_NFI_PARTS_MOST}, *set, &masks);
		n *= masks.list.len;
	}
	return n;
}

static bool check_layer2(const struct nfi_split *split, struct diags *diags)
{
	const struct ir_rule *rule = split->rule;
	const struct ir_clause *clause = &split->clause;
	bool mac = ir_clause_set(clause, IR_SMAC) || ir_clause_set(clause, IR_DMAC);
	const struct algebra_set *type = ir_clause_set(clause, IR_ETHERTYPE);
	if (type && count_values(*type) > CODEC_NFI_PARTS_MOST) {
		nfi_refuse(rule, "layer-2/ethertype", "name fewer EtherTypes", diags,
			   "the NSF-facing model lists single EtherTypes; these are too many");
		return false;
	}
	if (count_frames(clause, split->arena) > CODEC_NFI_PARTS_MOST) {
		nfi_refuse(
			rule, "layer-2", "name fewer MAC addresses or EtherTypes", diags,
			"the NSF-facing model lists single frames with masks; these are too many");
		return false;
	}
	if (mac && !type && !nfi_asks_layer3(clause) && !ir_clause_asks_transport(clause) &&
	    !ir_clause_set(clause, IR_PROTO)) {
		nfi_refuse(rule, "layer-2", "add addresses, a protocol or an EtherType", diags,
			   "the NSF-facing model asks for the EtherType with a MAC address");
		return false;
	}
	return true;
}

bool nfi_clock(int32_t clock, uint32_t hour, int32_t *from_out, int32_t *zone_out)
{
	int32_t from = (int32_t)hour - clock, zone = 0;
	if (from < 0) {
		int32_t whole = (-from + 3599) / 3600 * 3600;
		zone = whole <= 14 * 3600 ? whole : (-from + 59) / 60 * 60;
	} else if (from >= DAY) {
		int32_t over = from - DAY + 1, whole = (over + 3599) / 3600 * 3600;
		zone = whole <= 14 * 3600 ? -whole : -((over + 59) / 60 * 60);
	}
	*from_out = from + zone;
	*zone_out = zone;
	return zone >= -14 * 3600 && zone <= 14 * 3600;
}

static bool check_time(const struct ir_rule *rule, const struct ir_clause *clause,
		       struct diags *diags)
{
	const struct algebra_set *time = ir_clause_set(clause, IR_TIME);
	const struct algebra_set *hour = ir_clause_set(clause, IR_HOUR);
	bool week = ir_clause_set(clause, IR_WDAY);
	bool date = ir_clause_set(clause, IR_MDAY) || ir_clause_set(clause, IR_MMDD);
	const char *fault = NULL;
	int32_t from, zone;
	if (week && date)
		fault = "a period is either weekly, monthly or yearly";
	for (size_t i = 0; time && i < time->len; i++)
		if (time->at[i].lo >= YEAR_10000 ||
		    (time->at[i].hi >= YEAR_10000 && time->at[i].hi < algebra_max(64)))
			fault = "dates end with the year 9999";
	if ((week || date) && !hour && !nfi_clock(clause->clock, 0, &from, &zone))
		fault = "time zones are at most 14 hours from UTC";
	for (size_t i = 0; hour && i < hour->len; i++)
		if (!nfi_clock(clause->clock, (uint32_t)hour->at[i].lo, &from, &zone))
			fault = "time zones are at most 14 hours from UTC";
	if (fault)
		nfi_refuse(rule, "context/time", "state the period in another way", diags,
			   "the NSF-facing model cannot say this time: %s", fault);
	return !fault;
}

static bool check(const struct nfi_split *split, struct diags *diags)
{
	const struct ir_rule *rule = split->rule;
	const struct ir_clause *clause = &split->clause;
	bool good = check_layer2(split, diags) && check_time(rule, clause, diags);
	for (size_t i = 0; i < clause->len; i++)
		good &= check_condition(rule, &clause->cond[i], diags);
	if (good && !flow_says_it_all(rule, clause)) {
		nfi_refuse(rule, NULL, "name the protocol or the addresses in the rule", diags,
			   "its flows are known by header fields of single packets only");
		good = false;
	}
	return good;
}

// An ICMP header condition without a type stands in a box that says the version.
static bool check_icmp_header(const struct nfi_split *split, struct diags *diags)
{
	for (size_t i = 0; i < split->transport.list.len; i++) {
		const struct nfi_transport *t = &split->transport.list.at[i];
		unsigned needed = t->number == 1 ? 1 : 2;
		if (t->box == NFI_ICMP && !nfi_asks_icmp(&split->clause) &&
		    ir_clause_versions(&split->clause) != needed) {
			nfi_refuse(split->rule, "icmp", "name the IP version in the rule", diags,
				   "the NSF-facing model knows ICMP by its version only");
			return false;
		}
	}
	return true;
}

// --- axes ---

static void add_axis(struct nfi_split *split, struct nfi_axis axis)
{
	assert(split->axes < NFI_AXES_MOST);
	split->axis[split->axes++] = axis;
	split->parts *= axis.n;
	if (split->parts > CODEC_NFI_PARTS_MOST)
		split->parts = CODEC_NFI_PARTS_MOST + 1;
}

bool nfi_icmp_next(struct algebra_range r, u128 *value, struct nfi_icmp *out)
{
	if (*value > r.hi)
		return false;
	bool all = *value % 256 == 0 && *value + 255 <= r.hi;
	*out = (struct nfi_icmp){(uint8_t)(*value / 256), all ? -1 : (int)(*value % 256)};
	*value += all ? 256 : 1;
	return true;
}

static size_t list_icmp(struct nfi_split *split, struct algebra_set set)
{
	struct nfi_icmp next;
	for (size_t i = 0; i < set.len; i++) {
		u128 value = set.at[i].lo;
		while (split->icmp.len <= CODEC_NFI_PARTS_MOST &&
		       nfi_icmp_next(set.at[i], &value, &next))
			vec_push(split->arena, &split->icmp, next);
	}
	return split->icmp.len;
}

static void find_axes(struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	split->parts = split->transport.list.len;
	for (size_t i = 0; i < clause->len; i++) {
		enum ir_dim dim = clause->cond[i].dim;
		struct algebra_set set = clause->cond[i].set;
		const struct nfi_leaf *leaf = leaf_of(dim);
		if (leaf && leaf->form != NFI_LIST)
			add_axis(split,
				 (struct nfi_axis){NFI_AXIS_VALUE, dim, .n = count_values(set)});
		else if (nfi_is_icmp(dim))
			add_axis(split,
				 (struct nfi_axis){NFI_AXIS_ICMP, dim, .n = list_icmp(split, set)});
		else if (dim == IR_TIME || dim == IR_HOUR)
			add_axis(split, (struct nfi_axis){NFI_AXIS_RANGE, dim, .n = set.len});
	}
	for (size_t i = 0; i < split->rule->opaques; i++)
		if (split->rule->opaque[i].kind == IR_OPAQUE_HEADER)
			add_axis(split, (struct nfi_axis){NFI_AXIS_HEADER, .opaque = i,
							  .n = split->rule->opaque[i].len});
	if (split->parts * count_frames(clause, split->arena) > FRAMES_MOST)
		split->parts = CODEC_NFI_PARTS_MOST + 1;
}

// --- the parts ---

static struct algebra_set real_dates(struct arena *arena, const struct algebra_set *days)
{
	struct algebra_builder builder = {.arena = arena};
	for (unsigned month = 1; month <= 12; month++)
		for (unsigned day = 1; day <= ir_days_in_month(2000, month); day++)
			if (!days || algebra_set_has(*days, day))
				algebra_builder_add(&builder, month * 100 + day, month * 100 + day);
	return algebra_builder_take(&builder);
}

// Values that no time has are nothing to be said; days of the month beside dates of the year are
// dates. False when no time is left.
static bool real_times(struct ir_clause *clause, struct arena *arena)
{
	static const struct {
		enum ir_dim dim;
		uint32_t lo, hi;
	} real[] = {{IR_HOUR, 0, DAY - 1}, {IR_WDAY, 0, 6}, {IR_MDAY, 1, 31}};
	const struct algebra_set *days = ir_clause_set(clause, IR_MDAY);
	bool dates = ir_clause_set(clause, IR_MMDD);
	if (dates && !ir_clause_narrow(clause, arena, IR_MMDD, real_dates(arena, days)))
		return false;
	if (dates && days)
		nfi_clause_drop(clause, arena, IR_MDAY);
	for (size_t i = 0; i < array_len(real); i++)
		if (ir_clause_set(clause, real[i].dim) &&
		    !ir_clause_narrow(clause, arena, real[i].dim,
				      algebra_set_one(arena, real[i].lo, real[i].hi)))
			return false;
	return true;
}

bool nfi_ip_types(struct ir_clause *clause, struct arena *arena)
{
	const struct algebra_set *types = ir_clause_set(clause, IR_ETHERTYPE);
	struct algebra_builder versions = {.arena = arena};
	for (size_t i = 0; types && i < types->len; i++) {
		if (types->at[i].lo != types->at[i].hi || !nfi_is_ip_type(types->at[i].lo))
			return true;
		unsigned version = types->at[i].lo == 0x0800 ? 4 : 6;
		algebra_builder_add(&versions, version, version);
	}
	if (!types)
		return true;
	nfi_clause_drop(clause, arena, IR_ETHERTYPE);
	return ir_clause_narrow(clause, arena, IR_FAMILY, algebra_builder_take(&versions));
}

bool nfi_split_init(struct nfi_split *split, const struct ir_rule *rule,
		    const struct ir_clause *clause, struct diags *diags)
{
	struct arena *arena = split->arena;
	*split = (struct nfi_split){.rule = rule, .clause = *clause, .arena = arena};
	if (!real_times(&split->clause, arena) || !nfi_ip_types(&split->clause, arena))
		return true;
	nfi_clause_reduce(&split->clause, arena);
	if (!check(split, diags))
		return false;
	find_transports(split);
	find_axes(split);
	return check_icmp_header(split, diags);
}

bool nfi_split_next(struct nfi_split *split)
{
	for (size_t i = split->axes; i-- > 0;) {
		if (++split->axis[i].at < split->axis[i].n)
			return true;
		split->axis[i].at = 0;
	}
	return ++split->at < split->transport.list.len;
}

bool nfi_split_single(const struct nfi_split *split, enum ir_dim dim)
{
	for (size_t i = 0; i < split->axes; i++)
		if (split->axis[i].kind == NFI_AXIS_VALUE && split->axis[i].dim == dim)
			return true;
	return false;
}

static const struct nfi_axis *axis_of(const struct nfi_split *split, enum ir_dim dim)
{
	size_t i = 0;
	while (split->axis[i].kind == NFI_AXIS_HEADER || split->axis[i].dim != dim)
		i++;
	assert(i < split->axes);
	return &split->axis[i];
}

u128 nfi_split_value(const struct nfi_split *split, enum ir_dim dim)
{
	return nth_value(*ir_clause_set(&split->clause, dim), axis_of(split, dim)->at);
}

struct algebra_range nfi_split_range(const struct nfi_split *split, enum ir_dim dim)
{
	return ir_clause_set(&split->clause, dim)->at[axis_of(split, dim)->at];
}

struct nfi_icmp nfi_split_icmp(const struct nfi_split *split)
{
	size_t i = 0;
	while (split->axis[i].kind != NFI_AXIS_ICMP)
		i++;
	return split->icmp.at[split->axis[i].at];
}

const char *nfi_split_header(const struct nfi_split *split, size_t opaque)
{
	size_t i = 0;
	while (split->axis[i].kind != NFI_AXIS_HEADER || split->axis[i].opaque != opaque)
		i++;
	const char *value = split->rule->opaque[opaque].value[split->axis[i].at];
	return value + strlen(nfi_header_of(value)->prefix);
}
