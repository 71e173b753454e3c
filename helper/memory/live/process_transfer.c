/* SPDX-License-Identifier: MIT
 * Ranges are cut into pieces and the pieces taken in batches by several threads, each batch one process_vm_readv().
 * Two threads move twice as much where one processor cannot keep the memory busy. */
#include "memory/live/process_transfer.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/threads.h"

enum {
	PAGE_BYTES = 4096,
	BATCH_PIECES = 512, /* UIO_MAXIOV is 1024 */
	BATCH_BYTES = 8 << 20,
	THREADS_MAX = 4, /* more compete for the target's page tables */
	BYTES_PER_THREAD = 16 << 20, /* less is not worth the start of a thread */
};

struct transfer {
	struct copy_source source;
	const struct copy_range *ranges;
	size_t range_count;
	pthread_mutex_t lock; /* of what follows */
	size_t next_range;
	uint64_t next_offset; /* in that range */
	copy_failure_array *failures;
	uint64_t bytes;
	bool out_of_memory;
	atomic_bool is_direct; /* process_vm_readv() works */
	atomic_bool is_gone, is_over; /* the process ended; for that or another reason no more is to be done */
};

struct batch {
	struct iovec local[BATCH_PIECES], remote[BATCH_PIECES];
	size_t count;
};

static bool take_batch(struct transfer *transfer, struct batch *batch)
{
	uint64_t bytes = 0;
	batch->count = 0;
	pthread_mutex_lock(&transfer->lock);
	while (batch->count < BATCH_PIECES && bytes < BATCH_BYTES && transfer->next_range < transfer->range_count) {
		const struct copy_range *range = &transfer->ranges[transfer->next_range];
		uint64_t left = range->end - range->start - transfer->next_offset;
		uint64_t size = left < BATCH_BYTES - bytes ? left : BATCH_BYTES - bytes;
		batch->local[batch->count].iov_base = range->host + transfer->next_offset;
		batch->remote[batch->count].iov_base = (void *)(uintptr_t)(range->start + transfer->next_offset);
		batch->local[batch->count].iov_len = batch->remote[batch->count].iov_len = size;
		batch->count++;
		bytes += size;
		transfer->next_offset += size;
		if (size == left) {
			transfer->next_range++;
			transfer->next_offset = 0;
		}
	}
	pthread_mutex_unlock(&transfer->lock);
	return batch->count > 0;
}

/* As many bytes from the front of the batch as one call gives. */
static uint64_t read_some(struct transfer *transfer, const struct batch *batch, size_t first)
{
	ssize_t got = -1;
	if (atomic_load_explicit(&transfer->is_direct, memory_order_relaxed)) {
		size_t count = batch->count - first;
		got = process_vm_readv(transfer->source.thread_id, &batch->local[first], count, &batch->remote[first],
		                       count, 0);
		if (got < 0 && (errno == ENOSYS || errno == EPERM))
			atomic_store_explicit(&transfer->is_direct, false, memory_order_relaxed);
		if (got < 0 && errno == ESRCH) {
			atomic_store(&transfer->is_gone, true);
			atomic_store(&transfer->is_over, true);
		}
	}
	if (got <= 0 && transfer->source.memory >= 0) {
		got = pread(transfer->source.memory, batch->local[first].iov_base, batch->local[first].iov_len,
		            (off_t)(uintptr_t)batch->remote[first].iov_base);
		/* Nothing, and no error: the address space is no more. */
		if (got == 0 && batch->local[first].iov_len > 0) {
			atomic_store(&transfer->is_gone, true);
			atomic_store(&transfer->is_over, true);
		}
	}
	return got > 0 ? (uint64_t)got : 0;
}

static void skip(struct batch *batch, size_t *first, uint64_t bytes)
{
	while (bytes > 0 && *first < batch->count) {
		struct iovec *local = &batch->local[*first], *remote = &batch->remote[*first];
		uint64_t part = bytes < local->iov_len ? bytes : local->iov_len;
		local->iov_base = (uint8_t *)local->iov_base + part;
		remote->iov_base = (uint8_t *)remote->iov_base + part;
		local->iov_len = remote->iov_len -= part;
		bytes -= part;
		if (local->iov_len == 0)
			(*first)++;
	}
}

static void note_failure(struct transfer *transfer, uint64_t start, uint64_t end)
{
	pthread_mutex_lock(&transfer->lock);
	if (!array_push(transfer->failures, (struct copy_failure){ .start = start, .end = end })) {
		transfer->out_of_memory = true;
		atomic_store(&transfer->is_over, true);
	}
	pthread_mutex_unlock(&transfer->lock);
}

static uint64_t copy_batch(struct transfer *transfer, struct batch *batch)
{
	uint64_t bytes = 0;
	for (size_t first = 0; first < batch->count && !atomic_load(&transfer->is_over);) {
		uint64_t got = read_some(transfer, batch, first);
		bytes += got;
		if (got == 0) {
			/* The first page refuses. What follows it need not. */
			uint64_t start = (uintptr_t)batch->remote[first].iov_base;
			uint64_t size = PAGE_BYTES - start % PAGE_BYTES;
			got = size < batch->remote[first].iov_len ? size : batch->remote[first].iov_len;
			note_failure(transfer, start, start + got);
		}
		skip(batch, &first, got);
	}
	return bytes;
}

static void *work(void *context)
{
	struct transfer *transfer = context;
	struct batch *batch = malloc(sizeof *batch);
	uint64_t bytes = 0;
	while (batch != NULL && !atomic_load(&transfer->is_over) && take_batch(transfer, batch)) {
		const uint64_t more = copy_batch(transfer, batch);
		bytes += more;
		if (progress_add(transfer->source.progress, more) < 0)
			atomic_store(&transfer->is_over, true);
	}
	pthread_mutex_lock(&transfer->lock);
	transfer->bytes += bytes;
	transfer->out_of_memory |= batch == NULL;
	pthread_mutex_unlock(&transfer->lock);
	free(batch);
	return NULL;
}

static uint64_t total(const struct copy_range *ranges, size_t range_count)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < range_count; i++)
		bytes += ranges[i].end - ranges[i].start;
	return bytes;
}

static size_t thread_count(uint64_t bytes)
{
	cpu_set_t processors;
	size_t count = sched_getaffinity(0, sizeof processors, &processors) == 0 ? (size_t)CPU_COUNT(&processors) : 1;
	count = count < THREADS_MAX ? count : THREADS_MAX;
	return bytes / BYTES_PER_THREAD < count ? bytes / BYTES_PER_THREAD : count;
}

/* This thread works, too; others that cannot be started are done without. */
static void work_together(struct transfer *transfer, size_t threads)
{
	pthread_t others[THREADS_MAX];
	size_t started = 0;
	while (started + 1 < threads && thread_start(&others[started], work, transfer))
		started++;
	(void)work(transfer);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(others[i], NULL);
}

static int compare_failures(const void *left, const void *right)
{
	const struct copy_failure *a = left, *b = right;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void merge_failures(copy_failure_array *failures)
{
	size_t kept = 0;
	if (failures->count == 0)
		return;
	qsort(failures->items, failures->count, sizeof *failures->items, compare_failures);
	for (size_t i = 1; i < failures->count; i++) {
		if (failures->items[i].start == failures->items[kept].end)
			failures->items[kept].end = failures->items[i].end;
		else
			failures->items[++kept] = failures->items[i];
	}
	failures->count = kept + 1;
}

int process_transfer(const struct copy_source *source, const struct copy_range *ranges, size_t range_count,
                     copy_failure_array *failures, uint64_t *ret_bytes, struct error *error)
{
	struct transfer transfer = {
		.source = *source, .ranges = ranges, .range_count = range_count, .failures = failures
	};
	*ret_bytes = 0;
	atomic_init(&transfer.is_direct, !source->shares_pages || source->memory < 0);
	atomic_init(&transfer.is_gone, false);
	atomic_init(&transfer.is_over, false);
	if (pthread_mutex_init(&transfer.lock, NULL) != 0)
		return error_set(error, ERROR_NO_MEMORY, "out of memory to copy process %d", source->process_id);
	progress_expect(source->progress, total(ranges, range_count));
	work_together(&transfer, thread_count(total(ranges, range_count)));
	progress_begin(source->progress);
	(void)pthread_mutex_destroy(&transfer.lock);
	if (atomic_load(&transfer.is_gone))
		return error_set(error, ERROR_NOT_FOUND, "process %d ended while it was copied", source->process_id);
	if (transfer.out_of_memory)
		return error_set(error, ERROR_NO_MEMORY, "out of memory to copy process %d", source->process_id);
	TRY(progress_check(source->progress, error));
	merge_failures(failures);
	*ret_bytes = transfer.bytes;
	return OK;
}
