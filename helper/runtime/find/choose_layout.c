/* SPDX-License-Identifier: MIT
 * Which layout does this target have? Table rows in the order of the fingerprint, each confirmed in the target; the
 * debug information of the very binary where no row holds or where it is asked for. Sources that both speak are
 * compared. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "layout/dwarf_layout.h"
#include "runtime/find/confirm_places.h"
#include "runtime/find/opening.h"

enum { MAX_ROWS = 256, DEBUG_PATH_BYTES = 4096 };

struct candidate {
	struct layout layout;
	sentence_list checks;
	uint32_t disagreements; /* with _Py_DebugOffsets */
	bool is_exact;
	bool is_mixed; /* has structs of other rows than the one it began with */
	bool is_found;
	bool is_doubtful; /* not found, but nothing else speaks against it than the check that `failure` tells of */
	char failure[FAILURE_BYTES];
};

void free_sentences(sentence_list *sentences)
{
	for (size_t i = 0; i < sentences->count; i++)
		free(sentences->items[i]);
	array_free(sentences);
}

static void warn_difference(void *context, const char *sentence)
{
	runtime_warn(context, "%s", sentence);
}

static void count_difference(void *context, const char *sentence)
{
	(void)sentence;
	++*(uint32_t *)context;
}

/* A row may fit in all that is checked and still be of a neighbouring patch release: debug offsets tell. */
static uint32_t disagreements(const struct opening *opening, const struct layout *layout)
{
	uint32_t count = 0;
	if (opening->fingerprint.debug_offsets != NULL)
		layout_compare((struct named_layout){ layout, "" },
		               (struct named_layout){ &opening->debug_offsets->layout, "" }, count_difference, &count);
	return count;
}

enum { MAX_STRUCTS_REPLACED = 8, MAX_DONORS = 256 };

/* One struct of the candidate as another row has it, if more of the layout holds with it than without: the checks go on
 * to another struct, or none is left. */
static bool replace_struct(struct opening *opening, struct candidate *row, enum layout_struct which,
                           enum confirmation *confirmation, enum layout_struct *failing)
{
	struct layout *kept = malloc(sizeof *kept);
	char failure[FAILURE_BYTES];
	bool is_better = false;
	if (kept == NULL)
		return false;
	*kept = row->layout;
	for (uint32_t i = 0; i < MAX_DONORS && !is_better; i++) {
		enum layout_struct next;
		row->layout = *kept;
		if (!builtin_struct(&opening->fingerprint, which, i, &row->layout))
			break;
		place_static_interpreter(opening, &row->layout);
		free_sentences(&row->checks);
		const enum confirmation now = layout_confirm(opening, &row->layout, &row->checks, failure, &next);
		is_better = now == LAYOUT_CONFIRMED || (now == LAYOUT_DOUBTFUL && next != *failing);
		if (is_better) {
			*confirmation = now;
			*failing = next;
			memcpy(row->failure, failure, sizeof failure);
		}
	}
	if (!is_better)
		row->layout = *kept;
	free(kept);
	return is_better;
}

/* A row is a hypothesis, of each struct by itself: what the target refutes of it is taken from the nearest row with
 * which it holds. */
static enum confirmation confirm_row(struct opening *opening, struct candidate *row)
{
	enum layout_struct failing;
	place_static_interpreter(opening, &row->layout);
	enum confirmation confirmation = layout_confirm(opening, &row->layout, &row->checks, row->failure, &failing);
	for (unsigned i = 0; i < MAX_STRUCTS_REPLACED && confirmation == LAYOUT_DOUBTFUL; i++) {
		row->is_mixed = replace_struct(opening, row, failing, &confirmation, &failing);
		if (!row->is_mixed)
			break;
	}
	return confirmation;
}

/* One row. A row of this very build that fails a check may be right and the target's memory damaged. */
static void try_row(struct opening *opening, struct candidate *row, struct candidate *best, char *first_failure)
{
	const struct layout_fingerprint *fingerprint = &opening->fingerprint;
	const enum confirmation confirmation = confirm_row(opening, row);
	const bool is_vouched_for = fingerprint->runtime_bytes != 0 || fingerprint->debug_offsets != NULL;
	bool is_better = false;
	row->disagreements = disagreements(opening, &row->layout);
	row->is_found = confirmation == LAYOUT_CONFIRMED;
	row->is_doubtful = confirmation == LAYOUT_DOUBTFUL && row->is_exact && is_vouched_for;
	if (row->is_found)
		is_better = !best->is_found || row->disagreements < best->disagreements;
	else if (row->is_doubtful)
		is_better = !best->is_found && !best->is_doubtful;
	if (!row->is_found && first_failure[0] == '\0')
		memcpy(first_failure, row->failure, FAILURE_BYTES);
	if (is_better) {
		free_sentences(&best->checks);
		*best = *row;
		row->checks = (__typeof__(row->checks)){ 0 };
	}
	free_sentences(&row->checks);
}

/* The first row that holds and contradicts nothing; else the one that holds and contradicts least. */
static int try_rows(struct opening *opening, bool is_debug, struct candidate *best, char *first_failure)
{
	struct layout_fingerprint fingerprint = opening->fingerprint;
	fingerprint.version.is_debug = is_debug;
	struct candidate *row = calloc(1, sizeof *row);
	if (row == NULL)
		return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	for (uint32_t index = 0; index < MAX_ROWS; index++) {
		if (!builtin_layout(&fingerprint, index, &row->layout, &row->is_exact))
			break;
		try_row(opening, row, best, first_failure);
		if (best->is_found && best->disagreements == 0)
			break;
	}
	free(row);
	return OK;
}

static bool is_extension_module(const struct mapped_file *file)
{
	return file->is_elf && file->local_path != NULL &&
	       (strstr(file->path, "/lib-dynload/") != NULL || strstr(path_base_name(file->path), ".cpython-") != NULL);
}

/* What debug information says of Python itself, then of what extension modules keep to themselves. */
static int read_dwarf(struct opening *opening, struct candidate *dwarf)
{
	const struct runtime_options *options = opening->options;
	const struct mapped_file *file = opening->runtime->file;
	const struct dwarf_options dwarf_options = { options->debug_directory, options->use_debuginfod,
		                                     options->progress };
	if (options->ignore_dwarf)
		return error_set(opening->error, ERROR_NOT_FOUND, "debug information was not to be used");
	if (file == NULL || file->local_path == NULL)
		return error_set(opening->error, ERROR_NOT_FOUND, "%s is not on this machine",
		                 file != NULL ? file->path : "the file that holds Python");
	char path[DEBUG_PATH_BYTES] = "";
	uint32_t count = 0;
	TRY(dwarf_layout_merge(&dwarf->layout, file->local_path, &dwarf_options, &count, path, opening->error));
	if (opening->main_file != NULL && opening->main_file != file)
		(void)dwarf_layout_merge(&dwarf->layout, opening->main_file->local_path, &dwarf_options, &count, NULL,
		                         NULL);
	const struct address_space *space = opening->runtime->space;
	for (size_t i = 0; i < space->files.count; i++)
		if (is_extension_module(&space->files.items[i]))
			(void)dwarf_layout_merge(&dwarf->layout, space->files.items[i].local_path, &dwarf_options,
			                         &count, NULL, NULL);
	dwarf->layout.version = opening->fingerprint.version;
	layout_compute_features(&dwarf->layout);
	return OK;
}

static int try_dwarf(struct opening *opening, struct candidate *dwarf)
{
	TRY(read_dwarf(opening, dwarf));
	const enum confirmation confirmation =
	        layout_confirm(opening, &dwarf->layout, &dwarf->checks, dwarf->failure, NULL);
	dwarf->is_exact = true;
	dwarf->is_found = confirmation == LAYOUT_CONFIRMED;
	dwarf->is_doubtful = confirmation == LAYOUT_DOUBTFUL;
	dwarf->disagreements = disagreements(opening, &dwarf->layout);
	if (!dwarf->is_found)
		return error_set(opening->error, ERROR_NO_LAYOUT, "its debug information does not fit the target: %s",
		                 dwarf->failure);
	return OK;
}

/* Debug information of a program lacks the structs of modules that are not mapped or have none; tables know them. */
static void fill_from_row(struct layout *layout, const struct layout *row)
{
	for (int owner = 0; owner < STRUCT_COUNT; owner++) {
		if (layout->struct_sources[owner] != LAYOUT_SOURCE_NONE ||
		    row->struct_sources[owner] == LAYOUT_SOURCE_NONE)
			continue;
		layout->struct_sources[owner] = row->struct_sources[owner];
		layout->struct_bytes[owner] = row->struct_bytes[owner];
		for (int field = 0; field < FIELD_COUNT; field++)
			if (layout_field_struct(field) == (enum layout_struct)owner)
				layout->fields[field] = row->fields[field];
	}
	memcpy(layout->row_name, row->row_name, sizeof layout->row_name);
	layout_compute_features(layout);
}

static void describe_build(struct runtime *runtime)
{
	const struct python_version *version = &runtime->layout.version;
	snprintf(runtime->build_text, sizeof runtime->build_text, "%s%s%s", version->is_debug ? "debug" : "release",
	         version->is_free_threaded ? " free-threaded" : "", version->has_trace_refs ? " trace-refs" : "");
}

/* Structs of which no table row and no debug information speaks are known only in part. */
static void warn_partial(struct runtime *runtime)
{
	struct text names = { 0 }, advice = { 0 };
	uint32_t count = 0;
	for (int owner = 0; owner < STRUCT_COUNT; owner++)
		if (runtime->layout.struct_sources[owner] == LAYOUT_SOURCE_DEBUG_OFFSETS)
			text_format(&names, "%s%s", count++ != 0 ? ", " : "", layout_struct_name(owner));
	version_advice(runtime->layout.version.hex, &advice);
	if (count != 0 && !names.failed && !advice.failed)
		runtime_warn(
		        runtime,
		        "of %s only what _Py_DebugOffsets say is known: what else the interpreter holds shows as held "
		        "from C; %s",
		        text_string(&names), text_string(&advice));
	text_free(&names);
	text_free(&advice);
}

/* Takes the candidate over; its disagreements with what else is known become warnings. */
static void accept(struct opening *opening, struct candidate *candidate)
{
	struct runtime *runtime = opening->runtime;
	const bool is_debug = candidate->layout.version.is_debug;
	const bool has_trace_refs = candidate->layout.version.has_trace_refs;
	runtime->layout = candidate->layout;
	runtime->layout.version = opening->fingerprint.version;
	runtime->layout.version.is_debug = is_debug;
	runtime->layout.version.has_trace_refs = has_trace_refs;
	layout_compute_features(&runtime->layout);
	for (size_t i = 0; i < candidate->checks.count; i++)
		if (!array_push(&runtime->checks, candidate->checks.items[i]))
			free(candidate->checks.items[i]);
	candidate->checks.count = 0;
	if (!candidate->is_exact)
		runtime_warn(runtime, "there is no table for Python %s; the one of %s holds in all that was checked",
		             runtime->version_text, runtime->layout.row_name);
	warn_partial(runtime);
	if (version_is_newer_than_known(runtime->layout.version.hex))
		runtime_warn(
		        runtime,
		        "Python %s is newer than all that are known (%s): what changed its meaning and not its place "
		        "may be misread",
		        runtime->version_text, builtin_layout_versions());
	if (candidate->disagreements != 0)
		layout_compare((struct named_layout){ &runtime->layout, "the layout in use" },
		               (struct named_layout){ &opening->debug_offsets->layout, "_Py_DebugOffsets" },
		               warn_difference, runtime);
	describe_build(runtime);
}

static int no_layout(struct opening *opening, const char *row_failure, const struct error *dwarf_error)
{
	const struct runtime *runtime = opening->runtime;
	if (opening->has_no_interpreters)
		return error_set(opening->error, ERROR_NO_PYTHON,
		                 "%s holds Python %s, which has no interpreters: it was not initialised yet, or was "
		                 "finalised already",
		                 runtime->file != NULL ? runtime->file->path : "the target", runtime->version_text);
	struct text advice = { 0 };
	version_advice(opening->fingerprint.version.hex, &advice);
	const int status = error_set(
	        opening->error, ERROR_NO_LAYOUT,
	        "no table fits this target, which is Python %s%s (%s; known are %s), and there is no debug information "
	        "of it (%s): %s",
	        runtime->version_text, opening->fingerprint.version.is_free_threaded ? " free-threaded" : "",
	        row_failure[0] != '\0' ? row_failure : "no row of that version and build", builtin_layout_versions(),
	        dwarf_error->message, text_string(&advice));
	text_free(&advice);
	return status;
}

/* Uses what was found: dwarf, filled up and compared with a row; a row; or neither, with the reasons. */
static int decide(struct opening *opening, struct candidate *row, struct candidate *dwarf, const char *row_failure,
                  const struct error *dwarf_error)
{
	struct runtime *runtime = opening->runtime;
	if (!dwarf->is_found && !row->is_found && (dwarf->is_doubtful || row->is_doubtful)) {
		struct candidate *best = dwarf->is_doubtful ? dwarf : row;
		best->is_found = true;
		runtime_warn(runtime, "self-check failed, the target's memory may be damaged: %s", best->failure);
	}
	if (dwarf->is_found) {
		if (row->is_found && row->is_exact)
			layout_compare((struct named_layout){ &dwarf->layout, "debug information" },
			               (struct named_layout){ &row->layout, "the built-in table" }, warn_difference,
			               runtime);
		if (row->is_found || row->is_doubtful)
			fill_from_row(&dwarf->layout, &row->layout);
		accept(opening, dwarf);
		return OK;
	}
	if (!row->is_found)
		return no_layout(opening, row_failure, dwarf_error);
	if (opening->options->prefer_dwarf)
		runtime_warn(runtime, "debug information was asked for, but is not used: %s", dwarf_error->message);
	accept(opening, row);
	return OK;
}

/* Without symbols a debug build is told by what it says of itself: release rows fit it in all that is checked. */
static bool is_debug_by_its_own_words(struct opening *opening, const struct candidate *row)
{
	struct runtime *runtime = opening->runtime;
	uint64_t interpreter, sysdict;
	runtime->layout = row->layout;
	return read_field(&opening->reader, &row->layout, runtime->address, FIELD__PyRuntimeState_interpreters_main,
	                  &interpreter) &&
	       read_field(&opening->reader, &row->layout, interpreter, FIELD_PyInterpreterState_sysdict, &sysdict) &&
	       sys_says_debug(opening, sysdict);
}

static int choose_row(struct opening *opening, struct candidate *row, char *first_failure)
{
	TRY(try_rows(opening, opening->fingerprint.version.is_debug, row, first_failure));
	if (opening->build_is_known || (row->is_found && !is_debug_by_its_own_words(opening, row)))
		return OK;
	struct candidate *release = malloc(sizeof *release);
	if (release == NULL)
		return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	*release = *row;
	*row = (struct candidate){ .is_found = false };
	int status = try_rows(opening, true, row, first_failure);
	if (row->is_found) {
		free_sentences(&release->checks);
	} else {
		free_sentences(&row->checks);
		*row = *release;
		if (row->is_found)
			runtime_warn(opening->runtime,
			             "this is a debug build, for which there is no table; that of the release "
			             "build holds in all that was checked");
	}
	free(release);
	return status;
}

/* A row of a neighbouring release may have had its structs of the runtime replaced by what _Py_DebugOffsets say of
 * them, which is little: debug information says all. */
static bool is_partial(const struct candidate *row)
{
	for (int owner = 0; owner < STRUCT_COUNT; owner++)
		if (row->layout.struct_sources[owner] == LAYOUT_SOURCE_DEBUG_OFFSETS)
			return true;
	return row->disagreements != 0;
}

int choose_layout(struct opening *opening)
{
	struct candidate *row = calloc(1, sizeof *row);
	struct candidate *dwarf = calloc(1, sizeof *dwarf);
	if (row == NULL || dwarf == NULL) {
		free(row);
		free(dwarf);
		return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	}
	char row_failure[FAILURE_BYTES] = "";
	struct error dwarf_error = { 0 };
	struct error *const error = opening->error;
	int status = choose_row(opening, row, row_failure);
	if (status == OK && (!row->is_found || is_partial(row) || opening->options->prefer_dwarf)) {
		opening->error = &dwarf_error;
		const int dwarf_status = try_dwarf(opening, dwarf);
		opening->error = error;
		if (dwarf_status == ERROR_NO_MEMORY)
			status = error_set(error, dwarf_status, "%s", dwarf_error.message);
	}
	if (status == OK)
		status = decide(opening, row, dwarf, row_failure, &dwarf_error);
	free_sentences(&row->checks);
	free_sentences(&dwarf->checks);
	free(row);
	free(dwarf);
	return status;
}
