/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c - every allocation of every kind of source failing in turn. */
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opens, reads an image, splits. */
static amp_status use(amp_context *context, void *user, amp_error *error)
{
    const uint64_t indices[] = { 1, 0 };
    amp_dataset *dataset = NULL, *part = NULL, *rest = NULL, *held = NULL;
    amp_image *image = NULL;
    amp_status status = amp_dataset_open(&dataset, context, user, NULL, error);

    if (!status)
        status = amp_dataset_get(dataset, 0, &image, error);
    if (!status)
        status = amp_dataset_subset(&part, dataset, 2, indices, error);
    if (!status)
        status = amp_dataset_split(&rest, &held, part, 1, 0, error);
    amp_image_free(image);
    amp_dataset_free(dataset);
    amp_dataset_free(part);
    amp_dataset_free(rest);
    amp_dataset_free(held);
    return status;
}

static char folder[4096];

static void put(const char *name, const void *bytes, size_t size)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    test_write_file(path, bytes, size);
}

/* Two classes of two images, a list of them and tars of them. */
static void make_files(void)
{
    static const char list[] = "a/1.png cat\na/2.png dog\nb/1.png cat\n";
    char command[9000];

    snprintf(folder, sizeof folder, "%s/set", test_scratch());
    fixture_write_pngs("set/a/1.png set/a/2.png set/b/1.png set/b/2.png");
    put("list", list, strlen(list));
    snprintf(command, sizeof command,
             "cd '%s' && ln -f a/1.png b/3.png && tar cf ../t.tar a b && gzip -k ../t.tar", folder);
    ck_assert_int_eq(system(command), 0);
}

/* head, path, tail make the spec. */
static void check(const char *head, const char *path, const char *tail)
{
    char spec[8200];

    snprintf(spec, sizeof spec, "%s%s%s", head, path, tail);
    test_out_of_memory(use, spec);
}

START_TEST(image_files)
{
    make_files();
    check("folder:", folder, "");
    check("", folder, "");
    check("list:", folder, "/list");
    check("tar:", folder, "/../t.tar");
    check("tar:", folder, "/../t.tar.gz");
}
END_TEST

START_TEST(records)
{
    static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                            0, 1, 0, 0, 0, 2, 1, 2, 3, 4 };
    static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };

    check("cifar10:", fixture_cifar("plain", 3), "");
    check("cifar10:", fixture_cifar_gz("packed", 3), "?sample=2");
    snprintf(folder, sizeof folder, "%s", test_scratch());
    put("images", images, sizeof images);
    put("labels", labels, sizeof labels);
    check("idx:", folder, "/images");
    ck_assert_int_eq(chdir(folder), 0);
    check("idx:", "images,labels", "");
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { image_files, records, NULL };
    return test_suite("data.memory", tests);
}

TEST_MAIN(suite)
