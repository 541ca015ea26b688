// SPDX-License-Identifier: Apache-2.0
// A plan for people at a terminal. What stays is only counted.
#include "plan/plan.h"
#include "base/buf.h"

#define BOLD "\033[1m"
#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"

struct printer {
	struct buf *out;
	bool colour;
};

static void paint(struct printer *p, const char *code)
{
	if (p->colour)
		buf_adds(p->out, code);
}

static void line(struct printer *p, const char *code, const char *mark, const struct ir_rule *rule)
{
	buf_adds(p->out, "  ");
	paint(p, code);
	buf_printf(p->out, "%s %s/%s", mark, rule->policy, rule->name);
	paint(p, PLAIN);
	buf_adds(p->out, "  ");
	ir_rule_print(rule, p->out);
	buf_addc(p->out, '\n');
}

static void print_change(struct printer *p, const struct plan_change *c)
{
	switch (c->kind) {
	case PLAN_ADD:
		line(p, GREEN, "+", c->after);
		break;
	case PLAN_REMOVE:
		line(p, RED, "-", c->before);
		break;
	case PLAN_CHANGE:
		line(p, YELLOW, "~", c->after);
		buf_adds(p->out, "      was ");
		ir_rule_print(c->before, p->out);
		buf_addc(p->out, '\n');
		break;
	case PLAN_MOVE:
		line(p, CYAN, ">", c->after);
		break;
	}
	if (c->moved)
		buf_printf(p->out, "      moved from place %zu to place %zu\n", c->before_at + 1,
			   c->after_at + 1);
}

static void print_nsf(struct printer *p, const struct plan_nsf *nsf)
{
	bool nothing = !nsf->change.len && !nsf->default_changed;
	paint(p, BOLD);
	buf_adds(p->out, nsf->nsf);
	paint(p, PLAIN);
	if (nothing)
		buf_printf(p->out, ": nothing changes, %zu rules stay\n", nsf->unchanged);
	else
		buf_printf(p->out,
			   ": %zu to add, %zu to change, %zu to move, %zu to remove, %zu stay\n",
			   nsf->added, nsf->changed, nsf->moved, nsf->removed, nsf->unchanged);
	if (nsf->first)
		buf_printf(p->out, "  * default action %s, first policy on this function\n",
			   ir_verdict_name[nsf->intended->default_action]);
	else if (nsf->default_changed)
		buf_printf(p->out, "  * default action %s, was %s\n",
			   ir_verdict_name[nsf->intended->default_action],
			   ir_verdict_name[nsf->deployed->default_action]);
	for (size_t i = 0; i < nsf->change.len; i++)
		print_change(p, &nsf->change.at[i]);
}

void plan_print(const struct plan *plan, bool colour, struct buf *out)
{
	struct printer p = {.out = out, .colour = colour};
	for (size_t i = 0; i < plan->nsf.len; i++)
		print_nsf(&p, &plan->nsf.at[i]);
}
