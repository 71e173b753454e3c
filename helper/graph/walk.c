/* SPDX-License-Identifier: MIT
 * The walk: a stack of addresses, a bitmap of what was reached, and a short queue between them so that an object's
 * first cache line is on its way before the object is decoded. */
#include "graph/walk.h"

#include <stdlib.h>
#include <string.h>

#include "graph/asizeof.h"
#include "graph/frontier.h"
#include "graph/visited.h"

enum {
	CONTROL_INTERVAL = 4096, /* objects between looks at cancel */
};

struct walk {
	struct decoder *decoder;
	struct visited visited;
	struct frontier frontier;
	/* Statistics by type_info.index; the array grows when a type is first met. */
	ARRAY(struct type_total) totals;
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
	walk->decoder = decoder;
	*ret_walk = walk;
	return OK;
}

void walk_close(struct walk *walk)
{
	if (walk == NULL)
		return;
	visited_close(&walk->visited);
	array_free(&walk->totals);
	free(walk);
}

void walk_reset(struct walk *walk)
{
	visited_clear(&walk->visited);
}

void walk_result_clear(struct walk_result *result)
{
	array_free(&result->types);
	*result = (struct walk_result){ 0 };
}

static void note_example(struct walk_result *result, uint64_t address, const char *reason)
{
	if (result->example_count < WALK_EXAMPLES) {
		result->examples[result->example_count].address = address;
		result->examples[result->example_count++].reason = reason;
	}
}

/* Bad objects are data: counted, a few kept, and the walk goes on. */
__attribute__((noinline)) static void count_flags(struct walk_result *result, const struct decoded *out)
{
	if (out->flags & DECODED_APPROXIMATE)
		result->approximate++;
	if (out->flags & DECODED_UNREADABLE)
		result->unreadable++;
	if (out->flags & DECODED_CORRUPT)
		result->corrupt++;
	if (out->flags & DECODED_IN_FLUX)
		result->in_flux++;
	if (out->flags & ~(uint32_t)DECODED_APPROXIMATE)
		note_example(result, out->address, out->reason);
}

/* The statistics row of a type; NULL when memory is out. */
static inline struct type_total *total_of(struct walk *walk, const struct type_info *type)
{
	if (__builtin_expect(type->index >= walk->totals.count, 0)) {
		if (!array_reserve(&walk->totals, type->index + 64))
			return NULL;
		memset(walk->totals.items + walk->totals.count, 0,
		       (walk->totals.capacity - walk->totals.count) * sizeof *walk->totals.items);
		walk->totals.count = walk->totals.capacity;
	}
	return &walk->totals.items[type->index];
}

/* One object: counted unless the policy's boundary keeps it out, opened as far as the policy says. */
static bool visit(struct walk *walk, struct walk_result *result, const struct follow *follow,
                  const struct upcoming *upcoming, bool is_root)
{
	struct decoder *decoder = walk->decoder;
	const struct type_info *type = upcoming->type;
	if (type != NULL) {
		if (type->flags & follow->boundary_types && !is_root) {
			result->not_entered++;
			return true;
		}
		walk->frontier.runs.is_closed = (follow->opened_types != 0 && !(type->flags & follow->opened_types)) ||
		                                type->flags & follow->closed_types;
	}
	bool is_object = frontier_decode(&walk->frontier, upcoming);
	const struct decoded *out = &decoder->out;
	if (__builtin_expect(out->flags != 0, 0))
		count_flags(result, out);
	if (!is_object)
		return true;
	struct type_total *total = total_of(walk, type);
	if (__builtin_expect(total == NULL || decoder->out_of_memory, 0))
		return false;
	total->type = type;
	total->count++;
	total->shallow += out->shallow;
	return true;
}

static int drain(struct walk *walk, struct walk_result *result, const struct follow *follow,
                 struct walk_control *control, struct error *error)
{
	uint64_t visited = 0;
	for (const struct upcoming *next; (next = frontier_next(&walk->frontier)) != NULL;) {
		if (!visit(walk, result, follow, next, false))
			return error_set(error, ERROR_NO_MEMORY, "out of memory after %llu objects",
			                 (unsigned long long)visited);
		if (__builtin_expect(++visited % CONTROL_INTERVAL == 0, 0) && control != NULL) {
			atomic_fetch_add_explicit(&control->visited, CONTROL_INTERVAL, memory_order_relaxed);
			if (atomic_load_explicit(&control->cancel, memory_order_relaxed))
				return error_set(error, ERROR_CANCELLED, "cancelled");
		}
	}
	return OK;
}

static int larger_first(const void *left, const void *right)
{
	const struct type_total *a = left, *b = right;
	if (a->shallow != b->shallow)
		return a->shallow < b->shallow ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->type->address < b->type->address ? -1 : a->type->address > b->type->address;
}

void walk_result_sort(struct walk_result *result)
{
	if (result->types.count > 0)
		qsort(result->types.items, result->types.count, sizeof *result->types.items, larger_first);
}

/* Moves the statistics into the result, largest first, and leaves them zero for the next walk. */
static int collect_totals(struct walk *walk, struct walk_result *result, struct error *error)
{
	for (size_t i = 0; i < walk->totals.count; i++) {
		struct type_total *total = &walk->totals.items[i];
		if (total->count == 0)
			continue;
		if (total->type->flags & TYPE_IS_APPROXIMATE)
			total->approximate = total->count;
		result->count += total->count;
		result->shallow += total->shallow;
		if (!array_push(&result->types, *total))
			return error_set(error, ERROR_NO_MEMORY, "out of memory");
		*total = (struct type_total){ 0 };
	}
	walk_result_sort(result);
	return OK;
}

/* All roots are entered in the set before any is visited: a class among them is opened, however others refer to it. */
static int walk_policy(struct walk *walk, const uint64_t *roots, size_t root_count, enum policy policy,
                       struct walk_control *control, struct walk_result *result, struct error *error)
{
	struct follow follow = follow_of(policy);
	struct upcoming *taken = calloc(root_count + 1, sizeof *taken);
	if (taken == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	size_t taken_count = 0;
	for (size_t i = 0; i < root_count; i++)
		taken_count += frontier_take(&walk->frontier, roots[i], &taken[taken_count]);
	bool is_complete = true;
	for (size_t i = 0; is_complete && i < taken_count; i++)
		is_complete = visit(walk, result, &follow, &taken[i], true);
	free(taken);
	if (!is_complete)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	return drain(walk, result, &follow, control, error);
}

static void begin(struct walk *walk, enum policy policy, struct walk_result *result)
{
	*result = (struct walk_result){ 0 };
	const struct follow follow = follow_of(policy);
	frontier_init(&walk->frontier, walk->decoder, &walk->visited);
	walk->frontier.runs.skipped = follow.skipped_runs;
	walk->frontier.runs.required = follow.required_runs;
	walk->decoder->skip_class = policy != POLICY_ALL;
	walk->decoder->skip_blocks = true;
}

/* Also after a failure: the statistics must be zero for the next walk. */
static int end(struct walk *walk, int status, struct walk_result *result, struct error *error)
{
	walk->decoder->skip_class = walk->decoder->skip_blocks = false;
	if (walk->frontier.wild > 0) {
		result->corrupt += walk->frontier.wild;
		note_example(result, walk->frontier.wild_example, "a reference to memory that is not mapped");
	}
	frontier_clear(&walk->frontier);
	int collected = collect_totals(walk, result, error);
	return status < 0 ? status : collected;
}

int walk_deep(struct walk *walk, const uint64_t *roots, size_t root_count, enum policy policy,
              struct walk_control *control, struct walk_result *result, struct error *error)
{
	if (policy == POLICY_ASIZEOF) {
		*result = (struct walk_result){ 0 };
		return asizeof_walk(walk->decoder, &walk->visited, roots, root_count, control, result, error);
	}
	begin(walk, policy, result);
	return end(walk, walk_policy(walk, roots, root_count, policy, control, result, error), result, error);
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
	return segment != NULL && visited_add(&walk->visited, segment_granule(segment, address));
}

bool walk_has_reached(const struct walk *walk, uint64_t address)
{
	const struct segment *segment = address_space_find(walk->decoder->reader.space, address);
	return segment != NULL && visited_has(&walk->visited, segment_granule(segment, address));
}

int walk_from_reached(struct walk *walk, const uint64_t *reached, size_t count, enum policy policy,
                      struct walk_control *control, struct walk_result *result, struct error *error)
{
	struct follow follow = follow_of(policy);
	begin(walk, policy, result);
	int status = OK;
	for (size_t i = 0; status == OK && i < count; i++) {
		struct upcoming object = { .head = decode_head(walk->decoder, reached[i]) };
		if (object.head.bytes != NULL)
			object.type = decode_head_type(walk->decoder, object.head.bytes);
		if (!visit(walk, result, &follow, &object, false))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for %zu objects", count);
		else
			status = drain(walk, result, &follow, control, error);
	}
	return end(walk, status, result, error);
}
