/* SPDX-License-Identifier: MIT
 * ctypes: instances, and the types of them, which carry a description: up to 3.12 in their namespace, a dict of a type
 * of its own, since 3.13 behind the type object (Modules/_ctypes/stgdict.c PyCStgDict_sizeof; _ctypes.c
 * _ctypes_CType_Type___sizeof___impl). */
#include "decode/decode_functions.h"
#include "decode/type_table.h"
#include "decode/chain.h"

/* The object's own memory, when it is not inside it. */
void decode_ctypes_data(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint64_t memory = body_u64(decoder, FIELD_CDataObject_b_ptr, body);
	uint64_t bytes = body_u64(decoder, FIELD_CDataObject_b_size, body);
	uint64_t inside = address + layout_offset(layout, FIELD_CDataObject_b_value);
	if (body_field(layout, FIELD_CDataObject_b_needsfree, body) != 0 && memory != 0 && memory != inside &&
	    bytes < INT64_MAX)
		emit_block(decoder, memory, bytes, "memory", 0);
}

/* What a description owns besides its own struct; both forms have the same fields. */
static void add_description(struct decoder *decoder, uint64_t format, uint64_t dimensions, uint64_t shape,
                            uint64_t elements, uint64_t length)
{
	if (format != 0) {
		uint64_t limit = chain_limit(decoder, 1), count = 0;
		const uint8_t *byte;
		while (count < limit && (byte = reader_at(&decoder->reader, format + count, 1)) != NULL && *byte != 0)
			count++;
		decoder->out.shallow += count + 1;
		emit_block(decoder, format, count + 1, "format", BLOCK_COUNTED);
	}
	if (dimensions > INT16_MAX || length > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible description");
		return;
	}
	decoder->out.shallow += 8 * dimensions;
	if (shape != 0)
		emit_block(decoder, shape, 8 * dimensions, "shape", BLOCK_COUNTED);
	if (elements != 0) {
		/* Those of a complex number (3.14+) have no length: a null word ends them. */
		const uint8_t *first = length == 0 ? reader_at(&decoder->reader, elements, 8) : NULL;
		const uint64_t uncounted = first != NULL && load_u64(first) != 0 ? 8 : 0;
		decoder->out.shallow += 8 * (length + 1);
		const struct block block = {
			.address = elements,
			.bytes = 8 * (length + 1) + uncounted,
			.most = 8 * (length + 1) + uncounted,
			.uncounted = uncounted,
			.role = "element types",
			.flags = BLOCK_COUNTED,
		};
		emit_whole_block(decoder, &block);
	}
}

/* StgDict, up to 3.12. Its size counts what it has beyond a dict twice: dict.__sizeof__ starts from its basicsize. */
void decode_ctypes_namespace(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	decode_dict(decoder, type, address, body);
	decoder->out.shallow += layout->struct_bytes[STRUCT_StgDictObject] - layout->struct_bytes[STRUCT_PyDictObject];
	add_description(decoder, body_u64(decoder, FIELD_StgDictObject_format, body),
	                body_u64(decoder, FIELD_StgDictObject_ndim, body),
	                body_u64(decoder, FIELD_StgDictObject_shape, body),
	                body_u64(decoder, FIELD_StgDictObject_ffi_type_pointer_elements, body),
	                body_u64(decoder, FIELD_StgDictObject_length, body));
}

void decode_ctypes_type(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	decode_type_object(decoder, type, address, body);
	uint32_t bytes = layout->struct_bytes[STRUCT_StgInfo];
	if (bytes == 0)
		return;
	/* 3.13+: PyObject_GetTypeData(), 16-byte aligned behind a heap type. Its __sizeof__ is its own and leaves out
	 * the shared keys. */
	uint64_t info = address + round_up(layout->struct_bytes[STRUCT_PyHeapTypeObject], 16);
	const struct body description = body_at(&decoder->reader, info, bytes);
	int64_t count = body_ob_size(decoder, body);
	if (description.bytes == NULL || count < 0 || (uint64_t)count > chain_limit(decoder, 8)) {
		flag_object(decoder, DECODED_UNREADABLE, "its description cannot be read");
		return;
	}
	decoder->out.shallow = (uint64_t)type->tp_basicsize + (uint64_t)type->tp_itemsize * (uint64_t)count;
	if (body_field(layout, FIELD_StgInfo_initialized, description) == 0)
		return;
	static const enum layout_field visible[] = { FIELD_StgInfo_proto,       FIELD_StgInfo_argtypes,
		                                     FIELD_StgInfo_converters,  FIELD_StgInfo_restype,
		                                     FIELD_StgInfo_checker,     FIELD_StgInfo_module,
		                                     FIELD_StgInfo_pointer_type };
	for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++)
		emit_field(decoder, info, description, visible[i], 0);
	add_description(decoder, body_u64(decoder, FIELD_StgInfo_format, description),
	                body_u64(decoder, FIELD_StgInfo_ndim, description),
	                body_u64(decoder, FIELD_StgInfo_shape, description),
	                body_u64(decoder, FIELD_StgInfo_ffi_type_pointer_elements, description),
	                body_u64(decoder, FIELD_StgInfo_length, description));
}

/* Up to 3.12 its traverse, unlike that of the other metatypes, visits the prototype in the namespace. */
void decode_ctypes_pointer_type(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                struct body body)
{
	decode_ctypes_type(decoder, type, address, body);
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_StgDictObject];
	uint64_t namespace = body_u64(decoder, FIELD_PyTypeObject_tp_dict, body);
	const struct body description = body_at(&decoder->reader, namespace, bytes);
	if (description.bytes == NULL)
		return;
	/* _Pointer itself, a static type, has a plain dict. */
	const struct type_info *kind = decode_type(decoder, body_u64(decoder, FIELD_PyObject_ob_type, description));
	if (kind != NULL && kind->tp_basicsize == (int64_t)bytes)
		emit_field(decoder, namespace, description, FIELD_StgDictObject_proto, RUN_OF_DICT);
}
