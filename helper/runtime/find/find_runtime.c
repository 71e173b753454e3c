/* SPDX-License-Identifier: MIT
 * Where is _PyRuntime? By symbol or section of an ELF file that was mapped and is on this machine; by the cookie that
 * stands at its start since 3.13; before that, by its shape. Candidates come one by one, likeliest first, because a
 * program may have two Pythons mapped and only one of them running; the caller takes the first that holds. */
#include <inttypes.h>
#include <string.h>

#include "base/path.h"
#include "runtime/find/opening.h"

/* Where to look, in this order. */
enum stage {
	STAGE_MAIN_PROGRAM, /* statically linked Python, and embedding programs */
	STAGE_LIBPYTHON,
	STAGE_COOKIE_IN_FILES, /* in the data of the two above, where the file itself is not here */
	STAGE_PYTHON_NAMED, /* extension modules and the like: hundreds, seldom needed */
	STAGE_OTHER_FILES,
	STAGE_COOKIE_ANYWHERE,
	STAGE_STRUCTURE_IN_FILES,
	STAGE_STRUCTURE_IN_OTHERS,
	STAGE_STRUCTURE_ANYWHERE, /* only where nobody can list the files */
	STAGE_END,
};

static enum stage stage_of_file(const struct mapped_file *file)
{
	const char *name = path_base_name(file->path);
	if (file->is_executable)
		return STAGE_MAIN_PROGRAM;
	if (strncmp(name, "libpython", 9) == 0 || strncmp(name, "python", 6) == 0)
		return STAGE_LIBPYTHON;
	return strstr(name, "python") != NULL ? STAGE_PYTHON_NAMED : STAGE_OTHER_FILES;
}

static bool is_likely_python(const struct mapped_file *file)
{
	return file->is_elf && stage_of_file(file) <= STAGE_LIBPYTHON;
}

static bool belongs_to_stage(const struct mapped_file *file, enum stage stage)
{
	switch (stage) {
	case STAGE_COOKIE_IN_FILES:
	case STAGE_STRUCTURE_IN_FILES:
		return is_likely_python(file);
	case STAGE_STRUCTURE_IN_OTHERS:
		return !is_likely_python(file);
	default:
		return stage_of_file(file) == stage;
	}
}

/* The next ELF file of a stage, or NULL: then the stage is over. */
static const struct mapped_file *next_file_of(struct opening *opening, enum stage stage)
{
	const struct address_space *space = opening->runtime->space;
	while (opening->next_file < space->files.count) {
		const struct mapped_file *file = &space->files.items[opening->next_file++];
		if (file->is_elf && belongs_to_stage(file, stage))
			return file;
	}
	return NULL;
}

static void reset_candidate(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	if (opening->elf != opening->main_elf)
		elf_file_close(opening->elf);
	opening->elf = NULL;
	runtime->address = 0;
	runtime->file = NULL;
	opening->fingerprint = (struct layout_fingerprint){ 0 };
	opening->cookie_version = 0;
	opening->has_no_interpreters = false;
	opening->build_is_known = false;
}

static void account_missing_file(struct opening *opening, const struct mapped_file *file)
{
	struct search_account *account = &opening->account;
	if (file->absent == ABSENT_OTHER_FILE) {
		account->files_of_other_build++;
		if (account->other_build == NULL || (is_likely_python(file) && !is_likely_python(account->other_build)))
			account->other_build = file;
	} else {
		account->files_not_here++;
		if (account->not_here == NULL || (is_likely_python(file) && !is_likely_python(account->not_here)))
			account->not_here = file;
	}
}

/* Keeps the file open when it defines _PyRuntime, and the main program always: it may hold copies of libpython's
 * objects (copy relocations). */
static bool try_file(struct opening *opening, const struct mapped_file *file)
{
	struct runtime *runtime = opening->runtime;
	opening->account.elf_files++;
	if (file->local_path == NULL) {
		account_missing_file(opening, file);
		return false;
	}
	struct elf_file *elf;
	if (elf_file_open(&elf, file->local_path, NULL) < 0) {
		account_missing_file(opening, file);
		return false;
	}
	if (file->is_executable && opening->main_elf == NULL) {
		opening->main_elf = elf;
		opening->main_file = file;
	}
	struct elf_symbol symbol = { 0, 0 };
	bool found = elf_file_symbol(elf, "_PyRuntime", &symbol);
	runtime->found_by = RUNTIME_BY_SYMBOL;
	uint64_t section_address, section_bytes;
	/* The section holds nothing else, and is all that is left of a stripped program that exports nothing (3.10+).
	 */
	if (!found && elf_file_section(elf, ".PyRuntime", &section_address, &section_bytes)) {
		symbol = (struct elf_symbol){ section_address, section_bytes };
		runtime->found_by = RUNTIME_BY_SECTION;
		found = true;
	}
	if (!found) {
		struct elf_symbol ignored;
		if (opening->account.old_python == NULL && elf_file_symbol(elf, "Py_GetVersion", &ignored))
			opening->account.old_python = file;
		if (elf != opening->main_elf)
			elf_file_close(elf);
		return false;
	}
	opening->elf = elf;
	runtime->file = file;
	runtime->address = symbol.address + file->load_bias;
	opening->fingerprint.runtime_bytes = symbol.bytes;
	return true;
}

struct cookie_search {
	struct opening *opening;
	uint64_t address;
};

static bool find_cookie(void *context, const uint8_t *bytes, uint64_t starts, uint64_t readable, uint64_t address)
{
	struct cookie_search *search = context;
	const uint8_t *at = bytes;
	for (;;) {
		at = memmem(at, readable - (uint64_t)(at - bytes), "xdebugpy", 8);
		if (at == NULL || (uint64_t)(at - bytes) >= starts)
			return false;
		const uint64_t where = address + (uint64_t)(at - bytes);
		/* The text may stand in any string, ours among them: the struct must follow, and be aligned. */
		if (where % 8 == 0 && cookie_is_plausible(at, readable - (uint64_t)(at - bytes))) {
			search->address = where;
			return true;
		}
		at++;
	}
}

static bool try_cookie(struct opening *opening, const struct mapped_file *file)
{
	struct cookie_search search = { opening, 0 };
	const bool found = file != NULL ? scan_file_data(opening, file, find_cookie, &search)
	                                : scan_writable(opening, find_cookie, &search);
	if (!found)
		return false;
	opening->runtime->address = search.address;
	opening->runtime->found_by = RUNTIME_BY_COOKIE;
	opening->runtime->file = file != NULL ? file : file_of_address(opening, search.address);
	return true;
}

static bool try_structure(struct opening *opening, const struct mapped_file *file)
{
	opening->account.looked_for_structure = true;
	if (!find_structure(opening, file))
		return false;
	opening->runtime->found_by = RUNTIME_BY_STRUCTURE;
	opening->runtime->file = file;
	return true;
}

/* One step of one stage. *ret_over: nothing more in this stage. */
static bool try_next(struct opening *opening, bool *ret_over)
{
	const enum stage stage = opening->stage;
	*ret_over = true;
	if (stage == STAGE_COOKIE_ANYWHERE)
		return try_cookie(opening, NULL);
	if (stage == STAGE_STRUCTURE_ANYWHERE)
		return opening->runtime->space->files.count == 0 && try_structure(opening, NULL);
	const struct mapped_file *file = next_file_of(opening, stage);
	if (file == NULL)
		return false;
	*ret_over = false;
	switch (stage) {
	case STAGE_COOKIE_IN_FILES:
		return file->local_path == NULL && try_cookie(opening, file);
	case STAGE_STRUCTURE_IN_FILES:
	case STAGE_STRUCTURE_IN_OTHERS:
		return try_structure(opening, file);
	default:
		return try_file(opening, file);
	}
}

const char *missing_file_hint(const struct mapped_file *file)
{
	if (strstr(file->path, "/_MEI") != NULL)
		return "that folder is where PyInstaller unpacks a program while it runs, and is gone with it: start "
		       "the "
		       "same program again, copy its folder /tmp/_MEI... to this path under a directory, and give that "
		       "with --sysroot";
	return file->is_executable ? "give it with --exe, or the directory that holds the target's files with --sysroot"
	                           : "give the directory that holds the target's files with --sysroot";
}

/* The main program, if it is an emulator of another machine: what runs in it is no process of this one. */
static const struct mapped_file *find_emulator(const struct opening *opening)
{
	const struct address_space *space = opening->runtime->space;
	for (size_t i = 0; i < space->files.count; i++)
		if (space->files.items[i].is_executable &&
		    strncmp(path_base_name(space->files.items[i].path), "qemu-", 5) == 0)
			return &space->files.items[i];
	return NULL;
}

static void describe_files(const struct opening *opening, struct text *text)
{
	const struct search_account *account = &opening->account;
	text_format(text, "found no Python: looked for _PyRuntime in the symbols of %" PRIu32 " ELF file%s",
	            account->elf_files, account->elf_files == 1 ? "" : "s");
	const char *joint = " (of which ";
	if (account->files_not_here != 0) {
		text_format(text, "%s%" PRIu32 " not on this machine", joint, account->files_not_here);
		joint = ", ";
	}
	if (account->files_of_other_build != 0) {
		text_format(text, "%s%" PRIu32 " here with another build-id", joint, account->files_of_other_build);
		joint = ", ";
	}
	text_add(text, joint[0] == ',' ? ")" : "");
}

/* What failed, where it was looked for, what to do. */
static int no_python(struct opening *opening)
{
	const struct search_account *account = &opening->account;
	const struct mapped_file *emulator = find_emulator(opening);
	struct text text = { 0 };
	if (emulator != NULL)
		return error_set(
		        opening->error, ERROR_NO_PYTHON,
		        "this is the memory of the emulator %s itself; the program that runs in it is one of another "
		        "machine, and only those of x86-64 are read so far",
		        emulator->path);
	describe_files(opening, &text);
	text_format(&text, ", and for the cookie of 3.13 and later in %s%.1f MiB of writable memory",
	            account->scan_was_cut ? "the first " : "", (double)account->scanned_bytes / (1 << 20));
	if (account->looked_for_structure)
		text_add(&text, ", and there for the shape of an older one");
	const struct memory_coverage *coverage = &opening->runtime->space->coverage;
	if (coverage->file_size < coverage->file_expected_size)
		text_format(&text, "; the core is truncated, it has %.1f of %.1f MiB",
		            (double)coverage->file_size / (1 << 20), (double)coverage->file_expected_size / (1 << 20));
	else if (coverage->writable_absent != 0)
		text_format(&text, "; %.1f MiB of writable memory are not in the dump",
		            (double)coverage->writable_absent / (1 << 20));
	if (account->other_build != NULL)
		text_format(&text, "; the target ran another build of %s than the one here: %s",
		            account->other_build->path, missing_file_hint(account->other_build));
	else if (account->not_here != NULL)
		text_format(&text, "; %s is not on this machine: %s", account->not_here->path,
		            missing_file_hint(account->not_here));
	const int status = text.failed ? error_set(opening->error, ERROR_NO_MEMORY, "out of memory")
	                               : error_set(opening->error, ERROR_NO_PYTHON, "%s", text_string(&text));
	text_free(&text);
	return status;
}

int find_runtime(struct opening *opening)
{
	/* A second Python is looked for only where it is cheap: among the files that are called so. */
	const unsigned end = opening->had_candidate ? STAGE_COOKIE_IN_FILES : STAGE_END;
	reset_candidate(opening);
	while (opening->stage < end) {
		bool is_over;
		if (try_next(opening, &is_over)) {
			opening->had_candidate = true;
			return OK;
		}
		if (is_over) {
			opening->stage++;
			opening->next_file = 0;
		}
	}
	struct search_account *account = &opening->account;
	if (account->old_version == 0 && account->old_python != NULL)
		account->old_version = find_version_text(opening, account->old_python);
	TRY(refuse_old_version(opening, account->old_version, account->old_python));
	return no_python(opening);
}
