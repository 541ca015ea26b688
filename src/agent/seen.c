// SPDX-License-Identifier: Apache-2.0
// What is there, against what is meant. The one idea: the back end proves whether the kernel does what was meant; only
// where it does not are the kernel's rules told one by one.
// What it does not: put anything into the kernel (kernel.c).
#include "agent/held.h"

#include "base/wire.h"
#include "ir/digest.h"
#include "pki/pki.h"

#include <string.h>

void agent_seen_init(struct agent_seen *seen)
{
	*seen = (struct agent_seen){.at = 0};
	arena_init(&seen->arena);
}

void agent_seen_fini(struct agent_seen *seen)
{
	arena_fini(&seen->arena);
}

const char *agent_rule_key(struct arena *arena, const char *policy, const char *name)
{
	return arena_printf(arena, "%s\n%s", policy ? policy : "", name ? name : "");
}

void agent_seen_move(struct agent_seen *to, struct agent_seen *from)
{
	agent_seen_fini(to);
	*to = *from;
	to->differences.arena = &to->arena;
	to->rule_digest.arena = &to->arena;
	agent_seen_init(from);
}

static void add_rule(struct agent_seen *seen, struct agent_rule_digest rule)
{
	seen->rule_digest.arena = &seen->arena;
	vec_push(&seen->arena, &seen->rule, rule);
	map_put(&seen->rule_digest, rule.key, (void *)(uintptr_t)rule.text);
}

static void digest_rules(struct agent_seen *seen, const struct ir_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		char *text = arena_alloc(&seen->arena, AGENT_DIGEST_TEXT);
		struct ir_digest digest = ir_rule_digest(rule);
		pki_digest_text(digest.octet, text);
		const char *key = agent_rule_key(&seen->arena, rule->policy, rule->name);
		add_rule(seen, (struct agent_rule_digest){key, text});
	}
}

static void begin(struct agent_seen *seen)
{
	agent_seen_fini(seen);
	agent_seen_init(seen);
	seen->differences.arena = &seen->arena;
}

// What was proven to be there has the digest of what was meant; what was read for it is needed no more.
static void found_equal(struct agent_seen *seen, const struct agent_held *held)
{
	arena_fini(&seen->arena);
	seen->equal = true;
	seen->deployed = !agent_held_nothing(held);
	if (seen->deployed)
		memcpy(seen->digest, held->digest, sizeof(seen->digest));
}

static int found_different(struct agent_seen *seen, const struct agent_point *point)
{
	struct backend_state state = {.strange.arena = &seen->arena};
	int r = point->ops->read_back(point->backend, &seen->arena, &state);
	if (r < 0)
		return r;
	seen->deployed = state.deployed;
	if (state.deployed) {
		agent_digest(&state.ruleset, seen->digest);
		digest_rules(seen, &state.ruleset);
	}
	return 0;
}

int agent_seen_look(struct agent_seen *seen, const struct agent_point *point,
		    const struct agent_held *held, int64_t now)
{
	begin(seen);
	seen->whole = true;
	int r = point->ops->compare(point->backend,
				    agent_held_nothing(held) ? NULL : &held->lowered,
				    &seen->differences);
	if (r < 0)
		return r;
	seen->at = now;
	if (seen->differences.list.len)
		return found_different(seen, point);
	found_equal(seen, held);
	return 0;
}

int agent_seen_look_changed(struct agent_seen *seen, const struct agent_point *point,
			    const struct agent_held *held, int64_t now)
{
	if (!point->ops->compare_changed)
		return agent_seen_look(seen, point, held, now);
	begin(seen);
	int r = point->ops->compare_changed(point->backend, &held->lowered, &seen->differences);
	// Differences are worked out by those who look at everything.
	if (r < 0 || seen->differences.list.len)
		return agent_seen_look(seen, point, held, now);
	seen->at = now;
	found_equal(seen, held);
	return 0;
}

// --- as bytes ---

static void put_difference(struct buf *out, const struct backend_difference *d)
{
	wire_put_u8(out, d->change);
	wire_put_text(out, d->policy);
	wire_put_text(out, d->rule);
	wire_put_text(out, d->intended);
	wire_put_text(out, d->found);
	wire_put_text(out, d->witness);
}

void agent_seen_encode(const struct agent_seen *seen, struct buf *out)
{
	wire_put_u64(out, (uint64_t)seen->at);
	wire_put_u8(out, seen->whole);
	wire_put_u8(out, seen->equal);
	wire_put_u8(out, seen->deployed);
	wire_put_text(out, seen->digest);
	wire_put_u32(out, (uint32_t)seen->differences.list.len);
	for (size_t i = 0; i < seen->differences.list.len; i++)
		put_difference(out, &seen->differences.list.at[i]);
	wire_put_u32(out, (uint32_t)seen->rule.len);
	for (size_t i = 0; i < seen->rule.len; i++) {
		wire_put_text(out, seen->rule.at[i].key);
		wire_put_text(out, seen->rule.at[i].text);
	}
}

enum { DIFFERENCE_LEAST = 21, RULE_LEAST = 8 }; // bytes

static void get_difference(struct wire_reader *r, struct agent_seen *seen)
{
	struct arena *a = &seen->arena;
	struct backend_difference d = {.change = wire_u8(r)};
	r->bad |= (unsigned)d.change > BACKEND_REORDERED;
	d.policy = wire_text(r, a);
	d.rule = wire_text(r, a);
	d.intended = wire_text(r, a);
	d.found = wire_text(r, a);
	d.witness = wire_text(r, a);
	vec_push(a, &seen->differences.list, d);
}

static void get_rule(struct wire_reader *r, struct agent_seen *seen)
{
	const char *key = wire_text(r, &seen->arena), *text = wire_text(r, &seen->arena);
	r->bad |= !key || !text;
	if (!r->bad)
		add_rule(seen, (struct agent_rule_digest){key, text});
}

static void get_digest(struct wire_reader *r, struct agent_seen *seen)
{
	const char *digest = wire_text(r, &seen->arena);
	r->bad |= !digest || strlen(digest) >= sizeof(seen->digest);
	if (!r->bad)
		memcpy(seen->digest, digest, strlen(digest) + 1);
}

bool agent_seen_decode(struct agent_seen *seen, const void *data, size_t len)
{
	struct wire_reader r = wire_reader(data, len);
	seen->differences.arena = &seen->arena;
	seen->at = (int64_t)wire_u64(&r);
	seen->whole = wire_u8(&r);
	seen->equal = wire_u8(&r);
	seen->deployed = wire_u8(&r);
	get_digest(&r, seen);
	for (uint32_t n = wire_count(&r, DIFFERENCE_LEAST); n && !r.bad; n--)
		get_difference(&r, seen);
	for (uint32_t n = wire_count(&r, RULE_LEAST); n && !r.bad; n--)
		get_rule(&r, seen);
	return wire_done(&r);
}
