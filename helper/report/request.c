/* SPDX-License-Identifier: MIT */
#include "report/request.h"

#include <stdlib.h>
#include <string.h>

#include "render/units.h"

enum { DEFAULT_LIMIT = 20 };

/* Index of word among the words of list; -1: not there. */
static int find_word(const char *list, const char *word, size_t length)
{
	int index = 0;
	for (const char *at = list; *at != '\0'; index++) {
		size_t here = strcspn(at, " ");
		if (here == length && memcmp(at, word, length) == 0)
			return index;
		at += here + (at[here] == ' ');
	}
	return -1;
}

static int keep_word(char **ret_word, const char *word, struct error *error)
{
	free(*ret_word);
	*ret_word = strdup(word);
	return *ret_word != NULL ? OK : error_set(error, ERROR_NO_MEMORY, "out of memory");
}

static bool parse_number(const char *value, uint64_t *ret_number)
{
	const char *at = value;
	for (*ret_number = 0; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*ret_number, UINT64_C(10), ret_number) ||
		    __builtin_add_overflow(*ret_number, (uint64_t)(*at - '0'), ret_number))
			return false;
	return at != value && *at == '\0';
}

static int set_limit(struct request *request, const char *value, struct error *error)
{
	uint64_t limit;
	if (!parse_number(value, &limit))
		return error_set(error, ERROR_ARGUMENT, "--limit takes a number of rows, not '%s'", value);
	request->limit = limit == 0 ? UINT64_MAX : limit;
	return OK;
}

static int set_amount(struct request *request, enum option_id id, const char *value, struct error *error)
{
	if (!parse_number(value, &request->numbers[id]))
		return error_set(error, ERROR_ARGUMENT, "--%s takes a number, not '%s'", option_table[id].name, value);
	return OK;
}

static int set_paths(struct request *request, const char *value, struct error *error)
{
	uint32_t count = 0;
	const char *at = value;
	for (; *at >= '0' && *at <= '9' && count <= PATHS_MOST; at++)
		count = count * 10 + (uint32_t)(*at - '0');
	if (*at != '\0' || count == 0 || count > PATHS_MOST)
		return error_set(error, ERROR_ARGUMENT, "--paths takes a number from 1 to %d, not '%s'", PATHS_MOST,
		                 value);
	request->paths = count;
	return OK;
}

static int set_word(struct request *request, enum option_id id, const char *value, struct error *error)
{
	const struct request_value again = { id, strdup(value) };
	char **word = id == OPTION_TYPE      ? &request->type
	              : id == OPTION_MODULE  ? &request->module
	              : id == OPTION_THROUGH ? &request->through
	              : id == OPTION_MERGE   ? &request->merge
	                                     : &request->words[id];
	if (again.word == NULL || !array_push(&request->values, again)) {
		free(again.word);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	return keep_word(word, value, error);
}

/* "PATTERN" or "PATTERN:LINE". */
static int add_filter(struct request *request, bool is_inclusive, const char *value, struct error *error)
{
	struct request_filter filter = { .pattern = strdup(value), .is_inclusive = is_inclusive };
	if (filter.pattern == NULL || !array_push(&request->filters, filter)) {
		free(filter.pattern);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	char *colon = strrchr(filter.pattern, ':');
	if (colon != NULL && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		request->filters.items[request->filters.count - 1].line = (uint32_t)strtoul(colon + 1, NULL, 10);
		*colon = '\0';
	}
	return OK;
}

static int set_value(struct request *request, enum option_id id, const char *value, struct error *error)
{
	int found;
	switch (option_table[id].argument) {
	case ARGUMENT_NUMBER:
		return set_limit(request, value, error);
	case ARGUMENT_COUNT:
		return set_paths(request, value, error);
	case ARGUMENT_SIZE:
		if (!units_parse_bytes(value, &request->min_bytes))
			return error_set(error, ERROR_ARGUMENT,
			                 "--min takes a size such as 4096, 10M or 1.5GiB, not '%s'", value);
		return OK;
	case ARGUMENT_POLICY:
		found = policy_find(value);
		if (found < 0)
			return error_set(error, ERROR_ARGUMENT,
			                 "there is no policy '%s'; there are data, gc, all, containers, asizeof",
			                 value);
		request->policy = (enum policy)found;
		return OK;
	case ARGUMENT_MEASURE:
		found = find_word("shallow allocated native", value, strlen(value));
		if (found < 0)
			return error_set(error, ERROR_ARGUMENT,
			                 "--measure takes shallow, allocated or native, not '%s'", value);
		if (id == OPTION_OWN_MEASURE && found == SIZE_NATIVE)
			return error_set(
			        error, ERROR_ARGUMENT,
			        "%s cannot measure native: that is memory of C code, which hangs on objects that "
			        "a root leads to; top, heap, modules, frames, objects, object, deepsize and diff "
			        "can",
			        request->command->name);
		request->measure = (enum size_measure)found;
		return OK;
	case ARGUMENT_SORT:
		found = find_word(request->command->sort_keys, value, strlen(value));
		if (found < 0)
			return error_set(error, ERROR_ARGUMENT, "%s cannot sort by '%s'; keys: %s",
			                 request->command->name, value, request->command->sort_keys);
		request->sort = (uint32_t)found;
		return OK;
	case ARGUMENT_GROUPING:
		found = find_word("type module size generation line", value, strlen(value));
		if (found < 0)
			return error_set(error, ERROR_ARGUMENT,
			                 "--by takes type, module, size, generation or line, not '%s'", value);
		request->by = (enum grouping)found;
		return OK;
	case ARGUMENT_FILTER:
		return add_filter(request, id == OPTION_INCLUDE, value, error);
	case ARGUMENT_AMOUNT:
		return set_amount(request, id, value, error);
	case ARGUMENT_BYTES:
		if (!units_parse_bytes(value, &request->numbers[id]))
			return error_set(error, ERROR_ARGUMENT,
			                 "--%s takes a size such as 4096, 10M or 1.5GiB, not '%s'",
			                 option_table[id].name, value);
		return OK;
	default:
		return set_word(request, id, value, error);
	}
}

/* The option that a name or a letter means for this command; OPTION_COUNT: none. */
static enum option_id find_option(const struct command *command, const char *name, size_t length, char letter)
{
	for (uint32_t i = 0; i < OPTION_COUNT; i++) {
		bool same = letter != 0 ? option_table[i].letter == letter
		                        : strlen(option_table[i].name) == length &&
		                                  memcmp(option_table[i].name, name, length) == 0;
		if (same && (command->options & option_bit((enum option_id)i)) != 0)
			return (enum option_id)i;
	}
	return OPTION_COUNT;
}

static int no_option(const struct command *command, const char *argument, struct error *error)
{
	/* each name is followed by a blank */
	int length = (int)strlen(command->option_names);
	return error_set(error, ERROR_ARGUMENT, "%s has no option '%s'; it has %.*s", command->name, argument,
	                 length > 0 ? length - 1 : 0, command->option_names);
}

/* The arguments and how far they were read. */
struct cursor {
	const char *const *arguments;
	uint32_t count, next;
};

static int take_value(struct request *request, enum option_id id, const char *attached, struct cursor *cursor,
                      struct error *error)
{
	if (option_table[id].argument == ARGUMENT_NONE) {
		if (attached != NULL)
			return error_set(error, ERROR_ARGUMENT, "--%s takes no value", option_table[id].name);
	} else {
		if (attached == NULL && cursor->next < cursor->count)
			attached = cursor->arguments[cursor->next++];
		if (attached == NULL)
			return error_set(error, ERROR_ARGUMENT, "--%s needs a value", option_table[id].name);
		TRY(set_value(request, id, attached, error));
	}
	request->given |= option_bit(id);
	return OK;
}

static int parse_long(struct request *request, const char *argument, struct cursor *cursor, struct error *error)
{
	const char *name = argument + 2;
	size_t length = strcspn(name, "=");
	enum option_id id = find_option(request->command, name, length, 0);
	if (id == OPTION_COUNT)
		return no_option(request->command, argument, error);
	return take_value(request, id, name[length] == '=' ? name + length + 1 : NULL, cursor, error);
}

/* "-t", "-n5", "-tn 5". */
static int parse_letters(struct request *request, const char *argument, struct cursor *cursor, struct error *error)
{
	for (const char *at = argument + 1; *at != '\0'; at++) {
		enum option_id id = find_option(request->command, NULL, 0, *at);
		if (id == OPTION_COUNT)
			return no_option(request->command, argument, error);
		bool takes = option_table[id].argument != ARGUMENT_NONE;
		TRY(take_value(request, id, takes && at[1] != '\0' ? at + 1 : NULL, cursor, error));
		if (takes)
			break;
	}
	return OK;
}

static int add_positional(struct request *request, const char *argument, struct error *error)
{
	const bool is_word = request->command->flags & COMMAND_TAKES_WORDS;
	if (!is_word && (request->command->flags & COMMAND_TAKES_TARGETS) == 0)
		return error_set(error, ERROR_ARGUMENT, "%s takes no target, but was given '%s'",
		                 request->command->name, argument);
	char *copy = strdup(argument);
	if (copy == NULL || !(is_word ? array_push(&request->operands, copy) : array_push(&request->targets, copy))) {
		free(copy);
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	}
	return OK;
}

static int check_measure(const struct request *request, struct error *error)
{
	const bool is_said = request_has(request, OPTION_MEASURE) || request_has(request, OPTION_OWN_MEASURE);
	if (request_has(request, OPTION_ALLOCATED) && is_said && request->measure != SIZE_ALLOCATED)
		return error_set(error, ERROR_ARGUMENT,
		                 "--allocated is short for --measure allocated: not with --measure %s",
		                 size_measure_name(request->measure));
	if (request_measure(request) != SIZE_SHALLOW && request->policy == POLICY_ASIZEOF)
		return error_set(error, ERROR_ARGUMENT, "--%s goes with every policy but asizeof",
		                 request_has(request, OPTION_ALLOCATED) ? "allocated" : "measure");
	return OK;
}

static int parse_arguments(struct request *request, struct cursor *cursor, struct error *error)
{
	bool options_ended = false;
	while (cursor->next < cursor->count) {
		const char *argument = cursor->arguments[cursor->next++];
		if (options_ended || argument[0] != '-')
			TRY(add_positional(request, argument, error));
		else if (strcmp(argument, "--") == 0)
			options_ended = true;
		else if (argument[1] == '-')
			TRY(parse_long(request, argument, cursor, error));
		else if (argument[1] != '\0')
			TRY(parse_letters(request, argument, cursor, error));
		else
			return error_set(error, ERROR_ARGUMENT,
			                 "'-' (targets from standard input) works in the program pydeepsize only");
	}
	if (request_has(request, OPTION_HELP))
		return OK;
	if (request->merge != NULL && request->targets.count + (request->through != NULL) > 0)
		return error_set(error, ERROR_ARGUMENT,
		                 "--merge is about all objects of a type: it goes with no target");
	if (request_has(request, OPTION_FROM_C) && request->targets.count > 0)
		return error_set(error, ERROR_ARGUMENT,
		                 "--from-c is about all objects that C code holds: it goes with no target");
	if ((request->command->flags & COMMAND_TAKES_TARGETS) != 0 && request->targets.count == 0 &&
	    request->merge == NULL && !request_has(request, OPTION_FROM_C))
		return error_set(error, ERROR_ARGUMENT, "%s needs a target: %s", request->command->name,
		                 request->command->usage);
	if (request_has(request, OPTION_TREE) && request->policy == POLICY_ASIZEOF)
		return error_set(error, ERROR_ARGUMENT, "--tree goes with every policy but asizeof");
	TRY(check_measure(request, error));
	if (!request_has(request, OPTION_LIMIT))
		request->limit = request_has(request, OPTION_JSON) ? UINT64_MAX : DEFAULT_LIMIT;
	return OK;
}

int request_parse(struct request *request, uint32_t argument_count, const char *const *arguments, struct error *error)
{
	*request = (struct request){ .policy = POLICY_DATA, .paths = 1 };
	if (argument_count == 0)
		return error_set(error, ERROR_ARGUMENT, "no command was given");
	request->command = command_find(arguments[0]);
	if (request->command == NULL)
		return error_set(error, ERROR_ARGUMENT, "there is no command '%s'", arguments[0]);
	struct cursor cursor = { .arguments = arguments, .count = argument_count, .next = 1 };
	int status = parse_arguments(request, &cursor, error);
	if (status < 0)
		request_clear(request);
	return status;
}

void request_clear(struct request *request)
{
	for (size_t i = 0; i < request->targets.count; i++)
		free(request->targets.items[i]);
	array_free(&request->targets);
	for (size_t i = 0; i < request->filters.count; i++)
		free(request->filters.items[i].pattern);
	array_free(&request->filters);
	for (size_t i = 0; i < request->operands.count; i++)
		free(request->operands.items[i]);
	array_free(&request->operands);
	for (size_t i = 0; i < request->values.count; i++)
		free(request->values.items[i].word);
	array_free(&request->values);
	free(request->type);
	free(request->module);
	free(request->through);
	free(request->merge);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		free(request->words[i]);
	*request = (struct request){ .command = NULL };
}

bool request_matches_type(const struct request *request, const char *type_name)
{
	const struct type_filter filter = request_types(request);
	return type_filter_passes(&filter, type_name);
}

const char *request_word_at(const struct request *request, enum option_id option, uint32_t index)
{
	for (size_t i = 0; i < request->values.count; i++)
		if (request->values.items[i].option == option && index-- == 0)
			return request->values.items[i].word;
	return NULL;
}
