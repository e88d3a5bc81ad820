/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/folder.c - images in a folder: a class a sub-folder, or all of them without a class.
 */
#include "data/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDERS 1000000u
#define MAX_DEPTH 64u
#define MAX_PATH 4096u
#define NO_PARENT SIZE_MAX

/* A folder found, in the order found; its files and folders are looked at later. */
typedef struct folder {
    size_t parent; /* index, or NO_PARENT for the root */
    dev_t device;
    ino_t inode;
} folder;

typedef struct walk {
    ampi_source *source;
    ampi_strings names; /* below the root; "" the root itself */
    folder *items;      /* [names.count] */
    size_t capacity;
} walk;

static amp_status add_folder(walk *all, size_t parent, const char *name, const struct stat *info,
                             amp_error *error)
{
    folder *item;

    if (all->names.count >= MAX_FOLDERS)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: more than %u folders",
                         ampi_path_tail(all->source->entries.root), MAX_FOLDERS);
    AMPI_TRY(ampi_grow(all->source->context, &all->items, &all->capacity, all->names.count + 1,
                       sizeof *all->items, error));
    item = &all->items[all->names.count];
    item->parent = parent;
    item->device = info->st_dev;
    item->inode = info->st_ino;
    return ampi_strings_add(&all->names, name, strlen(name), error);
}

/* True when the folder is one of those that lead to it: a link that goes round. */
static amp_status check_chain(const walk *all, size_t parent, const struct stat *info, bool *loop,
                              amp_error *error)
{
    unsigned depth = 0;

    *loop = false;
    for (size_t at = parent; at != NO_PARENT; at = all->items[at].parent) {
        *loop = *loop ||
                (all->items[at].device == info->st_dev && all->items[at].inode == info->st_ino);
        depth++;
    }
    if (depth < MAX_DEPTH)
        return AMP_OK;
    return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: folders more than %u deep",
                     ampi_path_tail(all->source->entries.root), MAX_DEPTH);
}

/* ---- one folder ---- */

/* The first bytes decide for names that do not. */
static bool looks_like_image(int at, const char *name)
{
    uint8_t head[8];
    bool image = false;
    int fd;

    if (ampi_entries_image_name(name))
        return true;
    fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    const ssize_t got = read(fd, head, sizeof head);
    image = got > 0 && ampi_entries_image_head(head, (size_t)got);
    (void)close(fd);
    return image;
}

static amp_status take_folder(walk *all, size_t parent, const char *path, const struct stat *info,
                              amp_error *error)
{
    bool loop;

    AMPI_TRY(check_chain(all, parent, info, &loop, error));
    return loop ? AMP_OK : add_folder(all, parent, path, info, error);
}

/* A link that leads nowhere is kept when it is called like an image: reading it will say so. */
static amp_status take(walk *all, size_t parent, int at, const char *name, amp_error *error)
{
    const char *const folder_name = ampi_strings_get(&all->names, parent);
    const bool inner = folder_name[0] != '\0';
    struct stat info;
    char path[MAX_PATH];
    const int length = snprintf(path, sizeof path, "%s%s%s", folder_name, inner ? "/" : "", name);

    if (length < 0 || (size_t)length >= sizeof path)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: a path longer than %u bytes",
                         ampi_path_tail(folder_name), MAX_PATH);
    if (fstatat(at, name, &info, 0) != 0)
        return ampi_entries_image_name(name) ? ampi_entries_add(all->source, path, NULL, error)
                                             : AMP_OK;
    if (S_ISDIR(info.st_mode))
        return take_folder(all, parent, path, &info, error);
    if (S_ISREG(info.st_mode) && looks_like_image(at, name))
        return ampi_entries_add(all->source, path, NULL, error);
    return AMP_OK;
}

static amp_status fail_folder(const walk *all, size_t index, int code, amp_error *error)
{
    return ampi_fail_errno(error, AMP_E_IO, "dataset", code, "%s/%s",
                           ampi_path_tail(all->source->entries.root),
                           ampi_path_tail(ampi_strings_get(&all->names, index)));
}

static amp_status open_folder(const walk *all, size_t index, DIR **out, amp_error *error)
{
    char path[2 * MAX_PATH];

    (void)snprintf(path, sizeof path, "%s/%s", all->source->entries.root,
                   ampi_strings_get(&all->names, index));
    *out = opendir(path);
    return *out ? AMP_OK : fail_folder(all, index, errno, error);
}

static amp_status read_folder(walk *all, size_t index, amp_error *error)
{
    ampi_source *const source = all->source;
    amp_status status = AMP_OK;
    const struct dirent *entry;
    DIR *stream;

    AMPI_TRY(ampi_progress(source->progress, source->progress_user, "walk", source->entries.count,
                           0, error));
    AMPI_TRY(open_folder(all, index, &stream, error));
    do {
        errno = 0;
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this thread's alone */
        entry = readdir(stream);
        if (entry && entry->d_name[0] != '.')
            status = take(all, index, dirfd(stream), entry->d_name, error);
        else if (!entry && errno != 0)
            status = fail_folder(all, index, errno, error);
    } while (entry && !status);
    (void)closedir(stream);
    return status;
}

/* ---- the whole ---- */

static amp_status walk_all(walk *all, amp_error *error)
{
    const char *const root = all->source->entries.root;
    struct stat info;

    if (stat(root, &info) != 0)
        return ampi_fail_errno(error, AMP_E_IO, "dataset", errno, "%s", ampi_path_tail(root));
    if (!S_ISDIR(info.st_mode))
        return ampi_fail(error, AMP_E_IO, "dataset", "%s: not a folder", ampi_path_tail(root));
    AMPI_TRY(add_folder(all, NO_PARENT, "", &info, error));
    for (size_t i = 0; i < all->names.count; i++)
        AMPI_TRY(read_folder(all, i, error));
    return ampi_entries_sort(all->source, error);
}

/* PATH, or PATH/PART. */
static amp_status set_root(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    const size_t size = strlen(spec->path) + strlen(spec->part) + 2;
    char *const root = ampi_alloc(source->context, size, 1);

    if (!root)
        return ampi_fail_nomem(error, "dataset", size);
    source->entries.root = root;
    (void)snprintf(root, size, "%s%s%s", spec->path, spec->part[0] ? "/" : "", spec->part);
    if (size > MAX_PATH)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: a path longer than %u bytes",
                         ampi_path_tail(root), MAX_PATH);
    return AMP_OK;
}

amp_status ampi_folder_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    walk all = { .source = source };
    amp_status status;

    AMPI_TRY(set_root(source, spec, error));
    ampi_strings_init(&all.names, source->context);
    status = walk_all(&all, error);
    ampi_strings_clear(&all.names);
    ampi_free(source->context, all.items);
    AMPI_TRY(status);
    AMPI_TRY(ampi_entries_label_by_folder(source, 0, error));
    return ampi_entries_finish(source, (uint32_t)source->class_names.count, spec, error);
}

amp_status ampi_image_file_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    source->entries.root = ampi_strdup(source->context, "");
    if (!source->entries.root)
        return ampi_fail_nomem(error, "dataset", 1);
    AMPI_TRY(ampi_entries_add(source, spec->path, NULL, error));
    return ampi_entries_finish(source, 0, spec, error);
}
