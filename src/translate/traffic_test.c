// SPDX-License-Identifier: Apache-2.0
// What: protocols, ports, ICMP messages, applications, and all that no header decides.
#include "translate/test_support.h"

#define DROP .name = "r", .action = INTENT_DROP
#define PORTS(...) .condition.firewall.ports = LIST_OF(struct intent_ports, __VA_ARGS__)
#define ICMP(...) .condition.firewall.icmp = TERMS(__VA_ARGS__)
#define APPLICATIONS(...) .condition.context.application = TERMS(__VA_ARGS__)

#define FROM "src=192.0.2.1,dst=192.0.2.2,"
#define FROM6 "src=2001:db8::1,dst=2001:db8::2,"

static void ports_are_of_tcp_udp_and_sctp(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){.policy = RULES({DROP, PORTS({20, 22}, {443, 443})})});
	static const char *const protocols[] = {"tcp", "udp", "sctp"};
	for (size_t i = 0; i < array_len(protocols); i++) {
		const char *packet =
			arena_printf(&f->arena, FROM6 "sport=22,proto=%s,dport=", protocols[i]);
		assert_string_equal(decides(f, arena_printf(&f->arena, "%s21", packet)), "r");
		assert_string_equal(decides(f, arena_printf(&f->arena, "%s443", packet)), "r");
		assert_string_equal(decides(f, arena_printf(&f->arena, "%s23", packet)), "-");
	}
	assert_string_equal(decides(f, FROM "proto=udplite,dport=21"), "-");
	assert_string_equal(decides(f, FROM "proto=dccp,dport=21"), "-");
}

static void a_protocol_restricts_its_ports(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){
			     .policy = RULES({DROP, .condition.firewall.transport = INTENT_UDP,
					      PORTS({53, 53})})});
	assert_string_equal(decides(f, FROM "proto=udp,dport=53"), "r");
	assert_string_equal(decides(f, FROM "proto=tcp,dport=53"), "-");
	translate(f, &(struct intent){
			     .policy = RULES({DROP, .condition.firewall.transport = INTENT_DCCP,
					      PORTS({53, 53})})});
	assert_string_equal(decides(f, FROM "proto=dccp,dport=53"), "r");
	translate(f, &(struct intent){
			     .policy = RULES({DROP, .condition.firewall.transport = INTENT_SCTP})});
	assert_string_equal(decides(f, FROM "proto=sctp,dport=1"), "r");
	assert_string_equal(decides(f, FROM "proto=tcp,dport=1"), "-");
}

static void all_ports_still_need_a_protocol_with_ports(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){.policy = RULES({DROP, PORTS({0, 65535})})});
	assert_string_equal(decides(f, FROM "proto=tcp,dport=7"), "r");
	assert_string_equal(decides(f, FROM "proto=icmp,icmp-type=8,icmp-code=0"), "-");
}

static void reversed_ports_are_an_error(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {.policy = RULES({DROP, PORTS({9, 8})})};
	expect_diag(f, &intent, DIAG_ERROR, DIAG_VALUE);
}

// The IANA registries, written down a second time. Code -1: every code.
static const struct {
	enum intent_term message;
	int type4, code4, type6, code6;
} iana[] = {
	{INTENT_ECHO_REPLY, 0, -1, 129, -1},
	{INTENT_DESTINATION_UNREACHABLE, 3, -1, 1, -1},
	{INTENT_REDIRECT, 5, -1, 137, -1},
	{INTENT_ECHO, 8, -1, 128, -1},
	{INTENT_ROUTER_ADVERTISEMENT, 9, -1, 134, -1},
	{INTENT_ROUTER_SOLICITATION, 10, -1, 133, -1},
	{INTENT_TIME_EXCEEDED, 11, -1, 3, -1},
	{INTENT_PARAMETER_PROBLEM, 12, -1, 4, -1},
	{INTENT_EXPERIMENTAL_MOBILITY, 41, -1, 150, -1},
	{INTENT_EXTENDED_ECHO_REQUEST, 42, -1, 160, -1},
	{INTENT_EXTENDED_ECHO_REPLY, 43, -1, 161, -1},
	{INTENT_PORT_UNREACHABLE, 3, 3, 1, 4},
	{INTENT_REQUEST_NO_ERROR, 42, 0, 160, 0},
	{INTENT_REPLY_NO_ERROR, 43, 0, 161, 0},
	{INTENT_MALFORMED_QUERY, 43, 1, 161, 1},
	{INTENT_NO_SUCH_INTERFACE, 43, 2, 161, 2},
	{INTENT_NO_SUCH_TABLE_ENTRY, 43, 3, 161, 3},
	{INTENT_MULTIPLE_INTERFACES, 43, 4, 161, 4},
};

static bool names_icmp(struct fixture *f, const char *from, unsigned type, unsigned code)
{
	const char *packet =
		arena_printf(&f->arena, "%sproto=icmp,icmp-type=%u,icmp-code=%u", from, type, code);
	return !strcmp(decides(f, packet), "r");
}

static void icmp_messages_are_those_of_the_registries(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(iana); i++) {
		translate(f, &(struct intent){.policy = RULES({DROP, ICMP(iana[i].message)})});
		assert_int_equal(f->rules.rule.at[0].clauses, 2);
		for (unsigned type = 0; type < 256; type++) {
			static const unsigned codes[] = {0, 1, 2, 3, 4, 5, 255};
			for (size_t k = 0; k < array_len(codes); k++) {
				int t = (int)type, code = (int)codes[k];
				assert_int_equal(names_icmp(f, FROM, type, codes[k]),
						 t == iana[i].type4 && (iana[i].code4 < 0 ||
									code == iana[i].code4));
				assert_int_equal(names_icmp(f, FROM6, type, codes[k]),
						 t == iana[i].type6 && (iana[i].code6 < 0 ||
									code == iana[i].code6));
			}
		}
	}
}

static void icmp_follows_the_versions_of_the_addresses(void **state)
{
	struct fixture *f = *state;
	struct intent_group only4 = {
		.name = "only4",
		.addresses = {.prefix4 = LIST_OF(struct intent_prefix, {(u128)192 << 24, 8})}};
	translate(f,
		  &(struct intent){.user_group = {.at = &only4, .len = 1},
				   .policy = RULES({DROP, ICMP(INTENT_ECHO, INTENT_REDIRECT),
						    .condition.firewall.source = TEXTS("only4")})});
	assert_int_equal(f->rules.rule.at[0].clauses, 1);
	assert_true(names_icmp(f, FROM, 8, 0));
	assert_true(names_icmp(f, FROM, 5, 1));
	assert_false(names_icmp(f, FROM6, 128, 0));
}

static void icmp_has_no_ports(void **state)
{
	struct fixture *f = *state;
	const struct intent ports = {.policy = RULES({DROP, ICMP(INTENT_ECHO), PORTS({1, 2})})};
	expect_diag(f, &ports, DIAG_ERROR, DIAG_CONFLICT);
	const struct intent protocol = {
		.policy = RULES(
			{DROP, ICMP(INTENT_ECHO), .condition.firewall.transport = INTENT_TCP})};
	expect_diag(f, &protocol, DIAG_ERROR, DIAG_CONFLICT);
	const struct intent application = {
		.policy = RULES({DROP, ICMP(INTENT_ECHO), APPLICATIONS(INTENT_HTTP)})};
	translate(f, &application);
	assert_non_null(find_diag(f, DIAG_EMPTY));
	assert_int_equal(f->rules.rule.at[0].clauses, 0);
}

// --- applications ---

static void applications_are_recognised_by_their_ports(void **state)
{
	static const struct {
		enum intent_term application;
		const char *packet;
	} table[] = {
		{INTENT_HTTP, "proto=tcp,dport=80"},   {INTENT_HTTPS, "proto=tcp,dport=443"},
		{INTENT_HTTPS, "proto=udp,dport=443"}, {INTENT_HTTP2, "proto=tcp,dport=80"},
		{INTENT_HTTP2, "proto=tcp,dport=443"}, {INTENT_HTTPS2, "proto=tcp,dport=443"},
		{INTENT_FTP, "proto=tcp,dport=21"},    {INTENT_SSH, "proto=tcp,dport=22"},
		{INTENT_TELNET, "proto=tcp,dport=23"}, {INTENT_SMTP, "proto=tcp,dport=25"},
		{INTENT_POP3, "proto=tcp,dport=110"},  {INTENT_POP3S, "proto=tcp,dport=995"},
		{INTENT_IMAP, "proto=tcp,dport=143"},  {INTENT_IMAPS, "proto=tcp,dport=993"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(table); i++) {
		const struct intent intent = {
			.policy = RULES({DROP, APPLICATIONS(table[i].application)})};
		const struct diag *note = expect_diag(f, &intent, DIAG_NOTE, DIAG_BY_PORT);
		assert_non_null(strstr(note->text, intent_term_name(table[i].application)));
		const char *packet = arena_printf(&f->arena, FROM "%s", table[i].packet);
		assert_string_equal(decides(f, packet), "r");
		assert_string_equal(decides(f, FROM "proto=tcp,dport=79"), "-");
		assert_string_equal(decides(f, FROM "proto=udp,dport=22"), "-");
	}
}

static void ports_of_the_rule_narrow_the_registered_ones(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {
		.policy = RULES({DROP, PORTS({0, 1023}), .condition.firewall.transport = INTENT_TCP,
				 APPLICATIONS(INTENT_HTTP, INTENT_HTTPS)})};
	expect_diag(f, &intent, DIAG_NOTE, DIAG_BY_PORT);
	assert_string_equal(decides(f, FROM "proto=tcp,dport=80"), "r");
	assert_string_equal(decides(f, FROM "proto=tcp,dport=443"), "r");
	assert_string_equal(decides(f, FROM "proto=udp,dport=443"), "-");
	assert_string_equal(decides(f, FROM "proto=tcp,dport=22"), "-");
}

static void other_ports_leave_the_application_open(void **state)
{
	static const struct intent_ports elsewhere[] = {{8080, 8080}},
					 both[] = {{80, 80}, {8080, 8080}};
	static const struct {
		const struct intent_ports *ports;
		size_t len;
		enum intent_term transport;
	} cases[] = {
		{elsewhere, 1, INTENT_NO_TERM}, {both, 2, INTENT_NO_TERM}, {NULL, 0, INTENT_UDP}};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(cases); i++) {
		struct intent_rule rule = {DROP, APPLICATIONS(INTENT_HTTP),
					   .condition.firewall.transport = cases[i].transport};
		rule.condition.firewall.ports.at = (struct intent_ports *)cases[i].ports;
		rule.condition.firewall.ports.len = cases[i].len;
		translate(f, &(struct intent){.policy = RULES(rule)});
		assert_int_equal(f->diags.list.len, 0);
		assert_int_equal(f->rules.rule.len, 1);
		assert_opaque(only_opaque(f, 0), IR_OPAQUE_APPLICATION, "http");
	}
}

static void recognition_by_port_can_be_switched_off(void **state)
{
	struct fixture *f = *state;
	f->options.applications_by_port = false;
	translate(f,
		  &(struct intent){.policy = RULES({DROP, APPLICATIONS(INTENT_SSH, INTENT_FTP)})});
	assert_int_equal(f->diags.list.len, 0);
	assert_opaque(only_opaque(f, 0), IR_OPAQUE_APPLICATION, "ssh", "ftp");
}

static struct intent_group servers[] = {
	{.name = "web",
	 .application = TERMS(INTENT_HTTP, INTENT_HTTPS),
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {(u128)192 << 24 | 2 << 8, 24})}},
	{.name = "any",
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {(u128)198 << 24, 8})}},
};
#define SERVERS .device_group = {.at = servers, .len = array_len(servers)}

static void applications_of_servers_are_those_to_them(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {
		SERVERS,
		.policy = RULES({DROP, .condition.firewall.destination = TEXTS("web", "any")})};
	expect_diag(f, &intent, DIAG_NOTE, DIAG_BY_PORT);
	assert_int_equal(f->rules.rule.len, 1);
	assert_string_equal(decides(f, "dst=192.0.2.2,proto=tcp,dport=443"), "r");
	assert_string_equal(decides(f, "dst=192.0.2.2,proto=tcp,dport=22"), "-");
	assert_string_equal(decides(f, "dst=198.51.100.1,proto=tcp,dport=22"), "r");
}

static void applications_of_a_source_stay_open(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){SERVERS, .policy = RULES({DROP, .condition.firewall.source =
									   TEXTS("web", "any")})});
	assert_int_equal(f->rules.rule.len, 2);
	assert_opaque(only_opaque(f, 1), IR_OPAQUE_APPLICATION, "http", "https");
	assert_string_equal(decides(f, "src=198.51.100.1"), "r");
	assert_string_equal(decides(f, "src=192.0.2.1"), "?r");
}

static void one_rate_for_what_is_only_partly_open_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {
		SERVERS, .policy = RULES({DROP, .condition.ddos.packet_rate = GIVEN(5),
					  .condition.firewall.source = TEXTS("web", "any")})};
	expect_diag(f, &intent, DIAG_ERROR, DIAG_UNSUPPORTED);
}

// --- content ---

static struct intent_list urls[] = {
	{.name = "social", .value = TEXTS("https://a.example/", "https://b.example/")},
	{.name = "none"}};
static struct intent_list voices[] = {
	{.name = "spam", .value = TEXTS("sip:a@x.example")},
	{.name = "pbx", .value = TEXTS("sip:b@x.example", "sip:c@x.example")}};
static struct intent_payload payloads[] = {
	{.name = "exe",
	 .content = LIST_OF(struct intent_content,
			    {.content = "TVo=", .depth = GIVEN(16), .offset = GIVEN(0)},
			    {.content = "cG93", .distance = GIVEN(-2)})},
	{.name = "word", .content = LIST_OF(struct intent_content, {.content = "eA=="})},
};
#define CONTENT                                                  \
	.url_group = {.at = urls, .len = array_len(urls)},       \
	.voice_group = {.at = voices, .len = array_len(voices)}, \
	.payload = {.at = payloads, .len = array_len(payloads)}

static void content_is_carried_whole(void **state)
{
	struct fixture *f = *state;
	struct intent_condition given = {
		.url_group = "social",
		.payload = TEXTS("exe", "word"),
		.virus_profile = TEXTS("strict"),
		.virus_exception = TEXTS("/opt/a", "/opt/b"),
		.voice_source = TEXTS("spam", "pbx"),
		.voice_destination = TEXTS("pbx"),
		.voice_agent = TEXTS("softphone"),
		.context.device = TERMS(INTENT_COMPUTER, INTENT_TABLET),
	};
	translate(f, &(struct intent){CONTENT,
				      .policy = RULES({DROP, .condition = given,
						       .event = TERMS(INTENT_ACCESS_VIOLATION),
						       .alarm = TERMS(INTENT_CPU_ALARM,
								      INTENT_DISK_ALARM)})});
	assert_int_equal(f->diags.list.len, 0);
	assert_int_equal(f->rules.rule.len, 1);
	const struct ir_rule *rule = &f->rules.rule.at[0];
	assert_int_equal(rule->opaques, 10);
	const struct ir_opaque *o = rule->opaque;
	assert_opaque(&o[0], IR_OPAQUE_URL, "https://a.example/", "https://b.example/");
	assert_string_equal(o[0].name, "social");
	assert_opaque(&o[1], IR_OPAQUE_PAYLOAD, "TVo= depth=16 offset=0; cG93 distance=-2", "eA==");
	assert_opaque(&o[2], IR_OPAQUE_ANTI_VIRUS, "strict");
	assert_opaque(&o[3], IR_OPAQUE_ANTI_VIRUS_EXCEPTION, "/opt/a", "/opt/b");
	assert_opaque(&o[4], IR_OPAQUE_VOICE_SOURCE, "sip:a@x.example", "sip:b@x.example",
		      "sip:c@x.example");
	assert_string_equal(o[4].name, "spam, pbx");
	assert_opaque(&o[5], IR_OPAQUE_VOICE_DESTINATION, "sip:b@x.example", "sip:c@x.example");
	assert_opaque(&o[6], IR_OPAQUE_VOICE_AGENT, "softphone");
	assert_opaque(&o[7], IR_OPAQUE_DEVICE, "computer", "tablet");
	assert_opaque(&o[8], IR_OPAQUE_EVENT, "access-violation");
	assert_opaque(&o[9], IR_OPAQUE_ALARM, "cpu-alarm", "disk-alarm");
	assert_string_equal(decides(f, FROM "proto=tcp,dport=80"), "?r");
}

static void content_that_is_missing_or_empty_is_reported(void **state)
{
	struct fixture *f = *state;
	const struct intent empty = {CONTENT,
				     .policy = RULES({DROP, .condition.url_group = "none"})};
	expect_diag(f, &empty, DIAG_WARNING, DIAG_EMPTY);
	assert_int_equal(f->rules.rule.at[0].clauses, 0);
	const struct intent url = {CONTENT, .policy = RULES({DROP, .condition.url_group = "?"})};
	expect_diag(f, &url, DIAG_ERROR, DIAG_REFERENCE);
	const struct intent payload = {CONTENT,
				       .policy = RULES({DROP, .condition.payload = TEXTS("?")})};
	expect_diag(f, &payload, DIAG_ERROR, DIAG_REFERENCE);
	const struct intent voice = {CONTENT,
				     .policy = RULES({DROP, .condition.voice_source = TEXTS("?")})};
	expect_diag(f, &voice, DIAG_ERROR, DIAG_REFERENCE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ports_are_of_tcp_udp_and_sctp),
		TEST(a_protocol_restricts_its_ports),
		TEST(all_ports_still_need_a_protocol_with_ports),
		TEST(reversed_ports_are_an_error),
		TEST(icmp_messages_are_those_of_the_registries),
		TEST(icmp_follows_the_versions_of_the_addresses),
		TEST(icmp_has_no_ports),
		TEST(applications_are_recognised_by_their_ports),
		TEST(ports_of_the_rule_narrow_the_registered_ones),
		TEST(other_ports_leave_the_application_open),
		TEST(recognition_by_port_can_be_switched_off),
		TEST(applications_of_servers_are_those_to_them),
		TEST(applications_of_a_source_stay_open),
		TEST(one_rate_for_what_is_only_partly_open_is_refused),
		TEST(content_is_carried_whole),
		TEST(content_that_is_missing_or_empty_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
