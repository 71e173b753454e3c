/* SPDX-License-Identifier: MIT
 * What a person types. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "names/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct error error = { 0 };
	struct expression expression;
	char *source = malloc(size + 1);
	if (source == NULL)
		return 0;
	memcpy(source, bytes, size);
	source[size] = '\0';
	if (expression_parse(&expression, source, &error) == OK)
		for (size_t i = 0; i < expression.steps.count; i++)
			if (!expression.steps.items[i].is_subscript)
				(void)strlen(expression_name(&expression, &expression.steps.items[i]));
	expression_clear(&expression);
	free(source);
	return 0;
}
