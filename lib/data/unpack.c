/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/unpack.c - libarchive behind four calls: open, next, save, close.
 *
 * Only tar and raw, only gzip, xz and zstd: each further reader would be one more door for
 * hostile bytes.  Whether a file is a tar is decided here and not by libarchive, which takes 512
 * zero bytes (a black image, say) for the end of one.
 */
#include "data/unpack.h"
#include "core/file.h"
#include "data/checksum.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 16)

static amp_status fail_archive(const ampi_unpack *unpack, amp_error *error)
{
    const char *const text = archive_error_string(unpack->archive);
    const int code = archive_errno(unpack->archive);
    const amp_status status = code == ENOMEM ? AMP_E_NOMEM : code == EIO ? AMP_E_IO : AMP_E_FORMAT;

    return ampi_fail(error, status, "dataset", "%s: %s", ampi_path_tail(unpack->path),
                     text ? text : "unreadable");
}

static void close_archive(ampi_unpack *unpack)
{
    if (unpack->archive)
        (void)archive_read_free(unpack->archive);
    unpack->archive = NULL;
    unpack->entry = NULL;
}

/* ARCHIVE_WARN would mean an outside program in place of the missing decompressor. */
static bool support(struct archive *archive, bool tar)
{
    return archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
           archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
           archive_read_support_filter_zstd(archive) == ARCHIVE_OK &&
           (tar ? archive_read_support_format_tar(archive)
                : archive_read_support_format_raw(archive)) == ARCHIVE_OK;
}

static amp_status start(ampi_unpack *unpack, bool tar, amp_error *error)
{
    close_archive(unpack);
    if (lseek(unpack->fd, 0, SEEK_SET) != 0)
        return ampi_fail_errno(error, AMP_E_IO, "dataset", errno, "%s",
                               ampi_path_tail(unpack->path));
    unpack->archive = archive_read_new();
    if (!unpack->archive)
        return ampi_fail_nomem(error, "dataset", BLOCK);
    if (!support(unpack->archive, tar))
        return ampi_fail(error, AMP_E_UNSUPPORTED, "dataset",
                         "%s: this libarchive lacks gzip, xz or zstd",
                         ampi_path_tail(unpack->path));
    if (archive_read_open_fd(unpack->archive, unpack->fd, BLOCK) != ARCHIVE_OK)
        return fail_archive(unpack, error);
    return AMP_OK;
}

/* ---- reading a member ---- */

/* Up to `size` bytes; *got 0 = the end of the member. */
static amp_status read_some(ampi_unpack *unpack, void *out, size_t size, size_t *got,
                            amp_error *error)
{
    const la_ssize_t read = archive_read_data(unpack->archive, out, size);
    const la_int64_t consumed = archive_filter_bytes(unpack->archive, -1);

    if (read < 0)
        return fail_archive(unpack, error);
    *got = (size_t)read;
    unpack->unpacked += *got;
    if (unpack->unpacked > AMPI_STORE_MAX_BYTES && !unpack->plain)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: unpacks to more than %llu bytes",
                         ampi_path_tail(unpack->path), (unsigned long long)AMPI_STORE_MAX_BYTES);
    return ampi_progress(unpack->source->progress, unpack->source->progress_user, unpack->stage,
                         consumed > 0 ? (uint64_t)consumed : 0, unpack->file_bytes, error);
}

static amp_status read_full(ampi_unpack *unpack, uint8_t *out, size_t size, size_t *got,
                            amp_error *error)
{
    size_t part = 1;

    for (*got = 0; *got < size && part > 0; *got += part)
        AMPI_TRY(read_some(unpack, out + *got, size - *got, &part, error));
    return AMP_OK;
}

amp_status ampi_unpack_peek(ampi_unpack *unpack, amp_error *error)
{
    if (unpack->n_peeked > 0)
        return AMP_OK;
    return read_full(unpack, unpack->peeked, sizeof unpack->peeked, &unpack->n_peeked, error);
}

/* What peek took, then the rest. */
static amp_status read_member(ampi_unpack *unpack, uint8_t *out, size_t size, size_t *got,
                              amp_error *error)
{
    if (unpack->n_peeked == 0)
        return read_full(unpack, out, size, got, error);
    *got = unpack->n_peeked;
    memcpy(out, unpack->peeked, *got);
    unpack->n_peeked = 0;
    return AMP_OK;
}

/* ---- members ---- */

static amp_status first_header(ampi_unpack *unpack, amp_error *error)
{
    const int result = archive_read_next_header(unpack->archive, &unpack->entry);

    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return fail_archive(unpack, error);
    unpack->plain = archive_filter_count(unpack->archive) == 1;
    return AMP_OK;
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t length = strlen(text), tail_length = strlen(tail);

    return length >= tail_length && strcmp(text + length - tail_length, tail) == 0;
}

/* POSIX and GNU tar write a magic word; older ones are known by their file's name. */
static bool looks_like_tar(const ampi_unpack *unpack)
{
    static const char *const tails[] = { ".tar",     ".tar.gz", ".tgz", ".tar.xz",
                                         ".tar.zst", ".txz",    ".tzst" };

    if (unpack->head_bytes == AMPI_UNPACK_HEAD && memcmp(unpack->head + 257, "ustar", 5) == 0)
        return true;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (ends_with(unpack->path, tails[i]))
            return true;
    }
    return false;
}

/* ---- checksums ---- */

/* gzip ends with the CRC and the size of its last stream.  Equal sizes mean that there is one
   stream, so that its CRC is that of all bytes. */
static amp_status check_gzip(const ampi_unpack *unpack, uint32_t crc, amp_error *error)
{
    uint8_t tail[8];
    ampi_cursor cursor = { tail, tail + sizeof tail };
    uint32_t stored = 0, size = 0;

    if (unpack->file_bytes < sizeof tail ||
        pread(unpack->fd, tail, sizeof tail, (off_t)(unpack->file_bytes - sizeof tail)) !=
            (ssize_t)sizeof tail)
        return ampi_fail(error, AMP_E_IO, "dataset", "%s: its last 8 bytes cannot be read",
                         ampi_path_tail(unpack->path));
    (void)ampi_read_u32le(&cursor, &stored);
    (void)ampi_read_u32le(&cursor, &size);
    if (size != (uint32_t)unpack->unpacked || stored == crc)
        return AMP_OK;
    return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: gzip checksum %08x, the bytes have %08x",
                     ampi_path_tail(unpack->path), (unsigned)stored, (unsigned)crc);
}

/* Unpacks the whole once before any of it is believed: libarchive verifies no gzip checksum, and
   stops at the end of a tar, before the checksum of xz and zstd. */
static amp_status verify(ampi_unpack *unpack, amp_error *error)
{
    uint32_t crc = ampi_crc32(0, unpack->head, unpack->head_bytes);
    const bool gzip = archive_filter_code(unpack->archive, 0) == ARCHIVE_FILTER_GZIP;
    uint8_t block[4096];
    size_t got = 1;

    while (got > 0) {
        AMPI_TRY(read_some(unpack, block, sizeof block, &got, error));
        if (gzip)
            crc = ampi_crc32(crc, block, got);
    }
    return gzip ? check_gzip(unpack, crc, error) : AMP_OK;
}

static bool needs_verify(const ampi_unpack *unpack)
{
    return !unpack->plain &&
           (unpack->tar || archive_filter_code(unpack->archive, 0) == ARCHIVE_FILTER_GZIP);
}

/* ---- opening ---- */

static amp_status open_file(ampi_unpack *unpack, amp_error *error)
{
    AMPI_TRY(ampi_open_regular(unpack->path, &unpack->fd, &unpack->file_bytes, error));
    if (unpack->file_bytes == 0)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: the file is empty",
                         ampi_path_tail(unpack->path));
    AMPI_TRY(start(unpack, false, error));
    AMPI_TRY(first_header(unpack, error));
    AMPI_TRY(read_full(unpack, unpack->head, AMPI_UNPACK_HEAD, &unpack->head_bytes, error));
    unpack->tar = looks_like_tar(unpack);
    return AMP_OK;
}

/* From the head, which open has read, to the first member. */
static amp_status begin(ampi_unpack *unpack, amp_error *error)
{
    if (needs_verify(unpack))
        AMPI_TRY(verify(unpack, error));
    unpack->unpacked = 0;
    unpack->stage = "unpack";
    unpack->begun = true;
    return start(unpack, unpack->tar, error);
}

amp_status ampi_unpack_open(ampi_unpack **out, ampi_source *source, const char *path,
                            amp_error *error)
{
    ampi_unpack *const unpack = ampi_alloc(source->context, 1, sizeof *unpack);
    amp_status status;

    *out = NULL;
    if (!unpack)
        return ampi_fail_nomem(error, "dataset", sizeof *unpack);
    unpack->source = source;
    unpack->path = path;
    unpack->fd = -1;
    unpack->stage = "check";
    status = open_file(unpack, error);
    if (status)
        ampi_unpack_close(unpack);
    else
        *out = unpack;
    return status;
}

void ampi_unpack_close(ampi_unpack *unpack)
{
    if (!unpack)
        return;
    close_archive(unpack);
    if (unpack->fd >= 0)
        (void)close(unpack->fd);
    ampi_free(unpack->source->context, unpack->name);
    ampi_free(unpack->source->context, unpack->link);
    ampi_free(unpack->source->context, unpack);
}

/* Passes over what is left of a member, counting it: archive_read_data_skip would unpack any
   number of bytes without a word. */
static amp_status skip_rest(ampi_unpack *unpack, amp_error *error)
{
    uint8_t waste[4096];
    size_t got = 1;

    if (!unpack->entry)
        return AMP_OK;
    if (unpack->plain)
        return archive_read_data_skip(unpack->archive) == ARCHIVE_OK ? AMP_OK
                                                                     : fail_archive(unpack, error);
    while (got > 0)
        AMPI_TRY(read_some(unpack, waste, sizeof waste, &got, error));
    return AMP_OK;
}

/* "./a//b" -> "a/b": archives write one name in many ways. */
static void tidy(char *name)
{
    const char *from = name;
    char *to = name;

    while (*from) {
        const size_t length = strcspn(from, "/");
        if (length > 0 && !(length == 1 && from[0] == '.')) {
            if (to > name)
                *to++ = '/';
            memmove(to, from, length);
            to += length;
        }
        from += length;
        from += *from == '/';
    }
    *to = '\0';
}

static amp_status set_name(ampi_unpack *unpack, char **out, const char *name, amp_error *error)
{
    ampi_free(unpack->source->context, *out);
    *out = ampi_strdup(unpack->source->context, name);
    if (!*out)
        return ampi_fail_nomem(error, "dataset", strlen(name) + 1);
    tidy(*out);
    return AMP_OK;
}

/* libarchive may fail to turn a UTF-8 name into the locale's bytes; then the UTF-8 is taken. */
static amp_status take_names(ampi_unpack *unpack, amp_error *error)
{
    const char *name = unpack->tar ? archive_entry_pathname(unpack->entry) : "";
    const char *link = unpack->tar ? archive_entry_hardlink(unpack->entry) : NULL;

    if (!name)
        name = archive_entry_pathname_utf8(unpack->entry);
    if (!link && unpack->tar)
        link = archive_entry_hardlink_utf8(unpack->entry);
    if (!name)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: member %llu has no readable name",
                         ampi_path_tail(unpack->path), (unsigned long long)unpack->members);
    AMPI_TRY(set_name(unpack, &unpack->name, name, error));
    if (link)
        return set_name(unpack, &unpack->link, link, error);
    ampi_free(unpack->source->context, unpack->link);
    unpack->link = NULL;
    return AMP_OK;
}

/* A tar ends with blocks of zeros: less than one past its last member is a tar cut short. */
static amp_status at_end(ampi_unpack *unpack, la_int64_t before, amp_error *error)
{
    unpack->entry = NULL;
    if (!unpack->tar || archive_filter_bytes(unpack->archive, 0) - before >= 512)
        return AMP_OK;
    return ampi_fail(error, AMP_E_FORMAT, "dataset",
                     "%s: ends after member %llu without an end-of-archive block",
                     ampi_path_tail(unpack->path), (unsigned long long)unpack->members);
}

static amp_status next_header(ampi_unpack *unpack, bool *more, amp_error *error)
{
    la_int64_t before;
    int result;

    AMPI_TRY(skip_rest(unpack, error));
    before = archive_filter_bytes(unpack->archive, 0);
    result = archive_read_next_header(unpack->archive, &unpack->entry);
    *more = result != ARCHIVE_EOF;
    unpack->n_peeked = 0;
    if (!*more)
        return at_end(unpack, before, error);
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return fail_archive(unpack, error);
    unpack->plain = archive_filter_count(unpack->archive) == 1;
    unpack->data_at = (uint64_t)archive_filter_bytes(unpack->archive, 0);
    if (++unpack->members > AMPI_DATA_MAX_IMAGES)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: more than %u members",
                         ampi_path_tail(unpack->path), AMPI_DATA_MAX_IMAGES);
    return AMP_OK;
}

amp_status ampi_unpack_next(ampi_unpack *unpack, bool *more, amp_error *error)
{
    if (!unpack->begun)
        AMPI_TRY(begin(unpack, error));
    do
        AMPI_TRY(next_header(unpack, more, error));
    while (*more && archive_entry_filetype(unpack->entry) != AE_IFREG &&
           !archive_entry_hardlink(unpack->entry));
    return *more ? take_names(unpack, error) : AMP_OK;
}

/* ---- keeping a member ---- */

static amp_status too_large(const ampi_unpack *unpack, uint64_t limit, amp_error *error)
{
    return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: %s is larger than %llu bytes",
                     ampi_path_tail(unpack->path), ampi_path_tail(unpack->name),
                     (unsigned long long)limit);
}

static amp_status append(ampi_unpack *unpack, uint64_t limit, ampi_extent *out, amp_error *error)
{
    ampi_store *const store = &unpack->source->store;
    uint8_t *const block = ampi_alloc_raw(unpack->source->context, BLOCK, 1);
    amp_status status = AMP_OK;
    size_t got = 1;

    *out = (ampi_extent){ -1, store->size, 0 };
    if (!block)
        return ampi_fail_nomem(error, "dataset", BLOCK);
    while (!status && got > 0) {
        status = read_member(unpack, block, BLOCK, &got, error);
        if (!status && got > limit - out->size)
            status = too_large(unpack, limit, error);
        if (!status)
            status = ampi_store_append(store, block, got, error);
        out->size = store->size - out->offset;
    }
    ampi_free(unpack->source->context, block);
    return status;
}

/* Where the member lies in a plain archive, believed only when its first bytes are there. */
static bool in_place(ampi_unpack *unpack, uint64_t limit, ampi_extent *out)
{
    const la_int64_t size = archive_entry_size(unpack->entry);
    uint8_t first[sizeof unpack->peeked];

    *out = (ampi_extent){ unpack->fd, unpack->data_at, (uint64_t)size };
    return unpack->tar && unpack->plain && unpack->n_peeked > 0 && size > 0 && out->size <= limit &&
           archive_entry_sparse_count(unpack->entry) == 0 && out->offset <= unpack->file_bytes &&
           out->size <= unpack->file_bytes - out->offset &&
           pread(unpack->fd, first, unpack->n_peeked, (off_t)out->offset) ==
               (ssize_t)unpack->n_peeked &&
           memcmp(first, unpack->peeked, unpack->n_peeked) == 0;
}

amp_status ampi_unpack_save(ampi_unpack *unpack, uint64_t limit, ampi_extent *out, amp_error *error)
{
    AMPI_TRY(ampi_unpack_peek(unpack, error));
    return in_place(unpack, limit, out) ? AMP_OK : append(unpack, limit, out, error);
}

amp_status ampi_unpack_text(ampi_unpack *unpack, size_t limit, char **out, size_t *size,
                            amp_error *error)
{
    char *const text = ampi_alloc(unpack->source->context, limit + 2, 1);
    amp_status status;

    *out = NULL;
    if (!text)
        return ampi_fail_nomem(error, "dataset", limit + 2);
    status = read_full(unpack, (uint8_t *)text, limit + 1, size, error);
    if (!status && *size > limit)
        status = too_large(unpack, limit, error);
    if (status) {
        ampi_free(unpack->source->context, text);
        return status;
    }
    text[*size] = '\0';
    *out = text;
    return AMP_OK;
}

amp_status ampi_unpack_keep_plain(ampi_unpack *unpack, ampi_extent *out, amp_error *error)
{
    const int fd = unpack->fd;

    *out = (ampi_extent){ fd, 0, unpack->file_bytes };
    unpack->fd = -1;
    return ampi_source_keep_file(unpack->source, fd, error);
}
