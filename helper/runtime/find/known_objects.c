/* SPDX-License-Identifier: MIT
 * Addresses of the types and singletons of symbols.def: from the symbols of the ELF files. */
#include "runtime/find/opening.h"

static const char *const symbol_names[SYMBOL_COUNT] = {
#define SYMBOL(name) #name,
#include "runtime/symbols.def"
#undef SYMBOL
};

void find_known_objects(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	for (int i = 0; i < SYMBOL_COUNT; i++) {
		struct elf_symbol symbol;
		runtime->symbols[i] = 0;
		/* A program that is not position-independent may hold the one copy of an object that libpython defines
		 * too (copy relocation), and then everybody uses that: the dynamic linker looks there first, so do we.
		 */
		if (opening->main_elf != NULL && elf_file_symbol(opening->main_elf, symbol_names[i], &symbol))
			runtime->symbols[i] = symbol.address + opening->main_file->load_bias;
		else if (opening->elf != NULL && elf_file_symbol(opening->elf, symbol_names[i], &symbol))
			runtime->symbols[i] = symbol.address + runtime->file->load_bias;
	}
	runtime->symbols[SYMBOL__PyRuntime] = runtime->address;
}
