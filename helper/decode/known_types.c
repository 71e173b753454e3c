/* SPDX-License-Identifier: MIT */
#include "decode/known_types.h"

#include "decode/foreign.h"
#include "decode/registry.h"

static enum type_witness witness(const struct runtime *runtime, uint64_t type, const char *tp_name)
{
	const struct decoder_entry *known = registry_by_symbol(runtime, type);
	if (known == NULL)
		return WITNESS_NONE;
	return registry_by_name(tp_name) == known ? WITNESS_AGREES : WITNESS_DENIES;
}

static bool knows_name(const char *tp_name)
{
	return registry_by_name(tp_name) != NULL || foreign_knows_name(tp_name);
}

const struct known_types decode_known_types = { witness, knows_name };
