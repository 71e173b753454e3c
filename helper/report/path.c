/* SPDX-License-Identifier: MIT
 * path: why an object is alive: the shortest ways to it from a root, reference by reference. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query/naming.h"
#include "query/origins.h"
#include "report/heap.h"
#include "report/losses.h"
#include "report/report.h"
#include "report/path_merge.h"
#include "render/table.h"
#include "render/units.h"

enum { LEAST_FACTOR = 2 }; /* a step that holds less than that many times what is below it is nothing to look at */

struct search {
	struct report *report;
	const struct retained *heap;
	struct naming *naming;
	struct origins origins;
	uint64_t through; /* address; 0: any way */
};

static int no_memory(struct search *search)
{
	return error_set(search->report->error, ERROR_NO_MEMORY, "out of memory for paths");
}

static uint64_t address_of(const struct search *search, uint32_t number)
{
	uint32_t holder;
	return retained_node(search->heap, number, &holder);
}

/* Distinct objects and holders that refer to a number; what is never freed or held from C is told apart. */
struct referrer_count {
	uint64_t found;
	bool is_held_from_c;
};

static struct referrer_count count_referrers(const struct search *search, uint32_t number)
{
	const struct edge_rows *incoming = &search->heap->dominators.incoming;
	const struct roots *roots = &search->heap->graph->roots;
	const uint32_t c_holder = retained_holder_number(search->heap, roots->c_holder);
	const uint32_t runtime_holder = retained_holder_number(search->heap, roots->runtime_holder);
	struct referrer_count count = { .found = 0 };
	uint32_t last = UINT32_MAX;
	/* A row is in order of its sources: several references of one stand side by side. */
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		if (from == c_holder)
			count.is_held_from_c = true;
		else if (from != runtime_holder && from != last)
			count.found++;
		last = from;
	}
	return count;
}

/* The step of a route that every path to its end passes, and below which its memory spreads most: the one that holds
 * the largest multiple of what the next such step holds. Its number; UINT32_MAX: there is none. */
static uint32_t find_dominator(const struct search *search, const struct route *route)
{
	const uint64_t *bytes = search->heap->bytes;
	uint32_t below = route->steps.items[route->steps.count - 1];
	uint32_t best = UINT32_MAX;
	double best_factor = LEAST_FACTOR;
	for (uint32_t at = search->heap->dominators.idom[below]; at != 0 && address_of(search, at) != 0;
	     below = at, at = search->heap->dominators.idom[at]) {
		const struct origin *origin = origins_at(&search->origins, at);
		if (origin != NULL && origin->kind == ORIGIN_MODULES)
			break; /* holds everything and says nothing */
		const double factor = (double)bytes[at] / (double)(bytes[below] + 1);
		if (factor > best_factor) {
			best_factor = factor;
			best = at;
		}
	}
	return best;
}

/* ---- Text ---- */

static void add_step(struct search *search, struct table *table, const struct route *route, size_t index,
                     uint32_t dominator)
{
	struct report *report = search->report;
	const uint32_t number = route->steps.items[index];
	const uint64_t address = address_of(search, number);
	const bool is_last = index + 1 == route->steps.count;
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL }, place = { .bytes = NULL };
	text_add(&cell, is_last ? "  → " : "  ");
	names_type(&cell, reference_type(naming_references(search->naming), number));
	text_add(&place, " of ");
	if (names_frame_object(report->naming, address, &place))
		text_append(&cell, text_string(&place), place.length);
	text_free(&place);
	table_take(table, line, 0, &cell);
	text_format(&cell, "0x%" PRIx64, address);
	table_take(table, line, 1, &cell);
	if (!is_last) {
		if (!reference_label(naming_references(search->naming), number, route->steps.items[index + 1], &cell))
			text_add(&cell, "?");
		reference_quote_local(&cell);
	}
	if (number == dominator) {
		text_add(&cell, "   ← ");
		if (search->heap->bytes[number] / 10 < search->heap->total / 10000) {
			report_bytes(report, &cell, search->heap->bytes[number]);
			text_add(&cell, " held here");
		} else {
			units_percent(&cell, search->heap->bytes[number], search->heap->total);
			text_add(&cell, "% of the heap is held here");
		}
	}
	table_take(table, line, 2, &cell);
	text_free(&cell);
}

static int show_steps(struct search *search, const struct route *route, uint32_t dominator)
{
	static const struct table_column columns[] = { { "", 0 }, { "", 0 }, { "", TABLE_ELASTIC } };
	struct report *report = search->report;
	const uint64_t limit = report->request->limit;
	struct table *table = table_create(columns, 3, report->style.width, false);
	if (table == NULL)
		return no_memory(search);
	struct text cell = { .bytes = NULL };
	for (size_t i = 0; i < route->steps.count; i++) {
		/* The middle of a long path is left out. */
		if (route->steps.count > limit && i == (limit + 1) / 2) {
			const size_t left_out = route->steps.count - limit;
			struct table_row *line = table_add_row(table, NULL);
			text_add(&cell, "  ... ");
			units_noun(&cell, left_out, "step");
			table_take(table, line, 0, &cell);
			table_set(table, line, 2, "(-n 0 shows all)");
			i += left_out;
			if (i >= route->steps.count)
				break;
		}
		add_step(search, table, route, i, dominator);
	}
	text_free(&cell);
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

static void say_root(struct search *search, const struct route *route, struct text *text)
{
	origins_say(&search->origins, route->holder, route->root, route->steps.items[0], text);
}

static int show_route(struct search *search, const struct path *path, size_t index, size_t count)
{
	struct report *report = search->report;
	struct route route;
	if (!route_make(&route, &search->origins, path))
		return no_memory(search);
	if (count > 1)
		text_format(report->text, "%sPath %zu of %zu, %zu step%s\n", index > 0 ? "\n" : "", index + 1, count,
		            route.steps.count, route.steps.count == 1 ? "" : "s");
	text_add(report->text, "  root  ");
	say_root(search, &route, report->text);
	text_add(report->text, "\n");
	int status = show_steps(search, &route, find_dominator(search, &route));
	route_clear(&route);
	return status;
}

/* "Path from a root to app.models.Session   0x7f319ab4c6d0   app.cache.SESSIONS['x'], retains 1.3 KiB" */
static void show_title(struct search *search, uint32_t number, size_t index)
{
	struct report *report = search->report;
	struct text *text = report->text;
	const uint64_t address = report->targets[index];
	struct text name = { .bytes = NULL };
	if (index > 0)
		text_add(text, "\n");
	names_describe(report->naming, address, &report->names, text);
	text_format(text, "   0x%" PRIx64, address);
	if (naming_number(search->naming, number, &name))
		text_format(text, "   %s", text_string(&name));
	text_add(text, "\n  retains ");
	report_bytes(report, text, search->heap->bytes[number]);
	text->failed |= name.failed;
	text_free(&name);
}

/* "app.cache → ['SESSIONS']" of a path from a module's dict, else its root. */
static void say_beginning(struct search *search, const struct path *path, const struct route *route, struct text *text)
{
	const struct origin *origin = origins_at(&search->origins, path->nodes[0]);
	if (origin->kind != ORIGIN_MODULE_DICT || !naming_number(search->naming, origin->above, text)) {
		say_root(search, route, text);
		return;
	}
	text_add(text, " → ");
	(void)reference_label(naming_references(search->naming), path->nodes[0], path->nodes[1], text);
}

static int show_other(struct search *search, const struct path *path)
{
	struct text *text = search->report->text;
	struct route route;
	if (!route_make(&route, &search->origins, path))
		return no_memory(search);
	text_add(text, "The next path: ");
	say_beginning(search, path, &route, text);
	text_add(text, ", ");
	units_noun(text, route.steps.count, "step");
	text_add(text, "; -k N shows more\n");
	route_clear(&route);
	return OK;
}

static void show_footer(struct search *search, uint32_t number, const struct path_list *paths)
{
	struct text *text = search->report->text;
	const struct referrer_count referrers = count_referrers(search, number);
	const bool is_last_resort = paths->count > 0 && paths->items[0].is_last_resort;
	if (referrers.found > 1) {
		units_noun(text, referrers.found, "referrer");
		text_add(text, " in all.\n");
	}
	if (referrers.is_held_from_c && !is_last_resort)
		text_add(text, "C code holds it too: its reference count is larger than the references found.\n");
	report_measure_line(search->report);
	report_next(search->report, "referrers object deepsize:-t", search->report->targets[0]);
}

static int show_text(struct search *search, uint32_t number, size_t index, const struct path_list *paths)
{
	struct report *report = search->report;
	struct text *text = report->text;
	const size_t wanted = report->request->paths;
	const size_t shown = paths->count < wanted ? paths->count : wanted;
	int status = OK;
	show_title(search, number, index);
	if (paths->count == 0)
		text_add(text, search->through != 0 ? "; no path from a root passes that object\n"
		                                    : "; no path from a root was found\n");
	else if (shown == 1)
		text_format(text, "; the shortest path from a root%s:\n",
		            search->through != 0 ? " through that object" : "");
	else
		text_format(text, "; the %zu shortest paths from roots:\n", shown);
	for (size_t i = 0; status == OK && i < shown; i++)
		status = show_route(search, &paths->items[i], i, shown);
	if (status == OK && paths->count > wanted && search->through == 0)
		status = show_other(search, &paths->items[wanted]);
	else if (status == OK && paths->count > 0 && search->through == 0)
		text_add(text, losses_are_there(report) || coverage_is_partial(&search->heap->graph->coverage)
		                       ? "There is no other path in what is known.\n"
		               : shown == 1 ? "There is no other path.\n"
		                            : "There are no other paths.\n");
	if (status == OK && index + 1 == report->request->targets.count)
		show_footer(search, number, paths);
	return status;
}

/* ---- JSON ---- */

static void json_step(struct search *search, const struct route *route, size_t index, uint32_t dominator)
{
	struct json *json = &search->report->json;
	const uint32_t number = route->steps.items[index];
	const struct type_info *type = reference_type(naming_references(search->naming), number);
	struct text label = { .bytes = NULL };
	json_object(json, NULL);
	json_address(json, "address", address_of(search, number));
	if (type != NULL)
		json_string(json, "type", type->name);
	else
		json_null(json, "type");
	(void)reference_label(naming_references(search->naming),
	                      index > 0 ? route->steps.items[index - 1] : route->root, number, &label);
	json_text(json, "label", &label);
	json_number(json, "retained", search->heap->bytes[number]);
	json_bool(json, "accumulates", number == dominator);
	json_object_end(json);
	search->report->text->failed |= label.failed;
	text_free(&label);
}

static int json_path(struct search *search, const struct path *path)
{
	struct json *json = &search->report->json;
	struct text root = { .bytes = NULL };
	struct route route;
	if (!route_make(&route, &search->origins, path))
		return no_memory(search);
	json_object(json, NULL);
	say_root(search, &route, &root);
	json_text(json, "root", &root);
	json_string(json, "root_kind", holder_kind_name(search->heap->graph->roots.holders.items[route.holder].kind));
	json_array(json, "steps");
	const uint32_t dominator = find_dominator(search, &route);
	for (size_t i = 0; i < route.steps.count && i < search->report->request->limit; i++)
		json_step(search, &route, i, dominator);
	json_array_end(json);
	json_object_end(json);
	search->report->text->failed |= root.failed;
	text_free(&root);
	route_clear(&route);
	return OK;
}

static int show_json(struct search *search, size_t index, uint32_t number, const struct path_list *paths)
{
	struct report *report = search->report;
	struct json *json = &report->json;
	struct text name = { .bytes = NULL };
	int status = OK;
	json_object(json, NULL);
	json_address(json, "address", report->targets[index]);
	json_string(json, "type", report->decoder->out.type->name);
	if (number != UINT32_MAX && naming_number(search->naming, number, &name))
		json_text(json, "name", &name);
	else
		json_null(json, "name");
	json_bool(json, "reachable", number != UINT32_MAX);
	if (number != UINT32_MAX)
		json_number(json, "retained", search->heap->bytes[number]);
	else
		json_null(json, "retained");
	json_array(json, "paths");
	for (size_t i = 0; status == OK && i < paths->count && i < report->request->paths; i++)
		status = json_path(search, &paths->items[i]);
	json_array_end(json);
	json_object_end(json);
	report->text->failed |= name.failed;
	text_free(&name);
	return status;
}

/* ---- The command ---- */

static int find_paths(struct search *search, uint32_t number, struct path_list *paths)
{
	struct report *report = search->report;
	struct path_request request = {
		.incoming = &search->heap->dominators.incoming,
		.starts = search->origins.starts,
		.target = number,
		.through = UINT32_MAX,
		/* Text says where the next path begins. */
		.count = report->request->paths + (report_is_json(report) || search->through != 0 ? 0 : 1),
		.progress = report->progress,
	};
	*paths = (struct path_list){ .count = 0 };
	if (search->through != 0) {
		request.through = retained_number(search->heap, search->through);
		if (request.through == UINT32_MAX)
			return OK; /* nothing leads through what nothing leads to */
	}
	return paths_find(paths, &request, report->error);
}

/* What nothing leads to. */
static void show_unreachable(struct search *search, size_t index)
{
	struct text *text = search->report->text;
	if (index > 0)
		text_add(text, "\n");
	report_title(search->report, index, true);
	text_add(text,
	         object_index_find(&search->heap->graph->index, search->report->targets[index]) != UINT32_MAX
	                 ? "  no root leads to it: garbage says whether a collection would free it\n"
	                 : "  no root leads to it, and the garbage collector does not know it: freed, or C code's "
	                   "alone\n");
	report_next(search->report, "referrers object", search->report->targets[index]);
}

static int show_one(struct search *search, size_t index)
{
	struct report *report = search->report;
	const uint32_t number = retained_number(search->heap, report->targets[index]);
	struct path_list paths = { .count = 0 };
	int status = number != UINT32_MAX ? find_paths(search, number, &paths) : OK;
	if (report_is_json(report)) {
		int shown = show_json(search, index, number, &paths);
		status = status < 0 ? status : shown;
	} else if (number == UINT32_MAX) {
		show_unreachable(search, index);
	} else if (status == OK) {
		status = show_text(search, number, index, &paths);
	}
	path_list_clear(&paths);
	return status;
}

static int show_targets(struct search *search)
{
	struct report *report = search->report;
	int status = OK;
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "objects");
	}
	for (size_t i = 0; i < report->request->targets.count && status >= 0; i++) {
		if (report_is_cancelled(report))
			status = report_cancelled(report);
		else if (report_decode_target(report, i))
			status = show_one(search, i);
	}
	if (report_is_json(report)) {
		json_array_end(&report->json);
		report_coverage_json(report, &search->heap->graph->coverage);
		report_json_end(report);
	} else {
		report_gaps(report, &search->heap->graph->coverage);
	}
	return status;
}

int path_report(struct report *report)
{
	const struct request *request = report->request;
	struct search search = { .report = report };
	if (request->through != NULL)
		TRY(names_resolve(report->naming, request->through, &report->names, &search.through, report->error));
	if (request->merge != NULL)
		return path_merge_report(report);
	TRY(report_heap(report, &search.heap));
	TRY(naming_open(&search.naming, &report->query, search.heap));
	int status = origins_open(&search.origins, &report->query, search.heap);
	if (status == OK)
		status = show_targets(&search);
	origins_clear(&search.origins);
	naming_close(search.naming);
	return status;
}
