/* SPDX-License-Identifier: MIT */
#include "report/collector.h"

#include <inttypes.h>

#include "render/units.h"

/* gc.DEBUG_STATS to gc.DEBUG_SAVEALL of Modules/gcmodule.c */
static const struct {
	int64_t bit;
	const char *name;
} debug_flags[] = {
	{ 1, "DEBUG_STATS" }, { 2, "DEBUG_COLLECTABLE" }, { 4, "DEBUG_UNCOLLECTABLE" }, { 32, "DEBUG_SAVEALL" }
};

static void show_numbers(struct text *text, const char *name, const int64_t *numbers)
{
	text_format(text, ", %s", name);
	for (int i = 0; i < GC_GENERATIONS - 1; i++)
		text_format(text, " %" PRId64, numbers[i]);
}

static void add_duration(struct text *text, double seconds)
{
	text_format(text, seconds < 1 ? " %.1f ms" : " %.3f s", seconds < 1 ? seconds * 1e3 : seconds);
}

/* What the process remembers of the last collection of a generation; nothing before 3.15. */
static void show_last(struct text *text, const struct collector_history *history, int generation)
{
	uint32_t count = history->last_count;
	while (count > 0 && history->last[count - 1].generation != generation)
		count--;
	if (count == 0)
		return;
	const struct collection *last = &history->last[count - 1], *before = count > 1 ? last - 1 : NULL;
	text_add(text, ",");
	add_duration(text, last->seconds);
	text_add(text, " in all");
	const bool follows = before != NULL && before->generation == generation && before->number == last->number - 1;
	if (!follows && last->heap_size <= 0) /* no free-threaded build counts them */
		return;
	text_add(text, ", the last");
	if (follows)
		add_duration(text, last->seconds - before->seconds);
	if (last->heap_size > 0) {
		text_add(text, " over ");
		units_noun(text, (uint64_t)last->heap_size, "object");
	}
}

static void show_totals(struct text *text, const struct collector_history *history)
{
	for (int i = 0; history->has_totals && i < GC_GENERATIONS - 1; i++) {
		const struct collector_totals *totals = &history->totals[i];
		text_format(text, "  generation %d  ", i);
		units_noun(text, (uint64_t)totals->collections, "collection");
		text_add(text, ", ");
		units_noun(text, (uint64_t)totals->collected, "object");
		text_add(text, " freed");
		if (totals->uncollectable > 0) {
			text_add(text, ", ");
			units_count(text, (uint64_t)totals->uncollectable);
			text_add(text, " uncollectable");
		}
		show_last(text, history, i);
		text_add(text, "\n");
	}
}

void collector_show(struct text *text, const struct info_answer *answer)
{
	const struct collector *collector = &answer->collector;
	const struct collector_history *history = &answer->history;
	text_add(text, "\nGarbage collector\n");
	if (!answer->has_collector) {
		text_add(text, "  its state cannot be read\n");
		return;
	}
	text_format(text, "  %s", collector->is_enabled ? "on" : "off (gc.disable())");
	if (collector->has_thresholds) {
		show_numbers(text, "thresholds", collector->thresholds);
		show_numbers(text, "counts", collector->counts);
	}
	text_add(text, collector->is_collecting ? ", a collection is under way\n" : "\n");
	show_totals(text, history);
	if (history->frozen > 0) {
		text_add(text, history->frozen_is_more ? "  at least " : "  ");
		units_noun(text, history->frozen, "object");
		text_add(text, " frozen\n");
	} else if (!history->frozen_is_known || history->frozen_is_more) {
		text_add(text, "  how many objects are frozen is not known here\n");
	}
	if (collector->garbage_list > 0) {
		text_add(text, "  gc.garbage has ");
		units_noun(text, collector->garbage_list, "object");
		text_add(text, "\n");
	}
	for (size_t i = 0; i < sizeof debug_flags / sizeof debug_flags[0]; i++)
		if (collector->debug & debug_flags[i].bit)
			text_format(text, "  gc.%s is set\n", debug_flags[i].name);
}

static void json_numbers(struct json *json, const char *key, const int64_t *numbers)
{
	json_array(json, key);
	for (int i = 0; i < GC_GENERATIONS - 1; i++)
		json_signed(json, NULL, numbers[i]);
	json_array_end(json);
}

static void json_history(struct json *json, const struct collector_history *history)
{
	json_array(json, "generations");
	for (int i = 0; history->has_totals && i < GC_GENERATIONS - 1; i++) {
		json_object(json, NULL);
		json_signed(json, "collections", history->totals[i].collections);
		json_signed(json, "collected", history->totals[i].collected);
		json_signed(json, "uncollectable", history->totals[i].uncollectable);
		json_object_end(json);
	}
	json_array_end(json);
	json_array(json, "history");
	for (uint32_t i = 0; i < history->last_count; i++) {
		const struct collection *last = &history->last[i];
		json_object(json, NULL);
		json_signed(json, "generation", last->generation);
		json_signed(json, "number", last->number);
		json_signed(json, "started", last->started);
		if (last->heap_size > 0)
			json_signed(json, "heap_size", last->heap_size);
		else
			json_null(json, "heap_size");
		json_signed(json, "microseconds_in_all", (int64_t)(last->seconds * 1e6));
		json_object_end(json);
	}
	json_array_end(json);
	if (history->frozen_is_known && (history->frozen > 0 || !history->frozen_is_more))
		json_number(json, "frozen", history->frozen);
	else
		json_null(json, "frozen");
}

void collector_json(struct json *json, const struct info_answer *answer)
{
	const struct collector *collector = &answer->collector;
	if (!answer->has_collector) {
		json_null(json, "collector");
		return;
	}
	json_object(json, "collector");
	json_bool(json, "enabled", collector->is_enabled);
	json_bool(json, "collecting", collector->is_collecting);
	if (collector->has_thresholds) {
		json_numbers(json, "thresholds", collector->thresholds);
		json_numbers(json, "counts", collector->counts);
	} else {
		json_null(json, "thresholds");
		json_null(json, "counts");
	}
	json_signed(json, "debug", collector->debug);
	json_number(json, "garbage", collector->garbage_list);
	json_history(json, &answer->history);
	json_object_end(json);
}
