/*
 * The index of a set of images: it is believed as long as the files are as they were, and not
 * one moment longer.
 */
#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/data/dataset.h"
#include "runtime/data/image_index.h"
#include "tests/unit/files.h"
#include "tests/unit/streams.h"

enum { INDEXED = 256, FALSIFIED = 7, LIE = 2 };

static char index_folder[96];

static const char *indexed_name(int i)
{
    static char name[64];
    snprintf(name, sizeof name, "photos/class_%d/%03d.png", i * 2 / INDEXED, i);
    return name;
}

static uint64_t identity_of_photos(const char *index)
{
    NnError error;
    Dataset *data = dataset_open(in_folder("photos"), &(DatasetOptions){.index = index, .survey = true}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    const uint64_t identity = data->identity;
    dataset_free(data);
    return identity;
}

/* The entry of an image is found, and another hash is put there. */
static void falsify(int number)
{
    struct stat status;
    ImageFacts facts = {0};
    ImageIndex *index = image_index_open(index_folder, in_folder("photos"), INDEXED);
    ck_assert_ptr_nonnull(index);
    ck_assert_int_eq(stat(in_folder(indexed_name(number)), &status), 0);
    const uint64_t stamp = image_index_stamp(index, indexed_name(number) + strlen("photos"), &status);
    ck_assert_uint_ne(stamp, 0);
    ck_assert(image_index_find(index, (size_t)number, stamp, &facts));
    ck_assert(!image_index_find(index, (size_t)number - 1, stamp, &facts));
    ck_assert(!image_index_find(index, (size_t)number, stamp + 1, &facts));
    ck_assert_int_eq(facts.height, 8);
    ck_assert_int_eq(facts.width, 9);
    ck_assert(!facts.grey);
    facts.hash += LIE;
    image_index_put(index, (size_t)number, stamp, &facts);
    image_index_close(index);
}

/* Other pixels, as many bytes, and the old time of the last change. */
static void change_behind(const char *name)
{
    struct stat status;
    unsigned char last[1];
    ck_assert_int_eq(stat(in_folder(name), &status), 0);
    const int fd = open(in_folder(name), O_RDWR);
    ck_assert_int_eq(pread(fd, last, 1, status.st_size - 1), 1);
    last[0] ^= 1;
    ck_assert_int_eq(pwrite(fd, last, 1, status.st_size - 1), 1);
    ck_assert_int_eq(futimens(fd, (struct timespec[]){status.st_atim, status.st_mtim}), 0);
    close(fd);
}

/* The index is cut to `size` bytes, then its last one is changed. */
static void damage_index(off_t size)
{
    glob_t found;
    ck_assert_int_eq(glob(in_folder("index/????????????????"), 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    FILE *file = fopen(found.gl_pathv[0], "r+b");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(ftruncate(fileno(file), size), 0);
    ck_assert_int_eq(fseek(file, -1, SEEK_END), 0);
    const int last = fgetc(file);
    ck_assert_int_eq(fseek(file, -1, SEEK_END), 0);
    ck_assert_int_eq(fputc(last ^ 1, file), last ^ 1);
    ck_assert_int_eq(fclose(file), 0);
    globfree(&found);
}

static off_t size_of_index(void)
{
    glob_t found;
    struct stat status = {0};
    if (glob(in_folder("index/*"), 0, NULL, &found) == 0) {
        ck_assert_uint_eq(found.gl_pathc, 1); /* no temporary file beside it */
        ck_assert_int_eq(stat(found.gl_pathv[0], &status), 0);
    }
    globfree(&found);
    return status.st_size;
}

static void write_photos(void)
{
    for (int i = 0; i < INDEXED; i++) write_picture(indexed_name(i), 8, 9, i);
    snprintf(index_folder, sizeof index_folder, "%s", in_folder("index"));
    ck_assert_int_eq(mkdir(index_folder, 0700), 0);
}

/* What was changed in this moment could change again without another time: it is not kept. */
START_TEST(fresh_files_are_not_indexed)
{
    struct stat status;
    write_photos();
    const uint64_t identity = identity_of_photos(NULL);
    ck_assert_uint_eq(identity_of_photos(index_folder), identity);
    ImageIndex *index = image_index_open(index_folder, in_folder("photos"), INDEXED);
    ck_assert_int_eq(stat(in_folder(indexed_name(0)), &status), 0);
    ck_assert_uint_eq(image_index_stamp(index, "name", &status), 0);
    ck_assert(!image_index_find(index, 0, 0, &(ImageFacts){0}));
    image_index_close(index);
    ck_assert_ptr_null(image_index_open(index_folder, in_folder("photos"), INDEXED - 1)); /* too few */
    ck_assert_ptr_null(image_index_open(NULL, in_folder("photos"), INDEXED));
    ck_assert_uint_eq(identity_of_photos("/nowhere"), identity);
}
END_TEST

START_TEST(index_follows_the_files)
{
    write_photos();
    const uint64_t identity = identity_of_photos(NULL);
    sleep(4);
    ck_assert_uint_eq(identity_of_photos(index_folder), identity);
    const off_t size = size_of_index();
    ck_assert_int_gt(size, INDEXED * 16);
    ck_assert_uint_eq(identity_of_photos(index_folder), identity);

    falsify(FALSIFIED); /* so that it shows whether the index is asked */
    ck_assert_uint_eq(identity_of_photos(index_folder), identity + LIE);
    change_behind(indexed_name(FALSIFIED));
    const uint64_t changed = identity_of_photos(NULL);
    ck_assert_uint_ne(changed, identity);
    ck_assert_uint_eq(identity_of_photos(index_folder), changed);

    /* Another image is found, and those of other names are read. */
    falsify(FALSIFIED + 1);
    ck_assert_uint_eq(identity_of_photos(index_folder), changed + LIE);
    ck_assert_int_eq(rename(in_folder("photos/class_0/008.png"), in_folder("photos/class_0/0080.png")), 0);
    ck_assert_uint_eq(identity_of_photos(index_folder), identity_of_photos(NULL));
    write_picture("photos/class_0/0000.png", 8, 9, 1);
    ck_assert_uint_eq(identity_of_photos(index_folder), identity_of_photos(NULL));
    ck_assert_int_eq(remove(in_folder("photos/class_0/0000.png")), 0);
    ck_assert_int_eq(rename(in_folder("photos/class_0/0080.png"), in_folder("photos/class_0/008.png")), 0);
    ck_assert_uint_eq(identity_of_photos(index_folder), changed);

    /* A damaged one is as good as none, at every length, and is written anew. */
    for (off_t cut = 1; cut <= size; cut += cut < 30 || cut > size - 30 ? 1 : 97) {
        falsify(INDEXED - 1);
        damage_index(cut);
        ck_assert_uint_eq(identity_of_photos(index_folder), changed);
        ck_assert_int_eq(size_of_index(), size);
    }
}
END_TEST

Suite *image_index_suite(void)
{
    Suite *suite = suite_create("image index");
    TCase *tcase = tcase_create("image index");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, fresh_files_are_not_indexed);
    tcase_add_test(tcase, index_follows_the_files);
    suite_add_tcase(suite, tcase);
    return suite;
}
