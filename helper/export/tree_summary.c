/* SPDX-License-Identifier: MIT */
#include "export/tree_summary.h"

#include <stdlib.h>
#include <string.h>

struct summary {
	const struct profile *profile;
	uint64_t *below; /* by frame: bytes of it and all below */
	uint32_t *place; /* by frame: its index in the answer, or that of who stands for it */
	uint64_t *bytes, *count; /* by index in the answer */
	uint32_t *names; /* by name of the profile: its place in the answer + 1; 0: no frame of the answer has it */
	uint32_t name_count;
	uint32_t kept;
};

static int compare_down(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a > b ? -1 : a < b;
}

/* The least bytes of a frame of the answer, so that there are not too many. False: out of memory. */
static bool find_least(const struct summary *summary, uint64_t *ret_least)
{
	const size_t count = summary->profile->frames.count;
	*ret_least = 1;
	if (count <= TREE_SUMMARY_FRAMES)
		return true;
	uint64_t *sorted = malloc(count * sizeof *sorted);
	if (sorted == NULL)
		return false;
	memcpy(sorted, summary->below, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_down);
	*ret_least = sorted[TREE_SUMMARY_FRAMES] + 1;
	free(sorted);
	return true;
}

static void cut(struct summary *summary, uint64_t least)
{
	const struct profile *profile = summary->profile;
	for (uint32_t i = 0; i < profile->frames.count; i++) {
		const struct profile_frame *frame = &profile->frames.items[i];
		const bool is_kept = i == 0 || summary->below[i] >= least;
		summary->place[i] = is_kept ? summary->kept++ : summary->place[frame->parent];
		summary->bytes[summary->place[i]] += frame->bytes;
		summary->count[summary->place[i]] += frame->count;
	}
}

/* Frame i of the profile if it is the next one of the answer. */
static const struct profile_frame *kept_frame(const struct summary *summary, uint32_t i, uint32_t next)
{
	return summary->place[i] == next ? &summary->profile->frames.items[i] : NULL;
}

static void write_names(struct json *json, struct summary *summary)
{
	const struct profile_frame *frame;
	uint32_t next = 0;
	json_array(json, "names");
	for (uint32_t i = 0; i < summary->profile->frames.count; i++) {
		if ((frame = kept_frame(summary, i, next)) == NULL)
			continue; /* it is in another one */
		next++;
		if (summary->names[frame->name] != 0)
			continue;
		summary->names[frame->name] = ++summary->name_count;
		size_t length;
		const char *bytes = string_table_at(&summary->profile->strings, frame->name, &length);
		const struct text text = { .bytes = (char *)bytes, .length = length };
		json_text(json, NULL, &text);
	}
	json_array_end(json);
}

static void write_frames(struct json *json, const struct summary *summary)
{
	const struct profile_frame *frame;
	uint32_t next = 0;
	json_array(json, "frames");
	for (uint32_t i = 0; i < summary->profile->frames.count; i++) {
		if ((frame = kept_frame(summary, i, next)) == NULL)
			continue;
		json_array(json, NULL);
		json_number(json, NULL, summary->place[frame->parent]);
		json_number(json, NULL, summary->names[frame->name] - 1);
		json_number(json, NULL, summary->bytes[next]);
		json_number(json, NULL, summary->count[next]);
		json_array_end(json);
		next++;
	}
	json_array_end(json);
}

int tree_summary_json(struct json *json, const char *key, struct export *export)
{
	struct profile profile;
	TRY(profile_make(&profile, export));
	const size_t count = profile.frames.count;
	struct summary summary = { .profile = &profile,
		                   .below = calloc(count + 1, sizeof *summary.below),
		                   .place = calloc(count + 1, sizeof *summary.place),
		                   .bytes = calloc(count + 1, sizeof *summary.bytes),
		                   .count = calloc(count + 1, sizeof *summary.count),
		                   .names = calloc(profile.strings.starts.count + 1, sizeof *summary.names) };
	uint64_t least = 1;
	bool done = summary.below != NULL && summary.place != NULL && summary.bytes != NULL && summary.count != NULL &&
	            summary.names != NULL;
	for (size_t i = count; done && i-- > 0;) {
		summary.below[i] += profile.frames.items[i].bytes;
		if (i > 0)
			summary.below[profile.frames.items[i].parent] += summary.below[i];
	}
	done = done && find_least(&summary, &least);
	if (done) {
		cut(&summary, least);
		json_object(json, key);
		write_names(json, &summary);
		write_frames(json, &summary);
		json_object_end(json);
	}
	free(summary.below);
	free(summary.place);
	free(summary.bytes);
	free(summary.count);
	free(summary.names);
	profile_clear(&profile);
	return done ? OK : error_set(export->error, ERROR_NO_MEMORY, "out of memory for the picture");
}
