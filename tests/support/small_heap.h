/* SPDX-License-Identifier: MIT
 * small_heap: memory made by a test that is a heap of CPython 3.12: tuples and cells, at multiples of 8, of static
 * types, and one object that an interpreter holds. Nothing of it comes from a Python. */
#ifndef PYDS_TESTS_SMALL_HEAP_H
#define PYDS_TESTS_SMALL_HEAP_H

#include "decode/decoder.h"
#include "runtime/runtime.h"

#define SMALL_HEAP_START UINT64_C(0x7f0000000000)
#define SMALL_HEAP_ABSENT UINT64_C(0x7f8000000000) /* memory that the target had and the dump lacks */

enum { SMALL_HEAP_ABSENT_BYTES = 1 << 24 };

struct small_heap {
	uint8_t *bytes; /* of SMALL_HEAP_START, size of them */
	uint64_t size, used;
	uint64_t tuple_type, cell_type, interpreter;
	struct layout layout;
	struct runtime *runtime;
	struct address_space *space;
	struct decode_context *context;
	struct decoder decoder;
};

void small_heap_make(struct small_heap *heap, uint64_t size);
uint64_t small_heap_tuple(struct small_heap *heap, uint64_t items); /* all NULL */
/* A class that a class statement made, of instances of that many bytes; they are made by small_heap_object(). */
uint64_t small_heap_class(struct small_heap *heap, const char *name, uint64_t base, uint64_t basicsize);
uint64_t small_heap_object(struct small_heap *heap, uint64_t type, uint64_t bytes);
uint64_t small_heap_cell(struct small_heap *heap, uint64_t object);
void small_heap_align(struct small_heap *heap, uint64_t remainder); /* of the next object's address by 16: 0 or 8 */
void small_heap_put(struct small_heap *heap, uint64_t address, uint64_t word);
uint64_t small_heap_get(const struct small_heap *heap, uint64_t address);
uint64_t small_heap_slot(const struct small_heap *heap, uint64_t tuple, uint64_t item); /* where an item stands */
void small_heap_hold(struct small_heap *heap, uint64_t object); /* by the interpreter */
/* No more objects after it; words may still be changed. What follows the last one is not the heap's. */
void small_heap_open(struct small_heap *heap);
void small_heap_close(struct small_heap *heap);

#endif
