/* SPDX-License-Identifier: MIT
 * layout: which field of which CPython struct is at which offset in this target, and who said so.
 * Absent is size 0, never offset 0. Nothing here is compiled from CPython's headers. */
#ifndef PYDS_LAYOUT_LAYOUT_H
#define PYDS_LAYOUT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* The structs and fields anybody may read: layout/fields.def is the only list.
 * STRUCT(name, "spelling|other spelling in DWARF")   FIELD(struct, name, "path|other path") */
enum layout_struct {
#define STRUCT(name, spellings) STRUCT_##name,
#define FIELD(owner, name, paths)
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
	STRUCT_COUNT
};

enum layout_field {
#define STRUCT(name, spellings)
#define FIELD(owner, name, paths) FIELD_##owner##_##name,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
	FIELD_COUNT
};

/* What changed its meaning, not only its place: layout/features.def says since when and why. */
enum layout_feature {
#define FEATURE(name, why) FEATURE_##name,
#include "layout/features.def"
#undef FEATURE
	FEATURE_COUNT
};

enum layout_source {
	LAYOUT_SOURCE_NONE, /* the struct does not exist in this Python */
	LAYOUT_SOURCE_TABLE, /* built-in table row, confirmed in the target */
	LAYOUT_SOURCE_DWARF, /* debug information of the very binary (build-id matched) */
	LAYOUT_SOURCE_DEBUG_OFFSETS,
	LAYOUT_SOURCE_INFERRED,
};

/* size of an array is that of all its elements, but that of one element if it has no bound ([] or [0]): a flexible
 * array is not absent. layout_get() of anything larger than a word gives its first word. */
struct layout_place {
	uint32_t offset; /* bytes from the start of the struct */
	uint16_t size; /* bytes; 0: this Python has no such field; 65535: that or more (see below) */
	uint8_t bit_offset; /* from the least significant bit of the size bytes at offset */
	uint8_t bit_width; /* 0: not a bit-field */
};

struct python_version {
	uint32_t hex; /* PY_VERSION_HEX, 0x030b07f0 */
	bool is_debug; /* --with-pydebug */
	bool is_free_threaded; /* --disable-gil */
	bool has_trace_refs; /* --with-trace-refs; up to 3.12 two pointers before every object */
	uint32_t built; /* 20260810, as the text of sys.version says; 0: not known, or not needed */
};

struct layout {
	struct layout_place fields[FIELD_COUNT];
	uint32_t struct_bytes[STRUCT_COUNT]; /* sizeof; 0: this Python has no such struct, or the source does not say */
	uint8_t struct_sources[STRUCT_COUNT]; /* enum layout_source */
	bool features[FEATURE_COUNT];
	struct python_version version;
	char row_name[160]; /* of the table rows used: "3.11.7", "3.14.8-debian, PyThreadState of ..."; "": none was */
};

static inline bool layout_has(const struct layout *layout, enum layout_field field)
{
	return layout->fields[field].size != 0;
}

/* Offset in bytes of a field that layout_has(). */
static inline uint32_t layout_offset(const struct layout *layout, enum layout_field field)
{
	return layout->fields[field].offset;
}

static inline bool layout_feature(const struct layout *layout, enum layout_feature feature)
{
	return layout->features[feature];
}

/* Names for messages, tables and tests: "PyListObject", "PyListObject.ob_item". */
const char *layout_struct_name(enum layout_struct which);
const char *layout_field_name(enum layout_field field);
enum layout_struct layout_field_struct(enum layout_field field);
/* The fields of a struct follow each other: from this one to that of the next struct, FIELD_COUNT behind the last. */
uint32_t layout_first_field(uint32_t which);
const char *layout_source_name(enum layout_source source);
const char *layout_feature_name(enum layout_feature feature);

/* Vendors port fixes back without another version number: does it take version.built to tell which features hold? */
bool layout_depends_on_build_date(const struct python_version *version);

/* Takes for absent what no struct can have: a place that begins beyond its struct or ends outside it (a flexible array
 * begins at its end), a bit-field wider than its bytes, a count that its users cannot hold. For every layout that is
 * made, whoever says so: debug information and _Py_DebugOffsets come with the target. Returns how many it were. */
uint32_t layout_check(struct layout *layout);

/* Calls layout_check(), and computes layout->features from version, flags and present fields. */
void layout_compute_features(struct layout *layout);

/* The unsigned value of a field, bit-fields extracted, from the host bytes of its struct. The caller has
 * checked that the whole struct is readable. 0 for an absent field: ask layout_has() first. */
static inline uint64_t layout_get(const struct layout *layout, enum layout_field field, const uint8_t *struct_bytes)
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

#endif
