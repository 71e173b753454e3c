/* SPDX-License-Identifier: MIT
 * Growable arrays: ARRAY(struct x) declares one; zero-initialised is empty. */
#ifndef PYDS_BASE_ARRAY_H
#define PYDS_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY(type)                                                                                                    \
	struct {                                                                                                       \
		type *items;                                                                                           \
		size_t count;                                                                                          \
		size_t capacity;                                                                                       \
	}

/* Makes room for `wanted` items in all; false when memory is out or the byte count would wrap, and
 * then nothing has changed. Growth is geometric. */
bool array_grow(void **items, size_t *capacity, size_t item_bytes, size_t wanted);

#define array_reserve(array, wanted)                                                                                   \
	((size_t)(wanted) <= (array)->capacity ||                                                                      \
	 array_grow((void **)&(array)->items, &(array)->capacity, sizeof *(array)->items, (wanted)))

/* Appends; the value of the expression is false when memory is out. */
#define array_push(array, ...)                                                                                         \
	(array_reserve((array), (array)->count + 1) && (((array)->items[(array)->count++] = (__VA_ARGS__)), true))

/* Index of the first item whose member is not less than value, the count where there is none; items are sorted by it.
 */
#define array_first_not_below(array, member, value)                                                                    \
	({                                                                                                             \
		size_t array_low = 0, array_high = (array)->count;                                                     \
		while (array_low < array_high) {                                                                       \
			const size_t array_middle = array_low + (array_high - array_low) / 2;                          \
			if ((array)->items[array_middle].member < (value))                                             \
				array_low = array_middle + 1;                                                          \
			else                                                                                           \
				array_high = array_middle;                                                             \
		}                                                                                                      \
		array_low;                                                                                             \
	})

/* Gives back what lies behind the last item, where the allocator can. */
#define array_shrink(array)                                                                                            \
	do {                                                                                                           \
		if ((array)->count == 0) {                                                                             \
			array_free(array);                                                                             \
		} else if ((array)->count < (array)->capacity) {                                                       \
			void *array_less = realloc((array)->items, (array)->count * sizeof *(array)->items);           \
			if (array_less != NULL) {                                                                      \
				(array)->items = array_less;                                                           \
				(array)->capacity = (array)->count;                                                    \
			}                                                                                              \
		}                                                                                                      \
	} while (0)

#define array_free(array)                                                                                              \
	do {                                                                                                           \
		free((array)->items);                                                                                  \
		(array)->items = NULL;                                                                                 \
		(array)->count = (array)->capacity = 0;                                                                \
	} while (0)

#endif
