/* SPDX-License-Identifier: MIT
 * decoder: from the address of an object to its sizes and its references, in one pass over bytes that are
 * read in place. One CPython type, one decoder; decode/decoders.def is the registry.
 *
 * A decoder appends *runs* of reference slots and *blocks* of owned memory to struct decoded; both arrays
 * belong to the struct decoder and are reused, so nothing is allocated, formatted or called back per object.
 * A run is "count words, stride bytes apart, at this place": a list of ten million items is one run.
 *
 * To add a type: a line in decoders.def; a .c file only if there is logic; fields in layout/fields.def (then
 * regenerate the tables: docs/adding-a-version.md); subjects in tests/oracle. */
#ifndef PYDS_DECODE_DECODER_H
#define PYDS_DECODE_DECODER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "allocator/allocators.h"
#include "base/address_map.h"
#include "base/array.h"
#include "base/bytes.h"
#include "base/error.h"
#include "layout/layout.h"
#include "memory/address_space.h"
#include "runtime/runtime.h"

/* How a reference is spoken of. `argument` and `names` below are the run's; i counts from the run's first_index. */
enum label_kind {
	LABEL_FIELD, /* names[i]: ".func_code", C string literals; one per slot of the run */
	LABEL_ITEM, /* "[i]" */
	LABEL_SET_ITEM, /* "{item}" */
	LABEL_DICT_KEY, /* "key 'x'": the slot itself is the key */
	LABEL_DICT_VALUE, /* "['x']": the key is in the word argument bytes before the slot (entry layout) */
	LABEL_SPLIT_VALUE, /* ".x" or "['x']": argument is the address of the shared PyDictKeysObject, i its entry */
	LABEL_SLOT, /* ".x": argument is the address of an array of PyMemberDef, the i-th one's name says it */
	LABEL_LOCAL, /* "local x": argument is the address of the code object, i the localsplus index */
	LABEL_STACK, /* "stack [i]": evaluation stack of a frame */
	LABEL_TYPE, /* ".__class__" */
	LABEL_DICT, /* ".__dict__" */
	LABEL_SUBCLASSES, /* ".__subclasses__" of a static type, kept by the interpreter */
	LABEL_OF_STATIC_TYPE, /* ".int" and names[0]: the type's address is in the word argument bytes before the slot
	                       */
	LABEL_WORD, /* "+offset": found by scanning the body of an unknown C type; argument is the offset of slot 0 */
};

enum run_flag {
	RUN_HIDDEN = 1, /* tp_traverse does not visit it */
	RUN_ITEM = 2, /* a key, value or item of a container: what policy `containers` follows */
	RUN_GLOBALS = 4, /* globals and builtins of a function or frame: `data` and `gc` do not follow */
	RUN_TAGGED = 8, /* slots are _PyStackRef: clear the low two bits */
	RUN_CLASS = 16, /* the object's own type (Py_TYPE) */
	RUN_ATTRIBUTE = 32, /* a value of an instance: inline or split values, __slots__ */
	RUN_DICT = 64, /* the instance's own __dict__ object */
	RUN_SET = 128, /* slots are setentry: one whose hash is -1 is a dummy (Objects/setobject.c) and no reference */
	RUN_OF_DICT = 256, /* words that belong to the object's dict as well, and are one counted reference each, the
	                    * dict's: inline values of an instance whose __dict__ is made */
	RUN_BORROWS = 512, /* of RUN_TAGGED: a slot whose tag bit 0 is set borrows what other slots or constants of its
	                    * frame hold (LOAD_FAST_BORROW, 3.14+); it is visited, and not counted */
	RUN_SHARED_KEYS = 1024, /* keys in a table that dicts share, at argument: counted once, whoever shares them */
};

/* A null word in a run is no reference and is skipped by whoever walks it. */
struct run {
	const uint8_t *slots; /* host address of the first slot, valid while the space is open */
	uint64_t address; /* target address of the first slot */
	uint64_t count;
	uint64_t first_index; /* of slot 0, in the whole that labels number: not 0 where a whole was split in runs */
	uint32_t stride; /* bytes from slot to slot */
	uint16_t label; /* enum label_kind */
	uint16_t flags; /* enum run_flag */
	uint64_t argument;
	const char *const *names;
};

/* What a traversal keeps of a run. */
struct pending_run {
	const uint8_t *slots;
	uint64_t count;
	uint32_t stride;
	uint32_t flags; /* enum run_flag */
};

/* Where a traversal wants runs put: appended here if they pass, instead of to decoded.runs with all that names them. */
struct run_sink {
	struct pending_run *items;
	size_t count, capacity;
	uint32_t skipped; /* enum run_flag: runs with any of these do not pass */
	uint32_t required; /* only runs with all of these do */
	bool is_closed; /* none do */
};

static inline bool run_passes(const struct run_sink *sink, uint32_t flags)
{
	return !sink->is_closed && (flags & sink->skipped) == 0 && (flags & sink->required) == sink->required;
}

enum block_flag {
	BLOCK_COUNTED = 1, /* sys.getsizeof includes it */
	BLOCK_SHARED = 2, /* has other owners too (a shared keys table) */
	BLOCK_INTERIOR = 4, /* no allocation of its own: lies inside another one */
	BLOCK_OPAQUE = 8, /* another library's: as large as its allocator says; it may own more */
};

/* Memory that an object owns outside its body. */
struct block {
	uint64_t address;
	uint64_t bytes; /* as requested from the allocator */
	uint64_t most; /* more than bytes where the target does not say exactly: at most that many were requested */
	uint64_t uncounted; /* of bytes: what sys.getsizeof() leaves out of a block that it counts */
	const char *role; /* "keys table": a literal */
	uint32_t flags; /* enum block_flag */
};

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
	uint64_t presize; /* the part of it before the object: GC head, dict and weakref words */
	uint64_t body; /* bytes the object itself takes from its address on, as requested from the allocator */
	uint32_t flags; /* enum decoded_flag */
	const char *reason; /* why UNREADABLE, CORRUPT or IN_FLUX: a literal; NULL */
	ARRAY(struct run) runs;
	ARRAY(struct block) blocks;
};

struct decoder;
struct type_info;
struct foreign_shape; /* decode/foreign.h */

/* The logic of one type: called after the generic size (tp_basicsize + tp_itemsize * ob_size) was put into out->shallow
 * and the pointer fields of the registry line were emitted. Appends the remaining runs and blocks, and corrects
 * out->shallow (here without the presize, which the caller adds) to what __sizeof__() returns. body is the host
 * address of at least type->body_bytes present bytes of the object at address. */
typedef void decode_function(struct decoder *decoder, const struct type_info *type, uint64_t address,
                             const uint8_t *body);

/* One registry line, from decoders.def. */
struct decoder_entry {
	const char *id; /* "deque" */
	const char *type_name; /* "module.qualname" in the target, "collections.deque"; "a|b": either */
	int32_t symbol; /* enum known_symbol of the type object, -1: none is exported */
	int32_t body_struct; /* enum layout_struct of an instance: its size must equal tp_basicsize; -1: unchecked */
	decode_function *decode; /* NULL: generic size, pointer fields, nothing else */
	const int32_t *fields; /* enum layout_field, -1 ends: pointer fields, visible to tp_traverse */
	const int32_t *hidden_fields; /* the same, not visited */
	const char *summary; /* a line for docs/types.md */
	uint32_t flags; /* enum type_flag, or-ed into type_info */
};

enum type_flag {
	TYPE_IS_BOUNDARY = 1, /* instances are classes, modules or code: policies data and gc do not enter them */
	TYPE_IS_CONTAINER = 2, /* dict, list, tuple, set, frozenset: policy containers opens them */
	TYPE_IS_LEAF = 4, /* instances refer to nothing but their type */
	TYPE_IS_APPROXIMATE = 8, /* no decoder: generic rule */
	TYPE_NOT_TRAVERSED = 16, /* not a GC type, or no tp_traverse: gc.get_referents gives [] */
	TYPE_IS_HEAP = 32,
	TYPE_IS_PYTHON_CLASS = 64, /* made by a class statement: subtype_traverse, instance parts */
	TYPE_HAS_INSTANCE_PARTS = 128, /* dict, inline values or __slots__ to decode after the base's decoder */
	TYPE_VISITS_TYPE =
	        256, /* its traverse visits Py_TYPE(self): taken for true of every heap type with a tp_traverse
	                where FEATURE_HEAP_TYPE_VISITED, unless its registry line says TYPE_HIDES_TYPE */
	TYPE_IS_METATYPE = 512, /* instances are type objects */
	TYPE_IS_WILD = 1024, /* the type object itself could not be read or makes no sense */
	TYPE_SIZES_ITSELF =
	        8192, /* registry lines only: the word at ob_size is no count of items (int since 3.12, generators
	               * and frames since 3.11); the function sets the size, which begins as tp_basicsize */
	TYPE_OWNS_TYPE = 2048, /* heap type: each instance holds a reference to it */
	TYPE_HIDES_TYPE =
	        4096, /* registry lines only: a heap type in C whose tp_traverse does not visit Py_TYPE(self) */
	TYPE_OVERRIDES_SIZEOF = 32768, /* a class below the one that is decoded has a __sizeof__ of its own */
	TYPE_HIDES_NEW_TYPE = 65536, /* registry lines only: TYPE_HIDES_TYPE unless FEATURE_NEW_TYPES_VISITED */
	TYPE_IS_OF_GENERIC_ALLOC = 131072, /* registry lines only: items, but allocated as a class of Python is */
	TYPE_HEAP_VISITS_ALL = 16384, /* registry lines only: the hidden fields are visited where it is a heap type */
};

/* How the size of an ordinary instance of a leaf type is told without its decoder: quick_leaf(). */
enum quick_size {
	QUICK_NOT,
	QUICK_FIXED, /* the same for all */
	QUICK_ITEMS, /* tp_itemsize for each of ob_size items */
	QUICK_STR, /* compact ASCII, nothing cached */
	QUICK_INT, /* digits as the tag or ob_size says */
};

/* Neighbouring __slots__ members of a Python class or one of its Python bases: one run. */
struct type_slots {
	uint32_t offset; /* into the instance */
	uint32_t count;
	uint64_t members; /* address of count PyMemberDef, in the order of the slots */
};

/* One type object of the target, decided once and then only looked up. */
struct type_info {
	uint64_t address;
	uint32_t index; /* in type_table.items: statistics by type are arrays over it */
	uint32_t flags; /* enum type_flag */
	uint32_t presize; /* bytes getsizeof adds for an instance; type objects: see decode_object() */
	uint32_t preheader; /* bytes really in front of an instance */
	uint64_t tp_flags;
	int64_t tp_basicsize, tp_itemsize, tp_dictoffset, tp_weaklistoffset;
	uint64_t tp_base;
	uint32_t body_bytes; /* that must be readable before decode is called: tp_basicsize, capped */
	const struct decoder_entry *entry; /* never NULL: the fallback has one */
	decode_function *decode; /* entry's; may be NULL */
	const struct type_info *base_info; /* whose entry this is: itself, or the nearest base with a decoder */
	uint16_t *fields; /* enum layout_field of entry's fields that this Python has: visible ones, then hidden ones */
	uint16_t visible_count, hidden_count;
	struct type_slots *slots;
	uint32_t slots_count;
	uint32_t dict_offset; /* of a __dict__ pointer that a Python class added; 0: none, or managed, or negative */
	bool is_nobodys; /* a heap type that no module is known to have made: its name may also be a builtin's */
	bool dict_at_end; /* up to 3.11, variable-size base: tp_dictoffset counts from the end */
	uint32_t unseen_items; /* struct sequence: items of an instance beyond its ob_size */
	int32_t ahead; /* offset from the object of a pointer to memory that decoding it will need: a dict's keys table;
	                  0: none */
	const struct foreign_shape *foreign; /* its line is in foreign.def, or that of its nearest base; NULL */
	const char *approximate; /* TYPE_IS_APPROXIMATE: why, a literal */
	uint8_t quick; /* enum quick_size */
	uint32_t quick_bytes; /* of every instance, presize included */
	uint64_t cached_keys; /* heap type: ht_cached_keys, the shared PyDictKeysObject; 0 */
	const char *name; /* "module.qualname", without "builtins."; owned by the table */
};

struct type_table {
	struct type_info **items; /* stable pointers */
	size_t count, capacity;
	struct address_map by_address;
	uint32_t depth; /* of decode_type() calls within each other */
};

/* Everything that is the same for all threads that decode one target. */
struct decode_context {
	const struct runtime *runtime;
	const struct layout *layout;
	const struct address_space *space;
	struct allocators allocators;
	struct type_table types; /* grows on first sight of a type; by one thread at a time, under types_lock */
	pthread_mutex_t types_lock; /* recursive: deciding one type decides others */
	uint64_t type_type; /* address of PyType_Type */
	uint64_t subtype_traverse; /* tp_traverse of classes made in Python: tells them from heap types made in C; 0
	                              unknown */
	int static_type_order; /* which order of static_types.def is this target's; -1: none */
	bool static_type_order_known;
	uint64_t sizeof_name; /* the str "__sizeof__" that is a key of object's namespace; 0 unknown */
	/* A str whose word of flags has all these bits set is ready, compact and ASCII; 0: cannot be told so. */
	uint32_t ascii_flags;
	uint32_t ascii_offset; /* of that word */
	uint64_t general_lookup; /* up to 3.10: dk_lookup of a dict whose keys may be anything (lookdict); 0 unknown */
};

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

/* One thread's decoding of one object at a time. */
struct decoder {
	struct decode_context *context;
	const struct layout *layout; /* context's */
	struct reader reader;
	struct decoded out;
	struct met_types types;
	struct run_sink *sink; /* NULL: runs go to out.runs */
	bool skip_class; /* set by a caller that has no use for the run of ob_type: it is then not emitted */
	bool skip_blocks; /* the same for owned blocks */
	bool out_of_memory; /* an append failed; the step that runs the decoder must end with ERROR_NO_MEMORY */
};

int decode_context_open(struct decode_context **ret_context, const struct runtime *runtime, struct error *error);
void decode_context_close(struct decode_context *context); /* NULL is fine */
void decode_context_forget_types(struct decode_context *context); /* no type_info of it may be in use */
void decoder_init(struct decoder *decoder, struct decode_context *context);
void decoder_clear(struct decoder *decoder);

/* Decodes the object at address into decoder->out (reset first). Returns true if it is an object at all; false
 * (flags and reason say why) for a wild pointer, an absent head or a head whose type is none. */
bool decode_object(struct decoder *decoder, uint64_t address);

/* The same in steps, for a walk that has the memory of later objects fetched while it decodes earlier ones: where the
 * head is, later its type, then all of it. */
struct object_head {
	uint64_t address;
	const uint8_t
	        *bytes; /* host address; NULL: no head of an object can be read there, decode_typed_object() says why */
	uint64_t available; /* target bytes in one piece from there */
};

static inline struct object_head decode_head_in(struct decoder *decoder, const struct segment *segment,
                                                uint64_t address);
struct object_head decode_head(struct decoder *decoder, uint64_t address);
/* NULL: ob_type is no type object. */
static inline const struct type_info *decode_head_type(struct decoder *decoder, const uint8_t *head);
bool decode_typed_object(struct decoder *decoder, const struct object_head *head, const struct type_info *type);

/* The type_info of a type object; NULL if address is not a readable, sane type object. */
static inline const struct type_info *decode_type(struct decoder *decoder, uint64_t type_address);
/* The same of one that this decoder did not meet yet. */
const struct type_info *decode_new_type(struct decoder *decoder, uint64_t type_address);

/* ---- For decoders: appending. Null slots may be included; wild ones too. ---- */

/* A run of count slots at target address. Slots that are absent or unmapped are left out and flag the object. */
void emit_run(struct decoder *decoder, uint64_t address, uint64_t count, uint32_t stride, enum label_kind label,
              uint32_t flags, uint64_t argument);
/* One slot inside the body: name is a literal like ".func_code". */
void emit_field(struct decoder *decoder, uint64_t address, const uint8_t *body, enum layout_field field,
                uint32_t flags);
/* One slot that is at hand: name points at a literal that stays. */
void emit_slot(struct decoder *decoder, uint64_t address, const uint8_t *slot, const char *const *name, uint32_t flags);
void emit_block(struct decoder *decoder, uint64_t address, uint64_t bytes, const char *role, uint32_t flags);
/* The state that another library keeps for the object; field is a pointer to it in the body. */
void emit_opaque_block(struct decoder *decoder, const struct type_info *type, const uint8_t *body,
                       enum layout_field field, const char *role);
void emit_whole_block(struct decoder *decoder, const struct block *block);
void flag_object(struct decoder *decoder, uint32_t flags, const char *reason);

/* A word of a body at a known field: 0 when the field is absent. */
static inline uint64_t body_u64(const struct decoder *decoder, enum layout_field field, const uint8_t *body)
{
	const struct layout_place *place = &decoder->layout->fields[field];
	return place->size == 8 ? load_u64(body + place->offset) : layout_get(decoder->layout, field, body);
}

static inline int64_t body_i64(const struct decoder *decoder, enum layout_field field, const uint8_t *body)
{
	const struct layout_place *place = &decoder->layout->fields[field];
	if (place->size == 4)
		return load_i32(body + place->offset);
	return (int64_t)body_u64(decoder, field, body);
}

static inline int64_t body_ob_size(const struct decoder *decoder, const uint8_t *body)
{
	return load_i64(body + decoder->layout->fields[FIELD_PyVarObject_ob_size].offset);
}

static inline struct object_head decode_head_in(struct decoder *decoder, const struct segment *segment,
                                                uint64_t address)
{
	struct object_head head = { .address = address, .available = segment->end - address };
	if (__builtin_expect(segment->data != NULL && segment->lazy == NULL && (address & 7) == 0 &&
	                             head.available >= decoder->layout->struct_bytes[STRUCT_PyObject],
	                     1))
		head.bytes = segment->data + (address - segment->start);
	else if ((address & 7) == 0)
		head.bytes = reader_at(&decoder->reader, address, decoder->layout->struct_bytes[STRUCT_PyObject]);
	if (__builtin_expect(segment->lazy != NULL, 0))
		head.available = 0; /* more of it must be asked for */
	return head;
}

static inline const struct type_info *decode_type(struct decoder *decoder, uint64_t type_address)
{
	const struct met_types *met = &decoder->types;
	for (uint64_t i = address_hash(type_address); met->slots != NULL; i++) {
		const struct met_type *slot = &met->slots[i & met->mask];
		if (__builtin_expect(slot->address == type_address, 1))
			return slot->type; /* NULL of a free one: address 0 */
		if (slot->address == 0)
			break;
	}
	return decode_new_type(decoder, type_address);
}

static inline const struct type_info *decode_head_type(struct decoder *decoder, const uint8_t *head)
{
	return decode_type(decoder, load_u64(head + layout_offset(decoder->layout, FIELD_PyObject_ob_type)));
}

/* The size of an object of a leaf type with nothing odd about it: all of it is there and has no blocks of its own.
 * False: decode_typed_object() has to look. Where the caller has a use for the class or for blocks, it is only for
 * types that own neither. */
static inline bool quick_leaf(const struct decoder *decoder, const struct object_head *head,
                              const struct type_info *type, uint64_t *ret_shallow)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *body = head->bytes;
	uint64_t items;
	if (type->quick == QUICK_NOT || head->available < type->body_bytes)
		return false;
	switch (type->quick) {
	case QUICK_FIXED:
		*ret_shallow = type->quick_bytes;
		return true;
	case QUICK_ITEMS:
		items = load_u64(body + layout_offset(layout, FIELD_PyVarObject_ob_size));
		if (items > INT32_MAX)
			return false;
		*ret_shallow = type->quick_bytes + items * (uint64_t)type->tp_itemsize;
		return *ret_shallow <= head->available;
	case QUICK_STR:
		items = load_u64(body + layout_offset(layout, FIELD_PyASCIIObject_length));
		if ((load_u32(body + decoder->context->ascii_offset) & decoder->context->ascii_flags) !=
		            decoder->context->ascii_flags ||
		    items > INT32_MAX)
			return false;
		if (layout_has(layout, FIELD_PyASCIIObject_wstr) &&
		    load_u64(body + layout_offset(layout, FIELD_PyASCIIObject_wstr)) != 0)
			return false;
		*ret_shallow = type->quick_bytes + items;
		return *ret_shallow <= head->available;
	default:
		if (layout_feature(layout, FEATURE_COMPACT_INT)) {
			items = load_u64(body + layout_offset(layout, FIELD_PyLongObject_lv_tag)) >> 3;
		} else {
			items = load_u64(body + layout_offset(layout, FIELD_PyVarObject_ob_size));
			items = (int64_t)items < 0 ? 0 - items : items;
		}
		if (items == 0 || items > INT16_MAX)
			return false;
		*ret_shallow = type->quick_bytes + 4 * items;
		return true;
	}
}

/* The object a slot refers to, tags cleared and dummies left out where the run says so; 0: none. */
static inline uint64_t slot_target(const uint8_t *slot, uint32_t run_flags)
{
	uint64_t word = load_u64(slot);
	if (__builtin_expect(run_flags & (RUN_TAGGED | RUN_SET), 0)) {
		if (run_flags & RUN_TAGGED)
			word = (word & 3) == 3 ? 0 : word & ~UINT64_C(3);
		else if (load_u64(slot + 8) == UINT64_MAX)
			word = 0;
	}
	return word;
}

static inline uint64_t run_target(const struct run *run, uint64_t index)
{
	return slot_target(run->slots + index * run->stride, run->flags);
}

/* Whether the reference in a slot is one that the object's reference count knows of. */
static inline bool run_is_counted(const struct run *run, uint64_t index)
{
	return !(run->flags & RUN_BORROWS) || (load_u64(run->slots + index * run->stride) & 1) == 0;
}

#endif
