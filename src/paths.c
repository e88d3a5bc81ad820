/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/paths.c - operands, folders and standard input as one stream of paths.
 */
#define _GNU_SOURCE
#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEEPEST 64

typedef struct walk {
    paths_visit visit;
    paths_bad bad;
    void *user;
} walk;

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
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

static bool walk_folder(const walk *w, const char *folder, int depth);

static bool walk_entry(const walk *w, const char *folder, const char *name, int depth)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    const bool slash = folder[strlen(folder) - 1] != '/';
    char *const path = malloc(size);
    bool go_on = true;

    if (!path) {
        w->bad(w->user, folder, "out of memory");
        return false;
    }
    (void)snprintf(path, size, "%s%s%s", folder, slash ? "/" : "", name);
    if (is_folder(path))
        go_on = walk_folder(w, path, depth + 1);
    else if (looks_like_image(name))
        go_on = w->visit(w->user, path);
    free(path);
    return go_on;
}

static bool walk_folder(const walk *w, const char *folder, int depth)
{
    struct dirent **entries = NULL;
    bool go_on = true;
    int n;

    /* Deeper than any real tree: a loop of links. */
    if (depth > DEEPEST) {
        w->bad(w->user, folder, "folders are nested too deeply");
        return true;
    }
    n = scandir(folder, &entries, not_hidden, by_bytes);
    if (n < 0) {
        w->bad(w->user, folder, strerror(errno));
        return true;
    }
    for (int i = 0; i < n; i++) {
        if (go_on)
            go_on = walk_entry(w, folder, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return go_on;
}

static bool walk_operand(const walk *w, const char *path)
{
    return is_folder(path) ? walk_folder(w, path, 0) : w->visit(w->user, path);
}

static bool walk_input(const walk *w)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool go_on = true;

    while (go_on && (length = getline(&line, &capacity, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            line[--length] = '\0';
        if (length > 0)
            go_on = walk_operand(w, line);
    }
    if (ferror(stdin))
        w->bad(w->user, "-", "cannot read the standard input");
    free(line);
    return go_on;
}

bool paths_walk(int n, char **operands, paths_visit visit, paths_bad bad, void *user)
{
    const walk w = { visit, bad, user };
    bool go_on = true;

    for (int i = 0; go_on && i < n; i++)
        go_on = strcmp(operands[i], "-") == 0 ? walk_input(&w) : walk_operand(&w, operands[i]);
    return go_on;
}
