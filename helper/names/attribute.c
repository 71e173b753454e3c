/* SPDX-License-Identifier: MIT
 * attribute: object.name, the way Python finds it, from memory: members and fields that the type declares, the
 * instance's own attributes, fields of namedtuples, then what the class has. */
#include "base/limits.h"
#include "object/value.h"
#include "names/steps.h"

/* Which objects have an attribute that is a field. */
enum attribute_owner { OWNER_TYPE, OWNER_EXCEPTION, OWNER_FRAME, OWNER_DICT };

struct known_attribute {
	enum attribute_owner owner;
	int32_t symbol; /* OWNER_TYPE: enum known_symbol */
	const char *tp_name; /* OWNER_TYPE */
	const char *attribute;
	enum layout_field field;
};

static const struct known_attribute known_attributes[] = {
#define ATTRIBUTE(symbol, tp_name, attribute, field) { OWNER_TYPE, SYMBOL_##symbol, tp_name, attribute, FIELD_##field },
#define C_ATTRIBUTE(tp_name, attribute, field) { OWNER_TYPE, -1, tp_name, attribute, FIELD_##field },
#define EXCEPTION(attribute, field) { OWNER_EXCEPTION, -1, NULL, attribute, FIELD_##field },
#define INSTANCE_DICT(field) { OWNER_DICT, -1, NULL, "__dict__", FIELD_##field },
#define FRAME(attribute, field) { OWNER_FRAME, -1, NULL, attribute, FIELD_##field },
#include "names/attributes.def"
#undef ATTRIBUTE
#undef C_ATTRIBUTE
#undef EXCEPTION
#undef INSTANCE_DICT
#undef FRAME
};

const char *attribute_of_field(enum layout_field field)
{
	for (size_t i = 0; i < sizeof known_attributes / sizeof known_attributes[0]; i++) {
		if (known_attributes[i].field == field)
			return known_attributes[i].attribute;
	}
	return NULL;
}

void append_type_name(struct decoder *decoder, uint64_t object, struct text *text)
{
	uint64_t type = value_type(&decoder->objects, object, NULL);
	const struct type_info *info = type == 0 ? NULL : decode_type(decoder, type);

	if (info == NULL || info->name == NULL)
		text_add(text, "?");
	else
		names_escape(text, info->name, strlen(info->name), false);
}

bool type_has_decoder(struct decoder *decoder, uint64_t type, const char *id, const char *tp_name)
{
	const struct type_info *info = decode_type(decoder, type);

	if (info != NULL && info->entry != NULL && strcmp(info->entry->id, id) == 0)
		return true;
	return value_type_derives(&decoder->objects, type, -1, tp_name);
}

static int not_found(const struct path_place *place, const char *name, const char *why, struct error *error)
{
	struct text escaped = { 0 };

	names_escape(&escaped, name, strlen(name), true);
	int status = error_set(error, ERROR_NOT_FOUND, "%s has no attribute '%s'%s", place->path, text_string(&escaped),
	                       why);
	text_free(&escaped);
	return status;
}

/* The _PyInterpreterFrame of a frame object, or inside a generator, coroutine or async generator; 0: none. */
static uint64_t frame_of(const struct path_place *place, uint64_t type)
{
	static const struct {
		int32_t symbol;
		const char *tp_name;
	} generators[] = { { SYMBOL_PyGen_Type, "generator" },
		           { SYMBOL_PyCoro_Type, "coroutine" },
		           { SYMBOL_PyAsyncGen_Type, "async_generator" } };
	const struct layout *layout = place->decoder->layout;
	uint64_t frame;

	for (size_t i = 0; i < sizeof generators / sizeof generators[0]; i++) {
		if (layout_has(layout, FIELD_PyGenObject_gi_iframe) &&
		    value_type_derives(&place->decoder->objects, type, generators[i].symbol, generators[i].tp_name))
			return place->object + layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	}
	return value_type_derives(&place->decoder->objects, type, SYMBOL_PyFrame_Type, "frame") &&
	                       value_field(&place->decoder->objects, place->object, FIELD_PyFrameObject_f_frame, &frame)
	               ? frame
	               : 0;
}

static bool frame_attribute(const struct path_place *place, uint64_t type, enum layout_field field,
                            uint64_t *ret_object)
{
	uint64_t frame = frame_of(place, type);

	if (frame == 0 || !value_field(&place->decoder->objects, frame, field, ret_object))
		return false;
	/* f_executable is a _PyStackRef there; the other fields have no tags to lose. */
	if (layout_feature(place->decoder->layout, FEATURE_TAGGED_STACK_REFS))
		*ret_object &= ~UINT64_C(3);
	return true;
}

/* A field that C code of the type hands out. *ret_object 0: the field is NULL. */
static bool known_attribute(const struct path_place *place, uint64_t type, uint64_t flags, const char *name,
                            uint64_t *ret_object)
{
	for (size_t i = 0; i < sizeof known_attributes / sizeof known_attributes[0]; i++) {
		const struct known_attribute *known = &known_attributes[i];
		if (strcmp(name, known->attribute) != 0)
			continue;
		if (known->owner == OWNER_FRAME && frame_attribute(place, type, known->field, ret_object))
			return true;
		if (((known->owner == OWNER_EXCEPTION && flags & TPFLAGS_BASE_EXC_SUBCLASS) ||
		     (known->owner == OWNER_TYPE &&
		      value_type_derives(&place->decoder->objects, type, known->symbol, known->tp_name))) &&
		    value_field(&place->decoder->objects, place->object, known->field, ret_object))
			return true;
	}
	return false;
}

static int object_dict(const struct path_place *place, uint64_t flags, uint64_t *ret_object, struct error *error)
{
	struct attribute_storage storage;

	if (flags & TPFLAGS_TYPE_SUBCLASS) {
		*ret_object = value_type_dict(&place->decoder->objects, place->object);
		return *ret_object != 0 ? 0 : not_found(place, "__dict__", "", error);
	}
	if (!value_instance_attributes(&place->decoder->objects, place->object, &storage))
		return not_found(place, "__dict__", ", or none was made yet", error);
	if (storage.dict == 0)
		return not_found(
		        place, "__dict__",
		        ": its attributes are kept as plain values in the object, no dict object was ever made; "
		        "name an attribute itself",
		        error);
	*ret_object = storage.dict;
	return 0;
}

/* Fields of a namedtuple are items: its class lists their names in _fields. */
static bool namedtuple_field(const struct path_place *place, uint64_t type, const char *name, uint64_t *ret_object)
{
	struct decoder *decoder = place->decoder;
	uint64_t fields, count, items, field, own_count, own_items;

	fields = value_class_attribute(&decoder->objects, type, "_fields");
	if (fields == 0 || !value_items(&decoder->objects, fields, &count, &items) ||
	    !value_items(&decoder->objects, place->object, &own_count, &own_items))
		return false;
	for (uint64_t i = 0; i < count && i < own_count; i++) {
		if (reader_u64(&decoder->reader, items + i * 8, &field) &&
		    value_str_equals(&decoder->objects, field, name))
			return reader_u64(&decoder->reader, own_items + i * 8, ret_object) && *ret_object != 0;
	}
	return false;
}

/* What a member descriptor hands out of the object. Members are found by name before; this is for a dump that lacks the
 * names in PyMemberDef, which are compiled in. */
static bool member_value(const struct path_place *place, uint64_t descriptor, uint64_t *ret_object)
{
	struct decoder *decoder = place->decoder;
	uint64_t member, kind, offset;

	return value_field(&decoder->objects, descriptor, FIELD_PyMemberDescrObject_d_member, &member) &&
	       value_field(&decoder->objects, member, FIELD_PyMemberDef_type, &kind) &&
	       (kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX) &&
	       value_field(&decoder->objects, member, FIELD_PyMemberDef_offset, &offset) &&
	       reader_u64(&decoder->reader, place->object + offset, ret_object) && *ret_object != 0;
}

/* What the class has under the name. Descriptors would compute something: say what, do not hand out the descriptor. */
static int class_attribute(const struct path_place *place, const char *name, uint64_t value, uint64_t *ret_object,
                           struct error *error)
{
	enum { MEMBER = 3 };
	static const struct {
		const char *type, *why;
	} descriptors[] = {
		{ "property", " in memory: it is a property, and no code is run; see .__class__" },
		{ "functools.cached_property", " yet: it is a cached property that was not computed" },
		{ "getset_descriptor", " in memory: its type computes it" },
		[MEMBER] = { "member_descriptor", " now: the slot is not set" },
	};
	struct text type = { 0 };
	const char *why = NULL;

	append_type_name(place->decoder, value, &type);
	for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
		if (strcmp(text_string(&type), descriptors[i].type) == 0)
			why = descriptors[i].why;
	}
	text_free(&type);
	if (why == descriptors[MEMBER].why && member_value(place, value, ret_object))
		return 0;
	if (why != NULL)
		return not_found(place, name, why, error);
	*ret_object = value;
	return 0;
}

static void offer_dict_keys(struct suggestion *suggestion, struct decoder *decoder, struct dict_cursor *cursor)
{
	uint64_t key, value;

	while (dict_cursor_next(cursor, &key, &value)) {
		if (!suggestion_offer_str(suggestion, decoder, key))
			return;
	}
}

/* Names of slots and C members, along tp_base. */
static void offer_members(struct suggestion *suggestion, struct decoder *decoder, uint64_t type)
{
	char name[LIMIT_TYPE_NAME_BYTES];
	uint64_t member, name_address;
	uint32_t row_bytes = decoder->layout->struct_bytes[STRUCT_PyMemberDef];

	struct base_walk walk;
	base_walk_start(&walk, &decoder->objects, row_bytes == 0 ? 0 : type);
	while ((type = base_walk_next(&walk)) != 0) {
		if (!value_field(&decoder->objects, type, FIELD_PyTypeObject_tp_members, &member))
			return;
		for (unsigned k = 0; member != 0 && k < LIMIT_TYPE_SLOTS; k++, member += row_bytes) {
			if (!value_field(&decoder->objects, member, FIELD_PyMemberDef_name, &name_address) ||
			    name_address == 0)
				break;
			if (reader_string(&decoder->reader, name_address, name, sizeof name) &&
			    !suggestion_offer(suggestion, name))
				return;
		}
	}
}

/* Namespaces of the classes of a type, its own first. */
static void offer_class_names(struct suggestion *suggestion, struct decoder *decoder, uint64_t type)
{
	struct dict_cursor cursor;
	struct base_walk walk;

	base_walk_start(&walk, &decoder->objects, type);
	while ((type = base_walk_next(&walk)) != 0) {
		if (dict_cursor_open(&cursor, &decoder->objects, value_type_dict(&decoder->objects, type)))
			offer_dict_keys(suggestion, decoder, &cursor);
	}
}

static int no_such_attribute(const struct path_place *place, uint64_t type, uint64_t flags, const char *name,
                             struct error *error)
{
	struct decoder *decoder = place->decoder;
	struct suggestion suggestion;
	struct dict_cursor cursor;
	struct attribute_storage storage;

	int status = not_found(place, name, "", error);
	suggestion_init(&suggestion, place->options, name);
	if (flags & TPFLAGS_TYPE_SUBCLASS) {
		offer_class_names(&suggestion, decoder, place->object);
	} else {
		if (value_attribute_cursor(&cursor, &decoder->objects, place->object))
			offer_dict_keys(&suggestion, decoder, &cursor);
		else if (value_instance_attributes(&decoder->objects, place->object, &storage))
			error_note(error, "its attributes at %#llx cannot be read (not in the dump, or damaged)",
			           (unsigned long long)(storage.dict != 0 ? storage.dict : storage.values));
		offer_members(&suggestion, decoder, type);
		offer_class_names(&suggestion, decoder, type);
	}
	suggestion_note(&suggestion, error);
	suggestion_clear(&suggestion);
	return status;
}

/* Attributes of a class: its metatype's fields, its MRO, then what the metatype has. */
static uint64_t type_attribute(const struct path_place *place, uint64_t metatype, const char *name)
{
	struct decoder *decoder = place->decoder;
	uint64_t flags, value;

	bool is_qualname = strcmp(name, "__qualname__") == 0;
	if ((is_qualname || strcmp(name, "__name__") == 0) &&
	    value_field(&decoder->objects, place->object, FIELD_PyTypeObject_tp_flags, &flags) &&
	    (flags & TPFLAGS_HEAPTYPE) &&
	    value_field(&decoder->objects, place->object,
	                is_qualname ? FIELD_PyHeapTypeObject_ht_qualname : FIELD_PyHeapTypeObject_ht_name, &value))
		return value;
	value = value_class_attribute(&decoder->objects, place->object, name);
	uint64_t value_class = value == 0 ? 0 : value_type(&decoder->objects, value, NULL);
	if (value_class != 0 && !value_type_derives(&decoder->objects, value_class, SYMBOL_PyProperty_Type, "property"))
		return value;
	/* Members of an Enum are looked up by its metatype (enum.EnumMeta); in 3.11 a property stands for them. */
	uint64_t members = value_class_attribute(&decoder->objects, place->object, "_member_map_");
	uint64_t member = members == 0 ? 0 : dict_get_str(&decoder->objects, members, name);
	if (member != 0)
		return member;
	return value != 0 ? value : value_class_attribute(&decoder->objects, metatype, name);
}

int path_attribute(const struct path_place *place, const char *name, uint64_t *ret_object, struct error *error)
{
	struct decoder *decoder = place->decoder;
	uint64_t flags, value = 0;
	uint64_t type = value_type(&decoder->objects, place->object, &flags);

	if (type == 0)
		return error_set(error, ERROR_FAULT, "%s, at %#llx, is not a readable object", place->path,
		                 (unsigned long long)place->object);
	if (strcmp(name, "__class__") == 0) {
		*ret_object = type;
		return 0;
	}
	if (strcmp(name, "__dict__") == 0)
		return object_dict(place, flags, ret_object, error);
	if (known_attribute(place, type, flags, name, &value)) {
		*ret_object = value != 0 ? value : decoder->context->runtime->symbols[SYMBOL__Py_NoneStruct];
		return *ret_object != 0 ? 0 : not_found(place, name, ": it is empty", error);
	}
	value = flags & TPFLAGS_TYPE_SUBCLASS ? type_attribute(place, type, name)
	                                      : value_attribute(&decoder->objects, place->object, name);
	if (value == 0 && (flags & TPFLAGS_TUPLE_SUBCLASS))
		namedtuple_field(place, type, name, &value);
	if (value != 0) {
		*ret_object = value;
		return 0;
	}
	if (!(flags & TPFLAGS_TYPE_SUBCLASS))
		value = value_class_attribute(&decoder->objects, type, name);
	return value != 0 ? class_attribute(place, name, value, ret_object, error)
	                  : no_such_attribute(place, type, flags, name, error);
}
