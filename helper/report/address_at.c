/* SPDX-License-Identifier: MIT */
#include "report/address_at.h"

#include <inttypes.h>
#include <string.h>

#include "render/table.h"
#include "render/units.h"

/* Whether only words that look like pointers say whose it is, or that nobody's. */
static bool is_estimate(const struct address_answer *answer)
{
	return answer->is_native && !answer->is_exact && answer->holder != NATIVE_TREES;
}

/* Of memory that no allocator gave out. */
static const char *region_words(const struct address_answer *answer)
{
	switch (answer->region != NULL ? (enum region_kind)answer->region->kind : REGION_OTHER) {
	case REGION_FILE:
		return answer->region->is_writable ? "a variable of a program or library"
		                                   : "what a file has: code, constants or data";
	case REGION_STACK:
		return "on a thread's stack";
	case REGION_DATA_STACK:
		return "in the Python frames of a thread";
	case REGION_KERNEL:
		return "code of the kernel";
	case REGION_RESERVED:
		return "address space without memory";
	default:
		return "no object and no allocator's block";
	}
}

/* What is there, in words: the head of the answer. */
static void say_what(const struct address_answer *answer, struct text *text)
{
	if (answer->state == MEMORY_UNMAPPED)
		text_add(text, "nothing was mapped there");
	else if (answer->is_free)
		text_add(text, "free memory");
	else if (answer->is_native)
		text_add(text, "memory of C code");
	else if (answer->object != 0 && answer->is_pages)
		text_add(text, "pages of an object");
	else if (answer->object != 0 && answer->role != NULL)
		text_format(text, "%s of an object", answer->role);
	else if (answer->object != 0)
		text_add(text, "inside an object");
	else if (answer->has_block)
		text_add(text, "a block in use, no object's that is known");
	else
		text_add(text, region_words(answer));
	if (answer->state == MEMORY_ABSENT)
		text_add(text, answer->is_live ? "; not read: pages that it shares, or never touched"
		                               : "; the dump lacks it");
}

static void say_region(struct report *report, const struct address_answer *answer, struct text *text)
{
	const struct region *region = answer->region;
	text_format(text, "%s", region_kind_name((enum region_kind)region->kind));
	if (answer->file != NULL) {
		text_add(text, " ");
		names_escape(text, answer->file, strlen(answer->file), false);
	}
	if (answer->thread != 0)
		text_format(text, " of thread %" PRIu64, answer->thread);
	text_format(text, ", 0x%" PRIx64 " to 0x%" PRIx64 ", ", region->start, region->end);
	report_bytes(report, text, region->end - region->start);
	text_add(text, region->is_writable ? "" : ", not private and writable");
}

static void show_free(struct report *report, const struct address_answer *answer)
{
	struct text *text = report->text;
	if (answer->free_end <= answer->free_start)
		return;
	text_format(text, "  free      0x%" PRIx64 " to 0x%" PRIx64 ", ", answer->free_start, answer->free_end);
	report_bytes(report, text, answer->free_end - answer->free_start);
	text_add(text, answer->is_cached                         ? ", kept by a thread for its next calls\n"
	               : answer->free_end == answer->region->end ? " at the end of its heap\n"
	                                                         : " between blocks in use\n");
}

static void show_owner(struct report *report, const struct address_answer *answer)
{
	struct text *text = report->text;
	text_format(text, "  owner   %s ", is_estimate(answer) ? "~" : " ");
	if (answer->object != 0) {
		names_type(text, answer->type);
		text_format(text, " 0x%" PRIx64, answer->object);
		if (answer->name.length > 0)
			text_format(text, "  %s", text_string(&answer->name));
		if (answer->is_native && answer->holder == NATIVE_GARBAGE)
			text_add(text, ", garbage: no root reaches it");
	} else if (answer->is_native && answer->holder == NATIVE_STATIC) {
		text_add(text, "a variable of ");
		names_escape(text, text_string(&answer->name), answer->name.length, false);
	} else if (answer->is_native && answer->holder == NATIVE_OBJECT) {
		text_add(text, "several objects that have no object in common");
	} else if (answer->is_native && answer->holder == NATIVE_TREES) {
		text_add(text, "Python's compiler: a syntax tree of source that is run");
	} else {
		text_add(text, "nothing seen leads to it");
	}
	text_add(text, "\n");
}

static void say_place(struct report *report, const struct address_word *word, struct text *text)
{
	if (word->object != 0) {
		names_type(text, word->type);
		text_format(text, " 0x%" PRIx64, word->object);
	} else if (word->file != NULL) {
		text_add(text, "a variable of ");
		names_escape(text, word->file, strlen(word->file), false);
	} else if (word->block != 0) {
		text_format(text, "block 0x%" PRIx64 ", ", word->block);
		report_bytes(report, text, word->block_bytes);
	} else {
		text_add(text, word->is_stack ? "a thread's stack" : "?");
	}
}

static int show_words(struct report *report, const struct address_answer *answer)
{
	static const struct table_column columns[] = { { "  Word at", 0 },
		                                       { "Points to", TABLE_RIGHT },
		                                       { "Lies in", TABLE_ELASTIC } };
	text_add(report->text, "  ");
	units_noun(report->text, answer->word_count, "word");
	text_add(report->text, " with an address of it\n");
	if (answer->words.count == 0)
		return OK;
	struct table *table = table_create(columns, 3, report->style.width, true);
	if (table == NULL)
		return query_no_memory(&report->query, "a table");
	for (size_t i = 0; i < answer->words.count; i++) {
		const struct address_word *word = &answer->words.items[i];
		struct table_row *row = table_add_row(table, NULL);
		struct text cell = { .bytes = NULL };
		text_format(&cell, "  0x%" PRIx64, word->at);
		table_take(table, row, 0, &cell);
		text_format(&cell, "+%" PRIu64, word->inside);
		table_take(table, row, 1, &cell);
		say_place(report, word, &cell);
		table_take(table, row, 2, &cell);
		text_free(&cell);
	}
	const int status = table_draw(table, report->text, report->error);
	table_destroy(table);
	report_more(report, answer->word_count - answer->words.count);
	return status;
}

static int show_text(struct report *report, size_t index, const struct address_question *question,
                     const struct address_answer *answer)
{
	struct text *text = report->text;
	text_format(text, "%s0x%" PRIx64 "   ", index > 0 ? "\n" : "", answer->address);
	say_what(answer, text);
	text_add(text, "\n");
	if (answer->region != NULL) {
		text_add(text, "  region    ");
		say_region(report, answer, text);
		text_add(text, "\n");
	}
	if (answer->has_block) {
		text_format(text, "  block     0x%" PRIx64 ", ", answer->block.address);
		report_bytes(report, text, answer->block.taken);
		text_format(text, " of %s; the address is %" PRIu64 " bytes into it\n",
		            allocator_name((enum allocator)answer->block.allocator),
		            answer->address - answer->block.address);
	}
	show_free(report, answer);
	if (question->with_owner && (answer->object != 0 || answer->is_native))
		show_owner(report, answer);
	TRY(question->with_words && answer->has_block ? show_words(report, answer) : OK);
	if (is_estimate(answer))
		text_add(text, "~ The owner is found by words that look like pointers: an estimate.\n");
	if (answer->object != 0)
		report_next(report, "object path", answer->object);
	else if (answer->has_block && !question->with_words)
		report_next(report, "referrers", answer->address);
	return OK;
}

static void show_words_json(struct json *json, const struct address_answer *answer)
{
	json_array(json, "referrers");
	for (size_t i = 0; i < answer->words.count; i++) {
		const struct address_word *word = &answer->words.items[i];
		json_object(json, NULL);
		json_address(json, "word", word->at);
		json_number(json, "offset", word->inside);
		json_address_or_null(json, "address", word->object != 0 ? word->object : word->block);
		json_string(json, "type",
		            word->type != NULL   ? word->type->name
		            : word->file != NULL ? "variable"
		            : word->block != 0   ? "block"
		            : word->is_stack     ? "stack"
		                                 : "?");
		if (word->file != NULL)
			json_string(json, "file", word->file);
		json_object_end(json);
	}
	json_array_end(json);
	json_number(json, "total", answer->word_count);
}

static void show_block_json(struct json *json, const struct address_answer *answer)
{
	json_object(json, "block");
	json_address(json, "address", answer->block.address);
	json_number(json, "bytes", answer->block.taken);
	json_string(json, "allocator", allocator_name((enum allocator)answer->block.allocator));
	json_number(json, "offset", answer->address - answer->block.address);
	json_bool(json, "native", answer->is_native);
	json_object_end(json);
}

static void show_json(struct report *report, const struct address_question *question,
                      const struct address_answer *answer)
{
	struct json *json = &report->json;
	struct text what = { .bytes = NULL };
	say_what(answer, &what);
	json_object(json, NULL);
	json_address(json, "address", answer->address);
	if (!answer->has_block)
		json_string(json, "error", "no object");
	json_text(json, "is", &what);
	if (answer->region != NULL) {
		json_object(json, "region");
		json_string(json, "kind", region_kind_name((enum region_kind)answer->region->kind));
		json_address(json, "start", answer->region->start);
		json_number(json, "bytes", answer->region->end - answer->region->start);
		if (answer->file != NULL)
			json_string(json, "file", answer->file);
		if (answer->thread != 0)
			json_number(json, "thread", answer->thread);
		json_object_end(json);
	} else {
		json_null(json, "region");
	}
	if (answer->free_end > answer->free_start) {
		json_object(json, "free");
		json_address(json, "start", answer->free_start);
		json_number(json, "bytes", answer->free_end - answer->free_start);
		json_object_end(json);
	}
	if (answer->has_block)
		show_block_json(json, answer);
	else
		json_null(json, "block");
	if (answer->object != 0) {
		json_object(json, "owner");
		json_address(json, "address", answer->object);
		json_string(json, "type", answer->type != NULL ? answer->type->name : "?");
		json_text(json, "name", &answer->name);
		if (answer->role != NULL)
			json_string(json, "role", answer->role);
		json_bool(json, "estimate", is_estimate(answer));
		json_object_end(json);
	} else {
		json_null(json, "owner");
	}
	if (question->with_words)
		show_words_json(json, answer);
	report->text->failed |= what.failed;
	text_free(&what);
}

int address_at_show(struct report *report, size_t index, bool with_words, uint64_t *ret_owner)
{
	const struct address_question question = { .address = report->targets[index],
		                                   .limit = report->request->limit,
		                                   .with_owner = !request_has(report->request, OPTION_NO_RETAINED),
		                                   .with_words = with_words };
	struct address_answer answer;
	*ret_owner = 0;
	int status = query_address(&report->query, &question, &answer);
	if (answer.state != MEMORY_PRESENT) {
		report->failed_targets++;
		if (answer.state == MEMORY_ABSENT)
			report->exit_status = EXIT_PARTIAL;
	}
	if (status >= 0 && report_is_json(report))
		show_json(report, &question, &answer);
	else if (status >= 0)
		status = show_text(report, index, &question, &answer);
	*ret_owner = answer.object;
	address_answer_clear(&answer);
	return status;
}

void address_at_end(struct report *report)
{
	if (report_is_json(report))
		json_object_end(&report->json);
}
