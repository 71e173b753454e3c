/* SPDX-License-Identifier: MIT
 * address_space: "N bytes at address A" of a core file, a live process, a debugger's read callback or
 * a test buffer. Knows nothing of Python.
 *
 * Every address is in one of three states that are never mixed: present (its bytes can be had), absent
 * (the process had it mapped, but neither the dump nor a verified file on disk has its bytes) and
 * unmapped (the process did not have it). Absent memory is never read as zero.
 *
 * Bytes are reached in place: reader_at() gives a host pointer that stays valid until the space is
 * closed. A core is mapped whole; sources that must be asked (process, callbacks) fill private memory
 * of the same shape, a block at a time, on first touch. */
#ifndef PYDS_MEMORY_ADDRESS_SPACE_H
#define PYDS_MEMORY_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/progress.h"

enum memory_state { MEMORY_PRESENT, MEMORY_ABSENT, MEMORY_UNMAPPED };

enum space_kind { SPACE_CORE, SPACE_PROCESS, SPACE_CALLBACKS, SPACE_BUFFER };

enum absent_reason {
	ABSENT_NOT, /* the bytes are there */
	ABSENT_NOT_DUMPED, /* p_filesz 0 (MADV_DONTDUMP, coredump_filter, VM_IO), or known from NT_FILE only */
	ABSENT_TRUNCATED, /* the core file ends before it */
	ABSENT_NO_FILE, /* file-backed, and the file is not on this machine */
	ABSENT_OTHER_FILE, /* file-backed, and the file here has another build-id, or none to compare */
	ABSENT_UNREADABLE, /* a live source refused to give it */
};

struct lazy_blocks; /* which blocks of a live segment were fetched: address_space.c */

/* A range of target addresses in one state. Segments are sorted, do not overlap, and neighbours that
 * are contiguous in target and host memory are one segment. */
struct segment {
	uint64_t start, end; /* target addresses, end exclusive */
	const uint8_t *data; /* host address of the byte at start; NULL while absent */
	struct lazy_blocks *lazy; /* NULL: all of data is there now */
	uint64_t first_bit; /* number of this segment's first 16-byte granule among all segments: bitmap index */
	uint64_t granule_mask; /* all ones; 0 while absent: such a segment has one bit in all, however large it is */
	uint32_t protection; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	uint8_t absent; /* enum absent_reason */
	bool from_file; /* bytes come from a build-id matched file on disk, not from the dump */
	bool writable_private; /* heap, stack, .data, .bss: where Python objects can live */
};

/* One ELF file that the process had mapped (from NT_FILE or /proc/PID/maps). */
struct mapped_file {
	char *path; /* as the target names it */
	char *local_path; /* the verified file on this machine; NULL if none. Units of one file share nothing else */
	uint64_t start, end; /* lowest and highest mapped target address */
	uint64_t load_bias; /* target address minus the file's own virtual address; 0 for a non-PIE executable */
	uint8_t build_id[64]; /* as found in target memory; build_id_bytes 0: not found */
	uint32_t build_id_bytes;
	uint8_t absent; /* ABSENT_NOT when local_path is verified, else ABSENT_NO_FILE / ABSENT_OTHER_FILE */
	bool is_executable; /* the main program (AT_EXECFN / /proc/PID/exe) */
	bool is_elf;
};

enum { NATIVE_REGISTERS = 17 }; /* of x86-64, in DWARF's order */

/* A thread of the target, as far as the operating system tells. */
struct native_thread {
	uint64_t tid;
	uint64_t namespace_tid; /* as the process itself sees it; 0: unknown, or the same */
	uint64_t stack_pointer; /* 0: unknown */
	uint64_t instruction_pointer; /* 0: unknown */
	bool has_registers; /* all of them are known */
	uint64_t registers[NATIVE_REGISTERS]; /* rax rdx rcx rbx rsi rdi rbp rsp r8 to r15 rip */
	uint64_t thread_pointer; /* fs_base: the C library's descriptor of the thread; 0: unknown */
	int32_t signal; /* that stopped it; 0: none or unknown */
	int32_t call; /* system call it is in, by its number on the target machine; -1: it runs code of its own */
	bool call_known; /* what call says is true: the kernel or the dump told */
	uint64_t call_arguments[3];
};

struct memory_coverage { /* bytes of target address space */
	uint64_t mapped; /* all known mappings */
	uint64_t present; /* of these, from the dump or the live target */
	uint64_t from_files; /* of these, from verified files */
	uint64_t absent_not_dumped, absent_truncated, absent_no_file, absent_other_file, absent_unreadable;
	uint64_t writable_absent; /* the part that can hold Python objects: what matters */
	uint64_t file_size, file_expected_size; /* of a core; differ when it is truncated */
};

/* What a debugger offers. read returns the number of bytes read; only == size is success. */
struct memory_callbacks {
	uint64_t (*read)(void *context, uint64_t address, void *buffer, uint64_t size);
	void *context;
};

/* The registers of a thread that a debugger holds: the kernel tells nobody else more than two of them. read: false if
 * they are not known; asked each time anew. */
struct memory_registers {
	bool (*read)(void *context, uint64_t tid, uint64_t registers[NATIVE_REGISTERS]); /* NULL: nobody tells */
	void *context;
};

struct memory_mapping { /* one row of a debugger's list of mappings */
	uint64_t start, end, file_offset;
	uint32_t protection;
	const char *path; /* NULL or "": anonymous */
	bool is_shared; /* known to be MAP_SHARED */
};

enum copy_choice {
	COPY_NEVER, /* the process is stopped until the space is closed */
	COPY_BRIEF, /* little will be asked, and at once: copied if that is the shorter stop */
	COPY_ALWAYS, /* where it fits */
};

struct memory_options {
	const char *sysroot; /* target paths are looked up under it, then as they are; NULL: only as they are */
	const char *executable; /* the main program's file, wherever it is here; NULL: the path the target gives */
	bool ignore_files; /* use no ELF file on disk at all ("no ELF file at hand", for tests) */
	uint8_t copy; /* enum copy_choice: of a live process */
	struct progress *progress; /* of opening; NULL: nobody asks */
	uint64_t max_memory; /* bytes that this process may have; 0: what there is */
	uint64_t max_expanded; /* bytes that may come out of a compressed core; 0: what its headers speak of */
	struct memory_registers registers; /* of a process that is already stopped */
};

enum live_mode { LIVE_NOT, LIVE_COPY, LIVE_IN_PLACE, LIVE_ALREADY_STOPPED };

enum in_place_reason { IN_PLACE_ASKED, IN_PLACE_BRIEF, IN_PLACE_NO_ROOM, IN_PLACE_NO_ADDRESSES };

/* What was done to a live target. */
struct live_record {
	uint8_t mode; /* enum live_mode; LIVE_NOT: it is none */
	uint8_t reason; /* enum in_place_reason, when it was not copied */
	int64_t began, ended; /* of its stop, in ns of CLOCK_MONOTONIC; ended is 0 while it lasts */
	uint64_t copied_bytes;
	uint64_t wanted_bytes, available_bytes; /* when it was not copied: for want of room, or 0 */
	const char *limit; /* static: what is short */
};

struct address_space {
	enum space_kind kind;
	struct segment *segments;
	size_t segment_count;
	uint64_t granule_count; /* 16-byte granules of all segments: the size of a visited bitmap in bits */
	ARRAY(struct mapped_file) files;
	ARRAY(struct native_thread) threads;
	struct memory_registers registers; /* of those threads whose registers are not in the list */
	ARRAY(char *) warnings; /* sentences for `info`: what was odd while opening; owned */
	ARRAY(const char *) losses; /* of the warnings, those that say what every answer may lack; borrowed from them */
	struct memory_coverage coverage;
	struct live_record live;
	int32_t pid; /* of the target; 0 if unknown */
	int32_t signal; /* that killed a dumped process; 0 if none */
	char *target_path; /* core file's path, for messages */
	char *sysroot; /* as memory_options said; NULL */
	bool ignores_files; /* the same */
	char *command; /* NT_PRPSINFO pr_fname, /proc/PID/comm; NULL if unknown */
	unsigned word_bytes; /* of the target: 8 or 4 */
	bool big_endian; /* the target */
	uint16_t machine; /* ELF e_machine */

	/* Below: address_space.c's own. Index of segments: first segment that ends after a 1 MiB granule
	 * begins, in two levels over 48-bit addresses. */
	uint32_t **index;
	struct space_source *source;
};

/* Opening. On failure *ret_space is NULL and error says what was tried and what to do. */
int address_space_open_core(struct address_space **ret_space, const char *core_path,
                            const struct memory_options *options, struct error *error);
/* The same of a file that is open for reading already; the descriptor stays the caller's. */
int address_space_open_core_descriptor(struct address_space **ret_space, int descriptor,
                                       const struct memory_options *options, struct error *error);
/* Stops every thread of pid (ptrace, on a thread of our own) until its memory is copied, or address_space_close(); if
 * this process dies the kernel lets the target go. already_stopped: another tracer (a debugger) holds it; only read. */
int address_space_open_process(struct address_space **ret_space, int32_t pid, bool already_stopped,
                               const struct memory_options *options, struct error *error);
/* mappings: NULL or empty when the debugger cannot list them; then any address is asked for on demand. */
int address_space_open_callbacks(struct address_space **ret_space, const struct memory_callbacks *callbacks,
                                 const struct memory_mapping *mappings, size_t mapping_count,
                                 const struct memory_options *options, struct error *error);
/* One present segment over bytes, borrowed until close; or a core image in memory (fuzzing). */
int address_space_open_buffer(struct address_space **ret_space, uint64_t address, const uint8_t *bytes, size_t size,
                              struct error *error);
int address_space_open_core_image(struct address_space **ret_space, const uint8_t *bytes, size_t size,
                                  struct error *error);
void address_space_close(struct address_space *space); /* NULL is fine; lets a stopped process go on */

/* OK, or ERROR_CHANGED and what happened to that which was opened: the core file was written to, cut short or replaced,
 * or the process that is read in place has ended; or ERROR_LIMIT if memory was too short to read on. What was read
 * since may be anything. */
int address_space_check(const struct address_space *space, struct error *error);
/* How much memory this process may have from now on, beside what the system's limits say; 0: as much as there is. */
void address_space_limit(const struct address_space *space, uint64_t max_memory);
uint64_t address_space_most(const struct address_space *space); /* what that said last */
/* As budget_require() of memory/budget.h, before so much is taken for what is made of this space. */
int address_space_require(const struct address_space *space, uint64_t bytes, const char *purpose, struct error *error);
/* Bytes of a target that is read in place which are still to come if all of it is looked at. */
uint64_t address_space_unread(const struct address_space *space);
/* The part of it that costs nothing, for whoever waits: reads have failed for such a reason. */
bool address_space_is_lost(const struct address_space *space);

/* How long a live target was stopped by us, until now if it still is. Nanoseconds. */
uint64_t address_space_stopped(const struct address_space *space);

/* The segment that holds address, or NULL (unmapped). */
const struct segment *address_space_find(const struct address_space *space, uint64_t address);
enum memory_state address_space_state(const struct address_space *space, uint64_t address);

/* Whether all present bytes are there now, so that reading asks nobody and several threads can read at full speed. */
bool address_space_is_immediate(const struct address_space *space);

/* Fetches the blocks of a lazy segment that hold [address, address + size); false if any byte is refused.
 * Safe from several threads at once. */
bool segment_fetch(const struct address_space *space, const struct segment *segment, uint64_t address, uint64_t size);

enum { READER_RECENT = 64, READER_RECENT_SHIFT = 20 };

/* A reader is one thread's way to read a space. It remembers which segments it used, by MiB of address: objects, their
 * types and static objects lie in different ones, and a walk goes to and fro between them. */
struct reader {
	const struct address_space *space;
	const struct segment *last; /* of the last reader_segment() or reader_at(); never NULL once initialised */
	const struct segment *recent[READER_RECENT]; /* never NULL; may hold another segment than the one asked for */
};

void reader_init(struct reader *reader, const struct address_space *space);

/* reader_segment() when it is not remembered. */
const struct segment *reader_segment_slow(struct reader *reader, uint64_t address);
/* reader_at() of a lazy segment. */
const uint8_t *reader_at_lazy(struct reader *reader, const struct segment *segment, uint64_t address, uint64_t size);

/* The segment that holds address; NULL: unmapped. */
static inline const struct segment *reader_segment(struct reader *reader, uint64_t address)
{
	const struct segment *segment = reader->recent[address >> READER_RECENT_SHIFT & (READER_RECENT - 1)];
	if (__builtin_expect(address - segment->start < segment->end - segment->start, 1)) {
		reader->last = segment;
		return segment;
	}
	return reader_segment_slow(reader, address);
}

/* Host address of size (> 0) present target bytes, or NULL if any of them is absent or unmapped, or if
 * they do not lie in one segment. Valid until the space is closed. */
static inline const uint8_t *reader_at(struct reader *reader, uint64_t address, uint64_t size)
{
	const struct segment *segment = reader_segment(reader, address);
	if (__builtin_expect(segment == NULL || segment->data == NULL || size > segment->end - address, 0))
		return NULL;
	if (__builtin_expect(segment->lazy != NULL, 0))
		return reader_at_lazy(reader, segment, address, size);
	return segment->data + (address - segment->start);
}

/* Copies, also across segments that touch. False (buffer undefined) if any byte is not present. */
bool reader_copy(struct reader *reader, uint64_t address, void *buffer, uint64_t size);
/* One unsigned little-endian integer of the target. */
bool reader_u64_in_parts(struct reader *reader, uint64_t address, uint64_t *ret_value);
static inline bool reader_u64(struct reader *reader, uint64_t address, uint64_t *ret_value)
{
	const uint8_t *bytes = reader_at(reader, address, 8);
	if (__builtin_expect(bytes == NULL, 0))
		return reader_u64_in_parts(reader, address, ret_value);
	*ret_value = load_u64(bytes);
	return true;
}
bool reader_u32(struct reader *reader, uint64_t address, uint32_t *ret_value);
/* A NUL-terminated string of at most capacity - 1 bytes, copied; false if it is not present or longer. */
bool reader_string(struct reader *reader, uint64_t address, char *buffer, size_t capacity);

/* Bit number of the 16-byte granule at address, for bitmaps of space->granule_count bits; segment must
 * hold address. No two segments share a bit. */
static inline uint64_t segment_granule(const struct segment *segment, uint64_t address)
{
	return segment->first_bit + (((address >> 4) - (segment->start >> 4)) & segment->granule_mask);
}

#endif
