/* SPDX-License-Identifier: MIT */
#include "export/profile.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/paths.h"
#include "export/hidden_name.h"
#include "export/labels.h"

enum {
	FIRST_SLOTS = 1 << 12,
	LARGEST_NAMESPACE = 256, /* entries of a dict whose values have frames of their own: more are data, "[*]" */
};

struct builder_of_profile {
	struct export *export;
	struct profile *profile;
	const struct retained *heap;
	struct labels labels;
	struct string_table names; /* of labels */
	struct decoder decoder;
	uint32_t *parents; /* by number: number of what it is below; PATH_NOT_REACHED: it is in no stack */
	uint32_t *order; /* numbers, a parent before its children; NULL: ascending */
	uint32_t count; /* numbers in order */
	uint32_t *label_of; /* by number: in names; UINT32_MAX: the parent has no word for it */
	uint32_t *frame_of; /* by number */
	uint32_t *slots; /* open addressing over frames: index + 1 */
	uint64_t mask;
	uint32_t any_item; /* "[*]" in names */
	struct path_forest forest;
};

static int no_memory(const struct builder_of_profile *builder)
{
	return error_set(builder->export->error, ERROR_NO_MEMORY, "out of memory for the profile");
}

void profile_clear(struct profile *profile)
{
	string_table_clear(&profile->strings);
	array_free(&profile->frames);
}

/* ---- Which node is below which ---- */

static int use_paths(struct builder_of_profile *builder)
{
	const struct retained *heap = builder->heap;
	const uint32_t count = heap->dominators.reached_count;
	uint8_t *starts = malloc((size_t)count + 1);
	if (starts == NULL)
		return no_memory(builder);
	memset(starts, PATH_NO_START, (size_t)count + 1);
	starts[0] = 0;
	int status = path_forest_grow(&builder->forest, &heap->dominators.incoming, starts,
	                              builder->export->tables->query.progress, builder->export->error);
	free(starts);
	builder->parents = builder->forest.before;
	builder->order = builder->forest.order;
	builder->count = builder->forest.count;
	return status;
}

/* ---- What a node is called below its parent ---- */

static uint32_t label_number(struct builder_of_profile *builder, const struct edge_cursor *found)
{
	const struct run *run = found->found;
	const bool is_data = run->label == LABEL_DICT_VALUE && run->count > LARGEST_NAMESPACE;
	if (run->label == LABEL_ITEM || run->label == LABEL_SET_ITEM || run->label == LABEL_DICT_KEY || is_data)
		return builder->any_item;
	return labels_of(&builder->labels, found).number;
}

/* Of each number the label of its parent's first reference to it. */
static int find_labels(struct builder_of_profile *builder)
{
	const struct dominators *dominators = &builder->heap->dominators;
	struct object_cursor cursor;
	struct edge_cursor references;
	uint64_t steps = 0;
	object_cursor_init(&cursor, &builder->heap->graph->index);
	for (uint32_t object = 0; object < builder->heap->graph->index.count; object++) {
		const uint64_t address = object_cursor_next(&cursor);
		const uint32_t source = dominators->number[object];
		if (progress_step(builder->export->tables->query.progress, &steps) < 0)
			return progress_cancelled(builder->export->error);
		if (source == UINT32_MAX)
			continue;
		edge_cursor_open(&references, builder->heap, &builder->decoder, object, address);
		while (edge_cursor_next(&references)) {
			const uint32_t target = dominators->number[references.target];
			if (target != UINT32_MAX && builder->parents[target] == source &&
			    builder->label_of[target] == UINT32_MAX)
				builder->label_of[target] = label_number(builder, &references);
		}
	}
	return builder->labels.failed || builder->decoder.out_of_memory ? no_memory(builder) : OK;
}

/* "SESSIONS: dict", of an attribute or a local without its dot. */
static uint32_t frame_name(struct builder_of_profile *builder, uint32_t number, uint32_t label)
{
	struct tables *tables = builder->export->tables;
	const uint32_t node = builder->heap->dominators.node[number];
	struct text *text = &tables->text;
	text_reset(text);
	if (node >= builder->heap->graph->index.count) {
		hidden_holder(tables, node - builder->heap->graph->index.count, builder->labels.hide_names, text);
	} else {
		size_t length = 0;
		const char *name = label != UINT32_MAX ? string_table_at(&builder->names, label, &length) : "";
		const bool has_dot = length > 0 && *name == '.';
		const struct type_info *type = tables_type(tables, node);
		const char *type_name = type != NULL ? type->name : "(torn)";
		size_t hidden;
		if (builder->export->options->hide_names)
			type_name = string_table_at(
			        &builder->names, labels_name(&builder->labels, type_name, strlen(type_name)), &hidden);
		text_append(text, name + has_dot, length - has_dot);
		text_add(text, length > 0 ? ": " : "");
		text_add(text, type_name);
	}
	return text->failed ? UINT32_MAX : string_table_add(&builder->profile->strings, text->bytes, text->length);
}

/* ---- Frames ---- */

static uint64_t frame_hash(uint32_t parent, uint32_t name)
{
	const uint64_t hash = ((uint64_t)parent << 32 | name) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static bool grow_slots(struct builder_of_profile *builder)
{
	const uint64_t count = builder->mask == 0 ? FIRST_SLOTS : 2 * (builder->mask + 1);
	uint32_t *slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	free(builder->slots);
	builder->slots = slots;
	builder->mask = count - 1;
	for (uint32_t i = 0; i < builder->profile->frames.count; i++) {
		const struct profile_frame *frame = &builder->profile->frames.items[i];
		uint64_t at = frame_hash(frame->parent, frame->name);
		while (slots[at & builder->mask] != 0)
			at++;
		slots[at & builder->mask] = i + 1;
	}
	return true;
}

/* The frame of that name below parent, new or known; UINT32_MAX: out of memory. */
static uint32_t find_frame(struct builder_of_profile *builder, uint32_t parent, uint32_t name)
{
	struct profile *profile = builder->profile;
	if ((profile->frames.count + 1) * 2 > builder->mask && !grow_slots(builder))
		return UINT32_MAX;
	uint64_t at = frame_hash(parent, name);
	for (; builder->slots[at & builder->mask] != 0; at++) {
		const uint32_t found = builder->slots[at & builder->mask] - 1;
		if (profile->frames.items[found].parent == parent && profile->frames.items[found].name == name)
			return found;
	}
	const uint32_t depth = profile->frames.count == 0 ? 0 : profile->frames.items[parent].depth + 1;
	const struct profile_frame frame = { .parent = parent, .name = name, .depth = depth };
	if (profile->frames.count >= UINT32_MAX - 1 || !array_push(&profile->frames, frame))
		return UINT32_MAX;
	builder->slots[at & builder->mask] = (uint32_t)profile->frames.count;
	return (uint32_t)profile->frames.count - 1;
}

/* The frame of a number whose parent has one. */
static uint32_t choose_frame(struct builder_of_profile *builder, uint32_t number)
{
	const struct profile *profile = builder->profile;
	const uint32_t name = frame_name(builder, number, builder->label_of[number]);
	if (name == UINT32_MAX)
		return UINT32_MAX;
	if (profile->frames.count == 0)
		return find_frame(builder, 0, name);
	const uint32_t parent = builder->frame_of[builder->parents[number]];
	const bool is_again = parent != 0 && profile->frames.items[parent].name == name;
	if (is_again || profile->frames.items[parent].depth >= PROFILE_DEPTH)
		return parent;
	return find_frame(builder, parent, name);
}

static int make_frames(struct builder_of_profile *builder)
{
	const struct heap_graph *graph = builder->heap->graph;
	uint64_t steps = 0;
	for (uint32_t i = 0; i < builder->count; i++) {
		const uint32_t number = builder->order != NULL ? builder->order[i] : i;
		const uint32_t node = builder->heap->dominators.node[number];
		const uint32_t frame = choose_frame(builder, number);
		if (frame == UINT32_MAX)
			return no_memory(builder);
		builder->frame_of[number] = frame;
		if (node < graph->index.count) {
			builder->profile->frames.items[frame].count++;
			builder->profile->frames.items[frame].bytes += heap_graph_shallow(graph, node);
		}
		if (progress_step(builder->export->tables->query.progress, &steps) < 0)
			return progress_cancelled(builder->export->error);
	}
	return OK;
}

static int build(struct builder_of_profile *builder)
{
	const struct dominators *dominators = &builder->heap->dominators;
	const size_t bytes = ((size_t)dominators->reached_count + 1) * sizeof(uint32_t);
	TRY(tables_types(builder->export->tables));
	builder->parents = dominators->idom;
	builder->count = dominators->reached_count;
	if (builder->export->options->tree == EXPORT_TREE_PATH)
		TRY(use_paths(builder));
	builder->label_of = malloc(bytes);
	builder->frame_of = malloc(bytes);
	builder->any_item = string_table_add(&builder->names, "[*]", 3);
	if (builder->label_of == NULL || builder->frame_of == NULL || builder->any_item == UINT32_MAX)
		return no_memory(builder);
	memset(builder->label_of, 0xff, bytes);
	TRY(find_labels(builder));
	return make_frames(builder);
}

int profile_make(struct profile *ret_profile, struct export *export)
{
	struct builder_of_profile builder = { .export = export, .profile = ret_profile, .heap = export->tables->heap };
	*ret_profile = (struct profile){ .frames = { .items = NULL } };
	decoder_init(&builder.decoder, export->tables->query.target->context);
	builder.decoder.skip_blocks = true;
	labels_open(&builder.labels, export->tables, &builder.names, export->options->hide_names);
	int status = build(&builder);
	labels_close(&builder.labels);
	string_table_clear(&builder.names);
	decoder_clear(&builder.decoder);
	path_forest_clear(&builder.forest);
	free(builder.label_of);
	free(builder.frame_of);
	free(builder.slots);
	if (status < 0)
		profile_clear(ret_profile);
	return status;
}
