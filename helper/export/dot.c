/* SPDX-License-Identifier: MIT
 * A few objects as a graph in the language of graphviz: the shortest paths to them, who refers to them, or what they
 * reach. More than some two hundred boxes nobody reads: the nearest are drawn, and it is said how many are not. */
#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "export/hidden_name.h"
#include "query/origins.h"
#include "query/tables/edges.h"
#include "render/units.h"

enum {
	MOST_NODES = 200,
	MOST_EDGES = 2000, /* beyond, the lines hide the boxes */
	PATHS_EACH = 5, /* to one target */
	LABEL_BYTES = 60,
};

/* Numbers are those of the heap's dominator tree. */
struct dot_edge {
	uint32_t from, to;
};

struct picture {
	struct export *export;
	const struct retained *heap;
	struct references references;
	struct address_map index; /* number + 1 to its place in nodes */
	ARRAY(uint32_t) nodes; /* numbers, nearest first */
	ARRAY(uint32_t) left_out; /* by place in nodes: neighbours that are not drawn */
	ARRAY(struct dot_edge) edges;
	struct decoder decoder;
	struct text label;
};

static int no_memory(const struct picture *picture)
{
	return error_set(picture->export->error, ERROR_NO_MEMORY, "out of memory for the picture");
}

/* ---- What is drawn ---- */

/* The place of a number in nodes, where it now is if there was room; UINT32_MAX: there was none. */
static int add_node(struct picture *picture, uint32_t number, uint32_t *ret_place)
{
	*ret_place = address_map_get(&picture->index, (uint64_t)number + 1);
	if (*ret_place != ADDRESS_MAP_NONE || picture->nodes.count >= MOST_NODES)
		return OK;
	*ret_place = (uint32_t)picture->nodes.count;
	const uint32_t none = 0;
	if (!array_push(&picture->nodes, number) || !array_push(&picture->left_out, none) ||
	    !address_map_set(&picture->index, (uint64_t)number + 1, *ret_place))
		return no_memory(picture);
	return OK;
}

static int add_edge(struct picture *picture, uint32_t from, uint32_t to)
{
	const struct dot_edge edge = { from, to };
	for (size_t i = 0; i < picture->edges.count; i++)
		if (picture->edges.items[i].from == from && picture->edges.items[i].to == to)
			return OK;
	if (picture->edges.count >= MOST_EDGES)
		return OK;
	return array_push(&picture->edges, edge) ? OK : no_memory(picture);
}

static int add_route(struct picture *picture, const struct route *route)
{
	uint32_t place;
	uint32_t before = route->root;
	TRY(add_node(picture, route->root, &place));
	for (size_t i = 0; i < route->steps.count; i++) {
		const uint32_t number = route->steps.items[i];
		TRY(add_node(picture, number, &place));
		if (place == UINT32_MAX)
			break;
		if (number != before)
			TRY(add_edge(picture, before, number));
		before = number;
	}
	return OK;
}

static int add_paths(struct picture *picture, const struct origins *origins, uint32_t target)
{
	struct path_list paths = { .items = NULL };
	const struct path_request request = { .incoming = &picture->heap->dominators.incoming,
		                              .starts = origins->starts,
		                              .target = target,
		                              .through = UINT32_MAX,
		                              .count = PATHS_EACH,
		                              .progress = picture->export->tables->query.progress };
	int status = paths_find(&paths, &request, picture->export->error);
	for (size_t i = 0; status == OK && i < paths.count; i++) {
		struct route route;
		if (!route_make(&route, origins, &paths.items[i])) {
			status = no_memory(picture);
			break;
		}
		status = add_route(picture, &route);
		route_clear(&route);
	}
	path_list_clear(&paths);
	return status;
}

/* Who refers to the node at `place`. What has a name by itself, a module's dict or a frame, is drawn, and what refers
 * to that is not: it says nothing more. */
static int add_referrers(struct picture *picture, const struct origins *origins, uint32_t place)
{
	const struct edge_rows *incoming = &picture->heap->dominators.incoming;
	const uint32_t number = picture->nodes.items[place];
	uint32_t last = UINT32_MAX, other;
	if (origins->starts[number] != PATH_NO_START && place >= picture->export->options->target_count)
		return OK;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		/* A row ascends: several references of one stand side by side. */
		if (from == last || from == number)
			continue;
		last = from;
		TRY(tables_check(picture->export->tables, edge));
		TRY(add_node(picture, from, &other));
		if (other == UINT32_MAX)
			picture->left_out.items[place]++;
		else
			TRY(add_edge(picture, from, number));
	}
	return OK;
}

/* What the node at `place` refers to. Classes, modules and code are drawn, and what they reach is not: nearly all of
 * the program. */
static int add_reached(struct picture *picture, uint32_t place)
{
	const struct dominators *dominators = &picture->heap->dominators;
	const uint32_t number = picture->nodes.items[place], node = dominators->node[number];
	const struct type_info *type = reference_type(&picture->references, number);
	struct edge_cursor found;
	uint32_t holder, other;
	if (node >= picture->heap->graph->index.count || (place > 0 && type != NULL && type->flags & TYPE_IS_BOUNDARY))
		return OK;
	edge_cursor_open(&found, picture->heap, &picture->decoder, node, retained_node(picture->heap, number, &holder));
	for (uint64_t step = 1; edge_cursor_next(&found); step++) {
		const uint32_t to = dominators->number[found.target];
		TRY(tables_check(picture->export->tables, step));
		if (to == UINT32_MAX || to == number || found.found->label == LABEL_TYPE)
			continue;
		TRY(add_node(picture, to, &other));
		if (other == UINT32_MAX)
			picture->left_out.items[place]++;
		else
			TRY(add_edge(picture, number, to));
	}
	return picture->decoder.out_of_memory ? no_memory(picture) : OK;
}

static int gather(struct picture *picture)
{
	const struct export_options *options = picture->export->options;
	struct origins origins;
	uint32_t place;
	TRY(origins_open(&origins, &picture->export->tables->query, picture->heap));
	int status = OK;
	for (size_t i = 0; status == OK && i < options->target_count; i++) {
		const uint32_t number = retained_number(picture->heap, options->targets[i]);
		if (number == UINT32_MAX)
			status = error_set(picture->export->error, ERROR_NOT_FOUND,
			                   "no root leads to 0x%" PRIx64 ", so it has no place in the picture; "
			                   "`referrers` says who refers to it",
			                   options->targets[i]);
		else if (options->shown == EXPORT_SHOW_PATH)
			status = add_paths(picture, &origins, number);
		else
			status = add_node(picture, number, &place);
	}
	for (uint32_t i = 0; status == OK && options->shown != EXPORT_SHOW_PATH && i < picture->nodes.count; i++)
		status = options->shown == EXPORT_SHOW_REFERRERS ? add_referrers(picture, &origins, i)
		                                                 : add_reached(picture, i);
	origins_clear(&origins);
	return status;
}

/* ---- How it is drawn ---- */

/* A part of a quoted string; what is longer than a box is cut, between characters. */
static void put_label(struct picture *picture, const char *bytes, size_t length)
{
	struct text hidden = { .bytes = NULL };
	struct writer *writer = &picture->export->writer;
	if (picture->export->options->hide_names) {
		hidden_name(picture->export->tables, bytes, length, &hidden);
		bytes = text_string(&hidden);
		length = hidden.length;
	}
	size_t shown = length;
	if (length > LABEL_BYTES)
		for (shown = LABEL_BYTES; shown > 0 && ((unsigned char)bytes[shown] & 0xc0) == 0x80; shown--)
			;
	for (size_t i = 0; i < shown; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\')
			writer_character(writer, '\\');
		writer_character(writer, bytes[i]);
	}
	if (shown < length)
		writer_add(writer, "...");
	text_free(&hidden);
}

static bool is_target(const struct picture *picture, uint64_t address)
{
	for (size_t i = 0; i < picture->export->options->target_count; i++)
		if (picture->export->options->targets[i] == address)
			return true;
	return false;
}

static void put_node(struct picture *picture, uint32_t place)
{
	struct writer *writer = &picture->export->writer;
	struct tables *tables = picture->export->tables;
	const uint32_t number = picture->nodes.items[place];
	uint32_t holder;
	const uint64_t address = retained_node(picture->heap, number, &holder);
	struct text *label = &picture->label;
	text_reset(label);
	writer_add(writer, "\tn");
	writer_decimal(writer, place);
	writer_add(writer, " [label=\"");
	if (address == 0)
		tables_holder(tables, holder, label);
	else if (picture->export->options->hide_names)
		names_type(label, reference_type(&picture->references, number));
	else
		names_describe(picture->references.decoder, address, &tables->query.names, label);
	put_label(picture, text_string(label), label->length);
	if (address != 0) {
		text_reset(label);
		units_bytes(label, picture->heap->bytes[number], false);
		writer_add(writer, "\\n");
		writer_hex(writer, address);
		writer_add(writer, "\\nretains ");
		writer_append(writer, text_string(label), label->length);
	}
	if (picture->left_out.items[place] > 0) {
		writer_add(writer, "\\n... ");
		writer_decimal(writer, picture->left_out.items[place]);
		writer_add(writer, " more not drawn");
	}
	writer_add(writer, "\"");
	if (address == 0)
		writer_add(writer, ", shape=ellipse");
	else if (is_target(picture, address))
		writer_add(writer, ", penwidth=3");
	else if (picture->left_out.items[place] > 0)
		writer_add(writer, ", style=dashed");
	writer_add(writer, "];\n");
}

static void put_edge(struct picture *picture, const struct dot_edge *edge)
{
	struct writer *writer = &picture->export->writer;
	text_reset(&picture->label);
	writer_add(writer, "\tn");
	writer_decimal(writer, address_map_get(&picture->index, (uint64_t)edge->from + 1));
	writer_add(writer, " -> n");
	writer_decimal(writer, address_map_get(&picture->index, (uint64_t)edge->to + 1));
	if (reference_label(&picture->references, edge->from, edge->to, &picture->label) && picture->label.length > 0) {
		writer_add(writer, " [label=\"");
		put_label(picture, text_string(&picture->label), picture->label.length);
		writer_add(writer, "\"]");
	}
	writer_add(writer, ";\n");
}

static void put_picture(struct picture *picture)
{
	static const char *const titles[] = { "shortest paths from roots", "what refers to it", "what it reaches" };
	struct writer *writer = &picture->export->writer;
	uint64_t left_out = 0;
	for (size_t i = 0; i < picture->nodes.count; i++)
		left_out += picture->left_out.items[i];
	writer_add(writer, "// pydeepsize: dot -Tsvg FILE\ndigraph heap {\n\trankdir=LR; fontname=\"sans-serif\"; "
	                   "labelloc=t; label=\"");
	writer_add(writer, titles[picture->export->options->shown]);
	if (left_out > 0)
		writer_add(writer, "; the nearest are drawn, dashed boxes have more");
	writer_add(writer, "\";\n\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
	                   "\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	for (uint32_t i = 0; i < picture->nodes.count; i++)
		put_node(picture, i);
	for (size_t i = 0; i < picture->edges.count; i++)
		put_edge(picture, &picture->edges.items[i]);
	writer_add(writer, "}\n");
}

int export_dot(struct export *export)
{
	struct picture picture = { .export = export,
		                   .heap = export->tables->heap,
		                   .references = references_of(&export->tables->query, export->tables->heap) };
	if (export->options->target_count == 0)
		return error_set(export->error, ERROR_ARGUMENT,
		                 "a picture is of a few objects: name them after the file, as in "
		                 "`export path.dot app.cache.SESSIONS`");
	decoder_init(&picture.decoder, export->tables->query.target->context);
	picture.decoder.skip_blocks = true;
	int status = gather(&picture);
	if (status == OK)
		put_picture(&picture);
	if (picture.label.failed && status == OK)
		status = no_memory(&picture);
	decoder_clear(&picture.decoder);
	address_map_clear(&picture.index);
	array_free(&picture.nodes);
	array_free(&picture.left_out);
	array_free(&picture.edges);
	text_free(&picture.label);
	return status;
}
