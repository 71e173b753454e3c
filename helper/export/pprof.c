/* SPDX-License-Identifier: MIT
 * pprof's profile.proto, compressed as `go tool pprof` wants it: one sample a frame, its objects and bytes, leaf first.
 * cum of a frame is what its objects retain. */
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "export/export.h"
#include "export/profile.h"
#include "export/protobuf.h"

enum {
	PROFILE_sample_type = 1,
	PROFILE_sample = 2,
	PROFILE_mapping = 3,
	PROFILE_location = 4,
	PROFILE_function = 5,
	PROFILE_string_table = 6,
	PROFILE_time_nanos = 9,
	PROFILE_default_sample_type = 14
};
enum { GZIP_WINDOW = 15 + 16, GZIP_BUFFER = 1 << 16 };

/* Strings of the message before those of the frames. */
enum { STRING_NONE, STRING_OBJECTS, STRING_COUNT, STRING_SPACE, STRING_BYTES, STRING_PYTHON, STRING_FIRST };
static const char *const first_strings[STRING_FIRST] = { "", "objects", "count", "space", "bytes", "python" };

struct gzip {
	struct writer *writer;
	z_stream stream;
	char buffer[GZIP_BUFFER];
	bool failed;
};

static void compress_bytes(struct gzip *gzip, const char *bytes, size_t length, int flush)
{
	gzip->stream.next_in = (unsigned char *)bytes;
	gzip->stream.avail_in = (unsigned)length;
	int status;
	do {
		gzip->stream.next_out = (unsigned char *)gzip->buffer;
		gzip->stream.avail_out = GZIP_BUFFER;
		status = deflate(&gzip->stream, flush);
		writer_append(gzip->writer, gzip->buffer, GZIP_BUFFER - gzip->stream.avail_out);
	} while (status == Z_OK && (gzip->stream.avail_in > 0 || gzip->stream.avail_out == 0 || flush == Z_FINISH));
	gzip->failed |= status == Z_STREAM_ERROR;
}

static void put(struct gzip *gzip, struct text *message)
{
	compress_bytes(gzip, text_string(message), message->length, Z_NO_FLUSH);
	gzip->failed |= message->failed;
	text_reset(message);
}

static void put_value_type(struct gzip *gzip, struct text *message, uint32_t type, uint32_t unit)
{
	struct text part = { .bytes = NULL };
	protobuf_number(&part, 1, type);
	protobuf_number(&part, 2, unit);
	protobuf_message(message, PROFILE_sample_type, &part);
	text_free(&part);
	put(gzip, message);
}

/* Locations and functions are strings: every name is one of each, with the same number. */
static void put_samples(struct gzip *gzip, struct text *message, const struct profile *profile)
{
	struct text sample = { .bytes = NULL }, packed = { .bytes = NULL };
	for (uint32_t i = 0; i < profile->frames.count; i++) {
		const struct profile_frame *frame = &profile->frames.items[i];
		if (frame->count == 0)
			continue;
		text_reset(&sample);
		text_reset(&packed);
		for (uint32_t at = i;; at = profile->frames.items[at].parent) {
			protobuf_varint(&packed, (uint64_t)profile->frames.items[at].name + 1);
			if (at == 0)
				break;
		}
		protobuf_message(&sample, 1, &packed);
		text_reset(&packed);
		protobuf_varint(&packed, frame->count);
		protobuf_varint(&packed, frame->bytes);
		protobuf_message(&sample, 2, &packed);
		protobuf_message(message, PROFILE_sample, &sample);
		gzip->failed |= sample.failed || packed.failed;
		put(gzip, message);
	}
	text_free(&sample);
	text_free(&packed);
}

static void put_names(struct gzip *gzip, struct text *message, const struct profile *profile)
{
	struct text part = { .bytes = NULL }, line = { .bytes = NULL };
	const uint32_t count = (uint32_t)profile->strings.starts.count;
	for (uint32_t name = 0; name < count; name++) {
		text_reset(&part);
		text_reset(&line);
		protobuf_number(&line, 1, (uint64_t)name + 1);
		protobuf_number(&part, 1, (uint64_t)name + 1);
		protobuf_number(&part, 2, 1);
		protobuf_message(&part, 4, &line);
		protobuf_message(message, PROFILE_location, &part);
		text_reset(&part);
		protobuf_number(&part, 1, (uint64_t)name + 1);
		protobuf_number(&part, 2, (uint64_t)name + STRING_FIRST);
		protobuf_number(&part, 3, (uint64_t)name + STRING_FIRST);
		protobuf_message(message, PROFILE_function, &part);
		put(gzip, message);
	}
	for (uint32_t i = 0; i < STRING_FIRST; i++)
		protobuf_bytes(message, PROFILE_string_table, first_strings[i], strlen(first_strings[i]));
	for (uint32_t name = 0; name < count; name++) {
		size_t length;
		const char *bytes = string_table_at(&profile->strings, name, &length);
		protobuf_bytes(message, PROFILE_string_table, bytes, length);
		put(gzip, message);
	}
	text_free(&part);
	text_free(&line);
}

static void put_profile(struct gzip *gzip, const struct profile *profile)
{
	struct text message = { .bytes = NULL }, mapping = { .bytes = NULL };
	put_value_type(gzip, &message, STRING_OBJECTS, STRING_COUNT);
	put_value_type(gzip, &message, STRING_SPACE, STRING_BYTES);
	put_samples(gzip, &message, profile);
	/* Without one `go tool pprof` complains of a file it has no name for. */
	protobuf_number(&mapping, 1, 1);
	protobuf_number(&mapping, 5, STRING_PYTHON);
	protobuf_number(&mapping, 7, 1);
	protobuf_message(&message, PROFILE_mapping, &mapping);
	put(gzip, &message);
	put_names(gzip, &message, profile);
	protobuf_number(&message, PROFILE_time_nanos, (uint64_t)time(NULL) * UINT64_C(1000000000));
	protobuf_number(&message, PROFILE_default_sample_type, STRING_SPACE);
	put(gzip, &message);
	gzip->failed |= mapping.failed;
	text_free(&mapping);
	text_free(&message);
}

int export_pprof(struct export *export)
{
	struct profile profile;
	TRY(profile_make(&profile, export));
	struct gzip *gzip = calloc(1, sizeof *gzip);
	int status = gzip == NULL ? Z_MEM_ERROR
	                          : deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
	                                         Z_DEFAULT_STRATEGY);
	if (status == Z_OK) {
		gzip->writer = &export->writer;
		put_profile(gzip, &profile);
		compress_bytes(gzip, "", 0, Z_FINISH);
		deflateEnd(&gzip->stream);
		status = gzip->failed ? Z_MEM_ERROR : Z_OK;
	}
	free(gzip);
	profile_clear(&profile);
	return status == Z_OK ? export->writer.status
	                      : error_set(export->error, ERROR_NO_MEMORY, "out of memory for the profile");
}
