/* SPDX-License-Identifier: MIT */
#include "graph/doubtful.h"

#include <string.h>

#include "decode/allocated.h"
#include "decode/reference_count.h"
#include "allocator/mimalloc.h"
#include "object/value.h"

enum {
	LEAST_ADDRESS = 1 << 16, /* below it nothing is mapped (vm.mmap_min_addr) */
	INTERNED_LEAST = 32, /* entries of the dict of interned strings: the interpreter's own names are hundreds */
};

/* Freed memory keeps the type of what was there: its count is 0, or half of a pointer that a free list put there
 * (Objects/obmalloc.c, Include/internal/pycore_freelist.h). And a struct of C that holds two pointers, the second one
 * to a type, looks like an object: no count is an address but by chance. */
static bool has_sane_count(struct decoder *decoder, uint64_t address, const uint8_t *head)
{
	const struct layout *layout = decoder->layout;
	struct mimalloc_page page;
	struct reference_count count;
	if (layout_feature(layout, FEATURE_FREE_THREADED)) /* the first word is no count there: the allocator helps */
		return mimalloc_page_at(layout, &decoder->reader, address, &page) && page.heap != MIMALLOC_HEAP_MEM &&
		       reference_count_read(decoder, address, &count) && (count.is_immortal || count.count > 0);
	const uint64_t word = load_u64(head + layout_offset(layout, FIELD_PyObject_ob_refcnt));
	if (word >= LEAST_ADDRESS && word % 8 == 0 &&
	    address_space_state(decoder->reader.space, word) != MEMORY_UNMAPPED)
		return false;
	/* A chunk in a fast bin of glibc's keeps all but its first word, which is the next one's address in disguise
	 * (malloc/malloc.c PROTECT_PTR, 2.32). */
	const uint64_t link = word ^ address >> 12;
	if (link == 0 || (link >= LEAST_ADDRESS && link % 16 == 0 &&
	                  address_space_state(decoder->reader.space, link) != MEMORY_UNMAPPED))
		return false;
	if (layout_feature(layout, FEATURE_REFCOUNT_32))
		return (uint32_t)word != 0 && (word >> 32 & 0xffff) == 0;
	return word != 0 && word <= UINT32_MAX;
}

static bool is_alive(struct decoder *decoder, uint64_t address)
{
	const uint32_t head_bytes = decoder->layout->struct_bytes[STRUCT_PyObject];
	const uint8_t *head = head_bytes > 0 ? reader_at(&decoder->reader, address, head_bytes) : NULL;
	if (head == NULL || !has_sane_count(decoder, address, head))
		return false;
	const uint64_t type_address = layout_get(decoder->layout, FIELD_PyObject_ob_type, head);
	const uint8_t *type_head = type_address % 8 == 0 && type_address != 0
	                                   ? reader_at(&decoder->reader, type_address, head_bytes)
	                                   : NULL;
	if (type_head == NULL || value_type(&decoder->objects, address, NULL) == 0)
		return false;
	const struct type_info *type = decode_head_type(decoder, head);
	if (type == NULL || type->flags & TYPE_IS_WILD)
		return false;
	/* A dangling pointer can lead to what was an object: its allocator has given that block to somebody else. */
	const bool skip_blocks = decoder->skip_blocks;
	decoder->skip_blocks = false;
	bool is_object =
	        decode_object(decoder, address) && (decoder->out.flags & (DECODED_CORRUPT | DECODED_UNREADABLE)) == 0;
	if (is_object) {
		const struct allocation allocation = allocation_of_object(decoder);
		/* Where no allocator knows of a block, nothing tells an object from what is left of one. */
		is_object = !agreement_is_bad(allocation.agreement) && allocation.allocator != ALLOCATOR_UNKNOWN;
	}
	decoder->skip_blocks = skip_blocks;
	return is_object;
}

/* Up to 3.11 the dict of interned strings is a static variable without a symbol: the only dict whose keys are its
 * values. Neither is counted (Objects/unicodeobject.c PyUnicode_InternInPlace). */
static bool is_interned_dict(struct decoder *decoder, uint64_t address)
{
	struct dict_cursor cursor;
	uint64_t key, value, flags, count = 0;
	if (!layout_has(decoder->layout, FIELD_PyDictObject_ma_used) ||
	    !value_is(&decoder->objects, address, TPFLAGS_DICT_SUBCLASS))
		return false;
	if (!dict_cursor_open(&cursor, &decoder->objects, address))
		return false;
	while (count < INTERNED_LEAST && dict_cursor_next(&cursor, &key, &value)) {
		if (key != value || value_type(&decoder->objects, key, &flags) == 0 ||
		    !(flags & TPFLAGS_UNICODE_SUBCLASS))
			return false;
		count++;
	}
	return count == INTERNED_LEAST;
}

/* The object that a word may refer to; 0: none. */
static inline uint64_t candidate(const struct run *run, uint64_t slot)
{
	const uint64_t word = run_is_counted(run, slot) ? run_target(run, slot) : 0;
	return (word & 7) == 0 ? word : 0;
}

int doubtful_reach(struct roots *roots, struct decoder *decoder, const struct visited *visited,
                   doubtful_reach_function *reach, void *context)
{
	const bool seeks_interned = roots->interned.count == 0;
	for (size_t i = 0; i < roots->doubtful.count; i++) {
		const struct holder_run *doubtful = &roots->doubtful.items[i];
		const bool is_static = roots->holders.items[doubtful->holder].kind == HOLDER_STATIC;
		for (uint64_t slot = 0; slot < doubtful->run.count; slot++) {
			const uint64_t address = candidate(&doubtful->run, slot);
			const struct segment *segment = address != 0 ? reader_segment(&decoder->reader, address) : NULL;
			if (segment == NULL || segment->data == NULL ||
			    visited_has(visited, visited_place(visited, segment, address)) ||
			    !is_alive(decoder, address))
				continue;
			if (is_static && seeks_interned && is_interned_dict(decoder, address) &&
			    !roots_add_interned_dict(roots, address))
				return ERROR_NO_MEMORY;
			TRY(reach(context, address));
		}
	}
	return OK;
}

/* One slot of a doubtful run as a run of its own, or as one more slot of the last. */
static bool accept(struct roots *roots, const struct holder_run *doubtful, uint64_t slot)
{
	struct holder_run accepted = *doubtful;
	struct run *run = &accepted.run;
	struct holder_run *last = roots->accepted.count > 0 ? &roots->accepted.items[roots->accepted.count - 1] : NULL;
	run->slots += slot * run->stride;
	run->address += slot * run->stride;
	run->count = 1;
	if (run->label == LABEL_WORD)
		run->argument += slot * run->stride;
	else
		run->first_index += slot;
	if (last != NULL && last->holder == accepted.holder && last->run.label == run->label &&
	    last->run.address + last->run.count * run->stride == run->address) {
		last->run.count++;
		return true;
	}
	return array_push(&roots->accepted, accepted);
}

/* Puts the accepted runs among the others, which stay sorted by holder. */
static bool merge_accepted(struct roots *roots)
{
	const size_t count = roots->runs.count + roots->accepted.count, holders = roots->holders.count;
	struct holder_run *merged = malloc((count + 1) * sizeof *merged);
	size_t *next = calloc(holders + 1, sizeof *next);
	if (merged != NULL && next != NULL) {
		for (size_t i = 0; i < roots->runs.count; i++)
			next[roots->runs.items[i].holder + 1]++;
		for (size_t i = 0; i < roots->accepted.count; i++)
			next[roots->accepted.items[i].holder + 1]++;
		for (size_t i = 0; i < holders; i++)
			next[i + 1] += next[i];
		for (size_t i = 0; i < roots->runs.count; i++)
			merged[next[roots->runs.items[i].holder]++] = roots->runs.items[i];
		for (size_t i = 0; i < roots->accepted.count; i++)
			merged[next[roots->accepted.items[i].holder]++] = roots->accepted.items[i];
		free(roots->runs.items);
		roots->runs.items = merged;
		roots->runs.count = roots->runs.capacity = count;
		merged = NULL;
	}
	const bool is_done = merged == NULL && next != NULL;
	free(merged);
	free(next);
	array_free(&roots->accepted);
	return is_done;
}

static inline bool covers(const struct run *run, uint64_t address)
{
	return address >= run->address && address < run->address + run->count * run->stride;
}

/* Whether the word at that address was counted as what it is, or is another run's too: the main thread's state lies in
 * that of its interpreter, and that in static memory. before: of roots->doubtful, the runs already gone through. */
static bool is_known_word(const struct roots *roots, size_t before, uint64_t address)
{
	for (size_t i = 0; i < roots->runs.count; i++) {
		const struct holder_run *certain = &roots->runs.items[i];
		const enum holder_kind kind = roots->holders.items[certain->holder].kind;
		if ((kind == HOLDER_INTERPRETER || kind == HOLDER_THREAD) && covers(&certain->run, address))
			return true;
	}
	for (size_t i = 0; i < before; i++)
		if (covers(&roots->doubtful.items[i].run, address))
			return true;
	return false;
}

/* What variables of C code and the state of interpreters keep: names, numbers, classes, modules, functions. Other
 * things are likelier a frame's: the free lists of the interpreter have words of objects that were freed long ago,
 * where new ones may be by now. */
static bool is_kept_by_state(struct decoder *decoder, uint64_t address)
{
	const uint8_t *head = reader_at(&decoder->reader, address, decoder->layout->struct_bytes[STRUCT_PyObject]);
	const struct type_info *type = head != NULL ? decode_head_type(decoder, head) : NULL;
	return type != NULL &&
	       (type->flags & (TYPE_IS_LEAF | TYPE_IS_BOUNDARY) || strcmp(type->name, "function") == 0 ||
	        strcmp(type->name, "builtin_function_or_method") == 0);
}

enum pass { PASS_KEPT_BY_STATE, PASS_STACKS, PASS_STATE, PASS_COUNT };

static bool settle_run(struct roots *roots, struct decoder *decoder, const struct object_index *index,
                       const struct count_book *book, size_t number, enum pass pass)
{
	const struct holder_run *doubtful = &roots->doubtful.items[number];
	if ((doubtful->run.label == LABEL_STACK) != (pass == PASS_STACKS))
		return true;
	for (uint64_t slot = 0; slot < doubtful->run.count; slot++) {
		const uint64_t address = candidate(&doubtful->run, slot);
		const struct segment *segment = address != 0 ? reader_segment(&decoder->reader, address) : NULL;
		const uint32_t node = segment != NULL ? object_index_in(index, segment, address) : UINT32_MAX;
		if (node == UINT32_MAX || book->missing(book->context, node) <= 0)
			continue;
		if (pass != PASS_STACKS && is_kept_by_state(decoder, address) != (pass == PASS_KEPT_BY_STATE))
			continue;
		if (is_known_word(roots, number, doubtful->run.address + slot * doubtful->run.stride))
			continue;
		book->take(book->context, node);
		if (!accept(roots, doubtful, slot))
			return false;
	}
	return true;
}

bool doubtful_settle(struct roots *roots, struct decoder *decoder, const struct object_index *index,
                     const struct count_book *book)
{
	for (enum pass pass = 0; pass < PASS_COUNT; pass++)
		for (size_t i = 0; i < roots->doubtful.count; i++)
			if (!settle_run(roots, decoder, index, book, i, pass))
				return false;
	array_free(&roots->doubtful);
	return merge_accepted(roots);
}
