/* SPDX-License-Identifier: MIT
 * file_identity: whether a file is still what it was: the same file, not written to since. */
#ifndef PYDS_MEMORY_FILE_IDENTITY_H
#define PYDS_MEMORY_FILE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_identity {
	uint64_t device, inode;
	int64_t size; /* bytes */
	int64_t changed_seconds, changed_nanoseconds; /* st_mtim */
	bool is_known;
};

static inline struct file_identity file_identity_of(const struct stat *information)
{
	return (struct file_identity){ .device = information->st_dev,
		                       .inode = information->st_ino,
		                       .size = information->st_size,
		                       .changed_seconds = information->st_mtim.tv_sec,
		                       .changed_nanoseconds = information->st_mtim.tv_nsec,
		                       .is_known = true };
}

static inline bool file_identity_equals(const struct file_identity *left, const struct file_identity *right)
{
	return left->device == right->device && left->inode == right->inode && left->size == right->size &&
	       left->changed_seconds == right->changed_seconds &&
	       left->changed_nanoseconds == right->changed_nanoseconds;
}

#endif
