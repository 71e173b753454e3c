/* SPDX-License-Identifier: MIT
 * What tracemalloc had traced, as the pickle of a tracemalloc.Snapshot (Lib/tracemalloc.py): Snapshot.load() takes it
 * in any Python, and compare_to() compares it with another one. A trace has three parts up to 3.8 and four since, so
 * the pickle cuts traces to what the Python that loads it has: tuple(map(operator.itemgetter(slice(min(4,
 * sys.version_info.minor - 5))), traces)) */
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/hidden_name.h"
#include "query/tracemalloc/traced_lines.h"

struct pickle {
	struct export *export;
	struct writer *writer;
	struct traced_lines_answer lines;
	bool *is_known; /* by file, then by stack: it is in the memo */
};

static void put(struct pickle *pickle, const char *opcodes, size_t length)
{
	writer_append(pickle->writer, opcodes, length);
}
#define PUT(pickle, literal) put(pickle, literal, sizeof(literal) - 1)

static void put_word(struct pickle *pickle, char opcode, uint64_t number, unsigned bytes)
{
	char word[9] = { opcode };
	for (unsigned i = 0; i < bytes; i++)
		word[i + 1] = (char)(number >> (8 * i));
	put(pickle, word, bytes + 1);
}

static void put_number(struct pickle *pickle, uint64_t number)
{
	if (number < 1 << 8) {
		put_word(pickle, 'K', number, 1); /* BININT1 */
	} else if (number < UINT64_C(1) << 31) {
		put_word(pickle, 'J', number, 4); /* BININT */
	} else {
		PUT(pickle, "\x8a"); /* LONG1: two's complement, so one byte more keeps it positive */
		put_word(pickle, 9, number, 8);
		PUT(pickle, "\0");
	}
}

static void put_string(struct pickle *pickle, const char *bytes, size_t length)
{
	put_word(pickle, 'X', length, 4); /* BINUNICODE */
	put(pickle, bytes, length);
}

/* What the memo has under this number, or says that it has to be put there. */
static bool recall(struct pickle *pickle, uint64_t memo)
{
	if (pickle->is_known[memo]) {
		put_word(pickle, 'j', memo, 4); /* LONG_BINGET */
		return true;
	}
	pickle->is_known[memo] = true;
	return false;
}

/* UTF-8 throughout: a file name may hold anything. */
static void put_file(struct pickle *pickle, uint32_t file)
{
	struct text name = { .bytes = NULL };
	if (file == UINT32_MAX) {
		put_string(pickle, "?", 1);
		return;
	}
	if (recall(pickle, file))
		return;
	const char *path = pickle->lines.files.items[file];
	const size_t length = strlen(path);
	if (pickle->export->options->hide_names) {
		hidden_name(pickle->export->tables, path, length, &name);
	} else {
		for (size_t at = 0, used; at < length; at += used) {
			char bytes[4];
			const uint32_t character = text_decode_utf8(path + at, length - at, &used);
			text_append(&name, bytes, text_encode_utf8(character, bytes));
		}
	}
	put_string(pickle, text_string(&name), name.length);
	put_word(pickle, 'r', file, 4); /* LONG_BINPUT */
	text_free(&name);
}

/* ((file, line), ...): most recent first, as _tracemalloc._get_traces() has them. */
static void put_stack(struct pickle *pickle, uint32_t index)
{
	const struct traced *traced = &pickle->lines.traced;
	const struct traced_stack *stack = &traced->stacks.items[index];
	const uint64_t memo = pickle->lines.files.count + index;
	if (recall(pickle, memo))
		return;
	PUT(pickle, "(");
	for (uint64_t i = stack->first; i < stack->first + stack->count; i++) {
		put_file(pickle, pickle->lines.frame_files.items[i]);
		put_number(pickle, traced->frames.items[i].line);
		PUT(pickle, "\x86"); /* TUPLE2 */
	}
	if (stack->count == 0)
		PUT(pickle, "X\1\0\0\0?K\0\x86");
	PUT(pickle, "t");
	put_word(pickle, 'r', memo, 4);
}

static int put_traces(struct pickle *pickle)
{
	const struct traced *traced = &pickle->lines.traced;
	PUT(pickle, "]("); /* EMPTY_LIST MARK */
	for (size_t i = 0; i < traced->traces.count; i++) {
		const struct trace *trace = &traced->traces.items[i];
		TRY(tables_check(pickle->export->tables, i));
		PUT(pickle, "(");
		put_number(pickle, trace->domain);
		put_number(pickle, trace->bytes);
		put_stack(pickle, trace->stack);
		put_number(pickle, traced->stacks.items[trace->stack].total);
		PUT(pickle, "t");
	}
	PUT(pickle, "e"); /* APPENDS */
	return OK;
}

/* A snapshot with its traces; see above for what is called when it is loaded. */
static int put_snapshot(struct pickle *pickle)
{
	PUT(pickle, "\x80\2ctracemalloc\nSnapshot\n)\x81}(X\6\0\0\0traces"
	            "ctracemalloc\n_Traces\n)\x81}X\7\0\0\0_traces"
	            "cbuiltins\ntuple\ncbuiltins\nmap\ncoperator\nitemgetter\ncbuiltins\nslice\ncbuiltins\nmin\nK\4"
	            "coperator\nsub\ncoperator\nattrgetter\nX\x12\0\0\0version_info.minor\x85R"
	            "cimportlib\nimport_module\nX\3\0\0\0sys\x85R\x85RK\5\x86R\x86R\x85R\x85R");
	TRY(put_traces(pickle));
	PUT(pickle, "\x86R\x85RsbX\x0f\0\0\0traceback_limit");
	put_number(pickle, pickle->lines.traced.place.most_frames != 0 ? pickle->lines.traced.place.most_frames : 1);
	PUT(pickle, "ub.");
	return OK;
}

int export_tracemalloc(struct export *export)
{
	struct pickle pickle = { .export = export, .writer = &export->writer };
	const struct query *query = &export->tables->query;
	if (!target_traced(query->target)->is_tracing)
		return error_set(export->error, ERROR_NOT_FOUND,
		                 "tracemalloc was not tracing in this process, so there is no snapshot of it; "
		                 "PYTHONTRACEMALLOC=10 in its environment turns it on");
	const struct traced_lines_question question = { .by = TRACED_BY_LINE };
	int status = query_traced_lines(query, &question, &pickle.lines);
	if (status == OK) {
		pickle.is_known = calloc(pickle.lines.files.count + pickle.lines.traced.stacks.count + 1, sizeof(bool));
		status = pickle.is_known != NULL
		                 ? put_snapshot(&pickle)
		                 : error_set(export->error, ERROR_NO_MEMORY, "out of memory for the snapshot");
	}
	free(pickle.is_known);
	traced_lines_answer_clear(&pickle.lines);
	return status;
}
