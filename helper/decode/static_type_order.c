/* SPDX-License-Identifier: MIT */
#include "decode/static_type_order.h"

#include <string.h>

#include "decode/registry.h"
#include "decode/static_type.h"

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
#include "decode/static_types.def"
#undef STATIC_TYPE
};

/* True if every type that the registry knows by its address is named so by this order. */
static bool order_fits(struct decoder *decoder, unsigned order)
{
	unsigned witnesses = 0;
	uint64_t number = 1;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		uint64_t type;
		if (!lines[i].in_order[order])
			continue;
		if (!static_type_by_number(decoder, number++, &type))
			return false;
		const struct decoder_entry *known = registry_by_symbol(decoder->context->runtime, type);
		if (known == NULL)
			continue;
		if (registry_by_name(lines[i].name) != known)
			return false;
		witnesses++;
	}
	return witnesses >= FEWEST_WITNESSES;
}

static void choose_order(struct decoder *decoder)
{
	struct decode_context *context = decoder->context;

	context->static_type_order = -1;
	for (unsigned order = 0; order < ORDERS && context->static_type_order < 0; order++)
		if (order_fits(decoder, order))
			context->static_type_order = (int)order;
	context->static_type_order_known = true;
}

const char *static_type_order_name(struct decoder *decoder, uint64_t type_address)
{
	uint64_t number = static_type_number(decoder, type_address);

	if (number == 0)
		return NULL;
	if (!decoder->context->static_type_order_known)
		choose_order(decoder);
	int order = decoder->context->static_type_order;
	for (size_t i = 0; order >= 0 && i < sizeof lines / sizeof lines[0]; i++)
		if (lines[i].in_order[order] && --number == 0)
			return lines[i].name;
	return NULL;
}
