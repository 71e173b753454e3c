/* SPDX-License-Identifier: MIT
 * A V8 heap snapshot: what Chrome DevTools, VS Code and memlab open. Its format has no description of its own; the
 * readers are HeapSnapshotLoader.ts and HeapSnapshot.ts of the DevTools front end. They want one JSON object with its
 * keys in this order, 32-bit sizes and ids, and every node below the first.
 *
 * Nodes: the root, "(GC roots)" (the process), the other holders, what stands for garbage, objects by address, and
 * nodes that are parts of others: of objects above 4 GiB, and sums of small objects. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "export/export.h"
#include "object/type_flags.h"
#include "export/kept.h"
#include "export/hidden_name.h"
#include "export/labels.h"
#include "export/node_ids.h"
#include "graph/holder_runs.h"

/* Indexes in "node_types" and "edge_types" below. */
enum { NODE_STRING = 2, NODE_OBJECT = 3, NODE_NATIVE = 8, NODE_SYNTHETIC = 9 };
enum { LINK_CONTEXT = 0, LINK_ELEMENT = 1, LINK_PROPERTY = 2, LINK_INTERNAL = 3, LINK_HIDDEN = 4, LINK_WEAK = 6 };
enum { NODE_FIELDS = 7 };

#define LARGEST_SIZE UINT64_C(0xFFFFFFFF)

static const char header[] =
        "{\"snapshot\":{\"meta\":{\n"
        "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"trace_node_id\",\"detachedness\"],\n"
        "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","
        "\"native\",\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],"
        "\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],\n"
        "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\n"
        "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
        "\"string_or_number\",\"node\"],\n"
        "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\n"
        "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],\n"
        "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],\n"
        "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},\n";

struct link {
	uint32_t source; /* index of a holder */
	uint32_t number; /* of the dominator tree: what it holds */
	uint32_t label; /* in the string table; UINT32_MAX: an element */
};

/* A node that has only bytes. */
struct part {
	uint32_t owner; /* index of a holder, or the count of holders + an object */
	uint32_t name; /* in the string table */
	uint32_t bytes;
};

struct snapshot {
	struct export *export;
	struct writer *writer;
	struct tables *tables;
	const struct retained *heap;
	struct kept kept;
	struct labels labels;
	struct string_table strings;
	struct decoder decoder;
	uint32_t objects, holders; /* counts */
	uint32_t *ordinals; /* by object: its node; UINT32_MAX: it has none */
	uint32_t *edge_counts; /* by object */
	uint32_t *seen; /* by number: the owner + 1 of which a small object last referred to it */
	uint32_t *holder_counts; /* the same by holder */
	uint32_t garbage_count;
	uint32_t *names; /* by type_info.index: in the string table; UINT32_MAX: not there yet */
	struct node_ids ids;
	ARRAY(struct link) links; /* of holders, by source */
	ARRAY(struct part) parts; /* by owner */
	size_t link, part; /* the next ones of a pass */
	uint32_t first_holder, garbage, first_part; /* nodes; garbage UINT32_MAX: there is none */
	uint32_t node_count;
	uint64_t edge_count;
	uint32_t next_id; /* of nodes that are no objects */
	bool is_writing; /* false: edges are counted */
	bool is_first; /* no edge was written yet */
};

static int no_memory(const struct snapshot *snapshot)
{
	return error_set(snapshot->export->error, ERROR_NO_MEMORY, "out of memory for the heap snapshot");
}

/* ---- Edges ---- */

static void put_edge(struct snapshot *snapshot, unsigned type, uint32_t name, uint32_t node)
{
	struct writer *writer = snapshot->writer;
	writer_append(writer, snapshot->is_first ? "\n" : ",\n", snapshot->is_first ? 1 : 2);
	snapshot->is_first = false;
	writer_decimal(writer, type);
	writer_character(writer, ',');
	writer_decimal(writer, name);
	writer_character(writer, ',');
	writer_decimal(writer, (uint64_t)node * NODE_FIELDS);
}

static unsigned link_type(const struct run *run, enum edge_kind kind)
{
	if (run->label == LABEL_LOCAL)
		return LINK_CONTEXT;
	return kind == EDGE_ELEMENT ? LINK_ELEMENT
	       : kind == EDGE_KEY   ? LINK_HIDDEN
	       : kind == EDGE_NAMED ? LINK_PROPERTY
	                            : LINK_INTERNAL;
}

/* The references of one object: as edges of the node `owner`, which is the object itself unless it is a small one. */
static uint32_t object_edges(struct snapshot *snapshot, uint32_t object, uint64_t address, uint32_t owner)
{
	const struct dominators *dominators = &snapshot->heap->dominators;
	struct edge_cursor cursor;
	uint32_t count = 0;
	edge_cursor_open(&cursor, snapshot->heap, &snapshot->decoder, object, address);
	const bool is_garbage = cursor.source_number == UINT32_MAX;
	const bool is_small = !is_garbage && owner != cursor.source_number;
	while (edge_cursor_next(&cursor)) {
		const uint32_t node = snapshot->ordinals[cursor.target];
		const uint32_t number = dominators->number[cursor.target];
		if (node == UINT32_MAX || (is_small && (number == owner || snapshot->seen[number] == owner + 1)))
			continue;
		if (is_small)
			snapshot->seen[number] = owner + 1;
		count++;
		if (!snapshot->is_writing)
			continue;
		const struct edge_label label = labels_of(&snapshot->labels, &cursor);
		/* What garbage refers to is kept alive by others: a weak edge takes nothing from them. */
		const bool is_weak = is_garbage && number != UINT32_MAX;
		if (is_weak)
			put_edge(snapshot, LINK_WEAK, 0, node);
		else
			put_edge(snapshot, link_type(cursor.found, label.kind), label.number, node);
	}
	return count;
}

/* Those of the small objects that a node stands for. */
static uint32_t small_edges(struct snapshot *snapshot, uint32_t number)
{
	const struct kept *kept = &snapshot->kept;
	uint32_t count = 0;
	for (uint32_t i = kept->small_first[number]; i < kept->small_first[number + 1]; i++) {
		const uint32_t small = snapshot->heap->dominators.node[kept->small[i]];
		count += object_edges(snapshot, small, tables_address(snapshot->tables, small), number);
	}
	return count;
}

/* Those to the parts of a node, which come in the order of their owners. */
static uint32_t part_edges(struct snapshot *snapshot, uint32_t owner)
{
	uint32_t count = 0;
	for (; snapshot->part < snapshot->parts.count && snapshot->parts.items[snapshot->part].owner == owner;
	     count++) {
		if (snapshot->is_writing)
			put_edge(snapshot, LINK_INTERNAL, snapshot->parts.items[snapshot->part].name,
			         snapshot->first_part + (uint32_t)snapshot->part);
		snapshot->part++;
	}
	return count;
}

static uint32_t holder_edges(struct snapshot *snapshot, uint32_t holder)
{
	const struct dominators *dominators = &snapshot->heap->dominators;
	const uint32_t number = retained_holder_number(snapshot->heap, holder);
	uint32_t count = 0;
	for (; snapshot->link < snapshot->links.count && snapshot->links.items[snapshot->link].source == holder;
	     snapshot->link++) {
		const struct link *link = &snapshot->links.items[snapshot->link];
		const uint32_t node = dominators->node[link->number];
		const uint32_t ordinal = node < snapshot->objects ? snapshot->ordinals[node]
		                                                  : snapshot->first_holder + node - snapshot->objects;
		if (ordinal == UINT32_MAX)
			continue;
		count++;
		if (snapshot->is_writing)
			put_edge(snapshot, link->label == UINT32_MAX ? LINK_ELEMENT : LINK_PROPERTY,
			         link->label == UINT32_MAX ? count : link->label, ordinal);
	}
	if (holder == 0 && snapshot->garbage != UINT32_MAX) {
		count++;
		if (snapshot->is_writing)
			put_edge(snapshot, LINK_ELEMENT, count, snapshot->garbage);
	}
	if (number != UINT32_MAX && snapshot->kept.owner != NULL)
		count += small_edges(snapshot, number);
	return count + part_edges(snapshot, holder);
}

static uint32_t garbage_edges(struct snapshot *snapshot)
{
	uint32_t count = 0;
	for (uint32_t object = 0; object < snapshot->objects; object++) {
		if (snapshot->heap->dominators.number[object] != UINT32_MAX)
			continue;
		count++;
		if (snapshot->is_writing)
			put_edge(snapshot, LINK_ELEMENT, count, snapshot->ordinals[object]);
	}
	return count;
}

/* Goes through all edges, node by node. Their numbers are in edge_counts of the objects afterwards. */
static int pass_edges(struct snapshot *snapshot)
{
	struct object_cursor cursor;
	uint64_t steps = 0;
	snapshot->part = snapshot->link = 0;
	snapshot->edge_count = 1; /* from the root to "(GC roots)" */
	if (snapshot->is_writing)
		put_edge(snapshot, LINK_ELEMENT, 1, 1);
	if (snapshot->seen != NULL)
		memset(snapshot->seen, 0,
		       ((size_t)snapshot->heap->dominators.reached_count + 1) * sizeof *snapshot->seen);
	for (uint32_t holder = 0; holder < snapshot->holders; holder++)
		snapshot->edge_count += snapshot->holder_counts[holder] = holder_edges(snapshot, holder);
	if (snapshot->garbage != UINT32_MAX)
		snapshot->edge_count += snapshot->garbage_count = garbage_edges(snapshot);
	object_cursor_init(&cursor, &snapshot->heap->graph->index);
	for (uint32_t object = 0; object < snapshot->objects; object++) {
		const uint64_t address = object_cursor_next(&cursor);
		const uint32_t number = snapshot->heap->dominators.number[object];
		if (snapshot->ordinals[object] == UINT32_MAX)
			continue;
		uint32_t count = object_edges(snapshot, object, address, number);
		if (number != UINT32_MAX && snapshot->kept.owner != NULL)
			count += small_edges(snapshot, number);
		count += part_edges(snapshot, snapshot->holders + object);
		snapshot->edge_counts[object] = count;
		snapshot->edge_count += count;
		if (progress_step(snapshot->tables->query.progress, &steps) < 0)
			return progress_cancelled(snapshot->export->error);
	}
	return snapshot->decoder.out_of_memory || snapshot->labels.failed ? no_memory(snapshot) : OK;
}

/* ---- Sizes and parts ---- */

/* Bytes of a node, its parts left out. */
static uint64_t object_bytes(const struct snapshot *snapshot, uint32_t object)
{
	const uint32_t number = snapshot->heap->dominators.number[object];
	uint64_t bytes = heap_graph_shallow(snapshot->heap->graph, object);
	if (number != UINT32_MAX && snapshot->kept.folded_bytes != NULL)
		bytes += snapshot->kept.folded_bytes[number];
	return bytes;
}

static bool add_parts(struct snapshot *snapshot, uint32_t owner, uint64_t bytes, const char *name)
{
	const uint32_t string = string_table_add(&snapshot->strings, name, strlen(name));
	if (string == UINT32_MAX)
		return false;
	for (; bytes > 0; bytes -= bytes < LARGEST_SIZE ? bytes : LARGEST_SIZE) {
		const struct part part = { .owner = owner,
			                   .name = string,
			                   .bytes = (uint32_t)(bytes < LARGEST_SIZE ? bytes : LARGEST_SIZE) };
		if (!array_push(&snapshot->parts, part))
			return false;
	}
	return true;
}

static bool add_small(struct snapshot *snapshot, uint32_t owner, uint32_t number)
{
	char name[64];
	const struct kept *kept = &snapshot->kept;
	if (number == UINT32_MAX || kept->owner == NULL || kept->small_bytes[number] == 0)
		return true;
	snprintf(name, sizeof name, "(%" PRIu32 " small objects)",
	         kept->small_first[number + 1] - kept->small_first[number]);
	return add_parts(snapshot, owner, kept->small_bytes[number], name);
}

/* Numbers the nodes. */
static int number_nodes(struct snapshot *snapshot)
{
	const struct retained *heap = snapshot->heap;
	uint32_t next;
	bool done = true;
	snapshot->first_holder = 1; /* the process is "(GC roots)" */
	next = snapshot->first_holder + snapshot->holders;
	snapshot->garbage = heap->unreachable_count > 0 ? next++ : UINT32_MAX;
	for (uint32_t holder = 0; done && holder < snapshot->holders; holder++)
		done = add_small(snapshot, holder, retained_holder_number(heap, holder));
	for (uint32_t object = 0; done && object < snapshot->objects; object++) {
		const uint32_t number = heap->dominators.number[object];
		snapshot->ordinals[object] = UINT32_MAX;
		if (number != UINT32_MAX && !kept_has(&snapshot->kept, number))
			continue;
		snapshot->ordinals[object] = next++;
		const uint64_t bytes = object_bytes(snapshot, object);
		if (bytes > LARGEST_SIZE)
			done = add_parts(snapshot, snapshot->holders + object, bytes - LARGEST_SIZE, "(rest of it)");
		done = done && add_small(snapshot, snapshot->holders + object, number);
	}
	snapshot->first_part = next;
	snapshot->node_count = next + (uint32_t)snapshot->parts.count;
	return done ? OK : no_memory(snapshot);
}

/* ---- Holders ---- */

static int compare_links(const void *left_link, const void *right_link)
{
	const struct link *left = left_link, *right = right_link;
	if (left->source != right->source)
		return left->source < right->source ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

/* Gives the links of a holder that have a slot of their own its label. */
static void label_links(struct snapshot *snapshot)
{
	struct holder_runs runs;
	holder_runs_open(&runs, &snapshot->heap->graph->roots, &snapshot->decoder);
	for (const struct run *run; (run = holder_runs_next(&runs)) != NULL;) {
		for (uint64_t slot = 0; slot < run->count; slot++) {
			const uint64_t address = run_target(run, slot);
			const uint32_t number = address != 0 ? retained_number(snapshot->heap, address) : UINT32_MAX;
			const struct link key = { .source = runs.holder, .number = number };
			struct link *link = number == UINT32_MAX
			                            ? NULL
			                            : bsearch(&key, snapshot->links.items, snapshot->links.count,
			                                      sizeof key, compare_links);
			if (link == NULL)
				continue;
			const struct edge_label label = labels_of_slot(&snapshot->labels, run, slot);
			if (label.kind == EDGE_NAMED || label.kind == EDGE_INTERNAL)
				link->label = label.number;
		}
	}
}

/* What each holder holds: the graph's edges, turned round. */
static int find_links(struct snapshot *snapshot)
{
	const struct dominators *dominators = &snapshot->heap->dominators;
	for (uint32_t number = 0; number < dominators->reached_count; number++) {
		for (uint32_t edge = dominators->incoming.first[number]; edge < dominators->incoming.first[number + 1];
		     edge++) {
			const uint32_t source = dominators->node[dominators->incoming.targets[edge]];
			const struct link link = { source - snapshot->objects, number, UINT32_MAX };
			if (source >= snapshot->objects && !array_push(&snapshot->links, link))
				return no_memory(snapshot);
		}
		TRY(tables_check(snapshot->tables, number));
	}
	if (sort_items(snapshot->links.items, snapshot->links.count, sizeof *snapshot->links.items, compare_links,
	               snapshot->tables->query.progress) < 0)
		return query_cancelled(&snapshot->tables->query);
	label_links(snapshot);
	return OK;
}

/* ---- Nodes ---- */

static void put_node(struct snapshot *snapshot, unsigned type, uint32_t name, uint32_t id, uint64_t bytes,
                     uint32_t edges)
{
	struct writer *writer = snapshot->writer;
	writer_append(writer, snapshot->is_first ? "\n" : ",\n", snapshot->is_first ? 1 : 2);
	snapshot->is_first = false;
	writer_decimal(writer, type);
	writer_character(writer, ',');
	writer_decimal(writer, name);
	writer_character(writer, ',');
	writer_decimal(writer, id);
	writer_character(writer, ',');
	writer_decimal(writer, bytes < LARGEST_SIZE ? bytes : LARGEST_SIZE);
	writer_character(writer, ',');
	writer_decimal(writer, edges);
	writer_add(writer, ",0,0");
}

/* Nodes that are no objects have the lowest odd ids. */
static void put_synthetic(struct snapshot *snapshot, unsigned type, const char *name, size_t length, uint64_t bytes,
                          uint32_t edges)
{
	const uint32_t string = string_table_add(&snapshot->strings, name, length);
	uint32_t id = snapshot->next_id;
	while (node_ids_has(&snapshot->ids, id))
		id += 2;
	snapshot->next_id = id + 2;
	snapshot->labels.failed |= string == UINT32_MAX;
	put_node(snapshot, type, string, id, bytes, edges);
}

static int put_object(struct snapshot *snapshot, uint32_t object, uint64_t address)
{
	struct tables *tables = snapshot->tables;
	const struct type_info *type = tables_type(tables, object);
	if (type != NULL && snapshot->names[type->index] == UINT32_MAX)
		snapshot->names[type->index] = labels_name(&snapshot->labels, type->name, strlen(type->name));
	uint32_t name = type != NULL ? snapshot->names[type->index] : labels_name(&snapshot->labels, "(torn)", 6);
	unsigned kind = NODE_OBJECT;
	if (tables->query.names.show_values && type != NULL && type->tp_flags & TPFLAGS_UNICODE_SUBCLASS) {
		/* Escaped as everywhere, and as long as a description is. */
		text_reset(&tables->text);
		names_describe(&tables->query.target->naming, address, &tables->query.names, &tables->text);
		name = string_table_add(&snapshot->strings, text_string(&tables->text), tables->text.length);
		kind = NODE_STRING;
		snapshot->labels.failed |= name == UINT32_MAX || tables->text.failed;
	}
	put_node(snapshot, kind, name, node_ids_of(&snapshot->ids, object), object_bytes(snapshot, object),
	         snapshot->edge_counts[object]);
	return snapshot->labels.failed ? no_memory(snapshot) : OK;
}

static int put_nodes(struct snapshot *snapshot)
{
	static const char garbage[] = "(unreachable: only the collector knows it)";
	struct object_cursor cursor;
	uint64_t steps = 0;
	struct text name = { .bytes = NULL };
	put_synthetic(snapshot, NODE_SYNTHETIC, "", 0, 0, 1);
	for (uint32_t holder = 0; holder < snapshot->holders; holder++) {
		text_reset(&name);
		if (holder == 0)
			text_add(&name, "(GC roots)");
		else
			hidden_holder(snapshot->tables, holder, snapshot->labels.hide_names, &name);
		put_synthetic(snapshot, NODE_SYNTHETIC, text_string(&name), name.length, 0,
		              snapshot->holder_counts[holder]);
	}
	snapshot->labels.failed |= name.failed;
	text_free(&name);
	if (snapshot->garbage != UINT32_MAX)
		put_synthetic(snapshot, NODE_SYNTHETIC, garbage, sizeof garbage - 1, 0, snapshot->garbage_count);
	object_cursor_init(&cursor, &snapshot->heap->graph->index);
	for (uint32_t object = 0; object < snapshot->objects; object++) {
		const uint64_t address = object_cursor_next(&cursor);
		if (snapshot->ordinals[object] != UINT32_MAX)
			TRY(put_object(snapshot, object, address));
		if (progress_step(snapshot->tables->query.progress, &steps) < 0)
			return progress_cancelled(snapshot->export->error);
	}
	for (size_t i = 0; i < snapshot->parts.count; i++) {
		size_t length;
		const char *part = string_table_at(&snapshot->strings, snapshot->parts.items[i].name, &length);
		struct text copy = { .bytes = NULL }; /* the table may move */
		text_append(&copy, part, length);
		put_synthetic(snapshot, NODE_NATIVE, text_string(&copy), copy.length, snapshot->parts.items[i].bytes,
		              0);
		text_free(&copy);
	}
	return snapshot->labels.failed ? no_memory(snapshot) : OK;
}

static int put_strings(struct snapshot *snapshot)
{
	writer_add(snapshot->writer, "\"strings\":[");
	for (uint32_t i = 0; i < snapshot->strings.starts.count; i++) {
		size_t length;
		const char *bytes = string_table_at(&snapshot->strings, i, &length);
		writer_append(snapshot->writer, ",\n", i > 0 ? 2 : 0);
		writer_json(snapshot->writer, bytes, length);
		TRY(tables_check(snapshot->tables, i));
	}
	writer_add(snapshot->writer, "]}\n");
	return OK;
}

/* ---- All of it ---- */

static int prepare(struct snapshot *snapshot)
{
	struct tables *tables = snapshot->tables;
	const size_t objects = snapshot->objects;
	const size_t types = tables->query.target->context->types.count;
	TRY(tables_types(tables));
	TRY(kept_open(&snapshot->kept, snapshot->export));
	snapshot->ordinals = malloc((objects + 1) * sizeof *snapshot->ordinals);
	snapshot->edge_counts = calloc(objects + 1, sizeof *snapshot->edge_counts);
	snapshot->holder_counts = calloc((size_t)snapshot->holders + 1, sizeof *snapshot->holder_counts);
	snapshot->names = malloc((types + 1) * sizeof *snapshot->names);
	if (snapshot->kept.owner != NULL)
		snapshot->seen = calloc((size_t)snapshot->heap->dominators.reached_count + 2, sizeof *snapshot->seen);
	if (snapshot->ordinals == NULL || snapshot->edge_counts == NULL || snapshot->holder_counts == NULL ||
	    snapshot->names == NULL || (snapshot->kept.owner != NULL && snapshot->seen == NULL))
		return no_memory(snapshot);
	memset(snapshot->names, 0xff, (types + 1) * sizeof *snapshot->names);
	/* DevTools shows string 0 for what has no name. */
	if (string_table_add(&snapshot->strings, "<dummy>", 7) == UINT32_MAX)
		return no_memory(snapshot);
	TRY(node_ids_open(&snapshot->ids, tables, snapshot->export->error));
	TRY(find_links(snapshot));
	return number_nodes(snapshot);
}

static int write_all(struct snapshot *snapshot)
{
	struct writer *writer = snapshot->writer;
	TRY(pass_edges(snapshot));
	writer_add(writer, header);
	writer_add(writer, "\"node_count\":");
	writer_decimal(writer, snapshot->node_count);
	writer_add(writer, ",\"edge_count\":");
	writer_decimal(writer, snapshot->edge_count);
	writer_add(writer, ",\"trace_function_count\":0,\"extra_native_bytes\":0},\n\"nodes\":[");
	snapshot->is_first = true;
	TRY(put_nodes(snapshot));
	writer_add(writer, "],\n\"edges\":[");
	snapshot->is_first = snapshot->is_writing = true;
	TRY(pass_edges(snapshot));
	writer_add(writer, "],\n\"trace_function_infos\":[],\"trace_tree\":[],\"samples\":[],\"locations\":[],\n");
	TRY(put_strings(snapshot));
	return writer->status;
}

int export_heapsnapshot(struct export *export)
{
	struct tables *tables = export->tables;
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);
	if (snapshot == NULL)
		return error_set(export->error, ERROR_NO_MEMORY, "out of memory for the heap snapshot");
	*snapshot = (struct snapshot){ .export = export,
		                       .writer = &export->writer,
		                       .tables = tables,
		                       .heap = tables->heap,
		                       .objects = tables->heap->graph->index.count,
		                       .holders = (uint32_t)tables->heap->graph->roots.holders.count,
		                       .next_id = 1 };
	decoder_init(&snapshot->decoder, tables->query.target->context);
	snapshot->decoder.skip_blocks = true;
	labels_open(&snapshot->labels, tables, &snapshot->strings, export->options->hide_names);
	int status = prepare(snapshot);
	if (status == OK)
		status = write_all(snapshot);
	kept_close(&snapshot->kept);
	node_ids_close(&snapshot->ids);
	labels_close(&snapshot->labels);
	string_table_clear(&snapshot->strings);
	decoder_clear(&snapshot->decoder);
	array_free(&snapshot->links);
	array_free(&snapshot->parts);
	free(snapshot->ordinals);
	free(snapshot->edge_counts);
	free(snapshot->holder_counts);
	free(snapshot->names);
	free(snapshot->seen);
	free(snapshot);
	return status;
}
