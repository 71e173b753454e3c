/* SPDX-License-Identifier: MIT
 * tree_summary: the dominator tree merged by name (export/profile.h), cut down to what can be seen in a picture. */
#ifndef PYDS_EXPORT_TREE_SUMMARY_H
#define PYDS_EXPORT_TREE_SUMMARY_H

#include "export/profile.h"
#include "render/json.h"

enum { TREE_SUMMARY_FRAMES = 12000 }; /* at most: about 60 bytes of JSON each */

/* {"names": ["dict", ...], "frames": [[parent, name, bytes of its own, objects of its own], ...]}: a parent comes
 * before its children, the first is the process. Frames that are too small for the picture are added to their parents.
 */
int tree_summary_json(struct json *json, const char *key, struct export *export);

#endif
