/* SPDX-License-Identifier: MIT
 * request: the arguments of one command, parsed. Re-entrant, prints nothing, looks at no target. */
#ifndef PYDS_REPORT_REQUEST_H
#define PYDS_REPORT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/error.h"
#include "decode/allocated.h"
#include "graph/walk.h"
#include "query/histogram.h"
#include "query/type_filter.h"
#include "report/commands.h"

enum { PATHS_MOST = 100 };

/* --include, --exclude. */
struct request_filter {
	char *pattern; /* of file names */
	uint32_t line; /* 0: any */
	bool is_inclusive;
};

/* An option of ARGUMENT_WORD, each time that it was given. */
struct request_value {
	enum option_id option;
	char *word;
};

struct request {
	const struct command *command;
	uint64_t given; /* option_bit() of each option that was there */
	uint64_t limit; /* rows; UINT64_MAX: all */
	uint64_t min_bytes;
	enum policy policy;
	enum size_measure measure; /* of --measure */
	enum grouping by;
	uint32_t sort; /* index of the key among command->sort_keys */
	char *type, *module; /* patterns; NULL: any */
	char *through; /* as typed; NULL */
	char *merge; /* a pattern of types; NULL */
	uint32_t paths; /* -k; 1 where not given */
	ARRAY(struct request_filter) filters; /* in the order given */
	ARRAY(char *) targets; /* as typed */
	ARRAY(char *) operands; /* of COMMAND_TAKES_WORDS: as typed */
	char *words[OPTION_COUNT]; /* what followed other options, as typed, last; NULL: not given */
	ARRAY(struct request_value) values; /* the same of each time, in the order given */
	uint64_t numbers[OPTION_COUNT]; /* of ARGUMENT_AMOUNT and ARGUMENT_BYTES; 0: not given */
};

static inline bool request_has(const struct request *request, enum option_id option)
{
	return (request->given & option_bit(option)) != 0;
}

/* What followed an option of ARGUMENT_WORD that has no field of its own; NULL: it was not given. */
static inline const char *request_word(const struct request *request, enum option_id option)
{
	return request->words[option];
}

/* What followed it the index-th time, from 0; NULL: it was not given so often. */
const char *request_word_at(const struct request *request, enum option_id option, uint32_t index);

static inline uint64_t request_number(const struct request *request, enum option_id option)
{
	return request->numbers[option];
}

/* What the sums of the answer are of. */
static inline enum size_measure request_measure(const struct request *request)
{
	return request_has(request, OPTION_ALLOCATED) ? SIZE_ALLOCATED : request->measure;
}

/* arguments[0] names the command. ERROR_ARGUMENT with a sentence for the user; *request is then empty. */
int request_parse(struct request *request, uint32_t argument_count, const char *const *arguments, struct error *error);
void request_clear(struct request *request);

/* What --type and --module ask for. */
static inline struct type_filter request_types(const struct request *request)
{
	return (struct type_filter){ .type = request->type, .module = request->module };
}

/* Whether they let a row of this type ("module.qualname", "dict") pass. */
bool request_matches_type(const struct request *request, const char *type_name);

#endif
