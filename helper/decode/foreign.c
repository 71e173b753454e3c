/* SPDX-License-Identifier: MIT */
#include "decode/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/decode_functions.h"
#include "decode/registry.h"
#include "object/type_flags.h"
#include "object/value.h"

enum { SYMBOL_NONE = -1, STRUCT_NONE = -1, PLACE_NONE = -1, VERSION_BYTES = 64 };

/* clang-format off */
#define PLACE_LIST(...) { __VA_ARGS__, PLACE_NONE }
#define NO_PLACES { PLACE_NONE }

#define FOREIGN_LIBRARY(id, module)
#define FOREIGN_PLACE(owner, name)
#define FOREIGN_SHAPE(id, first, last, bytes, places)
#define FOREIGN_CLASS_SHAPE(id, first, last, bytes, places)
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary) \
	static const int16_t visible_##id[] = visible;                                \
	static const int16_t hidden_##id[] = hidden;
#include "decode/foreign.def"
#undef FOREIGN_TYPE

static const int32_t no_fields[] = { -1 };

static const struct decoder_entry entries[] = {
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary) \
	{ #id, type_name, SYMBOL_NONE, STRUCT_NONE, function, no_fields, no_fields, summary, flags },
#include "decode/foreign.def"
#undef FOREIGN_TYPE
};

static const struct {
	enum foreign_library library;
	const int16_t *visible, *hidden; /* enum foreign_place_id, PLACE_NONE ends */
} types[] = {
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary) \
	{ FOREIGN_LIBRARY_##library, visible_##id, hidden_##id },
#include "decode/foreign.def"
#undef FOREIGN_TYPE
};
#undef FOREIGN_SHAPE
#undef FOREIGN_CLASS_SHAPE

static const struct foreign_shape shapes[] = {
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary)
#define V(major, minor) FOREIGN_VERSION(major, minor)
#define PLACES(...) { __VA_ARGS__ }
#define AT(place, offset, size) [PLACE_##place] = { offset, size }
#define FOREIGN_SHAPE(id, first, last, bytes, places) { FOREIGN_TYPE_##id, first, last, bytes, false, places },
#define FOREIGN_CLASS_SHAPE(id, first, last, bytes, places) { FOREIGN_TYPE_##id, first, last, bytes, true, places },
#include "decode/foreign.def"
#undef FOREIGN_SHAPE
#undef FOREIGN_CLASS_SHAPE
#define FOREIGN_CLASS_SHAPE(id, first, last, bytes, places)
#define FOREIGN_SHAPE(id, first, last, bytes, places)
};

#undef FOREIGN_PLACE
static const char *const place_labels[PLACE_COUNT] = {
#define FOREIGN_PLACE(owner, name) "." #name,
#include "decode/foreign.def"
#undef FOREIGN_LIBRARY
};

static const char *const library_modules[FOREIGN_LIBRARY_COUNT] = {
#undef FOREIGN_PLACE
#define FOREIGN_PLACE(owner, name)
#define FOREIGN_LIBRARY(id, module) module,
#include "decode/foreign.def"
};
/* clang-format on */

enum { SHAPE_COUNT = sizeof shapes / sizeof shapes[0] };

/* "1.26.4", "2.0.0rc1": what comes after the second number is of no interest. */
static bool parse_version(const char *text, uint32_t *ret_version)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);
	if (end == text || *end != '.')
		return false;
	const char *from = end + 1;
	unsigned long minor = strtoul(from, &end, 10);
	if (end == from || major > UINT16_MAX || minor > UINT16_MAX)
		return false;
	*ret_version = FOREIGN_VERSION(major, minor);
	return true;
}

/* What a library says of itself in sys.modules; false: it is not imported, or what it says makes no sense. */
static bool library_version(struct object_reader *objects, enum foreign_library library, uint32_t *ret_version)
{
	const struct runtime *runtime = objects->runtime;
	for (size_t i = 0; i < runtime->interpreters.count && i < LIMIT_INTERPRETERS; i++) {
		uint64_t module =
		        dict_get_str(objects, runtime->interpreters.items[i].modules, library_modules[library]);
		uint64_t dict;
		if (module == 0 || !value_field(objects, module, FIELD_PyModuleObject_md_dict, &dict))
			continue;
		struct text text = { 0 };
		uint64_t version = dict_get_str(objects, dict, "__version__");
		bool is_known = version != 0 && value_str(objects, version, VERSION_BYTES, &text) > 0 && !text.failed &&
		                parse_version(text_string(&text), ret_version);
		text_free(&text);
		if (is_known)
			return true;
	}
	return false;
}

static int find_type(const char *name)
{
	for (int i = 0; i < FOREIGN_TYPE_COUNT; i++)
		if (registry_name_matches(name, entries[i].type_name))
			return i;
	return -1;
}

bool foreign_knows_name(const char *type_name)
{
	return find_type(type_name) >= 0;
}

const struct decoder_entry *foreign_entry(struct object_reader *objects, const struct type_info *type,
                                          const struct foreign_shape **ret_shape, bool *ret_verified)
{
	int found = find_type(type->name);
	if (found < 0 || (entries[found].flags & TYPE_IS_METATYPE && !(type->tp_flags & TPFLAGS_TYPE_SUBCLASS)))
		return NULL;
	uint32_t version;
	bool has_version = library_version(objects, types[found].library, &version);
	const struct foreign_shape *nearest = NULL;
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		const struct foreign_shape *shape = &shapes[i];
		if ((int)shape->type != found ||
		    (int64_t)shape->bytes + foreign_shift(objects->layout, shape) != type->tp_basicsize)
			continue;
		nearest = shape;
		*ret_verified = has_version && version >= shape->first && version <= shape->last;
		if (*ret_verified)
			break;
	}
	*ret_shape = nearest;
	return nearest != NULL ? &entries[found] : NULL;
}

static void emit_places(struct decoder *decoder, const struct foreign_shape *shape, uint64_t address, struct body body,
                        const int16_t *places, uint32_t flags)
{
	for (; *places != PLACE_NONE; places++) {
		uint32_t offset;
		if (foreign_offset(decoder, shape, (enum foreign_place_id) * places, &offset) &&
		    body_has(body, offset, 8))
			emit_slot(decoder, address + offset, body.bytes + offset, &place_labels[*places], flags);
	}
}

void emit_foreign_places(struct decoder *decoder, const struct foreign_shape *shape, uint64_t address, struct body body)
{
	if (shape == NULL)
		return;
	emit_places(decoder, shape, address, body, types[shape->type].visible, 0);
	emit_places(decoder, shape, address, body, types[shape->type].hidden, RUN_HIDDEN);
}

/* Lines without logic. */
void decode_foreign(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	emit_foreign_places(decoder, type->foreign, address, body);
}
