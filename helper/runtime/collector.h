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

/* What gc.get_stats() says of one generation: sums since the process began. */
struct collector_totals {
	int64_t collections, collected, uncollectable;
};

/* One collection that the process remembers (3.15+). */
struct collection {
	int32_t generation;
	int64_t number; /* of this generation, counted from 1 */
	int64_t started; /* ns of the process's monotonic clock */
	int64_t heap_size; /* objects when it began */
	double seconds; /* all collections of the generation up to this one took */
};

enum { COLLECTIONS_REMEMBERED = 11 + 3 + 3 }; /* GC_YOUNG_STATS_SIZE, twice GC_OLD_STATS_SIZE */

struct collector_history {
	bool has_totals; /* 3.8 to 3.14 in the state of the collector, since 3.15 in a block of its own */
	struct collector_totals totals[GC_GENERATIONS - 1];
	struct collection last[COLLECTIONS_REMEMBERED]; /* of each generation the latest last */
	uint32_t last_count;
	bool frozen_is_known;
	uint64_t frozen; /* objects of gc.freeze() */
	bool frozen_is_more; /* counting ended before they did */
};

/* How many of them are counted, in free-threaded builds of all objects: the first look at a process is to take
 * milliseconds. */
enum { FROZEN_COUNTED = 1 << 16 };

/* In free-threaded builds a bit of each object says whether it is frozen (allocator/tracked_objects.h): these are not
 * counted here. */
void collector_history_read(const struct runtime *runtime, struct reader *reader, uint64_t interpreter,
                            struct collector_history *ret_history);

#endif
