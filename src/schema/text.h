// SPDX-License-Identifier: Apache-2.0
// Characters, references and escapes; spelling suggestions. Internal to this folder.
#pragma once

#include "base/base.h"

struct buf;
struct schema;
struct lys_module;

// Bytes of the valid UTF-8 character here that both XML and we allow; 0: none.
size_t text_char_len(const unsigned char *p, size_t len) must_check;
bool text_is_space(char c) must_check;
bool text_is_name_start(char c) must_check; // the first byte of an XML name, without ':'
bool text_is_name(char c) must_check;
// Bytes of one XML reference ("&lt;", "&#x41;", ...) and what it stands for; 0: not one of the five or not a character.
size_t text_reference(const char *p, size_t len, uint32_t *char_out) must_check;
void text_add_utf8(struct buf *out, uint32_t c);
// Content that the reader has found well-formed, decoded: references, CDATA, comments and instructions (dropped), line ends.
void text_add_xml(struct buf *out, const char *p, size_t len);
void text_add_json(struct buf *out, const char *p, size_t len);

// The best of several candidates for what somebody meant; NULL when none is near.
struct text_guess {
	const char *word;
	size_t len;
	const char *best;
	unsigned distance;
};
struct text_guess text_guess(const char *word, size_t len) must_check;
void text_guess_offer(struct text_guess *guess, const char *candidate);

// The implemented module of that namespace (or name, for JSON).
const struct lys_module *text_module(const struct schema *schema, const char *text,
				     bool by_name) must_check;
