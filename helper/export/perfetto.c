/* SPDX-License-Identifier: MIT
 * A Perfetto trace with one heap graph (protos/third_party/android/art/heap_graph.proto): ui.perfetto.dev shows its
 * flame graph, dominators and paths, and asks it in SQL. Only types, sizes and names of the program: no values.
 *
 * Rules of its importer (heap_graph_module.cc): packets of one graph have the same time and sequence; index counts them
 * from 0; all but the last are `continued`; ids are not 0; an object's field names and targets are equally many. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/export.h"
#include "export/labels.h"
#include "export/protobuf.h"

enum { TRACE_packet = 1 };
enum { PACKET_timestamp = 8, PACKET_process_tree = 2, PACKET_sequence = 10, PACKET_heap_graph = 56 };
enum { TREE_processes = 1, PROCESS_pid = 1, PROCESS_ppid = 2, PROCESS_cmdline = 3 };
enum {
	GRAPH_pid = 1,
	GRAPH_objects = 2,
	GRAPH_field_names = 4,
	GRAPH_continued = 5,
	GRAPH_index = 6,
	GRAPH_roots = 7,
	GRAPH_types = 9
};
enum { OBJECT_id = 1, OBJECT_type_id = 2, OBJECT_self_size = 3, OBJECT_field_ids = 4, OBJECT_targets = 5 };
enum { TYPE_id = 1, TYPE_class_name = 3, TYPE_superclass = 5, TYPE_kind = 7, KIND_NORMAL = 1, KIND_CLASS = 5 };
enum { ROOT_object_ids = 1, ROOT_type = 2 };
enum { NAME_iid = 1, NAME_str = 2 };
/* HeapGraphRoot.Type */
enum {
	ROOTED_JNI_GLOBAL = 1,
	ROOTED_JAVA_FRAME = 3,
	ROOTED_NATIVE_STACK = 4,
	ROOTED_STICKY_CLASS = 5,
	ROOTED_THREAD = 8,
	ROOTED_VM_INTERNAL = 13
};

enum { PACKET_BYTES = 400000 }; /* as large as those of the runtime that the format comes from */

struct trace_file {
	struct export *export;
	struct tables *tables;
	const struct retained *heap;
	struct decoder decoder;
	struct labels labels;
	struct string_table names; /* of fields: iid is the number + 1 */
	size_t type_count; /* when their messages were written */
	uint32_t element, key; /* in names: "[]", "{}" */
	struct text graph; /* the HeapGraph of the packet being made */
	struct text packet, part, fields, targets;
	uint64_t time; /* ns */
	uint32_t index; /* of the packet */
};

static void put_packet(struct trace_file *trace, uint32_t field, const struct text *message)
{
	struct text *packet = &trace->packet;
	struct text whole = { .bytes = NULL };
	text_reset(packet);
	protobuf_number(packet, PACKET_timestamp, trace->time);
	protobuf_number(packet, PACKET_sequence, 1);
	protobuf_message(packet, field, message);
	protobuf_message(&whole, TRACE_packet, packet);
	writer_append(&trace->export->writer, text_string(&whole), whole.length);
	trace->labels.failed |= whole.failed || packet->failed || message->failed;
	text_free(&whole);
}

static void put_graph(struct trace_file *trace, bool is_last)
{
	if (!is_last)
		protobuf_number(&trace->graph, GRAPH_continued, 1);
	protobuf_number(&trace->graph, GRAPH_pid, 1);
	protobuf_number(&trace->graph, GRAPH_index, trace->index++);
	put_packet(trace, PACKET_heap_graph, &trace->graph);
	text_reset(&trace->graph);
}

static void put_part(struct trace_file *trace, uint32_t field)
{
	protobuf_message(&trace->graph, field, &trace->part);
	trace->labels.failed |= trace->part.failed || trace->fields.failed || trace->targets.failed;
	text_reset(&trace->part);
	if (trace->graph.length >= PACKET_BYTES)
		put_graph(trace, false);
}

static void put_process(struct trace_file *trace)
{
	struct text tree = { .bytes = NULL };
	protobuf_number(&trace->part, PROCESS_pid, 1);
	protobuf_number(&trace->part, PROCESS_ppid, 0);
	protobuf_bytes(&trace->part, PROCESS_cmdline, "python", 6);
	protobuf_message(&tree, TREE_processes, &trace->part);
	put_packet(trace, PACKET_process_tree, &tree);
	text_reset(&trace->part);
	text_free(&tree);
}

/* Types have the number + 1 of their type_info. */
static void put_types(struct trace_file *trace)
{
	const struct type_table *types = &trace->tables->query.target->context->types;
	trace->type_count = types->count; /* more may be met; no object of the heap has one of those */
	for (size_t i = 0; i < trace->type_count; i++) {
		const struct type_info *type = types->items[i];
		size_t length = strlen(type->name);
		const char *name = type->name;
		if (trace->export->options->hide_names)
			name = string_table_at(&trace->names, labels_name(&trace->labels, name, length), &length);
		protobuf_number(&trace->part, TYPE_id, i + 1);
		protobuf_bytes(&trace->part, TYPE_class_name, name, length);
		protobuf_number(&trace->part, TYPE_kind, type->flags & TYPE_IS_METATYPE ? KIND_CLASS : KIND_NORMAL);
		put_part(trace, GRAPH_types);
	}
	/* Of an object whose head says nothing. */
	protobuf_number(&trace->part, TYPE_id, trace->type_count + 1);
	protobuf_bytes(&trace->part, TYPE_class_name, "torn", 4);
	protobuf_number(&trace->part, TYPE_kind, KIND_NORMAL);
	put_part(trace, GRAPH_types);
}

static uint32_t field_number(struct trace_file *trace, const struct edge_cursor *found)
{
	switch (found->found->label) {
	case LABEL_ITEM:
		return trace->element;
	case LABEL_SET_ITEM:
	case LABEL_DICT_KEY:
		return trace->key;
	default:
		return labels_of(&trace->labels, found).number;
	}
}

static void put_object(struct trace_file *trace, uint32_t object, uint64_t address)
{
	struct edge_cursor references;
	const struct type_info *type = tables_type(trace->tables, object);
	const uint64_t shallow = heap_graph_shallow(trace->heap->graph, object);
	text_reset(&trace->fields);
	text_reset(&trace->targets);
	edge_cursor_open(&references, trace->heap, &trace->decoder, object, address);
	while (edge_cursor_next(&references)) {
		protobuf_varint(&trace->fields, (uint64_t)field_number(trace, &references) + 1);
		protobuf_varint(&trace->targets, (uint64_t)references.target + 1);
	}
	protobuf_number(&trace->part, OBJECT_id, (uint64_t)object + 1);
	protobuf_number(&trace->part, OBJECT_type_id, type != NULL ? (uint64_t)type->index + 1 : trace->type_count + 1);
	protobuf_number(&trace->part, OBJECT_self_size, shallow);
	if (trace->fields.length > 0) {
		protobuf_message(&trace->part, OBJECT_field_ids, &trace->fields);
		protobuf_message(&trace->part, OBJECT_targets, &trace->targets);
	}
	put_part(trace, GRAPH_objects);
}

static int put_objects(struct trace_file *trace)
{
	struct object_cursor cursor;
	uint64_t steps = 0;
	object_cursor_init(&cursor, &trace->heap->graph->index);
	for (uint32_t object = 0; object < trace->heap->graph->index.count; object++) {
		put_object(trace, object, object_cursor_next(&cursor));
		if (progress_step(trace->tables->query.progress, &steps) < 0)
			return progress_cancelled(trace->export->error);
	}
	return OK;
}

static uint32_t root_type(enum holder_kind kind)
{
	switch (kind) {
	case HOLDER_FRAME:
		return ROOTED_JAVA_FRAME;
	case HOLDER_THREAD:
		return ROOTED_THREAD;
	case HOLDER_STATIC:
		return ROOTED_NATIVE_STACK;
	case HOLDER_RUNTIME:
		return ROOTED_STICKY_CLASS;
	case HOLDER_C:
		return ROOTED_JNI_GLOBAL;
	default:
		return ROOTED_VM_INTERNAL;
	}
}

/* One root an edge from a holder. */
static int put_roots(struct trace_file *trace)
{
	const struct dominators *dominators = &trace->heap->dominators;
	const uint32_t objects = trace->heap->graph->index.count;
	for (uint32_t number = 0; number < dominators->reached_count; number++) {
		TRY(tables_check(trace->tables, number));
		if (dominators->node[number] >= objects)
			continue;
		for (uint32_t edge = dominators->incoming.first[number]; edge < dominators->incoming.first[number + 1];
		     edge++) {
			const uint32_t source = dominators->node[dominators->incoming.targets[edge]];
			if (source < objects)
				continue;
			text_reset(&trace->fields);
			protobuf_varint(&trace->fields, (uint64_t)dominators->node[number] + 1);
			protobuf_message(&trace->part, ROOT_object_ids, &trace->fields);
			protobuf_number(&trace->part, ROOT_type,
			                root_type(holders_kind(&trace->heap->graph->roots.holders, source - objects)));
			put_part(trace, GRAPH_roots);
		}
	}
	return OK;
}

/* The importer takes what stands before the first blank of a field for its type. */
static void put_field_names(struct trace_file *trace)
{
	struct text name = { .bytes = NULL };
	for (uint32_t i = 0; i < trace->names.starts.count; i++) {
		size_t length;
		const char *bytes = string_table_at(&trace->names, i, &length);
		text_reset(&name);
		text_append(&name, bytes, length);
		for (size_t k = 0; k < name.length; k++)
			if (name.bytes[k] == ' ')
				name.bytes[k] = ':';
		protobuf_number(&trace->part, NAME_iid, (uint64_t)i + 1);
		protobuf_bytes(&trace->part, NAME_str, text_string(&name), name.length);
		put_part(trace, GRAPH_field_names);
	}
	trace->labels.failed |= name.failed;
	text_free(&name);
}

static int write_trace(struct trace_file *trace)
{
	TRY(tables_types(trace->tables));
	trace->element = string_table_add(&trace->names, "[]", 2);
	trace->key = string_table_add(&trace->names, "{}", 2);
	trace->labels.failed |= trace->element == UINT32_MAX || trace->key == UINT32_MAX;
	put_process(trace);
	put_types(trace);
	TRY(put_objects(trace));
	TRY(put_roots(trace));
	put_field_names(trace);
	put_graph(trace, true);
	if (trace->labels.failed || trace->decoder.out_of_memory)
		return error_set(trace->export->error, ERROR_NO_MEMORY, "out of memory for the trace");
	return trace->export->writer.status;
}

int export_perfetto(struct export *export)
{
	struct trace_file *trace = calloc(1, sizeof *trace);
	if (trace == NULL)
		return error_set(export->error, ERROR_NO_MEMORY, "out of memory for the trace");
	*trace = (struct trace_file){ .export = export,
		                      .tables = export->tables,
		                      .heap = export->tables->heap,
		                      .time = (uint64_t)time(NULL) * UINT64_C(1000000000) };
	decoder_init(&trace->decoder, export->tables->query.target->context);
	trace->decoder.skip_blocks = true;
	labels_open(&trace->labels, export->tables, &trace->names, export->options->hide_names);
	int status = write_trace(trace);
	labels_close(&trace->labels);
	string_table_clear(&trace->names);
	decoder_clear(&trace->decoder);
	text_free(&trace->graph);
	text_free(&trace->packet);
	text_free(&trace->part);
	text_free(&trace->fields);
	text_free(&trace->targets);
	free(trace);
	return status;
}
