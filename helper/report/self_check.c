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
	text_format(text, ", %s at 0x%" PRIx64 ": ", example->role != NULL ? example->role : "object",
	            example->allocation.address);
	units_count(text, example->allocation.requested);
	text_add(text, " bytes decoded, ");
	units_count(text, example->allocation.taken);
	text_format(text, " in %s: %s\n", allocator_name((enum allocator)example->allocation.allocator),
	            agreement_text((enum agreement)example->allocation.agreement));
}

void self_check_show(struct report *report, const struct size_check *check)
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

void self_check_json(struct report *report, const struct size_check *check)
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
