// SPDX-License-Identifier: Apache-2.0
// One open nft back end, for the files of this folder.
#pragma once

#include "backend/nft/changed.h"
#include "backend/nft/nft.h"
#include "backend/nft/netlink.h"

struct diags;
struct nft_counts;
struct nft_live;

struct backend_nft {
	struct nft_socket socket;
	int watch; // a second socket: notifications, without those of our own changes
	struct backend_nft_options options;
	char table[33];
	struct nft_live *
		live; // what this process has put in force; NULL: nothing, or it is not known any more
	struct nft_changed changed;
	struct nft_moment known_at; // since when maps are known (known.h)
	size_t replaced;            // changes that were made by replacing everything
	struct {
		void (*read)(void *context); // NULL: it is no copy
		void *context;
	} apart;
	struct {
		struct nft_moment since;
		bool known;
	} pause; // of watching
	struct {
		struct arena arena;
		struct backend_others found; // in the arena
		uint32_t at;                 // the kernel's number of the last change then
		bool known;
	} others;
};

// Adds a diag for a netlink error.
void nft_add_error(struct diags *diags, int error, const char *doing);
// While we change very much by ourselves. What others do meanwhile is told at the end.
void nft_watch_pause(struct backend_nft *nft);
void nft_watch_resume(struct backend_nft *nft);
// Replaces what is in force by what its edited books say; rules that stay go on counting.
int nft_replace_edited(struct backend_nft *nft, const struct ir_ruleset *lowered,
		       struct diags *diags) must_check;
// What the kernel rules of a generation (0: the one in force) have counted; 0 or a negative errno.
int nft_read_counts(struct backend_nft *nft, uint32_t generation,
		    struct nft_counts *counts) must_check;
// Asks for days of the week although the kernel's are not UTC's: adds a diag.
bool nft_weekday_off(const struct ir_ruleset *lowered, struct diags *diags) must_check;
