/*
 * The files of page/, as text: made by the Makefile.
 */
#ifndef NNC_REPORT_PAGE_TEXT_H
#define NNC_REPORT_PAGE_TEXT_H

extern const char page_head_text[], page_foot_text[]; /* of all pages */
extern const char page_html_text[], page_style_text[], page_script_text[];
extern const char trace_html_text[], trace_style_text[], trace_script_text[];
extern const char certificate_html_text[], certificate_style_text[], certificate_script_text[];
extern const char run_html_text[], run_style_text[], run_script_text[];

#endif
