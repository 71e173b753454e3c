/* SPDX-License-Identifier: MIT
 * What the code of a package takes: code objects with their names, constants and docstrings, told apart by the file
 * that they were compiled from. A worker that needs one function of a large package pays for all of it. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/findings/sum_groups.h"

enum { LEAST_PERCENT = 10, PACKAGE_BYTES = 128 };

static const uint64_t least_bytes = UINT64_C(16) << 20; /* web frameworks and their like take less */

struct package {
	char name[PACKAGE_BYTES];
	struct finding_sum sum;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "code");
}

/* bytes: retained; code of a function within another's is a part of it. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct sum_group *group;
	const struct dominators *dominators = &run->heap->dominators;
	const uint64_t file = body_field(run->decoder->layout, FIELD_PyCodeObject_co_filename, looked->body);
	uint32_t above = dominators->idom[looked->number];
	for (int step = 0; step < 2; step++) {
		/* its constants lie between */
		const struct type_info *type = reference_type(naming_references(run->naming), above);
		if (type != NULL && rule_is_type(type, "code"))
			return OK;
		above = dominators->idom[above];
	}
	if (file == 0)
		return OK;
	TRY(sum_groups_find(run, state, file, looked, &group));
	sum_add(&group->sum, looked->node, run->heap->bytes[looked->number]);
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
	const struct sum_groups *files = state;
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

const struct rule import_weight_rule = {
	.state_bytes = sizeof(struct sum_groups), .wants = wants, .look = look, .end = end, .clear = sum_groups_clear
};
