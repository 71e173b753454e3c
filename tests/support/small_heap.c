/* SPDX-License-Identifier: MIT */
#include "small_heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "object/type_flags.h"
#include "layout/builtin_layouts.h"
#include "memory/space_source.h"

enum { PYTHON = 0x030c0000, TYPE_READY = 1 << 12, SUBTYPE_TRAVERSE = 0x401000 };

static uint64_t take(struct small_heap *heap, uint64_t bytes)
{
	const uint64_t address = SMALL_HEAP_START + heap->used;
	heap->used += (bytes + 7) & ~UINT64_C(7);
	if (heap->used > heap->size)
		abort();
	return address;
}

void small_heap_put(struct small_heap *heap, uint64_t address, uint64_t word)
{
	memcpy(heap->bytes + (address - SMALL_HEAP_START), &word, sizeof word);
}

uint64_t small_heap_get(const struct small_heap *heap, uint64_t address)
{
	return load_u64(heap->bytes + (address - SMALL_HEAP_START));
}

static uint64_t make_type(struct small_heap *heap, const char *name, uint64_t metatype, uint64_t flags,
                          uint64_t basicsize, uint64_t itemsize)
{
	const struct layout *layout = &heap->layout;
	const uint64_t name_address = take(heap, strlen(name) + 1);
	memcpy(heap->bytes + (name_address - SMALL_HEAP_START), name, strlen(name) + 1);
	const uint64_t type = take(heap, layout->struct_bytes[STRUCT_PyTypeObject]);
	small_heap_put(heap, type, 1);
	small_heap_put(heap, type + layout_offset(layout, FIELD_PyObject_ob_type), metatype != 0 ? metatype : type);
	small_heap_put(heap, type + layout_offset(layout, FIELD_PyTypeObject_tp_name), name_address);
	small_heap_put(heap, type + layout_offset(layout, FIELD_PyTypeObject_tp_flags), flags | TYPE_READY);
	small_heap_put(heap, type + layout_offset(layout, FIELD_PyTypeObject_tp_basicsize), basicsize);
	small_heap_put(heap, type + layout_offset(layout, FIELD_PyTypeObject_tp_itemsize), itemsize);
	return type;
}

void small_heap_make(struct small_heap *heap, uint64_t size)
{
	const struct layout_fingerprint fingerprint = { .version = { .hex = PYTHON } };
	bool exact;
	memset(heap, 0, sizeof *heap);
	if (!builtin_layout(&fingerprint, 0, &heap->layout, &exact))
		abort();
	layout_compute_features(&heap->layout);
	heap->size = size;
	heap->bytes = calloc(1, size);
	heap->runtime = calloc(1, sizeof *heap->runtime);
	if (heap->bytes == NULL || heap->runtime == NULL)
		abort();
	const uint32_t *const bytes = heap->layout.struct_bytes;
	const uint64_t type = make_type(heap, "type", 0, TPFLAGS_TYPE_SUBCLASS, bytes[STRUCT_PyHeapTypeObject], 40);
	heap->tuple_type = make_type(heap, "tuple", type, TPFLAGS_TUPLE_SUBCLASS, bytes[STRUCT_PyVarObject], 8);
	heap->cell_type = make_type(heap, "cell", type, 0, bytes[STRUCT_PyCellObject], 0);
	heap->interpreter = take(heap, bytes[STRUCT_PyInterpreterState]);
	heap->runtime->symbols[SYMBOL_PyType_Type] = type;
	heap->runtime->symbols[SYMBOL_PyTuple_Type] = heap->tuple_type;
	heap->runtime->symbols[SYMBOL_PyCell_Type] = heap->cell_type;
	heap->runtime->layout = heap->layout;
}

uint64_t small_heap_object(struct small_heap *heap, uint64_t type, uint64_t bytes)
{
	const uint64_t object = take(heap, bytes);
	small_heap_put(heap, object, 1);
	small_heap_put(heap, object + layout_offset(&heap->layout, FIELD_PyObject_ob_type), type);
	return object;
}

uint64_t small_heap_class(struct small_heap *heap, const char *name, uint64_t base, uint64_t basicsize)
{
	const uint64_t type =
	        make_type(heap, name, heap->runtime->symbols[SYMBOL_PyType_Type], TPFLAGS_HEAPTYPE, basicsize, 0);
	small_heap_put(heap, type + layout_offset(&heap->layout, FIELD_PyTypeObject_tp_base), base);
	small_heap_put(heap, type + layout_offset(&heap->layout, FIELD_PyTypeObject_tp_traverse), SUBTYPE_TRAVERSE);
	return type;
}

uint64_t small_heap_slot(const struct small_heap *heap, uint64_t tuple, uint64_t item)
{
	return tuple + heap->layout.struct_bytes[STRUCT_PyVarObject] + 8 * item;
}

uint64_t small_heap_tuple(struct small_heap *heap, uint64_t items)
{
	const uint64_t tuple =
	        small_heap_object(heap, heap->tuple_type, heap->layout.struct_bytes[STRUCT_PyVarObject] + 8 * items);
	small_heap_put(heap, tuple + layout_offset(&heap->layout, FIELD_PyVarObject_ob_size), items);
	return tuple;
}

uint64_t small_heap_cell(struct small_heap *heap, uint64_t object)
{
	const uint64_t cell = small_heap_object(heap, heap->cell_type, heap->layout.struct_bytes[STRUCT_PyCellObject]);
	small_heap_put(heap, cell + layout_offset(&heap->layout, FIELD_PyCellObject_ob_ref), object);
	return cell;
}

void small_heap_align(struct small_heap *heap, uint64_t remainder)
{
	if (heap->used % 16 != remainder)
		(void)take(heap, 8);
}

void small_heap_hold(struct small_heap *heap, uint64_t object)
{
	small_heap_put(heap, heap->interpreter + layout_offset(&heap->layout, FIELD_PyInterpreterState_modules),
	               object);
}

void small_heap_open(struct small_heap *heap)
{
	struct error error = { 0 };
	heap->bytes = realloc(heap->bytes, heap->used); /* a read beyond it is seen by AddressSanitizer */
	if (heap->bytes == NULL)
		abort();
	const struct segment claims[] = {
		{ .start = SMALL_HEAP_START,
		  .end = SMALL_HEAP_START + heap->used,
		  .data = heap->bytes,
		  .protection = PROT_READ | PROT_WRITE,
		  .writable_private = true },
		{ .start = SMALL_HEAP_ABSENT,
		  .end = SMALL_HEAP_ABSENT + SMALL_HEAP_ABSENT_BYTES,
		  .absent = ABSENT_NOT_DUMPED,
		  .protection = PROT_READ | PROT_WRITE,
		  .writable_private = true },
	};
	if (address_space_create(&heap->space, SPACE_BUFFER, &error) != OK ||
	    address_space_set_segments(heap->space, claims, sizeof claims / sizeof claims[0], &error) != OK)
		abort();
	heap->runtime->space = heap->space;
	if (!array_push(&heap->runtime->interpreters, (struct interpreter){ .address = heap->interpreter }) ||
	    decode_context_open(&heap->context, heap->runtime, &error) != OK)
		abort();
	heap->context->subtype_traverse = SUBTYPE_TRAVERSE;
	decoder_init(&heap->decoder, heap->context);
}

void small_heap_close(struct small_heap *heap)
{
	decoder_clear(&heap->decoder);
	decode_context_close(heap->context);
	address_space_close(heap->space);
	array_free(&heap->runtime->interpreters);
	free(heap->runtime);
	free(heap->bytes);
}
