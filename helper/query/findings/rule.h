/* SPDX-License-Identifier: MIT
 * rule: what a rule is asked. Most look at every object of some types, in one pass over the heap that all rules share:
 * wants() is asked once for each type, look() for each object of one, end() when all were seen. Others do all in end().
 */
#ifndef PYDS_QUERY_FINDINGS_RULE_H
#define PYDS_QUERY_FINDINGS_RULE_H

#include "query/findings/findings.h"
#include "query/naming.h"
#include "query/holders/owners.h"

enum { SUM_SAMPLES = 32 };

/* Bytes over many objects, and some of them, evenly taken. */
struct finding_sum {
	uint64_t bytes, count;
	uint64_t stride; /* every stride-th is kept */
	uint32_t nodes[SUM_SAMPLES];
	uint32_t sample_count;
};

void sum_add(struct finding_sum *sum, uint32_t node, uint64_t bytes);

struct rule_run {
	const struct query *query;
	const struct retained *heap;
	struct decoder *decoder; /* the target's `naming` one */
	struct findings_answer *answer;
	struct naming *naming;
	uint8_t *attribute_dicts; /* a bit for each node: a namespace of an instance, class, module or function */
	uint8_t *code_dicts; /* those of classes and modules alone */
	void *states[FINDING_COUNT];
	ARRAY(uint8_t) leaf_kinds; /* leaf_value.c's own: by type_info.index, enum leaf_kind + 1; 0: not asked yet */
	owner_array owners; /* of rule_owners() */
	bool has_owners;
	struct instance_bytes {
		uint64_t address;
		uint64_t bytes; /* that the allocators took for it and the dict of its attributes */
		uint64_t dict; /* 0: no dict object was made */
		bool is_combined; /* it has a table of keys of its own; else it shares that of its class */
	} instance; /* what instance_bytes_of() said last */
	struct record_memo {
		uint64_t dict, hash, keys;
		bool is_record;
	} record; /* what record_keys_hash() said last */
	struct {
		enum allocator allocator; /* that serves small objects */
		uint64_t guards; /* bytes that a debug build puts around each block */
		bool is_estimate; /* small or large ones are some other allocator's */
	} requests; /* what request_find() found */
	enum finding_rule rule; /* whose turn it is */
};

/* The object that is looked at. */
struct looked {
	uint64_t address;
	uint32_t node, number; /* of the graph; of the dominator tree */
	const struct type_info *type;
	struct body body; /* what its type says that is there at least */
};

/* "<count> <noun>s<many>: 2.3 % of the heap<advice>" */
struct sum_words {
	const char *noun; /* "list" */
	const char *one, *many; /* " has room", " have room" */
	const char *advice; /* " saved. Do this." */
	const char *next; /* as struct finding has it */
	bool is_held; /* not saved by what is advised */
	uint32_t least_count; /* fewer objects are not worth a word */
	uint32_t least_percent; /* of the heap */
	uint32_t factor; /* of the threshold that this takes; 0: 1 */
};

struct rule {
	size_t state_bytes; /* zeroed before wants() */
	bool (*wants)(struct rule_run *run, const struct type_info *type); /* NULL: end() does all */
	int (*look)(struct rule_run *run, void *state, const struct looked *looked);
	int (*end)(struct rule_run *run,
	           void *state); /* NULL: words say it, of the finding_sum that the state begins with */
	const struct sum_words *words;
	bool says_where; /* not why: findings of nearly the same bytes that say why come before its */
	void (*clear)(void *state); /* may be NULL */
};

#define RULE(name, summary) extern const struct rule name##_rule;
#include "query/findings/findings.def"
#undef RULE

/* Whether the type itself, no subclass, is decoded by that line of decoders.def. */
bool rule_is_type(const struct type_info *type, const char *id);
/* The type of an object; NULL: none can be read. */
static inline const struct type_info *rule_type(const struct rule_run *run, uint64_t address)
{
	const uint8_t *word = reader_at(&run->decoder->reader,
	                                address + layout_offset(run->decoder->layout, FIELD_PyObject_ob_type), 8);
	return word != NULL ? decode_type(run->decoder, load_u64(word)) : NULL;
}
bool rule_is_namespace(const struct rule_run *run, uint32_t node);
/* Whether the object is part of the program itself: of a class, a module, a function or its code. */
bool rule_is_of_code(const struct rule_run *run, uint32_t number);
/* Whether what has this number of the dominator tree holds everything and says nothing: interpreters, modules, classes
 * and their namespaces. Frames say something. */
bool rule_is_structure(const struct rule_run *run, uint32_t number);
/* What it keeps alive that keeps most itself; 0: nothing. */
uint32_t rule_largest_child(const struct rule_run *run, uint32_t number);
/* Globals, class attributes and locals of frames that run; found for the first rule that asks. */
int rule_owners(struct rule_run *run, const owner_array **ret_owners);
/* What the allocators took for it; decodes it. */
uint64_t rule_allocated(struct rule_run *run, uint64_t address);

/* A finding of at least the threshold: added to the answer, its places taken from the sum's samples (which may be
 * NULL); *ret_text is where its sentences go, NULL: too small, or out of memory (then the run ends with that). */
int rule_found(struct rule_run *run, const struct finding_sum *sum, bool is_saving, const char *next,
               struct text **ret_text);
/* The same of what is held, whatever its bytes. */
int rule_found_any(struct rule_run *run, const struct finding_sum *sum, const char *next, struct text **ret_text);
/* A finding of that sum in these words, or none where it is small. */
int rule_say_sum(struct rule_run *run, const struct finding_sum *sum, const struct sum_words *words);
/* The same as rule_found() of one object. */
int rule_found_object(struct rule_run *run, uint64_t bytes, uint32_t number, const char *next, struct text **ret_text);
/* One that is not about bytes, and comes first. */
int rule_found_urgent(struct rule_run *run, const char *next, struct text **ret_text);
/* "1,204,551 dicts"; "2 classes", "3 registries" */
void rule_say_count(struct text *text, uint64_t count, const char *noun);
/* " (29.3 MiB, 10.1 %)" of the heap. */
/* What of the process's own memory no object has is at most this. */
uint64_t rule_bytes_beside(const struct rule_run *run);
void rule_say_share(const struct rule_run *run, struct text *text, uint64_t bytes);

#endif
