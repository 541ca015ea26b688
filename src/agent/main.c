// SPDX-License-Identifier: Apache-2.0
// bulwark-nsf(8): chooses what this process is: the agent, its front, an enrolment, or the end of everything.
#include "agent/config.h"
#include "agent/core.h"
#include "agent/enforcer.h"
#include "agent/enrol.h"
#include "agent/front.h"
#include "agent/host_key.h"
#include "agent/identity.h"
#include "backend/nft/nft.h"
#include "base/buf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };
#define DIRECTORY "/etc/bulwark-nsf"

enum mode { RUN, CHECK, FLUSH, ENROL, RENEW, HOST_KEY };
struct asked {
	enum mode mode;
	const char *dir, *token, *controller, *address;
};

static const char usage[] =
	"usage: bulwark-nsf [--config DIR]                              run the agent\n"
	"       bulwark-nsf [--config DIR] --check                      only read the "
	"configuration\n"
	"       bulwark-nsf [--config DIR] --enrol TOKEN [--controller URL] [--address ADDRESS]\n"
	"                                                              TOKEN - is read from "
	"standard input\n"
	"       bulwark-nsf [--config DIR] --renew [--controller URL]   get a new certificate\n"
	"       bulwark-nsf [--config DIR] --host-key                   print the SSH host key\n"
	"       bulwark-nsf [--config DIR] --flush                      remove all rules and the "
	"state\n"
	"       bulwark-nsf --version | --help\n";

static void print_diags(const struct diags *diags)
{
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	for (size_t i = 0; i < diags->list.len; i++)
		diag_print(&diags->list.at[i], false, &text);
	fputs(text.data, stderr);
}

// --- the back end ---

static bool open_point(const struct agent_config *config, struct diags *diags,
		       struct agent_point *out)
{
	struct backend_nft_options options = {
		.log_to_group = config->log_group >= 0,
		.log_group = (uint16_t)(config->log_group >= 0 ? config->log_group : 0)};
	struct backend_nft *nft = NULL;
	if (backend_nft_open(&options, diags, &nft) < 0)
		return false;
	*out = (struct agent_point){.ops = &backend_nft_ops,
				    .backend = (struct backend *)nft,
				    .normal = backend_nft_normal};
	return true;
}

static bool run(const struct agent_config *config, struct diags *diags, int *status)
{
	struct agent_point point;
	cleanup(base_close) int lock = agent_enforcer_lock(config, diags);
	if (lock < 0 || !open_point(config, diags, &point))
		return false;
	*status = agent_enforcer_run(config, &point);
	point.ops->close(point.backend);
	return true;
}

static bool flush(const struct agent_config *config, struct diags *diags)
{
	struct agent_point point;
	cleanup(base_close) int lock = agent_enforcer_lock(config, diags);
	if (lock < 0 || !open_point(config, diags, &point))
		return false;
	bool ok = agent_core_flush(&point, config->state_dir, diags);
	point.ops->close(point.backend);
	if (ok)
		puts("the rules and the state of the agent are removed");
	return ok;
}

// "-": the first line of standard input, so that the token shows in no list of processes.
static const char *read_token(const char *token, struct arena *arena)
{
	char line[256] = "";
	if (!token || strcmp(token, "-") != 0)
		return token;
	if (!fgets(line, sizeof(line), stdin))
		return "";
	return arena_strndup(arena, line, strcspn(line, "\r\n"));
}

static bool print_host_key(const struct agent_config *config, struct diags *diags)
{
	cleanup(buf_fini) struct buf text;
	buf_init(&text);
	if (!agent_host_key_make(config->certificate_dir, &config->user, diags) ||
	    !agent_host_key_print(config->certificate_dir, diags, &text))
		return false;
	fputs(text.data, stdout);
	return true;
}

static bool enrol(const struct agent_config *config, const struct asked *asked, struct diags *diags)
{
	bool ok = agent_enrol_run(
		&(struct agent_enrol){.config = config,
				      .controller = asked->controller,
				      .address = asked->address,
				      .token = read_token(asked->token, diags->arena)},
		diags);
	if (ok)
		printf("%s has a certificate; restart the agent or send it SIGHUP if it is "
		       "running\n",
		       config->name);
	return ok && (!agent_config_uses_ssh(config) || print_host_key(config, diags));
}

static int carry_out(const struct asked *asked, struct diags *diags)
{
	struct agent_config config;
	int status = EXIT_SUCCESS;
	if (!agent_config_read(asked->dir, diags, &config))
		return EXIT_USAGE;
	switch (asked->mode) {
	case CHECK:
		puts("the configuration is in order");
		return status;
	case FLUSH:
		return flush(&config, diags) ? EXIT_SUCCESS : EXIT_FAILURE;
	case ENROL:
	case RENEW:
		return enrol(&config, asked, diags) ? EXIT_SUCCESS : EXIT_FAILURE;
	case HOST_KEY:
		return print_host_key(&config, diags) ? EXIT_SUCCESS : EXIT_FAILURE;
	case RUN:
		break;
	}
	return run(&config, diags, &status) ? status : EXIT_FAILURE;
}

// --- the command line ---

enum {
	OPT_CONFIG = 1,
	OPT_CHECK,
	OPT_FLUSH,
	OPT_HOST_KEY,
	OPT_ENROL,
	OPT_RENEW,
	OPT_CONTROLLER,
	OPT_ADDRESS,
	OPT_VERSION,
	OPT_HELP
};
static const struct option options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"check", no_argument, NULL, OPT_CHECK},
	{"flush", no_argument, NULL, OPT_FLUSH},
	{"host-key", no_argument, NULL, OPT_HOST_KEY},
	{"enrol", required_argument, NULL, OPT_ENROL},
	{"renew", no_argument, NULL, OPT_RENEW},
	{"controller", required_argument, NULL, OPT_CONTROLLER},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static bool take_option(int which, struct asked *asked)
{
	switch (which) {
	case OPT_CONFIG:
		asked->dir = optarg;
		return true;
	case OPT_CHECK:
		asked->mode = CHECK;
		return true;
	case OPT_FLUSH:
		asked->mode = FLUSH;
		return true;
	case OPT_HOST_KEY:
		asked->mode = HOST_KEY;
		return true;
	case OPT_ENROL:
		asked->mode = ENROL;
		asked->token = optarg;
		return true;
	case OPT_RENEW:
		asked->mode = RENEW;
		return true;
	case OPT_CONTROLLER:
		asked->controller = optarg;
		return true;
	case OPT_ADDRESS:
		asked->address = optarg;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct asked asked = {.mode = RUN, .dir = DIRECTORY};
	base_give_memory_back();
	if (argc == 2 && strcmp(argv[1], "--front") == 0)
		return agent_front_run(&backend_nft_ops);
	for (int which; (which = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (which == OPT_VERSION || which == OPT_HELP) {
			fputs(which == OPT_HELP ? usage : "bulwark-nsf " BULWARK_VERSION "\n",
			      stdout);
			return EXIT_SUCCESS;
		}
		if (!take_option(which, &asked)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	struct arena arena;
	struct diags diags;
	arena_init(&arena);
	diags_init(&diags, &arena);
	int status = carry_out(&asked, &diags);
	print_diags(&diags);
	arena_fini(&arena);
	return status;
}
