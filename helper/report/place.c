/* SPDX-License-Identifier: MIT */
#include "report/place.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"

void place_text(struct report *report, const struct python_frame *frame, struct text *text)
{
	if (frame->code != 0)
		names_place(report->naming, frame, text);
	else
		text_add(text, "?");
}

void place_json_begin(struct report *report, const struct python_frame *frame)
{
	struct json *json = &report->json;
	struct text function = { .bytes = NULL }, file = { .bytes = NULL };
	int64_t line = 0;
	if (frame->code != 0)
		names_frame(report->naming, frame, &function, &file, &line);
	json_object(json, NULL);
	json_text(json, "function", &function);
	json_text(json, "file", &file);
	if (line > 0)
		json_signed(json, "line", line);
	else
		json_null(json, "line");
	report->text->failed |= function.failed | file.failed;
	text_free(&function);
	text_free(&file);
}

void place_method(struct report *report, uint64_t self, uint64_t code, struct text *text)
{
	struct decoder *decoder = report->naming;
	struct text name = { .bytes = NULL };
	uint64_t type, word;
	if (self != 0 && value_field(&decoder->objects, self, FIELD_PyObject_ob_type, &type)) {
		const struct type_info *info = decode_type(decoder, type);
		const char *dot = info != NULL ? strrchr(info->name, '.') : NULL;
		if (info != NULL) {
			const char *last = dot != NULL ? dot + 1 : info->name;
			names_escape(text, last, strlen(last), false);
			text_add(text, ".");
		}
	}
	if (code != 0 && value_field(&decoder->objects, code, FIELD_PyCodeObject_co_name, &word) &&
	    value_str(&decoder->objects, word, LIMIT_TYPE_NAME_BYTES, &name) > 0)
		names_escape(text, text_string(&name), name.length, false);
	text_free(&name);
}
