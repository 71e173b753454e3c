/* SPDX-License-Identifier: MIT */
#include "report/live.h"

#include <inttypes.h>
#include <string.h>

#include "memory/live/procfs.h"
#include "render/units.h"
#include "report/losses.h"

static const char *const modes[] = {
	[LIVE_NOT] = "",
	[LIVE_COPY] = "copy",
	[LIVE_IN_PLACE] = "in place",
	[LIVE_ALREADY_STOPPED] = "already stopped",
};

static const struct address_space *space_of(const struct report *report)
{
	return report->decoder->context->runtime->space;
}

/* Begun milliseconds count. */
static uint64_t stopped_milliseconds(const struct address_space *space)
{
	return (address_space_stopped(space) + 999999) / 1000000;
}

static void say_reason(struct text *text, const struct live_record *live)
{
	switch (live->reason) {
	case IN_PLACE_BRIEF:
		text_add(text, "; copying its ");
		units_bytes(text, live->wanted_bytes, false);
		text_add(text, " would take longer");
		break;
	case IN_PLACE_NO_ROOM:
		text_add(text, "; a copy of its ");
		units_bytes(text, live->wanted_bytes, false);
		text_format(text, " does not fit: %s leaves ", live->limit);
		units_bytes(text, live->available_bytes, false);
		break;
	case IN_PLACE_NO_ADDRESSES:
		text_add(text, "; a copy of its ");
		units_bytes(text, live->wanted_bytes, false);
		text_add(text, " does not fit into our address space (ulimit -v)");
		break;
	default:
		break;
	}
}

void live_line(struct report *report)
{
	const struct address_space *space = space_of(report);
	const struct live_record *live = &space->live;
	if (live->mode != LIVE_COPY && live->mode != LIVE_IN_PLACE)
		return;
	text_format(report->text, "process %" PRId32 " was stopped for %" PRIu64 " ms", space->pid,
	            stopped_milliseconds(space));
	if (live->mode == LIVE_COPY) {
		text_add(report->text, ", ");
		units_bytes(report->text, live->copied_bytes, false);
		text_add(report->text, " copied; the analysis uses the copy\n");
		return;
	}
	text_add(report->text, ", read in place");
	say_reason(report->text, live);
	text_add(report->text, "\n");
}

void live_children(struct report *report)
{
	enum { SHOWN = 12 };
	const struct address_space *space = space_of(report);
	thread_id_array children = { .items = NULL };
	if (space->live.mode != LIVE_NOT)
		process_children_list(space->pid, &children);
	if (children.count > 0)
		text_format(report->text, "Child processes of %" PRId32 ":", space->pid);
	for (size_t i = 0; i < children.count && i < SHOWN; i++)
		text_format(report->text, "%s %" PRId32, i > 0 ? "," : "", children.items[i]);
	if (children.count > SHOWN)
		text_format(report->text, ", and %zu more", children.count - SHOWN);
	text_add(report->text, children.count > 0 ? "\n" : "");
	array_free(&children);
}

static void add_last(struct json *json, void *context)
{
	const struct report *report = context;
	const struct address_space *space = space_of(report);
	losses_json(json, report);
	if (space->live.mode == LIVE_NOT)
		return;
	json_object(json, "live");
	if (space->live.mode == LIVE_ALREADY_STOPPED)
		json_null(json, "stopped_ms");
	else
		json_number(json, "stopped_ms", stopped_milliseconds(space));
	json_number(json, "copied_bytes", space->live.copied_bytes);
	json_string(json, "mode", modes[space->live.mode]);
	json_object_end(json);
}

void live_json(struct report *report)
{
	report->json.add_last = add_last;
	report->json.context = report;
}
