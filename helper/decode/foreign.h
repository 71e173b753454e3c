/* SPDX-License-Identifier: MIT
 * foreign: types of other people's C libraries as data, decode/foreign.def. A type is one of them if its name is, and
 * its tp_basicsize and the version that the library says in the target choose the shape. A shape that was not verified
 * for that version is used where tp_basicsize fits, and its objects are flagged approximate; where none fits, the
 * generic rule holds. */
#ifndef PYDS_DECODE_FOREIGN_H
#define PYDS_DECODE_FOREIGN_H

#include "decode/emit.h"

/* clang-format off */
enum foreign_library {
#define FOREIGN_LIBRARY(id, module) FOREIGN_LIBRARY_##id,
#define FOREIGN_PLACE(owner, name)
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary)
#define FOREIGN_SHAPE(id, first, last, bytes, places)
#define FOREIGN_CLASS_SHAPE(id, first, last, bytes, places)
#include "decode/foreign.def"
#undef FOREIGN_LIBRARY
	FOREIGN_LIBRARY_COUNT,
};

enum foreign_place_id {
#define FOREIGN_LIBRARY(id, module)
#undef FOREIGN_PLACE
#define FOREIGN_PLACE(owner, name) PLACE_##owner##_##name,
#include "decode/foreign.def"
#undef FOREIGN_PLACE
	PLACE_COUNT,
};

enum foreign_type_id {
#define FOREIGN_PLACE(owner, name)
#undef FOREIGN_TYPE
#define FOREIGN_TYPE(id, type_name, library, flags, function, visible, hidden, summary) FOREIGN_TYPE_##id,
#include "decode/foreign.def"
#undef FOREIGN_LIBRARY
#undef FOREIGN_PLACE
#undef FOREIGN_TYPE
#undef FOREIGN_SHAPE
#undef FOREIGN_CLASS_SHAPE
	FOREIGN_TYPE_COUNT,
};
/* clang-format on */

struct foreign_place {
	uint16_t offset; /* with a PyObject of 16 bytes */
	uint16_t size; /* 0: absent */
};

struct foreign_shape {
	enum foreign_type_id type;
	uint32_t first, last; /* versions, FOREIGN_VERSION() */
	uint32_t bytes; /* tp_basicsize, with a PyObject of 16 bytes */
	bool of_class; /* instances are classes: a PyHeapTypeObject stands where others have their PyObject */
	struct foreign_place places[PLACE_COUNT];
};

#define FOREIGN_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))

/* The line that a type's name and size belong to, and in *ret_shape its shape; NULL: none. *ret_verified: the shape was
 * verified for the version that this target has. */
const struct decoder_entry *foreign_entry(struct object_reader *objects, const struct type_info *type,
                                          const struct foreign_shape **ret_shape, bool *ret_verified);
/* True if a line has the name: for those who give a type its name. */
bool foreign_knows_name(const char *type_name);

/* How much further all is than with a head of 16 bytes. */
static inline uint32_t foreign_shift(const struct layout *layout, const struct foreign_shape *shape)
{
	return layout->struct_bytes[shape->of_class ? STRUCT_PyHeapTypeObject : STRUCT_PyObject] - 16;
}

/* Where a place is in an instance; false: it has none. */
static inline bool foreign_offset(const struct decoder *decoder, const struct foreign_shape *shape,
                                  enum foreign_place_id place, uint32_t *ret_offset)
{
	if (shape == NULL || shape->places[place].size == 0)
		return false;
	*ret_offset = shape->places[place].offset + foreign_shift(decoder->layout, shape);
	return true;
}

/* The number at a place of a body whose tp_basicsize bytes are present; 0 where it has no such place. */
static inline uint64_t foreign_u64(const struct decoder *decoder, const struct foreign_shape *shape,
                                   enum foreign_place_id place, struct body body)
{
	uint32_t offset;
	if (!foreign_offset(decoder, shape, place, &offset))
		return 0;
	switch (shape->places[place].size) {
	case 8:
		return body_word(body, offset);
	case 4:
		return body_has(body, offset, 4) ? load_u32(body.bytes + offset) : 0;
	default:
		return body_has(body, offset, 1) ? load_u8(body.bytes + offset) : 0;
	}
}

/* The references that the type's line lists. */
void emit_foreign_places(struct decoder *decoder, const struct foreign_shape *shape, uint64_t address,
                         struct body body);

#endif
