/* SPDX-License-Identifier: MIT
 * features: which meanings hold in this Python. A feature that shows in the fields is taken from them, so that a
 * vendor's back port counts; the rest follows from the version. */
#include "layout/layout.h"

static bool since(const struct layout *layout, unsigned minor)
{
	return layout->version.hex >= (UINT32_C(3) << 24 | minor << 16);
}

static bool is_minor(const struct layout *layout, unsigned minor)
{
	return layout->version.hex >> 16 == (UINT32_C(3) << 8 | minor);
}

static bool since_patch(const struct layout *layout, unsigned minor, unsigned patch)
{
	return layout->version.hex >= (UINT32_C(3) << 24 | minor << 16 | patch << 8);
}

static const uint32_t debian_13_5 = UINT32_C(0x030d05f0);

bool layout_depends_on_build_date(const struct python_version *version)
{
	return version->hex == debian_13_5;
}

/* Debian 13 has the fix of gh-130327 since 3.13.5-2+deb13u3 of June 2026. Its generations are where no other vendor's
 * are (builtin_layouts.c). */
static bool has_debian_fix_of_managed_dict(const struct layout *layout)
{
	return layout->version.hex == debian_13_5 && layout->version.built >= 20260613 &&
	       layout_offset(layout, FIELD__gc_runtime_state_generations) == 20;
}

static void compute_object_features(struct layout *layout)
{
	bool *features = layout->features;
	bool free_threaded = layout->version.is_free_threaded || layout_has(layout, FIELD_PyObject_ob_tid);

	features[FEATURE_FREE_THREADED] = free_threaded;
	features[FEATURE_GC_PRESIZE_BY_OBJECT] = !since(layout, 11);
	features[FEATURE_PRESIZE_SKIPS_STATIC_TYPES] = since(layout, 13);
	features[FEATURE_MANAGED_DICT] = since(layout, 11);
	features[FEATURE_VALUES_POINTER_IN_PREHEADER] = is_minor(layout, 11);
	features[FEATURE_TAGGED_DICT_OR_VALUES] = is_minor(layout, 12);
	features[FEATURE_MANAGED_WEAKREF] = since(layout, 12);
	/* PyDictValues knows that it is part of an object only where it can be. */
	features[FEATURE_INLINE_VALUES] = layout_has(layout, FIELD_PyDictValues_embedded);
	features[FEATURE_MANAGED_DICT_VISITED_FIRST] =
	        (since_patch(layout, 13, 13) && (!is_minor(layout, 14) || since_patch(layout, 14, 4))) ||
	        has_debian_fix_of_managed_dict(layout);
	features[FEATURE_SPLIT_DICT_VALUES_COUNTED_BY_USABLE] = since(layout, 11);
	features[FEATURE_COMPACT_INT] = layout_has(layout, FIELD_PyLongObject_lv_tag);
	features[FEATURE_INT_SIZEOF_AT_LEAST_ONE_DIGIT] = since(layout, 11);
	features[FEATURE_INT_SIZEOF_BY_TYPE] = since(layout, 12);
	features[FEATURE_IMMORTAL] = since(layout, 12);
	features[FEATURE_REFCOUNT_32] = !free_threaded && layout_has(layout, FIELD_PyObject_ob_overflow);
	features[FEATURE_HEAP_TYPE_OWNED] = since(layout, 8);
	features[FEATURE_HEAP_TYPE_VISITED] = since(layout, 9);
}

void layout_compute_features(struct layout *layout)
{
	(void)layout_check(layout);
	bool *features = layout->features;
	compute_object_features(layout);
	features[FEATURE_STATIC_BUILTIN_STATE] = since(layout, 12);
	features[FEATURE_INTERPRETER_FRAMES] = layout_has(layout, FIELD__PyInterpreterFrame_localsplus);
	features[FEATURE_FRAME_EXECUTABLE] = since(layout, 13);
	features[FEATURE_TAGGED_STACK_REFS] = since(layout, 14);
	features[FEATURE_LIST_SIZE_BY_ARRAY] = features[FEATURE_FREE_THREADED] && since(layout, 14);
	features[FEATURE_FRAME_STATES_FROM_ZERO] = since(layout, 15);
	features[FEATURE_YIELD_FROM_IN_FRAME_STATE] = since(layout, 13);
	features[FEATURE_SUSPENDED_FRAMES_VISITED] = since(layout, 15);
	features[FEATURE_TYPING_NAMES_VISITED] = layout->version.hex >= UINT32_C(0x030e0100) ||
	                                         (is_minor(layout, 13) && layout->version.hex >= UINT32_C(0x030d0a00));
	features[FEATURE_SSL_CONTEXT_VISITED] = layout->version.hex >= UINT32_C(0x030d0100);
	features[FEATURE_CLEARED_GENERATOR_VISITS_CODE] = since(layout, 14);
	features[FEATURE_PICKLE_MEMO_VISITED] = layout->version.hex >= UINT32_C(0x030c0100) ||
	                                        (is_minor(layout, 11) && layout->version.hex >= UINT32_C(0x030b0700));
	features[FEATURE_LARGE_POOLS] = since(layout, 10);
	features[FEATURE_EXPAT_CAPSULE_VISITED] = since_patch(layout, 12, 3);
	features[FEATURE_PROFILER_TIMER_VISITED] = since_patch(layout, 12, 5);
	features[FEATURE_CURSES_PANEL_TYPE_VISITED] = since(layout, 10);
	features[FEATURE_NEW_TYPES_VISITED] =
	        since_patch(layout, 14, 10) && (!is_minor(layout, 15) || since_patch(layout, 15, 2));
	features[FEATURE_PROFILER_MISSING_VISITED] = since(layout, 15);
	features[FEATURE_SIMPLE_QUEUE_SIZEOF] = since(layout, 15);
	features[FEATURE_TRACED_FILES_ARE_BYTES] = since(layout, 15);
	features[FEATURE_INCREMENTAL_GC] =
	        layout_has(layout, FIELD__gc_runtime_state_young) && layout_has(layout, FIELD__gc_runtime_state_old);
}
