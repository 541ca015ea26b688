// SPDX-License-Identifier: Apache-2.0
// The network file of `bulwark reach`: domains, zones, groups, NSFs with their policies. JSON of our own; the manual says
// what it holds. Every fault has its line and JSON pointer. What is not known is refused, so that a slip of the pen is not
// taken for silence.
#include "cli/reach_file.h"
#include "base/file.h"
#include "cli/source.h"

#include <jansson.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64

struct reading {
	struct cli *cli;
	const char *path, *text;
	const json_t *root;
	struct reach_file *out;
	const char **domain;
	size_t domains;
};

// --- faults ---

static void fault(struct reading *r, enum diag_code code, const char *at, const char *hint,
		  const char *what)
{
	diag_add(&r->cli->diags,
		 &(struct diag){.code = code,
				.file = r->path,
				.line = reach_json_line(r->text, at),
				.path = *at ? at : "/",
				.hint = hint},
		 "%s", what);
}

static const char *below(struct reading *r, const char *at, const char *key)
{
	return arena_printf(&r->cli->arena, "%s/%s", at, key);
}

static const char *item(struct reading *r, const char *at, size_t i)
{
	return arena_printf(&r->cli->arena, "%s/%zu", at, i);
}

// False unless the value is an object that has no members but these (separated by spaces).
static bool known_members(struct reading *r, const char *at, const json_t *object,
			  const char *names)
{
	const char *key;
	json_t *value;
	bool good = true;
	if (!json_is_object(object)) {
		fault(r, DIAG_VALUE, at, "write { … }", "an object is wanted here");
		return false;
	}
	json_object_foreach((json_t *)object, key, value)
	{
		size_t len = strlen(key);
		bool known = false;
		len = strchr(key, ' ') ? 0 : len;
		for (const char *p = names; len && (p = strstr(p, key)); p += len)
			known |= (p == names || p[-1] == ' ') && (!p[len] || p[len] == ' ');
		if (!known)
			fault(r, DIAG_UNKNOWN_ELEMENT, below(r, at, key),
			      arena_printf(&r->cli->arena, "known here: %s", names),
			      arena_printf(&r->cli->arena, "there is no '%s' here", key));
		good &= known;
	}
	return good;
}

static bool good_name(const char *text)
{
	size_t len = strlen(text);
	bool good = len > 0 && len < NAME_BYTES && !strchr(text, ',');
	for (size_t i = 0; i < len; i++)
		good &= (unsigned char)text[i] > ' ' && text[i] != 0x7f;
	return good;
}

// The member's text; NULL, and a fault unless it may be absent.
static const char *text_of(struct reading *r, const char *at, const json_t *object, const char *key,
			   bool optional)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		return arena_strdup(&r->cli->arena, json_string_value(value));
	if (value)
		fault(r, DIAG_VALUE, below(r, at, key), "put it in quotes",
		      arena_printf(&r->cli->arena, "'%s' must be a text", key));
	else if (!optional)
		fault(r, DIAG_MISSING, at, arena_printf(&r->cli->arena, "add \"%s\"", key),
		      arena_printf(&r->cli->arena, "'%s' is missing", key));
	return NULL;
}

static const char *name_of(struct reading *r, const char *at, const json_t *object)
{
	const char *name = text_of(r, at, object, "name", false);
	if (!name || good_name(name))
		return name;
	fault(r, DIAG_VALUE, below(r, at, "name"), "1 to 63 characters, no spaces, no commas",
	      arena_printf(&r->cli->arena, "'%s' cannot be a name", name));
	return NULL;
}

static bool truth_of(struct reading *r, const char *at, const json_t *object, const char *key,
		     bool otherwise, bool *out)
{
	const json_t *value = json_object_get(object, key);
	*out = value ? json_is_true(value) : otherwise;
	if (value && !json_is_boolean(value))
		fault(r, DIAG_VALUE, below(r, at, key), "write true or false",
		      arena_printf(&r->cli->arena, "'%s' must be true or false", key));
	return !value || json_is_boolean(value);
}

// An array of at most so many items; NULL and *good_out when it is absent.
static const json_t *list_of(struct reading *r, const char *at, const json_t *object,
			     const char *key, size_t most, bool *good_out)
{
	const json_t *value = json_object_get(object, key);
	if (!value || (json_is_array(value) && json_array_size(value) <= most))
		return value;
	bool list = json_is_array(value);
	fault(r, list ? DIAG_LIMIT : DIAG_VALUE, below(r, at, key),
	      list ? arena_printf(&r->cli->arena, "%zu are the limit", most) : "write [ … ]",
	      arena_printf(&r->cli->arena, list ? "'%s' has too many items" : "'%s' must be a list",
			   key));
	*good_out = false;
	return NULL;
}

#define ITEMS_MOST 4096 // addresses of a zone, links of an NSF

static bool text_item(struct reading *r, const char *at, const json_t *value, const char **out)
{
	*out = json_string_value(value);
	if (!*out)
		fault(r, DIAG_VALUE, at, "put it in quotes", "a text is wanted here");
	return *out != NULL;
}

// --- domains, groups, zones ---

static bool read_domains(struct reading *r)
{
	bool good = true;
	const json_t *list = list_of(r, "", r->root, "domains", REACH_ZONES_MOST, &good);
	size_t n = json_array_size(list);
	r->domain = arena_array(&r->cli->arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		const char *name;
		if (!text_item(r, item(r, "/domains", i), json_array_get(list, i), &name))
			good = false;
		else
			r->domain[r->domains++] = arena_strdup(&r->cli->arena, name);
	}
	return good;
}

static bool domain_of(struct reading *r, const char *at, const json_t *object, const char **out)
{
	const char *name = text_of(r, at, object, "domain", true);
	*out = NULL;
	for (size_t i = 0; name && i < r->domains; i++)
		if (!strcmp(r->domain[i], name))
			*out = r->domain[i];
	if (name && !*out)
		fault(r, DIAG_REFERENCE, below(r, at, "domain"), "name it in \"domains\"",
		      arena_printf(&r->cli->arena, "there is no domain '%s'", name));
	return !name == !*out && (!json_object_get(object, "domain") || name);
}

static bool add_group(const struct reading *r, const char *name, struct algebra_set *v4,
		      struct algebra_set *v6)
{
	for (size_t i = 0; i < r->out->group.len; i++) {
		const struct reach_group *group = &r->out->group.at[i];
		if (strcmp(group->name, name) != 0)
			continue;
		*v4 = algebra_set_union(&r->cli->arena, *v4, group->v4);
		*v6 = algebra_set_union(&r->cli->arena, *v6, group->v6);
		return true;
	}
	return false;
}

static bool read_addresses(struct reading *r, const char *at, const json_t *object,
			   struct algebra_set *v4, struct algebra_set *v6)
{
	bool good = true;
	const json_t *list = list_of(r, at, object, "networks", ITEMS_MOST, &good);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *where = item(r, below(r, at, "networks"), i), *text;
		if (!text_item(r, where, json_array_get(list, i), &text)) {
			good = false;
			continue;
		}
		if (add_group(r, text, v4, v6))
			continue;
		struct diags aside;
		diags_init(&aside, &r->cli->arena);
		bool parsed = ir_addresses_parse(text, "networks", &r->cli->arena, &aside, v4, v6);
		if (!parsed)
			fault(r, DIAG_VALUE, where,
			      "give a prefix (10.1.0.0/16), a range (10.1.0.1-10.1.0.9), an "
			      "address "
			      "or a group",
			      arena_printf(&r->cli->arena, "'%s' is no network", text));
		good &= parsed;
	}
	return good;
}

static bool read_group(struct reading *r, const char *at, const json_t *object)
{
	struct reach_group group = {0};
	if (!known_members(r, at, object, "name networks") ||
	    !(group.name = name_of(r, at, object)) ||
	    !read_addresses(r, at, object, &group.v4, &group.v6))
		return false;
	vec_push(&r->cli->arena, &r->out->group, group);
	return true;
}

static bool has_name(const struct reading *r, const char *name)
{
	const struct reach_file *f = r->out;
	for (size_t i = 0; i < f->network.zone.len; i++)
		if (!strcmp(f->network.zone.at[i].name, name))
			return true;
	for (size_t i = 0; i < f->network.nsf.len; i++)
		if (!strcmp(f->network.nsf.at[i].name, name))
			return true;
	return false;
}

static bool fresh_name(struct reading *r, const char *at, const char *name)
{
	if (name && has_name(r, name))
		fault(r, DIAG_DUPLICATE, below(r, at, "name"),
		      "zones and NSFs need names of their own",
		      arena_printf(&r->cli->arena, "the name '%s' is taken", name));
	return name && !has_name(r, name);
}

static bool read_zone(struct reading *r, const char *at, const json_t *object)
{
	struct verify_zone zone = {0};
	bool rest = false;
	if (!known_members(r, at, object, "name domain networks rest transit") ||
	    !(zone.name = name_of(r, at, object)) || !fresh_name(r, at, zone.name) ||
	    !domain_of(r, at, object, &zone.domain) ||
	    !truth_of(r, at, object, "rest", false, &rest) ||
	    !read_addresses(r, at, object, &zone.v4, &zone.v6))
		return false;
	bool link = !rest && !zone.v4.len && !zone.v6.len;
	if (!truth_of(r, at, object, "transit", rest || link, &zone.transit))
		return false;
	if (rest && (zone.v4.len || zone.v6.len)) {
		fault(r, DIAG_CONFLICT, below(r, at, "networks"), "leave one of them out",
		      "a zone that is the rest has no networks of its own");
		return false;
	}
	vec_push(&r->cli->arena, &r->out->network.zone, zone);
	return true;
}

static bool overlap(struct reading *r, size_t i, size_t k)
{
	const struct verify_zone *a = &r->out->network.zone.at[i], *b = &r->out->network.zone.at[k];
	if (!algebra_set_overlaps(a->v4, b->v4) && !algebra_set_overlaps(a->v6, b->v6))
		return false;
	fault(r, DIAG_CONFLICT, item(r, "/zones", i),
	      "an address is in one zone; groups may overlap",
	      arena_printf(&r->cli->arena, "zones '%s' and '%s' share addresses", b->name,
			   a->name));
	return true;
}

static bool read_zones(struct reading *r)
{
	bool good = true;
	size_t rest = SIZE_MAX;
	const json_t *list = list_of(r, "", r->root, "zones", REACH_ZONES_MOST, &good);
	if (!json_array_size(list) && good) {
		fault(r, DIAG_MISSING, "", "add \"zones\": [ … ]", "there are no zones");
		return false;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *at = item(r, "/zones", i);
		const json_t *object = json_array_get(list, i);
		good &= read_zone(r, at, object);
		if (!json_is_true(json_object_get(object, "rest")) || !good)
			continue;
		if (rest != SIZE_MAX) {
			fault(r, DIAG_DUPLICATE, below(r, at, "rest"), "one zone can be the rest",
			      "another zone is the rest already");
			good = false;
		}
		rest = i;
	}
	for (size_t i = 0; good && i < r->out->network.zone.len; i++)
		for (size_t k = 0; k < i && good; k++)
			good &= !overlap(r, i, k);
	if (good && rest != SIZE_MAX)
		verify_zone_rest(&r->out->network, &r->cli->arena, &r->out->network.zone.at[rest]);
	return good;
}

static bool read_groups(struct reading *r)
{
	bool good = true;
	const json_t *list = list_of(r, "", r->root, "groups", REACH_ZONES_MOST, &good);
	for (size_t i = 0; i < json_array_size(list); i++)
		good &= read_group(r, item(r, "/groups", i), json_array_get(list, i));
	return good;
}

// --- NSFs ---

static const char *beside(struct reading *r, const char *file)
{
	const char *slash = strrchr(r->path, '/');
	if (*file == '/' || !slash)
		return file;
	return arena_printf(&r->cli->arena, "%.*s/%s", (int)(slash - r->path), r->path, file);
}

static bool read_group_files(struct reading *r)
{
	bool good = true;
	const json_t *list = list_of(r, "", r->root, "groups-from", REACH_ZONES_MOST, &good);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text;
		good &= text_item(r, item(r, "/groups-from", i), json_array_get(list, i), &text) &&
			reach_groups_load(r->cli, arena_strdup(&r->cli->arena, beside(r, text)),
					  r->out);
	}
	return good;
}

static void give_option(struct reading *r, const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	if (value)
		vec_push(&r->cli->arena, &r->cli->option,
			 (struct cli_option){key, arena_strdup(&r->cli->arena, value)});
}

// The common loader takes its choices from options; here the file makes them, for each NSF its own.
static bool load_policies(struct reading *r, const json_t *object, char **file, size_t files,
			  struct ir_ruleset *out)
{
	struct cli *cli = r->cli;
	const typeof(cli->option) kept = cli->option;
	struct source source;
	size_t errors = cli->diags.errors;
	memset(&cli->option, 0, sizeof(cli->option));
	cli->diags.errors = 0; // those of others say nothing about these files
	give_option(r, object, "chain");
	give_option(r, object, "default-action");
	bool good = source_load(cli, file, files, &source);
	cli->option = kept;
	cli->diags.errors += errors;
	if (good)
		*out = source.ruleset;
	return good;
}

static bool read_policies(struct reading *r, const char *at, const json_t *object,
			  struct ir_ruleset *out)
{
	bool good = true;
	const json_t *list = list_of(r, at, object, "files", ITEMS_MOST, &good);
	size_t n = json_array_size(list);
	char **file = arena_array(&r->cli->arena, char *, n + 1);
	if (good && !n)
		fault(r, DIAG_MISSING, at, "add \"files\": [\"policy.xml\"]", "it has no policy");
	good &= n > 0;
	for (size_t i = 0; i < n && good; i++) {
		const char *text;
		good = text_item(r, item(r, below(r, at, "files"), i), json_array_get(list, i),
				 &text);
		if (good)
			file[i] = arena_strdup(&r->cli->arena, beside(r, text));
	}
	return good && load_policies(r, object, file, n, out);
}

static size_t zone_called(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->out->network.zone.len; i++)
		if (!strcmp(r->out->network.zone.at[i].name, name))
			return i;
	return SIZE_MAX;
}

// An NSF that is named earlier: a link between the two, which is a zone without addresses.
static size_t link_to(struct reading *r, size_t self, const char *peer, const char *interface)
{
	struct verify_network *n = &r->out->network;
	for (size_t i = 0; i < self; i++) {
		if (strcmp(n->nsf.at[i].name, peer) != 0)
			continue;
		struct verify_zone zone = {.transit = true};
		zone.name = arena_printf(&r->cli->arena, "%s--%s", peer, n->nsf.at[self].name);
		vec_push(&r->cli->arena, &n->zone, zone);
		struct verify_nsf *nsf = &n->nsf.at[i];
		struct verify_link *link =
			arena_array(&r->cli->arena, struct verify_link, nsf->links + 1);
		memcpy(link, nsf->link, nsf->links * sizeof(*link));
		link[nsf->links] = (struct verify_link){n->zone.len - 1, interface};
		nsf->link = link;
		nsf->links++;
		return n->zone.len - 1;
	}
	return SIZE_MAX;
}

static bool interface_of(struct reading *r, const char *at, const json_t *object, const char *key,
			 const char **out)
{
	const char *name = text_of(r, at, object, key, true);
	bool good = !json_object_get(object, key) || (name && *name && strlen(name) <= 15);
	*out = name;
	if (name && !good)
		fault(r, DIAG_VALUE, below(r, at, key), "1 to 15 characters",
		      "this cannot be an interface");
	return good;
}

static bool read_link(struct reading *r, size_t self, const char *at, const json_t *value,
		      struct verify_link *out)
{
	const char *to = json_string_value(value), *peer = NULL;
	*out = (struct verify_link){0};
	if (!to) {
		if (!known_members(r, at, value, "to interface peer-interface") ||
		    !(to = text_of(r, at, value, "to", false)) ||
		    !interface_of(r, at, value, "interface", &out->interface) ||
		    !interface_of(r, at, value, "peer-interface", &peer))
			return false;
	}
	out->zone = zone_called(r, to);
	if (out->zone == SIZE_MAX)
		out->zone = link_to(r, self, to, peer);
	if (out->zone == SIZE_MAX)
		fault(r, DIAG_REFERENCE, at, "name a zone, or an NSF that stands before this one",
		      arena_printf(&r->cli->arena, "there is no zone and no earlier NSF '%s'", to));
	return out->zone != SIZE_MAX;
}

static bool same_zone_twice(struct reading *r, const char *at, const struct verify_link *link,
			    size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (link[k].zone == link[i].zone) {
			fault(r, DIAG_DUPLICATE, at, "one link to a zone is enough",
			      "it is connected to this twice");
			return true;
		}
	return false;
}

static bool read_links(struct reading *r, size_t self, const char *at, const json_t *object)
{
	bool good = true;
	const json_t *list = list_of(r, at, object, "connects", REACH_ZONES_MOST, &good);
	size_t n = json_array_size(list);
	struct verify_link *link = arena_array(&r->cli->arena, struct verify_link, n + 1);
	if (good && n < 2)
		fault(r, DIAG_MISSING, at, "add \"connects\": [\"inside\", \"outside\"]",
		      "an NSF stands between two zones or more");
	good &= n >= 2;
	for (size_t i = 0; i < n && good; i++) {
		const char *where = item(r, below(r, at, "connects"), i);
		good = read_link(r, self, where, json_array_get(list, i), &link[i]) &&
		       !same_zone_twice(r, where, link, i);
	}
	r->out->network.nsf.at[self].link = link;
	r->out->network.nsf.at[self].links = n;
	return good;
}

// With several NSFs an interface that is not named would be one value for all of them.
static bool interfaces_known(struct reading *r, size_t self, const char *at)
{
	const struct verify_nsf *nsf = &r->out->network.nsf.at[self];
	bool known = true;
	for (size_t i = 0; i < nsf->links; i++)
		known &= nsf->link[i].interface != NULL;
	if (!known && verify_asks_interfaces(nsf->ruleset))
		fault(r, DIAG_MISSING, below(r, at, "connects"),
		      "write {\"to\": \"ZONE\", \"interface\": \"eth0\"} for each link, with "
		      "\"peer-interface\" where it is to an NSF",
		      arena_printf(
			      &r->cli->arena,
			      "rules of '%s' ask for interfaces, but not all links name theirs",
			      nsf->name));
	return known || !verify_asks_interfaces(nsf->ruleset);
}

static bool read_nsf(struct reading *r, const char *at, const json_t *object)
{
	struct verify_network *network = &r->out->network;
	struct verify_nsf nsf = {0};
	struct ir_ruleset *ruleset = arena_new(&r->cli->arena, struct ir_ruleset);
	if (!known_members(r, at, object, "name domain files chain default-action connects") ||
	    !(nsf.name = name_of(r, at, object)) || !fresh_name(r, at, nsf.name) ||
	    !domain_of(r, at, object, &nsf.domain))
		return false;
	bool good = read_policies(r, at, object, ruleset);
	nsf.ruleset = ruleset;
	size_t self = network->nsf.len;
	vec_push(&r->cli->arena, &network->nsf, nsf);
	return read_links(r, self, at, object) && good;
}

static bool read_nsfs(struct reading *r)
{
	bool good = true;
	const json_t *list = list_of(r, "", r->root, "nsfs", REACH_NSFS_MOST, &good);
	if (!json_array_size(list) && good) {
		fault(r, DIAG_MISSING, "", "add \"nsfs\": [ … ]", "there are no NSFs");
		return false;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		good &= read_nsf(r, item(r, "/nsfs", i), json_array_get(list, i));
	for (size_t i = 0; good && i < json_array_size(list); i++)
		good &= interfaces_known(r, i, item(r, "/nsfs", i));
	return good;
}

// --- the file ---

static json_t *parse(struct cli *cli, const char *path, const struct buf *text)
{
	json_error_t error;
	json_t *root = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		diag_add(&cli->diags,
			 &(struct diag){.code = DIAG_SYNTAX,
					.file = path,
					.line = error.line > 0 ? (unsigned)error.line : 0,
					.hint = "bulwark(1) shows what a network file holds"},
			 "%s", error.text);
	return root;
}

bool reach_file_load(struct cli *cli, const char *path, struct reach_file *out)
{
	struct buf text;
	buf_init(&text);
	int error = file_read(!strcmp(path, "-") ? "/dev/stdin" : path, REACH_FILE_BYTES, &text);
	if (error)
		diag_add(&cli->diags,
			 &(struct diag){.code = error == -EFBIG ? DIAG_LIMIT : DIAG_IO,
					.file = path,
					.hint = "check the name and the permissions"},
			 "the network file cannot be read: %s", strerror(-error));
	json_t *root = error ? NULL : parse(cli, path, &text);
	struct reading r = {.cli = cli, .path = path, .text = text.data, .root = root, .out = out};
	bool good =
		root &&
		known_members(&r, "", root, "description domains groups-from groups zones nsfs") &&
		read_domains(&r) && read_group_files(&r) && read_groups(&r) && read_zones(&r) &&
		read_nsfs(&r);
	json_decref(root);
	buf_fini(&text);
	return good;
}

// --- lines ---

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

// Behind the string that begins here.
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
	size_t depth = 0;
	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= (*p == '}' || *p == ']') && depth;
		p++;
	} while (*p && (depth || !strchr(",]}", *p)));
	return p;
}

// The value of a member or an item; NULL when there is none. At a member, where its name stands.
static const char *step_into(const char *p, const char *key, size_t len, const char **value_out)
{
	bool object = *p == '{';
	size_t index = 0;
	for (p = skip_space(p + 1); *p && *p != ']' && *p != '}'; index++) {
		const char *start = p, *end;
		if (object) {
			p = skip_space(skip_string(p));
			p = skip_space(p + (*p == ':'));
		}
		bool here = object ? !strncmp(start + 1, key, len) && start[1 + len] == '"'
				   : index == strtoul(key, (char **)&end, 10);
		*value_out = p;
		if (here)
			return start;
		p = skip_space(skip_value(p));
		p = skip_space(p + (*p == ','));
	}
	return NULL;
}

unsigned reach_json_line(const char *text, const char *pointer)
{
	const char *value = skip_space(text), *place = value;
	while (*pointer == '/') {
		size_t len = strcspn(++pointer, "/");
		const char *next = strchr("{[", *value) && *value
					   ? step_into(value, pointer, len, &value)
					   : NULL;
		if (!next)
			break;
		place = next;
		pointer += len;
	}
	unsigned line = 1;
	for (const char *p = text; p < place; p++)
		line += *p == '\n';
	return line;
}
