/* SPDX-License-Identifier: MIT */
#include "query/memory/library.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "names/locals.h"

enum { LIMIT_ARGUMENT_SLOTS = 256 }; /* slots looked at for a local by name: library functions have few */

static bool add_module(struct library *library, uint64_t module)
{
	struct decoder *decoder = library->decoder;
	struct text file = { .bytes = NULL };
	bool done = true;
	if (value_str(&decoder->objects, value_attribute(&decoder->objects, module, "__file__"), LIMIT_FILE_NAME,
	              &file) > 0) {
		/* A package is all that lies in its folder. */
		char *copy = strdup(text_string(&file));
		char *slash = copy != NULL ? strrchr(copy, '/') : NULL;
		if (slash != NULL && strncmp(slash, "/__init__.", strlen("/__init__.")) == 0)
			slash[1] = '\0';
		done = copy != NULL && array_push(&library->prefixes, copy);
		if (!done)
			free(copy);
	}
	text_free(&file);
	return done;
}

bool library_open(struct library *library, struct decoder *decoder, const char *const *names)
{
	const struct runtime *runtime = decoder->context->runtime;
	*library = (struct library){ .decoder = decoder };
	for (size_t i = 0; i < runtime->interpreters.count; i++)
		for (size_t k = 0; names[k] != NULL; k++) {
			const uint64_t module =
			        dict_get_str(&decoder->objects, runtime->interpreters.items[i].modules, names[k]);
			if (module != 0 && !add_module(library, module))
				return false;
		}
	return true;
}

void library_close(struct library *library)
{
	for (size_t i = 0; i < library->prefixes.count; i++)
		free(library->prefixes.items[i]);
	array_free(&library->prefixes);
	address_map_clear(&library->codes);
}

static bool is_of(const struct library *library, uint64_t code)
{
	struct text file = { .bytes = NULL };
	uint64_t name;
	bool found = false;
	if (value_field(&library->decoder->objects, code, FIELD_PyCodeObject_co_filename, &name) &&
	    value_str(&library->decoder->objects, name, LIMIT_FILE_NAME, &file) > 0)
		for (size_t i = 0; i < library->prefixes.count && !found; i++)
			found = strncmp(text_string(&file), library->prefixes.items[i],
			                strlen(library->prefixes.items[i])) == 0;
	text_free(&file);
	return found;
}

bool library_has(struct library *library, uint64_t code)
{
	if (code == 0)
		return false;
	const uint32_t known = address_map_get(&library->codes, code);
	if (known != ADDRESS_MAP_NONE)
		return known == 1;
	const bool found = is_of(library, code);
	(void)address_map_set(&library->codes, code, found);
	return found;
}

bool code_is_named(struct decoder *decoder, uint64_t code, const char *name)
{
	uint64_t text;
	return value_field(&decoder->objects, code, FIELD_PyCodeObject_co_name, &text) &&
	       value_str_equals(&decoder->objects, text, name);
}

/* Of a package or the standard library by its folder, frozen into the interpreter, or a script that a package put into
 * bin (those have no suffix). */
static bool is_installed(const char *file)
{
	static const char *const folders[] = { "/site-packages/", "/dist-packages/", "/lib/python3.",
		                               "/lib64/python3." };
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (strstr(file, folders[i]) != NULL)
			return true;
	const char *name = strrchr(file, '/');
	return strncmp(file, "<frozen ", strlen("<frozen ")) == 0 ||
	       (name != NULL && name - file >= 4 && strncmp(name - 4, "/bin", 4) == 0 && strchr(name, '.') == NULL);
}

bool code_is_installed(struct decoder *decoder, uint64_t code)
{
	struct text file = { .bytes = NULL };
	uint64_t name;
	const bool found = code != 0 && value_field(&decoder->objects, code, FIELD_PyCodeObject_co_filename, &name) &&
	                   value_str(&decoder->objects, name, LIMIT_FILE_NAME, &file) > 0 &&
	                   is_installed(text_string(&file));
	text_free(&file);
	return found;
}

uint64_t frame_local(struct decoder *decoder, const struct python_frame *frame, const char *name)
{
	for (uint32_t i = 0; i < frame->slot_count && i < LIMIT_ARGUMENT_SLOTS; i++) {
		if (!value_str_equals(&decoder->objects, local_name(decoder, frame->code, i), name))
			continue;
		/* Up to 3.10 an argument that is a cell has two slots, of which the first is empty. */
		const uint64_t value = local_value(decoder, frame, i);
		if (value != 0)
			return value;
	}
	return 0;
}

uint64_t frame_self(struct decoder *decoder, const struct python_frame *frame)
{
	if (frame->slot_count == 0 || !value_str_equals(&decoder->objects, local_name(decoder, frame->code, 0), "self"))
		return 0;
	return frame_local(decoder, frame, "self");
}
