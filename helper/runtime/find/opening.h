/* SPDX-License-Identifier: MIT
 * opening: what the files of this layer share while runtime_open() runs. Nothing outside this folder includes it. */
#ifndef PYDS_RUNTIME_OPENING_H
#define PYDS_RUNTIME_OPENING_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/builtin_layouts.h"
#include "layout/debug_offsets.h"
#include "layout/elf_file.h"
#include "runtime/runtime.h"

/* What was looked at, for the sentence that says why no Python was found. */
struct search_account {
	uint32_t elf_files;
	uint32_t files_not_here; /* of these, not on this machine */
	uint32_t files_of_other_build; /* of these, here with another build-id */
	const struct mapped_file *not_here; /* the likeliest Python among them: main program or libpython */
	const struct mapped_file *other_build;
	const struct mapped_file *
	        old_python; /* exports Py_GetVersion and no _PyRuntime (before 3.7), or holds the text of old_version */
	uint32_t old_version; /* of a Python before 3.8, by its text; 0: none */
	uint64_t scanned_bytes; /* of writable memory, for the cookie */
	bool scan_was_cut;
	bool looked_for_structure;
};

struct opening {
	struct runtime *runtime;
	const struct runtime_options *options;
	struct error *error;
	struct reader reader;

	/* find_runtime.c. Where the next candidate is looked for: files in order of likelihood, then memory. */
	uint32_t stage, next_file;
	bool had_candidate;
	struct search_account account;
	struct elf_file *elf; /* of runtime->file; NULL when its file is not here */
	struct elf_file *main_elf; /* of the main program */
	const struct mapped_file *main_file;

	/* version.c */
	struct layout_fingerprint fingerprint; /* .debug_offsets points at debug_offsets below, or NULL */
	struct debug_offsets *debug_offsets; /* NULL: none, or not usable */
	uint32_t cookie_version; /* what stands after the cookie; 0: no cookie */
	bool has_no_interpreters; /* a layout that fits finds none: Python is not initialised, or finalised */
	bool build_is_known; /* symbols said whether this is a debug build */
	const char *version_source; /* "Py_Version", for messages */
};

/* find_runtime.c: sets runtime->address, found_by, file, elf and the sizes of the fingerprint to the next candidate.
 * ERROR_NO_PYTHON when there are no more. */
int find_runtime(struct opening *opening);
/* find_runtime.c: what to do about a file that is not here. */
const char *missing_file_hint(const struct mapped_file *file);
/* find_structure.c: before 3.13 without an ELF file, _PyRuntime is found by its shape in the data of one file. */
bool find_structure(struct opening *opening, const struct mapped_file *file);
/* version.c: sets fingerprint.version, and debug_offsets. ERROR_NO_LAYOUT for a Python that is not supported. */
int find_version(struct opening *opening);
/* version.c: "3.11.7 (main, ..." in the writable data of a file; 0: not there. */
uint32_t find_version_text(struct opening *opening, const struct mapped_file *file);
/* version.c: do these bytes, which begin with the cookie, go on like _Py_DebugOffsets? */
bool cookie_is_plausible(const uint8_t *bytes, uint64_t size);
/* version.c: is that version before the oldest known? */
bool version_is_old(uint32_t hex);
/* version.c: refuses what is older than the oldest known; file may be NULL. */
int refuse_old_version(struct opening *opening, uint32_t hex, const struct mapped_file *file);
/* version.c: "3.11.7", "3.15.0rc2", "3.9" where only the minor version is known. */
void version_format(uint32_t hex, char *buffer, size_t capacity);
/* version.c: is it newer than all whose meanings are known? */
bool version_is_newer_than_known(uint32_t hex);
/* version.c: what to do where no table fits. */
void version_advice(uint32_t hex, struct text *text);
/* choose_layout.c: sets runtime->layout to one that the target confirms. */
int choose_layout(struct opening *opening);
/* known_objects.c: fills runtime->symbols from the ELF files. */
void find_known_objects(struct opening *opening);
/* derived_objects.c: the same where no ELF file is at hand, from the interpreter's own structures. Needs the layout and
 * the interpreters. */
void derive_known_objects(struct opening *opening);
/* derived_objects.c: does sys.abiflags name a debug build? Reads by runtime->layout. */
bool sys_says_debug(struct opening *opening, uint64_t sysdict);
/* interpreters.c, threads.c: fill the lists; what is broken is a warning. */
int find_interpreters(struct opening *opening);
int find_threads(struct opening *opening);
/* Frames that threads are at work on: runtime->running_frames. */
int find_running_frames(struct opening *opening);

/* layout_confirm.c: does this layout hold in the target? Unless it is confirmed, failure (FAILURE_BYTES) says what did
 * not, and *ret_failing of which struct (may be NULL). Sentences about what was checked are appended to checks, which
 * the caller frees. */
enum confirmation {
	LAYOUT_REFUTED, /* not even the interpreters are there */
	LAYOUT_DOUBTFUL, /* they are, but something else is not as it must be: another layout, or damaged memory */
	LAYOUT_CONFIRMED,
};
enum { FAILURE_BYTES = 256 };
typedef ARRAY(char *) sentence_list;
void free_sentences(sentence_list *sentences); /* choose_layout.c */
enum confirmation layout_confirm(struct opening *opening, const struct layout *layout, sentence_list *checks,
                                 char *failure, enum layout_struct *ret_failing);

/* scan_memory.c: pieces of present writable memory. starts: how many bytes from `bytes` a match may begin in; readable:
 * how many can be read (more than starts, so that a match may cross into the next piece). True ends the scan. */
typedef bool scan_visitor(void *context, const uint8_t *bytes, uint64_t starts, uint64_t readable, uint64_t address);
enum { SCAN_OVERLAP = 1024 };
/* The writable data of one file with its .bss, which is anonymous memory that follows. */
bool scan_file_data(struct opening *opening, const struct mapped_file *file, scan_visitor *visit, void *context);
/* All writable private memory, within a named limit. */
bool scan_writable(struct opening *opening, scan_visitor *visit, void *context);
/* The file whose data holds address, or NULL. */
const struct mapped_file *file_of_address(struct opening *opening, uint64_t address);

/* target_field.c: one unsigned field (at most 8 bytes) of the struct at address; false if this Python has no such field
 * or the memory is not there. */
bool read_field(struct reader *reader, const struct layout *layout, uint64_t address, enum layout_field field,
                uint64_t *ret_value);

#endif
