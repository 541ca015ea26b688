// SPDX-License-Identifier: Apache-2.0
// The leaf values of the consumer-facing model: text to struct member and back, canonical both
// ways. They take any text: what validation would have refused gets false here. Nothing is resolved.
// Lexical forms: RFC 7950 section 9, RFC 6991 (addresses, MAC addresses).
#include "codec/cfi_fields.h"

#include "base/buf.h"
#include "ir/ir.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool text_read(const struct cfi_text *in, void *out)
{
	*(const char **)out = arena_strdup(in->arena, in->text);
	return true;
}

static bool text_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	(void)field;
	const char *text = *(const char *const *)value;
	if (text)
		buf_add_xml(out, text);
	return text;
}

static bool term_read(const struct cfi_text *in, void *out)
{
	enum intent_term term = intent_term_find(in->field->vocabulary, in->text);
	*(enum intent_term *)out = term;
	return term != INTENT_NO_TERM;
}

static bool term_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	enum intent_term term = *(const enum intent_term *)value;
	if (term == INTENT_NO_TERM)
		return false;
	buf_adds(out, intent_vocabulary_monitoring(field->vocabulary) ? "i2nsfmi:" : "");
	buf_adds(out, intent_term_name(term));
	return true;
}

static bool parse_unsigned(const char *text, uint64_t most, uint64_t *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno && *out <= most;
}

static bool parse_signed(const char *text, int64_t *out)
{
	char *end;
	if ((*text < '0' || *text > '9') && *text != '-')
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return !*end && !errno;
}

static bool number_read(const struct cfi_text *in, void *out)
{
	struct intent_number *number = out;
	number->given = parse_unsigned(in->text, UINT64_MAX, &number->value);
	return number->given;
}

static bool number_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	(void)field;
	const struct intent_number *number = value;
	if (number->given)
		buf_printf(out, "%" PRIu64, number->value);
	return number->given;
}

static bool integer_read(const struct cfi_text *in, void *out)
{
	struct intent_integer *integer = out;
	integer->given = parse_signed(in->text, &integer->value);
	return integer->given;
}

static bool integer_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	(void)field;
	const struct intent_integer *integer = value;
	if (integer->given)
		buf_printf(out, "%" PRId64, integer->value);
	return integer->given;
}

// "-12.5", "7", "0.05": the digits without the point, filled up to two behind it.
static bool hundredths_read(const struct cfi_text *in, void *out)
{
	const char *point = strchr(in->text, '.');
	size_t whole = point ? (size_t)(point - in->text) : strlen(in->text);
	size_t fraction = point ? strlen(point + 1) : 0;
	char digits[32] = "";
	struct intent_integer *integer = out;
	if (!whole || whole + 2 >= sizeof(digits) || fraction > 2)
		return false;
	memcpy(digits, in->text, whole);
	memset(digits + whole, '0', 2);
	if (fraction)
		memcpy(digits + whole, point + 1, fraction);
	integer->given = parse_signed(digits, &integer->value);
	return integer->given;
}

static bool hundredths_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	(void)field;
	const struct intent_integer *integer = value;
	uint64_t bits = (uint64_t)integer->value;
	uint64_t amount = integer->value < 0 ? -bits : bits;
	if (integer->given)
		buf_printf(out, "%s%" PRIu64 ".%02u", integer->value < 0 ? "-" : "", amount / 100,
			   (unsigned)(amount % 100));
	return integer->given;
}

static bool uint_read(const struct cfi_text *in, void *out)
{
	size_t size = in->field->value->size;
	uint64_t v;
	if (!parse_unsigned(in->text, (UINT64_C(1) << size * 8) - 1, &v))
		return false;
	if (size == 1)
		*(uint8_t *)out = (uint8_t)v;
	else if (size == 2)
		*(uint16_t *)out = (uint16_t)v;
	else
		*(uint32_t *)out = (uint32_t)v;
	return true;
}

static bool uint_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	size_t size = field->value->size;
	uint32_t v = size == 1   ? *(const uint8_t *)value
		     : size == 2 ? *(const uint16_t *)value
				 : *(const uint32_t *)value;
	buf_printf(out, "%" PRIu32, v);
	return true;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

static bool mac_read(const struct cfi_text *in, void *out)
{
	uint64_t mac = 0;
	if (strlen(in->text) != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		int digit = hex_digit(in->text[i]);
		if (i % 3 == 2 ? in->text[i] != ':' : digit < 0)
			return false;
		if (i % 3 != 2)
			mac = mac << 4 | (unsigned)digit;
	}
	*(uint64_t *)out = mac;
	return true;
}

static bool mac_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	(void)field;
	ir_value_print(IR_SMAC, *(const uint64_t *)value, out);
	return true;
}

static bool parse_address(const char *text, int family, u128 *out)
{
	int found;
	return ir_address_parse(text, &found, out) && found == family;
}

static bool address_read(const struct cfi_text *in, void *out)
{
	return parse_address(in->text, in->field->value->family, out);
}

static bool address_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	ir_value_print(field->value->family == 4 ? IR_SRC4 : IR_SRC6, *(const u128 *)value, out);
	return true;
}

static bool prefix_read(const struct cfi_text *in, void *out)
{
	char address[INET6_ADDRSTRLEN] = "";
	struct intent_prefix *prefix = out;
	int family = in->field->value->family;
	const char *slash = strchr(in->text, '/');
	uint64_t length;
	if (!slash || (size_t)(slash - in->text) >= sizeof(address))
		return false;
	memcpy(address, in->text, (size_t)(slash - in->text));
	if (!parse_unsigned(slash + 1, family == 4 ? 32 : 128, &length))
		return false;
	prefix->length = (uint8_t)length;
	return parse_address(address, family, &prefix->address);
}

static bool prefix_write(const void *value, const struct cfi_field *field, struct buf *out)
{
	const struct intent_prefix *prefix = value;
	(void)address_write(&prefix->address, field, out);
	buf_printf(out, "/%u", prefix->length);
	return true;
}

const struct cfi_value cfi_text = {sizeof(const char *), 0, text_read, text_write};
const struct cfi_value cfi_term = {sizeof(enum intent_term), 0, term_read, term_write};
const struct cfi_value cfi_number = {sizeof(struct intent_number), 0, number_read, number_write};
const struct cfi_value cfi_integer = {sizeof(struct intent_integer), 0, integer_read,
				      integer_write};
const struct cfi_value cfi_hundredths = {sizeof(struct intent_integer), 0, hundredths_read,
					 hundredths_write};
const struct cfi_value cfi_u8 = {sizeof(uint8_t), 0, uint_read, uint_write};
const struct cfi_value cfi_u16 = {sizeof(uint16_t), 0, uint_read, uint_write};
const struct cfi_value cfi_u32 = {sizeof(uint32_t), 0, uint_read, uint_write};
const struct cfi_value cfi_mac = {sizeof(uint64_t), 0, mac_read, mac_write};
const struct cfi_value cfi_address4 = {sizeof(u128), 4, address_read, address_write};
const struct cfi_value cfi_address6 = {sizeof(u128), 6, address_read, address_write};
const struct cfi_value cfi_prefix4 = {sizeof(struct intent_prefix), 4, prefix_read, prefix_write};
const struct cfi_value cfi_prefix6 = {sizeof(struct intent_prefix), 6, prefix_read, prefix_write};
