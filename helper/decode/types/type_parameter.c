/* SPDX-License-Identifier: MIT
 * TypeVar, ParamSpec, TypeVarTuple and TypeAliasType: their names are not visited before gh-140000, which was taken
 * back to 3.13 and 3.14 (Objects/typevarobject.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

static void emit_name(struct decoder *decoder, uint64_t address, struct body body, enum layout_field name)
{
	emit_field(decoder, address, body, name,
	           layout_feature(decoder->layout, FEATURE_TYPING_NAMES_VISITED) ? 0 : RUN_HIDDEN);
}

void decode_type_variable(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_name(decoder, address, body, FIELD_typevarobject_name);
}

void decode_parameter_specification(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                    struct body body)
{
	(void)type;
	emit_name(decoder, address, body, FIELD_paramspecobject_name);
}

void decode_type_variable_tuple(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                struct body body)
{
	(void)type;
	emit_name(decoder, address, body, FIELD_typevartupleobject_name);
}

void decode_type_alias(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	emit_name(decoder, address, body, FIELD_typealiasobject_name);
}
