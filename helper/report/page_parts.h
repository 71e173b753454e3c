/* SPDX-License-Identifier: MIT
 * page_parts: the files of report/page and the library of its picture (d3-hierarchy), as the build put them in:
 * strings.
 */
#ifndef PYDS_REPORT_PAGE_PARTS_H
#define PYDS_REPORT_PAGE_PARTS_H

extern const char page_html[], page_css[], page_js[], page_library[];

#endif
