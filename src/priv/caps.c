// SPDX-License-Identifier: Apache-2.0
// Users and capabilities. The one idea: what is needed only now and then (to start or end a child under another user) is
// held, but not effective outside the few calls that need it.
// capabilities(7).
#include "priv/internal.h"

#include "base/diag.h"
#include "priv/priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

static void free_caps(cap_t *caps)
{
	cap_free(*caps);
}

static bool parse_id(const char *text, const char **end_out, unsigned *out)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || end == text || value >= UINT_MAX || text[0] < '0' || text[0] > '9')
		return false;
	*end_out = end;
	*out = (unsigned)value;
	return true;
}

static bool parse_numbers(const char *text, struct priv_user *out)
{
	const char *end;
	if (!parse_id(text, &end, &out->uid))
		return false;
	out->gid = out->uid;
	if (*end == ':' && !parse_id(end + 1, &end, &out->gid))
		return false;
	return !*end;
}

bool priv_user_parse(const char *text, struct diags *diags, struct priv_user *out)
{
	struct priv_user user = {0};
	if (!parse_numbers(text, &user)) {
		const struct passwd *entry = getpwnam(text);
		user = entry ? (struct priv_user){entry->pw_uid, entry->pw_gid}
			     : (struct priv_user){0, 0};
	}
	if (user.uid && user.gid) {
		*out = user;
		return true;
	}
	diag_error(diags, DIAG_VALUE, NULL,
		   "name a user that exists and is not root, or give UID or UID:GID",
		   "'%.80s' is not an unprivileged user", text);
	return false;
}

// --- capabilities ---

static int drop_from_bounding(cap_t keep)
{
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t kept = CAP_CLEAR;
		cap_get_flag(keep, cap, CAP_PERMITTED, &kept);
		if (kept == CAP_CLEAR && cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0)
			return -errno;
	}
	return 0;
}

int priv_keep(const struct priv_caps *caps)
{
	assert(caps->effective_len <= INT_MAX && caps->held_len <= INT_MAX);
	cleanup(free_caps) cap_t keep = base_oom(cap_init());
	int n = (int)caps->effective_len, held = (int)caps->held_len;
	if ((n && (cap_set_flag(keep, CAP_PERMITTED, n, caps->effective, CAP_SET) < 0 ||
		   cap_set_flag(keep, CAP_EFFECTIVE, n, caps->effective, CAP_SET) < 0)) ||
	    (held && cap_set_flag(keep, CAP_PERMITTED, held, caps->held, CAP_SET) < 0))
		return -errno;
	int r = drop_from_bounding(keep);
	if (r < 0)
		return r;
	if (cap_reset_ambient() < 0 || cap_set_proc(keep) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int priv_raise(int cap, bool on)
{
	cleanup(free_caps) cap_t caps = cap_get_proc();
	cap_value_t value = cap;
	cap_flag_value_t held = CAP_CLEAR;
	if (!caps || cap_get_flag(caps, value, CAP_PERMITTED, &held) < 0)
		return -errno;
	if (held == CAP_CLEAR)
		return on ? -EPERM : 0;
	if (cap_set_flag(caps, CAP_EFFECTIVE, 1, &value, on ? CAP_SET : CAP_CLEAR) < 0 ||
	    cap_set_proc(caps) < 0)
		return -errno;
	return 0;
}

int priv_kill(pid_t pid, int signal_number)
{
	int raised = priv_raise(CAP_KILL, true);
	int r = kill(pid, signal_number) < 0 ? -errno : 0;
	if (raised == 0)
		raised = priv_raise(CAP_KILL, false);
	return r;
}
