/* SPDX-License-Identifier: MIT
 * type_info: one type object of the target, decided once and then only looked up: which decoder its instances have,
 * what stands in front of them, which attributes a class statement added. */
#ifndef PYDS_DECODE_TYPE_INFO_H
#define PYDS_DECODE_TYPE_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/body.h"
#include "object/instance_attributes.h"

struct decoder;
struct type_info;
struct foreign_shape; /* decode/foreign.h */

/* The logic of one type: called after the generic size (tp_basicsize + tp_itemsize * ob_size) was put into out->shallow
 * and the pointer fields of the registry line were emitted. Appends the remaining runs and blocks, and corrects
 * out->shallow (here without the presize, which the caller adds) to what __sizeof__() returns. body has at
 * least type->body_bytes bytes of the object at address. */
typedef void decode_function(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body);

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
	TYPE_IS_WILD = 1024, /* the type object makes no sense: type_info.damage; each instance is flagged */
	TYPE_SIZES_ITSELF =
	        8192, /* registry lines only: the word at ob_size is no count of items (int since 3.12, generators
	               * and frames since 3.11); the function sets the size, which begins as tp_basicsize */
	TYPE_OWNS_TYPE = 2048, /* heap type: each instance holds a reference to it */
	TYPE_HIDES_TYPE =
	        4096, /* registry lines only: a heap type in C whose tp_traverse does not visit Py_TYPE(self) */
	TYPE_OVERRIDES_SIZEOF = 32768, /* a class below the one that is decoded has a __sizeof__ of its own */
	TYPE_HIDES_NEW_TYPE = 65536, /* registry lines only: TYPE_HIDES_TYPE unless FEATURE_NEW_TYPES_VISITED */
	TYPE_IS_OF_GENERIC_ALLOC = 131072, /* registry lines only: items, but allocated as a class of Python is */
	TYPE_HAS_UNKNOWN_WORDS =
	        262144, /* the body of an instance has words that no decoder knows: of C, maybe pointers */
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
	uint64_t beyond; /* bytes that are asked for an instance beyond its body: what is in front, and room for items
	                    that it does not say it has */
	uint64_t tp_flags;
	int64_t tp_basicsize, tp_itemsize, tp_dictoffset, tp_weaklistoffset;
	uint64_t tp_base;
	const struct type_info *base; /* of tp_base; NULL: it has none, or none that makes sense */
	uint32_t body_bytes; /* that must be readable before decode is called: tp_basicsize, capped */
	const struct decoder_entry *entry; /* never NULL: the fallback has one */
	decode_function *decode; /* entry's; may be NULL */
	const struct type_info *base_info; /* whose entry this is: itself, or the nearest base with a decoder */
	uint16_t *fields; /* enum layout_field of entry's fields that this Python has: visible ones, then hidden ones */
	uint16_t visible_count, hidden_count;
	struct type_slots *slots;
	uint32_t slots_count;
	uint32_t dict_offset; /* of a __dict__ pointer that a Python class added; 0: none, or managed, or negative */
	bool has_sentinel; /* an instance is asked for with one item more than it has */
	bool is_nobodys; /* a heap type that no module is known to have made: its name may also be a builtin's */
	bool dict_at_end; /* up to 3.11, variable-size base: tp_dictoffset counts from the end */
	uint32_t unseen_items; /* struct sequence: items of an instance beyond its ob_size */
	int32_t ahead; /* offset from the object of a pointer to memory that decoding it will need: a dict's keys table;
	                  0: none */
	const struct foreign_shape *foreign; /* its line is in foreign.def, or that of its nearest base; NULL */
	const char *damage; /* its numbers are contradicted: how, a literal; NULL: they are not */
	const char *approximate; /* TYPE_IS_APPROXIMATE: why, a literal */
	uint8_t quick; /* enum quick_size */
	uint32_t quick_bytes; /* of every instance, presize included */
	struct instance_shape instance; /* where an instance keeps its attributes */
	const char *name; /* "module.qualname", without "builtins."; owned by the table */
	char no_name[1]; /* where there was no memory for one */
};

#endif
