// SPDX-License-Identifier: Apache-2.0
// The condition of one part as XML: what nfi_split says about its header fields, and what stands beside
// them in the rule.
#include "codec/nfi_put.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

// --- printing: addresses, ports, MAC addresses ---

static void address_text(enum ir_dim dim, u128 value, char out[static 64])
{
	struct buf buf cleanup(buf_fini);
	buf_init(&buf);
	ir_value_print(dim, value, &buf);
	snprintf(out, 64, "%s", buf.data);
}

// The prefix length when the range is a prefix, else -1.
static int prefix_length(unsigned bits, struct algebra_range r)
{
	u128 size = r.hi - r.lo;
	if ((size & (size + 1)) || (r.lo & size))
		return -1;
	for (; size; size >>= 1)
		bits--;
	return (int)bits;
}

static void put_addresses(struct xml_out *out, const struct nfi_split *split, enum ir_dim dim)
{
	const struct algebra_set *set = ir_clause_set(&split->clause, dim);
	bool source = dim == IR_SRC4 || dim == IR_SRC6;
	unsigned bits = ir_dim_info[dim].bits;
	char name[40], text[64], both[80];
	if (!set)
		return;
	const char *which = source ? "source" : "destination", *ip = bits == 32 ? "ipv4" : "ipv6";
	int length = set->len == 1 ? prefix_length(bits, set->at[0]) : -1;
	if (length >= 0) {
		snprintf(name, sizeof(name), "%s-%s-network", which, ip);
		address_text(dim, set->at[0].lo, text);
		snprintf(both, sizeof(both), "%s/%d", text, length);
		xml_leaf(out, name, both);
		return;
	}
	snprintf(name, sizeof(name), "%s-%s-range", which, ip);
	for (size_t i = 0; i < set->len; i++) {
		xml_open(out, name);
		address_text(dim, set->at[i].lo, text);
		xml_leaf(out, "start", text);
		address_text(dim, set->at[i].hi, text);
		xml_leaf(out, "end", text);
		xml_close(out, name);
	}
}

static void put_ports(struct xml_out *out, const char *name, const struct algebra_set *set)
{
	xml_open(out, name);
	if (set->len == 1) {
		xml_number(out, "lower-port", (uint64_t)set->at[0].lo);
		xml_number(out, "upper-port", (uint64_t)set->at[0].hi);
	}
	for (size_t i = 0; set->len > 1 && i < set->len; i++) {
		xml_open(out, "port-numbers");
		xml_number(out, "start", (uint64_t)set->at[i].lo);
		xml_number(out, "end", (uint64_t)set->at[i].hi);
		xml_close(out, "port-numbers");
	}
	xml_close(out, name);
}

static void mac_text(u128 value, char out[static 18])
{
	uint64_t v = (uint64_t)value;
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(v >> 40) & 255,
		 (unsigned)(v >> 32) & 255, (unsigned)(v >> 24) & 255, (unsigned)(v >> 16) & 255,
		 (unsigned)(v >> 8) & 255, (unsigned)v & 255);
}

static struct nfi_masked_list masked_list(const struct nfi_split *split, enum ir_dim dim)
{
	const struct algebra_set *set = ir_clause_set(&split->clause, dim);
	struct algebra_range any = {0, algebra_max(48)};
	struct nfi_masked_list out;
	nfi_mask(&(struct nfi_masking){split->arena, 48, CODEC_NFI_PARTS_MOST},
		 set ? *set : (struct algebra_set){&any, 1}, &out);
	return out;
}

static struct algebra_set ethertypes(const struct nfi_split *split)
{
	const struct algebra_set *set = ir_clause_set(&split->clause, IR_ETHERTYPE);
	unsigned type = split->transport.list.at[split->at].family == 4 ? 0x0800 : 0x86dd;
	return set ? *set : algebra_set_one(split->arena, type, type);
}

static void put_mac(struct xml_out *out, const char *leaf, u128 value)
{
	char text[18];
	mac_text(value, text);
	xml_leaf(out, leaf, text);
}

static void put_frame(struct xml_out *out, const struct nfi_masked *d, const struct nfi_masked *s,
		      unsigned type)
{
	const u128 all = algebra_max(48);
	xml_open(out, "layer-2");
	put_mac(out, "destination-mac-address", d->value);
	put_mac(out, "source-mac-address", s->value);
	xml_number(out, "ethertype", type);
	if (d->mask != all)
		put_mac(out, "destination-mac-address-mask", d->mask);
	if (s->mask != all)
		put_mac(out, "source-mac-address-mask", s->mask);
	xml_close(out, "layer-2");
}

static bool has_layer2(const struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	return ir_clause_set(clause, IR_ETHERTYPE) || ir_clause_set(clause, IR_SMAC) ||
	       ir_clause_set(clause, IR_DMAC);
}

static void put_layer2(struct xml_out *out, const struct nfi_split *split)
{
	if (!has_layer2(split))
		return;
	struct nfi_masked_list d = masked_list(split, IR_DMAC), s = masked_list(split, IR_SMAC);
	struct algebra_set types = ethertypes(split);
	for (size_t i = 0; i < d.list.len; i++)
		for (size_t j = 0; j < s.list.len; j++)
			for (size_t k = 0; k < types.len; k++)
				for (u128 t = types.at[k].lo; t <= types.at[k].hi; t++)
					put_frame(out, &d.list.at[i], &s.list.at[j], (unsigned)t);
}

// --- printing: the boxes of layer 3 and layer 4 ---

void nfi_put_bits(struct xml_out *out, const struct nfi_leaf *leaf, u128 value)
{
	char text[64] = "";
	size_t len = 0;
	for (const struct nfi_bit *bit = nfi_bits(leaf->dim); bit->name; bit++)
		if (value & bit->value)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						len ? " " : "", bit->name);
	xml_leaf(out, leaf->name, text);
}

static void put_list(struct xml_out *out, const struct nfi_leaf *leaf, struct algebra_set set)
{
	for (size_t i = 0; i < set.len; i++)
		for (u128 v = set.at[i].lo; v <= set.at[i].hi; v++)
			xml_number(out, leaf->name, (uint64_t)v);
}

static void put_leaves(struct xml_out *out, const struct nfi_split *split, enum nfi_box box)
{
	for (size_t i = 0; i < NFI_LEAVES; i++) {
		const struct nfi_leaf *leaf = &nfi_leaf[i];
		const struct algebra_set *set = ir_clause_set(&split->clause, leaf->dim);
		if (leaf->box != box || !set)
			continue;
		if (leaf->form == NFI_LIST)
			put_list(out, leaf, *set);
		else if (leaf->form == NFI_BITS)
			nfi_put_bits(out, leaf, nfi_split_value(split, leaf->dim));
		else
			xml_number(out, leaf->name, (uint64_t)nfi_split_value(split, leaf->dim));
	}
}

// An IP box says its version by being there, but only with something in it.
static void put_layer3(struct xml_out *out, const struct nfi_split *split)
{
	const struct nfi_transport *t = &split->transport.list.at[split->at];
	if (!t->family)
		return;
	enum nfi_box box = t->family == 4 ? NFI_IPV4 : NFI_IPV6;
	xml_open(out, nfi_box_name[box]);
	size_t before = out->buf->len;
	put_leaves(out, split, box);
	if (t->protocol >= 0)
		xml_number(out, "protocol", (uint64_t)t->protocol);
	put_addresses(out, split, t->family == 4 ? IR_DST4 : IR_DST6);
	put_addresses(out, split, t->family == 4 ? IR_SRC4 : IR_SRC6);
	if (out->buf->len == before)
		xml_leaf(out, t->family == 4 ? "source-ipv4-network" : "source-ipv6-network",
			 t->family == 4 ? "0.0.0.0/0" : "::/0");
	xml_close(out, nfi_box_name[box]);
}

static void put_header(struct xml_out *out, const struct nfi_split *split)
{
	for (size_t i = 0; i < split->rule->opaques; i++) {
		const struct ir_opaque *o = &split->rule->opaque[i];
		if (o->kind == IR_OPAQUE_HEADER)
			xml_leaf(out, nfi_header_of(o->value[0])->leaf, nfi_split_header(split, i));
	}
}

static void put_icmp(struct xml_out *out, const struct nfi_split *split, uint8_t protocol)
{
	bool typed =
		ir_clause_set(&split->clause, IR_ICMP4) || ir_clause_set(&split->clause, IR_ICMP6);
	xml_leaf(out, "version", protocol == 1 ? "icmpv4" : "icmpv6");
	if (!typed)
		return;
	struct nfi_icmp icmp = nfi_split_icmp(split);
	xml_number(out, "type", icmp.type);
	if (icmp.code >= 0)
		xml_number(out, "code", (uint64_t)icmp.code);
}

// Ports: all of them where nothing else in the box says the protocol.
static void put_layer4(struct xml_out *out, const struct nfi_split *split)
{
	const struct nfi_transport *t = &split->transport.list.at[split->at];
	const struct algebra_set *sport = ir_clause_set(&split->clause, IR_SPORT);
	const struct algebra_set *dport = ir_clause_set(&split->clause, IR_DPORT);
	struct algebra_range every = {0, 65535};
	if (t->box == NFI_BOXES)
		return;
	xml_open(out, nfi_box_name[t->box]);
	size_t before = out->buf->len;
	if (t->box == NFI_ICMP)
		put_icmp(out, split, t->number);
	if (sport)
		put_ports(out, "source-port-number", sport);
	if (dport)
		put_ports(out, "destination-port-number", dport);
	put_leaves(out, split, t->box);
	put_header(out, split);
	if (out->buf->len == before)
		put_ports(out, "source-port-number", &(struct algebra_set){&every, 1});
	xml_close(out, nfi_box_name[t->box]);
}

// --- printing: time ---

static void put_date_time(struct xml_out *out, const char *name, u128 time)
{
	char text[32];
	ir_time_print((int64_t)time, text);
	xml_leaf(out, name, text);
}

static void put_time_of_day(struct xml_out *out, const char *name, int32_t second, int32_t zone)
{
	char text[48];
	int32_t z = zone < 0 ? -zone : zone;
	int len = snprintf(text, sizeof(text), "%02d:%02d:%02d", second / 3600, second / 60 % 60,
			   second % 60);
	if (zone)
		snprintf(text + len, sizeof(text) - (size_t)len, "%c%02d:%02d",
			 zone < 0 ? '-' : '+', z / 3600, z / 60 % 60);
	else
		snprintf(text + len, sizeof(text) - (size_t)len, "Z");
	xml_leaf(out, name, text);
}

static void put_days(struct xml_out *out, const struct ir_clause *clause)
{
	static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
					    "friday", "saturday", "sunday"};
	const struct algebra_set *week = ir_clause_set(clause, IR_WDAY);
	const struct algebra_set *month = ir_clause_set(clause, IR_MDAY);
	const struct algebra_set *year = ir_clause_set(clause, IR_MMDD);
	char text[16];
	for (unsigned d = 0; week && d < 7; d++)
		if (algebra_set_has(*week, d))
			xml_leaf(out, "day", names[d]);
	for (unsigned d = 1; month && d <= 31; d++)
		if (algebra_set_has(*month, d))
			xml_number(out, "date", d);
	for (unsigned d = 101; year && d <= 1231; d++)
		if (algebra_set_has(*year, d)) {
			snprintf(text, sizeof(text), "%02u-%02u", d / 100, d % 100);
			xml_leaf(out, "month", text);
		}
}

static void put_period(struct xml_out *out, const struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	struct algebra_range hour = {0, DAY - 1};
	if (ir_clause_set(clause, IR_HOUR))
		hour = nfi_split_range(split, IR_HOUR);
	int32_t from, zone, length = (int32_t)(hour.hi - hour.lo + 1);
	bool good = nfi_clock(clause->clock, (uint32_t)hour.lo, &from, &zone);
	assert(good);
	xml_open(out, "period");
	if (length < DAY || from || zone) {
		put_time_of_day(out, "start-time", from, zone);
		put_time_of_day(out, "end-time", (from + length) % DAY, zone);
	}
	put_days(out, clause);
	xml_close(out, "period");
}

static void put_time(struct xml_out *out, const struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	const char *frequency = ir_clause_set(clause, IR_WDAY)   ? "weekly"
				: ir_clause_set(clause, IR_MDAY) ? "monthly"
				: ir_clause_set(clause, IR_MMDD) ? "yearly"
				: ir_clause_set(clause, IR_HOUR) ? "daily"
								 : NULL;
	struct algebra_range time = {0, algebra_max(64)};
	if (ir_clause_set(clause, IR_TIME))
		time = nfi_split_range(split, IR_TIME);
	else if (!frequency)
		return;
	xml_open(out, "time");
	if (time.lo)
		put_date_time(out, "start-date-time", time.lo);
	if (time.hi < algebra_max(64))
		put_date_time(out, "end-date-time", time.hi + 1);
	if (frequency) {
		put_period(out, split);
		xml_leaf(out, "frequency", frequency);
	}
	xml_close(out, "time");
}

// --- printing: opaque conditions ---

static void put_user(struct xml_out *out, const char *leaf, const char *value)
{
	char id[16];
	const char *space = strchr(value, ' ');
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(value, " "), value);
	xml_open(out, leaf);
	xml_leaf(out, "id", id);
	if (space)
		xml_leaf(out, "name", space + 1);
	xml_close(out, leaf);
}

static const struct ir_opaque *opaque_of(const struct ir_rule *rule, enum ir_opaque_kind kind)
{
	for (size_t i = 0; i < rule->opaques; i++)
		if (rule->opaque[i].kind == kind)
			return &rule->opaque[i];
	return NULL;
}

// The customer's name of a container's conditions, if all of them have the same; anti-virus has no
// place for it.
static const char *name_of(const struct ir_rule *rule, const char *container)
{
	const char *name = NULL;
	for (size_t i = 0; i < NFI_LISTS; i++) {
		const struct ir_opaque *o = opaque_of(rule, nfi_list[i].kind);
		if (!o || strcmp(nfi_list[i].container, container) != 0)
			continue;
		if (!o->name || (name && strcmp(name, o->name) != 0))
			return NULL;
		name = o->name;
	}
	return strcmp(container, "anti-virus") != 0 ? name : NULL;
}

static bool has_container(const struct ir_rule *rule, const char *container)
{
	for (size_t i = 0; i < NFI_LISTS; i++)
		if (!strcmp(nfi_list[i].container, container) && opaque_of(rule, nfi_list[i].kind))
			return true;
	return false;
}

// A leaf-list has each value once.
static bool said_before(const struct ir_opaque *o, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (!strcmp(o->value[i], o->value[k]))
			return true;
	return false;
}

void nfi_put_container(struct xml_out *out, const struct ir_rule *rule, const char *container)
{
	if (!has_container(rule, container))
		return;
	const char *name = name_of(rule, container);
	xml_open(out, container);
	if (name)
		xml_leaf(out, "description", name);
	for (size_t i = 0; i < NFI_LISTS; i++) {
		const struct nfi_list *list = &nfi_list[i];
		const struct ir_opaque *o = opaque_of(rule, list->kind);
		bool here = o && !strcmp(list->container, container);
		for (size_t k = 0; here && k < o->len; k++) {
			if (list->user && !said_before(o, k))
				put_user(out, list->leaf, o->value[k]);
			else if (!said_before(o, k))
				xml_leaf(out, list->leaf, o->value[k]);
		}
	}
	xml_close(out, container);
}

static void put_rate(struct xml_out *out, const struct ir_rule *rule)
{
	const struct ir_rate *rate = &rule->rate;
	if (!ir_rule_has_rate(rule))
		return;
	xml_open(out, "ddos");
	if (rate->packets)
		xml_number(out, "alert-packet-rate", rate->packets);
	if (rate->flows)
		xml_number(out, "alert-flow-rate", rate->flows);
	if (rate->bytes_x100)
		xml_number(out, "alert-byte-rate", rate->bytes_x100 / 100);
	xml_close(out, "ddos");
}

static const char *const context[] = {"application", "device-type", "users", "geographic-location"};

static bool has_context(const struct nfi_split *split)
{
	const struct ir_clause *clause = &split->clause;
	bool any = clause->len && clause->cond[clause->len - 1].dim >= IR_TIME;
	for (size_t i = 0; i < array_len(context); i++)
		any |= has_container(split->rule, context[i]);
	return any;
}

static void put_context(struct xml_out *out, const struct nfi_split *split)
{
	if (!has_context(split))
		return;
	xml_open(out, "context");
	put_time(out, split);
	for (size_t i = 0; i < array_len(context); i++)
		nfi_put_container(out, split->rule, context[i]);
	xml_close(out, "context");
}

void nfi_put_condition(struct xml_out *out, const struct nfi_split *split)
{
	xml_open(out, "condition");
	put_layer2(out, split);
	put_layer3(out, split);
	put_layer4(out, split);
	nfi_put_container(out, split->rule, "url-category");
	nfi_put_container(out, split->rule, "voice");
	put_rate(out, split->rule);
	nfi_put_container(out, split->rule, "anti-virus");
	nfi_put_container(out, split->rule, "payload");
	put_context(out, split);
	xml_close(out, "condition");
}
