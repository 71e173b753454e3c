/* SPDX-License-Identifier: MIT */
#include "graph/doubtful.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "allocator/mimalloc.h"
#include "base/sort.h"
#include "decode/allocated.h"
#include "decode/reference_count.h"
#include "graph/word_owners.h"
#include "object/value.h"

#define MOST_ADDRESS (UINT64_C(1) << 47) /* above it is the kernel's */

enum {
	LEAST_ADDRESS = 1 << 16, /* below it nothing is mapped (vm.mmap_min_addr) */
	STATIC_REFERENCES = 64, /* of an object in static memory that are looked at before it is believed */
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

/* An array of C that holds numbers and addresses (PyType_Slot, Cython's tables) looks like an object where an address
 * is a type's. What follows would be its references. */
static bool has_sane_references(struct decoder *decoder)
{
	uint32_t looked = 0;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		for (uint64_t slot = 0; slot < run->count && looked < STATIC_REFERENCES; slot++, looked++) {
			const uint64_t target = run_target(run, slot);
			const struct object_head head =
			        target != 0 ? decode_head(decoder, target) : (struct object_head){ .address = 0 };
			if (target != 0 && (head.bytes == NULL || decode_head_type(decoder, head.bytes) == NULL))
				return false;
		}
	}
	return true;
}

/* Nothing that is counted lies in memory that cannot be written: 3.11 to 3.13 have a copy there of what _PyRuntime is
 * made of, with the strings of one character (Python/pylifecycle.c, `initial`). */
static bool is_read_only(const struct segment *segment)
{
	return segment->protection != 0 && (segment->protection & PROT_WRITE) == 0;
}

/* Where an object lies, and how often it is counted, leave no doubt that it can be one. What was immortal before PEP
 * 683 made it so, the objects of frozen modules in 3.11's static memory, has a count of 999999999 and more. */
static bool is_plausible(const struct doubtful *doubtful, uint64_t address, const struct type_info *type)
{
	struct reference_count count;
	const enum object_place place = object_places_find(doubtful->places, address);
	if (!object_places_allow(place, type))
		return false;
	return place == PLACE_STATIC || (reference_count_read(doubtful->decoder, address, &count) &&
	                                 (count.is_immortal || count.is_deferred || !count.is_known ||
	                                  count.count <= doubtful->places->most_references));
}

/* Whether the block that an object would have is another's, which was reached: (1, a class) in a tuple of one class
 * looks like an object with a count of 1, and its header would begin where the tuple's does. */
static bool is_in_another(const struct doubtful *doubtful, const struct visited *visited, uint64_t block,
                          uint64_t address)
{
	enum { GRANULE = 16, HEADERS_MOST = 64 };
	for (uint64_t at = block & ~(uint64_t)(GRANULE - 1); at < address && at + HEADERS_MOST >= address;
	     at += GRANULE) {
		const struct segment *segment = reader_segment(&doubtful->decoder->reader, at);
		if (segment != NULL && visited_has(visited, visited_place(visited, segment, at)))
			return true;
	}
	return false;
}

static bool is_alive(const struct doubtful *doubtful, const struct visited *visited, uint64_t address)
{
	struct decoder *decoder = doubtful->decoder;
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
	if (type == NULL || type->flags & TYPE_IS_WILD || !is_plausible(doubtful, address, type))
		return false;
	/* A dangling pointer can lead to what was an object: its allocator has given that block to somebody else. */
	const bool skip_blocks = decoder->skip_blocks;
	decoder->skip_blocks = false;
	bool is_object =
	        decode_object(decoder, address) && (decoder->out.flags & (DECODED_CORRUPT | DECODED_UNREADABLE)) == 0;
	if (is_object) {
		const struct allocation allocation = allocation_of_object(decoder);
		/* Where no allocator knows of a block, nothing tells an object from what is left of one. */
		is_object = !agreement_is_bad(allocation.agreement) && allocation.allocator != ALLOCATOR_UNKNOWN &&
		            !is_in_another(doubtful, visited, allocation.address, address);
	}
	if (is_object && object_places_find(doubtful->places, address) == PLACE_STATIC)
		is_object = has_sane_references(decoder);
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

void doubtful_init(struct doubtful *doubtful, struct roots *roots, struct decoder *decoder,
                   const struct object_places *places, const struct progress *progress)
{
	const struct address_space *space = decoder->reader.space;
	*doubtful = (struct doubtful){ .roots = roots, .decoder = decoder, .places = places, .progress = progress };
	/* Where the segments are made on demand any address may be asked for. */
	doubtful->low = space->segment_count > 0 && space->kind != SPACE_CALLBACKS ? space->segments[0].start : 1;
	doubtful->high = MOST_ADDRESS;
	for (size_t i = space->segment_count; i-- > 0 && space->kind != SPACE_CALLBACKS;) {
		if (space->segments[i].end > MOST_ADDRESS)
			continue;
		doubtful->high = space->segments[i].end;
		break;
	}
}

/* The object that a word may refer to; 0: none. */
static inline uint64_t candidate(const struct doubtful *doubtful, const struct run *run, uint64_t slot)
{
	const uint64_t word = run_is_counted(run, slot) ? run_target(run, slot) : 0;
	return doubtful_may_be_address(doubtful, word) ? word : 0;
}

bool doubtful_is_unknown_object(const struct doubtful *doubtful, const struct visited *visited, uint64_t word)
{
	const struct segment *segment = word != 0 ? reader_segment(&doubtful->decoder->reader, word) : NULL;
	return segment != NULL && segment->data != NULL && !is_read_only(segment) &&
	       !visited_has(visited, visited_place(visited, segment, word)) && is_alive(doubtful, visited, word);
}

int doubtful_reach(struct doubtful *doubtful, const struct visited *visited, doubtful_reach_function *reach,
                   void *context)
{
	struct roots *roots = doubtful->roots;
	struct decoder *decoder = doubtful->decoder;
	const bool seeks_interned = roots->interned.count == 0;
	for (size_t i = 0; i < roots->doubtful.count; i++) {
		const struct holder_run *run = &roots->doubtful.items[i];
		const bool is_static = holders_kind(&roots->holders, run->holder) == HOLDER_STATIC;
		for (uint64_t slot = 0; slot < run->run.count; slot++) {
			TRY(progress_look(doubtful->progress, &doubtful->steps));
			const uint64_t address = candidate(doubtful, &run->run, slot);
			if (!doubtful_is_unknown_object(doubtful, visited, address))
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

static int compare_holder_runs(const void *left_run, const void *right_run)
{
	const struct holder_run *left = left_run, *right = right_run;
	if (left->holder != right->holder)
		return left->holder < right->holder ? -1 : 1;
	return left->run.address < right->run.address ? -1 : left->run.address > right->run.address;
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

/* A doubtful word that is the address of an object whose count certain references do not account for. */
struct claim {
	uint32_t run, node;
	uint64_t slot;
};

struct settling {
	struct doubtful *doubtful;
	const struct object_index *index;
	const struct count_book *book;
	struct word_owners owners;
	ARRAY(struct claim) claims;
};

/* Most words are none, and all passes have to do with the others alone: references that are found only take claims
 * away. */
static int find_claims(struct settling *settling, uint32_t number)
{
	struct doubtful *doubtful = settling->doubtful;
	const struct count_book *book = settling->book;
	const struct run *run = &doubtful->roots->doubtful.items[number].run;
	for (uint64_t slot = 0; slot < run->count; slot++) {
		TRY(progress_look(doubtful->progress, &doubtful->steps));
		const uint64_t address = candidate(doubtful, run, slot);
		const struct segment *segment =
		        address != 0 ? reader_segment(&doubtful->decoder->reader, address) : NULL;
		const uint32_t node = segment != NULL ? object_index_in(settling->index, segment, address) : UINT32_MAX;
		if (node == UINT32_MAX || book->missing(book->context, node) <= 0)
			continue;
		const struct claim claim = { .run = number, .node = node, .slot = slot };
		if (!array_push(&settling->claims, claim))
			return ERROR_NO_MEMORY;
	}
	return OK;
}

static int settle_claim(struct settling *settling, const struct claim *claim, enum pass pass)
{
	struct doubtful *doubtful = settling->doubtful;
	const struct count_book *book = settling->book;
	const struct holder_run *run = &doubtful->roots->doubtful.items[claim->run];
	const uint64_t word = run->run.address + claim->slot * run->run.stride;
	TRY(progress_look(doubtful->progress, &doubtful->steps));
	if ((run->run.label == LABEL_STACK) != (pass == PASS_STACKS) || book->missing(book->context, claim->node) <= 0)
		return OK;
	if (pass != PASS_STACKS &&
	    is_kept_by_state(doubtful->decoder, run_target(&run->run, claim->slot)) != (pass == PASS_KEPT_BY_STATE))
		return OK;
	if (word_owners_has(&settling->owners, claim->run, word))
		return OK;
	book->take(book->context, claim->node);
	return accept(doubtful->roots, run, claim->slot) ? OK : ERROR_NO_MEMORY;
}

int doubtful_settle(struct doubtful *doubtful, const struct object_index *index, const struct count_book *book)
{
	struct roots *roots = doubtful->roots;
	struct settling settling = { .doubtful = doubtful, .index = index, .book = book };
	int status = word_owners_open(&settling.owners, roots) ? OK : ERROR_NO_MEMORY;
	for (uint32_t i = 0; status == OK && i < roots->doubtful.count; i++)
		status = find_claims(&settling, i);
	for (enum pass pass = 0; pass < PASS_COUNT; pass++) {
		if (status == OK && pass == PASS_STATE && book->look_elsewhere != NULL)
			status = book->look_elsewhere(book->context);
		for (size_t i = 0; status == OK && i < settling.claims.count; i++)
			status = settle_claim(&settling, &settling.claims.items[i], pass);
	}
	array_free(&settling.claims);
	word_owners_close(&settling.owners);
	array_free(&roots->doubtful);
	return status == OK && roots->accepted.count > 0
	               ? sort_items(roots->accepted.items, roots->accepted.count, sizeof *roots->accepted.items,
	                            compare_holder_runs, doubtful->progress)
	               : status;
}

/* From behind, in place, since both may be millions. */
bool doubtful_merge(struct roots *roots)
{
	size_t more = roots->accepted.count, old = roots->runs.count, to = old + more;
	if (more == 0)
		return true;
	if (!array_reserve(&roots->runs, to))
		return false;
	roots->runs.count = to;
	while (more > 0)
		if (old > 0 && roots->runs.items[old - 1].holder > roots->accepted.items[more - 1].holder)
			roots->runs.items[--to] = roots->runs.items[--old];
		else
			roots->runs.items[--to] = roots->accepted.items[--more];
	array_free(&roots->accepted);
	return true;
}
