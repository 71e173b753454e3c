/* SPDX-License-Identifier: MIT
 * Structs with the names that fields.def asks for and the shapes that are hard to read from debug information. Not
 * CPython's. The samples are compiled with several debug formats; test_layout_dwarf compares with this compiler's
 * own offsetof and sizeof. */
#include <stdint.h>

typedef const struct _typeobject *const_type;

typedef struct _object {
	union {
		int64_t ob_refcnt;
		struct {
			uint32_t unnamed_below;
			union {
				uint16_t ob_overflow;
				uint8_t ob_gc_bits;
			};
		};
	};
	volatile const_type ob_type;
} PyObject;

typedef struct {
	PyObject ob_base;
	int64_t length;
	struct {
		unsigned int interned : 2;
		unsigned int kind : 3;
		unsigned int compact : 1;
		unsigned int ascii : 1;
		unsigned int ready : 1;
		unsigned int : 0;
		unsigned char unrelated;
		unsigned short statically_allocated : 5;
	} state;
} PyASCIIObject;

/* Known by its tag only; its typedef is seen before its members are (first.c), the members elsewhere (second.c). */
typedef struct _frame PyFrameObject;

typedef struct _dictkeysobject {
	int64_t dk_refcnt;
	uint8_t dk_log2_size;
	int8_t dk_kind : 4;
	int64_t dk_usable;
	char dk_indices[];
} PyDictKeysObject;

typedef struct {
	uint8_t capacity;
	PyObject *values[0];
} PyDictValues;

typedef struct _is {
	int64_t id;
	struct {
		uint64_t next_unique_id;
		struct _ts *head;
	} threads;
	struct {
		PyObject *modules;
		struct {
			int64_t deep;
		} inner;
	} imports;
	PyObject *small_ints[4][3];
	PyObject *codec_search_path;
} PyInterpreterState;

typedef struct pyruntimestate {
	struct {
		PyInterpreterState *head;
	} interpreters;
	uint8_t _main_interpreter[100000];
	enum { SMALL, LARGE } _finalizing;
} _PyRuntimeState;

typedef struct {
	int64_t tp_name_is_not_here;
} PyTypeObject;
