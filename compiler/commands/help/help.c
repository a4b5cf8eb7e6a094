/*
 * help: what `nnc help` and `nnc help COMMAND` print, from the tables of
 * commands and of their options, so that it cannot fall behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/support/command.h"

const Command *command_find(const char *name)
{
    for (const Command *const *c = command_table; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}

void help_all(FILE *out)
{
    fputs("nnc compiles the description of a convolutional network into C, and trains it.\n\n"
          "usage: nnc NET.nn -o NET.c [options]     write NET.c and NET.h\n"
          "       nnc COMMAND [arguments]\n\ncommands:\n",
          out);
    for (const Command *const *c = command_table; *c; c++) fprintf(out, "  %-9s %s\n", (*c)->name, (*c)->summary);
    fputs("  help      this text, or the options of a COMMAND, the entries of a TOPIC,\n"
          "            the meaning of a NAME of the language; --man: the man page;\n"
          "            --completion bash, zsh or fish: completion of the command line\n\ntopics:\n",
          out);
    help_topics(out);
    fputs("\n      --version   the version\n\n"
          "Exit status: 0 success, 1 the input is wrong, 2 the command line is wrong,\n"
          "3 the system failed, 4 a model has operators that cannot be expressed.\n"
          "'-' stands for standard input or output.\n",
          out);
}

static void help_option(const Option *o, FILE *out)
{
    char left[64];
    bool letter = o->id < 256;
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", letter ? '-' : ' ', letter ? o->id : ' ', letter ? ", " : "  ",
             o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    fprintf(out, "  %-26s%s%s\n", left, strlen(left) > 25 ? "\n                            " : "", o->help);
}

void help_command(const Command *command, FILE *out)
{
    fprintf(out, "%s\n\nusage: nnc %s\n\noptions:\n", command->summary, command->usage);
    for (const Option *o = command->options; o && o->name; o++) help_option(o, out);
    fputs("  -h, --help                this text\n", out);
    if (command->details) fprintf(out, "\n%s", command->details);
}
