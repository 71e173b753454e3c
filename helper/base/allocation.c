/* SPDX-License-Identifier: MIT */
#include "base/allocation.h"

#include <stdatomic.h>
#include <stddef.h>

static atomic_uint_fast64_t failures;

uint64_t allocation_failures(void)
{
	return atomic_load_explicit(&failures, memory_order_relaxed);
}

static inline void *note(void *block, size_t size)
{
	if (__builtin_expect(block == NULL && size > 0, 0))
		atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
	return block;
}

/* The names are ld's, for --wrap. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_posix_memalign(void **ret_block, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_posix_memalign(void **ret_block, size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
	return note(__real_malloc(size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return note(__real_calloc(count, size), count != 0 ? size : 0);
}

void *__wrap_realloc(void *block, size_t size)
{
	return note(__real_realloc(block, size), size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	return note(__real_reallocarray(block, count, size), count != 0 ? size : 0);
}

char *__wrap_strdup(const char *text)
{
	return note(__real_strdup(text), 1);
}

char *__wrap_strndup(const char *text, size_t length)
{
	return note(__real_strndup(text, length), 1);
}

int __wrap_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	const int status = __real_posix_memalign(ret_block, alignment, size);
	(void)note(status == 0 ? ret_block : NULL, size);
	return status;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
