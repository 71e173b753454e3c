/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <string.h>

static const struct export_format formats[] = {
#define FORMAT(id, operands, endings, doc) { #id, endings, doc, export_##id, EXPORT_OF_##operands },
#define PAGE(id, operands, endings, doc) { #id, endings, doc, NULL, EXPORT_OF_##operands },
#include "export/formats.def"
#undef FORMAT
#undef PAGE
};

const struct export_format *export_format_at(uint32_t index)
{
	return index < sizeof formats / sizeof *formats ? &formats[index] : NULL;
}

/* Whether a path ends with one of the endings, which are separated by blanks. */
static bool has_ending(const char *path, const char *endings)
{
	const size_t length = strlen(path);
	while (*endings != '\0') {
		const size_t ending = strcspn(endings, " ");
		if (length > ending && strncmp(path + length - ending, endings, ending) == 0)
			return true;
		endings += ending + strspn(endings + ending, " ");
	}
	return false;
}

const struct export_format *export_format_find(const char *name, const char *path)
{
	const struct export_format *format;
	for (uint32_t i = 0; (format = export_format_at(i)) != NULL; i++)
		if (name != NULL ? strcmp(format->name, name) == 0 : has_ending(path, format->endings))
			return format;
	return NULL;
}

int export_run(const struct export_format *format, struct tables *tables, const struct export_options *options,
               uint64_t *ret_bytes, struct error *error)
{
	struct export export = { .tables = tables, .options = options, .error = error };
	TRY(writer_open(&export.writer, options->path, options->force, error));
	int status = format->write(&export);
	return writer_end(&export.writer, status, ret_bytes);
}
