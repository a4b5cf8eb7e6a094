/*
 * manual: the man page, in man(7)'s macros, from the tables of commands, options and topics.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "commands/support/command.h"

enum { WIDTH = 64 };

/* Text in lines of about `width`: backslashes, dashes, which are to be typed, and
 * lines that would be requests are escaped. */
static void manual_lines(const char *text, int width, FILE *out)
{
    int column = 0;
    for (const char *p = text; *p; p++) {
        bool wrap = *p == '\n' || (*p == ' ' && column > width);
        if (column == 0 && (*p == '.' || *p == '\'')) fputs("\\&", out);
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(wrap ? '\n' : *p, out);
        column = wrap ? 0 : column + 1;
        while (wrap && p[1] == ' ') p++;
    }
}

static void manual_text(const char *text, FILE *out) { manual_lines(text, WIDTH, out); }

/* Blank lines between paragraphs become requests. */
static void manual_paragraphs(const char *text, FILE *out)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        char line[4096];
        size_t length = end ? (size_t)(end - text) : strlen(text);
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        fputs(".PP\n", out);
        manual_text(line, out);
        if (!length || line[strlen(line) - 1] != '\n') fputc('\n', out);
        text = end ? end + 2 : text + length;
    }
}

static void manual_option(const Option *o, FILE *out)
{
    fputs(".TP\n", out);
    if (o->id < 256) fprintf(out, "\\fB\\-%c\\fR, ", o->id);
    fputs("\\fB\\-\\-", out);
    manual_text(o->name, out);
    fputs("\\fR", out);
    if (o->argument) {
        fputs(" \\fI", out);
        manual_text(o->argument, out);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    manual_text(o->help, out);
    fputc('\n', out);
}

static void manual_command(const Command *c, FILE *out)
{
    fprintf(out, ".SS \"nnc ");
    manual_lines(c->usage, INT_MAX, out); /* a heading is one line */
    fputs("\"\n", out);
    fputc(toupper((unsigned char)c->summary[0]), out);
    manual_text(c->summary + 1, out);
    fputs(".\n", out);
    if (c->details) manual_paragraphs(c->details, out);
    for (const Option *o = c->options; o && o->name; o++) manual_option(o, out);
}

static void manual_head(FILE *out)
{
    fputs(".TH NNC 1 " NNC_VERSION_DATE " \"nnc " NNC_VERSION "\" \"User Commands\"\n"
          ".SH NAME\n"
          "nnc \\- compile and train convolutional networks\n"
          ".SH SYNOPSIS\n"
          "\\fBnnc\\fR \\fINET.nn\\fR \\fB\\-o\\fR \\fINET.c\\fR [\\fIoptions\\fR]\n"
          ".br\n"
          "\\fBnnc\\fR \\fIcommand\\fR [\\fIarguments\\fR]\n"
          ".SH DESCRIPTION\n"
          "\\fBnnc\\fR compiles the description of a convolutional network into C for the\nforward and the "
          "backward pass, with every\nshape fixed, and trains it in this process.\n"
          "The language is described in docs/language.md, which is installed with the\n"
          "documentation;\n"
          "\\fBnnc help layers\\fR and the other topics show it at the terminal.\n",
          out);
}

static void manual_tail(FILE *out)
{
    fputs(".SH EXIT STATUS\n"
          "0 success, 1 the input is wrong, 2 the command line is wrong,\n3 the system failed,\n"
          "4 a model has operators that cannot be expressed.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n\\fBCC\\fR\nThe C compiler that \\fB\\-\\-jit cc\\fR runs (default: cc);\n"
          "options in it count more than \\-O2 and others that nnc gives.\n"
          ".TP\n\\fBNNC_DATA\\fR\nThe directory in which known data sets are looked for first.\n"
          ".TP\n\\fBNNC_CACHE\\fR\nWith the value off, nothing is read from or kept in the cache directory.\n"
          ".TP\n\\fBNNC_INLINE\\fR\nHow \\fBnnc show\\fR draws in the terminal: auto, sixel, blocks, text or none.\n"
          ".TP\n\\fBXDG_CACHE_HOME\\fR\nThe cache is in nnc below it (default: ~/.cache).\n"
          ".TP\n\\fBNO_COLOR\\fR\nIf set, messages have no colours.\n",
          out);
}

void help_manual(FILE *out)
{
    manual_head(out);
    fputs(".SH COMMANDS\n", out);
    for (const Command *const *c = command_table; *c; c++) manual_command(*c, out);
    fputs(".SS \"nnc help [COMMAND | TOPIC | NAME]\"\n"
          "Shows the options of a command, the entries of a topic, or the meaning of\na name of the language.\n",
          out);
    manual_tail(out);
}
