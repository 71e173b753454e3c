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

/* Fields are numbered once more, and a struct has the number of what follows it. */
enum {
#define STRUCT(name, spellings) FIRST_##name, BEFORE_##name = FIRST_##name - 1,
#define FIELD(owner, name, paths) AGAIN_##owner##_##name,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

static const uint32_t first_fields[STRUCT_COUNT] = {
#define STRUCT(name, spellings) FIRST_##name,
#define FIELD(owner, name, paths)
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

uint32_t layout_first_field(uint32_t which)
{
	return which < STRUCT_COUNT ? first_fields[which] : FIELD_COUNT;
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
