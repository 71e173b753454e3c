/* SPDX-License-Identifier: MIT
 * Table finding: one row a place of a finding, as the command `findings` has them. */
#include <stdlib.h>

#include "query/findings/findings.h"
#include "query/tables/open_tables.h"

struct table_cursor {
	struct findings_answer answer;
	size_t finding; /* + 1 of this row */
	uint32_t place; /* of it; a finding without one has one row */
};

static int open_findings(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over findings");
	const struct findings_question question = { .only = -1 };
	return query_findings(&tables->query, &question, &cursor->answer);
}

static int next_finding(struct table_cursor *cursor)
{
	if (cursor->finding > 0 && cursor->place + 1 < cursor->answer.findings.items[cursor->finding - 1].place_count) {
		cursor->place++;
		return 1;
	}
	cursor->place = 0;
	return cursor->finding++ < cursor->answer.findings.count;
}

static int finding_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct finding *finding = &cursor->answer.findings.items[cursor->finding - 1];
	const struct finding_place *place =
	        cursor->place < finding->place_count ? &finding->places[cursor->place] : NULL;
	switch (column) {
	case FINDING_COLUMN_rule:
		*ret_cell = cell_lasting(finding_rule_name(finding->rule));
		return OK;
	case FINDING_COLUMN_bytes:
		*ret_cell = cell_integer(finding->bytes);
		return OK;
	case FINDING_COLUMN_count:
		*ret_cell = cell_integer(finding->count);
		return OK;
	case FINDING_COLUMN_saving:
		*ret_cell = cell_integer(finding->is_saving);
		return OK;
	case FINDING_COLUMN_estimated:
		*ret_cell = cell_integer(finding->is_estimate);
		return OK;
	case FINDING_COLUMN_text:
		*ret_cell = cell_text(text_string(&finding->text), finding->text.length);
		return OK;
	case FINDING_COLUMN_place:
		if (place != NULL && place->name != NULL)
			*ret_cell = cell_text(place->name, strlen(place->name));
		return OK;
	default:
		if (place != NULL)
			*ret_cell = cell_address(place->address);
		return OK;
	}
}

static void close_findings(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	findings_answer_clear(&cursor->answer);
	free(cursor);
}

static uint64_t estimate_findings(struct tables *tables)
{
	(void)tables;
	return FINDING_COUNT;
}

const struct heap_table_class finding_table = { open_findings, next_finding, finding_cell, close_findings,
	                                        estimate_findings };
