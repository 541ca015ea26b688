// SPDX-License-Identifier: Apache-2.0
// Inside of codec/cfi: how the consumer-facing model lies in struct intent, as tables.
#pragma once

#include "intent/intent.h"

struct buf;
struct cfi_field;

// One value on its way in.
struct cfi_text {
	const char *text;
	const struct cfi_field *field;
	struct arena *arena;
};

// How a leaf's value is kept. `read` returns false on a text that it cannot be; `write` appends the
// text and returns false when the value is absent.
struct cfi_value {
	size_t size;
	int family; // of addresses: 4 or 6
	bool (*read)(const struct cfi_text *in, void *out);
	bool (*write)(const void *value, const struct cfi_field *field, struct buf *out);
};

extern const struct cfi_value cfi_text;       // const char *
extern const struct cfi_value cfi_term;       // enum intent_term, of the field's vocabulary
extern const struct cfi_value cfi_number;     // struct intent_number
extern const struct cfi_value cfi_integer;    // struct intent_integer
extern const struct cfi_value cfi_hundredths; // struct intent_integer; decimal64 with two digits
extern const struct cfi_value cfi_u8, cfi_u16, cfi_u32;
extern const struct cfi_value cfi_mac;                    // uint64_t
extern const struct cfi_value cfi_address4, cfi_address6; // u128
extern const struct cfi_value cfi_prefix4, cfi_prefix6;   // struct intent_prefix

enum cfi_kind {
	CFI_CONTAINER, // its fields stand in the struct at `offset`
	CFI_LIST,      // at `offset` a vector of structs of `size` bytes
	CFI_LEAF,      // at `offset` a value
	CFI_LEAF_LIST, // at `offset` a vector of values
};

struct cfi_field {
	const char *name;
	enum cfi_kind kind;
	size_t offset;
	const struct cfi_value *value;     // of leaf and leaf-list
	enum intent_vocabulary vocabulary; // of cfi_term
	const struct cfi_field *fields;    // of container and list; the last has no name
	size_t size;                       // of a list's item
	size_t place; // where that keeps its struct intent_place, or CFI_NO_PLACE
	bool marks;   // the item is a struct intent_rule: it keeps the lines of its leaves, too
};
#define CFI_NO_PLACE SIZE_MAX

// The top-level nodes, offsets from struct intent.
extern const struct cfi_field cfi_roots[];
