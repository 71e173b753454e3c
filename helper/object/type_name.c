/* SPDX-License-Identifier: MIT */
#include "object/type_name.h"

#include <string.h>

#include "base/limits.h"
#include "object/static_type_name.h"
#include "object/type_flags.h"
#include "object/value.h"

static const char builtins[] = "builtins.";

static void append_address(struct text *name, uint64_t type)
{
	text_format(name, "<type %#llx>", (unsigned long long)type);
}

/* The module of a heap type: __module__, unless its metatype shows something else by that name (Cython's does), then
 * what the module that made it is called. */
static bool append_module(struct object_reader *objects, uint64_t type, struct text *name)
{
	uint64_t dict, module, text = 0;
	if (value_field(objects, type, FIELD_PyTypeObject_tp_dict, &dict) && dict != 0)
		text = dict_get_str(objects, dict, "__module__");
	if (text != 0 && value_str(objects, text, LIMIT_TYPE_NAME_BYTES, name) > 0)
		return true;
	return value_field(objects, type, FIELD_PyHeapTypeObject_ht_module, &module) && module != 0 &&
	       value_field(objects, module, FIELD_PyModuleObject_md_name, &text) && text != 0 &&
	       value_str(objects, text, LIMIT_TYPE_NAME_BYTES, name) > 0;
}

static bool read_heap_type(struct object_reader *objects, uint64_t type, struct text *name)
{
	uint64_t qualname;
	bool has_module = append_module(objects, type, name);
	if (strcmp(text_string(name), "builtins") == 0)
		text_reset(name);
	else if (has_module)
		text_add(name, ".");
	if (!value_field(objects, type, FIELD_PyHeapTypeObject_ht_qualname, &qualname) ||
	    value_str(objects, qualname, LIMIT_TYPE_NAME_BYTES, name) < 0)
		append_address(name, type);
	return !has_module;
}

bool type_name_read(struct object_reader *objects, uint64_t type, const char *base_name, struct text *name)
{
	char buffer[LIMIT_TYPE_NAME_BYTES];
	uint64_t flags = 0, tp_name = 0;
	(void)value_field(objects, type, FIELD_PyTypeObject_tp_flags, &flags);
	if (flags & TPFLAGS_HEAPTYPE && layout_has(objects->layout, FIELD_PyHeapTypeObject_ht_qualname))
		return read_heap_type(objects, type, name);
	(void)value_field(objects, type, FIELD_PyTypeObject_tp_name, &tp_name);
	if (tp_name != 0 && reader_string(objects->reader, tp_name, buffer, sizeof buffer) && buffer[0] != '\0')
		text_add(name, strncmp(buffer, builtins, strlen(builtins)) == 0 ? buffer + strlen(builtins) : buffer);
	else if (!static_type_name(objects, type, base_name, name))
		append_address(name, type);
	return false;
}
