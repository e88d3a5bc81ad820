/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/paths.c - operands, folders and standard input as one stream of paths.
 */
#define _GNU_SOURCE
#include "paths.h"

#include "cli.h"
#include "lines.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEEPEST 64

/* A folder being walked, and the ones that it lies in. */
typedef struct trail {
    const struct trail *above;
    dev_t device;
    ino_t inode;
    int depth;
} trail;

static bool is_folder(const char *path, struct stat *info)
{
    return stat(path, info) == 0 && S_ISDIR(info->st_mode);
}

static bool is_on(const trail *at, const struct stat *info)
{
    for (; at; at = at->above) {
        if (at->device == info->st_dev && at->inode == info->st_ino)
            return true;
    }
    return false;
}

static bool looks_like_image(const char *name)
{
    const char *const dot = strrchr(name, '.');

    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                   strcasecmp(dot, ".jpeg") == 0);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk_folder(const paths_client *client, const char *folder, const struct stat *info,
                        const trail *above);

static bool walk_entry(const paths_client *client, const char *folder, const char *name,
                       const trail *here)
{
    const bool slash = folder[strlen(folder) - 1] != '/';
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *const path = malloc(size);
    struct stat info;
    bool go_on = true;

    if (!path)
        return client->bad(client->user, folder, "out of memory");
    (void)snprintf(path, size, "%s%s%s", folder, slash ? "/" : "", name);
    if (is_folder(path, &info))
        go_on = walk_folder(client, path, &info, here);
    else if (looks_like_image(name))
        go_on = client->visit(client->user, path);
    free(path);
    return go_on;
}

static bool walk_folder(const paths_client *client, const char *folder, const struct stat *info,
                        const trail *above)
{
    const trail here = { above, info->st_dev, info->st_ino, above ? above->depth + 1 : 0 };
    struct dirent **entries = NULL;
    bool go_on = true;
    int n;

    if (is_on(above, info))
        return true;
    if (here.depth > DEEPEST)
        return client->bad(client->user, folder, "folders are nested too deeply");
    n = scandir(folder, &entries, not_hidden, by_bytes);
    if (n < 0)
        return client->bad(client->user, folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (go_on)
            go_on = walk_entry(client, folder, entries[i]->d_name, &here);
        free(entries[i]);
    }
    free(entries);
    return go_on;
}

static bool walk_operand(const paths_client *client, const char *path)
{
    struct stat info;

    return is_folder(path, &info) ? walk_folder(client, path, &info, NULL)
                                  : client->visit(client->user, path);
}

static bool walk_input(const paths_client *client)
{
    bool go_on = true;
    lines input;

    lines_start(&input, client->end);
    while (go_on) {
        const char *path = NULL;
        const lines_state state = lines_next(&input, &path);
        if (state == LINES_END)
            break;
        if (state == LINES_STOPPED)
            go_on = false;
        else if (state == LINES_WAIT)
            go_on = client->idle(client->user) && lines_wait();
        else if (state == LINES_BAD)
            go_on = client->bad(client->user, "-", path);
        else if (*path)
            go_on = walk_operand(client, path);
    }
    return go_on;
}

bool paths_walk(const paths_client *client, int n, char **operands)
{
    bool go_on = true;

    for (int i = 0; go_on && i < n; i++)
        go_on =
            strcmp(operands[i], "-") == 0 ? walk_input(client) : walk_operand(client, operands[i]);
    return go_on;
}
