/* SPDX-License-Identifier: MIT
 * A system call names a file by its number. Which Python object has that number is in the heap, what it is the kernel
 * says of a live process. */
#include <string.h>

#include "base/limits.h"
#include "memory/live/descriptor_name.h"
#include "object/value.h"
#include "query/threads/thread_builder.h"

uint8_t thread_role_of_type(struct decoder *decoder, const struct type_info *type)
{
	const uint8_t kind = lock_kind_of_type(decoder, type);
	for (unsigned i = 0; kind == LOCK_NONE && type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		if (strcmp(type->name, "_io.FileIO") == 0)
			return ROLE_FILE;
		if (strcmp(type->name, "_socket.socket") == 0)
			return ROLE_SOCKET;
		type = type->tp_base != 0 ? decode_type(decoder, type->tp_base) : NULL;
	}
	return kind;
}

bool thread_files_part(struct thread_builder *builder)
{
	size_t kept = 0;
	bool done = true;
	for (size_t i = 0; done && i < builder->locks.count; i++) {
		const struct instance *instance = &builder->locks.items[i];
		if (instance->role >= LOCK_KIND_COUNT)
			done = array_push(&builder->files, *instance);
		else
			builder->locks.items[kept++] = *instance;
	}
	builder->locks.count = done ? kept : builder->locks.count;
	return done;
}

uint64_t thread_object_with(const struct thread_builder *builder, int32_t number)
{
	for (size_t i = 0; i < builder->files.count; i++) {
		const struct instance *file = &builder->files.items[i];
		uint64_t word;
		if (value_field(&builder->decoder->objects, file->address,
		                file->role == ROLE_FILE ? FIELD_fileio_fd : FIELD_PySocketSockObject_sock_fd, &word) &&
		    (int32_t)word == number)
			return file->address;
	}
	return 0;
}

void thread_descriptor_fill(struct thread_builder *builder, struct thread_descriptor *descriptor)
{
	descriptor->object = thread_object_with(builder, descriptor->number);
	(void)descriptor_name(builder->query->target->space, descriptor->number, &descriptor->kernel);
}

void thread_descriptors_find(struct thread_builder *builder)
{
	for (size_t i = 0; i < builder->threads->rows.count; i++) {
		struct thread_row *row = &builder->threads->rows.items[i];
		(void)thread_call_name(row->native, &row->descriptor.number);
		if (row->descriptor.number >= 0)
			thread_descriptor_fill(builder, &row->descriptor);
	}
}
