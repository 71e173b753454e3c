/* SPDX-License-Identifier: MIT */
#include "runtime/data_stack.h"

#include "base/limits.h"
#include "runtime/find/opening.h"

typedef ARRAY(uint64_t) chunk_array;

enum { LIMIT_CHUNKS = 1 << 16, STACK_REF_TAGS = 3 };

struct walk {
	const struct runtime *runtime;
	struct reader *reader;
	uint64_t end; /* the frame that it ends before */
	frame_addresses *frames;
	bool is_at_end, no_memory;
};

static bool word(const struct walk *walk, uint64_t address, enum layout_field field, uint64_t *ret_word)
{
	return read_field(walk->reader, &walk->runtime->layout, address, field, ret_word);
}

/* co_framesize, or what it is computed of where the code does not keep it (3.11). */
static bool frame_words(const struct walk *walk, uint64_t code, uint64_t least, uint64_t *ret_words)
{
	uint64_t slots, stack;
	if (word(walk, code, FIELD_PyCodeObject_co_framesize, ret_words))
		return true;
	if (!word(walk, code, FIELD_PyCodeObject_co_nlocalsplus, &slots) ||
	    !word(walk, code, FIELD_PyCodeObject_co_stacksize, &stack) || slots > LIMIT_FRAME_SLOTS ||
	    stack > LIMIT_FRAME_SLOTS)
		return false;
	*ret_words = least + slots + stack;
	return true;
}

/* Bytes that a frame takes; 0: it is none. */
static uint64_t frame_bytes(const struct walk *walk, uint64_t frame)
{
	uint64_t code, words;
	if (!word(walk, frame, FIELD__PyInterpreterFrame_f_executable, &code))
		return 0;
	if (layout_feature(&walk->runtime->layout, FEATURE_TAGGED_STACK_REFS))
		code &= ~(uint64_t)STACK_REF_TAGS;
	const uint64_t least = layout_offset(&walk->runtime->layout, FIELD__PyInterpreterFrame_localsplus) / 8;
	if (code == 0 || !frame_words(walk, code, least, &words) || words < least || words > least + LIMIT_FRAME_SLOTS)
		return 0;
	return 8 * words;
}

/* False: what is there is not one frame behind the other up to `stop`. */
static bool walk_chunk(struct walk *walk, uint64_t at, uint64_t stop)
{
	while (at < stop && at != walk->end) {
		const uint64_t bytes = frame_bytes(walk, at);
		if (bytes == 0 || walk->frames->count == LIMIT_FRAMES)
			return false;
		walk->no_memory = !array_push(walk->frames, at);
		if (walk->no_memory)
			return false;
		at += bytes;
	}
	walk->is_at_end = at == walk->end;
	return at == stop || walk->is_at_end;
}

/* The chunks, the thread's own first. False: out of memory, or they cannot be read. */
static bool list_chunks(struct walk *walk, uint64_t chunk, chunk_array *chunks)
{
	while (chunk != 0) {
		if (chunks->count == LIMIT_CHUNKS)
			return false;
		walk->no_memory = !array_push(chunks, chunk);
		if (walk->no_memory || !word(walk, chunk, FIELD__PyStackChunk_previous, &chunk))
			return false;
	}
	return true;
}

static bool walk_chunks(struct walk *walk, uint64_t thread, const chunk_array *chunks)
{
	const uint64_t data = layout_offset(&walk->runtime->layout, FIELD__PyStackChunk_data);
	uint64_t top;
	for (size_t i = chunks->count; i-- > 0;) {
		const uint64_t chunk = chunks->items[i];
		/* Of the first chunk the first word is never used. */
		const uint64_t start = chunk + data + (i + 1 == chunks->count ? 8 : 0);
		if (!word(walk, i == 0 ? thread : chunk,
		          i == 0 ? FIELD_PyThreadState_datastack_top : FIELD__PyStackChunk_top, &top) ||
		    !walk_chunk(walk, start, i == 0 ? top : chunk + data + 8 * top))
			return false;
		if (walk->is_at_end)
			return true;
	}
	return walk->end == 0;
}

bool data_stack_read(const struct runtime *runtime, const struct python_thread *thread, struct reader *reader,
                     uint64_t end, frame_addresses *frames)
{
	struct walk walk = { .runtime = runtime, .reader = reader, .end = end, .frames = frames };
	chunk_array chunks = { .items = NULL };
	uint64_t chunk;
	frames->count = 0;
	if (!word(&walk, thread->address, FIELD_PyThreadState_datastack_chunk, &chunk) ||
	    !list_chunks(&walk, chunk, &chunks) || !walk_chunks(&walk, thread->address, &chunks))
		frames->count = 0;
	array_free(&chunks);
	return !walk.no_memory;
}
