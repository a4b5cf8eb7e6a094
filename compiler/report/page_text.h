/*
 * The files of page/, as text: made by the Makefile.
 */
#ifndef NNC_REPORT_PAGE_TEXT_H
#define NNC_REPORT_PAGE_TEXT_H

extern const char page_html_text[], page_style_text[], page_script_text[];

#endif
