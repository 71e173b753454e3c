/* SPDX-License-Identifier: MIT
 * modules: what every module of sys.modules keeps alive. A module is the object and its dict: functions of it that
 * others hold keep the dict alive, never the module object, so the retained size is that of both together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/groups.h"
#include "base/address_map.h"
#include "base/limits.h"
#include "decode/value.h"
#include "report/heap.h"
#include "render/table.h"
#include "render/units.h"

/* As in the sort keys of commands.def. */
enum sort_key { SORT_RETAINED, SORT_DEEP, SORT_MODULE };

struct module {
	struct text name; /* key in sys.modules */
	uint64_t address, dict; /* dict 0: no module object, but something that the program put there */
	uint64_t retained, deep;
	bool has_deep;
	struct text largest_name; /* of the global that retains most; "" */
	uint64_t largest, largest_retained;
};

struct modules {
	struct report *report;
	const struct retained *heap;
	ARRAY(struct module) rows;
	struct address_map seen; /* a module may have several names: the first counts */
};

static int no_memory(struct modules *modules)
{
	return error_set(modules->report->error, ERROR_NO_MEMORY, "out of memory for the modules");
}

static bool is_module(struct decoder *decoder, uint64_t object)
{
	uint64_t type = value_type(decoder, object, NULL);
	return type != 0 && value_type_derives(decoder, type, SYMBOL_PyModule_Type, "module");
}

static bool add_module(struct modules *modules, uint64_t key, uint64_t object)
{
	struct decoder *decoder = modules->report->naming;
	struct module module = { .address = object };
	struct attribute_storage storage;
	if (address_map_get(&modules->seen, object) != ADDRESS_MAP_NONE)
		return true;
	if (value_str(decoder, key, LIMIT_TYPE_NAME_BYTES, &module.name) < 0)
		text_add(&module.name, "?");
	if (value_instance_attributes(decoder, object, &storage))
		module.dict = storage.dict;
	if (!address_map_set(&modules->seen, object, (uint32_t)modules->rows.count) ||
	    !array_push(&modules->rows, module)) {
		text_free(&module.name);
		return false;
	}
	return true;
}

static int find_modules(struct modules *modules)
{
	struct decoder *decoder = modules->report->naming;
	const struct runtime *runtime = decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct dict_cursor cursor;
		uint64_t key, object;
		if (!dict_cursor_open(&cursor, decoder, runtime->interpreters.items[i].modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &object))
			if (is_module(decoder, object) && !add_module(modules, key, object))
				return no_memory(modules);
	}
	return OK;
}

static int weigh_modules(struct modules *modules)
{
	struct report *report = modules->report;
	const struct retained *heap = modules->heap;
	const uint32_t count = (uint32_t)modules->rows.count;
	const size_t numbers = heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	uint64_t *bytes = calloc((size_t)count + 1, sizeof *bytes);
	int status = group == NULL || bytes == NULL ? no_memory(modules) : OK;
	if (status == OK) {
		memset(group, 0xff, (numbers + 1) * sizeof *group);
		for (uint32_t i = 0; i < count; i++) {
			const struct module *module = &modules->rows.items[i];
			uint32_t number = retained_number(heap, module->address);
			if (number != UINT32_MAX)
				group[number] = i;
			number = module->dict != 0 ? retained_number(heap, module->dict) : UINT32_MAX;
			if (number != UINT32_MAX)
				group[number] = i;
		}
		status = retained_groups(heap, group, count, bytes, report->progress, report->error);
	}
	for (uint32_t i = 0; status == OK && i < count; i++)
		modules->rows.items[i].retained = bytes[i];
	free(group);
	free(bytes);
	return status;
}

/* Its dict's values one by one, other modules left out. */
static void find_largest(struct modules *modules, struct module *module)
{
	struct decoder *decoder = modules->report->naming;
	struct dict_cursor cursor;
	uint64_t key, value, retained, largest_key = 0;
	if (module->dict == 0 || !dict_cursor_open(&cursor, decoder, module->dict))
		return;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (!heap_retained_bytes(modules->heap, value, &retained) || retained <= module->largest_retained ||
		    is_module(decoder, value))
			continue;
		module->largest = value;
		module->largest_retained = retained;
		largest_key = key;
	}
	if (largest_key != 0 && value_str(decoder, largest_key, LIMIT_STRING_SHOWN, &module->largest_name) < 0)
		text_add(&module->largest_name, "?");
}

static int find_deep(struct modules *modules, struct module *module)
{
	struct report *report = modules->report;
	struct walk_result result = { .count = 0 };
	struct walk *walk;
	TRY(report_walk(report, &walk));
	int status = walk_deep(walk, &module->address, 1, POLICY_DATA, report->progress, &result, report->error);
	module->deep = result.bytes;
	module->has_deep = status >= 0;
	walk_result_clear(&result);
	return status;
}

static int compare_modules(const void *left_module, const void *right_module, void *context)
{
	const struct request *request = context;
	const struct module *left = left_module, *right = right_module;
	if (request->sort == SORT_MODULE) {
		int order = strcmp(text_string(&left->name), text_string(&right->name));
		if (order != 0)
			return order;
	}
	if (request->sort == SORT_DEEP && left->deep != right->deep)
		return left->deep > right->deep ? -1 : 1;
	return report_compare_bytes(left->retained, left->address, right->retained, right->address);
}

static void sort_modules(struct modules *modules)
{
	if (modules->rows.count > 1)
		qsort_r(modules->rows.items, modules->rows.count, sizeof *modules->rows.items, compare_modules,
		        (void *)(uintptr_t)modules->report->request);
}

static bool passes(const struct request *request, const struct module *module)
{
	if (module->retained < request->min_bytes)
		return false;
	if (request->module == NULL)
		return true;
	const char *name = text_string(&module->name);
	const size_t length = strlen(request->module);
	return strncmp(name, request->module, length) == 0 && (name[length] == '.' || name[length] == '\0');
}

/* Deep sizes cost a walk each: only of rows that are shown, or of all to sort by them. */
static int find_deep_sizes(struct modules *modules)
{
	const struct request *request = modules->report->request;
	uint64_t rows = 0;
	for (size_t i = 0; i < modules->rows.count; i++) {
		struct module *module = &modules->rows.items[i];
		if (!passes(request, module) || (request->sort != SORT_DEEP && rows >= request->limit))
			continue;
		rows++;
		TRY(find_deep(modules, module));
	}
	return OK;
}

static void add_row(struct modules *modules, struct table *table, const struct module *module)
{
	struct report *report = modules->report;
	struct table_row *line = table_add_row(table, NULL);
	struct text cell = { .bytes = NULL };
	report_bytes(report, &cell, module->retained);
	table_take(table, line, 0, &cell);
	if (module->has_deep)
		report_bytes(report, &cell, module->deep);
	table_take(table, line, 1, &cell);
	names_escape(&cell, text_string(&module->name), module->name.length, false);
	table_take(table, line, 2, &cell);
	if (module->largest != 0) {
		names_escape(&cell, text_string(&module->largest_name), module->largest_name.length, false);
		table_take(table, line, 3, &cell);
		report_bytes(report, &cell, module->largest_retained);
		table_take(table, line, 4, &cell);
	}
	text_format(&cell, "0x%" PRIx64, module->largest != 0 ? module->largest : module->address);
	table_take(table, line, 5, &cell);
	text_free(&cell);
}

static int show_text(struct modules *modules)
{
	static const struct table_column columns[] = {
		{ "Retained", TABLE_RIGHT }, { "Deep", TABLE_RIGHT },    { "Module", 0 },
		{ "Biggest global", 0 },     { "retains", TABLE_RIGHT }, { "Address", 0 },
	};
	struct report *report = modules->report;
	struct table *table = table_create(columns, 6, report->style.width, true);
	if (table == NULL)
		return no_memory(modules);
	units_noun(report->text, modules->rows.count, "module");
	text_add(report->text, " in ");
	report_bytes(report, report->text, modules->heap->total);
	text_format(report->text, "%s of reachable objects\n",
	            request_measure(report->request) == SIZE_ALLOCATED ? " allocated" : "");
	const struct module *first = NULL;
	uint64_t rows = 0, folded = 0;
	for (size_t i = 0; i < modules->rows.count; i++) {
		const struct module *module = &modules->rows.items[i];
		if (!passes(report->request, module))
			continue;
		if (rows++ >= report->request->limit) {
			folded++;
			continue;
		}
		first = first != NULL ? first : module;
		add_row(modules, table, module);
	}
	int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	if (folded > 0) {
		text_add(report->text, "... ");
		units_count(report->text, folded);
		text_add(report->text, " more (-n 0 shows all)\n");
	}
	report_measure_line(report);
	report_gaps(report->text, &modules->heap->graph->coverage);
	if (first != NULL)
		report_next(report, "deepsize:-t object", first->largest != 0 ? first->largest : first->address);
	return status;
}

static void show_json(struct modules *modules)
{
	struct report *report = modules->report;
	struct json *json = &report->json;
	uint64_t rows = 0;
	report_json_begin(report);
	json_array(json, "modules");
	for (size_t i = 0; i < modules->rows.count && rows < report->request->limit; i++) {
		const struct module *module = &modules->rows.items[i];
		if (!passes(report->request, module))
			continue;
		rows++;
		json_object(json, NULL);
		json_text(json, "name", &module->name);
		json_address(json, "address", module->address);
		json_number(json, "deep", module->deep);
		json_number(json, "retained", module->retained);
		if (module->largest != 0) {
			json_object(json, "largest");
			json_text(json, "name", &module->largest_name);
			json_address(json, "address", module->largest);
			json_number(json, "retained", module->largest_retained);
			json_object_end(json);
		} else {
			json_null(json, "largest");
		}
		json_object_end(json);
	}
	json_array_end(json);
	json_object(json, "coverage");
	report_gaps_json(json, &modules->heap->graph->coverage);
	json_object_end(json);
	json_object_end(json);
	json_end(json);
}

static int gather(struct modules *modules)
{
	TRY(find_modules(modules));
	TRY(weigh_modules(modules));
	for (size_t i = 0; i < modules->rows.count; i++)
		find_largest(modules, &modules->rows.items[i]);
	sort_modules(modules);
	TRY(find_deep_sizes(modules));
	if (modules->report->request->sort == SORT_DEEP)
		sort_modules(modules);
	return OK;
}

int modules_report(struct report *report)
{
	struct modules modules = { .report = report };
	TRY(report_heap(report, &modules.heap));
	if (modules.heap->graph->coverage.unreadable > 0)
		report->exit_status = EXIT_PARTIAL;
	int status = gather(&modules);
	if (status >= 0 && report_is_json(report))
		show_json(&modules);
	else if (status >= 0)
		status = show_text(&modules);
	for (size_t i = 0; i < modules.rows.count; i++) {
		struct module *module = &modules.rows.items[i];
		report->text->failed |= module->name.failed | module->largest_name.failed;
		text_free(&module->name);
		text_free(&module->largest_name);
	}
	array_free(&modules.rows);
	address_map_clear(&modules.seen);
	return status;
}
