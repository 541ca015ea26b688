// SPDX-License-Identifier: Apache-2.0
// The differential test: random intents and packets; what ir_eval decides after the translation must
// be what the naive reading of the intent decides. BULWARK_SEED repeats a run.
#include "translate/test_support.h"
#include "translate/naive.h"

#include <stdlib.h>

enum { DOCUMENTS = 600, PACKETS = 60 };

static struct arena arena;
static uint64_t state;

static unsigned pick(unsigned n)
{
	state ^= state << 13; // xorshift64
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % n);
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

// --- small worlds: so few values that conditions and packets meet often ---

static u128 some_address(int family)
{
	u128 base = family == 4 ? (u128)10 << 24 : (u128)0x20010db8 << 96;
	return base | pick(16);
}

static struct intent_addresses some_addresses(void)
{
	struct intent_addresses a = {0};
	do {
		u128 x4 = some_address(4), y4 = some_address(4);
		u128 x6 = some_address(6), y6 = some_address(6);
		if (chance(30))
			vec_push(&arena, &a.prefix4,
				 (struct intent_prefix){x4,
							(uint8_t)(chance(5) ? 0 : 28 + pick(5))});
		if (chance(30))
			vec_push(&arena, &a.prefix6,
				 (struct intent_prefix){x6,
							(uint8_t)(chance(5) ? 0 : 124 + pick(5))});
		if (chance(30))
			vec_push(&arena, &a.range4,
				 (struct intent_range){x4 < y4 ? x4 : y4, x4 < y4 ? y4 : x4, {0}});
		if (chance(30))
			vec_push(&arena, &a.range6,
				 (struct intent_range){x6 < y6 ? x6 : y6, x6 < y6 ? y6 : x6, {0}});
	} while (!a.prefix4.len && !a.prefix6.len && !a.range4.len && !a.range6.len);
	return a;
}

static const enum intent_term applications[] = {INTENT_HTTP, INTENT_HTTPS, INTENT_HTTP2, INTENT_SSH,
						INTENT_IMAPS};
static const char *const user_names[] = {"u0", "u1", "u2", "u3", "bare"};
static const char *const device_names[] = {"d0", "d1", "d2", "u3"};
static const char *const iocs[] = {"10.0.0.3",          "10.0.0.8/30",
				   "10.0.0.1-10.0.0.4", "2001:db8::5",
				   "2001:db8::8/126",   "2001:db8::1-2001:db8::3",
				   "evil.example",      "https://worse.example/"};
static const char *const countries[] = {"KR", "kr", "US"};
static const char *const regions[] = {"KR-11", "kr-11", "US-CA"};
static const char *const cities[] = {"Seoul", "seoul", "Busan"};
static const uint16_t ports[] = {21, 22, 80, 443, 993, 1023, 8080};
static const char *const dates[] = {"2026-02-01T00:00:00Z", "2026-06-15T12:30:00+02:00",
				    "2027-01-01T00:00:00-05:00", "2028-02-29T23:59:59Z"};
static const char *const times[] = {"00:00:00", "06:30:00Z", "12:00:00+09:00", "23:59:59-08:00"};
static const char *const yeardays[] = {"01-01", "02-29", "06-30", "12-31"};
#define ONE_OF(table) (table)[pick(array_len(table))]

static void some_terms(struct intent_terms *to, const enum intent_term *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (chance(40))
			vec_push(&arena, to, from[i]);
}

static void some_texts(struct intent_texts *to, const char *const *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (chance(40))
			vec_push(&arena, to, from[i]);
}

static void add_groups(struct intent *intent)
{
	for (size_t i = 0; i < array_len(user_names); i++) {
		struct intent_group group = {.name = user_names[i]};
		bool bare = !strcmp(group.name, "bare");
		if (!bare)
			group.addresses = some_addresses();
		// Not those that context/users names, too: two sets of MAC addresses that contradict
		// each other match nothing, but the naive reading takes each by itself.
		if ((i == 1 || i == 2) && chance(50))
			vec_push(&arena, &group.mac, pick(3));
		vec_push(&arena, &intent->user_group, group);
	}
	for (size_t i = 0; i < array_len(device_names); i++) {
		struct intent_group group = {.name = device_names[i],
					     .addresses = some_addresses()};
		if (chance(30))
			some_terms(&group.application, applications, array_len(applications));
		vec_push(&arena, &intent->device_group, group);
	}
	struct intent_list list = {.name = "urls"};
	vec_push(&arena, &list.value, "https://a.example/");
	vec_push(&arena, &list.value, "https://b.example/");
	vec_push(&arena, &intent->url_group, list);
	for (unsigned i = 0; i < 2; i++) {
		struct intent_feed feed = {.name = i ? "f1" : "f0"};
		some_texts(&feed.ioc, iocs, array_len(iocs));
		vec_push(&arena, &intent->feed, feed);
		vec_push(&arena, &intent->location,
			 (struct intent_location){.country = countries[i],
						  .region = regions[2 * i],
						  .city = cities[2 * i],
						  .addresses = some_addresses()});
	}
}

static void some_firewall(struct intent_firewall *firewall)
{
	if (chance(50))
		some_texts(&firewall->source, user_names, array_len(user_names));
	if (chance(10))
		vec_push(&arena, &firewall->source, "d0");
	if (chance(40))
		some_texts(&firewall->destination, device_names, array_len(device_names));
	if (chance(15)) {
		static const enum intent_term messages[] = {
			INTENT_ECHO, INTENT_DESTINATION_UNREACHABLE, INTENT_PORT_UNREACHABLE};
		some_terms(&firewall->icmp, messages, array_len(messages));
		return;
	}
	if (chance(20))
		firewall->transport = (enum intent_term)(INTENT_TCP + (int)pick(4));
	for (unsigned i = 0; chance(30) && i < 3; i++) {
		uint16_t a = ONE_OF(ports), b = chance(50) ? a : ONE_OF(ports);
		vec_push(&arena, &firewall->ports,
			 (struct intent_ports){a < b ? a : b, a < b ? b : a});
	}
}

static void some_time(struct intent_time *t)
{
	if (chance(30))
		t->start_date_time = dates[pick(2)];
	if (chance(30))
		t->end_date_time = dates[2 + pick(2)];
	t->frequency = (enum intent_term)(INTENT_ONLY_ONCE + (int)pick(5));
	if (chance(70))
		t->start_time = ONE_OF(times);
	if (chance(70))
		t->end_time = ONE_OF(times);
	if (t->frequency == INTENT_WEEKLY)
		for (unsigned i = 0; i < 3; i++)
			vec_push(&arena, &t->day, (enum intent_term)(INTENT_MONDAY + (int)pick(7)));
	if (t->frequency == INTENT_MONTHLY)
		for (unsigned i = 0; i < 9; i++)
			vec_push(&arena, &t->date, (uint8_t)(1 + pick(31)));
	if (t->frequency == INTENT_YEARLY)
		vec_push(&arena, &t->month,
			 (struct intent_month){ONE_OF(yeardays), ONE_OF(yeardays)});
}

static void some_context(struct intent_context *context)
{
	static const struct intent_user groups[] = {{1, "u0"}, {2, "u3"}, {3, "d0"}, {4, NULL}};
	if (chance(20))
		some_terms(&context->application, applications, array_len(applications));
	if (chance(5))
		vec_push(&arena, &context->device, INTENT_TABLET);
	if (chance(5))
		vec_push(&arena, &context->user, (struct intent_user){9, "alice"});
	for (size_t i = 0; i < array_len(groups) && chance(20); i++)
		vec_push(&arena, &context->group, groups[pick(array_len(groups))]);
	if (chance(10))
		context->source.country = ONE_OF(countries);
	if (chance(5))
		context->source.city = ONE_OF(cities);
	if (chance(10))
		context->destination.region = ONE_OF(regions);
	if (chance(30))
		some_time(&context->time);
}

static struct intent_rule some_rule(unsigned number)
{
	static const enum intent_term actions[] = {INTENT_PASS, INTENT_DROP, INTENT_REJECT,
						   INTENT_RATE_LIMIT};
	struct intent_rule rule = {.name = arena_printf(&arena, "r%u", number),
				   .priority = {chance(70), 0},
				   .action = ONE_OF(actions)};
	rule.priority.value = rule.priority.given ? 1 + pick(3) : 0;
	some_firewall(&rule.condition.firewall);
	some_context(&rule.condition.context);
	if (rule.action == INTENT_RATE_LIMIT || chance(10))
		rule.condition.ddos.packet_rate = (struct intent_number)GIVEN(1 + pick(9));
	if (chance(5))
		rule.condition.url_group = "urls";
	if (chance(5))
		vec_push(&arena, &rule.condition.virus_profile, "strict");
	if (chance(15))
		vec_push(&arena, &rule.condition.feed, chance(50) ? "f0" : "f1");
	if (chance(5))
		vec_push(&arena, &rule.event, INTENT_ACCESS_VIOLATION);
	return rule;
}

static struct intent some_intent(void)
{
	struct intent intent = {0};
	add_groups(&intent);
	for (unsigned i = 0; i < 1 + pick(2); i++) {
		struct intent_policy policy = {
			.name = arena_printf(&arena, "p%u", i),
			.usage = chance(50) ? INTENT_BY_NUMBER : INTENT_BY_ORDER,
			.resolution = (enum intent_term)(INTENT_FMR + (int)pick(4)),
		};
		for (unsigned k = 0; k < 1 + pick(6); k++)
			vec_push(&arena, &policy.rule, some_rule(k));
		vec_push(&arena, &intent.policy, policy);
	}
	return intent;
}

// --- packets ---

static struct naive_packet some_packet(void)
{
	static const unsigned protocols[] = {6, 6, 6, 17, 132, 33, 47};
	int family = chance(50) ? 4 : 6;
	bool icmp = chance(15);
	struct naive_packet p = {
		.family = family,
		.source = some_address(family),
		.destination = some_address(family),
		.protocol = icmp ? (family == 4 ? 1u : 58u) : ONE_OF(protocols),
		.source_port = pick(65536),
		.destination_port = ONE_OF(ports),
		.code = pick(6),
		.source_mac = pick(4),
		.destination_mac = pick(4),
		// 2025-07-01 to 2028-06-30, often at a full hour
		.time = 1751328000 + (int64_t)pick(1096) * 86400 + (int64_t)pick(24) * 3600 +
			(chance(50) ? pick(3600) : 0),
		.reply = chance(15),
		.over_rate = chance(50),
		.truths = pick(1000),
	};
	static const unsigned types[] = {8, 128, 3, 1};
	p.type = ONE_OF(types);
	return p;
}

static bool opaque_holds(const struct ir_packet *packet, const struct ir_opaque *opaque,
			 bool *known_out)
{
	bool any = false;
	*known_out = true;
	for (size_t i = 0; i < opaque->len; i++)
		any |= naive_truth(packet->context, opaque->value[i]);
	return any;
}

static void set_tuple(struct ir_packet *to, const struct naive_packet *p)
{
	ir_packet_set(to, IR_FAMILY, (u128)p->family);
	ir_packet_set(to, p->family == 4 ? IR_SRC4 : IR_SRC6, p->source);
	ir_packet_set(to, p->family == 4 ? IR_DST4 : IR_DST6, p->destination);
	ir_packet_set(to, IR_PROTO, p->protocol);
	if (p->protocol == 1 || p->protocol == 58) {
		ir_packet_set(to, p->family == 4 ? IR_ICMP4 : IR_ICMP6, p->type * 256 + p->code);
	} else if (p->protocol != 47) {
		ir_packet_set(to, IR_SPORT, p->source_port);
		ir_packet_set(to, IR_DPORT, p->destination_port);
	}
}

// What travels against the flow: its own addresses mean nothing to flow rules.
static struct ir_packet ir_packet_of(struct naive_packet *p, struct ir_packet *first)
{
	*first = (struct ir_packet){.time = p->time,
				    .over_rate = p->over_rate,
				    .opaque_holds = opaque_holds,
				    .context = p};
	set_tuple(first, p);
	ir_packet_set(first, IR_SMAC, p->source_mac);
	ir_packet_set(first, IR_DMAC, p->destination_mac);
	struct ir_packet packet = *first;
	packet.flow = first;
	packet.reply = p->reply;
	if (p->reply) {
		struct naive_packet back = *p;
		back.source = p->destination;
		back.destination = p->source;
		back.source_port = p->destination_port;
		back.destination_port = p->source_port;
		packet.has = 0;
		set_tuple(&packet, &back);
	}
	return packet;
}

// --- the comparison ---

static void report(uint64_t seed, unsigned document, const struct naive_packet *p,
		   const struct naive_answer *naive, const struct ir_ruleset *rules,
		   const struct ir_rule *found)
{
	struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < rules->rule.len; i++) {
		buf_printf(&text, "%s/%s ", rules->rule.at[i].policy, rules->rule.at[i].name);
		ir_rule_print(&rules->rule.at[i], &text);
		buf_addc(&text, '\n');
	}
	print_error("%sseed %lu, document %u: IPv%d %lx -> %lx, protocol %u, port %u, type %u, "
		    "time %ld%s: naive %s/%s, translated %s/%s\n",
		    text.data, (unsigned long)seed, document, p->family, (unsigned long)p->source,
		    (unsigned long)p->destination, p->protocol, p->destination_port, p->type,
		    (long)p->time, p->reply ? ", reply" : "", naive->policy, naive->rule,
		    found ? found->policy : NULL, found ? found->name : NULL);
	buf_fini(&text);
}

static unsigned compare(uint64_t seed, unsigned document, const struct intent *intent,
			const struct ir_ruleset *rules)
{
	unsigned matched = 0;
	for (unsigned i = 0; i < PACKETS; i++) {
		struct naive_packet p = some_packet();
		struct ir_packet first, packet = ir_packet_of(&p, &first);
		struct ir_outcome outcome;
		ir_eval(rules, &packet, &arena, &outcome);
		struct naive_answer naive = naive_decide(intent, &p);
		bool same = outcome.rule
				    ? naive.rule && !strcmp(outcome.rule->policy, naive.policy) &&
					      !strcmp(outcome.rule->name, naive.rule)
				    : !naive.rule;
		if (!same)
			report(seed, document, &p, &naive, rules, outcome.rule);
		assert_true(same);
		matched += naive.rule != NULL;
	}
	return matched;
}

static void translation_means_what_was_said(void **unused)
{
	(void)unused;
	const char *given = getenv("BULWARK_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 20260311;
	unsigned packets = 0, matched = 0;
	state = seed * 2654435761u + 1;
	print_message("seed %lu\n", (unsigned long)seed);
	for (unsigned document = 0; document < DOCUMENTS; document++) {
		arena_init(&arena);
		struct intent intent = some_intent();
		struct diags diags;
		struct ir_document translated;
		struct ir_ruleset rules;
		struct translate_options options = translate_options_default(TEST_NOW);
		diags_init(&diags, &arena);
		if (translate_intent(&intent, &options, &arena, &diags, &translated)) {
			ir_document_order(&translated, &arena, &diags, &rules);
			matched += compare(seed, document, &intent, &rules);
			packets += PACKETS;
		}
		// The one thing that the generator asks for and no rule can say.
		for (size_t i = 0; i < diags.list.len; i++)
			if (diags.list.at[i].severity == DIAG_ERROR &&
			    diags.list.at[i].code != DIAG_UNSUPPORTED && diags.list.at[i].policy &&
			    diags.list.at[i].code != DIAG_CONFLICT)
				fail_msg("%s", diags.list.at[i].text);
		arena_fini(&arena);
	}
	print_message("%u packets, %u decided by a rule\n", packets, matched);
	assert_true(packets >= 20000);
	assert_true(matched > packets / 4 && matched < packets - packets / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(translation_means_what_was_said)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
