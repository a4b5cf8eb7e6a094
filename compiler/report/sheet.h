/*
 * Small tables of finished cells, and the three ways to print them.
 */
#ifndef NNC_REPORT_SHEET_H
#define NNC_REPORT_SHEET_H

#include "base/base.h"

enum { SHEET_COLUMNS_MAX = 40 };

typedef struct Sheet {
    Arena *arena;
    const char *title; /* NULL: none */
    int columns;
    const char *head[SHEET_COLUMNS_MAX]; /* all NULL: no line of heads */
    bool left[SHEET_COLUMNS_MAX];        /* texts; numbers stand to the right */
    List rows;                           /* of const char *[columns]; a NULL cell is empty */
} Sheet;

Sheet *sheet_new(Arena *, const char *title);
void sheet_column(Sheet *, const char *head, bool left);
const char **sheet_row(Sheet *); /* a new row of empty cells */

/* In columns of text; what goes beyond `width` in a last column of texts is
 * wrapped below it. */
void sheet_text(const Sheet *, int width, FILE *);
void sheet_markdown(const Sheet *, FILE *); /* the tables of GitHub */
void sheet_csv(const Sheet *, FILE *);      /* RFC 4180, lines end in \n */

#endif
