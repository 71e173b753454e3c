/* SPDX-License-Identifier: MIT */
#include "layout/dwarf_place.h"

#include <dwarf.h>
#include <string.h>

#include "base/bytes.h"

enum {
	TYPE_CHAIN_LIMIT = 64, /* typedefs and qualifiers before a type */
	ANONYMOUS_DEPTH_LIMIT = 8, /* anonymous unions in anonymous structs in ... */
	ARRAY_DEPTH_LIMIT = 8, /* arrays of arrays */
	MEMBER_LIMIT = 65536, /* members of one struct */
	PATH_STEP_LIMIT = 16,
};

static bool attribute_number(const Dwarf_Die *entry, unsigned name, uint64_t *ret_value)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	if (dwarf_attr((Dwarf_Die *)entry, name, &attribute) == NULL || dwarf_formudata(&attribute, &value) != 0)
		return false;
	*ret_value = value;
	return true;
}

static bool attribute_type(const Dwarf_Die *entry, unsigned name, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attribute;
	return dwarf_attr((Dwarf_Die *)entry, name, &attribute) != NULL &&
	       dwarf_formref_die(&attribute, ret_type) != NULL;
}

static bool is_declaration(const Dwarf_Die *entry)
{
	Dwarf_Attribute attribute;
	bool value = false;
	return dwarf_attr((Dwarf_Die *)entry, DW_AT_declaration, &attribute) != NULL &&
	       dwarf_formflag(&attribute, &value) == 0 && value;
}

static bool is_alias(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type;
}

/* Through typedefs and qualifiers, and from a declaration to its type unit. */
static bool plain_type(const Dwarf_Die *entry, Dwarf_Die *ret_type)
{
	*ret_type = *entry;
	for (unsigned step = 0; step < TYPE_CHAIN_LIMIT; step++) {
		Dwarf_Die next;
		if (is_alias(dwarf_tag(ret_type))) {
			if (!attribute_type(ret_type, DW_AT_type, &next))
				return false;
		} else if (!is_declaration(ret_type) || !attribute_type(ret_type, DW_AT_signature, &next)) {
			return true;
		}
		*ret_type = next;
	}
	return false;
}

bool dwarf_struct_definition(const Dwarf_Die *entry, Dwarf_Die *ret_struct)
{
	if (!plain_type(entry, ret_struct))
		return false;
	int tag = dwarf_tag(ret_struct);
	return (tag == DW_TAG_structure_type || tag == DW_TAG_union_type) && !is_declaration(ret_struct);
}

/* Number of elements of one dimension; false if it has no bound. */
static bool dimension_count(const Dwarf_Die *dimension, uint64_t *ret_count)
{
	if (attribute_number(dimension, DW_AT_count, ret_count))
		return true;
	uint64_t upper, lower = 0;
	if (!attribute_number(dimension, DW_AT_upper_bound, &upper))
		return false;
	(void)attribute_number(dimension, DW_AT_lower_bound, &lower);
	*ret_count = upper - lower + 1; /* [0] is said as -1 */
	return true;
}

/* Product of the dimensions of one array entry; 1 where a dimension has no bound or no elements. */
static bool element_count(const Dwarf_Die *array, uint64_t *ret_count)
{
	*ret_count = 1;
	Dwarf_Die child;
	int status = dwarf_child((Dwarf_Die *)array, &child);
	for (unsigned i = 0; status == 0 && i < ARRAY_DEPTH_LIMIT; i++) {
		uint64_t count;
		if (dwarf_tag(&child) == DW_TAG_subrange_type && dimension_count(&child, &count) && count != 0 &&
		    !checked_multiply(*ret_count, count, ret_count))
			return false;
		status = dwarf_siblingof(&child, &child);
	}
	return true;
}

bool dwarf_type_bytes(const Dwarf_Die *type, uint64_t *ret_bytes)
{
	uint64_t elements = 1;
	Dwarf_Die plain;
	if (!plain_type(type, &plain))
		return false;
	for (unsigned depth = 0; depth < ARRAY_DEPTH_LIMIT; depth++) {
		int tag = dwarf_tag(&plain);
		uint64_t bytes, count;
		if (tag == DW_TAG_pointer_type && !attribute_number(&plain, DW_AT_byte_size, &bytes)) {
			Dwarf_Die unit;
			uint8_t address_bytes = 0;
			if (dwarf_diecu(&plain, &unit, &address_bytes, NULL) == NULL)
				return false;
			return checked_multiply(elements, address_bytes, ret_bytes);
		}
		if (attribute_number(&plain, DW_AT_byte_size, &bytes))
			return checked_multiply(elements, bytes, ret_bytes);
		Dwarf_Die element;
		if (tag != DW_TAG_array_type && tag != DW_TAG_enumeration_type)
			return false;
		if (tag == DW_TAG_array_type &&
		    (!element_count(&plain, &count) || !checked_multiply(elements, count, &elements)))
			return false;
		if (!attribute_type(&plain, DW_AT_type, &element) || !plain_type(&element, &plain))
			return false;
	}
	return false;
}

/* Byte offset of a member in its struct; DWARF 2 says it as an expression. */
static bool member_offset(const Dwarf_Die *member, uint64_t *ret_offset)
{
	Dwarf_Attribute attribute;
	*ret_offset = 0;
	if (dwarf_attr((Dwarf_Die *)member, DW_AT_data_member_location, &attribute) == NULL)
		return true; /* a union's member, or a bit-field */
	Dwarf_Word value;
	if (dwarf_formudata(&attribute, &value) == 0) {
		*ret_offset = value;
		return true;
	}
	Dwarf_Op *operations;
	size_t count;
	if (dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1 ||
	    operations[0].atom != DW_OP_plus_uconst)
		return false;
	*ret_offset = operations[0].number;
	return true;
}

/* A bit-field as the storage unit of its declared type that holds all of it, or else the smallest run of bytes. */
static bool bit_field_place(const Dwarf_Die *member, uint64_t base, uint64_t width, uint64_t type_bytes,
                            struct layout_place *ret_place)
{
	uint64_t first, offset, from_top;
	if (width == 0 || width > 64 || type_bytes == 0 || type_bytes > 8)
		return false;
	if (!attribute_number(member, DW_AT_data_bit_offset, &first)) {
		/* DWARF 2 and 3: counted from the most significant bit of the storage unit. */
		uint64_t unit_bytes = type_bytes;
		(void)attribute_number(member, DW_AT_byte_size, &unit_bytes);
		if (!member_offset(member, &offset) || !attribute_number(member, DW_AT_bit_offset, &from_top) ||
		    unit_bytes > 8 || from_top + width > unit_bytes * 8 || offset > UINT32_MAX)
			return false;
		first = offset * 8 + unit_bytes * 8 - from_top - width;
	} else if (first > UINT32_MAX) {
		return false;
	}
	uint64_t bytes = type_bytes;
	uint64_t start = first / (bytes * 8) * bytes;
	if (first - start * 8 + width > bytes * 8) {
		start = first / 8;
		for (bytes = 1; first - start * 8 + width > bytes * 8; bytes *= 2)
			if (bytes == 8)
				return false;
	}
	if (base + start > UINT32_MAX)
		return false;
	*ret_place = (struct layout_place){ .offset = (uint32_t)(base + start),
		                            .size = (uint16_t)bytes,
		                            .bit_offset = (uint8_t)(first - start * 8),
		                            .bit_width = (uint8_t)width };
	return true;
}

/* A member by name, anonymous structs and unions looked through: an explicit stack of the enclosing ones. */
static bool find_member(const Dwarf_Die *definition, const char *name, size_t length, Dwarf_Die *ret_member,
                        uint64_t *ret_base)
{
	Dwarf_Die stack[ANONYMOUS_DEPTH_LIMIT];
	uint64_t bases[ANONYMOUS_DEPTH_LIMIT] = { 0 };
	unsigned depth = 0;
	if (dwarf_child((Dwarf_Die *)definition, &stack[0]) != 0)
		return false;
	for (unsigned seen = 0; seen < MEMBER_LIMIT; seen++) {
		Dwarf_Die *member = &stack[depth];
		const char *its_name = NULL;
		if (dwarf_tag(member) == DW_TAG_member) {
			its_name = dwarf_diename(member);
			if (its_name != NULL && strncmp(its_name, name, length) == 0 && its_name[length] == '\0') {
				*ret_member = *member;
				*ret_base = bases[depth];
				return true;
			}
			Dwarf_Die type, inner;
			uint64_t offset;
			if (its_name == NULL && depth + 1 < ANONYMOUS_DEPTH_LIMIT &&
			    attribute_type(member, DW_AT_type, &type) && dwarf_struct_definition(&type, &inner) &&
			    member_offset(member, &offset) && checked_add(bases[depth], offset, &bases[depth + 1]) &&
			    dwarf_child(&inner, &stack[depth + 1]) == 0) {
				depth++;
				continue;
			}
		}
		while (dwarf_siblingof(&stack[depth], &stack[depth]) != 0) {
			if (depth == 0)
				return false;
			depth--;
		}
	}
	return false;
}

/* One dotted path of length characters. */
static bool path_place(const Dwarf_Die *definition, const char *path, size_t length, struct layout_place *ret_place)
{
	Dwarf_Die owner = *definition;
	uint64_t base = 0;
	for (unsigned step = 0; step < PATH_STEP_LIMIT; step++) {
		const char *dot = memchr(path, '.', length);
		size_t name_length = dot != NULL ? (size_t)(dot - path) : length;
		Dwarf_Die member, type;
		uint64_t inner, offset, width, bytes;
		if (!find_member(&owner, path, name_length, &member, &inner) || !checked_add(base, inner, &base) ||
		    !attribute_type(&member, DW_AT_type, &type))
			return false;
		if (dot == NULL) {
			if (!dwarf_type_bytes(&type, &bytes))
				return false;
			if (attribute_number(&member, DW_AT_bit_size, &width))
				return base <= UINT32_MAX && bit_field_place(&member, base, width, bytes, ret_place);
			if (!member_offset(&member, &offset) || !checked_add(base, offset, &base) || base > UINT32_MAX)
				return false;
			*ret_place = (struct layout_place){ .offset = (uint32_t)base,
				                            .size = bytes > UINT16_MAX ? UINT16_MAX : (uint16_t)bytes };
			return bytes != 0;
		}
		if (!member_offset(&member, &offset) || !checked_add(base, offset, &base) ||
		    !dwarf_struct_definition(&type, &owner))
			return false;
		path = dot + 1;
		length -= name_length + 1;
	}
	return false;
}

bool dwarf_member_place(const Dwarf_Die *definition, const char *paths, struct layout_place *ret_place)
{
	while (*paths != '\0') {
		size_t length = strcspn(paths, "|");
		if (path_place(definition, paths, length, ret_place))
			return true;
		paths += length;
		paths += *paths == '|';
	}
	return false;
}
