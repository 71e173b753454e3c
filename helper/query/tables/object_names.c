/* SPDX-License-Identifier: MIT
 * What objects and holders are called in cells of the tables. */
#include "query/holders/holder.h"
#include "query/naming.h"
#include "query/origins.h"
#include "query/tables/open_tables.h"

static int open_naming(struct tables *tables)
{
	return tables->naming != NULL ? OK : naming_open(&tables->naming, &tables->query, tables->heap);
}

int tables_name_number(struct tables *tables, uint32_t number, struct cell *ret_cell)
{
	TRY(open_naming(tables));
	text_reset(&tables->text);
	if (naming_number(tables->naming, number, &tables->text))
		*ret_cell = cell_text(text_string(&tables->text), tables->text.length);
	return tables->text.failed ? query_no_memory(&tables->query, "a name") : OK;
}

int tables_name(struct tables *tables, uint64_t address, struct cell *ret_cell)
{
	return tables_name_number(tables, retained_number(tables->heap, address), ret_cell);
}

void tables_holder(struct tables *tables, uint32_t holder, struct text *text)
{
	const struct references references = references_of(&tables->query, tables->heap);
	holder_say(&references, holder, text);
}

/* "interpreter 0 → sys.modules → ['app'] → .__dict__ → ['SESSIONS']". */
static int say_route(struct tables *tables, const struct origins *origins, const struct path *path, struct text *text)
{
	struct route route;
	if (!route_make(&route, origins, path))
		return query_no_memory(&tables->query, "a path");
	if (route.steps.count > 0)
		origins_say(origins, route.holder, route.root, route.steps.items[0], text);
	for (size_t i = 1; i < route.steps.count; i++) {
		text_add(text, " \xE2\x86\x92 ");
		if (!reference_label(&origins->references, route.steps.items[i - 1], route.steps.items[i], text))
			text_add(text, "?");
	}
	route_clear(&route);
	return OK;
}

int tables_path(struct tables *tables, uint64_t address, struct text *text)
{
	const uint32_t number = retained_number(tables->heap, address);
	struct path_list paths = { .items = NULL };
	struct origins origins;
	if (number == UINT32_MAX)
		return OK;
	TRY(origins_open(&origins, &tables->query, tables->heap));
	const struct path_request request = { .incoming = &tables->heap->dominators.incoming,
		                              .starts = origins.starts,
		                              .target = number,
		                              .through = UINT32_MAX,
		                              .count = 1,
		                              .progress = tables->query.progress };
	int status = paths_find(&paths, &request, tables->query.error);
	if (status == OK && paths.count > 0)
		status = say_route(tables, &origins, &paths.items[0], text);
	path_list_clear(&paths);
	origins_clear(&origins);
	return status;
}
