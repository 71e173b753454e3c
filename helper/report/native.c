/* SPDX-License-Identifier: MIT */
#include "query/memory/native.h"

#include <inttypes.h>

#include "render/table.h"
#include "render/units.h"
#include "report/report.h"

/* "of them 171.0 MiB 3,700 blocks of 32.0 KiB to 64.0 KiB": of those that nothing leads to, the size that has most. */
static void show_most(struct report *report, const struct native_answer *answer)
{
	const struct native_total *most = &answer->unseen_sizes[answer->unseen_most];
	struct text note = { .bytes = NULL };
	units_noun(&note, most->blocks, "block");
	text_add(&note, " of ");
	report_bytes(report, &note, UINT64_C(1) << answer->unseen_most);
	text_add(&note, " to ");
	report_bytes(report, &note, UINT64_C(2) << answer->unseen_most);
	if (most->blocks > 0)
		report_size_line(report, "  of them", most->bytes, text_string(&note));
	text_free(&note);
}

static void show_head(struct report *report, const struct native_answer *answer)
{
	struct text *text = report->text;
	units_noun(text, answer->all.blocks, "block");
	text_add(text, " of C code, ");
	report_bytes(report, text, answer->all.bytes);
	text_add(text, "\n");
	static const char *const labels[] = { "~ owned", "~ garbage", "~ static", "trees", "unseen" };
	static const char *const words[] = { "hang on Python objects",
		                             "hang on objects that nothing reaches: garbage says what frees them",
		                             "only variables of C lead to them", "syntax trees of source that is run",
		                             "nothing seen leads to them" };
	for (int i = 0; i <= NATIVE_UNSEEN; i++) {
		if ((i == NATIVE_TREES || i == NATIVE_GARBAGE) && answer->holders[i].blocks == 0)
			continue;
		struct text note = { .bytes = NULL };
		units_noun(&note, answer->holders[i].blocks, "block");
		text_format(&note, ": %s", words[i]);
		report_size_line(report, labels[i], answer->holders[i].bytes, text_string(&note));
		text_free(&note);
	}
	show_most(report, answer);
	text_add(text, "\n");
}

static void owner_words(struct text *text, const struct native_owner *owner)
{
	if (owner->is_garbage)
		text_add(text, "garbage: ");
	if (owner->type != NULL)
		names_type(text, owner->type);
	else
		names_escape(text, owner->words, strlen(owner->words), false);
}

static int show_owners(struct report *report, const struct native_answer *answer)
{
	static const struct table_column columns[] = {
		{ "~Bytes", TABLE_RIGHT }, { "Blocks", TABLE_RIGHT }, { "Hang on", 0 }, { "such as", 0 }
	};
	struct table *table = table_create(columns, 4, report->style.width, true);
	const uint64_t limit = report->request->limit;
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->owners.count && i < limit; i++) {
		const struct native_owner *owner = &answer->owners.items[i];
		struct table_row *row = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		report_bytes(report, &cell, owner->bytes);
		table_take(table, row, 0, &cell);
		units_count(&cell, owner->count);
		table_take(table, row, 1, &cell);
		owner_words(&cell, owner);
		table_take(table, row, 2, &cell);
		if (owner->example != 0) {
			text_format(&cell, "0x%" PRIx64, owner->example);
			table_take(table, row, 3, &cell);
		}
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->owners.count > limit ? answer->owners.count - limit : 0);
	return status;
}

/* By powers of two, from the smallest on: what C code has lost is mostly many blocks of one size. */
static int show_sizes(struct report *report, const struct native_answer *answer)
{
	static const struct table_column columns[] = { { "Bytes", TABLE_RIGHT },
		                                       { "Blocks", TABLE_RIGHT },
		                                       { "of at least", TABLE_RIGHT },
		                                       { "unseen", TABLE_RIGHT } };
	struct table *table = table_create(columns, 4, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	text_add(report->text, "\nBy size\n");
	for (unsigned i = 0; i < NATIVE_SIZES; i++) {
		const struct native_total *size = &answer->sizes[i];
		struct text cell = { .bytes = NULL };
		if (size->blocks == 0)
			continue;
		struct table_row *row = table_add_row(table, NULL);
		report_bytes(report, &cell, size->bytes);
		table_take(table, row, 0, &cell);
		units_count(&cell, size->blocks);
		table_take(table, row, 1, &cell);
		report_bytes(report, &cell, UINT64_C(1) << i);
		table_take(table, row, 2, &cell);
		report_bytes(report, &cell, answer->unseen_sizes[i].bytes);
		table_take(table, row, 3, &cell);
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	return status;
}

static int show_blocks(struct report *report, const struct native_answer *answer)
{
	static const struct table_column columns[] = {
		{ "Bytes", TABLE_RIGHT }, { "Block", 0 }, { "~Hangs on", 0 }, { "Object", 0 }, { "Name", TABLE_ELASTIC }
	};
	struct table *table = table_create(columns, 5, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	text_add(report->text, "\nThe largest blocks\n");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct native_row *native = &answer->rows.items[i];
		struct table_row *row = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		report_bytes(report, &cell, native_block_bytes(&native->block));
		table_take(table, row, 0, &cell);
		text_format(&cell, "0x%" PRIx64, (uint64_t)native->block.address);
		table_take(table, row, 1, &cell);
		if (native->type != NULL)
			names_type(&cell, native->type);
		else
			text_add(&cell, native->block.holder == NATIVE_STATIC   ? "a variable of"
			                : native->block.holder == NATIVE_OBJECT ? "several objects"
			                : native->block.holder == NATIVE_TREES  ? "syntax trees"
			                                                        : "nothing seen");
		table_take(table, row, 2, &cell);
		if (native->owner != 0) {
			text_format(&cell, "0x%" PRIx64, native->owner);
			table_take(table, row, 3, &cell);
		}
		if (native->block.holder == NATIVE_GARBAGE)
			text_add(&cell, "garbage");
		names_escape(&cell, text_string(&native->name), native->name.length, false);
		table_take(table, row, 4, &cell);
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->matching - answer->rows.count);
	return status;
}

static int show_text(struct report *report, const struct native_answer *answer)
{
	/* The largest part first: where nothing leads to it, one of its blocks. */
	uint64_t example = answer->owners.count > 0 ? answer->owners.items[0].example : 0;
	if (answer->refusal != NULL)
		text_format(report->text, "malloc's heaps were not gone through: %s. What C code has is not known.\n",
		            answer->refusal);
	show_head(report, answer);
	TRY(show_owners(report, answer));
	TRY(show_sizes(report, answer));
	TRY(show_blocks(report, answer));
	text_add(report->text, "~ Owners are found by words that look like pointers: an estimate. Sizes of blocks are "
	                       "malloc's own.\n");
	report_coverage(report, &answer->coverage);
	for (size_t i = 0; i < answer->rows.count && example == 0; i++)
		example = answer->rows.items[i].owner;
	report_next(report, "object path", example);
	return OK;
}

static void json_total(struct json *json, const char *key, const struct native_total *total)
{
	json_object(json, key);
	json_number(json, "count", total->blocks);
	json_number(json, "bytes", total->bytes);
	json_object_end(json);
}

static void json_unseen_most(struct json *json, const struct native_answer *answer)
{
	const struct native_total *most = &answer->unseen_sizes[answer->unseen_most];
	json_object(json, "unseen_most");
	json_number(json, "at_least", UINT64_C(1) << answer->unseen_most);
	json_number(json, "count", most->blocks);
	json_number(json, "bytes", most->bytes);
	if (most->blocks > 0)
		json_address(json, "example", answer->unseen_examples[answer->unseen_most]);
	json_object_end(json);
}

static void json_blocks(struct report *report, const struct native_answer *answer)
{
	struct json *json = &report->json;
	static const char *const holders[] = { "object", "garbage", "static", "trees", "unseen" };
	json_array(json, "blocks");
	for (size_t i = 0; i < answer->rows.count; i++) {
		const struct native_row *row = &answer->rows.items[i];
		json_object(json, NULL);
		json_address(json, "address", row->block.address);
		json_number(json, "bytes", native_block_bytes(&row->block));
		json_string(json, "holder", holders[row->block.holder]);
		if (row->owner != 0) {
			json_object(json, "owner");
			json_address(json, "address", row->owner);
			json_string(json, "type", row->type != NULL ? row->type->name : "");
			if (i < NATIVE_NAMED)
				json_text(json, "name", &row->name);
			else
				json_null(json, "name");
			json_object_end(json);
		} else {
			json_null(json, "owner");
		}
		if (row->block.holder == NATIVE_STATIC)
			json_string(json, "file", report->target->space->files.items[row->block.owner].path);
		json_object_end(json);
	}
	json_array_end(json);
}

static void show_json(struct report *report, const struct native_answer *answer)
{
	struct json *json = &report->json;
	report_json_begin(report);
	json_total(json, "total", &answer->all);
	json_total(json, "owned", &answer->holders[NATIVE_OBJECT]);
	json_total(json, "garbage", &answer->holders[NATIVE_GARBAGE]);
	json_total(json, "static", &answer->holders[NATIVE_STATIC]);
	json_total(json, "trees", &answer->holders[NATIVE_TREES]);
	json_total(json, "unseen", &answer->holders[NATIVE_UNSEEN]);
	json_unseen_most(json, answer);
	if (answer->refusal != NULL)
		json_string(json, "refusal", answer->refusal);
	json_blocks(report, answer);
	json_array(json, "by_owner");
	for (size_t i = 0; i < answer->owners.count; i++) {
		const struct native_owner *owner = &answer->owners.items[i];
		json_object(json, NULL);
		json_string(json, "type", owner->type != NULL ? owner->type->name : owner->words);
		json_bool(json, "is_type", owner->type != NULL);
		json_bool(json, "is_garbage", owner->is_garbage);
		json_number(json, "count", owner->count);
		json_number(json, "bytes", owner->bytes);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "by_size");
	for (unsigned i = 0; i < NATIVE_SIZES; i++) {
		if (answer->sizes[i].blocks == 0)
			continue;
		json_object(json, NULL);
		json_number(json, "at_least", UINT64_C(1) << i);
		json_number(json, "count", answer->sizes[i].blocks);
		json_number(json, "bytes", answer->sizes[i].bytes);
		json_object_end(json);
	}
	json_array_end(json);
	report_coverage_json(report, &answer->coverage);
	report_json_end(report);
}

int native_report(struct report *report)
{
	const struct native_question question = { .min_bytes = report->request->min_bytes,
		                                  .limit = report->request->limit,
		                                  .named = NATIVE_NAMED };
	struct native_answer answer;
	int status = query_native(&report->query, &question, &answer);
	if (status >= 0 && report_is_json(report))
		show_json(report, &answer);
	else if (status >= 0)
		status = show_text(report, &answer);
	native_answer_clear(&answer);
	return status;
}
