/*
 * Files that appear whole or not at all: what is at a path before and after,
 * whatever fails in between.  Failures of the last moment are made by a writer
 * whose file cannot be renamed.
 */
#define _GNU_SOURCE /* O_TMPFILE */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/core/new_file.h"

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/nnc-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "cd / && rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* ---- fsync and rename, watched --------------------------------------------------------- */

static int synced_files, synced_folders;

/* In the place of libc's. */
int fsync(int fd)
{
    struct stat s;
    if (fstat(fd, &s) == 0) *(S_ISDIR(s.st_mode) ? &synced_folders : &synced_files) += 1;
    return (int)syscall(SYS_fsync, fd);
}

static ino_t lost; /* the file of that number cannot be renamed, once */

int rename(const char *from, const char *to)
{
    struct stat s;
    if (lost && stat(from, &s) == 0 && s.st_ino == lost) {
        lost = 0; /* its number will be another file's */
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- writers --------------------------------------------------------------------------- */

static int write_text(const void *text, int fd, const char *path, NnError *error)
{
    return nn_write_all(fd, text, strlen(text)) ? nn_fail_path(error, "write", path) : 0;
}

static int refuse(const void *text, int fd, const char *path, NnError *error)
{
    ck_assert_int_eq(write_text(text, fd, path, error), 0);
    return nn_fail(error, NN_BAD_INPUT, "refused");
}

/* Its rename will fail. */
static int lose_name(const void *text, int fd, const char *path, NnError *error)
{
    struct stat s;
    ck_assert_int_eq(fstat(fd, &s), 0);
    lost = s.st_ino;
    return write_text(text, fd, path, error);
}

static int die(const void *text, int fd, const char *path, NnError *error)
{
    write_text(text, fd, path, error);
    return raise(SIGKILL);
}

static int put(const char *path, const char *text, NnError *error)
{
    return nn_files_write(&(NnNewFile){path, write_text, text}, 1, error);
}

static void old(const char *path, const char *text)
{
    NnError error = {0};
    ck_assert_msg(put(path, text, &error) == 0, "%s", error.text);
}

static void ck_holds(const char *path, const char *text)
{
    char got[256] = "";
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is not there", path);
    got[fread(got, 1, sizeof got - 1, file)] = 0;
    fclose(file);
    ck_assert_str_eq(got, text);
}

/* The folder's names, hidden ones too, between blanks. */
static void ck_folder(const char *names)
{
    char got[512] = "";
    FILE *list = popen("LC_ALL=C ls -A | tr '\\n' ' '", "r");
    ck_assert_ptr_nonnull(list);
    got[fread(got, 1, sizeof got - 1, list)] = 0;
    pclose(list);
    ck_assert_str_eq(got, names);
}

/* ---- regular files ------------------------------------------------------------------------ */

START_TEST(files_are_replaced)
{
    NnError error = {0};
    struct stat s;
    umask(027);
    ck_assert_int_eq(put("a", "one", &error), 0);
    ck_assert(stat("a", &s) == 0 && (s.st_mode & 07777) == 0640);
    ck_assert_int_eq(chmod("a", 0604), 0);
    ck_assert_int_eq(put("a", "two", &error), 0);
    ck_assert(stat("a", &s) == 0 && (s.st_mode & 07777) == 0604);
    ck_holds("a", "two");
    ck_folder("a ");
}
END_TEST

/* Where files can be without a name. */
START_TEST(killed_writers_leave_nothing)
{
    NnError error = {0};
    int status, fd = open(".", O_WRONLY | O_TMPFILE, 0600);
    if (fd < 0) return;
    close(fd);
    old("a", "one");
    pid_t child = fork();
    if (child == 0) {
        nn_files_write(&(NnNewFile){"a", die, "two"}, 1, &error);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_holds("a", "one");
    ck_folder("a ");
}
END_TEST

START_TEST(files_and_folders_are_synced)
{
    NnError error = {0};
    synced_files = synced_folders = 0;
    ck_assert_int_eq(put("a", "one", &error), 0);
    ck_assert_int_eq(synced_files, 1);
    ck_assert_int_eq(synced_folders, 1);
}
END_TEST

START_TEST(links_stay_links)
{
    NnError error = {0};
    char text[64] = "";
    ck_assert_int_eq(mkdir("d", 0777), 0);
    old("d/file", "one");
    ck_assert_int_eq(symlink("d/next", "link"), 0);
    ck_assert_int_eq(symlink("file", "d/next"), 0);
    ck_assert_int_eq(put("link", "two", &error), 0);
    ck_holds("d/file", "two");
    ck_assert_int_gt(readlink("link", text, sizeof text - 1), 0);
    ck_assert_str_eq(text, "d/next");
    ck_assert_int_eq(symlink("d/new", "dangling"), 0); /* what it points to is made */
    ck_assert_int_eq(put("dangling", "three", &error), 0);
    ck_holds("d/new", "three");
    ck_assert_int_eq(symlink("loop", "loop"), 0);
    ck_assert_int_eq(put("loop", "four", &error), -1);
    ck_folder("d dangling link loop ");
}
END_TEST

/* ---- streams ------------------------------------------------------------------------------- */

START_TEST(fifos_are_written_through)
{
    NnError error = {0};
    struct stat s;
    char got[8] = "";
    ck_assert_int_eq(mkfifo("fifo", 0666), 0);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(nn_file_check("fifo", 100, &error), 0);
    ck_assert_int_eq(put("fifo", "text", &error), 0);
    ck_assert_int_eq(read(reader, got, sizeof got - 1), 4);
    ck_assert_str_eq(got, "text");
    ck_assert(lstat("fifo", &s) == 0 && S_ISFIFO(s.st_mode));
    ck_folder("fifo ");
}
END_TEST

START_TEST(sockets_are_written_through)
{
    NnError error = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    char got[8] = "";
    int door = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(door, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(door, 1), 0);
    ck_assert_int_eq(put("socket", "text", &error), 0);
    ck_assert_int_eq(read(accept(door, NULL, NULL), got, sizeof got - 1), 4);
    ck_assert_str_eq(got, "text");
    ck_folder("socket ");
}
END_TEST

START_TEST(descriptors_are_written_through)
{
    NnError error = {0};
    char path[32];
    int fd = open("a", O_RDWR | O_CREAT | O_TRUNC, 0666);
    struct stat before, after;
    ck_assert_int_eq(fstat(fd, &before), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    ck_assert_int_eq(symlink(path, "link"), 0);
    ck_assert_int_eq(put("link", "one ", &error), 0);
    ck_assert_int_eq(put(path, "two", &error), 0);
    ck_holds("a", "one two");
    ck_assert(stat("a", &after) == 0 && before.st_ino == after.st_ino);
    ck_folder("a link ");
}
END_TEST

/* A device that this test made itself: only root can, and not everywhere. */
START_TEST(devices_are_written_through)
{
    NnError error = {0};
    struct stat s;
    if (mknod("null", S_IFCHR | 0666, (dev_t)(1 << 8 | 3)) != 0) return;
    int fd = open("null", O_WRONLY);
    if (fd < 0) return; /* mounted with nodev */
    ck_assert_int_eq(put("null", "text", &error), 0);
    ck_assert(lstat("null", &s) == 0 && S_ISCHR(s.st_mode));
    ck_folder("null ");
}
END_TEST

/* ---- both or none --------------------------------------------------------------------------- */

typedef int (*Writer)(const void *, int, const char *, NnError *);

static int put_pair(Writer first, Writer second, NnError *error)
{
    const NnNewFile pair[] = {{"x.c", first, "new source"}, {"x.h", second, "new header"}};
    return nn_files_write(pair, 2, error);
}

START_TEST(pairs_are_written_both_or_none)
{
    static const Writer bad[] = {refuse, lose_name};
    NnError error = {0};
    Writer first = _i & 1 ? bad[_i >> 1] : write_text, second = _i & 1 ? write_text : bad[_i >> 1];
    ck_assert_int_eq(put_pair(first, second, &error), -1);
    ck_folder("");
    old("x.h", "old header");
    ck_assert_int_eq(put_pair(first, second, &error), -1);
    ck_holds("x.h", "old header");
    ck_folder("x.h ");
    old("x.c", "old source");
    ck_assert_int_eq(put_pair(first, second, &error), -1);
    ck_holds("x.c", "old source");
    ck_holds("x.h", "old header");
    ck_folder("x.c x.h ");
    ck_assert_int_eq(put_pair(write_text, write_text, &error), 0);
    ck_holds("x.c", "new source");
    ck_holds("x.h", "new header");
    ck_folder("x.c x.h ");
}
END_TEST

/* ---- found before ---------------------------------------------------------------------------- */

static void ck_refused(const char *path, const char *why)
{
    NnError error = {0};
    ck_assert_int_eq(nn_file_check(path, 10, &error), -1);
    ck_assert_msg(strstr(error.text, path) && strstr(error.text, why), "%s", error.text);
    error = (NnError){0};
    ck_assert_int_eq(put(path, "text", &error), -1);
    ck_assert_msg(strstr(error.text, path) && strstr(error.text, why), "%s", error.text);
}

START_TEST(what_cannot_be_written_is_found_before)
{
    NnError error = {0};
    char longest[257];
    memset(longest, 'x', sizeof longest);
    longest[256] = 0;
    ck_assert_int_eq(mkdir("d", 0777), 0);
    ck_assert_int_eq(symlink("d", "link"), 0);
    old("file", "one");
    ck_refused("d", "Is a directory");
    ck_refused("link", "Is a directory");
    ck_refused("d/", "Is a directory");
    ck_refused("none/x", "No such file");
    ck_refused("none/", "No such file");
    ck_refused("file/x", "Not a directory");
    ck_refused("", "No such file");
    ck_refused(longest, "File name too long");
    longest[255] = 0; /* the longest that there may be */
    ck_assert_int_eq(nn_file_check(longest, 10, &error), 0);
    ck_assert_int_eq(put(longest, "text", &error), 0);
    ck_assert_int_eq(unlink(longest), 0);
    ck_assert_int_eq(nn_file_check("file", 10, &error), 0);
    ck_holds("file", "one");
    ck_assert_int_eq(nn_file_check("file", (size_t)1 << 60, &error), -1);
    ck_folder("d file link ");
}
END_TEST

Suite *new_file_suite(void)
{
    Suite *suite = suite_create("new_file");
    TCase *t = tcase_create("new_file");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_test(t, files_are_replaced);
    tcase_add_test(t, killed_writers_leave_nothing);
    tcase_add_test(t, files_and_folders_are_synced);
    tcase_add_test(t, links_stay_links);
    tcase_add_test(t, fifos_are_written_through);
    tcase_add_test(t, sockets_are_written_through);
    tcase_add_test(t, descriptors_are_written_through);
    tcase_add_test(t, devices_are_written_through);
    tcase_add_loop_test(t, pairs_are_written_both_or_none, 0, 4);
    tcase_add_test(t, what_cannot_be_written_is_found_before);
    suite_add_tcase(suite, t);
    return suite;
}
