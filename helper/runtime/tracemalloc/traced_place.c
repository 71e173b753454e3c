/* SPDX-License-Identifier: MIT
 * Where tracemalloc keeps its tables: in _PyRuntime, or in static variables of the executable. */
#include "layout/elf_file.h"
#include "runtime/tracemalloc/tracemalloc.h"

static void read_config(struct traced_place *place, struct reader *reader, const struct layout *layout, uint64_t config)
{
	uint32_t tracing = 0;
	(void)reader_u32(reader, config + layout_offset(layout, FIELD__PyTraceMalloc_Config_tracing), &tracing);
	(void)reader_u32(reader, config + layout_offset(layout, FIELD__PyTraceMalloc_Config_max_nframe),
	                 &place->most_frames);
	place->is_tracing = tracing != 0;
}

static uint64_t word_at(struct reader *reader, uint64_t address)
{
	uint64_t word = 0;
	return address != 0 && reader_u64(reader, address, &word) ? word : 0;
}

static uint64_t runtime_word(const struct runtime *runtime, struct reader *reader, enum layout_field field)
{
	return layout_has(&runtime->layout, field)
	               ? word_at(reader, runtime->address + layout_offset(&runtime->layout, field))
	               : 0;
}

static void place_of_runtime(struct traced_place *place, const struct runtime *runtime, struct reader *reader)
{
	place->found_by = TRACED_BY_RUNTIME;
	read_config(place, reader, &runtime->layout,
	            runtime->address + layout_offset(&runtime->layout, FIELD__PyRuntimeState_tracemalloc_config));
	place->traces = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_traces);
	place->domains = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_domains);
	place->filenames = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_filenames);
	place->tracebacks = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_tracebacks);
	place->traced_bytes = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_traced_memory);
	place->peak_bytes = runtime_word(runtime, reader, FIELD__PyRuntimeState_tracemalloc_peak_traced_memory);
}

static uint64_t symbol_word(struct elf_file *elf, const struct runtime *runtime, struct reader *reader,
                            const char *name)
{
	struct elf_symbol symbol;
	return elf_file_symbol(elf, name, &symbol) ? word_at(reader, symbol.address + runtime->file->load_bias) : 0;
}

/* False: the file's symbols do not say. */
static bool place_of_symbols(struct traced_place *place, const struct runtime *runtime, struct reader *reader,
                             bool *ret_knows_config)
{
	struct elf_file *elf;
	struct elf_symbol config;
	if (runtime->file == NULL || runtime->file->local_path == NULL ||
	    elf_file_open(&elf, runtime->file->local_path, NULL) < 0)
		return false;
	place->found_by = TRACED_BY_SYMBOL;
	*ret_knows_config = elf_file_symbol(elf, "_Py_tracemalloc_config", &config);
	if (*ret_knows_config)
		read_config(place, reader, &runtime->layout, config.address + runtime->file->load_bias);
	if (!*ret_knows_config || place->is_tracing) {
		place->traces = symbol_word(elf, runtime, reader, "tracemalloc_traces");
		place->domains = symbol_word(elf, runtime, reader, "tracemalloc_domains");
		place->filenames = symbol_word(elf, runtime, reader, "tracemalloc_filenames");
		place->tracebacks = symbol_word(elf, runtime, reader, "tracemalloc_tracebacks");
		place->traced_bytes = symbol_word(elf, runtime, reader, "tracemalloc_traced_memory");
		place->peak_bytes = symbol_word(elf, runtime, reader, "tracemalloc_peak_traced_memory");
	}
	elf_file_close(elf);
	return place->traces != 0 || (*ret_knows_config && !place->is_tracing);
}

int traced_place_find(struct traced_place *ret_place, const struct runtime *runtime, struct error *error)
{
	struct reader reader;
	bool knows_config = false;
	*ret_place = (struct traced_place){ .is_tracing = false };
	reader_init(&reader, runtime->space);
	if (layout_has(&runtime->layout, FIELD__PyRuntimeState_tracemalloc_traces)) {
		place_of_runtime(ret_place, runtime, &reader);
		return OK;
	}
	if (place_of_symbols(ret_place, runtime, &reader, &knows_config)) {
		ret_place->is_tracing = ret_place->traces != 0;
		return OK;
	}
	/* A stripped file: tables of the same shape are looked for where static variables are. */
	if (traced_place_search(ret_place, runtime))
		return OK;
	if (!knows_config || !ret_place->is_tracing) {
		ret_place->is_tracing = false;
		return OK;
	}
	return error_set(
	        error, ERROR_NOT_FOUND,
	        "tracemalloc was tracing, but its tables were not found: up to 3.11 they are static variables, "
	        "which the symbols of the interpreter's file (not stripped) or its debug package name, and no "
	        "table whose traces add up to a variable beside it was found");
}
