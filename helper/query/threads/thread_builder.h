/* SPDX-License-Identifier: MIT
 * thread_builder: what the steps of query_threads() share. */
#ifndef PYDS_QUERY_THREAD_BUILDER_H
#define PYDS_QUERY_THREAD_BUILDER_H

#include "query/instances.h"
#include "query/memory/library.h"
#include "query/threads/threads.h"
#include "query/threads/with_blocks.h"

/* An object that a frame is inside `with` of. */
struct with_row {
	uint64_t object;
	uint32_t row, frame;
};

/* A lock or queue that a frame of a row knows. */
struct known_object {
	uint64_t object;
	uint32_t row;
	bool acquires; /* the code of the frame calls acquire(), or flock() */
};

struct thread_builder {
	const struct query *query;
	struct threads_answer *threads;
	struct decoder *decoder;
	const struct retained *heap;
	instance_array locks; /* role: enum lock_kind */
	instance_array files; /* role: enum file_role */
	struct address_map by_wait_address; /* to the index in locks */
	struct address_map lock_objects; /* the same by their own address */
	bool waits_for_file; /* some thread waits for a lock on a file */
	ARRAY(struct known_object) known; /* sorted */
	struct library library;
	ARRAY(struct with_row) withs;
};

/* What has a descriptor, beside what threads wait for. */
enum file_role { ROLE_FILE = LOCK_KIND_COUNT, ROLE_SOCKET };

/* thread_descriptor.c: lock_kind_of_type() or a file_role; the second takes the files out of builder->locks. */
uint8_t thread_role_of_type(struct decoder *decoder, const struct type_info *type);
bool thread_files_part(struct thread_builder *builder);
/* What each row's system call is about. */
void thread_descriptors_find(struct thread_builder *builder);
/* Of one whose number is set: its object, and what the kernel says. */
void thread_descriptor_fill(struct thread_builder *builder, struct thread_descriptor *descriptor);
/* thread_polls.c: what rows in poll(), select() and epoll_wait() wait for, after the descriptors. False: out of memory.
 */
bool thread_polls_find(struct thread_builder *builder);
/* thread_wait.c: what each row waits for, without owners. */
void thread_waits_find(struct thread_builder *builder);
/* frame_knowledge.c: fills known. False: out of memory. */
bool frame_knowledge_find(struct thread_builder *builder);
/* thread_owners.c: who has what is waited for, and what each row holds. False: out of memory. */
bool thread_owners_find(struct thread_builder *builder);
/* The same, of locks of files and of multiprocessing: thread_shared_owners.c. */
bool thread_shared_owner_find(struct thread_builder *builder, uint32_t index);
/* What both are made of, thread_wakers.c: that a row can end a wait, and has what is waited for; the rows of which a
 * frame knows an object, and, with must_acquire, calls acquire() too; whether a row is inside `with` of an object,
 * other than the one that asks; NULL. */
bool thread_add_waker(struct thread_wait *wait, uint32_t row);
bool thread_set_owner(struct thread_wait *wait, uint32_t row, enum owner_source source);
bool thread_find_users(struct thread_builder *builder, uint32_t index, uint64_t object, bool must_acquire,
                       enum owner_source source);
const struct with_row *thread_find_with(const struct thread_builder *builder, uint64_t object, uint32_t self);
/* thread_descriptor.c: the Python file or socket that has a descriptor; 0. */
uint64_t thread_object_with(const struct thread_builder *builder, int32_t number);
/* frame_knowledge.c: the FileIO below a Python file; the object itself if it is none. */
uint64_t frame_raw_file(struct object_reader *objects, uint64_t object);
/* thread_circles.c: threads that wait for each other. False: out of memory. */
bool thread_circles_find(struct threads_answer *threads);

/* thread_queue.c: the longest queue behind one owner. False: out of memory. */
bool thread_queue_find(struct threads_answer *threads);
/* thread_phase.c: which row is in a collection, if one is under way; whether one is at Python's end. */
int thread_collecting_find(struct thread_builder *builder);
bool thread_ends_python(struct decoder *decoder, const struct thread_row *row);
/* threading._shutdown() waits for all threads that are no daemons, one after the other: the first is what it waits for
 * (nothing to be done for another row), all of them are the wakers. False: out of memory. */
void thread_shutdown_wait_find(struct thread_builder *builder, uint32_t index);
bool thread_shutdown_wakers_find(struct thread_builder *builder, uint32_t index);

/* The row of a thread by pthread_t; THREAD_NONE. */
uint32_t thread_row_of(const struct thread_builder *builder, uint64_t thread_id);

#endif
