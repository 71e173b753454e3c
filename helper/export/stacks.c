/* SPDX-License-Identifier: MIT
 * Profiles as text: speedscope's JSON (its file format's schema says what is needed) and collapsed stacks, one a line,
 * which flame graph programs take. */
#include "export/export.h"
#include "export/profile.h"

static uint32_t stack_of(const struct profile *profile, uint32_t frame, uint32_t *ret_stack)
{
	uint32_t depth = profile->frames.items[frame].depth + 1;
	for (uint32_t i = depth; i > 0; i--, frame = profile->frames.items[frame].parent)
		ret_stack[i - 1] = frame;
	return depth;
}

static void put_samples(struct writer *writer, const struct profile *profile)
{
	uint32_t stack[PROFILE_DEPTH + 2];
	bool is_first = true;
	for (uint32_t i = 0; i < profile->frames.count; i++) {
		if (profile->frames.items[i].bytes == 0)
			continue;
		const uint32_t depth = stack_of(profile, i, stack);
		writer_add(writer, is_first ? "[" : ",\n[");
		is_first = false;
		for (uint32_t at = 0; at < depth; at++) {
			writer_append(writer, ",", at > 0);
			writer_decimal(writer, profile->frames.items[stack[at]].name);
		}
		writer_character(writer, ']');
	}
}

int export_speedscope(struct export *export)
{
	struct profile profile;
	struct writer *writer = &export->writer;
	uint64_t total = 0;
	TRY(profile_make(&profile, export));
	writer_add(writer,
	           "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":"
	           "\"pydeepsize\",\"name\":\"Python heap\",\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[");
	for (uint32_t name = 0; name < profile.strings.starts.count; name++) {
		size_t length;
		const char *bytes = string_table_at(&profile.strings, name, &length);
		writer_add(writer, name > 0 ? ",\n{\"name\":" : "\n{\"name\":");
		writer_json(writer, bytes, length);
		writer_character(writer, '}');
	}
	writer_add(writer, "]},\n\"profiles\":[{\"type\":\"sampled\",\"name\":\"retained bytes\",\"unit\":\"bytes\","
	                   "\"startValue\":0,\n\"samples\":[");
	put_samples(writer, &profile);
	writer_add(writer, "],\n\"weights\":[");
	for (uint32_t i = 0; i < profile.frames.count; i++) {
		const uint64_t bytes = profile.frames.items[i].bytes;
		if (bytes == 0)
			continue;
		writer_append(writer, ",", total > 0);
		writer_decimal(writer, bytes);
		total += bytes;
	}
	writer_add(writer, "],\"endValue\":");
	writer_decimal(writer, total);
	writer_add(writer, "}]}\n");
	profile_clear(&profile);
	return writer->status;
}

int export_collapsed(struct export *export)
{
	struct profile profile;
	struct writer *writer = &export->writer;
	uint32_t stack[PROFILE_DEPTH + 2];
	TRY(profile_make(&profile, export));
	for (uint32_t i = 0; i < profile.frames.count; i++) {
		if (profile.frames.items[i].bytes == 0)
			continue;
		const uint32_t depth = stack_of(&profile, i, stack);
		for (uint32_t at = 0; at < depth; at++) {
			size_t length;
			const char *bytes =
			        string_table_at(&profile.strings, profile.frames.items[stack[at]].name, &length);
			writer_append(writer, ";", at > 0);
			/* A semicolon would be another frame. */
			for (size_t k = 0; k < length; k++)
				writer_character(writer, bytes[k] == ';' ? ',' : bytes[k]);
		}
		writer_character(writer, ' ');
		writer_decimal(writer, profile.frames.items[i].bytes);
		writer_character(writer, '\n');
	}
	profile_clear(&profile);
	return writer->status;
}
