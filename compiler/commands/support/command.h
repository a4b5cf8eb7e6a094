/*
 * command: what `nnc NAME …` does, one file per command.
 *
 * Enters: the command line.  Leaves: an exit status.  The table of commands is
 * in command_table.c; a command declares its options as a table, which serves parsing,
 * `nnc help NAME` and the suggestions for misspelt ones.
 */
#ifndef NNC_COMMAND_H
#define NNC_COMMAND_H

#include "base/base.h"

typedef enum Status {
    STATUS_OK = 0,
    STATUS_INPUT = 1,  /* the input is wrong */
    STATUS_USAGE = 2,  /* the command line is wrong */
    STATUS_SYSTEM = 3, /* no memory, disk full, no compiler */
    STATUS_REFUSED = 4 /* a model has operators that the language has not */
} Status;

/* ---- the table ---------------------------------------------------------- */

/* An option; a table of them ends with a name of NULL. */
typedef struct Option {
    int id;               /* its short letter, or a number from 256 */
    const char *name;     /* long name, without dashes */
    const char *argument; /* "FILE", "N", …; "[FILE]": may be left out; NULL: takes none */
    const char *help;     /* one line */
} Option;

typedef struct Command {
    const char *name;
    const char *summary; /* one line for `nnc help` */
    const char *usage;   /* "train NET.nn [options]" */
    const Option *options;
    const char *details;               /* further text of `nnc help NAME`, or NULL */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns a Status */
} Command;

extern const Command command_compile, command_build, command_check, command_train, command_eval, command_report,
    command_fmt, command_bench, command_predict, command_data, command_show, command_trace, command_page,
    command_verify, command_import, command_export, command_quantize;

extern const Command *const command_table[]; /* NULL at the end */
const Command *command_find(const char *name);

/* ---- reading options ---------------------------------------------------- */

enum { OPTIONS_END = -1, OPTIONS_BAD = -2 };

/*
 *   OptionReader r;
 *   options_begin(&r, &command_train, argc, argv);
 *   for (int id; (id = options_next(&r)) != OPTIONS_END;) {
 *       if (id == OPTIONS_BAD) return STATUS_USAGE;
 *       …r.value…
 *   }
 *   …r.operands[0 … r.operand_count)…
 *
 * options_next answers --help itself (prints, and exits with status 0), and
 * prints the message of every OPTIONS_BAD.
 */
typedef struct OptionReader {
    const Command *command;
    int argc;
    char **argv;
    const char *value; /* of the option just read; NULL where it takes none, or it was left out */
    char **operands;   /* after OPTIONS_END: what is no option */
    int operand_count;
    bool started;
} OptionReader;

void options_begin(OptionReader *, const Command *, int argc, char **argv);
int options_next(OptionReader *);
bool options_one_file(const OptionReader *); /* false and a message where the operands are not one file */

/* Numbers of options; false and a message when `text` is none or is outside min..max. */
bool option_int(const Command *, const char *name, const char *text, int64_t min, int64_t max, int64_t *value);
bool option_real(const Command *, const char *name, const char *text, double min, double max, double *value);

/* 1000000, 512M, 1.5GiB: K, M, G and T are powers of 1024. */
bool option_bytes(const Command *, const char *name, const char *text, int64_t *bytes);

/* Prints "nnc COMMAND: text" and where the help is; returns STATUS_USAGE. */
int usage_error(const Command *, const char *format, ...) PRINTF_LIKE(2, 3);
/* Prints "nnc: error: text"; returns the status. */
int fail(Status, const char *format, ...) PRINTF_LIKE(2, 3);
/* Flushes standard output; STATUS_SYSTEM and a message when not all could be written. */
int finish_output(void);

/* Whether standard error takes colours: a terminal, and no NO_COLOR. */
bool stderr_color(void);

int print_version(void); /* version.c: of nnc, its targets and compilers; returns a Status */

void help_command(const Command *, FILE *);
void help_all(FILE *);

/* What the language has (language_help.c): a topic, such as "layers", or a name, such
 * as "conv".  False where there is none of that name. */
bool help_word(const char *name, FILE *);
void help_topics(FILE *);
void help_manual(FILE *);                        /* the man page */
bool help_completion(const char *shell, FILE *); /* of bash, zsh or fish; false for another one */
/* The nearest name of a command, a topic or a word, or NULL. */
const char *help_nearest(Arena *, const char *name);

#endif
