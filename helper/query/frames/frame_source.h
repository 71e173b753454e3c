/* SPDX-License-Identifier: MIT
 * frame_source: the files that frames stand in: whose names do not tell them apart without their folders, and the line
 * of source, where the file is at hand and still begins that code where the process says. */
#ifndef PYDS_QUERY_FRAMES_FRAME_SOURCE_H
#define PYDS_QUERY_FRAMES_FRAME_SOURCE_H

#include "base/address_map.h"
#include "base/array.h"
#include "memory/files/source_file.h"
#include "query/query.h"

struct frame_file {
	struct text path; /* as in co_filename, or the full one of a relative one where that is found; not escaped */
	bool is_ambiguous; /* another file of the answer has the same name in another folder */
	bool is_open;
	struct source_file source;
};

struct frame_code {
	uint32_t file;
	int64_t first_line; /* co_firstlineno */
	bool is_checked, matches; /* the file begins it there */
};

struct frame_sources {
	const struct query *query;
	ARRAY(struct frame_file) files;
	ARRAY(struct frame_code) codes;
	struct address_map by_code;
	bool has_latest;
	int64_t latest; /* source_latest_time() */
};

/* Zeroed, with query set, it is empty. Takes note of a frame's file; ERROR_NO_MEMORY. */
int frame_sources_note(struct frame_sources *sources, const struct python_frame *frame);
/* Of a frame that was noted, once all were. */
bool frame_sources_is_ambiguous(const struct frame_sources *sources, const struct python_frame *frame);
/* Appends the path of its file; nothing where that is a relative one and its folder is not known, *ret_is_unknown.
 * ERROR_NO_MEMORY. */
int frame_sources_path(const struct frame_sources *sources, const struct python_frame *frame, struct text *text,
                       bool *ret_is_unknown);
/* Appends the line that it stands at, not escaped; nothing where it is not at hand. ERROR_NO_MEMORY. */
int frame_sources_line(struct frame_sources *sources, const struct python_frame *frame, struct text *text);
void frame_sources_clear(struct frame_sources *sources);

#endif
