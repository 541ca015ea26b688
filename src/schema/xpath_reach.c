// SPDX-License-Identifier: Apache-2.0
// How far up from its context node an expression can look: what a change can make true or false is only asked again that
// far around. Where it is not plain to see, the answer is "anywhere".
#include "schema/xpath_tree.h"

#include <string.h>

// Levels are counted from the context node: its parent is -1, its children 1.
struct reach {
	int highest; // the lowest number
	bool anywhere;
};

static void look(struct reach *reach, const struct xpath_expr *expr, int level);

static void go_to(struct reach *reach, int level)
{
	if (level < reach->highest)
		reach->highest = level;
}

// Where nodes of a step stand, at the highest.
static int level_of(struct reach *reach, const struct xpath_step *step, int level)
{
	int by = xpath_axes[step->axis].level;
	reach->anywhere |= by == LEVEL_UNKNOWN;
	return by == LEVEL_UNKNOWN ? level : level + by;
}

static void look_at_predicates(struct reach *reach, const struct xpath_predicate *first, int level)
{
	for (const struct xpath_predicate *it = first; it; it = it->next)
		look(reach, it->expr, level);
}

static bool is_current(const struct xpath_expr *expr)
{
	return expr->kind == EXPR_CALL && !strcmp(expr->function->name, "current");
}

static void look_along(struct reach *reach, const struct xpath_expr *path, int level)
{
	if (path->left && is_current(path->left))
		level = 0;
	else if (path->left || path->is_absolute)
		reach->anywhere = true;
	look_at_predicates(reach, path->predicates, level);
	for (const struct xpath_step *it = path->steps; it; it = it->next) {
		level = level_of(reach, it, level);
		go_to(reach, level);
		look_at_predicates(reach, it->predicates, level);
	}
}

static void look(struct reach *reach, const struct xpath_expr *expr, int level)
{
	if (expr->kind == EXPR_PATH)
		look_along(reach, expr, level);
	else if (expr->kind == EXPR_CALL)
		reach->anywhere |= !strcmp(expr->function->name, "deref");
	if (expr->kind != EXPR_PATH && expr->left)
		look(reach, expr->left, level);
	if (expr->right)
		look(reach, expr->right, level);
	for (const struct xpath_expr *arg = expr->args; arg; arg = arg->next)
		look(reach, arg, level);
}

unsigned xpath_reach(const struct schema_xpath *xpath)
{
	struct reach reach = {0};
	look(&reach, xpath->expr, 0);
	return reach.anywhere ? MODEL_ANYWHERE : (unsigned)-reach.highest;
}
