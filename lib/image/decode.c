/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/decode.c - bytes of a file to RGB8: the door that all files come through.
 *
 * First step of scoring.  The format is told by the first bytes, never by a name;
 * decode_jpeg.c and decode_png.c do the work.
 */
#include "image/decode.h"
#include "core/file.h"
#include <string.h>

typedef struct signature {
    size_t offset, length;
    const char *bytes;
    amp_status (*decode)(ampi_decode *decode);
} signature;

static amp_status refuse_apple(ampi_decode *decode)
{
    return ampi_fail(decode->error, AMP_E_UNSUPPORTED, "image",
                     "PNG: an Apple CgBI file, which is not standard PNG");
}

/* The first row that matches counts. */
static const signature signatures[] = {
    { 12, 4, "CgBI", refuse_apple },
    { 0, 8, "\x89PNG\r\n\x1a\n", ampi_decode_png },
    { 0, 3, "\xff\xd8\xff", ampi_decode_jpeg },
};

static amp_status refuse_unknown(const ampi_decode *decode)
{
    const uint8_t *b = decode->bytes;

    if (decode->size < 4)
        return ampi_fail(decode->error, AMP_E_FORMAT, "image", "%zu bytes are no image",
                         decode->size);
    return ampi_fail(decode->error, AMP_E_UNSUPPORTED, "image",
                     "neither JPEG nor PNG: begins with %02x %02x %02x %02x", b[0], b[1], b[2],
                     b[3]);
}

static amp_status decode_bytes(ampi_decode *decode)
{
    const size_t rows = sizeof signatures / sizeof signatures[0];

    for (size_t i = 0; i < rows; i++) {
        const signature *s = &signatures[i];

        if (decode->size >= s->offset + s->length &&
            memcmp(decode->bytes + s->offset, s->bytes, s->length) == 0)
            return s->decode(decode);
    }
    return refuse_unknown(decode);
}

/* The name of the file in front of what was said about it. */
static void name_error(const char *name, amp_error *error)
{
    amp_error said;

    if (!name || !error)
        return;
    said = *error;
    (void)ampi_fail(error, said.status, said.where, "%s: %s", ampi_path_tail(name), said.message);
}

amp_status ampi_image_decode_named(amp_image **out, amp_context *context,
                                   const ampi_image_source *source,
                                   const amp_image_options *options, amp_error *error)
{
    ampi_decode decode = {
        .bytes = source->bytes, .size = source->size, .orientation = 1, .error = error
    };
    amp_status status;

    *out = NULL;
    AMPI_TRY(ampi_image_options_read(&decode.options, options, error));
    AMPI_TRY(ampi_context_get(&decode.context, context, error));
    status = decode_bytes(&decode);
    if (status == AMP_OK) {
        *out = decode.image;
        decode.image = NULL;
    } else {
        name_error(source->name, error);
    }
    amp_image_free(decode.image);
    amp_context_unref(decode.context);
    return status;
}

amp_status amp_image_decode(amp_image **out, amp_context *context, const void *bytes, size_t size,
                            const amp_image_options *options, amp_error *error)
{
    const ampi_image_source source = { NULL, bytes, size };

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "out is NULL");
    *out = NULL;
    if (!bytes)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "bytes is NULL");
    return ampi_image_decode_named(out, context, &source, options, error);
}

amp_status amp_image_open(amp_image **out, amp_context *context, const char *path,
                          const amp_image_options *options, amp_error *error)
{
    amp_image_options known;
    amp_context *own = NULL;
    uint8_t *bytes = NULL;
    ampi_image_source source = { path, NULL, 0 };
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "out is NULL");
    *out = NULL;
    if (!path)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "path is NULL");
    AMPI_TRY(ampi_image_options_read(&known, options, error));
    AMPI_TRY(ampi_context_get(&own, context, error));
    status =
        ampi_file_read(own, path, known.max_bytes < SIZE_MAX ? (size_t)known.max_bytes : SIZE_MAX,
                       &bytes, &source.size, "image", error);
    if (status != AMP_OK)
        goto done;
    source.bytes = bytes;
    status = ampi_image_decode_named(out, own, &source, options, error);
done:
    ampi_free(own, bytes);
    amp_context_unref(own);
    return status;
}
