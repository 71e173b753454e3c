/* SPDX-License-Identifier: MIT */
#include "decode/registry.h"

#include <string.h>

#include "decode/decode_functions.h"

enum { STRUCT_NONE = -1, SYMBOL_NONE = -1 };

/* clang-format off */
#define FIELD_LIST(...) { __VA_ARGS__, -1 }
#define NO_FIELDS { -1 }

#define DECODER(id, type_name, symbol, body_struct, flags, function, visible, hidden, summary) \
	static const int32_t visible_##id[] = visible;                                        \
	static const int32_t hidden_##id[] = hidden;
#include "decode/decoders.def"
#undef DECODER

const struct decoder_entry registry_entries[] = {
#define DECODER(id, type_name, symbol, body_struct, flags, function, visible, hidden, summary) \
	{ #id, type_name, SYMBOL_##symbol, STRUCT_##body_struct, function, visible_##id, hidden_##id, summary, flags },
#include "decode/decoders.def"
#undef DECODER
};
/* clang-format on */

const uint32_t registry_count = sizeof registry_entries / sizeof registry_entries[0];

static const int32_t no_fields[] = { -1 };
const struct decoder_entry registry_fallback = {
	"any_object",
	"",
	SYMBOL_NONE,
	STRUCT_NONE,
	decode_any_object,
	no_fields,
	no_fields,
	"a C type that no line knows: tp_basicsize and tp_itemsize, member descriptors, __dict__, its known base, "
	"addresses of objects in its body",
	TYPE_IS_APPROXIMATE,
};

const struct decoder_entry *registry_by_symbol(const struct runtime *runtime, uint64_t type_address)
{
	for (uint32_t i = 0; i < registry_count; i++) {
		const struct decoder_entry *entry = &registry_entries[i];
		if (entry->symbol >= 0 && runtime->symbols[entry->symbol] == type_address)
			return entry;
	}
	return NULL;
}

bool registry_name_matches(const char *name, const char *alternatives)
{
	size_t length = strlen(name);
	for (const char *from = alternatives;;) {
		const char *bar = strchrnul(from, '|');
		size_t own = (size_t)(bar - from);
		if (own > 0 && from[own - 1] == '*' ? length >= own && memcmp(from, name, own - 1) == 0
		                                    : own == length && memcmp(from, name, length) == 0)
			return true;
		if (*bar == '\0')
			return false;
		from = bar + 1;
	}
}

const struct decoder_entry *registry_by_name(const char *type_name)
{
	for (uint32_t i = 0; i < registry_count; i++)
		if (registry_name_matches(type_name, registry_entries[i].type_name))
			return &registry_entries[i];
	return NULL;
}

const struct decoder_entry *registry_by_id(const char *id)
{
	for (uint32_t i = 0; i < registry_count; i++)
		if (strcmp(registry_entries[i].id, id) == 0)
			return &registry_entries[i];
	return NULL;
}
