// SPDX-License-Identifier: Apache-2.0
// Reading our table. nf_tables numbers its changes; a view is consistent when the number is the same
// before and after, so reading begins again until it is. Sets come before rules, which name them.
#include "backend/nft/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 50

struct view {
	struct nft_socket *socket;
	const char *name;
	uint8_t family;
	enum nft_detail detail;
	const struct nft_part *part; // NULL: the whole
	struct arena *arena;
	struct nft_table *table;
	struct nft_dumped_set *filled;     // the set whose elements come
	const char *prefix;                // of the chain whose rules come …
	VEC(struct nft_form) rule;         // … up to now
	VEC(const struct nlmsghdr *) held; // … of a part, until their sets are there
};

char *nft_generation_name(uint32_t generation, struct arena *arena)
{
	return arena_printf(arena, "g%" PRIu32, generation);
}

bool nft_generation_of(const char *name, uint32_t *out)
{
	char *end;
	if (name[0] != 'g' || name[1] < '1' || name[1] > '9')
		return false;
	unsigned long n = strtoul(name + 1, &end, 10);
	if ((*end && *end != '-') || n > NFT_GENERATION_MOST)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool has_generation(const struct nft_table *table, uint32_t generation)
{
	uint32_t of;
	for (size_t i = 0; i < table->chain.len; i++)
		if (nft_generation_of(table->chain.at[i]->name, &of) && of == generation)
			return true;
	for (size_t i = 0; i < table->set.len; i++)
		if (nft_generation_of(table->set.at[i]->name, &of) && of == generation)
			return true;
	return false;
}

uint32_t nft_generation_free(const struct nft_table *table)
{
	uint32_t generation = table->generation;
	do
		generation = generation % NFT_GENERATION_MOST + 1;
	while (has_generation(table, generation));
	return generation;
}

struct nft_dumped_chain *nft_table_chain(const struct nft_table *table, const char *name)
{
	return map_get(&table->chain_by_name, name);
}

bool nft_only_leads(const struct nft_form *form, enum nft_act act, const char *chain)
{
	return !form->len && !form->strange && !form->limited && !form->log.prefix &&
	       !form->named_set && form->act == act && form->chain && !strcmp(form->chain, chain);
}

// --- attributes of messages ---

#define ATTRIBUTES 24
static void sort(const struct nlmsghdr *nlh, const struct nlattr *at[static ATTRIBUTES])
{
	const struct nlattr *attr;
	memset(at, 0, ATTRIBUTES * sizeof(*at));
	for (attr = nft_message_next(nlh, NULL); attr; attr = nft_message_next(nlh, attr))
		if (mnl_attr_get_type(attr) < ATTRIBUTES)
			at[mnl_attr_get_type(attr)] = attr;
}

static void sort_nested(const struct nlattr *nest, const struct nlattr *at[static ATTRIBUTES])
{
	const struct nlattr *attr;
	memset(at, 0, ATTRIBUTES * sizeof(*at));
	if (nest)
		for (attr = nft_attr_next(nest, NULL); attr; attr = nft_attr_next(nest, attr))
			if (mnl_attr_get_type(attr) < ATTRIBUTES)
				at[mnl_attr_get_type(attr)] = attr;
}

static uint32_t u32(const struct nlattr *attr)
{
	return (uint32_t)nft_attr_number(attr, 4);
}

static char *text(struct arena *arena, const struct nlattr *attr)
{
	return attr ? arena_strndup(arena, mnl_attr_get_payload(attr),
				    mnl_attr_get_payload_len(attr))
		    : NULL;
}

// The first attribute of every object is its table's name.
static bool ours(const struct view *v, const struct nlmsghdr *nlh, const struct nlattr *table)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	return nfg->nfgen_family == v->family && nft_attr_is(table, v->name);
}

// --- chains ---

static int take_chain(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES], *hook[ATTRIBUTES];
	sort(nlh, at);
	if (!ours(v, nlh, at[NFTA_CHAIN_TABLE]) || !at[NFTA_CHAIN_NAME])
		return 0;
	struct nft_dumped_chain *chain = arena_new(v->arena, struct nft_dumped_chain);
	sort_nested(at[NFTA_CHAIN_HOOK], hook);
	*chain = (struct nft_dumped_chain){.name = text(v->arena, at[NFTA_CHAIN_NAME]),
					   .base = at[NFTA_CHAIN_HOOK] != NULL,
					   .type = text(v->arena, at[NFTA_CHAIN_TYPE]),
					   .hook = u32(hook[NFTA_HOOK_HOOKNUM]),
					   .policy = u32(at[NFTA_CHAIN_POLICY]),
					   .priority = (int32_t)u32(hook[NFTA_HOOK_PRIORITY])};
	vec_push(v->arena, &v->table->chain, chain);
	map_put(&v->table->chain_by_name, chain->name, chain);
	return 0;
}

// --- sets ---

// Sets may change by themselves (timers of pinholes), maps may not.
static bool usual(const struct nft_dumped_set *set, const struct nlattr *data_type)
{
	const uint32_t fixed = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL,
		       known = fixed |
			       (data_type ? (uint32_t)NFT_SET_MAP : NFT_SET_TIMEOUT | NFT_SET_EVAL);
	bool verdicts = data_type && set->flags & NFT_SET_MAP && u32(data_type) == NFT_DATA_VERDICT;
	return !(set->flags & ~known) && set->key_bytes && set->key_bytes <= 16 &&
	       (!data_type || verdicts);
}

// A map of verdicts over several fields, or a set.
static bool usual_boxes(const struct nft_dumped_set *set, const struct nlattr *data_type)
{
	size_t bytes = 0;
	for (size_t f = 0; f < set->fields; f++)
		bytes += (set->field_bytes[f] + 3u) / 4 * 4;
	bool map = set->flags & NFT_SET_MAP;
	return (set->flags & ~(uint32_t)NFT_SET_MAP) == (NFT_SET_INTERVAL | NFT_SET_CONCAT) &&
	       (map ? u32(data_type) == NFT_DATA_VERDICT : !data_type) && bytes == set->key_bytes &&
	       bytes <= NFT_BOXES_SLOTS * 4;
}

// The fields of a concatenation; more than Bulwark uses, or longer ones, make the set strange.
static void take_fields(const struct nlattr *description, struct nft_dumped_set *set)
{
	const struct nlattr *at[ATTRIBUTES], *field[ATTRIBUTES], *attr;
	sort_nested(description, at);
	const struct nlattr *list = at[NFTA_SET_DESC_CONCAT];
	for (attr = list ? nft_attr_next(list, NULL) : NULL; attr;
	     attr = nft_attr_next(list, attr)) {
		sort_nested(attr, field);
		uint32_t bytes = u32(field[NFTA_SET_FIELD_LEN]);
		if (set->fields == NFT_BOXES_FIELDS || !bytes || bytes > 16) {
			set->strange = "a set over fields that Bulwark does not use";
			return;
		}
		set->field_bytes[set->fields++] = (uint8_t)bytes;
	}
}

// Every element of the map has a counter and nothing else.
static bool has_counter(const struct nlattr *expression)
{
	struct nft_form none = {0};
	return expression && nft_decode_count(expression, &none);
}

static int take_set(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES];
	sort(nlh, at);
	if (!ours(v, nlh, at[NFTA_SET_TABLE]) || !at[NFTA_SET_NAME])
		return 0;
	struct nft_dumped_set *set = arena_new(v->arena, struct nft_dumped_set);
	set->name = text(v->arena, at[NFTA_SET_NAME]);
	set->flags = u32(at[NFTA_SET_FLAGS]);
	set->key_bytes = u32(at[NFTA_SET_KEY_LEN]);
	take_fields(at[NFTA_SET_DESC], set);
	set->counts = set->fields && has_counter(at[NFTA_SET_EXPR]);
	if (!(set->fields ? usual_boxes : usual)(set, at[NFTA_SET_DATA_TYPE]))
		set->strange = "a set of a kind that Bulwark does not use";
	vec_push(v->arena, &v->table->set, set);
	map_put(&v->table->set_by_name, set->name, set);
	return 0;
}

// What the data of an element says; false: no verdict.
struct verdict {
	int code;
	const struct nlattr *chain; // NULL: it names none
};

static bool verdict_of(const struct nlattr *data, struct verdict *out)
{
	const struct nlattr *value[ATTRIBUTES], *verdict[ATTRIBUTES];
	sort_nested(data, value);
	sort_nested(value[NFTA_DATA_VERDICT], verdict);
	*out = (struct verdict){(int)u32(verdict[NFTA_VERDICT_CODE]), verdict[NFTA_VERDICT_CHAIN]};
	return verdict[NFTA_VERDICT_CODE];
}

// The chain of a goto, NULL for every other verdict.
static const char *chain_of(struct view *v, const struct nlattr *data)
{
	struct verdict verdict;
	bool leads = verdict_of(data, &verdict) && verdict.code == NFT_GOTO;
	return leads ? text(v->arena, verdict.chain) : NULL;
}

static void strange_elements(struct nft_dumped_set *set)
{
	set->strange = "a set with elements of a kind that Bulwark does not use";
}

// The bytes of a corner of a box. NULL when there are not as many as the key has.
static const uint8_t *corner_of(const struct nft_dumped_set *set, const struct nlattr *nest)
{
	const struct nlattr *data[ATTRIBUTES];
	sort_nested(nest, data);
	const struct nlattr *value = data[NFTA_DATA_VALUE];
	return value && mnl_attr_get_payload_len(value) == set->key_bytes
		       ? mnl_attr_get_payload(value)
		       : NULL;
}

static u128 number_at(const uint8_t *at, size_t bytes)
{
	u128 value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

// Of a map that counts all elements have counters, also those that only lead on.
static bool read_counter(const struct nft_dumped_set *set, const struct nlattr *expression,
			 struct nft_form *out)
{
	return set->counts ? expression && nft_decode_count(expression, out) : !expression;
}

// Of a map that counts, an element that accepts or drops by itself. NULL when it does something else.
static const struct nft_direct *read_direct(struct view *v, const struct nlattr *const *at,
					    const struct nft_form *counted)
{
	struct verdict verdict;
	bool decides = v->filled->counts && verdict_of(at[NFTA_SET_ELEM_DATA], &verdict) &&
		       !verdict.chain && (verdict.code == NF_ACCEPT || verdict.code == NF_DROP);
	if (!decides)
		return NULL;
	struct nft_direct direct = {.accepts = verdict.code == NF_ACCEPT,
				    .packets = counted->packets,
				    .bytes = counted->bytes};
	if (at[NFTA_SET_ELEM_USERDATA])
		nft_decode_tag(v->arena, mnl_attr_get_payload(at[NFTA_SET_ELEM_USERDATA]),
			       mnl_attr_get_payload_len(at[NFTA_SET_ELEM_USERDATA]), &direct.tag);
	return nft_set_direct(v->filled, &direct, v->arena);
}

static bool read_outcome(struct view *v, const struct nlattr *const *at, struct nft_box *box)
{
	const struct nft_dumped_set *set = v->filled;
	struct nft_form counted = {.packets = 0};
	if (!read_counter(set, at[NFTA_SET_ELEM_EXPR], &counted))
		return false;
	box->rule = NULL;
	box->direct = read_direct(v, at, &counted);
	box->chain = box->direct ? box->direct->chain : chain_of(v, at[NFTA_SET_ELEM_DATA]);
	return set->flags & NFT_SET_MAP ? box->chain != NULL : !at[NFTA_SET_ELEM_DATA];
}

// An element without an end is a single point.
static void add_box(struct view *v, const struct nlattr *const *at)
{
	struct nft_dumped_set *set = v->filled;
	const uint8_t *low = corner_of(set, at[NFTA_SET_ELEM_KEY]),
		      *high = at[NFTA_SET_ELEM_KEY_END] ? corner_of(set, at[NFTA_SET_ELEM_KEY_END])
							: low;
	struct nft_box box;
	if (!low || !high || !read_outcome(v, at, &box) || u32(at[NFTA_SET_ELEM_FLAGS]) ||
	    at[NFTA_SET_ELEM_OBJREF] || at[NFTA_SET_ELEM_EXPRESSIONS] ||
	    at[NFTA_SET_ELEM_EXPIRATION] || set->strange) {
		strange_elements(set);
		return;
	}
	struct algebra_range *range = arena_array(v->arena, struct algebra_range, set->fields);
	for (size_t f = 0, k = 0; f < set->fields; k += (set->field_bytes[f] + 3u) / 4 * 4, f++)
		range[f] = (struct algebra_range){number_at(low + k, set->field_bytes[f]),
						  number_at(high + k, set->field_bytes[f])};
	box.range = range;
	vec_push(v->arena, &set->box, box);
}

// 0: never. In its last millisecond the kernel says 0, too.
static uint64_t expires_ms(const struct nlattr *left)
{
	uint64_t ms = (uint64_t)nft_attr_number(left, 8);
	return left && !ms ? 1 : ms;
}

static void add_element(struct view *v, const struct nlattr *element)
{
	const struct nlattr *at[ATTRIBUTES], *key[ATTRIBUTES];
	sort_nested(element, at);
	sort_nested(at[NFTA_SET_ELEM_KEY], key);
	struct nft_dumped_set *set = v->filled;
	if (set->fields) {
		add_box(v, at);
		return;
	}
	uint32_t flags = u32(at[NFTA_SET_ELEM_FLAGS]);
	bool end = flags & NFT_SET_ELEM_INTERVAL_END;
	const char *chain = chain_of(v, at[NFTA_SET_ELEM_DATA]);
	bool plain = key[NFTA_DATA_VALUE] &&
		     mnl_attr_get_payload_len(key[NFTA_DATA_VALUE]) == set->key_bytes &&
		     !(flags & ~(uint32_t)NFT_SET_ELEM_INTERVAL_END) &&
		     !at[NFTA_SET_ELEM_KEY_END] && !at[NFTA_SET_ELEM_OBJREF] &&
		     !at[NFTA_SET_ELEM_EXPR] && !at[NFTA_SET_ELEM_EXPRESSIONS] &&
		     (set->flags & NFT_SET_MAP && !end ? chain != NULL : !at[NFTA_SET_ELEM_DATA]);
	if (!plain) {
		strange_elements(set);
		return;
	}
	vec_push(v->arena, &set->element,
		 (struct nft_element){.key = nft_attr_number(key[NFTA_DATA_VALUE], set->key_bytes),
				      .end = end,
				      .chain = chain,
				      .expires_ms = expires_ms(at[NFTA_SET_ELEM_EXPIRATION])});
}

static int take_elements(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES], *attr;
	sort(nlh, at);
	if (ours(v, nlh, at[NFTA_SET_ELEM_LIST_TABLE]) && at[NFTA_SET_ELEM_LIST_ELEMENTS])
		for (attr = nft_attr_next(at[NFTA_SET_ELEM_LIST_ELEMENTS], NULL); attr;
		     attr = nft_attr_next(at[NFTA_SET_ELEM_LIST_ELEMENTS], attr))
			add_element(v, attr);
	return 0;
}

// --- rules ---

static int take_rule(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES];
	sort(nlh, at);
	if (!ours(v, nlh, at[NFTA_RULE_TABLE]))
		return 0;
	struct nft_form form = {.handle = (uint64_t)nft_attr_number(at[NFTA_RULE_HANDLE], 8)};
	if (at[NFTA_RULE_USERDATA])
		nft_decode_tag(v->arena, mnl_attr_get_payload(at[NFTA_RULE_USERDATA]),
			       mnl_attr_get_payload_len(at[NFTA_RULE_USERDATA]), &form.tag);
	struct nft_decoder decoder = {.arena = v->arena,
				      .near = v->part ? v->part->near : NULL,
				      .sets = &v->table->set_by_name,
				      .prefix = v->prefix};
	if (v->detail == NFT_COUNTERS && *v->prefix)
		nft_decode_counter(at[NFTA_RULE_EXPRESSIONS], &form);
	else
		nft_decode_rule(&decoder, at[NFTA_RULE_EXPRESSIONS], &form);
	if (at[NFTA_RULE_COMPAT] && !form.strange)
		form.strange = "a rule of iptables";
	vec_push(v->arena, &v->rule, form);
	return 0;
}

static int take_object(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES];
	sort(nlh, at);
	if (ours(v, nlh, at[NFTA_OBJ_TABLE]))
		vec_push(v->arena, &v->table->other,
			 (struct nft_other){NFT_MSG_DELOBJ, text(v->arena, at[NFTA_OBJ_NAME]),
					    u32(at[NFTA_OBJ_TYPE])});
	return 0;
}

static int take_flowtable(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES];
	sort(nlh, at);
	if (ours(v, nlh, at[NFTA_FLOWTABLE_TABLE]))
		vec_push(v->arena, &v->table->other,
			 (struct nft_other){NFT_MSG_DELFLOWTABLE,
					    text(v->arena, at[NFTA_FLOWTABLE_NAME]), 0});
	return 0;
}

static int take_table(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	const struct nlattr *at[ATTRIBUTES];
	sort(nlh, at);
	if (ours(v, nlh, at[NFTA_TABLE_NAME])) {
		v->table->there = true;
		v->table->flags = u32(at[NFTA_TABLE_FLAGS]);
	}
	return 0;
}

// --- asking ---

static int list(struct view *v, uint16_t type, const char *name, nft_dump_fn each)
{
	const struct nft_dump dump = {.type = type,
				      .family = v->family,
				      .table = v->name,
				      .name = name,
				      .each = each,
				      .context = v};
	return nft_dump_run(v->socket, &dump);
}

static int fill_set(struct view *v, struct nft_dumped_set *set)
{
	v->filled = set;
	int error = list(v, NFT_MSG_GETSETELEM, set->name, take_elements);
	return error == -ENOENT ? -EINTR : error;
}

static int fill_sets(struct view *v)
{
	int error = 0;
	for (size_t i = 0; i < v->table->set.len && !error; i++) {
		struct nft_dumped_set *set = v->table->set.at[i];
		bool of_pinholes = !strncmp(set->name, NFT_PINHOLE_SET, strlen(NFT_PINHOLE_SET));
		if (v->detail == NFT_ALL || (v->detail == NFT_COUNTERS ? set->counts : of_pinholes))
			error = fill_set(v, set);
	}
	return error;
}

static void find_generation(struct nft_table *table)
{
	struct nft_dumped_chain *base = nft_table_chain(table, NFT_BASE_CHAIN);
	for (size_t i = 0; base && i < base->rule.len; i++) {
		const struct nft_form *form = &base->rule.at[i];
		if (form->chain && nft_generation_of(form->chain, &table->generation))
			return;
	}
	table->generation = 0;
}

// --- a part ---

// One object; what is not there is no error.
static int get(struct view *v, uint16_t type, const char *name, nft_dump_fn each)
{
	const struct nft_dump dump = {.type = type,
				      .family = v->family,
				      .single = true,
				      .table = v->name,
				      .name = name,
				      .each = each,
				      .context = v};
	int error = nft_dump_run(v->socket, &dump);
	return error == -ENOENT ? 0 : error;
}

static bool take_known(struct view *v, const char *name)
{
	struct nft_known *known = v->part->known;
	struct nft_dumped_set *set = known ? nft_known_get(known, name, v->arena) : NULL;
	if (!set)
		return false;
	vec_push(v->arena, &v->table->set, set);
	map_put(&v->table->set_by_name, set->name, set);
	return true;
}

static int read_set(struct view *v, const char *name)
{
	if (!name || map_get(&v->table->set_by_name, name) || take_known(v, name))
		return 0;
	int error = get(v, NFT_MSG_GETSET, name, take_set);
	struct nft_dumped_set *set = map_get(&v->table->set_by_name, name);
	return error || !set || v->part->outline ? error : fill_set(v, set);
}

// The sets that a rule looks up; one that it only changes makes it strange in any case.
static int read_sets_of(struct view *v, const struct nlmsghdr *rule)
{
	const struct nlattr *at[ATTRIBUTES], *expression[ATTRIBUTES], *attr;
	int error = 0;
	sort(rule, at);
	const struct nlattr *list_of = at[NFTA_RULE_EXPRESSIONS];
	if (!list_of)
		return 0;
	for (attr = nft_attr_next(list_of, NULL); attr && !error;
	     attr = nft_attr_next(list_of, attr)) {
		sort_nested(attr, expression);
		if (!nft_attr_is(expression[NFTA_EXPR_NAME], "lookup"))
			continue;
		sort_nested(expression[NFTA_EXPR_DATA], at);
		error = read_set(v, text(v->arena, at[NFTA_LOOKUP_SET]));
	}
	return error;
}

static int hold_rule(const struct nlmsghdr *nlh, void *context)
{
	struct view *v = context;
	vec_push(v->arena, &v->held, arena_memdup(v->arena, nlh, nlh->nlmsg_len));
	return 0;
}

// Chain by chain: a dump of many rules begins at the first one again for every few of them.
static int read_rules(struct view *v, struct nft_dumped_chain *chain)
{
	uint32_t generation;
	bool of_generation = nft_generation_of(chain->name, &generation);
	v->prefix = of_generation ? nft_generation_name(generation, v->arena) : "";
	v->rule.len = v->held.len = 0;
	int error = list(v, NFT_MSG_GETRULE, chain->name, v->part ? hold_rule : take_rule);
	for (size_t i = 0; i < v->held.len && !error; i++)
		error = read_sets_of(v, v->held.at[i]);
	for (size_t i = 0; i < v->held.len && !error; i++)
		error = take_rule(v->held.at[i], v);
	chain->rule.at = arena_memdup(v->arena, v->rule.at, v->rule.len * sizeof(*v->rule.at));
	chain->rule.len = chain->rule.cap = v->rule.len;
	return error;
}

static bool take_known_chain(struct view *v, const char *name)
{
	struct nft_dumped_chain *chain = arena_new(v->arena, struct nft_dumped_chain);
	if (!v->part->known || !nft_known_get_chain(v->part->known, name, v->arena, chain))
		return false;
	chain->name = arena_strdup(v->arena, name);
	chain->known = true;
	vec_push(v->arena, &v->table->chain, chain);
	map_put(&v->table->chain_by_name, chain->name, chain);
	return true;
}

static int read_chain(struct view *v, const char *name)
{
	if (nft_table_chain(v->table, name) || take_known_chain(v, name))
		return 0;
	int error = get(v, NFT_MSG_GETCHAIN, name, take_chain);
	struct nft_dumped_chain *chain = nft_table_chain(v->table, name);
	return error || !chain ? error : read_rules(v, chain);
}

static int read_part(struct view *v)
{
	int error = 0;
	for (size_t i = 0; i < v->part->chains && !error; i++)
		error = read_chain(v, v->part->chain[i]);
	for (size_t i = 0; i < v->part->sets && !error; i++)
		error = read_set(v, v->part->set[i]);
	return error;
}

// --- the whole ---

static bool wanted(const struct view *v, const char *chain)
{
	return v->detail == NFT_ALL || v->detail == NFT_COUNTERS ||
	       !strcmp(chain, NFT_BASE_CHAIN) ||
	       (v->detail == NFT_PINHOLES && !strcmp(chain, NFT_PINHOLE_CHAIN));
}

static int read_whole(struct view *v)
{
	int error = list(v, NFT_MSG_GETCHAIN, NULL, take_chain);
	if (!error)
		error = list(v, NFT_MSG_GETSET, NULL, take_set);
	if (!error)
		error = fill_sets(v);
	for (size_t i = 0; i < v->table->chain.len && !error; i++)
		if (wanted(v, v->table->chain.at[i]->name))
			error = read_rules(v, v->table->chain.at[i]);
	if (!error && v->detail != NFT_COUNTERS)
		error = list(v, NFT_MSG_GETOBJ, NULL, take_object);
	if (!error && v->detail != NFT_COUNTERS)
		error = list(v, NFT_MSG_GETFLOWTABLE, NULL, take_flowtable);
	return error;
}

// --- consistent views ---

static int read_once(struct view *v)
{
	*v->table = (struct nft_table){.chain_by_name = {.arena = v->arena},
				       .set_by_name = {.arena = v->arena}};
	int error = list(v, NFT_MSG_GETTABLE, NULL, take_table);
	if (!error && v->table->there)
		error = v->part ? read_part(v) : read_whole(v);
	find_generation(v->table);
	return error;
}

static int read_view(struct view *v)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t before = 0;
		int error = nft_generation(v->socket, &before);
		if (!error)
			error = read_once(v);
		if (error && error != -EINTR)
			return error;
		if (!error)
			error = nft_generation(v->socket, &v->table->changes);
		if (!error && before == v->table->changes)
			return 0;
	}
	return -EAGAIN;
}

int nft_table_read(struct nft_socket *socket, const char *table, enum nft_detail detail,
		   struct arena *arena, struct nft_table *out)
{
	struct view v = {.socket = socket,
			 .name = table,
			 .family = NFPROTO_INET,
			 .detail = detail,
			 .arena = arena,
			 .table = out};
	return read_view(&v);
}

int nft_table_read_of(struct nft_socket *socket, uint8_t family, const char *table,
		      struct arena *arena, struct nft_table *out)
{
	struct view v = {.socket = socket,
			 .name = table,
			 .family = family,
			 .detail = NFT_ALL,
			 .arena = arena,
			 .table = out};
	return read_view(&v);
}

int nft_table_read_part(struct nft_socket *socket, const char *table, const struct nft_part *part,
			struct arena *arena, struct nft_table *out)
{
	struct view v = {.socket = socket,
			 .name = table,
			 .family = NFPROTO_INET,
			 .detail = NFT_ALL,
			 .arena = arena,
			 .table = out,
			 .part = part};
	int error = read_view(&v);
	for (size_t i = 0; part->known && !error && i < out->set.len; i++)
		nft_known_put(part->known, out->set.at[i]);
	for (size_t i = 0; part->known && !error && i < out->chain.len; i++)
		nft_known_put_chain(part->known, out->chain.at[i]);
	return error;
}
