/* SPDX-License-Identifier: MIT
 * A greenlet keeps a C++ object (src/greenlet/TGreenlet.hpp, greenlet 2.0 and later): who it is, its exception, its
 * arguments, its saved C stack, and the part of the thread state that it had when it was switched away from. Its
 * members follow each other in the order of the header; those in the middle differ by the Python it was built for, so
 * what comes after them is looked for: a greenlet's parent, which is one too, behind a chunk of the data stack that
 * says its size.
 *
 * The frames of a suspended greenlet are on no thread's chain. Their links were made whole when it was switched away
 * from (expose_frames()), so that none leads through the C stack. */
#include "decode/object_head.h"
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/foreign.h"
#include "decode/types/interpreter_frame.h"

enum {
	/* Of the C++ object: its table of functions, then its Python object, then exception_state with exc_info. */
	IMPL_SELF = 8,
	IMPL_EXC_STATE = 24,
	/* From the end of exc_state on. */
	ARGS = 0,
	KWARGS = 8,
	STACK_START = 16, /* 0: not started, or ended */
	STACK_STOP = 24,
	STACK_COPY = 32,
	STACK_SAVED = 40,
	CONTEXT = 56,
	TOP_FRAME = 64,
	REST = 72,
	LONGEST_REST = 128, /* 8 for Python 3.8, 104 for a free-threaded 3.14 */
	/* Words before the end of the thread state's part, where there are frames of the interpreter's own. */
	CHUNK_BEFORE_END = 24,
	LIMIT_BEFORE_END = 8,
	OWNED_BY_THREAD = 0, /* FRAME_OWNED_BY_THREAD */
	USER_BYTES = 24, /* main_greenlet, run_callable, parent */
};

static bool read_word(struct decoder *decoder, uint64_t address, uint64_t *ret_word)
{
	return reader_u64(&decoder->reader, address, ret_word);
}

static bool is_greenlet(struct decoder *decoder, uint64_t address)
{
	struct object_head head = decode_head(decoder, address);
	const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
	return type != NULL && type->foreign != NULL && type->foreign->places[PLACE_greenlet_pimpl].size != 0;
}

enum stack_state {
	STACK_NONE, /* not started, or ended */
	STACK_OF_THREAD, /* a thread's main greenlet */
	STACK_OWN, /* running or suspended */
};

static enum stack_state stack_state(struct decoder *decoder, uint64_t base)
{
	uint64_t start, stop;
	if (!read_word(decoder, base + STACK_START, &start) || !read_word(decoder, base + STACK_STOP, &stop))
		return STACK_NONE;
	if (stop == UINT64_MAX)
		return STACK_OF_THREAD;
	return start != 0 ? STACK_OWN : STACK_NONE;
}

static void emit_reference(struct decoder *decoder, uint64_t address, const char *const *name, uint32_t flags)
{
	const uint8_t *slot = reader_at(&decoder->reader, address, 8);
	if (slot != NULL)
		emit_slot(decoder, address, slot, name, flags);
}

/* A chunk of the data stack says how long it is, and the thread state where it ends. */
static bool chunk_is_whole(struct decoder *decoder, uint64_t end)
{
	uint64_t chunk, limit, bytes;
	if (!read_word(decoder, end - CHUNK_BEFORE_END, &chunk) || !read_word(decoder, end - LIMIT_BEFORE_END, &limit))
		return false;
	if (chunk == 0)
		return limit == 0;
	return read_word(decoder, chunk + layout_offset(decoder->layout, FIELD__PyStackChunk_size), &bytes) &&
	       bytes <= INT64_MAX && limit == chunk + bytes;
}

/* Not in greenlets built for free-threaded Pythons from 3.14 on, nor for 3.15. */
static bool type_asks(struct decoder *decoder, const struct type_info *type)
{
	uint64_t function = 0;
	return !read_word(decoder, type->address + layout_offset(decoder->layout, FIELD_PyTypeObject_tp_is_gc),
	                  &function) ||
	       function != 0;
}

/* Where main_greenlet, run_callable and parent are; 0: not found, which leaves them out. */
static uint64_t find_user_part(struct decoder *decoder, uint64_t rest)
{
	bool has_frames = layout_feature(decoder->layout, FEATURE_INTERPRETER_FRAMES);
	for (uint64_t at = rest + 8; at <= rest + LONGEST_REST; at += 8) {
		uint64_t main, parent;
		if (read_word(decoder, at, &main) && read_word(decoder, at + 16, &parent) && parent != 0 &&
		    is_greenlet(decoder, parent) && (main == 0 || is_greenlet(decoder, main)) &&
		    (!has_frames || (at >= rest + 32 && chunk_is_whole(decoder, at))))
			return at;
	}
	return 0;
}

/* The frames on its part of the data stack. A generator's are its own. */
static void emit_frames(struct decoder *decoder, uint64_t top_frame, uint32_t flags)
{
	const struct layout *layout = decoder->layout;
	uint32_t head_bytes = layout_offset(layout, FIELD__PyInterpreterFrame_localsplus);
	uint64_t frame = 0, anchor = 0;
	if (!read_word(decoder, top_frame + layout_offset(layout, FIELD_PyFrameObject_f_frame), &frame))
		frame = 0;
	for (uint64_t i = 0; frame != 0 && i < LIMIT_FRAMES; i++) {
		const struct body head = body_at(&decoder->reader, frame, head_bytes);
		/* A frame that was passed is a cycle: the anchor moves at every power of two. */
		if (head.bytes == NULL || frame == anchor) {
			flag_object(decoder, DECODED_CORRUPT, "its frames cannot be followed to their end");
			return;
		}
		if ((i & (i + 1)) == 0)
			anchor = frame;
		struct frame_slots slots;
		uint64_t code = interpreter_frame_code(decoder, frame);
		if (body_field(layout, FIELD__PyInterpreterFrame_owner, head) == OWNED_BY_THREAD && code != 0 &&
		    code_frame_slots(decoder, code, &slots))
			emit_interpreter_frame(decoder, frame, code, &slots, flags);
		frame = body_u64(decoder, FIELD__PyInterpreterFrame_previous, head);
	}
}

/* Memory: the C++ object, the copy of the C stack, chunks of the data stack. */
static void emit_memory(struct decoder *decoder, uint64_t impl, uint64_t base, uint64_t user)
{
	uint64_t copy, saved, chunk = 0;
	if (user != 0)
		emit_block(decoder, impl, user + USER_BYTES - impl, "greenlet state", 0);
	if (read_word(decoder, base + STACK_COPY, &copy) && read_word(decoder, base + STACK_SAVED, &saved) &&
	    copy != 0 && saved != 0 && saved <= INT64_MAX)
		emit_block(decoder, copy, saved, "saved C stack", 0);
	if (user == 0 || !layout_feature(decoder->layout, FEATURE_INTERPRETER_FRAMES) ||
	    !read_word(decoder, user - CHUNK_BEFORE_END, &chunk))
		return;
	for (unsigned i = 0; chunk != 0 && i < LIMIT_TYPE_CHAIN; i++) {
		uint64_t bytes;
		if (!read_word(decoder, chunk + layout_offset(decoder->layout, FIELD__PyStackChunk_size), &bytes) ||
		    bytes > INT64_MAX)
			return;
		emit_block(decoder, chunk, bytes, "data stack", 0);
		if (!read_word(decoder, chunk + layout_offset(decoder->layout, FIELD__PyStackChunk_previous), &chunk))
			return;
	}
}

void decode_greenlet(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	static const char *const exception_names[] = { ".exc_type", ".exc_value", ".exc_traceback" };
	static const enum layout_field exception_fields[] = {
		FIELD__PyErr_StackItem_exc_type,
		FIELD__PyErr_StackItem_exc_value,
		FIELD__PyErr_StackItem_exc_traceback,
	};
	static const char *const names[] = { ".args", ".kwargs", ".gr_context", ".gr_frame" };
	static const char *const user_names[] = { ".main_greenlet", ".run", ".parent" };
	const struct layout *layout = decoder->layout;
	uint64_t impl = foreign_u64(decoder, type->foreign, PLACE_greenlet_pimpl, body), self = 0, top_frame = 0;
	uint32_t dict;

	uint64_t base = impl + IMPL_EXC_STATE + layout->struct_bytes[STRUCT__PyErr_StackItem];
	bool is_known = impl != 0 && read_word(decoder, impl + IMPL_SELF, &self) && self == address;
	enum stack_state state = is_known ? stack_state(decoder, base) : STACK_NONE;
	/* With a C stack of its own it is no object of the collector's, where its type asks (green_is_gc()).
	 * gc.get_referents() then lists nothing of it, and where getsizeof asks the object it has no GC head. */
	uint32_t flags = state == STACK_OWN && type_asks(decoder, type) ? RUN_HIDDEN : 0;
	if (flags != 0 && layout_feature(layout, FEATURE_GC_PRESIZE_BY_OBJECT))
		decoder->out.presize = 0;
	/* The generic rule, for a type in C below this one, has the dict already. */
	if (type->decode == decode_greenlet && foreign_offset(decoder, type->foreign, PLACE_greenlet_dict, &dict))
		emit_run(decoder, address + dict, 1,
		         (struct run_kind){ .stride = 8, .label = LABEL_DICT, .flags = RUN_DICT | flags });
	if (impl == 0)
		return;
	if (!is_known) {
		flag_object(decoder, DECODED_APPROXIMATE, "the state of this greenlet is not where it was expected");
		return;
	}
	for (size_t i = 0; i < sizeof exception_fields / sizeof exception_fields[0]; i++)
		if (layout_has(layout, exception_fields[i]))
			emit_reference(decoder, impl + IMPL_EXC_STATE + layout_offset(layout, exception_fields[i]),
			               &exception_names[i], flags);
	emit_reference(decoder, base + ARGS, &names[0], RUN_HIDDEN);
	emit_reference(decoder, base + KWARGS, &names[1], RUN_HIDDEN);
	emit_reference(decoder, base + CONTEXT, &names[2], flags);
	emit_reference(decoder, base + TOP_FRAME, &names[3], RUN_HIDDEN);
	/* A thread's main greenlet is of another C++ class, and refers to nothing more. */
	uint64_t user = state != STACK_OF_THREAD ? find_user_part(decoder, base + REST) : 0;
	for (uint32_t i = 0; user != 0 && i < USER_BYTES / 8; i++)
		emit_reference(decoder, user + 8 * i, &user_names[i], flags);
	if (layout_feature(layout, FEATURE_INTERPRETER_FRAMES) && read_word(decoder, base + TOP_FRAME, &top_frame) &&
	    top_frame != 0)
		emit_frames(decoder, top_frame,
		            layout_feature(layout, FEATURE_SUSPENDED_FRAMES_VISITED) ? flags : RUN_HIDDEN);
	emit_memory(decoder, impl, base, user);
}
