/* SPDX-License-Identifier: MIT
 * type_body: the bytes of a type object, for those who decide what its instances are. */
#ifndef PYDS_DECODE_TYPE_BODY_H
#define PYDS_DECODE_TYPE_BODY_H

#include "object/object_reader.h"
#include "object/type_flags.h"

/* A whole PyTypeObject; NULL: no type object can be there. */
static inline const uint8_t *type_body(struct object_reader *objects, uint64_t type)
{
	if (type == 0 || (type & 7) != 0)
		return NULL;
	return reader_at(objects->reader, type, objects->layout->struct_bytes[STRUCT_PyTypeObject]);
}

/* A word of it; 0 where this Python has no such field. */
static inline uint64_t type_word(const struct layout *layout, enum layout_field field, const uint8_t *body)
{
	return layout_has(layout, field) ? load_u64(body + layout_offset(layout, field)) : 0;
}

/* Whether gc.get_referents() asks its instances. */
static inline bool type_is_traversed(const struct layout *layout, const uint8_t *body)
{
	return (type_word(layout, FIELD_PyTypeObject_tp_flags, body) & TPFLAGS_HAVE_GC) != 0 &&
	       type_word(layout, FIELD_PyTypeObject_tp_traverse, body) != 0;
}

#endif
