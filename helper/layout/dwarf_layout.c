/* SPDX-License-Identifier: MIT */
#include "layout/dwarf_layout.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/debug_file.h"
#include "layout/dwarf_place.h"

static const char *const struct_spellings[STRUCT_COUNT] = {
#define STRUCT(name, spellings) spellings,
#define FIELD(owner, name, paths)
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

static const char *const field_paths[FIELD_COUNT] = {
#define STRUCT(name, spellings)
#define FIELD(owner, name, paths) paths,
#include "layout/fields.def"
#undef STRUCT
#undef FIELD
};

enum {
	SPELLING_SLOTS = 2048, /* of the hash of spellings, a power of two; checked when it is filled */
	KNOWN_DEFINITIONS = 6, /* different definitions of one name that are remembered */
	UNIT_LIMIT = 1 << 20, /* units of one file */
	ENTRY_LIMIT = 1 << 28, /* top-level entries of one file */
};

/* The best definition of one struct so far. The same name may mean other things in other sources (BLOCK, block): the
 * definition that has most of the fields asked for is taken, and the first of equals. */
struct definition {
	uint64_t bytes;
	uint32_t matched; /* fields found */
	uint8_t spelling; /* number of the spelling in fields.def */
	bool is_found;
	uint8_t known_count;
	struct {
		uint64_t bytes, line;
	} known[KNOWN_DEFINITIONS];
};

struct spelling {
	const char *name; /* not terminated */
	uint8_t length;
	uint8_t number;
	uint16_t owner; /* enum layout_struct */
};

struct dwarf_scan {
	struct layout_place places[FIELD_COUNT];
	struct definition definitions[STRUCT_COUNT];
	struct spelling slots[SPELLING_SLOTS];
	uint16_t fields_of[FIELD_COUNT]; /* fields sorted by struct */
	uint16_t first_field[STRUCT_COUNT + 1]; /* in fields_of */
	uint64_t entries;
	const struct progress *progress;
	uint64_t looks;
};

static uint32_t spelling_hash(const char *name, size_t length)
{
	uint32_t hash = 5381;
	for (size_t i = 0; i < length; i++)
		hash = hash * 33 + (uint8_t)name[i];
	return hash ^ hash >> 15;
}

/* The slots of one name: several structs may have the same spelling. */
static void add_spellings(struct dwarf_scan *scan, unsigned owner)
{
	const char *name = struct_spellings[owner];
	for (uint8_t number = 0; *name != '\0'; number++) {
		size_t length = strcspn(name, "|");
		uint32_t i = spelling_hash(name, length);
		unsigned probes = 0;
		while (scan->slots[i % SPELLING_SLOTS].name != NULL && probes++ < SPELLING_SLOTS)
			i++;
		if (scan->slots[i % SPELLING_SLOTS].name == NULL)
			scan->slots[i % SPELLING_SLOTS] = (struct spelling){
				.name = name, .length = (uint8_t)length, .number = number, .owner = (uint16_t)owner
			};
		name += length;
		name += *name == '|';
	}
}

static void prepare(struct dwarf_scan *scan, const struct layout *layout)
{
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		if (layout->struct_sources[i] == LAYOUT_SOURCE_NONE)
			add_spellings(scan, i);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		scan->first_field[layout_field_struct(i) + 1]++;
	for (unsigned i = 0; i < STRUCT_COUNT; i++)
		scan->first_field[i + 1] = (uint16_t)(scan->first_field[i + 1] + scan->first_field[i]);
	uint16_t next[STRUCT_COUNT];
	memcpy(next, scan->first_field, sizeof next);
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		scan->fields_of[next[layout_field_struct(i)]++] = (uint16_t)i;
}

/* The same definition is in the units of every source that includes its header: told by size and line. */
static bool is_known(struct definition *definition, const Dwarf_Die *entry, uint64_t bytes)
{
	int line = 0;
	(void)dwarf_decl_line((Dwarf_Die *)entry, &line);
	for (unsigned i = 0; i < definition->known_count; i++)
		if (definition->known[i].bytes == bytes && definition->known[i].line == (uint64_t)line)
			return true;
	if (definition->known_count == KNOWN_DEFINITIONS)
		return true;
	definition->known[definition->known_count].bytes = bytes;
	definition->known[definition->known_count++].line = (uint64_t)line;
	return false;
}

static void consider(struct dwarf_scan *scan, const struct spelling *spelling, const Dwarf_Die *entry)
{
	struct definition *definition = &scan->definitions[spelling->owner];
	Dwarf_Die body;
	uint64_t bytes;
	if (!dwarf_struct_definition(entry, &body) || !dwarf_type_bytes(&body, &bytes) || bytes == 0 ||
	    bytes > UINT32_MAX || is_known(definition, &body, bytes))
		return;
	const uint16_t *fields = scan->fields_of + scan->first_field[spelling->owner];
	unsigned count = (unsigned)(scan->first_field[spelling->owner + 1] - scan->first_field[spelling->owner]);
	struct layout_place places[FIELD_COUNT];
	uint32_t matched = 0;
	for (unsigned i = 0; i < count; i++) {
		places[i] = (struct layout_place){ .size = 0 };
		if (!dwarf_member_place(&body, field_paths[fields[i]], &places[i]))
			continue;
		/* A flexible array may begin at the end, nothing else reaches beyond it. */
		if ((uint64_t)places[i].offset + (places[i].bit_width != 0 ? places[i].size : 0) > bytes)
			places[i].size = 0;
		else
			matched++;
	}
	if (count != 0 && matched == 0)
		return;
	if (definition->is_found && (matched < definition->matched ||
	                             (matched == definition->matched && spelling->number >= definition->spelling)))
		return;
	definition->is_found = true;
	definition->bytes = bytes;
	definition->matched = matched;
	definition->spelling = spelling->number;
	for (unsigned i = 0; i < count; i++)
		scan->places[fields[i]] = places[i];
}

static void consider_entry(struct dwarf_scan *scan, Dwarf_Die *entry)
{
	const char *name = dwarf_diename(entry);
	if (name == NULL)
		return;
	size_t length = strlen(name);
	for (uint32_t i = spelling_hash(name, length);; i++) {
		const struct spelling *spelling = &scan->slots[i % SPELLING_SLOTS];
		if (spelling->name == NULL)
			return;
		if (spelling->length == length && memcmp(spelling->name, name, length) == 0)
			consider(scan, spelling, entry);
	}
}

static void scan_unit(struct dwarf_scan *scan, Dwarf_Die *unit)
{
	Dwarf_Die entry;
	if (dwarf_child(unit, &entry) != 0)
		return;
	do {
		int tag = dwarf_tag(&entry);
		if (tag == DW_TAG_structure_type || tag == DW_TAG_typedef || tag == DW_TAG_union_type)
			consider_entry(scan, &entry);
	} while (++scan->entries < ENTRY_LIMIT && progress_look(scan->progress, &scan->looks) == OK &&
	         dwarf_siblingof(&entry, &entry) == 0);
}

static void scan_file(struct dwarf_scan *scan, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die entry, split;
	uint8_t unit_type;
	for (unsigned i = 0; i < UNIT_LIMIT && !progress_is_cancelled(scan->progress); i++) {
		if (dwarf_get_units(dwarf, unit, &unit, NULL, &unit_type, &entry, &split) != 0)
			return;
		scan_unit(scan, unit_type == DW_UT_skeleton && dwarf_tag(&split) != DW_TAG_invalid ? &split : &entry);
	}
}

static uint32_t fill_layout(const struct dwarf_scan *scan, struct layout *layout)
{
	uint32_t filled = 0;
	for (unsigned i = 0; i < STRUCT_COUNT; i++) {
		const struct definition *definition = &scan->definitions[i];
		if (layout->struct_sources[i] != LAYOUT_SOURCE_NONE || !definition->is_found)
			continue;
		layout->struct_bytes[i] = (uint32_t)definition->bytes;
		layout->struct_sources[i] = LAYOUT_SOURCE_DWARF;
		for (unsigned j = scan->first_field[i]; j < scan->first_field[i + 1]; j++)
			layout->fields[scan->fields_of[j]] = scan->places[scan->fields_of[j]];
		filled++;
	}
	return filled;
}

static uint32_t merge_file(struct dwarf_scan *scan, const struct debug_file *file, struct layout *layout)
{
	prepare(scan, layout);
	scan_file(scan, file->dwarf);
	if (file->supplement != NULL)
		scan_file(scan, file->supplement);
	return fill_layout(scan, layout);
}

int dwarf_layout_merge(struct layout *layout, const char *elf_path, const struct dwarf_options *options,
                       uint32_t *ret_structs, char *ret_debug_path, struct error *error)
{
	*ret_structs = 0;
	struct debug_file *file = calloc(1, sizeof *file);
	struct dwarf_scan *scan = calloc(1, sizeof *scan);
	int status;
	if (file == NULL || scan == NULL) {
		status = error_set(error, ERROR_NO_MEMORY, "out of memory reading debug information of %s", elf_path);
	} else {
		status = debug_file_open(file, elf_path, options, error);
		scan->progress = options != NULL ? options->progress : NULL;
		if (status == OK) {
			*ret_structs = merge_file(scan, file, layout);
			if (ret_debug_path != NULL)
				(void)snprintf(ret_debug_path, PATH_MAX, "%s", file->path);
			debug_file_close(file);
			status = progress_check(scan->progress, error);
		}
	}
	free(scan);
	free(file);
	return status;
}
