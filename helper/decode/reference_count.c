/* SPDX-License-Identifier: MIT
 * Free-threaded builds: ob_ref_local counts what the owning thread holds, ob_ref_shared what others hold, above two
 * flag bits (PEP 703). An object with a unique id has one more count in a table of every thread state
 * (Python/uniqueid.c). Deferred ones are raised by what keeps them alive until a collection (Objects/object.c
 * _PyObject_SetDeferredRefcount).
 */
#include "decode/object_head.h"
#include "decode/reference_count.h"

#include "base/limits.h"
#include "object/type_flags.h"
#include "object/value.h"

enum {
	SHARED_FLAG_BITS = 2, /* _Py_REF_SHARED_SHIFT */
	GC_BITS_DEFERRED = 64, /* _PyGC_BITS_DEFERRED, Include/internal/pycore_gc.h */
	DICT_ID_SHIFT = 32, /* DICT_UNIQUE_ID_SHIFT: above the watchers in _ma_watcher_tag */
};

/* What a deferred object's shared count is raised by since 3.14, PY_SSIZE_T_MAX / 8; in 3.13 the local one by 1. */
static const int64_t raised_by = INT64_MAX / 8;

/* The number of the object's row in the tables of threads, from 1; 0: it has none. */
static uint64_t unique_id(struct decoder *decoder, uint64_t address, const uint8_t *head)
{
	const struct type_info *type = decode_head_type(decoder, head);
	uint64_t id = 0, flags;
	if (type == NULL || !layout_has(decoder->layout, FIELD__PyThreadStateImpl_refcounts_values))
		return 0;
	if (type->tp_flags & TPFLAGS_TYPE_SUBCLASS) {
		if (value_field(&decoder->objects, address, FIELD_PyTypeObject_tp_flags, &flags) &&
		    flags & TPFLAGS_HEAPTYPE)
			(void)value_field(&decoder->objects, address, FIELD_PyHeapTypeObject_unique_id, &id);
	} else if (type->tp_flags & TPFLAGS_DICT_SUBCLASS) {
		(void)value_field(&decoder->objects, address, FIELD_PyDictObject__ma_watcher_tag, &id);
		id >>= DICT_ID_SHIFT;
	} else if (type->address == decoder->context->runtime->symbols[SYMBOL_PyCode_Type]) {
		(void)value_field(&decoder->objects, address, FIELD_PyCodeObject__co_unique_id, &id);
	}
	return id;
}

/* What the threads count. */
static void add_threads(struct decoder *decoder, uint64_t id, struct reference_count *count)
{
	const struct runtime *runtime = decoder->context->runtime;
	/* Each interpreter numbers its own objects, and an object does not say whose it is. */
	count->is_known = runtime->interpreters.count == 1;
	for (size_t i = 0; count->is_known && i < runtime->threads.count; i++) {
		uint64_t thread = runtime->threads.items[i].address, values, size, value;
		if (!value_field(&decoder->objects, thread, FIELD__PyThreadStateImpl_refcounts_values, &values) ||
		    !value_field(&decoder->objects, thread, FIELD__PyThreadStateImpl_refcounts_size, &size)) {
			count->is_known = false;
			return;
		}
		if (values == 0 || id > size)
			continue;
		if (reader_u64(&decoder->reader, values + 8 * (id - 1), &value))
			count->count += (int64_t)value;
		else
			count->is_known = false;
	}
}

static void read_free_threaded(struct decoder *decoder, uint64_t address, const uint8_t *head,
                               struct reference_count *count)
{
	const struct layout *layout = decoder->layout;
	const uint64_t local = layout_get(layout, FIELD_PyObject_ob_ref_local, head);
	const int64_t shared = (int64_t)layout_get(layout, FIELD_PyObject_ob_ref_shared, head);
	count->count = (int64_t)local + (shared >> SHARED_FLAG_BITS);
	count->is_immortal = local == UINT32_MAX;
	count->is_deferred = (layout_get(layout, FIELD_PyObject_ob_gc_bits, head) & GC_BITS_DEFERRED) != 0;
	if (count->is_immortal)
		return;
	if (count->is_deferred)
		count->count -= count->count >= raised_by ? raised_by : 1;
	const uint64_t id = unique_id(decoder, address, head);
	if (id != 0)
		add_threads(decoder, id, count);
}

void reference_count_at(struct decoder *decoder, uint64_t address, const uint8_t *head,
                        struct reference_count *ret_count)
{
	const struct layout *layout = decoder->layout;
	*ret_count = (struct reference_count){ .is_known = true };
	if (layout_feature(layout, FEATURE_FREE_THREADED)) {
		read_free_threaded(decoder, address, head, ret_count);
		return;
	}
	ret_count->count = (int64_t)layout_get(layout, FIELD_PyObject_ob_refcnt, head);
	if (layout_feature(layout, FEATURE_IMMORTAL)) {
		/* The sign bit of the low half says immortal; references that are counted have no more bits. */
		ret_count->is_immortal = (int32_t)(uint32_t)ret_count->count < 0;
		ret_count->count &= UINT32_MAX;
	}
}

bool reference_count_read(struct decoder *decoder, uint64_t address, struct reference_count *ret_count)
{
	const uint32_t head_bytes = decoder->layout->struct_bytes[STRUCT_PyObject];
	const uint8_t *head = head_bytes > 0 ? reader_at(&decoder->reader, address, head_bytes) : NULL;
	*ret_count = (struct reference_count){ .is_known = true };
	if (head == NULL)
		return false;
	reference_count_at(decoder, address, head, ret_count);
	return true;
}
