/* SPDX-License-Identifier: MIT
 * frame_list: the Python frames of one thread. A recursion has a million of them that differ in where they are and in
 * nothing else: what they have in common is kept once, as their form, and a frame is put together when it is asked for.
 */
#ifndef PYDS_RUNTIME_FRAME_LIST_H
#define PYDS_RUNTIME_FRAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

enum {
	FRAME_OWNED_BY_THREAD = 0,
	FRAME_OWNED_BY_GENERATOR = 1
}; /* Include/internal/pycore_frame.h, enum _frameowner */

/* One Python frame. Slot i of the fast locals is the word at localsplus + 8*i. */
struct python_frame {
	uint64_t address; /* _PyInterpreterFrame (3.11+) or PyFrameObject */
	uint64_t frame_object; /* PyFrameObject; 0 when never asked for */
	uint64_t code; /* PyCodeObject */
	uint64_t globals, builtins, locals; /* dicts or mappings; locals of an optimised function: 0, or (up to 3.12)
	                                       the snapshot that locals() made last */
	uint64_t function; /* 3.11+: PyFunctionObject; 0 otherwise */
	uint64_t localsplus;
	uint32_t slot_count; /* named fast locals, cells and free variables */
	uint64_t last_instruction; /* 3.11+: address of the last _Py_CODEUNIT begun; up to 3.10: byte offset f_lasti*2
	                              or f_lasti; ~0 before the first */
	bool last_instruction_is_address;
	uint8_t owner; /* 3.11+: enum _frameowner */
	bool ends_call; /* the oldest frame of one call of _PyEval_EvalFrameDefault, which runs several since 3.11 */
	uint64_t stack; /* address of the evaluation stack; 0: unknown */
	uint32_t stack_size; /* words that it may take */
	int32_t stack_depth; /* words in use; -1: only the interpreter's registers know, as while the frame executes */
};

/* A frame beside its form. */
struct frame_place {
	uint64_t address;
	uint32_t form; /* index in forms */
	int32_t stack_depth : 31;
	uint32_t ends_call : 1;
};

/* Zero-initialised is empty. Most recent first. */
struct frame_list {
	struct frame_place *places;
	size_t count, capacity;
	/* Each is the first frame of its form. All frames of a form have the same words from their address up to the
	 * locals, but for the caller's address and the stack pointer. */
	ARRAY(struct python_frame) forms;
};

void frame_list_clear(struct frame_list *frames);

/* Makes room for `more` frames; false: out of memory. */
bool frame_list_reserve(struct frame_list *frames, size_t more);
/* Appends a frame of a form of its own, of that of the frame at hand; false: out of memory. There must be room. */
bool frame_list_push(struct frame_list *frames, const struct python_frame *frame);
void frame_list_push_alike(struct frame_list *frames, uint32_t form, uint64_t address, int32_t stack_depth);

/* index is below count in all of these. */
static inline struct python_frame frame_list_at(const struct frame_list *frames, size_t index)
{
	const struct frame_place *place = &frames->places[index];
	struct python_frame frame = frames->forms.items[place->form];
	const uint64_t moved = place->address - frame.address;
	frame.address = place->address;
	frame.localsplus += moved;
	frame.stack += frame.stack != 0 ? moved : 0;
	frame.stack_depth = place->stack_depth;
	frame.ends_call = place->ends_call;
	return frame;
}

/* What the frame has in common with others of its form; of another place as a rule. */
static inline const struct python_frame *frame_list_form(const struct frame_list *frames, size_t index)
{
	return &frames->forms.items[frames->places[index].form];
}

static inline uint64_t frame_list_code(const struct frame_list *frames, size_t index)
{
	return frame_list_form(frames, index)->code;
}

#endif
