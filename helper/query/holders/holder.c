/* SPDX-License-Identifier: MIT */
#include "base/path.h"
#include "query/holders/holder.h"

#include <inttypes.h>
#include <string.h>

const char *holder_kind_name(enum holder_kind kind)
{
	static const char *const names[] = { [HOLDER_PROCESS] = "process",
		                             [HOLDER_INTERPRETER] = "interpreter",
		                             [HOLDER_THREAD] = "thread",
		                             [HOLDER_FRAME] = "frame",
		                             [HOLDER_STATIC] = "static",
		                             [HOLDER_RUNTIME] = "runtime",
		                             [HOLDER_C] = "c" };
	return names[kind];
}

/* "render() report.py:88" */
void holder_say(const struct references *references, uint32_t index, struct text *text)
{
	const struct runtime *runtime = references->decoder->context->runtime;
	const struct holders *holders = &references->heap->graph->roots.holders;
	const struct holder holder = holders_at(holders, index);
	struct python_frame frame;
	switch (holder.kind) {
	case HOLDER_PROCESS:
		text_add(text, "process");
		break;
	case HOLDER_INTERPRETER:
		for (size_t i = 0; i < runtime->interpreters.count; i++)
			if (runtime->interpreters.items[i].address == holder.address)
				text_format(text, "interpreter %" PRId64, runtime->interpreters.items[i].id);
		break;
	case HOLDER_THREAD:
		text_format(text, "thread %" PRIu64, runtime->threads.items[holder.thread].native_id);
		break;
	case HOLDER_FRAME:
		frame = holders_frame(holders, index);
		names_place(references->decoder, &frame, text);
		break;
	case HOLDER_STATIC: {
		const char *path = references->decoder->reader.space->files.items[holder.file].path;
		const char *base = path_base_name(path);
		text_add(text, "static memory of ");
		names_escape(text, base, strlen(base), false);
		break;
	}
	case HOLDER_RUNTIME:
		text_add(text, "static memory");
		break;
	case HOLDER_C:
		text_add(text, "held from C");
		break;
	}
}
