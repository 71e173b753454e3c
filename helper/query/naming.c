/* SPDX-License-Identifier: MIT
 * naming: a search breadth first against the references, from the object to the nearest thing that has a name of its
 * own, and the words for the way back. */
#include "query/naming.h"

#include <stdlib.h>
#include <string.h>

#include "query/holders/anchors.h"
#include "query/name_words.h"

enum {
	LIMIT_STEPS = 18, /* references from a named thing to the object: longer names say less than the owner's type */
	LIMIT_SEARCHED = 1 << 14, /* objects looked at for one name */
	MOST_INTERPRETERS = 16, /* beside the main one, whose names are tried for one object */
	SEEN_SLOTS = 4 * LIMIT_SEARCHED, /* a power of two */
};

/* How many references longer a chain from such a thing may be than one from a module, to be preferred to it. */
static const uint32_t anchor_costs[] = {
	[ANCHOR_MODULE] = 0,   [ANCHOR_MODULE_DICT] = 0, [ANCHOR_CLASS] = 0,
	[ANCHOR_FUNCTION] = 1, [ANCHOR_FRAME] = 1,       [ANCHOR_STATE] = 3,
};

/* The same where globals are preferred, of frames and of what keeps a thread or task because it runs. */
enum { PASSING_COST = 6 };

/* The same of a word on a frame's evaluation stack: "._sock of local 'self'" is known, "stack [1]" is not. And, where
 * globals are preferred, of what a library's frame has: "local 'self' of Semaphore.acquire()". */
enum { STACK_COST = 3, INSTALLED_COST = 2 };

/* One object of the search: number refers to the one at `toward`. */
struct found {
	uint32_t number;
	uint32_t toward; /* index in the queue */
	uint32_t depth;
	uint32_t slot; /* its own in `seen`, to be emptied when the search is over */
};

struct naming {
	struct anchors anchors;
	bool prefers_globals;
	struct found queue[LIMIT_SEARCHED];
	uint32_t queued;
	uint32_t seen[SEEN_SLOTS]; /* number + 1 */
};

int naming_open(struct naming **ret_naming, const struct query *query, const struct retained *heap)
{
	*ret_naming = NULL;
	struct naming *naming = calloc(1, sizeof *naming);
	if (naming == NULL)
		return query_no_memory(query, "names");
	int status = anchors_open(&naming->anchors, query, heap);
	if (status < 0)
		free(naming);
	else
		*ret_naming = naming;
	return status;
}

void naming_close(struct naming *naming)
{
	if (naming == NULL)
		return;
	anchors_clear(&naming->anchors);
	free(naming);
}

void naming_prefer_globals(struct naming *naming, bool prefers)
{
	naming->prefers_globals = prefers;
}

const struct references *naming_references(const struct naming *naming)
{
	return &naming->anchors.references;
}

static bool see(struct naming *naming, uint32_t number, uint32_t *ret_slot)
{
	for (uint32_t i = number * UINT32_C(2654435761) >> 8;; i++) {
		const uint32_t slot = i & (SEEN_SLOTS - 1);
		if (naming->seen[slot] == number + 1)
			return false;
		if (naming->seen[slot] == 0) {
			naming->seen[slot] = number + 1;
			*ret_slot = slot;
			return true;
		}
	}
}

/* Everything seen is in the queue. The table is not cleared as a whole: most searches see little of it. */
static void forget_seen(struct naming *naming)
{
	for (uint32_t i = 0; i < naming->queued; i++)
		naming->seen[naming->queue[i].slot] = 0;
	naming->queued = 0;
}

static bool is_module(enum anchor anchor)
{
	return anchor == ANCHOR_MODULE || anchor == ANCHOR_MODULE_DICT;
}

/* What is not looked behind: holders, for nothing that holds them is a way to an object; and where globals are
 * preferred, modules, for their functions lead to their globals as well, which would say as little. */
static bool is_end(const struct naming *naming, uint32_t number)
{
	uint32_t holder;
	return retained_node(naming->anchors.references.heap, number, &holder) == 0 ||
	       (naming->prefers_globals && is_module(anchors_find(&naming->anchors, number)));
}

static uint32_t cost_of(const struct naming *naming, uint32_t number, enum anchor anchor)
{
	if (!naming->prefers_globals || anchor == ANCHOR_NONE)
		return anchor_costs[anchor];
	const bool is_passing = anchor == ANCHOR_FRAME || anchor == ANCHOR_STATE ||
	                        anchors_keeps_running(&naming->anchors, number, anchor);
	return anchor_costs[anchor] + (is_passing ? PASSING_COST : 0);
}

/* What a frame that leads to number costs more than others. */
static uint32_t frame_cost(struct naming *naming, uint32_t frame, uint32_t number)
{
	struct run run;
	uint64_t slot;
	uint32_t cost = 0;
	if (naming->prefers_globals && anchors_frame_is_installed(&naming->anchors, frame))
		cost += INSTALLED_COST;
	if (reference_find(&naming->anchors.references, frame, number, &run, &slot) && run.label == LABEL_STACK)
		cost += STACK_COST;
	return cost;
}

/* Queue index of the best named thing that leads to number; UINT32_MAX: none within limits. */
static uint32_t search(struct naming *naming, uint32_t number, enum anchor *ret_anchor)
{
	const struct edge_rows *incoming = &naming->anchors.references.heap->dominators.incoming;
	uint32_t best = UINT32_MAX, best_cost = UINT32_MAX;
	uint32_t slot = 0;
	forget_seen(naming);
	(void)see(naming, number, &slot);
	naming->queue[naming->queued++] = (struct found){ number, 0, 0, slot };
	for (uint32_t head = 0; head < naming->queued; head++) {
		const struct found here = naming->queue[head];
		if (here.depth >= LIMIT_STEPS || here.depth + 1 >= best_cost)
			break;
		if (is_end(naming, here.number))
			continue;
		for (uint32_t edge = incoming->first[here.number]; edge < incoming->first[here.number + 1]; edge++) {
			uint32_t from = incoming->targets[edge];
			if (naming->queued == LIMIT_SEARCHED)
				return best;
			if (!see(naming, from, &slot))
				continue;
			enum anchor anchor = anchors_find(&naming->anchors, from);
			uint32_t cost = here.depth + 1 + cost_of(naming, from, anchor);
			if (anchor == ANCHOR_FRAME && cost < best_cost)
				cost += frame_cost(naming, from, here.number);
			naming->queue[naming->queued] = (struct found){ from, head, here.depth + 1, slot };
			if (anchor != ANCHOR_NONE && cost < best_cost &&
			    anchors_lead_back(&naming->anchors, from, anchor)) {
				/* Kept in the queue, before what is still to be looked at: only its index matters. */
				best = naming->queued;
				best_cost = cost;
				*ret_anchor = anchor;
			}
			naming->queued++;
		}
	}
	return best;
}

/* From queue index `at`, a named thing, down to the object searched for. */
static bool say_chain(struct naming *naming, uint32_t at, enum anchor anchor, struct text *text)
{
	struct words words = { .references = &naming->anchors.references, .joins = true };
	bool is_said = anchors_say(&naming->anchors, naming->queue[at].number, anchor, &words.base, &words.joins);
	words.pending_dict = anchor == ANCHOR_MODULE_DICT;
	for (; is_said && at != 0; at = naming->queue[at].toward) {
		struct run run;
		uint64_t slot;
		uint32_t next = naming->queue[naming->queue[at].toward].number, holder;
		is_said = reference_find(&naming->anchors.references, naming->queue[at].number, next, &run, &slot);
		if (is_said)
			words_step(&words,
			           retained_node(naming->anchors.references.heap, naming->queue[at].number, &holder),
			           &run, slot);
	}
	if (is_said) {
		words_end(&words, text);
	}
	text->failed |= words.base.failed | words.suffix.failed;
	words_clear(&words);
	return is_said;
}

/* Whether what was typed means this object. */
static bool leads_to(const struct naming *naming, const char *name, uint64_t object)
{
	uint64_t found;
	return names_resolve(naming->anchors.references.decoder, name, &naming->anchors.references.names, &found,
	                     NULL) >= 0 &&
	       found == object;
}

/* A name means the main interpreter's thing, where that has one of the name: of another interpreter it says which. */
static bool qualify(const struct naming *naming, uint64_t object, const char *name, struct text *words)
{
	const size_t count = naming->anchors.references.decoder->context->runtime->interpreters.count;
	for (size_t i = 1; i < count && i <= MOST_INTERPRETERS; i++) {
		text_reset(words);
		text_format(words, "interp:%zu.%s", i, name);
		if (!words->failed && leads_to(naming, text_string(words), object))
			return true;
	}
	return false;
}

/* A name that looks like a path and cannot be typed is put in parentheses: it describes. */
static void mark_description(struct naming *naming, uint64_t object, size_t before, struct text *text)
{
	struct text words = { .bytes = NULL };
	const char *name = text_string(text) + before;
	if (text->failed || strchr(name, ' ') != NULL || leads_to(naming, name, object))
		return;
	if (!qualify(naming, object, name, &words)) {
		text_reset(&words);
		text_format(&words, "(%s)", name);
	}
	text->length = before;
	text_add(text, text_string(&words));
	text->failed |= words.failed;
	text_free(&words);
}

static bool has_several_interpreters(const struct naming *naming)
{
	return naming->anchors.references.decoder->context->runtime->interpreters.count > 1;
}

static const char *noun_of(const struct run *run)
{
	switch ((enum label_kind)run->label) {
	case LABEL_ITEM:
		return "item ";
	case LABEL_DICT_VALUE:
		return "value ";
	case LABEL_FIELD:
	case LABEL_SPLIT_VALUE:
	case LABEL_SLOT:
		return "attribute ";
	default:
		return "";
	}
}

/* The object whose __dict__ this is: its number; UINT32_MAX: none's. */
static uint32_t owner_of_dict(struct naming *naming, uint32_t dict)
{
	const struct edge_rows *incoming = &naming->anchors.references.heap->dominators.incoming;
	struct run run;
	uint64_t slot;
	uint32_t edge = incoming->first[dict];
	if (edge == incoming->first[dict + 1] ||
	    !reference_find(&naming->anchors.references, incoming->targets[edge], dict, &run, &slot))
		return UINT32_MAX;
	return run.flags & RUN_DICT ? incoming->targets[edge] : UINT32_MAX;
}

/* "attribute .user of app.models.Session": the nearest referrer, where no chain was found. */
static bool say_referrer(struct naming *naming, uint32_t number, struct text *text)
{
	const struct edge_rows *incoming = &naming->anchors.references.heap->dominators.incoming;
	struct run run;
	uint64_t slot;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		uint32_t from = incoming->targets[edge];
		const struct type_info *type = reference_type(&naming->anchors.references, from);
		if (from == number || type == NULL ||
		    !reference_find(&naming->anchors.references, from, number, &run, &slot))
			continue;
		uint32_t owner = run.label == LABEL_DICT_VALUE || run.label == LABEL_SPLIT_VALUE
		                         ? owner_of_dict(naming, from)
		                         : UINT32_MAX;
		if (owner != UINT32_MAX && reference_find(&naming->anchors.references, from, number, &run, &slot)) {
			struct text label = { .bytes = NULL };
			struct words words = { .references = &naming->anchors.references };
			bool is_attribute = words_attribute(&words, &run, slot, &label);
			words_clear(&words);
			if (is_attribute)
				text_format(text, "attribute %s of ", text_string(&label));
			text_free(&label);
			if (is_attribute) {
				names_type(text, reference_type(&naming->anchors.references, owner));
				return true;
			}
		}
		if (run.label == LABEL_DICT_KEY) {
			text_add(text, "key of ");
		} else {
			text_add(text, noun_of(&run));
			names_label(naming->anchors.references.decoder, &run, slot, &naming->anchors.references.names,
			            text);
			text_add(text, " of ");
		}
		names_type(text, type);
		return true;
	}
	if (incoming->first[number] < incoming->first[number + 1]) {
		uint32_t holder;
		const struct retained *heap = naming->anchors.references.heap;
		/* The process itself refers to garbage in the tree of that only. */
		if (retained_node(heap, incoming->targets[incoming->first[number]], &holder) == 0 &&
		    holders_kind(&heap->graph->roots.holders, holder) != HOLDER_PROCESS) {
			holder_say(&naming->anchors.references, holder, text);
			return true;
		}
	}
	return false;
}

bool naming_number(struct naming *naming, uint32_t number, struct text *text)
{
	uint32_t holder;
	enum anchor anchor = ANCHOR_NONE;
	if (number >= naming->anchors.references.heap->dominators.reached_count)
		return false;
	const size_t before = text->length;
	const uint64_t object = retained_node(naming->anchors.references.heap, number, &holder);
	if (object == 0) {
		holder_say(&naming->anchors.references, holder, text);
		return true;
	}
	bool joins;
	enum anchor own = anchors_find(&naming->anchors, number);
	if ((own == ANCHOR_MODULE || own == ANCHOR_CLASS || own == ANCHOR_FUNCTION || own == ANCHOR_FRAME) &&
	    anchors_lead_back(&naming->anchors, number, own) &&
	    anchors_say(&naming->anchors, number, own, text, &joins)) {
		if (own == ANCHOR_MODULE && has_several_interpreters(naming))
			mark_description(naming, object, before, text);
		return true;
	}
	if (own == ANCHOR_MODULE_DICT && anchors_say(&naming->anchors, number, own, text, &joins)) {
		text_add(text, ".__dict__");
		if (has_several_interpreters(naming))
			mark_description(naming, object, before, text);
		return true;
	}
	uint32_t at = search(naming, number, &anchor);
	if (at != UINT32_MAX && say_chain(naming, at, anchor, text)) {
		mark_description(naming, object, before, text);
		return true;
	}
	/* A description, as the words in front say. */
	if (own == ANCHOR_CLASS || own == ANCHOR_FUNCTION) {
		text_add(text, own == ANCHOR_CLASS ? "a class " : "a function ");
		if (anchors_say(&naming->anchors, number, own, text, &joins))
			return true;
		text->length = before;
	}
	return say_referrer(naming, number, text);
}

bool naming_object(struct naming *naming, uint64_t object, struct text *text)
{
	uint32_t number = retained_number(naming->anchors.references.heap, object);
	return number != UINT32_MAX && naming_number(naming, number, text);
}
