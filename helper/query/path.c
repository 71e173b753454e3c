/* SPDX-License-Identifier: MIT */
#include "query/path.h"

enum { LEAST_FACTOR = 2 }; /* a step that holds less than that many times what is below it is nothing to look at */

struct search {
	const struct query *query;
	const struct bearings *bearings;
	const struct path_question *question;
	struct path_answer *answer;
};

static int no_memory(const struct search *search)
{
	return query_no_memory(search->query, "paths");
}

static const struct references *references(const struct search *search)
{
	return naming_references(search->bearings->naming);
}

/* Distinct objects and holders that refer to a number; what is never freed or held from C is told apart. */
static void count_referrers(const struct search *search, uint32_t number)
{
	const struct retained *heap = search->bearings->heap;
	const struct edge_rows *incoming = &heap->dominators.incoming;
	const struct roots *roots = &heap->graph->roots;
	const uint32_t c_holder = retained_holder_number(heap, roots->c_holder);
	const uint32_t runtime_holder = retained_holder_number(heap, roots->runtime_holder);
	uint32_t last = UINT32_MAX;
	/* A row is in order of its sources: several references of one stand side by side. */
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		if (from == c_holder)
			search->answer->is_held_from_c = true;
		else if (from != runtime_holder && from != last)
			search->answer->referrers++;
		last = from;
	}
}

/* The step of a route that every path to its end passes, and below which its memory spreads most: the one that holds
 * the largest multiple of what the next such step holds. Its number; UINT32_MAX: there is none. */
static uint32_t find_dominator(const struct search *search, const struct route *route)
{
	const struct retained *heap = search->bearings->heap;
	uint32_t below = route->steps.items[route->steps.count - 1];
	uint32_t best = UINT32_MAX;
	double best_factor = LEAST_FACTOR;
	for (uint32_t at = heap->dominators.idom[below]; at != 0 && bearings_address(search->bearings, at) != 0;
	     below = at, at = heap->dominators.idom[at]) {
		struct origin origin;
		if (origins_at(&search->bearings->origins, at, &origin) && origin.kind == ORIGIN_MODULES)
			break; /* holds everything and says nothing */
		const double factor = (double)heap->bytes[at] / (double)(heap->bytes[below] + 1);
		if (factor > best_factor) {
			best_factor = factor;
			best = at;
		}
	}
	return best;
}

static void say_root(const struct search *search, const struct route *route, struct text *text)
{
	origins_say(&search->bearings->origins, route->holder, route->root, route->steps.items[0], text);
}

/* ---- Rows ---- */

static bool add_step(const struct search *search, const struct route *route, size_t index, struct path_row *row)
{
	const uint32_t number = route->steps.items[index];
	const uint32_t before = index > 0 ? route->steps.items[index - 1] : route->root;
	struct path_step step = { .address = bearings_address(search->bearings, number),
		                  .type = reference_type(references(search), number),
		                  .retained = search->bearings->heap->bytes[number] };
	step.has_label = reference_label(references(search), before, number, &step.label);
	(void)names_frame_object(references(search)->decoder, step.address, &step.frame);
	if (!step.label.failed && !step.frame.failed && array_push(&row->steps, step))
		return true;
	text_free(&step.label);
	text_free(&step.frame);
	return false;
}

/* Those of a long path that the question wants. */
static bool add_steps(const struct search *search, const struct route *route, struct path_row *row)
{
	const uint64_t limit = search->question->step_limit;
	const size_t count = route->steps.count;
	const uint64_t left_out = count > limit ? count - limit : 0;
	const uint64_t first = left_out == 0 || search->question->cuts_end ? limit : (limit + 1) / 2;
	const uint32_t dominator = find_dominator(search, route);
	for (size_t i = 0; i < count; i++) {
		if (i >= limit && search->question->cuts_end)
			break;
		if (!add_step(search, route, i, row))
			return false;
		struct path_step *step = &row->steps.items[row->steps.count - 1];
		step->accumulates = route->steps.items[i] == dominator;
		if (left_out > 0 && i == first) {
			step->left_out = left_out;
			i += left_out - 1;
		}
	}
	return true;
}

static int add_path(const struct search *search, const struct path *path)
{
	const struct retained *heap = search->bearings->heap;
	struct path_row row = { .step_count = 0 };
	struct route route;
	if (!route_make(&route, &search->bearings->origins, path))
		return no_memory(search);
	row.step_count = route.steps.count;
	row.root_kind = holder_kind_name(holders_kind(&heap->graph->roots.holders, route.holder));
	say_root(search, &route, &row.root);
	bool done = add_steps(search, &route, &row) && !row.root.failed;
	route_clear(&route);
	/* The row is the answer's to clear. */
	if (array_push(&search->answer->paths, row))
		return done ? OK : no_memory(search);
	array_free(&row.steps);
	text_free(&row.root);
	return no_memory(search);
}

/* "app.cache → ['SESSIONS']" of a path from a module's dict, else its root. */
static void say_beginning(const struct search *search, const struct path *path, const struct route *route,
                          struct text *text)
{
	struct origin origin;
	if (!origins_at(&search->bearings->origins, path->nodes[0], &origin) || origin.kind != ORIGIN_MODULE_DICT ||
	    !naming_number(search->bearings->naming, origin.above, text)) {
		say_root(search, route, text);
		return;
	}
	text_add(text, " → ");
	(void)reference_label(references(search), path->nodes[0], path->nodes[1], text);
}

static int add_next(const struct search *search, const struct path *path)
{
	struct path_answer *answer = search->answer;
	struct route route;
	if (!route_make(&route, &search->bearings->origins, path))
		return no_memory(search);
	say_beginning(search, path, &route, &answer->next.beginning);
	answer->next.steps = route.steps.count;
	answer->has_next = true;
	route_clear(&route);
	return answer->next.beginning.failed ? no_memory(search) : OK;
}

static int find_paths(const struct search *search, uint32_t number)
{
	const struct path_question *question = search->question;
	struct path_list paths = { .count = 0 };
	struct path_request request = {
		.incoming = &search->bearings->heap->dominators.incoming,
		.starts = search->bearings->origins.starts,
		.target = number,
		.through = UINT32_MAX,
		.count = question->count + (question->with_next && question->through == 0),
		.progress = search->query->progress,
	};
	if (question->through != 0) {
		request.through = retained_number(search->bearings->heap, question->through);
		if (request.through == UINT32_MAX)
			return OK; /* nothing leads through what nothing leads to */
	}
	int status = paths_find(&paths, &request, search->query->error);
	search->answer->is_last_resort = paths.count > 0 && paths.items[0].is_last_resort;
	int made = OK;
	for (size_t i = 0; made == OK && i < paths.count; i++)
		made = i < question->count ? add_path(search, &paths.items[i]) : add_next(search, &paths.items[i]);
	path_list_clear(&paths);
	return status < 0 ? status : made;
}

int query_path(const struct query *query, const struct bearings *bearings, const struct path_question *question,
               struct path_answer *ret_answer)
{
	const struct search search = { query, bearings, question, ret_answer };
	const struct retained *heap = bearings->heap;
	const uint32_t number = retained_number(heap, question->object);
	*ret_answer = (struct path_answer){
		.address = question->object,
		.type = query_type(query, question->object),
		.refcount = query_refcount(&query->target->naming, question->object),
		.is_known = object_index_find(&heap->graph->index, question->object) != UINT32_MAX,
		.is_reachable = number != UINT32_MAX,
		.heap_bytes = heap->total,
		.coverage = heap->graph->coverage,
	};
	names_describe(&query->target->naming, question->object, &query->names, &ret_answer->description);
	if (number == UINT32_MAX)
		return ret_answer->description.failed ? no_memory(&search) : OK;
	(void)naming_number(bearings->naming, number, &ret_answer->name);
	ret_answer->retained = heap->bytes[number];
	count_referrers(&search, number);
	if (ret_answer->description.failed || ret_answer->name.failed)
		return no_memory(&search);
	return find_paths(&search, number);
}

static void row_clear(struct path_row *row)
{
	for (size_t i = 0; i < row->steps.count; i++) {
		text_free(&row->steps.items[i].label);
		text_free(&row->steps.items[i].frame);
	}
	array_free(&row->steps);
	text_free(&row->root);
}

void path_answer_clear(struct path_answer *answer)
{
	for (size_t i = 0; i < answer->paths.count; i++)
		row_clear(&answer->paths.items[i]);
	array_free(&answer->paths);
	text_free(&answer->description);
	text_free(&answer->name);
	text_free(&answer->next.beginning);
}
