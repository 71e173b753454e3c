/* SPDX-License-Identifier: MIT
 * naming: a search breadth first against the references, from the object to the nearest thing that has a name of its
 * own, and the words for the way back. */
#include "report/naming.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/address_map.h"
#include "base/limits.h"
#include "object/value.h"
#include "names/expression.h"

enum {
	LIMIT_STEPS = 10, /* references from a named thing to the object: longer names say less than the owner's type */
	LIMIT_SEARCHED = 1 << 14, /* objects looked at for one name */
	SEEN_SLOTS = 4 * LIMIT_SEARCHED, /* a power of two */
};

enum anchor {
	ANCHOR_NONE,
	ANCHOR_MODULE,
	ANCHOR_MODULE_DICT,
	ANCHOR_CLASS,
	ANCHOR_FUNCTION,
	ANCHOR_FRAME,
	ANCHOR_STATE
};

/* How many references longer a chain from such a thing may be than one from a module, to be preferred to it. */
static const uint32_t anchor_costs[] = {
	[ANCHOR_MODULE] = 0,   [ANCHOR_MODULE_DICT] = 0, [ANCHOR_CLASS] = 0,
	[ANCHOR_FUNCTION] = 1, [ANCHOR_FRAME] = 1,       [ANCHOR_STATE] = 3,
};

/* One object of the search: number refers to the one at `toward`. */
struct found {
	uint32_t number;
	uint32_t toward; /* index in the queue */
	uint32_t depth;
};

struct naming {
	struct report *report;
	const struct retained *heap;
	struct decoder *decoder;
	struct address_map module_dicts; /* to the index of a name in module_names */
	ARRAY(char *) module_names;
	struct address_map frame_objects; /* to the index of a holder */
	struct found queue[LIMIT_SEARCHED];
	uint32_t queued;
	uint32_t seen[SEEN_SLOTS]; /* number + 1 */
	struct text label; /* of the step being put into words */
};

/* ---- Opening ---- */

static bool add_module(struct naming *naming, uint64_t key, uint64_t module)
{
	struct text name = { .bytes = NULL };
	struct attribute_storage storage;
	bool done = true;
	if (value_str(&naming->decoder->objects, key, LIMIT_TYPE_NAME_BYTES, &name) > 0 &&
	    value_instance_attributes(&naming->decoder->objects, module, &storage) && storage.dict != 0 &&
	    address_map_get(&naming->module_dicts, storage.dict) == ADDRESS_MAP_NONE) {
		char *copy = strdup(text_string(&name));
		done = copy != NULL && array_push(&naming->module_names, copy);
		if (!done)
			free(copy);
		else
			done = address_map_set(&naming->module_dicts, storage.dict,
			                       (uint32_t)naming->module_names.count - 1);
	}
	text_free(&name);
	return done;
}

static bool is_module(struct decoder *decoder, uint64_t object)
{
	uint64_t type = value_type(&decoder->objects, object, NULL);
	return type != 0 && value_type_derives(&decoder->objects, type, SYMBOL_PyModule_Type, "module");
}

static bool add_modules(struct naming *naming)
{
	const struct runtime *runtime = naming->decoder->context->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct dict_cursor cursor;
		uint64_t key, module;
		if (!dict_cursor_open(&cursor, &naming->decoder->objects, runtime->interpreters.items[i].modules))
			continue;
		while (dict_cursor_next(&cursor, &key, &module))
			if (is_module(naming->decoder, module) && !add_module(naming, key, module))
				return false;
	}
	return true;
}

static bool add_frame_objects(struct naming *naming)
{
	const struct roots *roots = &naming->heap->graph->roots;
	for (uint32_t i = 0; i < roots->holders.count; i++) {
		const struct holder *holder = &roots->holders.items[i];
		if (holder->kind != HOLDER_FRAME)
			continue;
		/* up to 3.10 the frame is an object itself */
		uint64_t object = layout_feature(naming->decoder->layout, FEATURE_INTERPRETER_FRAMES)
		                          ? holder->frame.frame_object
		                          : holder->frame.address;
		if (object != 0 && !address_map_set(&naming->frame_objects, object, i))
			return false;
	}
	return true;
}

int naming_open(struct naming **ret_naming, struct report *report, const struct retained *heap)
{
	*ret_naming = NULL;
	struct naming *naming = calloc(1, sizeof *naming);
	if (naming != NULL) {
		naming->report = report;
		naming->heap = heap;
		naming->decoder = report->naming;
	}
	if (naming == NULL || !add_modules(naming) || !add_frame_objects(naming)) {
		naming_close(naming);
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for names");
	}
	*ret_naming = naming;
	return OK;
}

void naming_close(struct naming *naming)
{
	if (naming == NULL)
		return;
	for (size_t i = 0; i < naming->module_names.count; i++)
		free(naming->module_names.items[i]);
	array_free(&naming->module_names);
	address_map_clear(&naming->module_dicts);
	address_map_clear(&naming->frame_objects);
	text_free(&naming->label);
	free(naming);
}

/* ---- What a number is ---- */

static const struct type_info *type_at(struct naming *naming, uint64_t object)
{
	struct decoder *decoder = naming->decoder;
	uint64_t type;
	if (!value_field(&decoder->objects, object, FIELD_PyObject_ob_type, &type))
		return NULL;
	return decode_type(decoder, type);
}

const struct type_info *naming_type(struct naming *naming, uint32_t number)
{
	uint32_t holder;
	uint64_t object = retained_node(naming->heap, number, &holder);
	return object != 0 ? type_at(naming, object) : NULL;
}

static enum anchor anchor_of(struct naming *naming, uint32_t number)
{
	uint32_t index;
	uint64_t object = retained_node(naming->heap, number, &index);
	if (object == 0) {
		enum holder_kind kind = naming->heap->graph->roots.holders.items[index].kind;
		return kind == HOLDER_FRAME                                                           ? ANCHOR_FRAME
		       : kind == HOLDER_THREAD || kind == HOLDER_INTERPRETER || kind == HOLDER_STATIC ? ANCHOR_STATE
		                                                                                      : ANCHOR_NONE;
	}
	if (address_map_get(&naming->module_dicts, object) != ADDRESS_MAP_NONE)
		return ANCHOR_MODULE_DICT;
	if (address_map_get(&naming->frame_objects, object) != ADDRESS_MAP_NONE)
		return ANCHOR_FRAME;
	const struct type_info *type = type_at(naming, object);
	if (type == NULL)
		return ANCHOR_NONE;
	if (type->flags & TYPE_IS_METATYPE)
		return ANCHOR_CLASS;
	if (strcmp(type->base_info->name, "module") == 0)
		return ANCHOR_MODULE;
	return strcmp(type->name, "function") == 0 ? ANCHOR_FUNCTION : ANCHOR_NONE;
}

/* Runs of a number: an object's are in decoder->out. */
static const struct run *next_run(struct naming *naming, uint32_t holder, bool is_object, size_t *at)
{
	const struct roots *roots = &naming->heap->graph->roots;
	if (is_object)
		return *at < naming->decoder->out.runs.count ? &naming->decoder->out.runs.items[(*at)++] : NULL;
	while (*at < roots->runs.count)
		if (roots->runs.items[(*at)++].holder == holder)
			return &roots->runs.items[*at - 1].run;
	return NULL;
}

/* The first reference of `from` to `to`: a copy of its run, which is good until the next one is looked for. */
static bool find_edge(struct naming *naming, uint32_t from, uint32_t to, struct run *ret_run, uint64_t *ret_slot)
{
	uint32_t holder = 0, other;
	uint64_t source = retained_node(naming->heap, from, &holder);
	uint64_t target = retained_node(naming->heap, to, &other);
	size_t at = 0;
	if (target == 0 || (source != 0 && !decode_object(naming->decoder, source)))
		return false;
	for (const struct run *run; (run = next_run(naming, holder, source != 0, &at)) != NULL;)
		for (uint64_t slot = 0; slot < run->count; slot++)
			if (run_target(run, slot) == target) {
				*ret_run = *run;
				*ret_slot = slot;
				return true;
			}
	return false;
}

bool naming_edge(struct naming *naming, uint32_t from, uint32_t to, struct text *text)
{
	struct run run;
	uint64_t slot;
	uint32_t holder;
	if (find_edge(naming, from, to, &run, &slot)) {
		names_label(naming->decoder, &run, slot, &naming->report->names, text);
		return true;
	}
	return retained_node(naming->heap, from, &holder) == 0;
}

/* ---- The search ---- */

static bool see(struct naming *naming, uint32_t number)
{
	for (uint32_t i = number * UINT32_C(2654435761) >> 8;; i++) {
		uint32_t *slot = &naming->seen[i & (SEEN_SLOTS - 1)];
		if (*slot == number + 1)
			return false;
		if (*slot == 0) {
			*slot = number + 1;
			return true;
		}
	}
}

/* Queue index of the best named thing that leads to number; UINT32_MAX: none within limits. */
static uint32_t search(struct naming *naming, uint32_t number, enum anchor *ret_anchor)
{
	const struct edge_rows *incoming = &naming->heap->dominators.incoming;
	uint32_t best = UINT32_MAX, best_cost = UINT32_MAX;
	memset(naming->seen, 0, sizeof naming->seen);
	naming->queue[0] = (struct found){ number, 0, 0 };
	naming->queued = 1;
	(void)see(naming, number);
	for (uint32_t head = 0; head < naming->queued; head++) {
		const struct found here = naming->queue[head];
		if (here.depth >= LIMIT_STEPS || here.depth + 1 >= best_cost)
			break;
		for (uint32_t edge = incoming->first[here.number]; edge < incoming->first[here.number + 1]; edge++) {
			uint32_t from = incoming->targets[edge];
			if (naming->queued == LIMIT_SEARCHED)
				return best;
			if (!see(naming, from))
				continue;
			enum anchor anchor = anchor_of(naming, from);
			uint32_t cost = here.depth + 1 + anchor_costs[anchor];
			naming->queue[naming->queued] = (struct found){ from, head, here.depth + 1 };
			if (anchor != ANCHOR_NONE && cost < best_cost) {
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

/* ---- Words ---- */

/* A name in the making: suffixes follow a base directly ("app.cache" ".SESSIONS") or as "suffix of base". */
struct words {
	struct text base, suffix;
	bool joins;
	bool pending_dict; /* the last step was .__dict__: an attribute's name may follow */
};

static void words_join(struct words *words, struct text *text)
{
	if (words->joins || words->suffix.length == 0) {
		text_append(text, text_string(&words->base), words->base.length);
		text_append(text, text_string(&words->suffix), words->suffix.length);
		return;
	}
	text_append(text, text_string(&words->suffix), words->suffix.length);
	text_add(text, " of ");
	text_append(text, text_string(&words->base), words->base.length);
}

/* "NOUN of WORDS" becomes the base; joint is the " of ". */
static void words_wrap(struct words *words, const char *noun, const char *joint)
{
	struct text base = { .bytes = NULL };
	text_add(&base, noun);
	text_add(&base, joint);
	words_join(words, &base);
	text_free(&words->base);
	words->base = base;
	text_reset(&words->suffix);
	words->joins = false;
}

/* "['x']" of an attribute dict as ".x"; false if that is no identifier. */
static bool attribute_label(struct naming *naming, const struct run *run, uint64_t slot, struct text *text)
{
	struct name_options options = naming->report->names;
	options.show_values = true; /* an attribute's name is the program's own */
	text_reset(&naming->label);
	names_label(naming->decoder, run, slot, &options, &naming->label);
	const char *label = text_string(&naming->label);
	size_t length = naming->label.length;
	if (length < 5 || strncmp(label, "['", 2) != 0 || !is_identifier(label + 2, length - 4))
		return false;
	text_add(text, ".");
	text_append(text, label + 2, length - 4);
	return true;
}

static void local_noun(struct naming *naming, const struct run *run, uint64_t slot)
{
	struct text name = { .bytes = NULL };
	names_local(naming->decoder, run->argument, run->first_index + slot, &name);
	text_reset(&naming->label);
	text_add(&naming->label, "local '");
	names_escape(&naming->label, text_string(&name), name.length, true);
	text_add(&naming->label, "'");
	text_free(&name);
}

/* "local 'x'" of a frame that runs, or of a frame object and of what keeps that; up to 3.10 a frame that runs is a
 * frame object too, and is named once. */
static void add_local(struct naming *naming, struct words *words, uint64_t owner)
{
	struct text frame = { .bytes = NULL }, keeper = { .bytes = NULL };
	words_join(words, &keeper);
	bool is_kept = owner != 0 && names_frame_object(naming->decoder, owner, &frame) &&
	               strcmp(text_string(&frame), text_string(&keeper)) != 0;
	text_add(&naming->label, " of ");
	if (is_kept)
		text_add(&naming->label, text_string(&frame));
	words_wrap(words, text_string(&naming->label), is_kept ? ", kept by " : "");
	text_free(&frame);
	text_free(&keeper);
}

/* owner: the object that has the reference, 0 for a holder. */
static void add_step(struct naming *naming, struct words *words, uint64_t owner, const struct run *run, uint64_t slot)
{
	const bool is_value = run->label == LABEL_DICT_VALUE || run->label == LABEL_SPLIT_VALUE;
	if (words->pending_dict) {
		words->pending_dict = false;
		if (is_value && attribute_label(naming, run, slot, &words->suffix))
			return;
		text_add(&words->suffix, ".__dict__");
	}
	text_reset(&naming->label);
	switch ((enum label_kind)run->label) {
	case LABEL_DICT_KEY:
		words_wrap(words, "key", " of ");
		return;
	case LABEL_SET_ITEM:
		words_wrap(words, "item", " of ");
		return;
	case LABEL_LOCAL:
		local_noun(naming, run, slot);
		add_local(naming, words, owner);
		return;
	default:
		names_label(naming->decoder, run, slot, &naming->report->names, &naming->label);
		break;
	}
	if (run->label == LABEL_STACK)
		words_wrap(words, text_string(&naming->label), " of ");
	else if (strcmp(text_string(&naming->label), ".__dict__") == 0)
		words->pending_dict = true;
	else
		text_append(&words->suffix, text_string(&naming->label), naming->label.length);
}

/* The name that an object has by itself, or a holder: what the words begin with. */
static bool own_name(struct naming *naming, uint32_t number, enum anchor anchor, struct text *text, bool *ret_joins)
{
	uint32_t holder;
	uint64_t object = retained_node(naming->heap, number, &holder);
	struct text words = { .bytes = NULL };
	const struct type_info *type;
	*ret_joins = anchor != ANCHOR_FRAME && anchor != ANCHOR_STATE;
	switch (anchor) {
	case ANCHOR_MODULE_DICT: {
		const char *name = naming->module_names.items[address_map_get(&naming->module_dicts, object)];
		names_escape(text, name, strlen(name), false);
		return true;
	}
	case ANCHOR_CLASS:
		type = decode_type(naming->decoder, object);
		if (type == NULL)
			return false;
		report_type_name(text, type);
		return true;
	case ANCHOR_MODULE:
	case ANCHOR_FUNCTION: {
		/* "module app.cache", "function app.views.index" */
		const size_t noun = anchor == ANCHOR_MODULE ? strlen("module ") : strlen("function ");
		names_describe(naming->decoder, object, &naming->report->names, &words);
		if (words.length > noun)
			text_add(text, text_string(&words) + noun);
		text_free(&words);
		return true;
	}
	case ANCHOR_FRAME:
	case ANCHOR_STATE:
		naming_holder(naming, object == 0 ? holder : address_map_get(&naming->frame_objects, object), text);
		return true;
	case ANCHOR_NONE:
		break;
	}
	return false;
}

/* From queue index `at`, a named thing, down to the object searched for. */
static bool say_chain(struct naming *naming, uint32_t at, enum anchor anchor, struct text *text)
{
	struct words words = { .joins = true };
	bool is_said = own_name(naming, naming->queue[at].number, anchor, &words.base, &words.joins);
	words.pending_dict = anchor == ANCHOR_MODULE_DICT;
	for (; is_said && at != 0; at = naming->queue[at].toward) {
		struct run run;
		uint64_t slot;
		uint32_t next = naming->queue[naming->queue[at].toward].number, holder;
		is_said = find_edge(naming, naming->queue[at].number, next, &run, &slot);
		if (is_said)
			add_step(naming, &words, retained_node(naming->heap, naming->queue[at].number, &holder), &run,
			         slot);
	}
	if (is_said) {
		if (words.pending_dict)
			text_add(&words.suffix, ".__dict__");
		words_join(&words, text);
	}
	text->failed |= words.base.failed | words.suffix.failed;
	text_free(&words.base);
	text_free(&words.suffix);
	return is_said;
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
	const struct edge_rows *incoming = &naming->heap->dominators.incoming;
	struct run run;
	uint64_t slot;
	uint32_t edge = incoming->first[dict];
	if (edge == incoming->first[dict + 1] || !find_edge(naming, incoming->targets[edge], dict, &run, &slot))
		return UINT32_MAX;
	return run.flags & RUN_DICT ? incoming->targets[edge] : UINT32_MAX;
}

/* "attribute .user of app.models.Session": the nearest referrer, where no chain was found. */
static bool say_referrer(struct naming *naming, uint32_t number, struct text *text)
{
	const struct edge_rows *incoming = &naming->heap->dominators.incoming;
	struct run run;
	uint64_t slot;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		uint32_t from = incoming->targets[edge];
		const struct type_info *type = naming_type(naming, from);
		if (from == number || type == NULL || !find_edge(naming, from, number, &run, &slot))
			continue;
		uint32_t owner = run.label == LABEL_DICT_VALUE || run.label == LABEL_SPLIT_VALUE
		                         ? owner_of_dict(naming, from)
		                         : UINT32_MAX;
		if (owner != UINT32_MAX && find_edge(naming, from, number, &run, &slot)) {
			struct text label = { .bytes = NULL };
			bool is_attribute = attribute_label(naming, &run, slot, &label);
			if (is_attribute)
				text_format(text, "attribute %s of ", text_string(&label));
			text_free(&label);
			if (is_attribute) {
				report_type_name(text, naming_type(naming, owner));
				return true;
			}
		}
		if (run.label == LABEL_DICT_KEY) {
			text_add(text, "key of ");
		} else {
			text_add(text, noun_of(&run));
			names_label(naming->decoder, &run, slot, &naming->report->names, text);
			text_add(text, " of ");
		}
		report_type_name(text, type);
		return true;
	}
	if (incoming->first[number] < incoming->first[number + 1]) {
		uint32_t holder;
		if (retained_node(naming->heap, incoming->targets[incoming->first[number]], &holder) == 0) {
			naming_holder(naming, holder, text);
			return true;
		}
	}
	return false;
}

bool naming_number(struct naming *naming, uint32_t number, struct text *text)
{
	uint32_t holder;
	enum anchor anchor = ANCHOR_NONE;
	if (number >= naming->heap->dominators.reached_count)
		return false;
	if (retained_node(naming->heap, number, &holder) == 0) {
		naming_holder(naming, holder, text);
		return true;
	}
	bool joins;
	enum anchor own = anchor_of(naming, number);
	if ((own == ANCHOR_MODULE || own == ANCHOR_CLASS || own == ANCHOR_FUNCTION || own == ANCHOR_FRAME) &&
	    own_name(naming, number, own, text, &joins))
		return true;
	if (own == ANCHOR_MODULE_DICT && own_name(naming, number, own, text, &joins)) {
		text_add(text, ".__dict__");
		return true;
	}
	uint32_t at = search(naming, number, &anchor);
	if (at != UINT32_MAX && say_chain(naming, at, anchor, text))
		return true;
	return say_referrer(naming, number, text);
}

bool naming_object(struct naming *naming, uint64_t object, struct text *text)
{
	uint32_t number = retained_number(naming->heap, object);
	return number != UINT32_MAX && naming_number(naming, number, text);
}

/* "render() report.py:88" */
void naming_holder(struct naming *naming, uint32_t index, struct text *text)
{
	const struct runtime *runtime = naming->decoder->context->runtime;
	const struct holder *holder = &naming->heap->graph->roots.holders.items[index];
	switch (holder->kind) {
	case HOLDER_PROCESS:
		text_add(text, "process");
		break;
	case HOLDER_INTERPRETER:
		for (size_t i = 0; i < runtime->interpreters.count; i++)
			if (runtime->interpreters.items[i].address == holder->address)
				text_format(text, "interpreter %" PRId64, runtime->interpreters.items[i].id);
		break;
	case HOLDER_THREAD:
		text_format(text, "thread %" PRIu64, runtime->threads.items[holder->thread].native_id);
		break;
	case HOLDER_FRAME:
		names_place(naming->decoder, &holder->frame, text);
		break;
	case HOLDER_STATIC: {
		const char *path = naming->decoder->reader.space->files.items[holder->file].path;
		const char *slash = strrchr(path, '/');
		const char *base = slash != NULL ? slash + 1 : path;
		text_add(text, "static memory of ");
		names_escape(text, base, strlen(base), false);
		break;
	}
	case HOLDER_RUNTIME:
		text_add(text, "static memory");
		break;
	case HOLDER_C:
		text_add(text, "held from C");
		break;
	}
}
