/*
 * completions: scripts that complete nnc's command line in bash, zsh and fish, from the tables
 * of commands and options.
 *
 * An argument that is a choice (tcc|cc) completes to its words, anything else to files.  The
 * main form (nnc NET.nn -o NET.c) has the options of `compile`.
 */
#include <string.h>

#include "commands/support/command.h"

/* The words of tcc|cc, apart by spaces; false where the argument is no choice. */
static bool put_choices(const Option *o, FILE *out)
{
    if (!o->argument || !strchr(o->argument, '|')) return false;
    for (const char *p = o->argument; *p; p++) fputc(*p == '|' ? ' ' : *p, out);
    return true;
}

static bool is_choice(const Option *o) { return o->argument && strchr(o->argument, '|'); }

/* ---- bash ------------------------------------------------------------------------------ */

static void bash_options(const Command *c, FILE *out)
{
    for (const Option *o = c->options; o && o->name; o++) {
        if (o->id < 256) fprintf(out, "-%c ", o->id);
        fprintf(out, "--%s ", o->name);
    }
    fputs("--help", out);
}

static void bash_choices(const Command *c, FILE *out)
{
    for (const Option *o = c->options; o && o->name; o++) {
        if (!is_choice(o)) continue;
        fprintf(out, "        %s:--%s) words='", c->name, o->name);
        put_choices(o, out);
        fputs("' ;;\n", out);
    }
}

static void bash_completion(FILE *out)
{
    fputs("# bash completion of nnc, made by nnc help --completion bash.\n"
          "_nnc() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command=${COMP_WORDS[1]} words=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='help --version --help",
          out);
    for (const Command *const *c = command_table; *c; c++) fprintf(out, " %s", (*c)->name);
    fputs("'\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\"; compgen -f -- \"$current\")\n"
          "        return\n"
          "    fi\n"
          "    case $command in\n"
          "    help) words='layers combinators blocks losses optimizers schedules training",
          out);
    for (const Command *const *c = command_table; *c; c++) fprintf(out, " %s", (*c)->name);
    fputs("'\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "        return ;;\n",
          out);
    for (const Command *const *c = command_table; *c; c++) fprintf(out, "    %s) ;;\n", (*c)->name);
    fputs("    *) command=compile ;;\n"
          "    esac\n"
          "    case $command:$previous in\n",
          out);
    for (const Command *const *c = command_table; *c; c++) bash_choices(*c, out);
    fputs("    *)\n"
          "        case $command in\n",
          out);
    for (const Command *const *c = command_table; *c; c++) {
        fprintf(out, "        %s) words='", (*c)->name);
        bash_options(*c, out);
        fputs("' ;;\n", out);
    }
    fputs("        esac\n"
          "        [ \"${current#-}\" != \"$current\" ] || words=\n"
          "        ;;\n"
          "    esac\n"
          "    if [ -n \"$words\" ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "    else\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F _nnc nnc\n",
          out);
}

/* ---- zsh ------------------------------------------------------------------------------- */

/* In '…' of a specification: quotes, brackets and colons are escaped. */
static void zsh_text(const char *text, FILE *out)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *p))
            fprintf(out, "\\%c", *p);
        else
            fputc(*p, out);
    }
}

static void zsh_argument(const Option *o, FILE *out)
{
    if (!o->argument) return;
    fputs(*o->argument == '[' ? "::" : ":", out); /* it may be left out */
    zsh_text(o->argument, out);
    fputc(':', out);
    if (!is_choice(o)) {
        fputs("_files", out);
        return;
    }
    fputc('(', out);
    put_choices(o, out);
    fputc(')', out);
}

static void zsh_option(const Option *o, FILE *out)
{
    if (o->id < 256)
        fprintf(out, "        '(-%c --%s)'{-%c,--%s}'[", o->id, o->name, o->id, o->name);
    else
        fprintf(out, "        '*--%s[", o->name);
    zsh_text(o->help, out);
    fputc(']', out);
    zsh_argument(o, out);
    fputs("' \\\n", out);
}

static void zsh_completion(FILE *out)
{
    fputs("#compdef nnc\n"
          "# zsh completion of nnc, made by nnc help --completion zsh.\n"
          "_nnc() {\n"
          "    local -a commands\n"
          "    commands=(\n"
          "        'help:show help'\n",
          out);
    for (const Command *const *c = command_table; *c; c++) {
        fprintf(out, "        '%s:", (*c)->name);
        zsh_text((*c)->summary, out);
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        _files\n"
          "        return\n"
          "    fi\n"
          "    case $words[2] in\n"
          "    help) _describe command commands; return ;;\n",
          out);
    for (const Command *const *c = command_table; *c; c++) {
        const char *name = (*c)->name;
        fprintf(out, "    %s%s)\n        shift words; (( CURRENT-- ))\n        _arguments -s \\\n", name,
                *c == &command_compile ? "|*.nn|-" : "");
        for (const Option *o = (*c)->options; o && o->name; o++) zsh_option(o, out);
        fputs("        '*:file:_files' ;;\n", out);
    }
    fputs("    esac\n}\n_nnc \"$@\"\n", out);
}

/* ---- fish ------------------------------------------------------------------------------ */

static void fish_text(const char *text, FILE *out)
{
    fputc('\'', out);
    for (const char *p = text; *p; p++) {
        if (*p == '\'' || *p == '\\') fputc('\\', out);
        fputc(*p, out);
    }
    fputc('\'', out);
}

static void fish_option(const Command *c, const Option *o, FILE *out)
{
    fprintf(out, "complete -c nnc -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->id < 256) fprintf(out, " -s %c", o->id);
    if (is_choice(o)) {
        fputs(" -x -a '", out);
        put_choices(o, out);
        fputc('\'', out);
    } else if (o->argument && *o->argument != '[') {
        fputs(" -r", out);
    }
    fputs(" -d ", out);
    fish_text(o->help, out);
    fputc('\n', out);
}

static void fish_completion(FILE *out)
{
    fputs("# fish completion of nnc, made by nnc help --completion fish.\n", out);
    for (const Command *const *c = command_table; *c; c++) {
        fprintf(out, "complete -c nnc -n __fish_use_subcommand -a %s -d ", (*c)->name);
        fish_text((*c)->summary, out);
        fputc('\n', out);
        for (const Option *o = (*c)->options; o && o->name; o++) fish_option(*c, o, out);
    }
    fputs("complete -c nnc -n __fish_use_subcommand -a help -d 'show help'\n", out);
}

bool help_completion(const char *shell, FILE *out)
{
    static const struct {
        const char *shell;
        void (*write)(FILE *);
    } shells[] = {{"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].shell, shell) != 0) continue;
        shells[i].write(out);
        return true;
    }
    return false;
}
