/* SPDX-License-Identifier: MIT
 * run: "count words, stride bytes apart, at this place", the form in which a decoder gives references: a list of ten
 * million items is one run. */
#ifndef PYDS_DECODE_RUN_H
#define PYDS_DECODE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

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
	LABEL_BLOCK_WORD, /* "block 0x10 +offset": in memory of C code that hangs on the object, whose address is
	                     argument */
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

/* What the words of a run are: two registers, so that it costs nothing to hand it on. */
struct run_kind {
	uint32_t stride; /* as in struct run */
	uint16_t label;
	uint16_t flags;
	uint64_t argument;
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

/* The object that a _PyStackRef (3.14+) refers to. Include/internal/pycore_stackref.h: PyStackRef_NULL has a tag and no
 * address; an int may be in the word. */
static inline uint64_t stack_reference_target(uint64_t word)
{
	return (word & 3) == 3 ? 0 : word & ~UINT64_C(3);
}

/* The object a slot refers to, tags cleared and dummies left out where the run says so; 0: none. */
static inline uint64_t slot_target(const uint8_t *slot, uint32_t run_flags)
{
	uint64_t word = load_u64(slot);
	if (__builtin_expect(run_flags & (RUN_TAGGED | RUN_SET), 0)) {
		if (run_flags & RUN_TAGGED)
			word = stack_reference_target(word);
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
static inline bool slot_is_counted(const uint8_t *slot, uint32_t run_flags)
{
	return !(run_flags & RUN_BORROWS) || (load_u64(slot) & 1) == 0;
}

static inline bool run_is_counted(const struct run *run, uint64_t index)
{
	return slot_is_counted(run->slots + index * run->stride, run->flags);
}

#endif
