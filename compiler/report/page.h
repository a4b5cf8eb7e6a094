/*
 * page: one self-contained HTML page, from the templates in page/: head.html, a body, foot.html.
 */
#ifndef NNC_REPORT_PAGE_H
#define NNC_REPORT_PAGE_H

#include <stdio.h>

typedef struct Page {
    const char *body;   /* a template; like head and foot it may have @title@, @kind@, @style@, @script@, @data@ */
    const char *title;  /* plain text */
    const char *kind;   /* after the title, in the window's */
    const char *style;  /* after the style of all pages; "": none */
    const char *script; /* draws everything from the data */
    const char *data;   /* JSON */
} Page;

void page_write(const Page *, FILE *);

/* As text of HTML and XML, and in their attributes. */
void markup_write(const char *text, FILE *);

#endif
