/* SPDX-License-Identifier: MIT */
#include "report/self_check.h"

#include <inttypes.h>

#include "render/units.h"

static const struct {
	const char *key, *text;
	uint8_t agreement; /* enum agreement */
} lines[] = {
	{ "exact", "in exactly the block that such a request is given", AGREEMENT_EXACT },
	{ "kept", "in a larger one, left in place by realloc", AGREEMENT_KEPT },
	{ "wrong_size", "DISAGREE: in a block that such a request is not given", DISAGREEMENT_SIZE },
	{ "wrong_place", "DISAGREE: begin inside a block", DISAGREEMENT_PLACE },
	{ "free", "DISAGREE: in a block that is free", DISAGREEMENT_FREE },
	{ "too_large", "DISAGREE: claim more than their block has, which is not used", DISAGREEMENT_ROOM },
	{ "two_owners", "DISAGREE: in a block that another one has", DISAGREEMENT_OWNER },
};

enum { LINE_COUNT = sizeof lines / sizeof *lines };

static void count_line(struct text *text, uint64_t count, const char *what)
{
	struct text number = { .bytes = NULL };
	units_count(&number, count);
	text_format(text, "  %12s  %s\n", text_string(&number), what);
	text_free(&number);
}

/* "  pymalloc: 97.31% of 12,345 blocks in use and 97.80% of their 1.2 MiB are objects'" */
static void share_line(struct report *report, const char *name, const struct block_share *share)
{
	struct text *text = report->text;
	if (share->blocks > 0) {
		text_format(text, "  %s: %.2f%% of ", name,
		            100.0 * (double)share->explained_blocks / (double)share->blocks);
		units_count(text, share->blocks);
		text_format(text, " blocks in use, %.2f%% of their ",
		            100.0 * (double)share->explained_bytes / (double)share->bytes);
		report_bytes(report, text, share->bytes);
		text_add(text, ", are objects'\n");
	}
	if (share->broken_pages > 0) {
		text_format(text, "  %s: DISAGREE: ", name);
		units_noun(text, share->broken_pages, "page");
		text_add(text, " with a list of free blocks that is torn; left out\n");
	}
}

/* What was asked for as decoded, and what there is. */
static void example_line(struct text *text, const struct size_disagreement *example)
{
	text_add(text, "  ");
	units_count(text, example->count);
	text_format(text, " such as 0x%" PRIx64 " ", example->object);
	names_type(text, example->type);
	if (example->allocation.agreement == DISAGREEMENT_ROOM) {
		text_format(text, ": %s\n", agreement_text(DISAGREEMENT_ROOM));
		return;
	}
	text_format(text, ", %s at 0x%" PRIx64 ": ", example->role != NULL ? example->role : "object",
	            example->allocation.address);
	units_count(text, example->allocation.requested);
	text_add(text, " bytes decoded, ");
	units_count(text, example->allocation.taken);
	text_format(text, " in %s: %s\n", allocator_name((enum allocator)example->allocation.allocator),
	            agreement_text((enum agreement)example->allocation.agreement));
}

/* "  DISAGREE: objects in pymalloc, 2.0 MiB, are more than its blocks in use, 1.0 MiB" */
static void open_line(struct report *report, const struct memory_sum *sum)
{
	struct text *text = report->text;
	text_format(text, "  DISAGREE: %s, ", sum->what);
	report_bytes(report, text, sum->bytes);
	text_format(text, ", %s %s, ", sum->is_at_most ? "are to be at most" : "are to be", sum->whole_name);
	report_bytes(report, text, sum->whole);
	if (sum->reason != NULL)
		text_format(text, ": %s", sum->reason);
	text_add(text, "\n");
}

static void show_sums(struct report *report, const struct memory_check *sums)
{
	struct text *text = report->text;
	const uint64_t closed = sums->sums.count - sums->open_count;
	text_add(text, "  ");
	units_noun(text, closed, "sum");
	text_add(text, closed == 1 ? " closes: regions and" : " close: regions and");
	text_add(text, " what was mapped, each allocator's blocks and its memory, blocks of C code and what is no "
	               "object's\n");
	for (size_t i = 0; i < sums->sums.count; i++)
		if (!sums->sums.items[i].closes)
			open_line(report, &sums->sums.items[i]);
	if (sums->refuted_blocks > 0) {
		text_add(text, "  ");
		units_noun(text, sums->refuted_blocks, "block");
		text_add(text, " that the allocators refute are in no sum of memory, native and top\n");
	}
}

void self_check_show(struct report *report, const struct size_check *check, const struct memory_check *sums)
{
	struct text *text = report->text;
	text_add(text, "\nSizes against the allocators' own records, ");
	text_add(text, check->is_complete ? "the whole heap" : "a sample (--self-check: all)");
	text_add(text, "\n");
	count_line(text, check->objects, "objects; they and their blocks are");
	for (int i = 0; i < LINE_COUNT; i++)
		if (check->agreements[lines[i].agreement] > 0 || lines[i].agreement == AGREEMENT_EXACT)
			count_line(text, check->agreements[lines[i].agreement], lines[i].text);
	if (check->agreements[AGREEMENT_NONE] > check->unknown)
		count_line(text, check->agreements[AGREEMENT_NONE] - check->unknown,
		           "in static memory, which no allocator knows");
	if (check->unknown > 0)
		count_line(text, check->unknown, "NOT CHECKED: in memory of no allocator that is known");
	share_line(report, "pymalloc", &check->pymalloc);
	share_line(report, "mimalloc", &check->mimalloc);
	if (check->is_complete)
		show_sums(report, sums);
	for (uint32_t i = 0; i < check->example_count; i++)
		example_line(text, &check->examples[i]);
}

static void json_share(struct json *json, const char *name, const struct block_share *share)
{
	json_object(json, name);
	json_number(json, "pages", share->pages);
	json_number(json, "broken_pages", share->broken_pages);
	json_number(json, "blocks", share->blocks);
	json_number(json, "bytes", share->bytes);
	json_number(json, "explained_blocks", share->explained_blocks);
	json_number(json, "explained_bytes", share->explained_bytes);
	json_object_end(json);
}

static void json_sums(struct json *json, const struct memory_check *sums)
{
	json_number(json, "open_sums", sums->open_count);
	json_number(json, "refuted_blocks", sums->refuted_blocks);
	json_array(json, "sums");
	for (size_t i = 0; i < sums->sums.count; i++) {
		const struct memory_sum *sum = &sums->sums.items[i];
		json_object(json, NULL);
		json_string(json, "what", sum->what);
		json_number(json, "bytes", sum->bytes);
		json_string(json, "held_against", sum->whole_name);
		json_number(json, "whole", sum->whole);
		json_bool(json, "at_most", sum->is_at_most);
		json_bool(json, "closes", sum->closes);
		if (sum->reason != NULL)
			json_string(json, "reason", sum->reason);
		json_object_end(json);
	}
	json_array_end(json);
}

void self_check_json(struct report *report, const struct size_check *check, const struct memory_check *sums)
{
	struct json *json = &report->json;
	json_object(json, "self_check");
	json_string(json, "kind", check->is_complete ? "all" : "sample");
	json_number(json, "objects", check->objects);
	for (int i = 0; i < LINE_COUNT; i++)
		json_number(json, lines[i].key, check->agreements[lines[i].agreement]);
	json_number(json, "static", check->agreements[AGREEMENT_NONE] - check->unknown);
	json_number(json, "unknown", check->unknown);
	json_number(json, "disagreements", size_check_disagreements(check));
	if (check->is_complete) {
		json_share(json, "pymalloc", &check->pymalloc);
		json_share(json, "mimalloc", &check->mimalloc);
		json_number(json, "outside_pools", check->outside_pools);
		json_sums(json, sums);
	}
	json_array(json, "examples");
	for (uint32_t i = 0; i < check->example_count; i++) {
		const struct size_disagreement *example = &check->examples[i];
		json_object(json, NULL);
		json_number(json, "count", example->count);
		json_address(json, "object", example->object);
		json_string(json, "type", example->type->name);
		json_string(json, "role", example->role != NULL ? example->role : "object");
		json_address(json, "address", example->allocation.address);
		json_number(json, "requested", example->allocation.requested);
		json_number(json, "allocated", example->allocation.taken);
		json_string(json, "allocator", allocator_name((enum allocator)example->allocation.allocator));
		json_string(json, "why", agreement_text((enum agreement)example->allocation.agreement));
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
}
