/* SPDX-License-Identifier: MIT
 * emit: one thread's decoding of one object at a time, and what a decoder does with it: it appends *runs* of reference
 * slots and *blocks* of owned memory to struct decoded. Both arrays belong to the struct decoder and are reused, so
 * nothing is allocated, formatted or called back per object. */
#ifndef PYDS_DECODE_EMIT_H
#define PYDS_DECODE_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/bytes.h"
#include "decode/block.h"
#include "decode/body.h"
#include "decode/context.h"
#include "decode/run.h"
#include "decode/type_info.h"
#include "object/type_flags.h"

enum decoded_flag {
	DECODED_APPROXIMATE = 1, /* no decoder knows this C type: size and references by the generic rule */
	DECODED_UNREADABLE = 2, /* part of it is absent from the dump */
	DECODED_CORRUPT = 4, /* impossible values: freed, torn or not an object */
	DECODED_IN_FLUX = 8, /* caught half way through a change: resize, sort */
	DECODED_GC = 16, /* has a GC head or pre-header in front */
};

struct decoded {
	uint64_t address;
	const struct type_info *type;
	uint64_t shallow; /* sys.getsizeof(o) */
	uint64_t included; /* the part of it that is another object's, which is referred to and has its own size */
	uint64_t presize; /* the part of it before the object: GC head, dict and weakref words */
	uint64_t body; /* bytes the object itself takes from its address on, as requested from the allocator */
	uint32_t flags; /* enum decoded_flag */
	const char *reason; /* why UNREADABLE, CORRUPT or IN_FLUX: a literal; NULL */
	ARRAY(struct run) runs;
	ARRAY(struct block) blocks;
};

/* Whether there are words in its body that no decoder knows: all that a static type has beyond PyTypeObject is other
 * variables of its file. */
static inline bool decoded_has_unknown_words(const struct decoded *out)
{
	const bool is_type = (out->type->tp_flags & TPFLAGS_TYPE_SUBCLASS) != 0;
	return (out->type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0 &&
	       (!is_type || out->body >= (uint64_t)out->type->tp_basicsize);
}

/* The types that one decoder met, by address, so that it asks for the common table only once for each. Open
 * addressing, at most half full. */
struct met_types {
	struct met_type {
		uint64_t address; /* 0: free */
		const struct type_info *type;
	} * slots;
	uint64_t mask; /* slot count - 1 */
	uint64_t count;
};

enum {
	LARGE_BYTES = 512, /* more than this is held against the allocator's block: pymalloc gives out no more */
	LARGE_BLOCKS = 8, /* of one object that are: of a deque, some of its many equal ones */
};

/* One thread's decoding of one object at a time. */
struct decoder {
	struct decode_context *context;
	const struct layout *layout; /* context's */
	struct reader reader;
	struct object_reader objects; /* over reader: a decoder stays where it was initialised */
	struct decoded out;
	struct met_types types;
	struct run_sink *sink; /* NULL: runs go to out.runs */
	struct large_block {
		uint64_t address, bytes;
	} large[LARGE_BLOCKS]; /* of the object, also where blocks are skipped: decode/size_bound.h */
	uint32_t large_count;
	bool skip_class; /* set by a caller that has no use for the run of ob_type: it is then not emitted */
	bool skip_blocks; /* the same for owned blocks */
	bool out_of_memory; /* an append failed; the step that runs the decoder must end with ERROR_NO_MEMORY */
};

/* Whether somebody has a use for runs: where not, what only leads to them need not be looked for. */
static inline bool decoder_wants_runs(const struct decoder *decoder)
{
	return decoder->sink == NULL || !decoder->sink->is_closed;
}

/* ---- For decoders: appending. Null slots may be included; wild ones too. ---- */

/* A run of count slots at target address. Slots that are absent or unmapped are left out and flag the object. */
void emit_run(struct decoder *decoder, uint64_t address, uint64_t count, struct run_kind kind);
/* One that is complete. */
void emit_whole_run(struct decoder *decoder, const struct run *run);
/* One slot inside the body: name is a literal like ".func_code". */
void emit_field(struct decoder *decoder, uint64_t address, struct body body, enum layout_field field, uint32_t flags);
/* One slot that is at hand: name points at a literal that stays. */
void emit_slot(struct decoder *decoder, uint64_t address, const uint8_t *slot, const char *const *name, uint32_t flags);
/* The state that another library keeps for the object; field is a pointer to it in the body. */
void emit_opaque_block(struct decoder *decoder, const struct type_info *type, struct body body, enum layout_field field,
                       const char *role);
void emit_whole_block(struct decoder *decoder, const struct block *block);

static inline void emit_block(struct decoder *decoder, uint64_t address, uint64_t bytes, const char *role,
                              uint32_t flags)
{
	if (decoder->skip_blocks && bytes <= LARGE_BYTES) /* most of those of a walk; see struct large_block */
		return;
	const struct block block = { .address = address, .bytes = bytes, .most = bytes, .role = role, .flags = flags };
	emit_whole_block(decoder, &block);
}

void flag_object(struct decoder *decoder, uint32_t flags, const char *reason);

/* A word of a body at a known field: 0 where this Python has no such field, or the body ends before it. */
static inline uint64_t body_u64(const struct decoder *decoder, enum layout_field field, struct body body)
{
	return body_field(decoder->layout, field, body);
}

static inline int64_t body_i64(const struct decoder *decoder, enum layout_field field, struct body body)
{
	const struct layout_place *place = &decoder->layout->fields[field];
	if (place->size == 4 && body_has(body, place->offset, 4))
		return load_i32(body.bytes + place->offset);
	return (int64_t)body_u64(decoder, field, body);
}

static inline int64_t body_ob_size(const struct decoder *decoder, struct body body)
{
	return (int64_t)body_word(body, decoder->layout->fields[FIELD_PyVarObject_ob_size].offset);
}

#endif
