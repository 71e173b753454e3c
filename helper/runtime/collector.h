/* SPDX-License-Identifier: MIT
 * collector: how the cyclic collector of an interpreter is set: what gc.isenabled(), gc.get_threshold(),
 * gc.get_count(), gc.get_debug() and len(gc.garbage) would say. */
#ifndef PYDS_RUNTIME_COLLECTOR_H
#define PYDS_RUNTIME_COLLECTOR_H

#include "runtime/gc_lists.h"

struct collector {
	uint64_t interpreter; /* PyInterpreterState */
	bool is_known; /* false: nothing below is */
	bool is_enabled, is_collecting;
	bool has_thresholds; /* thresholds and counts are known */
	int64_t thresholds[GC_GENERATIONS - 1]; /* of generation 0: 0 means never by itself */
	int64_t counts[GC_GENERATIONS - 1];
	int64_t debug; /* 0 where unknown */
	uint64_t garbage_list; /* objects in gc.garbage */
};

/* Fields of struct _gc_runtime_state, Include/internal/pycore_mem.h (3.8) to pycore_interp_structs.h (3.15). */
void collector_read(const struct runtime *runtime, struct reader *reader, uint64_t interpreter,
                    struct collector *ret_collector);

#endif
