/* SPDX-License-Identifier: MIT
 * steps: one step of a path on an object of the target: an attribute, a subscript; and what to say when there is none.
 */
#ifndef PYDS_NAMES_STEPS_H
#define PYDS_NAMES_STEPS_H

#include "decode/decoder.h"
#include "names/expression.h"
#include "names/names.h"

/* Where a path has got to: the object, and what the person typed up to there, escaped. */
struct path_place {
	struct decoder *decoder;
	const struct name_options *options;
	uint64_t object;
	const char *path;
};

/* As Python would look it up, without running code: what a class computes (property) is an error that says so. */
int path_attribute(const struct path_place *place, const char *name, uint64_t *ret_object, struct error *error);
/* The Python attribute that hands out a field of a C struct ("__code__" for func_code); NULL if none is known. */
const char *attribute_of_field(enum layout_field field);
/* keys.items[key] of the expression; typed: that key as the person typed it, with its brackets, escaped. */
int path_subscript(const struct path_place *place, const struct expression *expression, size_t key, const char *typed,
                   uint64_t *ret_object, struct error *error);

/* ---- "did you mean" and "has: ..." ---- */

enum { SUGGESTION_BYTES = 96, SUGGESTION_LISTED = 8 };

struct suggestion {
	const char *wanted;
	char best[SUGGESTION_BYTES]; /* escaped; "" while nothing is near */
	unsigned best_distance;
	struct text list; /* the first few names, escaped, ", " between */
	uint32_t offered; /* that could be listed */
	uint32_t looked_at;
};

void suggestion_init(struct suggestion *suggestion, const struct name_options *options, const char *wanted);
void suggestion_clear(struct suggestion *suggestion);
/* A name that would have worked. False once enough were looked at. */
bool suggestion_offer(struct suggestion *suggestion, const char *name);
/* A str of the target as such a name. */
bool suggestion_offer_str(struct suggestion *suggestion, struct decoder *decoder, uint64_t string);
/* Appends "; did you mean 'x'?" or " (has: a, b, ...)" or nothing to the message of error. */
void suggestion_note(const struct suggestion *suggestion, struct error *error);

/* ---- Types ---- */

/* "module.qualname" of an object's type, escaped, appended; "?" if it has none. */
void append_type_name(struct decoder *decoder, uint64_t object, struct text *text);
/* True if the type's decoder, or that of a base, is the registry's `id`; or if it or a base has that tp_name. */
bool type_has_decoder(struct decoder *decoder, uint64_t type, const char *id, const char *tp_name);

#endif
