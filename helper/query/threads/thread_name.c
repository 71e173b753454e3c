/* SPDX-License-Identifier: MIT */
#include "query/threads/thread_name.h"

#include "base/limits.h"
#include "object/value.h"

void thread_name(struct decoder *decoder, const struct python_thread *thread, struct text *name)
{
	const struct runtime *runtime = decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct dict_cursor cursor;
		uint64_t key, object;
		int64_t number;
		if (runtime->interpreters.items[i].address != thread->interpreter)
			continue;
		const uint64_t module =
		        dict_get_str(&decoder->objects, runtime->interpreters.items[i].modules, "threading");
		const uint64_t active = module != 0 ? value_attribute(&decoder->objects, module, "_active") : 0;
		if (active == 0 || !dict_cursor_open(&cursor, &decoder->objects, active))
			continue;
		while (dict_cursor_next(&cursor, &key, &object))
			if (value_int(&decoder->objects, key, &number) && (uint64_t)number == thread->thread_id) {
				(void)value_str(&decoder->objects, value_attribute(&decoder->objects, object, "_name"),
				                LIMIT_STRING_SHOWN, name);
				return;
			}
	}
}
