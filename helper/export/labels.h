/* SPDX-License-Identifier: MIT
 * labels: references as the edges of an export: what kind of edge, under which name or number. Names are numbers of a
 * string table; most are words of the program that come again and again, and are put into words once. */
#ifndef PYDS_EXPORT_LABELS_H
#define PYDS_EXPORT_LABELS_H

#include "export/string_table.h"
#include "query/tables/open_tables.h"
#include "query/tables/edges.h"

enum edge_kind {
	EDGE_ELEMENT, /* has a number: [3] */
	EDGE_KEY, /* has a number: the key of that entry, an item of a set */
	EDGE_NAMED, /* attribute, value of a dict, local */
	EDGE_INTERNAL, /* class, __dict__, a word that was guessed */
};

struct edge_label {
	enum edge_kind kind;
	uint32_t number; /* of EDGE_ELEMENT and EDGE_KEY: the index, 32 bits of it; else in the string table */
};

struct labels {
	struct tables *tables;
	struct string_table *strings;
	bool hide_names; /* each name becomes a number that means nothing */
	struct label_slot {
		uint64_t key; /* what the label was made from; 0: free */
		uint32_t number;
	} * slots;
	uint64_t mask, count;
	struct text text;
	bool failed; /* out of memory */
};

void labels_open(struct labels *labels, struct tables *tables, struct string_table *strings, bool hide_names);
void labels_close(struct labels *labels);
/* The label of the reference that a cursor found. */
struct edge_label labels_of(struct labels *labels, const struct edge_cursor *found);
/* The same of a slot of a holder's run. */
struct edge_label labels_of_slot(struct labels *labels, const struct run *run, uint64_t index);
/* A name of the program in the string table, hidden where names are. */
uint32_t labels_name(struct labels *labels, const char *bytes, size_t length);

#endif
