/* SPDX-License-Identifier: MIT
 * Table warning: what the numbers of the heap do not cover. */
#include <stdlib.h>

#include "query/tables/open_tables.h"

struct table_cursor {
	const struct coverage *coverage;
	uint32_t next; /* kinds, then examples */
};

static const struct {
	const char *kind, *text;
} kinds[] = {
	{ "approximate", "objects of C types without a decoder: sized by the generic rule, references guessed" },
	{ "unreadable", "references to memory that the dump lacks" },
	{ "corrupt", "references to what is no sane object: freed, torn or overwritten" },
	{ "in_flux", "objects caught half way through a change" },
	{ "tracked_unknown", "what only the collector knows could not be listed" },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t kind_count(const struct coverage *coverage, uint32_t kind)
{
	const uint64_t counts[KINDS] = { coverage->approximate, coverage->unreadable, coverage->corrupt,
		                         coverage->in_flux, coverage->tracked_unknown };
	return counts[kind];
}

static int open_warnings(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over warnings");
	cursor->coverage = &tables->heap->graph->coverage;
	return OK;
}

static int next_warning(struct table_cursor *cursor)
{
	while (cursor->next < KINDS)
		if (kind_count(cursor->coverage, cursor->next++) > 0)
			return 1;
	return cursor->next++ < KINDS + cursor->coverage->example_count;
}

static int warning_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const uint32_t at = cursor->next - 1;
	const bool is_kind = at < KINDS;
	switch (column) {
	case WARNING_kind:
		*ret_cell = cell_lasting(is_kind ? kinds[at].kind : "example");
		return OK;
	case WARNING_count:
		*ret_cell = cell_integer(is_kind ? kind_count(cursor->coverage, at) : 1);
		return OK;
	case WARNING_address:
		if (!is_kind)
			*ret_cell = cell_address(cursor->coverage->examples[at - KINDS].address);
		return OK;
	default:
		*ret_cell = cell_lasting(is_kind ? kinds[at].text : cursor->coverage->examples[at - KINDS].reason);
		return OK;
	}
}

static uint64_t estimate_warnings(struct tables *tables)
{
	(void)tables;
	return KINDS;
}

const struct heap_table_class warning_table = { open_warnings, next_warning, warning_cell,
	                                        (void (*)(struct table_cursor *))free, estimate_warnings };
