// SPDX-License-Identifier: Apache-2.0
// Lines of keys that may come in: what they bind, what is refused and what is said of it; pins.
#include "io/authorized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJp9XrJL2rT1sn5OeEiAgISYyxGOhggClB6FUeotzdfg"
#define ED25519_PIN "SHA256:/dv25HiImGIXiIhpiffDoxTLyjFixOsiTYZA+4WJiQg"

struct read {
	struct arena arena;
	struct diags diags;
	struct io_authorized authorized;
};

static void read_text(struct read *r, const char *text)
{
	static const char *const roles[] = {"controller", "operator", NULL};
	struct io_authorized_text in = {.file = "keys", .text = text, .roles = roles};
	arena_init(&r->arena);
	diags_init(&r->diags, &r->arena);
	io_authorized_parse(&in, &r->arena, &r->diags, &r->authorized);
}

static void lines_bind_keys_to_names(void **state)
{
	static const char *const good[] = {
		"role=operator,name=alice " ED25519,
		"  \trole=operator,name=alice   " ED25519 " alice@laptop \t\r",
		"role=\"operator\",name=\"alice\" " ED25519 " a comment with = and , and \"",
		"restrict,name=alice,no-pty,role=operator " ED25519,
		"# a comment\n\n \n#" ED25519 "\nname=alice,role=operator " ED25519 "\n\n",
	};
	struct read r;
	(void)state;
	for (size_t i = 0; i < array_len(good); i++) {
		read_text(&r, good[i]);
		if (r.diags.list.len)
			fail_msg("%zu: %s", i, r.diags.list.at[0].text);
		assert_int_equal(r.authorized.key.len, 1);
		const struct io_authorized_key *key =
			io_authorized_find(&r.authorized, "alice", ED25519_PIN);
		assert_non_null(key);
		assert_string_equal(key->role, "operator");
		assert_null(io_authorized_find(&r.authorized, "bob", ED25519_PIN));
		arena_fini(&r.arena);
	}
}

static void one_key_may_have_two_names(void **state)
{
	struct read r;
	(void)state;
	read_text(&r, "role=operator,name=a " ED25519 "\nrole=controller,name=b " ED25519);
	assert_int_equal(r.diags.list.len, 0);
	assert_string_equal(io_authorized_find(&r.authorized, "b", ED25519_PIN)->role,
			    "controller");
	arena_fini(&r.arena);
}

static void tenants_stand_beside_their_role(void **state)
{
	static const char *const roles[] = {"operator", "tenant-user", NULL};
	static const char text[] = "role=tenant-user,tenant=acme,name=bob " ED25519 "\n"
				   "role=operator,tenant=acme,name=eve " ED25519 "\n"
				   "role=tenant-user,name=mallory " ED25519 "\n";
	struct read r;
	(void)state;
	arena_init(&r.arena);
	diags_init(&r.diags, &r.arena);
	struct io_authorized_text in = {
		.file = "keys", .text = text, .roles = roles, .tenant_role = "tenant-user"};
	io_authorized_parse(&in, &r.arena, &r.diags, &r.authorized);
	assert_int_equal(r.authorized.key.len, 1);
	assert_string_equal(io_authorized_find(&r.authorized, "bob", ED25519_PIN)->tenant, "acme");
	assert_int_equal(r.diags.errors, 2);
	assert_non_null(strstr(r.diags.list.at[0].text, "the role 'operator' has no tenant"));
	assert_non_null(strstr(r.diags.list.at[1].text, "the role 'tenant-user' needs a tenant"));
	arena_fini(&r.arena);
	read_text(&r, text); // where no role has a tenant the word is not known
	assert_int_equal(r.authorized.key.len, 0);
	assert_int_equal(r.diags.errors, 3);
	arena_fini(&r.arena);
}

static void what_is_not_understood_lets_nobody_in(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ED25519, "it has no role"},
		{"role=operator " ED25519, "it has no name"},
		{"name=alice " ED25519, "it has no role"},
		{"role=root,name=alice " ED25519, "'root' is not a role"},
		{"role=operator,name= " ED25519, "'name' must be given once"},
		{"role=operator,name=a,name=b " ED25519, "'name' must be given once"},
		{"role=operator,name=\"a b\" " ED25519, "'a b' cannot be a name"},
		{"role=operator,name=a/b " ED25519, "cannot be a name"},
		{"role=operator,name=a,command=\"sh -c id\" " ED25519,
		 "the option 'command' is not known"},
		{"role=operator,name=a,from=10.0.0.1 " ED25519, "the option 'from' is not known"},
		{"cert-authority,role=operator,name=a " ED25519, "'cert-authority' is not known"},
		{"role=operator,name=\"alice " ED25519, "a quote is not closed"},
		{"role=operator,name=alice", "is of a type that is not accepted"},
		{"role=operator,name=alice ssh-ed25519", "is malformed"},
		{"role=operator,name=alice ssh-ed25519 AAAA", "is malformed"},
		{"role=operator,name=alice " ED25519 "AAAA", "is malformed"},
		{"role=operator,name=alice ssh-ed25519 "
		 "AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==",
		 "is malformed"},
		{"role=operator,name=alice ssh-dss AAAAB3NzaC1kc3MAAACB", "not accepted"},
		{"role=operator,name=alice sk-ssh-ed25519@openssh.com AAAA", "not accepted"},
		{"role=operator,name=alice ssh-ed25519-cert-v01@openssh.com AAAA", "not accepted"},
		{"role=operator,name=a " ED25519 "\nrole=operator,name=a " ED25519,
		 "'a' has this key already"},
	};
	struct read r;
	(void)state;
	for (size_t i = 0; i < array_len(bad); i++) {
		read_text(&r, bad[i].line);
		assert_int_equal(r.diags.errors, 1);
		const struct diag *d = &r.diags.list.at[0];
		if (!strstr(d->text, bad[i].why))
			fail_msg("%s: %s", bad[i].line, d->text);
		assert_string_equal(d->file, "keys");
		assert_int_equal(d->line, strchr(bad[i].line, '\n') ? 2 : 1);
		assert_non_null(d->hint);
		assert_int_equal(r.authorized.key.len, d->line - 1);
		arena_fini(&r.arena);
	}
}

static void the_rest_of_a_file_counts(void **state)
{
	struct read r;
	(void)state;
	read_text(&r, "nonsense\nrole=operator,name=alice " ED25519 "\nrole=operator " ED25519);
	assert_int_equal(r.diags.errors, 2);
	assert_int_equal(r.diags.list.at[1].line, 3);
	assert_non_null(io_authorized_find(&r.authorized, "alice", ED25519_PIN));
	arena_fini(&r.arena);
}

static void pins_are_fingerprints_or_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"SHA256:",
		"SHA256:tooshort",
		"MD5:aa:bb",
		ED25519_PIN "x",
		"ssh-ed25519",
		"ssh-ed25519 AAAA",
		"a4d4f2c0a4d4f2c0a4d4f2c0a4d4f2c0a4d4f2c0a4d4f2c0a4d4f2c0a4d4f2c0",
	};
	struct arena arena;
	struct diags diags;
	char pin[IO_SSH_FINGERPRINT];
	(void)state;
	arena_init(&arena);
	diags_init(&diags, &arena);
	assert_true(io_ssh_pin_parse(ED25519_PIN, &diags, pin));
	assert_string_equal(pin, ED25519_PIN);
	assert_true(io_ssh_pin_parse(ED25519 " somebody@somewhere", &diags, pin));
	assert_string_equal(pin, ED25519_PIN);
	for (size_t i = 0; i < array_len(bad); i++) {
		assert_false(io_ssh_pin_parse(bad[i], &diags, pin));
		assert_int_equal(diags.errors, i + 1);
	}
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_bind_keys_to_names),
		cmocka_unit_test(one_key_may_have_two_names),
		cmocka_unit_test(tenants_stand_beside_their_role),
		cmocka_unit_test(what_is_not_understood_lets_nobody_in),
		cmocka_unit_test(the_rest_of_a_file_counts),
		cmocka_unit_test(pins_are_fingerprints_or_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
