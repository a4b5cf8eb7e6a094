/*
 * Small tables of formatted cells, and the three ways to print them.
 */
#ifndef NNC_REPORT_TABLE_H
#define NNC_REPORT_TABLE_H

#include "base/base.h"

enum { TABLE_COLUMNS_MAX = 40 };

typedef struct ReportTable {
    Arena *arena;
    const char *title; /* NULL: none */
    int columns;
    const char *head[TABLE_COLUMNS_MAX]; /* all NULL: no line of heads */
    bool left[TABLE_COLUMNS_MAX];        /* texts; numbers are right-aligned */
    List rows;                           /* of const char *[columns]; a NULL cell is empty */
} ReportTable;

ReportTable *report_table_new(Arena *, const char *title);
void report_table_column(ReportTable *, const char *head, bool left);
const char **report_table_row(ReportTable *); /* a new row of empty cells */

/* In columns of text; what goes beyond `width` in a last column of texts is
 * wrapped below it. */
void report_table_print_text(const ReportTable *, int width, FILE *);
void report_table_print_markdown(const ReportTable *, FILE *); /* the tables of GitHub */
void report_table_print_csv(const ReportTable *, FILE *);      /* RFC 4180, lines end in \n */

/* One field of CSV, quoted where it must be (RFC 4180). */
void csv_put_field(const char *text, FILE *out);

#endif
