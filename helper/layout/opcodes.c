/* SPDX-License-Identifier: MIT */
#include "layout/opcodes.h"

enum { FIRST_MINOR = 8, FIRST_MINOR_OF_UNITS = 10, OPCODES = 256 };

#define OPCODE(number, caches, flags, role, words, effect, each, bit0, bit1, bit2, bit3, high, jump)                   \
	[number] = { true, caches, role, words, flags, effect, each, { bit0, bit1, bit2, bit3 }, high, jump },

static const struct opcode_facts tables[][OPCODES] = {
	{
#include "layout/tables/opcodes_3.8.inc"
	},
	{
#include "layout/tables/opcodes_3.9.inc"
	},
	{
#include "layout/tables/opcodes_3.10.inc"
	},
	{
#include "layout/tables/opcodes_3.11.inc"
	},
	{
#include "layout/tables/opcodes_3.12.inc"
	},
	{
#include "layout/tables/opcodes_3.13.inc"
	},
	{
#include "layout/tables/opcodes_3.14.inc"
	},
	{
#include "layout/tables/opcodes_3.15.inc"
	},
};

static uint32_t minor_of(const struct layout *layout)
{
	return layout->version.hex >> 16 & 0xff;
}

const struct opcode_facts *layout_opcodes(const struct layout *layout)
{
	const uint32_t minor = minor_of(layout);
	if (layout->version.hex >> 24 != 3 || minor < FIRST_MINOR ||
	    minor - FIRST_MINOR >= sizeof tables / sizeof *tables)
		return NULL;
	return tables[minor - FIRST_MINOR];
}

uint32_t layout_opcode_unit(const struct layout *layout)
{
	return minor_of(layout) < FIRST_MINOR_OF_UNITS ? 1 : 2;
}

int64_t opcode_effect(const struct opcode_facts *facts, uint32_t argument, bool jumps)
{
	int64_t effect = facts->effect + (int64_t)facts->each * argument + (int64_t)facts->high * (argument >> 8);
	for (int bit = 0; bit < 4; bit++)
		effect += argument >> bit & 1 ? facts->bits[bit] : 0;
	effect -= facts->flags & OPCODE_SLICES && argument == 3;
	return effect + (jumps ? facts->jump : 0);
}
