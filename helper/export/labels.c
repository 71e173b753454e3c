/* SPDX-License-Identifier: MIT */
#include "export/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "export/hidden_name.h"

enum { FIRST_SLOTS = 1 << 12 };

void labels_open(struct labels *labels, struct tables *tables, struct string_table *strings, bool hide_names)
{
	*labels = (struct labels){ .tables = tables, .strings = strings, .hide_names = hide_names };
}

void labels_close(struct labels *labels)
{
	free(labels->slots);
	text_free(&labels->text);
	*labels = (struct labels){ .slots = NULL };
}

static uint64_t mix(uint64_t value, uint64_t more)
{
	value = (value ^ more) * UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 29;
}

/* What tells one label from all others of the same kind; 0: nothing that is cheaper than making it. */
static uint64_t label_key(const struct run *run, uint64_t index)
{
	uint64_t key = 0;
	switch (run->label) {
	case LABEL_FIELD: /* literals: their address */
		key = (uint64_t)(uintptr_t)(run->names + run->first_index + index);
		break;
	case LABEL_TYPE:
	case LABEL_DICT:
	case LABEL_SUBCLASSES:
		key = 1;
		break;
	case LABEL_DICT_VALUE: /* the object that is the key */
		key = load_u64(run->slots + index * run->stride - run->argument);
		break;
	case LABEL_SPLIT_VALUE:
	case LABEL_SLOT:
	case LABEL_LOCAL:
	case LABEL_STACK:
	case LABEL_WORD:
		key = mix(run->argument, run->first_index + index + 1);
		break;
	case LABEL_BLOCK_WORD:
		key = mix(run->argument, run->address);
		break;
	default:
		return 0;
	}
	key = mix(key, (uint64_t)run->label + 1);
	return key != 0 ? key : 1;
}

static struct label_slot *find_slot(const struct labels *labels, uint64_t key)
{
	for (uint64_t i = key;; i++) {
		struct label_slot *slot = &labels->slots[i & labels->mask];
		if (slot->key == key || slot->key == 0)
			return slot;
	}
}

static bool grow(struct labels *labels)
{
	const uint64_t count = labels->mask == 0 ? FIRST_SLOTS : 2 * (labels->mask + 1);
	struct label_slot *before = labels->slots;
	const uint64_t before_count = before != NULL ? labels->mask + 1 : 0;
	labels->slots = calloc(count, sizeof *labels->slots);
	if (labels->slots == NULL) {
		labels->slots = before;
		return false;
	}
	labels->mask = count - 1;
	for (uint64_t i = 0; i < before_count; i++)
		if (before[i].key != 0)
			*find_slot(labels, before[i].key) = before[i];
	free(before);
	return true;
}

uint32_t labels_name(struct labels *labels, const char *bytes, size_t length)
{
	uint32_t number;
	if (!labels->hide_names) {
		number = string_table_add(labels->strings, bytes, length);
	} else {
		struct text hidden = { .bytes = NULL };
		hidden_name(labels->tables, bytes, length, &hidden);
		number = string_table_add(labels->strings, text_string(&hidden), hidden.length);
		text_free(&hidden);
	}
	labels->failed |= number == UINT32_MAX;
	return number;
}

/* Puts a label into words. */
static uint32_t make_name(struct labels *labels, const struct run *run, uint64_t index)
{
	text_reset(&labels->text);
	names_label(&labels->tables->query.target->naming, run, index, &labels->tables->query.names, &labels->text);
	labels->failed |= labels->text.failed;
	return labels_name(labels, text_string(&labels->text), labels->text.length);
}

static uint32_t find_name(struct labels *labels, const struct run *run, uint64_t index)
{
	const uint64_t key = label_key(run, index);
	if (key == 0 || ((labels->count + 1) * 2 > labels->mask && !grow(labels)))
		return make_name(labels, run, index);
	struct label_slot *slot = find_slot(labels, key);
	if (slot->key == key)
		return slot->number;
	const uint32_t number = make_name(labels, run, index);
	/* A key of a dict that is not shown is spoken of by its place, which is another one in each dict. */
	const char *text = text_string(&labels->text);
	if (run->label == LABEL_DICT_VALUE && strncmp(text, "['", 2) != 0)
		return number;
	*slot = (struct label_slot){ .key = key, .number = number };
	labels->count++;
	return number;
}

struct edge_label labels_of_slot(struct labels *labels, const struct run *run, uint64_t index)
{
	const uint32_t number = (uint32_t)(run->first_index + index);
	switch (run->label) {
	case LABEL_ITEM:
		return (struct edge_label){ EDGE_ELEMENT, number };
	case LABEL_SET_ITEM:
	case LABEL_DICT_KEY:
		return (struct edge_label){ EDGE_KEY, number };
	case LABEL_TYPE:
	case LABEL_DICT:
	case LABEL_SUBCLASSES:
	case LABEL_WORD:
	case LABEL_BLOCK_WORD:
		return (struct edge_label){ EDGE_INTERNAL, find_name(labels, run, index) };
	default:
		return (struct edge_label){ EDGE_NAMED, find_name(labels, run, index) };
	}
}

struct edge_label labels_of(struct labels *labels, const struct edge_cursor *found)
{
	return labels_of_slot(labels, found->found, found->index);
}
