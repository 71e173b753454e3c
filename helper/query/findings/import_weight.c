/* SPDX-License-Identifier: MIT
 * What the code of a package takes: code objects with their names, constants and docstrings, told apart by the file
 * that they were compiled from. A worker that needs one function of a large package pays for all of it. */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/limits.h"
#include "object/value.h"
#include "query/findings/leaf_value.h"
#include "query/findings/sum_groups.h"

enum { LEAST_PERCENT = 10, PACKAGE_BYTES = 128, LIMIT_CONSTANTS = 1 << 16 /* of one code object */ };

static const uint64_t least_bytes = UINT64_C(16) << 20; /* web frameworks and their like take less */

struct package {
	char name[PACKAGE_BYTES];
	struct finding_sum sum;
};

struct import_weight {
	struct sum_groups files; /* by the address of the file's name; first: sum_groups_clear() is given the state */
	uint8_t *counted; /* a bit for each node: a constant that interning keeps; NULL: none was met */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "code");
}

/* Free-threaded builds intern all constants, which then the interpreter keeps and not the code that brought them
 * (intern_constants(), Objects/codeobject.c, 3.13): each is counted for the first code that has it. */
static int add_interned(struct rule_run *run, struct import_weight *weight, const struct looked *looked,
                        uint64_t *bytes)
{
	const struct heap_graph *graph = run->heap->graph;
	uint64_t count, items;
	const uint64_t constants = body_field(run->decoder->layout, FIELD_PyCodeObject_co_consts, looked->body);
	if (!value_items(&run->decoder->objects, constants, &count, &items) || count > LIMIT_CONSTANTS)
		return OK;
	if (weight->counted == NULL && (weight->counted = calloc(graph->index.count / 8 + 1, 1)) == NULL)
		return query_no_memory(run->query, "constants of code");
	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *word = reader_at(&run->decoder->reader, items + 8 * i, 8);
		const uint32_t node = word != NULL ? object_index_find(&graph->index, load_u64(word)) : UINT32_MAX;
		if (node == UINT32_MAX || bits_has(weight->counted, node))
			continue;
		const uint32_t number = run->heap->dominators.number[node];
		const struct type_info *type = rule_type(run, load_u64(word));
		if (number == UINT32_MAX || type == NULL || leaf_kind_of(run, type) == LEAF_NONE ||
		    run->heap->dominators.node[run->heap->dominators.idom[number]] < graph->index.count)
			continue;
		bits_add(weight->counted, node);
		*bytes += run->heap->bytes[number];
	}
	return OK;
}

/* bytes: retained; code of a function within another's is a part of it. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct import_weight *weight = state;
	struct sum_group *group;
	const struct dominators *dominators = &run->heap->dominators;
	const uint64_t file = body_field(run->decoder->layout, FIELD_PyCodeObject_co_filename, looked->body);
	uint64_t bytes = run->heap->bytes[looked->number];
	uint32_t above = dominators->idom[looked->number];
	for (int step = 0; step < 2; step++) {
		/* its constants lie between */
		const struct type_info *type = reference_type(naming_references(run->naming), above);
		if (type != NULL && rule_is_type(type, "code"))
			bytes = 0;
		above = dominators->idom[above];
	}
	if (file != 0 && layout_feature(run->decoder->layout, FEATURE_FREE_THREADED))
		TRY(add_interned(run, weight, looked, &bytes));
	if (file == 0 || bytes == 0)
		return OK;
	TRY(sum_groups_find(run, &weight->files, file, looked, &group));
	sum_add(&group->sum, looked->node, bytes);
	return OK;
}

/* "numpy" of /usr/lib/python3/dist-packages/numpy/core/x.py; "": code that was not installed. */
static void package_of(struct rule_run *run, uint64_t file, char *package)
{
	static const char *const folders[] = { "/site-packages/", "/dist-packages/" };
	struct text path = { .bytes = NULL };
	package[0] = '\0';
	(void)value_str(&run->decoder->objects, file, LIMIT_FILE_NAME, &path);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		const char *at = strstr(text_string(&path), folders[i]);
		if (at == NULL)
			continue;
		at += strlen(folders[i]);
		const size_t length = strcspn(at, "/.");
		if (length < PACKAGE_BYTES) {
			memcpy(package, at, length);
			package[length] = '\0';
		}
	}
	text_free(&path);
}

static void add_file(struct package *package, const struct sum_group *file)
{
	for (uint32_t i = 0; i < file->sum.sample_count; i++)
		sum_add(&package->sum, file->sum.nodes[i], 0);
	package->sum.bytes += file->sum.bytes;
}

static int say(struct rule_run *run, const struct package *package)
{
	struct text *text;
	if (package->sum.bytes < least_bytes || package->sum.bytes / LEAST_PERCENT * 100 < run->heap->total)
		return OK;
	TRY(rule_found(run, &package->sum, false, "modules", &text));
	if (text == NULL)
		return OK;
	text_add(text, "The code of the package ");
	names_escape(text, package->name, strlen(package->name), false);
	text_add(text, " takes ");
	rule_say_share(run, text, package->sum.bytes);
	text_add(text,
	         " of the heap. Import only the modules of it that are needed, in the functions that need them; or "
	         "import it before the workers are forked, so that they share it.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct sum_groups *files = &((struct import_weight *)state)->files;
	ARRAY(struct package) packages = { .items = NULL };
	int status = OK;
	for (size_t i = 0; status == OK && i < files->groups.count; i++) {
		struct package package = { .sum = { .bytes = 0 } };
		size_t at = 0;
		package_of(run, files->groups.items[i].key, package.name);
		if (package.name[0] == '\0')
			continue;
		while (at < packages.count && strcmp(packages.items[at].name, package.name) != 0)
			at++;
		if (at == packages.count && !array_push(&packages, package))
			status = query_no_memory(run->query, "the names of packages");
		else
			add_file(&packages.items[at], &files->groups.items[i]);
	}
	for (size_t i = 0; status == OK && i < packages.count; i++)
		status = say(run, &packages.items[i]);
	array_free(&packages);
	return status;
}

static void clear(void *state)
{
	struct import_weight *weight = state;
	sum_groups_clear(&weight->files);
	free(weight->counted);
}

const struct rule import_weight_rule = {
	.state_bytes = sizeof(struct import_weight), .wants = wants, .look = look, .end = end, .clear = clear
};
