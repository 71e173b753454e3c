/* SPDX-License-Identifier: MIT */
#include "graph/visited.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/large_block.h"

static size_t words_bytes(const struct visited *visited)
{
	return 2 * visited->word_count * sizeof *visited->words;
}

bool visited_open(struct visited *visited, const struct address_space *space)
{
	*visited = (struct visited){ .word_count = space->granule_count / 64 + 1 };
	/* Fresh pages are zero and cost nothing until a bit in them is set. */
	void *words = mmap(NULL, words_bytes(visited), PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	visited->touched = malloc(VISITED_MOST_TOUCHED * sizeof *visited->touched);
	if (words == MAP_FAILED || visited->touched == NULL) {
		if (words != MAP_FAILED)
			munmap(words, words_bytes(visited));
		free(visited->touched);
		*visited = (struct visited){ .words = NULL };
		return false;
	}
	/* Few pages of the second half are ever touched: large ones would be a waste there. */
	large_block_advise(words, visited->word_count * sizeof *visited->words);
	visited->words = words;
	visited->odd_words = visited->words + visited->word_count;
	return true;
}

void visited_close(struct visited *visited)
{
	if (visited->words != NULL)
		munmap(visited->words, words_bytes(visited));
	free(visited->touched);
	*visited = (struct visited){ .words = NULL };
}

void visited_clear(struct visited *visited)
{
	if (visited->touched_overflow) {
		if (madvise(visited->words, words_bytes(visited), MADV_DONTNEED) != 0)
			memset(visited->words, 0, words_bytes(visited));
	} else {
		for (uint32_t i = 0; i < visited->touched_count; i++)
			visited->words[visited->touched[i]] = 0;
	}
	visited->touched_count = 0;
	visited->touched_overflow = false;
}
