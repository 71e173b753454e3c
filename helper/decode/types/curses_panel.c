/* SPDX-License-Identifier: MIT
 * A panel of curses holds the object that set_userptr() was given, in the memory of ncurses (Modules/_curses_panel.c).
 */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { PANEL_USER = 24 }; /* struct panel of ncurses, whose debug information may lack it: three pointers, then this */

void decode_curses_panel(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t panel = body_u64(decoder, FIELD_PyCursesPanelObject_pan, body);
	if (panel != 0)
		emit_run(decoder, panel + PANEL_USER, 1, (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}
