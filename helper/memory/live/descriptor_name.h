/* SPDX-License-Identifier: MIT
 * descriptor_name: what the kernel says of a file that a live process has open. */
#ifndef PYDS_MEMORY_LIVE_DESCRIPTOR_NAME_H
#define PYDS_MEMORY_LIVE_DESCRIPTOR_NAME_H

#include "base/text.h"
#include "memory/address_space.h"

/* Appends "/var/log/app.log", "pipe", "socket 10.0.0.7:51234 to 10.0.0.2:5432", escaped; where the file is locked ",
 * locked by process 4711" too. False, and nothing appended: the target is no live process, or the kernel does not say.
 * Asked when it is called: a process that goes on may have closed it by then. */
bool descriptor_name(const struct address_space *space, int32_t descriptor, struct text *text);

#endif
