/* SPDX-License-Identifier: MIT
 * value: what an object says, read from memory: the text of a str, the number in an int, the entries of a dict,
 * the items of a list or tuple. For names, paths and reports; walks use decode/decoder.h. */
#ifndef PYDS_OBJECT_VALUE_H
#define PYDS_OBJECT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "object/object_reader.h"
#include "object/type_flags.h"

/* One word of at most 8 bytes (no bit-field) of the struct at address; false if absent in this Python or the dump. */
bool value_field(struct object_reader *objects, uint64_t address, enum layout_field field, uint64_t *ret_word);
/* The type of an object and its tp_flags (may be NULL); 0 if address has no readable head, or a head whose type is not
 * a type object. */
uint64_t value_type(struct object_reader *objects, uint64_t address, uint64_t *ret_flags);
/* True if the tp_flags of the object's type have that bit: TPFLAGS_... of object/type_flags.h. */
bool value_is(struct object_reader *objects, uint64_t address, uint64_t flag);
/* A walk along tp_base from a type on, the type itself first. Ends at LIMIT_TYPE_CHAIN, and at a cycle. */
struct base_walk {
	struct object_reader *objects;
	uint64_t next, anchor; /* anchor: a type that was passed; meeting it again is a cycle */
	uint32_t steps;
};
void base_walk_start(struct base_walk *walk, struct object_reader *objects, uint64_t type);
/* The next type; 0 at the end. */
uint64_t base_walk_next(struct base_walk *walk);
/* True if the type is, or derives by tp_base from, the type object of that symbol; where no symbol is known (or symbol
 * is -1), the type whose tp_name is so. */
bool value_type_derives(struct object_reader *objects, uint64_t type, int32_t symbol, const char *tp_name);
/* Whether an object is a module, or of a class that derives from it. */
bool value_is_module(struct object_reader *objects, uint64_t object);

/* Appends the UTF-8 text of a str (or subclass) to text, at most limit characters; lone surrogates become U+FFFD; text
 * may be NULL. Returns the length of the str in characters, or -1 if it is not a readable str. Not escaped. */
int64_t value_str(struct object_reader *objects, uint64_t address, uint64_t limit, struct text *text);
/* True if the object is a str equal to the UTF-8 string (in which U+FFFD stands for any lone surrogate). */
bool value_str_equals(struct object_reader *objects, uint64_t address, const char *string);
/* The same for bytes of UTF-8 that may contain NUL. */
bool value_str_matches(struct object_reader *objects, uint64_t address, const char *bytes, size_t length);
/* The value of an int (or bool, or subclass) that fits 64 bits. */
bool value_int(struct object_reader *objects, uint64_t address, int64_t *ret_value);
bool value_float(struct object_reader *objects, uint64_t address, double *ret_value);
/* Appends at most limit bytes of a bytes or bytearray (text may be NULL); returns its full length or -1. */
int64_t value_bytes(struct object_reader *objects, uint64_t address, uint64_t limit, struct text *text);
/* Where the content of a str, bytes or bytearray lies: `length` units of `unit` bytes at `data`, a target address,
 * which may be absent. False: it is none of these. */
struct value_content {
	uint64_t data, length;
	unsigned unit;
};
bool value_content(struct object_reader *objects, uint64_t address, struct value_content *ret_content);

/* Entries of a dict (or subclass), in insertion order where CPython keeps it. */
struct dict_cursor {
	struct object_reader *objects;
	uint64_t keys_address; /* PyDictKeysObject */
	const uint8_t *entries; /* host */
	const uint8_t *values; /* host; NULL for a combined table */
	const uint8_t *order; /* host: insertion order of split values, one byte an entry; NULL: as in entries */
	int32_t order_step; /* +1 or -1: which way order grows */
	uint64_t entry_count, next, step_count; /* next counts steps: entries, or bytes of order */
	uint32_t entry_bytes, key_offset, value_offset;
};
bool dict_cursor_open(struct dict_cursor *cursor, struct object_reader *objects, uint64_t dict);
/* The same over a PyDictKeysObject and a PyDictValues of the target (0: a combined table): values that no dict object
 * has been made for. */
bool dict_cursor_open_table(struct dict_cursor *cursor, struct object_reader *objects, uint64_t keys, uint64_t values);
bool dict_cursor_next(struct dict_cursor *cursor, uint64_t *ret_key, uint64_t *ret_value);
/* The value under a str key among what is left; 0: no such key. Looks at most at LIMIT_NAMESPACE entries. */
uint64_t dict_cursor_find(struct dict_cursor *cursor, const char *key);
/* The value under a str key of a namespace (as above); 0: no such key or not a readable dict. */
uint64_t dict_get_str(struct object_reader *objects, uint64_t dict, const char *key);
/* The key in entry `index` of a PyDictKeysObject; 0 if there is none. For LABEL_SPLIT_VALUE. */
uint64_t keys_entry_key(struct object_reader *objects, uint64_t keys, uint64_t index);
/* Items of a list or tuple (or subclass): count, and the address of the word that holds item 0. */
bool value_items(struct object_reader *objects, uint64_t address, uint64_t *ret_count, uint64_t *ret_items);

/* Where the attributes of an instance (or module, function, exception) are. dict 0 and values not 0: only inline or
 * split values, no dict object was ever made; keys are then the type's shared PyDictKeysObject. False: the object has
 * no such attributes (yet). Not for type objects: value_type_dict(). */
struct attribute_storage {
	uint64_t dict, values, keys;
};
bool value_instance_attributes(struct object_reader *objects, uint64_t object,
                               struct attribute_storage *ret_attributes);
/* A cursor over them. */
bool value_attribute_cursor(struct dict_cursor *cursor, struct object_reader *objects, uint64_t object);
/* The __dict__ of a type object; of a static builtin type that of the main interpreter. 0: none. */
uint64_t value_type_dict(struct object_reader *objects, uint64_t type);
/* What `name` is in the namespaces along the MRO of a type: a descriptor, a function, a plain value. 0: none. */
uint64_t value_class_attribute(struct object_reader *objects, uint64_t type, const char *name);
/* The attribute `name` as stored in memory. Of a type object: along its MRO. Of another: __slots__ and the object
 * members that C types declare (tp_members), then inline values or the instance dict; not what its class has.
 * 0: none. */
uint64_t value_attribute(struct object_reader *objects, uint64_t object, const char *name);
/* The address of the word in an instance of type where a slot or C member `name` is kept, as an offset; false: none.
 * Along tp_base. */
bool value_member_offset(struct object_reader *objects, uint64_t type, const char *name, uint64_t *ret_offset);

#endif
