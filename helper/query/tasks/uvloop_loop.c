/* SPDX-License-Identifier: MIT */
#include "query/tasks/uvloop_loop.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"

/* From _ready on to _polls, one letter a word: Q a deque, S a set, D a dict, . anything (None or an object that has
 * been set, a number). timers: index of _timers. */
static const struct {
	const char *words;
	unsigned timers;
} orders[] = {
	{ "QS.S.SDDSD...SD", 13 }, /* 0.15 */
	{ "QSS.S.SDDSD...SD", 14 }, /* 0.16 to 0.20 */
	{ "QSS.S.SDDDSD...SD", 15 }, /* 0.21: _unix_server_sockets */
	{ "QSSS.SDDDSD...SD", 14 }, /* 0.22: no _ready_len */
};

static bool is_of_type(struct decoder *decoder, uint64_t object, const char *name)
{
	const uint64_t type = object != 0 && object % 8 == 0 ? value_type(&decoder->objects, object, NULL) : 0;
	const struct type_info *info = type != 0 ? decode_type(decoder, type) : NULL;
	return info != NULL && strcmp(info->name, name) == 0;
}

static bool fits(struct decoder *decoder, const uint8_t *body, const char *words)
{
	for (size_t i = 0; words[i] != '\0'; i++) {
		const uint64_t word = load_u64(body + 8 * i);
		if (words[i] != '.' && !is_of_type(decoder, word,
		                                   words[i] == 'Q'   ? "collections.deque"
		                                   : words[i] == 'S' ? "set"
		                                                     : "dict"))
			return false;
	}
	return true;
}

bool uvloop_read(struct decoder *decoder, uint64_t loop, struct uvloop_parts *ret_parts)
{
	enum { LOOKED_AT = 64 }; /* words from the head of the object on; _ready is the 11th to 14th */
	const uint8_t *body = reader_at(&decoder->reader, loop, 8 * LOOKED_AT);
	bool found = false;
	for (size_t i = 0; body != NULL && i < sizeof orders / sizeof orders[0]; i++)
		for (size_t at = 2; at + strlen(orders[i].words) <= LOOKED_AT; at++) {
			if (!fits(decoder, body + 8 * at, orders[i].words))
				continue;
			if (found)
				return false; /* in two places: it is not what tells them apart */
			found = true;
			ret_parts->ready = load_u64(body + 8 * at);
			ret_parts->timers = load_u64(body + 8 * (at + orders[i].timers));
		}
	return found;
}
