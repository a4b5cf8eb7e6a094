/*
 * main: which of the commands the command line names.
 *
 * `nnc FILE.nn -o FILE.c` is the main form and needs no word of its own; a first
 * word that is neither a command nor looks like a file is a misspelt command.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "commands/support/command.h"

/* Words of the product that this version does not have. */
static const char *const later[] = {"export", NULL};

static int start(void)
{
    fputs("nnc compiles the description of a convolutional network into C.\n\n"
          "To start:\n"
          "  nnc train dsl_examples/lenet.nn         train LeNet on the digits shipped with nnc\n"
          "  nnc dsl_examples/lenet.nn -o lenet.c    write it as C: lenet.c and lenet.h\n"
          "  nnc report dsl_examples/lenet.nn        show its layers, shapes, parameters and memory\n"
          "  nnc help                                all commands\n",
          stderr);
    return STATUS_USAGE;
}

static int unknown_command(const char *word)
{
    const char *names[32];
    int n = 0;
    for (const Command *const *c = command_table; *c; c++) names[n++] = (*c)->name;
    names[n++] = "help";
    const char *near = nearest_name(word, names, n);
    if (near)
        fprintf(stderr, "nnc: unknown command '%s'; did you mean '%s'?\n", word, near);
    else
        fprintf(stderr, "nnc: unknown command '%s'\n", word);
    fputs("usage: nnc NET.nn -o NET.c, or nnc COMMAND …\n'nnc help' lists the commands\n", stderr);
    return STATUS_USAGE;
}

static int unknown_help(const char *name)
{
    Arena *arena = arena_new();
    const char *near = help_nearest(arena, name);
    fprintf(stderr, "nnc help: unknown command, topic or name '%s'%s%s%s\n'nnc help' lists the commands and topics\n",
            name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    arena_free(arena);
    return STATUS_USAGE;
}

/* --man and --completion SHELL: what `make install` installs. */
static int help_files(int argc, char **argv)
{
    bool completion = strcmp(argv[1], "--completion") == 0;
    if (!completion && argc == 2) {
        help_manual(stdout);
        return finish_output();
    }
    if (completion && argc == 3 && help_completion(argv[2], stdout)) return finish_output();
    fputs("usage: nnc help --man, or nnc help --completion bash, zsh or fish\n", stderr);
    return STATUS_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--man") == 0 || strcmp(argv[1], "--completion") == 0))
        return help_files(argc, argv);
    if (argc > 2) {
        fputs("nnc help takes one argument\nusage: nnc help [COMMAND | TOPIC | NAME]\n", stderr);
        return STATUS_USAGE;
    }
    if (argc < 2 || strcmp(argv[1], "help") == 0) {
        help_all(stdout);
        return finish_output();
    }
    const Command *command = command_find(argv[1]);
    if (command) help_command(command, stdout);
    bool found = command || help_word(argv[1], stdout);
    int status = finish_output();
    return found ? status : unknown_help(argv[1]);
}

static bool looks_like_file(const char *word)
{
    return strcmp(word, "-") == 0 || strpbrk(word, "./") || access(word, F_OK) == 0;
}

static bool is_later(const char *word)
{
    for (const char *const *w = later; *w; w++)
        if (strcmp(*w, word) == 0) return true;
    return false;
}

static int run_command(int argc, char **argv)
{
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return help(1, argv);
    if (strcmp(word, "help") == 0) return help(argc - 1, argv + 1);
    const Command *command = command_find(word);
    if (command) return command->run(argc - 1, argv + 1);
    if (word[0] == '-' || looks_like_file(word)) return command_compile.run(argc, argv);
    if (is_later(word)) {
        fprintf(stderr, "nnc: command '%s' is not implemented\n'nnc help' lists the commands\n", word);
        return STATUS_USAGE;
    }
    return unknown_command(word);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write (finish_output), */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that grows beyond its limit */
    return argc < 2 ? start() : run_command(argc, argv);
}
