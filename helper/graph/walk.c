/* SPDX-License-Identifier: MIT
 * The walk: a stack of runs, a bitmap of what was reached, and a short queue between them so that an object's first
 * cache line is on its way before the object is decoded. A long one goes on with several threads, each with a stack of
 * its own; every object is still visited by just one of them, so that what is counted does not depend on their number.
 */
#include "graph/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "decode/quick_size.h"
#include "graph/asizeof.h"
#include "graph/frontier.h"
#include "graph/heap/heap_graph.h"
#include "graph/object_head.h"
#include "graph/visited.h"

enum {
	ALONE_MOST = 1 << 15, /* objects, before other threads are worth starting */
};

/* What one thread of a walk does. */
struct walker {
	struct decoder *decoder;
	struct frontier frontier;
	struct walk_result *result; /* counts; its types and sums are filled at the end */
	uint64_t visited; /* objects since the walk began */
	enum size_measure measure;
	const struct heap_graph *heap; /* of SIZE_NATIVE */
	/* Statistics by type_info.index; the array grows when a type is first met. */
	ARRAY(struct type_total) totals;
};

struct walk {
	struct decoder *decoder;
	struct visited visited;
	struct walker own; /* of the thread that asks */
	const struct follow *follow;
	uint64_t mark; /* walk_set_mark(): a place in visited; UINT64_MAX: none */
	unsigned crew; /* threads that a long walk may have */
};

static const char *const policy_names[POLICY_COUNT] = { "data", "gc", "all", "containers", "asizeof" };

const char *policy_name(enum policy policy)
{
	return policy_names[policy];
}

int policy_find(const char *name)
{
	for (int i = 0; i < POLICY_COUNT; i++)
		if (strcmp(policy_names[i], name) == 0)
			return i;
	return -1;
}

/* A policy as plain masks, decided before the walk. */
struct follow {
	uint32_t skipped_runs; /* enum run_flag: runs with any of these are not followed */
	uint32_t required_runs; /* only runs with all of these */
	uint32_t opened_types; /* enum type_flag: 0, or only objects of types with it are opened */
	uint32_t boundary_types; /* objects of types with any of these are neither entered nor counted */
	uint32_t closed_types; /* objects of types with any of these are counted, but not opened */
};

static struct follow follow_of(enum policy policy)
{
	switch (policy) {
	case POLICY_GC:
		return (struct follow){ .skipped_runs = RUN_HIDDEN | RUN_GLOBALS | RUN_CLASS,
			                .boundary_types = TYPE_IS_BOUNDARY,
			                .closed_types = TYPE_NOT_TRAVERSED };
	case POLICY_ALL:
		return (struct follow){ 0 };
	case POLICY_CONTAINERS:
		return (struct follow){ .required_runs = RUN_ITEM, .opened_types = TYPE_IS_CONTAINER };
	default:
		return (struct follow){ .skipped_runs = RUN_GLOBALS | RUN_CLASS, .boundary_types = TYPE_IS_BOUNDARY };
	}
}

int walk_open(struct walk **ret_walk, struct decoder *decoder, struct error *error)
{
	*ret_walk = NULL;
	struct walk *walk = calloc(1, sizeof *walk);
	if (walk == NULL || !visited_open(&walk->visited, decoder->context->space)) {
		free(walk);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the visited set");
	}
	walk->decoder = walk->own.decoder = decoder;
	walk->mark = UINT64_MAX;
	walk->crew = address_space_is_immediate(decoder->context->space) ? crew_size() : 1;
	*ret_walk = walk;
	return OK;
}

void walk_close(struct walk *walk)
{
	if (walk == NULL)
		return;
	visited_close(&walk->visited);
	array_free(&walk->own.totals);
	free(walk);
}

void walk_reset(struct walk *walk)
{
	visited_clear(&walk->visited);
}

void walk_set_measure(struct walk *walk, enum size_measure measure)
{
	walk->own.measure = measure;
}

void walk_set_heap(struct walk *walk, const struct heap_graph *heap)
{
	walk->own.heap = heap;
}

/* Bytes of C code that hang on an object. */
static uint64_t native_of(const struct walker *walker, uint64_t address)
{
	const uint32_t node = object_index_find(&walker->heap->index, address);
	return node != UINT32_MAX ? byte_counts_at(&walker->heap->native, node) : 0;
}

uint64_t walk_measured(const struct walk *walk, struct decoder *decoder)
{
	if (walk->own.measure == SIZE_NATIVE)
		return native_of(&walk->own, decoder->out.address);
	return measured_bytes(decoder, walk->own.measure);
}

static bool reserve_totals(struct walker *walker, uint32_t count)
{
	if (count <= walker->totals.count)
		return true;
	if (!array_reserve(&walker->totals, count + 63))
		return false;
	memset(walker->totals.items + walker->totals.count, 0,
	       (walker->totals.capacity - walker->totals.count) * sizeof *walker->totals.items);
	walker->totals.count = walker->totals.capacity;
	return true;
}

static inline bool count(struct walker *walker, const struct type_info *type, uint64_t shallow)
{
	if (__builtin_expect(type->index >= walker->totals.count, 0) && !reserve_totals(walker, type->index + 1))
		return false;
	struct type_total *total = &walker->totals.items[type->index];
	total->type = type;
	total->count++;
	total->shallow += shallow;
	return true;
}

/* The object that was just decoded. */
static inline bool count_decoded(struct walker *walker, const struct type_info *type)
{
	struct decoder *decoder = walker->decoder;
	if (!count(walker, type, decoder->out.shallow - decoder->out.included))
		return false;
	if (__builtin_expect(walker->measure == SIZE_ALLOCATED, 0))
		walker->totals.items[type->index].allocated += allocated_of_object(decoder).bytes;
	else if (__builtin_expect(walker->measure == SIZE_NATIVE, 0))
		walker->totals.items[type->index].native += native_of(walker, decoder->out.address);
	return !decoder->out_of_memory;
}

/* One object: counted unless the policy's boundary keeps it out, opened as far as the policy says. */
static bool visit(struct walker *walker, const struct follow *follow, const struct upcoming *upcoming, bool is_root)
{
	struct decoder *decoder = walker->decoder;
	const struct type_info *type = upcoming->type;
	if (type != NULL) {
		uint64_t shallow;
		if (type->flags & follow->boundary_types && !is_root) {
			walker->result->not_entered++;
			return true;
		}
		/* Where the allocator's records are asked for, the object has to be decoded. */
		if (walker->measure == SIZE_SHALLOW && quick_leaf(decoder, &upcoming->head, type, &shallow))
			return count(walker, type, shallow);
		walker->frontier.runs.is_closed =
		        (follow->opened_types != 0 && !(type->flags & follow->opened_types)) ||
		        type->flags & follow->closed_types;
	}
	bool is_object = frontier_decode(&walker->frontier, upcoming);
	if (__builtin_expect(decoder->out.flags != 0, 0))
		coverage_count(&walker->result->coverage, &decoder->out);
	return !is_object || count_decoded(walker, type);
}

/* Until nothing is left, or `most` objects were visited. */
static int drain_alone(struct walker *walker, const struct follow *follow, struct progress *progress, uint64_t most)
{
	for (const struct upcoming *next;
	     walker->visited < most && (next = frontier_next(&walker->frontier)) != NULL;) {
		if (!visit(walker, follow, next, false))
			return ERROR_NO_MEMORY;
		TRY(progress_step(progress, &walker->visited));
	}
	return walker->frontier.out_of_memory ? ERROR_NO_MEMORY : OK;
}

/* Several threads on one walk. */
struct team {
	struct walk *walk;
	struct progress *progress;
	struct frontier_pool pool;
	struct teammate {
		struct decoder decoder;
		struct walker walker;
		struct walk_result result;
		bool has_begun;
		int status;
	} mates[CREW_MOST]; /* number 0 has walk->own instead of its walker */
};

static void work(void *context, unsigned member)
{
	struct team *team = context;
	struct teammate *mate = &team->mates[member];
	struct walker *walker = member == 0 ? &team->walk->own : &mate->walker;
	if (member > 0) {
		decoder_init(&mate->decoder, team->walk->decoder->context);
		mate->decoder.skip_class = team->walk->decoder->skip_class;
		mate->decoder.skip_blocks = team->walk->decoder->skip_blocks;
		mate->has_begun = true;
		*walker = (struct walker){ .decoder = &mate->decoder,
			                   .result = &mate->result,
			                   .measure = team->walk->own.measure,
			                   .heap = team->walk->own.heap };
		frontier_init(&walker->frontier, &mate->decoder, &team->walk->visited);
		walker->frontier.runs.skipped = team->walk->follow->skipped_runs;
		walker->frontier.runs.required = team->walk->follow->required_runs;
		walker->frontier.is_patient = true;
		walker->frontier.mark = team->walk->mark;
		frontier_join(&walker->frontier, &team->pool);
	}
	mate->status = drain_alone(walker, team->walk->follow, team->progress, UINT64_MAX);
	if (mate->status != OK)
		frontier_pool_stop(&team->pool);
	frontier_leave(&walker->frontier);
}

/* What a mate counted goes to the walk's own statistics. */
static int collect_mate(struct walk *walk, struct teammate *mate)
{
	struct walker *walker = &mate->walker, *own = &walk->own;
	int status = reserve_totals(own, (uint32_t)walker->totals.count) ? OK : ERROR_NO_MEMORY;
	for (size_t i = 0; status == OK && i < walker->totals.count; i++) {
		const struct type_total *total = &walker->totals.items[i];
		if (total->count == 0)
			continue;
		own->totals.items[i].type = total->type;
		own->totals.items[i].count += total->count;
		own->totals.items[i].shallow += total->shallow;
		own->totals.items[i].allocated += total->allocated;
		own->totals.items[i].native += total->native;
	}
	coverage_add(&own->result->coverage, &mate->result.coverage);
	coverage_add(&own->result->coverage, &walker->frontier.coverage);
	own->result->not_entered += mate->result.not_entered;
	own->visited += walker->visited;
	own->frontier.is_mark_met |= walker->frontier.is_mark_met;
	array_free(&walker->totals);
	frontier_clear(&walker->frontier);
	decoder_clear(&mate->decoder);
	return status;
}

static int drain_together(struct walk *walk, struct progress *progress)
{
	struct team *team = calloc(1, sizeof *team);
	if (team == NULL || !frontier_pool_open(&team->pool)) {
		free(team);
		return ERROR_NO_MEMORY;
	}
	team->walk = walk;
	team->progress = progress;
	visited_share(&walk->visited);
	struct frontier *own = &walk->own.frontier;
	own->pool = &team->pool;
	own->is_patient = true;
	crew_run(walk->crew, work, team);
	int status = team->mates[0].status;
	for (unsigned i = 1; i < walk->crew; i++) {
		status = status == OK ? team->mates[i].status : status;
		int collected = team->mates[i].has_begun ? collect_mate(walk, &team->mates[i]) : OK;
		status = status == OK ? collected : status;
	}
	own->pool = NULL;
	frontier_pool_close(&team->pool);
	free(team);
	return status;
}

static int drain(struct walk *walk, struct progress *progress, struct error *error)
{
	struct walker *own = &walk->own;
	const uint64_t most = walk->crew > 1 ? own->visited + ALONE_MOST : UINT64_MAX;
	int status = drain_alone(own, walk->follow, progress, most);
	if (status == OK && own->visited >= most)
		status = drain_together(walk, progress);
	if (status == ERROR_NO_MEMORY)
		return error_set(error, ERROR_NO_MEMORY, "out of memory after %llu objects",
		                 (unsigned long long)own->visited);
	return status == ERROR_CANCELLED ? progress_cancelled(error) : status;
}

/* Moves the statistics into the result, largest first, and leaves them zero for the next walk. */
static int collect_totals(struct walk *walk, struct walk_result *result, struct error *error)
{
	for (size_t i = 0; i < walk->own.totals.count; i++) {
		struct type_total *total = &walk->own.totals.items[i];
		if (total->count == 0)
			continue;
		if (total->type->flags & TYPE_IS_APPROXIMATE)
			total->approximate = total->count;
		total->bytes = walk->own.measure == SIZE_ALLOCATED ? total->allocated
		               : walk->own.measure == SIZE_NATIVE  ? total->native
		                                                   : total->shallow;
		result->count += total->count;
		result->bytes += total->bytes;
		if (!array_push(&result->types, *total))
			return error_set(error, ERROR_NO_MEMORY, "out of memory");
		*total = (struct type_total){ 0 };
	}
	walk_result_sort(result);
	return OK;
}

/* All roots are entered in the set before any is visited: a class among them is opened, however others refer to it. */
static int walk_policy(struct walk *walk, const struct walk_start *start, struct progress *progress,
                       struct error *error)
{
	struct upcoming *taken = calloc(start->count + 1, sizeof *taken);
	if (taken == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	size_t taken_count = 0;
	for (size_t i = 0; i < start->count; i++)
		taken_count += frontier_take(&walk->own.frontier, start->objects[i], &taken[taken_count]);
	bool is_complete = true;
	for (size_t i = 0; is_complete && i < taken_count; i++)
		is_complete = visit(&walk->own, walk->follow, &taken[i], true);
	free(taken);
	if (!is_complete)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	return drain(walk, progress, error);
}

static void begin(struct walk *walk, const struct follow *follow, enum policy policy, struct walk_result *result)
{
	*result = (struct walk_result){ 0 };
	struct walker *own = &walk->own;
	frontier_init(&own->frontier, walk->decoder, &walk->visited);
	own->frontier.runs.skipped = follow->skipped_runs;
	own->frontier.runs.required = follow->required_runs;
	own->frontier.mark = walk->mark;
	own->result = result;
	own->visited = 0;
	walk->follow = follow;
	walk->decoder->skip_class = policy != POLICY_ALL;
	walk->decoder->skip_blocks = own->measure != SIZE_ALLOCATED;
}

/* Also after a failure: the statistics must be zero for the next walk. */
static int end(struct walk *walk, int status, struct walk_result *result, struct error *error)
{
	walk->decoder->skip_class = walk->decoder->skip_blocks = false;
	coverage_add(&result->coverage, &walk->own.frontier.coverage);
	frontier_clear(&walk->own.frontier);
	walk->follow = NULL;
	int collected = collect_totals(walk, result, error);
	return status < 0 ? status : collected;
}

int walk_deep(struct walk *walk, const struct walk_start *start, struct progress *progress, struct walk_result *result,
              struct error *error)
{
	if (start->policy == POLICY_ASIZEOF) {
		*result = (struct walk_result){ 0 };
		return asizeof_walk(walk->decoder, &walk->visited, start, progress, result, error);
	}
	const struct follow follow = follow_of(start->policy);
	begin(walk, &follow, start->policy, result);
	return end(walk, walk_policy(walk, start, progress, error), result, error);
}

void walk_set_mark(struct walk *walk, uint64_t object)
{
	const struct segment *segment = address_space_find(walk->decoder->reader.space, object);
	walk->mark =
	        segment != NULL && segment->data != NULL ? visited_place(&walk->visited, segment, object) : UINT64_MAX;
}

bool walk_has_met_mark(const struct walk *walk)
{
	return walk->own.frontier.is_mark_met;
}

bool policy_enters(enum policy policy, const struct type_info *type)
{
	return !(type->flags & follow_of(policy).boundary_types);
}

bool policy_opens(enum policy policy, const struct type_info *type)
{
	struct follow follow = follow_of(policy);
	return (follow.opened_types == 0 || type->flags & follow.opened_types) && !(type->flags & follow.closed_types);
}

bool policy_follows(enum policy policy, const struct run *run)
{
	struct follow follow = follow_of(policy);
	return !(run->flags & follow.skipped_runs) && (run->flags & follow.required_runs) == follow.required_runs;
}

bool walk_reach(struct walk *walk, uint64_t address)
{
	const struct segment *segment = address_space_find(walk->decoder->reader.space, address);
	if (segment == NULL || segment->data == NULL || (address & 7) != 0)
		return true;
	const uint64_t place = visited_place(&walk->visited, segment, address);
	if (visited_has(&walk->visited, place))
		return false;
	const struct object_head head = decode_head(walk->decoder, address);
	if (head.bytes != NULL && decode_head_type(walk->decoder, head.bytes) != NULL &&
	    !((address & 8) != 0 && is_inside_object(walk->decoder, address)))
		(void)visited_add(&walk->visited, place);
	return true;
}

bool walk_has_reached(const struct walk *walk, uint64_t address)
{
	const struct segment *segment = address_space_find(walk->decoder->reader.space, address);
	return segment != NULL && segment->data != NULL && walk_has_reached_in(walk, segment, address);
}

bool walk_has_reached_in(const struct walk *walk, const struct segment *segment, uint64_t address)
{
	return visited_has(&walk->visited, visited_place(&walk->visited, segment, address));
}

int walk_from_reached(struct walk *walk, const struct walk_start *reached, struct progress *progress,
                      struct walk_result *result, struct error *error)
{
	const struct follow follow = follow_of(reached->policy);
	begin(walk, &follow, reached->policy, result);
	int status = OK;
	for (size_t i = 0; status == OK && i < reached->count; i++) {
		struct upcoming object = { .head = decode_head(walk->decoder, reached->objects[i]) };
		if (object.head.bytes != NULL)
			object.type = decode_head_type(walk->decoder, object.head.bytes);
		if (!visit(&walk->own, &follow, &object, false))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for %zu objects", reached->count);
		else
			status = drain(walk, progress, error);
	}
	return end(walk, status, result, error);
}
