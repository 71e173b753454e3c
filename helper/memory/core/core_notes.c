/* SPDX-License-Identifier: MIT
 * core_notes: the kernel's struct elf_prstatus, elf_prpsinfo and NT_FILE as they lie in x86-64 cores
 * (include/linux/elfcore.h, fs/binfmt_elf.c). Offsets are written out, since the core may come from any
 * machine; notes of another size than expected are left alone. */
#include "memory/core/core_notes.h"

#include <elf.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "memory/native_registers.h"

enum { /* struct elf_prstatus of x86-64 */
       PRSTATUS_BYTES = 336,
       PRSTATUS_CURSIG = 12,
       PRSTATUS_PID = 32,
       PRSTATUS_REGISTERS = 112, /* pr_reg, struct user_regs_struct */
       PRSTATUS_AX = PRSTATUS_REGISTERS + 10 * 8,
       PRSTATUS_DX = PRSTATUS_REGISTERS + 12 * 8,
       PRSTATUS_SI = PRSTATUS_REGISTERS + 13 * 8,
       PRSTATUS_DI = PRSTATUS_REGISTERS + 14 * 8,
       PRSTATUS_ORIGINAL_AX = PRSTATUS_REGISTERS + 15 * 8,
       PRSTATUS_IP = PRSTATUS_REGISTERS + 16 * 8,
       PRSTATUS_SP = PRSTATUS_REGISTERS + 19 * 8,
       PRSTATUS_FS_BASE = PRSTATUS_REGISTERS + 21 * 8,
};

enum { /* struct elf_prpsinfo of x86-64 */
       PRPSINFO_BYTES = 136,
       PRPSINFO_PID = 24,
       PRPSINFO_FNAME = 40,
       PRPSINFO_FNAME_BYTES = 16,
};

/* The system call that a thread was in when it was stopped: then the kernel keeps its number, and its result so far
 * says that it is to be taken up again (ERESTARTSYS to ERESTART_RESTARTBLOCK of include/linux/errno.h, EINTR), or that
 * it did not get that far (ENOSYS). */
static void parse_call(const struct elf_note *note, struct native_thread *thread)
{
	enum { RESTART_FIRST = -516, RESTART_LAST = -512, INTERRUPTED = -4, NOT_DONE = -38 };
	const int64_t number = (int64_t)load_u64(note->bytes + PRSTATUS_ORIGINAL_AX);
	const int64_t result = (int64_t)load_u64(note->bytes + PRSTATUS_AX);
	thread->call = -1;
	thread->call_known = true;
	if (number < 0 || number > INT16_MAX ||
	    !((result >= RESTART_FIRST && result <= RESTART_LAST) || result == INTERRUPTED || result == NOT_DONE))
		return;
	thread->call = (int32_t)number;
	thread->call_arguments[0] = load_u64(note->bytes + PRSTATUS_DI);
	thread->call_arguments[1] = load_u64(note->bytes + PRSTATUS_SI);
	thread->call_arguments[2] = load_u64(note->bytes + PRSTATUS_DX);
}

static bool parse_thread(struct address_space *space, const struct elf_note *note)
{
	if (space->machine != EM_X86_64 || note->size != PRSTATUS_BYTES)
		return true;
	struct native_thread thread = { .tid = load_u32(note->bytes + PRSTATUS_PID),
		                        .stack_pointer = load_u64(note->bytes + PRSTATUS_SP),
		                        .instruction_pointer = load_u64(note->bytes + PRSTATUS_IP),
		                        .thread_pointer = load_u64(note->bytes + PRSTATUS_FS_BASE),
		                        .signal = (int16_t)load_u16(note->bytes + PRSTATUS_CURSIG) };
	if (space->threads.count >= LIMIT_THREADS)
		return true;
	native_registers_read(thread.registers, note->bytes + PRSTATUS_REGISTERS);
	thread.has_registers = true;
	parse_call(note, &thread);
	/* The kernel writes the thread that dumped first. */
	if (space->threads.count == 0) {
		space->signal = thread.signal;
		if (space->pid == 0)
			space->pid = (int32_t)thread.tid;
	}
	return array_push(&space->threads, thread);
}

static bool parse_process(struct address_space *space, const struct elf_note *note)
{
	if (space->machine != EM_X86_64 || note->size != PRPSINFO_BYTES)
		return true;
	space->pid = load_i32(note->bytes + PRPSINFO_PID);
	free(space->command);
	space->command = strndup((const char *)note->bytes + PRPSINFO_FNAME, PRPSINFO_FNAME_BYTES);
	return space->command != NULL;
}

static void parse_auxiliary_vector(const struct elf_header *header, const struct elf_note *note,
                                   struct core_notes *notes)
{
	unsigned word = header->word_bytes;
	for (uint64_t at = 0; at + 2 * word <= note->size; at += 2 * word) {
		uint64_t value = load_word(note->bytes + at + word, word, header->big_endian);
		switch (load_word(note->bytes + at, word, header->big_endian)) {
		case AT_NULL:
			return;
		case AT_PHDR:
			notes->program_headers_address = value;
			break;
		case AT_ENTRY:
			notes->entry_address = value;
			break;
		case AT_EXECFN:
			notes->executable_name_address = value;
			break;
		}
	}
}

/* count, page size, count times (start, end, offset in pages), then count NUL-terminated paths. */
static bool parse_mapped_files(const struct elf_header *header, const struct elf_note *note, struct core_notes *notes)
{
	unsigned word = header->word_bytes;
	if (note->size < 2 * word)
		return true;
	uint64_t count = load_word(note->bytes, word, header->big_endian);
	uint64_t page_bytes = load_word(note->bytes + word, word, header->big_endian);
	if (count > (note->size - 2 * word) / (3 * word))
		return true;
	const uint8_t *row = note->bytes + 2 * word;
	const char *path = (const char *)row + count * 3 * word;
	const char *end = (const char *)note->bytes + note->size;
	for (uint64_t i = 0; i < count; i++, row += 3 * word) {
		const char *nul = path < end ? memchr(path, '\0', (size_t)(end - path)) : NULL;
		if (nul == NULL)
			return true;
		struct memory_mapping mapping = { .start = load_word(row, word, header->big_endian),
			                          .end = load_word(row + word, word, header->big_endian),
			                          .path = path };
		path = nul + 1;
		uint64_t pages = load_word(row + 2 * word, word, header->big_endian);
		if (mapping.start >= mapping.end || !checked_multiply(pages, page_bytes, &mapping.file_offset))
			continue;
		if (!array_push(&notes->mappings, mapping))
			return false;
	}
	return true;
}

static bool parse_note(struct address_space *space, const struct elf_header *header, const struct elf_note *note,
                       struct core_notes *notes)
{
	if (elf_note_is(note, "CORE", NT_PRSTATUS))
		return parse_thread(space, note);
	if (elf_note_is(note, "CORE", NT_PRPSINFO))
		return parse_process(space, note);
	if (elf_note_is(note, "CORE", NT_FILE))
		return parse_mapped_files(header, note, notes);
	if (elf_note_is(note, "CORE", NT_AUXV))
		parse_auxiliary_vector(header, note, notes);
	else if (elf_note_is(note, "CORE", NT_SIGINFO))
		notes->has_siginfo = true;
	return true;
}

int core_notes_parse(struct address_space *space, const struct elf_header *header, const uint8_t *bytes, uint64_t size,
                     struct core_notes *notes, struct error *error)
{
	if (size > LIMIT_NOTE_BYTES) {
		address_space_warn(space, "only the first %d MiB of the core's %lu MiB of notes were read",
		                   LIMIT_NOTE_BYTES >> 20, size >> 20);
		size = LIMIT_NOTE_BYTES;
	}
	uint64_t offset = 0;
	struct elf_note note;
	while (elf_note_parse(header, bytes, size, &offset, &note))
		if (!parse_note(space, header, &note, notes))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the notes of the core");
	return OK;
}

void core_notes_clear(struct core_notes *notes)
{
	array_free(&notes->mappings);
}
