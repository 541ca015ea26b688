// SPDX-License-Identifier: Apache-2.0
// The back end of the tests. Its normal form is the ruleset itself.
#include "agent/fake_backend.h"

#include "base/buf.h"
#include "base/wire.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

static struct fake *of(const struct backend *backend)
{
	return (struct fake *)(uintptr_t)backend;
}

static void copy(const struct ir_ruleset *in, struct arena *arena, struct ir_ruleset *out)
{
	cleanup(buf_fini) struct buf bytes;
	buf_init(&bytes);
	ir_ruleset_encode(in, &bytes);
	struct wire_reader r = wire_reader(bytes.data, bytes.len);
	bool ok = ir_ruleset_decode(&r, arena, out);
	assert(ok);
}

static bool check(const struct backend *backend, const struct ir_ruleset *lowered,
		  struct diags *diags)
{
	(void)lowered;
	if (!of(backend)->refuse)
		return true;
	diag_error(diags, DIAG_CAPABILITY, NULL, "ask for less", "refused as told");
	return false;
}

static int apply(struct backend *backend, const struct ir_ruleset *lowered, struct diags *diags)
{
	struct fake *fake = of(backend);
	fake->applies++;
	if (fake->fail) {
		diag_error(diags, DIAG_FAILED, NULL, "stop the test", "failed as told");
		return -EIO;
	}
	fake->ruleset = (struct ir_ruleset){.default_action = IR_NONE};
	copy(lowered, &fake->arena, &fake->ruleset);
	fake->deployed = true;
	if (fake->cheat && fake->ruleset.rule.len)
		fake->ruleset.rule.len--;
	return BACKEND_DONE;
}

static struct ir_rule copy_rule(const struct ir_rule *rule, struct arena *arena)
{
	struct ir_rule one = *rule;
	struct ir_ruleset in = {.rule = {.at = &one, .len = 1}}, out;
	copy(&in, arena, &out);
	return out.rule.at[0];
}

// Nothing but the edits is believed, so that wrong ones are found.
static int change(struct backend *backend, const struct ir_ruleset *lowered,
		  const struct backend_edit *edit, size_t edits, struct diags *diags)
{
	struct fake *fake = of(backend);
	struct ir_ruleset made = {.default_action = fake->ruleset.default_action};
	size_t from = 0;
	if (fake->anew || !fake->deployed)
		return BACKEND_ANEW;
	fake->changes++;
	fake->unsettled = true;
	if (fake->fail) {
		diag_error(diags, DIAG_FAILED, NULL, "stop the test", "failed as told");
		return -EIO;
	}
	for (size_t i = 0; i <= edits; i++) {
		size_t end = i < edits ? edit[i].at : fake->ruleset.rule.len;
		for (; from < end; from++)
			vec_push(&fake->arena, &made.rule, fake->ruleset.rule.at[from]);
		for (size_t k = 0; i < edits && k < edit[i].inserted; k++)
			vec_push(&fake->arena, &made.rule,
				 copy_rule(&lowered->rule.at[edit[i].to + k], &fake->arena));
		from += i < edits ? edit[i].removed : 0;
	}
	fake->ruleset = made;
	if (fake->cheat && fake->ruleset.rule.len)
		fake->ruleset.rule.len--;
	return BACKEND_DONE;
}

static int clear(struct backend *backend, struct diags *diags)
{
	struct fake *fake = of(backend);
	fake->clears++;
	if (fake->fail) {
		diag_error(diags, DIAG_FAILED, NULL, "stop the test", "failed as told");
		return -EIO;
	}
	fake->deployed = false;
	fake->pinholes.list.len = 0;
	return 0;
}

static int read_back(struct backend *backend, struct arena *arena, struct backend_state *out)
{
	const struct fake *fake = of(backend);
	*out = (struct backend_state){.deployed = fake->deployed, .strange.arena = arena};
	if (fake->deployed)
		copy(&fake->ruleset, arena, &out->ruleset);
	return 0;
}

static bool same_rule(const struct ir_rule *a, const struct ir_rule *b)
{
	cleanup(buf_fini) struct buf x;
	cleanup(buf_fini) struct buf y;
	buf_init(&x);
	buf_init(&y);
	ir_rule_encode(a, &x);
	ir_rule_encode(b, &y);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

// What a copy does beside comparing.
static void pause_at(const struct fake *fake, bool stop)
{
	if (fake->read && stop)
		(void)raise(SIGSTOP);
}

static void read_apart(const struct fake *fake)
{
	pause_at(fake, fake->stop_before);
	if (fake->read)
		fake->read(fake->context);
	pause_at(fake, fake->stop_behind);
	if (fake->read && fake->die)
		(void)raise(SIGKILL);
}

static int compare(struct backend *backend, const struct ir_ruleset *lowered,
		   struct backend_differences *out)
{
	struct fake *fake = of(backend);
	fake->looks++;
	read_apart(fake);
	if (fake->clock)
		*fake->clock += fake->looking;
	if (fake->blind)
		return -ENOBUFS;
	size_t intended = lowered ? lowered->rule.len : 0,
	       found = fake->deployed ? fake->ruleset.rule.len : 0;
	for (size_t i = 0; i < intended && i < found; i++)
		if (!same_rule(&lowered->rule.at[i], &fake->ruleset.rule.at[i]))
			vec_push(out->arena, &out->list,
				 (struct backend_difference){.change = BACKEND_CHANGED,
							     .policy = lowered->rule.at[i].policy,
							     .rule = lowered->rule.at[i].name,
							     .intended = "a rule",
							     .found = "another"});
	if (fake->deployed != (lowered != NULL) ||
	    (lowered && lowered->default_action != fake->ruleset.default_action))
		vec_push(out->arena, &out->list,
			 (struct backend_difference){.change = BACKEND_CHANGED,
						     .intended = "a policy",
						     .found = "another"});
	for (size_t i = found; i < intended; i++) {
		const struct ir_rule *rule = &lowered->rule.at[i];
		vec_push(out->arena, &out->list,
			 (struct backend_difference){.change = BACKEND_MISSING,
						     .policy = rule->policy,
						     .rule = rule->name,
						     .intended = "a rule"});
	}
	for (size_t i = intended; i < found; i++)
		vec_push(out->arena, &out->list,
			 (struct backend_difference){.change = BACKEND_FOREIGN, .found = "a rule"});
	return 0;
}

static int compare_changed(struct backend *backend, const struct ir_ruleset *lowered,
			   struct backend_differences *out)
{
	of(backend)->glances++;
	return compare(backend, lowered, out);
}

static int counters(struct backend *backend, const struct ir_ruleset *lowered, struct arena *arena,
		    struct backend_counters *out)
{
	const struct fake *fake = of(backend);
	(void)lowered;
	*out = (struct backend_counters){.rules = fake->ruleset.rule.len};
	out->rule = arena_array(arena, struct backend_count, out->rules);
	for (size_t i = 0; i < out->rules; i++)
		out->rule[i] = (struct backend_count){.packets = i + 1, .bytes = 100 * (i + 1)};
	return 0;
}

static int watch_fd(const struct backend *backend)
{
	(void)backend;
	return -1;
}

static bool watch_drain(struct backend *backend)
{
	bool changed = of(backend)->changed;
	of(backend)->changed = false;
	return changed;
}

static int pinhole_open(struct backend *backend, const struct backend_pinhole *pinhole,
			struct diags *diags)
{
	struct fake *fake = of(backend);
	(void)diags;
	struct backend_pinhole kept = *pinhole;
	kept.name = arena_strdup(&fake->arena, pinhole->name);
	vec_push(&fake->arena, &fake->pinholes.list,
		 (struct backend_pinhole_state){
			 .pinhole = kept, .lifetime = 60, .idle_ms = pinhole->setup * 1000});
	return BACKEND_DONE;
}

static int pinhole_close(struct backend *backend, const char *name, struct diags *diags)
{
	struct fake *fake = of(backend);
	for (size_t i = 0; i < fake->pinholes.list.len; i++) {
		if (strcmp(fake->pinholes.list.at[i].pinhole.name, name) != 0)
			continue;
		fake->pinholes.list.at[i] = fake->pinholes.list.at[--fake->pinholes.list.len];
		return BACKEND_DONE;
	}
	diag_error(diags, DIAG_ABSENT, NULL, "open it first", "no such pinhole");
	return BACKEND_REFUSED;
}

static int pinhole_list(struct backend *backend, struct backend_pinholes *out)
{
	const struct fake *fake = of(backend);
	for (size_t i = 0; i < fake->pinholes.list.len; i++) {
		struct backend_pinhole_state state = fake->pinholes.list.at[i];
		state.pinhole.name = arena_strdup(out->arena, state.pinhole.name);
		vec_push(out->arena, &out->list, state);
	}
	return 0;
}

static int pinhole_purge(struct backend *backend)
{
	struct fake *fake = of(backend);
	size_t kept = 0;
	for (size_t i = 0; i < fake->pinholes.list.len; i++) {
		if (!fake->pinholes.list.at[i].closed)
			fake->pinholes.list.at[kept++] = fake->pinholes.list.at[i];
	}
	fake->pinholes.list.len = kept;
	return 0;
}

static int apart(struct backend *backend, void (*read)(void *context), void *context)
{
	struct fake *fake = of(backend);
	fake->read = read;
	fake->context = context;
	return 0;
}

static void proven(const struct backend *backend, struct buf *out)
{
	buf_printf(out, "%u", of(backend)->looks);
}

static void adopt(struct backend *backend, const void *proven, size_t len)
{
	(void)proven, (void)len;
	of(backend)->adopts++;
}

static int settle(struct backend *backend, const struct ir_ruleset *lowered, struct diags *diags)
{
	struct fake *fake = of(backend);
	(void)lowered, (void)diags;
	fake->settles++;
	int done = fake->unsettled ? BACKEND_DONE : BACKEND_SETTLED;
	fake->unsettled = false;
	return done;
}

static const struct backend_ops fake_ops = {
	.name = "fake",
	.check = check,
	.apply = apply,
	.change = change,
	.settle = settle,
	.clear = clear,
	.read_back = read_back,
	.compare = compare,
	.compare_changed = compare_changed,
	.apart = apart,
	.proven = proven,
	.adopt = adopt,
	.counters = counters,
	.watch_fd = watch_fd,
	.watch_drain = watch_drain,
	.pinhole_open = pinhole_open,
	.pinhole_close = pinhole_close,
	.pinhole_list = pinhole_list,
	.pinhole_purge = pinhole_purge,
};

void fake_init(struct fake *fake)
{
	*fake = (struct fake){.deployed = false};
	arena_init(&fake->arena);
	fake->pinholes.arena = &fake->arena;
}

void fake_fini(struct fake *fake)
{
	arena_fini(&fake->arena);
}

struct agent_point fake_point(struct fake *fake)
{
	return (struct agent_point){
		.ops = &fake_ops, .backend = (struct backend *)fake, .normal = copy};
}

void fake_tamper(struct fake *fake)
{
	assert(fake->ruleset.rule.len);
	fake->ruleset.rule.len--;
	fake->changed = true;
}

// The real back end, which defines these, is not linked into the tests.
const char *const backend_other_name[] = {
	[BACKEND_OTHER_DROPS] = "drops",
	[BACKEND_OTHER_UNKNOWN] = "unknown",
};
const char *const backend_change_name[] = {
	[BACKEND_MISSING] = "missing",
	[BACKEND_CHANGED] = "changed",
	[BACKEND_FOREIGN] = "foreign",
	[BACKEND_REORDERED] = "reordered",
};
