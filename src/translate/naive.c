// SPDX-License-Identifier: Apache-2.0
// The naive reading, condition by condition as docs/why/translation.md words them. It is slow and
// looks everything up again; it shares no code with the translation, so that a fault in one of the
// two shows as a difference. Applications are recognised by port, times without a zone are UTC.
#include "translate/naive.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct question {
	const struct intent *intent;
	const struct intent_rule *rule;
	const struct naive_packet *packet;
};

bool naive_truth(const struct naive_packet *packet, const char *value)
{
	unsigned hash = packet->truths;
	for (; *value; value++)
		hash = hash * 31 + (unsigned char)*value;
	return hash % 3 == 0;
}

static bool any_truth(const struct question *q, const struct intent_texts *values)
{
	bool any = false;
	for (size_t i = 0; i < values->len; i++)
		any |= naive_truth(q->packet, values->at[i]);
	return any;
}

static bool any_term(const struct question *q, const struct intent_terms *terms)
{
	bool any = false;
	for (size_t i = 0; i < terms->len; i++)
		any |= naive_truth(q->packet, intent_term_name(terms->at[i]));
	return any;
}

// --- addresses ---

static bool in_prefix(u128 address, const struct intent_prefix *prefix, unsigned bits)
{
	unsigned host = bits - prefix->length;
	return host == 128 || address >> host == prefix->address >> host;
}

static bool in_addresses(const struct intent_addresses *given, int family, u128 address)
{
	bool in = false;
	if (family == 4) {
		for (size_t i = 0; i < given->prefix4.len; i++)
			in |= in_prefix(address, &given->prefix4.at[i], 32);
		for (size_t i = 0; i < given->range4.len; i++)
			in |= address >= given->range4.at[i].start &&
			      address <= given->range4.at[i].end;
	} else {
		for (size_t i = 0; i < given->prefix6.len; i++)
			in |= in_prefix(address, &given->prefix6.at[i], 128);
		for (size_t i = 0; i < given->range6.len; i++)
			in |= address >= given->range6.at[i].start &&
			      address <= given->range6.at[i].end;
	}
	return in;
}

static bool has_addresses(const struct intent_addresses *given)
{
	return given->prefix4.len || given->prefix6.len || given->range4.len || given->range6.len;
}

// --- traffic ---

static bool registered(enum intent_term application, unsigned protocol, unsigned port)
{
	bool tcp = protocol == 6;
	switch ((int)application) {
	case INTENT_HTTP:
		return tcp && port == 80;
	case INTENT_HTTPS:
		return (tcp || protocol == 17) && port == 443;
	case INTENT_HTTP2:
		return tcp && (port == 80 || port == 443);
	case INTENT_SSH:
		return tcp && port == 22;
	case INTENT_IMAPS:
		return tcp && port == 993;
	default:
		abort(); // the generator uses no others
	}
}

static unsigned number_of(enum intent_term transport)
{
	return transport == INTENT_TCP    ? 6
	       : transport == INTENT_UDP  ? 17
	       : transport == INTENT_SCTP ? 132
					  : 33;
}

static bool in_ports(const struct intent_firewall *given, unsigned port)
{
	bool in = !given->ports.len;
	for (size_t i = 0; i < given->ports.len; i++)
		in |= port >= given->ports.at[i].start && port <= given->ports.at[i].end;
	return in;
}

// The ports that the rule allows tell the applications apart: each has one of its own among them,
// and each range of ports has one of some application.
static bool told_by_port(const struct intent_firewall *given,
			 const struct intent_terms *applications)
{
	for (size_t i = 0; i < applications->len; i++) {
		bool found = false;
		for (unsigned port = 0; port < 1024; port++)
			for (unsigned protocol = 6; protocol <= 17; protocol += 11)
				found |= registered(applications->at[i], protocol, port) &&
					 in_ports(given, port) &&
					 (!given->transport ||
					  number_of(given->transport) == protocol);
		if (!found)
			return false;
	}
	for (size_t k = 0; k < given->ports.len; k++) {
		bool found = false;
		for (size_t i = 0; i < applications->len; i++)
			for (unsigned port = given->ports.at[k].start;
			     port <= given->ports.at[k].end; port++)
				found |= registered(applications->at[i], 6, port) ||
					 registered(applications->at[i], 17, port);
		if (!found)
			return false;
	}
	return true;
}

static bool is_application(const struct question *q, const struct intent_terms *applications)
{
	const struct naive_packet *p = q->packet;
	if (!told_by_port(&q->rule->condition.firewall, applications))
		return any_term(q, applications);
	bool is = false;
	for (size_t i = 0; i < applications->len; i++)
		is |= registered(applications->at[i], p->protocol, p->destination_port);
	return is;
}

static bool traffic_holds(const struct question *q)
{
	const struct intent_firewall *given = &q->rule->condition.firewall;
	const struct naive_packet *p = q->packet;
	bool transport = p->protocol == 6 || p->protocol == 17 || p->protocol == 132 ||
			 (p->protocol == 33 && given->transport);
	if (given->transport && p->protocol != number_of(given->transport))
		return false;
	if (given->ports.len && (!transport || !in_ports(given, p->destination_port)))
		return false;
	bool message = !given->icmp.len;
	for (size_t i = 0; i < given->icmp.len; i++) {
		bool four = p->protocol == 1;
		if (p->protocol != 1 && p->protocol != 58)
			continue;
		if (given->icmp.at[i] == INTENT_ECHO)
			message |= p->type == (four ? 8 : 128);
		if (given->icmp.at[i] == INTENT_DESTINATION_UNREACHABLE)
			message |= p->type == (four ? 3 : 1);
		if (given->icmp.at[i] == INTENT_PORT_UNREACHABLE)
			message |= p->type == (four ? 3 : 1) && p->code == (four ? 3 : 4);
	}
	return message;
}

// --- groups and users ---

static const struct intent_group *find_group(const struct question *q, const char *name, bool *user)
{
	for (size_t i = 0; i < q->intent->user_group.len; i++)
		if (!strcmp(q->intent->user_group.at[i].name, name))
			return *user = true, &q->intent->user_group.at[i];
	*user = false;
	for (size_t i = 0; i < q->intent->device_group.len; i++)
		if (!strcmp(q->intent->device_group.at[i].name, name))
			return &q->intent->device_group.at[i];
	return NULL;
}

// Against the flow no MAC address can be read: it is no obstacle to what passes, and to all else.
static bool has_mac(const struct question *q, const struct intent_group *group, bool source)
{
	if (!group->mac.len)
		return true;
	if (q->packet->reply)
		return q->rule->action == INTENT_PASS || q->rule->action == INTENT_RATE_LIMIT;
	bool has = false;
	for (size_t i = 0; i < group->mac.len; i++)
		has |= group->mac.at[i] ==
		       (source ? q->packet->source_mac : q->packet->destination_mac);
	return has;
}

// A rule with a rate stays one rule: where one of its alternatives is open, all of them are.
static bool has_rate(const struct question *q)
{
	return q->rule->action == INTENT_RATE_LIMIT || q->rule->condition.ddos.packet_rate.given;
}

static bool is_bare(const struct intent_group *group)
{
	return !has_addresses(&group->addresses) && !group->mac.len;
}

static bool in_group(const struct question *q, const struct intent_group *group, bool source)
{
	const struct naive_packet *p = q->packet;
	if (has_addresses(&group->addresses) &&
	    !in_addresses(&group->addresses, p->family, source ? p->source : p->destination))
		return false;
	if (!has_mac(q, group, source))
		return false;
	if (!group->application.len)
		return true;
	return source ? any_term(q, &group->application) : is_application(q, &group->application);
}

static bool side_holds(const struct question *q, const struct intent_texts *names, bool source)
{
	bool holds = !names->len, user, open = false;
	for (size_t i = 0; i < names->len; i++)
		open |= is_bare(find_group(q, names->at[i], &user));
	for (size_t i = 0; i < names->len; i++) {
		const struct intent_group *group = find_group(q, names->at[i], &user);
		char value[300];
		snprintf(value, sizeof(value), "name=%s", group->name);
		holds |= is_bare(group) || (open && has_rate(q)) ? naive_truth(q->packet, value)
								 : in_group(q, group, source);
	}
	return holds;
}

// By its address alone: neither MAC nor application, and whoever has no address may be anywhere.
static bool may_be_source(const struct question *q)
{
	const struct intent_texts *names = &q->rule->condition.firewall.source;
	bool may = false, user;
	for (size_t i = 0; i < names->len; i++) {
		const struct intent_group *group = find_group(q, names->at[i], &user);
		may |= is_bare(group) ||
		       in_addresses(&group->addresses, q->packet->family, q->packet->source);
	}
	return may;
}

static bool user_is(const struct question *q, const struct intent_user *user)
{
	char value[300];
	snprintf(value, sizeof(value), "%u%s%s", user->id, user->name ? " " : "",
		 user->name ? user->name : "");
	return naive_truth(q->packet, value);
}

static const struct intent_group *known_users(const struct question *q,
					      const struct intent_user *user)
{
	bool is_user = false;
	const struct intent_group *group = user->name ? find_group(q, user->name, &is_user) : NULL;
	return group && is_user && has_addresses(&group->addresses) ? group : NULL;
}

// Some address at which the rule's source and one of the users' groups are. The generator's addresses
// are a few, and all others are alike.
static bool users_meet_source(const struct question *q)
{
	const struct intent_context *given = &q->rule->condition.context;
	bool meet = !q->rule->condition.firewall.source.len;
	for (unsigned i = 0; i < 2 * 17; i++) {
		struct naive_packet p = *q->packet;
		struct question at = {q->intent, q->rule, &p};
		p.family = i % 2 ? 4 : 6;
		p.source = (p.family == 4 ? (u128)10 << 24 : (u128)0x20010db8 << 96) + i / 2;
		bool user = false;
		for (size_t k = 0; k < given->group.len; k++) {
			const struct intent_group *group = known_users(q, &given->group.at[k]);
			user |= group && in_addresses(&group->addresses, p.family, p.source);
		}
		meet |= user && may_be_source(&at);
	}
	return meet;
}

static bool users_hold(const struct question *q)
{
	const struct intent_context *given = &q->rule->condition.context;
	bool one = !given->user.len, member = !given->group.len, open = false;
	for (size_t i = 0; i < given->user.len; i++)
		one |= user_is(q, &given->user.at[i]);
	for (size_t i = 0; i < given->group.len; i++)
		open |= !known_users(q, &given->group.at[i]);
	bool by_address = !(open && has_rate(q)) && users_meet_source(q);
	for (size_t i = 0; i < given->group.len; i++) {
		const struct intent_user *user = &given->group.at[i];
		const struct intent_group *group = known_users(q, user);
		member |= group && by_address ? in_group(q, group, true) : user_is(q, user);
	}
	return one && member;
}

// --- locations ---

static bool agrees(const struct intent_geography *asked, const struct intent_location *location)
{
	return (!asked->country || !strcasecmp(asked->country, location->country)) &&
	       (!asked->region || !strcasecmp(asked->region, location->region)) &&
	       (!asked->city || !strcmp(asked->city, location->city));
}

static bool place_holds(const struct question *q, const struct intent_geography *asked, bool source)
{
	const struct naive_packet *p = q->packet;
	bool in = false, known = false;
	char value[100];
	if (!asked->country && !asked->region && !asked->city)
		return true;
	for (size_t i = 0; i < q->intent->location.len; i++) {
		const struct intent_location *location = &q->intent->location.at[i];
		known |= agrees(asked, location);
		in |= agrees(asked, location) && in_addresses(&location->addresses, p->family,
							      source ? p->source : p->destination);
	}
	snprintf(value, sizeof(value), "%s/%s/%s", asked->country ? asked->country : "*",
		 asked->region ? asked->region : "*", asked->city ? asked->city : "*");
	return known ? in : naive_truth(p, value);
}

// --- threat feeds ---

static int parse_address(const char *text, u128 *out)
{
	unsigned char bytes[16];
	int family = inet_pton(AF_INET, text, bytes) == 1    ? 4
		     : inet_pton(AF_INET6, text, bytes) == 1 ? 6
							     : 0;
	*out = 0;
	for (int i = 0; i < (family == 4 ? 4 : 16); i++)
		*out = *out << 8 | bytes[i];
	return family;
}

static bool ioc_names(const char *ioc, int family, u128 address)
{
	char text[100];
	u128 first, last;
	snprintf(text, sizeof(text), "%s", ioc);
	char *split = strpbrk(text, "/-"), sign = split ? *split : 0;
	if (split)
		*split++ = '\0';
	if (parse_address(text, &first) != family)
		return false;
	if (!split)
		return first == address;
	if (sign == '-')
		return parse_address(split, &last) && address >= first && address <= last;
	struct intent_prefix prefix = {first, (uint8_t)strtoul(split, NULL, 10)};
	return in_prefix(address, &prefix, family == 4 ? 32 : 128);
}

static bool feeds_hold(const struct question *q)
{
	const struct intent_texts *names = &q->rule->condition.feed;
	const struct naive_packet *p = q->packet;
	bool rate = has_rate(q);
	bool addresses = false, truths = false, others = false;
	for (size_t i = 0; i < names->len; i++) {
		for (size_t k = 0; k < q->intent->feed.len; k++) {
			const struct intent_feed *feed = &q->intent->feed.at[k];
			if (strcmp(feed->name, names->at[i]))
				continue;
			for (size_t n = 0; n < feed->ioc.len; n++) {
				const char *ioc = feed->ioc.at[n];
				bool other = strstr(ioc, "example");
				others |= other;
				addresses |= !other && (ioc_names(ioc, p->family, p->source) ||
							ioc_names(ioc, p->family, p->destination));
				truths |= (other || rate) && naive_truth(p, ioc);
			}
		}
	}
	return !names->len || (rate && others ? truths : addresses || (others && truths));
}

// --- time ---

static int zone_of(const char *text)
{
	const char *sign = strpbrk(text + 8, "+-");
	int hours, minutes;
	if (!sign || sscanf(sign + 1, "%d:%d", &hours, &minutes) != 2)
		return 0;
	return (*sign == '-' ? -60 : 60) * (hours * 60 + minutes);
}

static int64_t date_time(const char *text)
{
	struct tm tm = {0};
	if (sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec) != 6)
		abort();
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm) - zone_of(text + 8);
}

static int second_of_day(const char *text)
{
	int hour, minute, second;
	if (sscanf(text, "%d:%d:%d", &hour, &minute, &second) != 3)
		abort();
	return hour * 3600 + minute * 60 + second;
}

// Whether a period may begin on the civil day that holds this second.
static bool begins_on(const struct intent_time *given, time_t local)
{
	struct tm tm;
	char text[8];
	bool on = false;
	gmtime_r(&local, &tm);
	strftime(text, sizeof(text), "%m-%d", &tm);
	for (size_t i = 0; i < given->day.len; i++)
		on |= (unsigned)given->day.at[i] - INTENT_MONDAY == (unsigned)(tm.tm_wday + 6) % 7;
	for (size_t i = 0; i < given->date.len; i++)
		on |= given->date.at[i] == tm.tm_mday;
	for (size_t i = 0; i < given->month.len; i++) {
		bool after = strcmp(text, given->month.at[i].start) >= 0;
		bool before = strcmp(text, given->month.at[i].end) <= 0;
		bool wraps = strcmp(given->month.at[i].start, given->month.at[i].end) > 0;
		on |= wraps ? after || before : after && before;
	}
	return on || given->frequency == INTENT_DAILY;
}

static bool time_holds(const struct question *q)
{
	const struct intent_time *given = &q->rule->condition.context.time;
	int64_t now = q->packet->time;
	if ((given->start_date_time && now < date_time(given->start_date_time)) ||
	    (given->end_date_time && now >= date_time(given->end_date_time)))
		return false;
	if (given->frequency == INTENT_ONLY_ONCE || given->frequency == INTENT_NO_TERM)
		return true;
	int zone = given->start_time ? zone_of(given->start_time)
		   : given->end_time ? zone_of(given->end_time)
				     : 0;
	int from = given->start_time ? second_of_day(given->start_time) : 0;
	int to = given->end_time ? second_of_day(given->end_time) - zone_of(given->end_time) + zone
				 : 86400;
	int length = ((to - from) % 86400 + 86400) % 86400;
	if (!length)
		length = 86400;
	int64_t local = now + zone, midnight = local - local % 86400;
	for (int64_t day = midnight - 86400; day <= midnight; day += 86400)
		if (local >= day + from && local < day + from + length && begins_on(given, day))
			return true;
	return false;
}

// --- rules ---

static bool content_holds(const struct question *q)
{
	const struct intent_condition *given = &q->rule->condition;
	if (given->virus_profile.len && !any_truth(q, &given->virus_profile))
		return false;
	if (given->context.device.len && !any_term(q, &given->context.device))
		return false;
	if (q->rule->event.len && !any_term(q, &q->rule->event))
		return false;
	for (size_t i = 0; given->url_group && i < q->intent->url_group.len; i++)
		if (!strcmp(q->intent->url_group.at[i].name, given->url_group))
			return any_truth(q, &q->intent->url_group.at[i].value);
	return true;
}

static bool rule_holds(const struct question *q)
{
	const struct intent_condition *given = &q->rule->condition;
	if (given->ddos.packet_rate.given && q->rule->action != INTENT_RATE_LIMIT &&
	    !q->packet->over_rate)
		return false;
	if (given->context.application.len && !is_application(q, &given->context.application))
		return false;
	return side_holds(q, &given->firewall.source, true) &&
	       side_holds(q, &given->firewall.destination, false) && traffic_holds(q) &&
	       users_hold(q) && place_holds(q, &given->context.source, true) &&
	       place_holds(q, &given->context.destination, false) && feeds_hold(q) &&
	       time_holds(q) && content_holds(q);
}

// Whether the later of two rules that hold wins.
static bool later_wins(const struct intent_policy *policy, const struct intent_rule *earlier,
		       const struct intent_rule *later)
{
	if (policy->usage == INTENT_BY_NUMBER && later->priority.value != earlier->priority.value)
		return later->priority.value > earlier->priority.value;
	return policy->resolution == INTENT_LMR;
}

struct naive_answer naive_decide(const struct intent *intent, const struct naive_packet *packet)
{
	for (size_t i = 0; i < intent->policy.len; i++) {
		const struct intent_policy *policy = &intent->policy.at[i];
		const struct intent_rule *best = NULL;
		for (size_t k = 0; k < policy->rule.len; k++) {
			const struct intent_rule *rule = &policy->rule.at[k];
			struct question q = {intent, rule, packet};
			if (rule_holds(&q) && (!best || later_wins(policy, best, rule)))
				best = rule;
		}
		if (best)
			return (struct naive_answer){policy->name, best->name};
	}
	return (struct naive_answer){0};
}
