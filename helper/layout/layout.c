/* SPDX-License-Identifier: MIT */
#include "layout/layout.h"

#include "base/bytes.h"

static const char *const struct_names[STRUCT_COUNT] = {
#define STRUCT(name, spellings) #name,
#define FIELD(owner, name, paths)
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

static const char *const field_names[FIELD_COUNT] = {
#define STRUCT(name, spellings)
#define FIELD(owner, name, paths) #owner "." #name,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

static const uint16_t field_structs[FIELD_COUNT] = {
#define STRUCT(name, spellings)
#define FIELD(owner, name, paths) STRUCT_##owner,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

static const char *const feature_names[FEATURE_COUNT] = {
#define FEATURE(name, why) #name,
#include "layout/features.def"
#undef FEATURE
};

const char *layout_struct_name(enum layout_struct which)
{
	return (unsigned)which < STRUCT_COUNT ? struct_names[which] : "?";
}

const char *layout_field_name(enum layout_field field)
{
	return (unsigned)field < FIELD_COUNT ? field_names[field] : "?";
}

enum layout_struct layout_field_struct(enum layout_field field)
{
	return (enum layout_struct)field_structs[field];
}

const char *layout_feature_name(enum layout_feature feature)
{
	return (unsigned)feature < FEATURE_COUNT ? feature_names[feature] : "?";
}

const char *layout_source_name(enum layout_source source)
{
	switch (source) {
	case LAYOUT_SOURCE_NONE:
		return "absent";
	case LAYOUT_SOURCE_TABLE:
		return "table";
	case LAYOUT_SOURCE_DWARF:
		return "debug information";
	case LAYOUT_SOURCE_DEBUG_OFFSETS:
		return "_Py_DebugOffsets";
	case LAYOUT_SOURCE_INFERRED:
		return "inferred";
	}
	return "?";
}

uint64_t layout_get(const struct layout *layout, enum layout_field field, const uint8_t *struct_bytes)
{
	const struct layout_place *place = &layout->fields[field];
	const uint8_t *bytes = struct_bytes + place->offset;
	uint64_t value;
	switch (place->size) {
	case 0:
		return 0;
	case 1:
		value = load_u8(bytes);
		break;
	case 2:
		value = load_u16(bytes);
		break;
	case 4:
		value = load_u32(bytes);
		break;
	default: /* a word, or the first word of an embedded struct or array: its address is what matters there */
		if (place->size < 8)
			return load_word(bytes, place->size, false);
		value = load_u64(bytes);
		break;
	}
	if (place->bit_width == 0 || place->bit_width >= 64)
		return value;
	return value >> place->bit_offset & ((UINT64_C(1) << place->bit_width) - 1);
}
