/*
 * options: the command line of one command, read by its table of options.
 *
 * Enters: argc and argv.  Leaves: option after option, then the operands.
 * getopt_long does the work; this file makes its tables from ours, so that one
 * table serves parsing, the help and the suggestions.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/support/command.h"

enum { MAX_OPTIONS = 64, HELP = 'h' };

/* ---- messages ------------------------------------------------------------ */

/* "nnc" alone for the main form, which has no word of its own. */
static void print_command(const Command *command)
{
    if (command == &command_compile)
        fputs("nnc", stderr);
    else
        fprintf(stderr, "nnc %s", command->name);
}

static void print_hint(const Command *command)
{
    fprintf(stderr, "usage: nnc %s\n", command->usage);
    fprintf(stderr, "'nnc help %s' lists the options\n", command->name);
}

int usage_error(const Command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_command(command);
    fputs(": ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    print_hint(command);
    va_end(args);
    return STATUS_USAGE;
}

int fail(Status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("nnc: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

/* Standard output is a pipe that nobody reads any longer. */
static bool output_is_closed(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

int finish_output(void)
{
    bool bad = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0 || bad) {
        if (output_is_closed()) signal(SIGPIPE, SIG_DFL), raise(SIGPIPE); /* as `nnc … | head` expects */
        return fail(STATUS_SYSTEM, "cannot write standard output: %s", errno ? strerror(errno) : "write error");
    }
    return STATUS_OK;
}

bool stderr_color(void)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && !(no && *no) && !(terminal && strcmp(terminal, "dumb") == 0);
}

/* ---- tables for getopt_long ---------------------------------------------- */

static int option_count(const Command *command)
{
    int count = 0;
    while (command->options && command->options[count].name) count++;
    return count;
}

static const Option *option_by_id(const Command *command, int id)
{
    for (int i = 0; i < option_count(command); i++)
        if (command->options[i].id == id) return &command->options[i];
    return NULL;
}

static bool is_optional(const Option *o) { return o->argument && *o->argument == '['; }

static int argument_kind(const Option *o)
{
    return is_optional(o) ? optional_argument : o->argument ? required_argument : no_argument;
}

static void make_tables(const Command *command, struct option *longs, char *shorts)
{
    int n = option_count(command);
    *shorts++ = ':'; /* a missing argument is told apart */
    *shorts++ = HELP;
    for (int i = 0; i < n; i++) {
        const Option *o = &command->options[i];
        longs[i] = (struct option){o->name, argument_kind(o), NULL, o->id};
        if (o->id < 256) {
            *shorts++ = (char)o->id;
            if (o->argument) *shorts++ = ':';
        }
    }
    longs[n] = (struct option){"help", no_argument, NULL, HELP};
    longs[n + 1] = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

/* ---- what is wrong ------------------------------------------------------- */

static int bad_long(const Command *command, const char *name, int length)
{
    const char *names[MAX_OPTIONS];
    int n = option_count(command);
    for (int i = 0; i < n; i++) names[i] = command->options[i].name;
    char *copy = strndup(name, (size_t)length);
    const char *near = copy ? nearest_name(copy, names, n) : NULL;
    if (near)
        usage_error(command, "unknown option --%.*s; did you mean --%s?", length, name, near);
    else
        usage_error(command, "unknown option --%.*s", length, name);
    free(copy);
    return OPTIONS_BAD;
}

/* getopt_long leaves in optopt: an unknown letter; the id of an option that was
 * given an argument and takes none; 0 for an unknown or ambiguous long name. */
static int bad_option(OptionReader *r)
{
    if (optopt && option_by_id(r->command, optopt)) {
        usage_error(r->command, "--%s takes no argument", option_by_id(r->command, optopt)->name);
        return OPTIONS_BAD;
    }
    if (optopt) {
        usage_error(r->command, "unknown option -%c", optopt);
        return OPTIONS_BAD;
    }
    const char *name = r->argv[optind - 1] + 2;
    int length = (int)strcspn(name, "=");
    for (int i = 0; i < option_count(r->command); i++)
        if (strncmp(r->command->options[i].name, name, (size_t)length) == 0) {
            usage_error(r->command, "--%.*s is ambiguous", length, name);
            return OPTIONS_BAD;
        }
    return bad_long(r->command, name, length);
}

/* ---- reading ------------------------------------------------------------- */

void options_begin(OptionReader *r, const Command *command, int argc, char **argv)
{
    *r = (OptionReader){.command = command, .argc = argc, .argv = argv};
}

static int end_of_options(OptionReader *r)
{
    r->operands = r->argv + optind;
    r->operand_count = r->argc - optind;
    return OPTIONS_END;
}

/* An argument that may be left out is the next word, unless that is an option or a net. */
static const char *optional_value(const OptionReader *r)
{
    const char *word = optind < r->argc ? r->argv[optind] : "-", *ending = strrchr(word, '.');
    if (*word == '-' || (ending && strcmp(ending, ".nn") == 0)) return NULL;
    optind++;
    return word;
}

int options_next(OptionReader *r)
{
    struct option longs[MAX_OPTIONS + 2];
    char shorts[2 * MAX_OPTIONS + 4];
    make_tables(r->command, longs, shorts);
    if (!r->started) optind = 0; /* getopt starts anew */
    r->started = true;
    opterr = 0;
    int id = getopt_long(r->argc, r->argv, shorts, longs, NULL);
    r->value = optarg;
    if (id == -1) return end_of_options(r);
    if (id == HELP) {
        help_command(r->command, stdout);
        exit(finish_output());
    }
    if (id == '?') return bad_option(r);
    const Option *option = option_by_id(r->command, id == ':' ? optopt : id);
    if (id == ':') {
        usage_error(r->command, "--%s needs an argument: %s", option->name, option->argument);
        return OPTIONS_BAD;
    }
    if (is_optional(option) && !r->value) r->value = optional_value(r);
    return id;
}

bool options_one_file(const OptionReader *r)
{
    if (r->operand_count == 1) return true;
    if (r->operand_count == 0)
        usage_error(r->command, "missing input file ('-' is standard input)");
    else
        usage_error(r->command, "takes one file: '%s' is one too many", r->operands[1]);
    return false;
}

/* ---- numbers ------------------------------------------------------------- */

bool option_int(const Command *command, const char *name, const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end) {
        usage_error(command, "--%s takes an integer, not '%s'", name, text);
        return false;
    }
    if (errno == ERANGE || n < min || n > max) {
        usage_error(command, "--%s is %s; it must be from %lld to %lld", name, text, (long long)min, (long long)max);
        return false;
    }
    *value = n;
    return true;
}

/* 1000000000, not 1e+09 */
static const char *bound_digits(double bound, char text[32])
{
    snprintf(text, 32, fabs(bound) < 1e15 && bound == floor(bound) ? "%.0f" : "%g", bound);
    return text;
}

bool option_real(const Command *command, const char *name, const char *text, double min, double max, double *value)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || isnan(x)) {
        usage_error(command, "--%s takes a number, not '%s'", name, text);
        return false;
    }
    if (x < min || x > max) {
        char low[32], high[32];
        usage_error(command, "--%s is %s; it must be from %s to %s", name, text, bound_digits(min, low),
                    bound_digits(max, high));
        return false;
    }
    *value = x;
    return true;
}

bool option_bytes(const Command *command, const char *name, const char *text, int64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) end++;
    if (unit && (strcmp(end, "iB") == 0 || strcmp(end, "B") == 0)) end += strlen(end);
    for (long i = unit ? unit - units + 1 : 0; i > 0; i--) value *= 1024;
    if (end == text || *end || !(value >= 1) || value > 1e13) {
        usage_error(command, "--%s takes a size such as 8G or 512M (1 to 8T), not '%s'", name, text);
        return false;
    }
    *bytes = (int64_t)value;
    return true;
}
