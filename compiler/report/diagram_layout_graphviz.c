/*
 * DiagramLayout by Graphviz: one run of its program dot for all drawings.
 *
 * Input and output are files, so neither side blocks on a full pipe.  Each graph
 * is answered in the -Tplain format (inches, y upwards):
 *
 *   graph scale width height
 *   node name x y width height …
 *   edge tail head n x1 y1 … xn yn …
 *   stop
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/diagram_layout.h"

extern char **environ;

enum { PER_INCH = 72 };

/* ---- asking -------------------------------------------------------------------- */

static void write_graph(const DiagramLayout *l, FILE *out)
{
    fputs("digraph { ranksep=0.3; nodesep=0.2; node [shape=box, fixedsize=true, label=\"\"]; edge [arrowhead=none];\n",
          out);
    for (int i = 0; i < l->boxes.count; i++) {
        const LayoutBox *b = l->boxes.at[i];
        fprintf(out, "n%d [width=%.4f, height=%.4f];\n", i, b->width / PER_INCH, b->height / PER_INCH);
    }
    for (int i = 0; i < l->edges.count; i++) {
        const LayoutEdge *e = l->edges.at[i];
        fprintf(out, "n%d -> n%d;\n", e->from, e->to);
    }
    fputs("}\n", out);
}

/* Starts dot between two files; its process, or −1. */
static pid_t start_dot(int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t process = -1;
    char *const argv[] = {"dot", "-Tplain", NULL};
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&process, "dot", &actions, NULL, argv, environ) != 0) process = -1;
    posix_spawn_file_actions_destroy(&actions);
    return process;
}

static bool run_dot(FILE *in, FILE *out)
{
    int status;
    if (fflush(in) != 0 || lseek(fileno(in), 0, SEEK_SET) != 0) return false;
    pid_t process = start_dot(fileno(in), fileno(out));
    if (process < 0) return false;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && fseek(out, 0, SEEK_SET) == 0;
}

/* ---- reading the answer ------------------------------------------------------------ */

static bool read_box(DiagramLayout *l, const char *line)
{
    int i;
    double x, y;
    if (sscanf(line, "node n%d %lf %lf", &i, &x, &y) != 3 || i < 0 || i >= l->boxes.count) return false;
    LayoutBox *b = l->boxes.at[i];
    b->x = x * PER_INCH;
    b->y = l->height - y * PER_INCH;
    return true;
}

static LayoutEdge *find_edge(DiagramLayout *l, int from, int to)
{
    for (int i = 0; i < l->edges.count; i++) {
        LayoutEdge *e = l->edges.at[i];
        if (e->from == from && e->to == to) return e;
    }
    return NULL;
}

static bool read_edge(Arena *arena, DiagramLayout *l, const char *line)
{
    int from, to, count, used;
    if (sscanf(line, "edge n%d n%d %d%n", &from, &to, &count, &used) != 3 || count < 1) return false;
    LayoutEdge *e = find_edge(l, from, to);
    if (!e) return false;
    e->at = arena_alloc(arena, (size_t)count * sizeof *e->at);
    for (e->points = 0; e->points < count; e->points++) {
        int more;
        double x, y;
        line += used;
        if (sscanf(line, "%lf %lf%n", &x, &y, &more) != 2) return false;
        e->at[e->points][0] = x * PER_INCH;
        e->at[e->points][1] = l->height - y * PER_INCH;
        used = more;
    }
    return true;
}

static bool read_graph(Arena *arena, DiagramLayout *l, FILE *in)
{
    char *line = NULL;
    size_t size = 0;
    bool good = true, ended = false;
    while (good && !ended && getline(&line, &size, in) > 0) {
        double scale;
        if (strncmp(line, "graph ", 6) == 0) {
            good = sscanf(line, "graph %lf %lf %lf", &scale, &l->width, &l->height) == 3;
            l->width *= PER_INCH;
            l->height *= PER_INCH;
        } else if (strncmp(line, "node ", 5) == 0)
            good = read_box(l, line);
        else if (strncmp(line, "edge ", 5) == 0)
            good = read_edge(arena, l, line);
        else
            ended = strncmp(line, "stop", 4) == 0;
    }
    free(line);
    return good && ended;
}

bool layout_graphviz(Arena *arena, const List *layouts)
{
    FILE *in = tmpfile(), *out = tmpfile();
    bool good = in && out;
    for (int i = 0; good && i < layouts->count; i++) write_graph(layouts->at[i], in);
    good = good && run_dot(in, out);
    for (int i = 0; good && i < layouts->count; i++) good = read_graph(arena, layouts->at[i], out);
    if (in) fclose(in);
    if (out) fclose(out);
    return good;
}
