// SPDX-License-Identifier: Apache-2.0
// Capabilities as one bit an identity in each leaf-list. The tables are the model's; derivation is
// followed by name through the bases, which is short: no identity is more than five steps from its
// root. Reading and writing instance documents is codec/cap's.
#include "cap/cap.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name, *bases;
} identities[CAP_IDENTITIES] = {
#define X(code, name, bases) [code] = {name, bases},
#include "cap/identities.def"
#undef X
};
static_assert(CAP_IDENTITIES <= 128, "struct cap has 128 bits a set");

const struct cap_set_info cap_set_info[CAP_SETS] = {
#define X(code, name, containers, base, function) [code] = {name, containers, base, function},
#include "cap/sets.def"
#undef X
};

const char *cap_identity_name(enum cap_identity identity)
{
	assert(identity < CAP_IDENTITIES);
	return identities[identity].name;
}

static bool find(const char *name, size_t len, enum cap_identity *out)
{
	for (unsigned i = 0; i < CAP_IDENTITIES; i++) {
		if (strlen(identities[i].name) == len && !memcmp(identities[i].name, name, len)) {
			*out = (enum cap_identity)i;
			return true;
		}
	}
	return false;
}

bool cap_identity_find(const char *name, enum cap_identity *out)
{
	return find(name, strlen(name), out);
}

bool cap_set_find(const char *name, enum cap_set *out)
{
	for (unsigned i = 0; i < CAP_SETS; i++) {
		if (!strcmp(cap_set_info[i].name, name)) {
			*out = (enum cap_set)i;
			return true;
		}
	}
	return false;
}

static bool derives(enum cap_identity identity, enum cap_identity from)
{
	for (const char *base = identities[identity].bases; *base;) {
		size_t len = strcspn(base, ",");
		enum cap_identity b;
		bool known = find(base, len, &b);
		assert(known);
		if (b == from || derives(b, from))
			return true;
		base += len + (base[len] == ',');
	}
	return false;
}

bool cap_allows(enum cap_set set, enum cap_identity identity)
{
	return derives(identity, cap_set_info[set].base);
}

void cap_add(struct cap *cap, enum cap_set set, enum cap_identity identity)
{
	assert(set < CAP_SETS && identity < CAP_IDENTITIES);
	cap->bits[set][identity / 64] |= (uint64_t)1 << identity % 64;
}

bool cap_has(const struct cap *cap, enum cap_set set, enum cap_identity identity)
{
	return identity < CAP_IDENTITIES && cap->bits[set][identity / 64] >> identity % 64 & 1;
}

bool cap_equal(const struct cap *a, const struct cap *b)
{
	return !memcmp(a->bits, b->bits, sizeof(a->bits));
}

void cap_add_all(struct cap *cap)
{
	for (unsigned s = 0; s < CAP_SETS; s++)
		for (unsigned i = 0; i < CAP_IDENTITIES; i++)
			if (cap_allows((enum cap_set)s, (enum cap_identity)i))
				cap_add(cap, (enum cap_set)s, (enum cap_identity)i);
}
