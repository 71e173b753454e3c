/* SPDX-License-Identifier: MIT */
#include "object/static_type_order.h"

#include <string.h>

#include "object/static_type.h"

enum {
	ORDERS = 9,
	FEWEST_WITNESSES = 8, /* types whose name is known otherwise and that are where the order says */
};

struct static_type_line {
	const char *name;
	bool in_order[ORDERS];
};

static const struct static_type_line lines[] = {
#define STATIC_TYPE(name, ...) { name, { __VA_ARGS__ } },
#include "object/static_types.def"
#undef STATIC_TYPE
};

/* True if every type that the registry knows by its address is named so by this order. */
static bool order_fits(struct object_reader *objects, unsigned order)
{
	const struct known_types *known = objects->facts->known_types;
	unsigned witnesses = 0;
	uint64_t number = 1;

	if (known == NULL)
		return false;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		uint64_t type;
		if (!lines[i].in_order[order])
			continue;
		if (!static_type_by_number(objects, number++, &type))
			return false;
		const enum type_witness witness = known->witness(objects->runtime, type, lines[i].name);
		if (witness == WITNESS_DENIES)
			return false;
		witnesses += witness == WITNESS_AGREES;
	}
	return witnesses >= FEWEST_WITNESSES;
}

static void choose_order(struct object_reader *objects)
{
	struct object_facts *facts = objects->facts;

	facts->static_type_order = -1;
	for (unsigned order = 0; order < ORDERS && facts->static_type_order < 0; order++)
		if (order_fits(objects, order))
			facts->static_type_order = (int)order;
	facts->static_type_order_known = true;
}

const char *static_type_order_name(struct object_reader *objects, uint64_t type_address)
{
	uint64_t number = static_type_number(objects, type_address);

	if (number == 0)
		return NULL;
	if (!objects->facts->static_type_order_known)
		choose_order(objects);
	int order = objects->facts->static_type_order;
	for (size_t i = 0; order >= 0 && i < sizeof lines / sizeof lines[0]; i++)
		if (lines[i].in_order[order] && --number == 0)
			return lines[i].name;
	return NULL;
}
