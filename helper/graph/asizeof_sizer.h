/* SPDX-License-Identifier: MIT
 * asizeof_sizer: the state of sizing as pympler.asizeof (1.1) does, and what it does by type. */
#ifndef PYDS_GRAPH_ASIZEOF_SIZER_H
#define PYDS_GRAPH_ASIZEOF_SIZER_H

#include "decode/decoder.h"
#include "graph/visited.h"
#include "graph/walk.h"

/* What pympler does with an object of a type. */
enum rule {
	RULE_UNDECIDED,
	RULE_IGNORED, /* neither sized nor entered */
	RULE_FLAT, /* sized only */
	RULE_ITEMS, /* exact list, tuple, set, frozenset: its items */
	RULE_DICT, /* dict and subclasses: keys and values, nothing else of it */
	RULE_MODULE, /* as a dict where it is a root, else sized only */
	RULE_INSTANCE, /* __dict__ and __slots__; a subclass of a container is not opened as one */
	RULE_NAMEDTUPLE, /* __slots__ and items */
	RULE_EXCEPTION, /* args, filename, lineno, msg, text */
	RULE_CELL,
	RULE_WEAKREF, /* the referent */
	RULE_REFERENTS, /* what gc.get_referents gives */
	RULE_PROPERTY, /* its functions and its docstring, None where there is none */
	RULE_PROXY, /* mappingproxy: keys and values of what it shows */
	RULE_DOCUMENTED, /* the docstring of its type */
	RULE_TRACEBACK, /* tb_next, and the numbers that reading its attributes makes */
	RULE_STAT, /* os.stat_result: items that have a name */
	RULE_STATVFS, /* all items */
	RULE_WEAK_KEYS,
	RULE_WEAK_VALUES, /* weakref.WeakKeyDictionary, WeakValueDictionary: keys and values that live */
	RULE_GENERATOR, /* the dict of its locals that reading gi_frame.f_locals makes */
};

/* A thing to be sized: an object, or the dict that reading `address`.__dict__ would make. */
struct item {
	uint64_t address;
	uint32_t depth;
	bool is_new_dict;
};

struct sizer {
	struct decoder *decoder;
	struct visited *visited;
	struct walk_result *result;
	ARRAY(struct item) stack;
	ARRAY(struct type_total) totals; /* by type_info.index */
	uint8_t *rules; /* by type_info.index */
	size_t rule_capacity;
	const struct type_info *dict_type, *int_type; /* NULL: not found */
	uint64_t small_ints[5]; /* bits, from the smallest on: of those that reading attributes gave */
};

/* An object to be sized later; 0 is nothing. False: memory is out. */
bool sizer_push(struct sizer *sizer, uint64_t address, uint32_t depth);
/* Counts one of `size` bytes, rounded as pympler rounds. */
bool sizer_count(struct sizer *sizer, const struct type_info *type, uint64_t size);

#endif
