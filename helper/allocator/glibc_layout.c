/* SPDX-License-Identifier: MIT */
#include "allocator/glibc_layout.h"

const struct glibc_state_layout glibc_state_layouts[] = {
	/* 2.26 to 2.42 */
	{ .flags = 4,
	  .fast_bins = 16,
	  .top = 96,
	  .bins = 112,
	  .next = 2160,
	  .attached = 2176,
	  .system_mem = 2184,
	  .bytes = 2200 },
	/* 2.43: no fast bins */
	{ .flags = 4, .top = 8, .bins = 24, .next = 2072, .attached = 2088, .system_mem = 2096, .bytes = 2112 },
};
const unsigned glibc_state_layout_count = sizeof glibc_state_layouts / sizeof *glibc_state_layouts;

const struct glibc_par_layout glibc_par_layouts[] = {
	/* 2.26 to 2.34 */
	{ .n_mmaps = 40,
	  .n_mmaps_max = 44,
	  .mmapped_mem = 56,
	  .sbrk_base = 72,
	  .tcache_bins = 80,
	  .tcache_count = 96,
	  .bytes = 112 },
	/* 2.35 to 2.42: thp_pagesize, hp_pagesize, hp_flags */
	{ .n_mmaps = 60,
	  .n_mmaps_max = 64,
	  .mmapped_mem = 80,
	  .sbrk_base = 96,
	  .tcache_bins = 104,
	  .tcache_count = 120,
	  .bytes = 136 },
	/* 2.43: thp_mode */
	{ .n_mmaps = 68,
	  .n_mmaps_max = 72,
	  .mmapped_mem = 88,
	  .sbrk_base = 104,
	  .tcache_bins = 112,
	  .tcache_count = 128,
	  .bytes = 144,
	  .mmapped_left_out = 16 },
};
const unsigned glibc_par_layout_count = sizeof glibc_par_layouts / sizeof *glibc_par_layouts;

const struct glibc_tcache_layout glibc_tcache_layouts[] = {
	{ .chunk_bytes = 0x250, .entries = 64, .small_bins = 64, .bins = 64, .count_bytes = 1 }, /* 2.26 to 2.29 */
	{ .chunk_bytes = 0x290, .entries = 128, .small_bins = 64, .bins = 64, .count_bytes = 2 }, /* 2.30 to 2.41 */
	/* 2.42, 2.43; in threads of 2.43 rounded up twice (tcache_init) */
	{ .chunk_bytes = 0x300, .entries = 152, .small_bins = 64, .bins = 76, .count_bytes = 2, .counts_down = 1 },
	{ .chunk_bytes = 0x310, .entries = 152, .small_bins = 64, .bins = 76, .count_bytes = 2, .counts_down = 1 },
};
const unsigned glibc_tcache_layout_count = sizeof glibc_tcache_layouts / sizeof *glibc_tcache_layouts;
