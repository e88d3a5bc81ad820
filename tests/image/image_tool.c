/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_tool.c - the image room as a server on standard input and output, for Python tests.
 *
 * A request is a line of words, then the number of bytes that it announces:
 *   decode ALPHA R G B MAX_PIXELS SIZE
 *   resize WIDTH HEIGHT NEW_WIDTH NEW_HEIGHT CHANNELS FILTER SIZE
 *   prepare WIDTH HEIGHT TEXT SIZE             (pixels -> uint8, then float32 planes)
 *   transform KIND TOP LEFT HEIGHT WIDTH FLIP JITTER BRIGHTNESS SIGMA GREY TEXT SIZE
 * The answer is "ok WIDTH HEIGHT SIZE" and as many bytes, or "error STATUS MESSAGE".
 */
#include "image/image_internal.h"
#include "image/resize.h"
#include "image/transform.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 1024

static void answer(uint32_t width, uint32_t height, const void *bytes, size_t size)
{
    printf("ok %u %u %zu\n", (unsigned)width, (unsigned)height, size);
    (void)fwrite(bytes, 1, size, stdout);
    (void)fflush(stdout);
}

static void refuse(const amp_error *error)
{
    printf("error %d %s\n", (int)error->status, error->message);
    (void)fflush(stdout);
}

/* A request that this program cannot read is a fault of the test. */
static void check(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "image_tool: %s\n", what);
    exit(2);
}

static void *take(size_t size)
{
    void *bytes = malloc(size ? size : 1);

    check(bytes != NULL, "out of memory");
    check(fread(bytes, 1, size, stdin) == size, "input ends early");
    return bytes;
}

static void do_decode(const char *line)
{
    amp_image_options options;
    amp_error error;
    amp_image *image;
    unsigned background[3];
    unsigned long long max_pixels;
    size_t size;
    void *bytes;

    amp_image_options_init(&options, sizeof options);
    check(sscanf(line, "decode %d %u %u %u %llu %zu", &options.alpha, &background[0],
                 &background[1], &background[2], &max_pixels, &size) == 6,
          line);
    for (int i = 0; i < 3; i++)
        options.background[i] = (uint8_t)background[i];
    if (max_pixels > 0)
        options.max_pixels = max_pixels;
    bytes = take(size);
    if (amp_image_decode(&image, NULL, bytes, size, &options, &error) == AMP_OK)
        answer(amp_image_width(image), amp_image_height(image), amp_image_rgb8(image, NULL),
               (size_t)3 * amp_image_width(image) * amp_image_height(image));
    else
        refuse(&error);
    amp_image_free(image);
    free(bytes);
}

static void do_resize(const char *line)
{
    unsigned w, h, new_w, new_h, channels;
    ampi_resize_job job = { 0 };
    amp_error error;
    size_t size, out_size;
    void *in, *out;

    check(sscanf(line, "resize %u %u %u %u %u %d %zu", &w, &h, &new_w, &new_h, &channels,
                 &job.filter, &size) == 7,
          line);
    check(size == (size_t)w * h * channels, "resize: wrong size");
    in = take(size);
    out_size = (size_t)new_w * new_h * channels;
    out = malloc(out_size);
    check(out != NULL, "out of memory");
    job = (ampi_resize_job){ .in = in,
                             .row_bytes = (size_t)w * channels,
                             .channels = channels,
                             .x = { w, new_w, 0, new_w },
                             .y = { h, new_h, 0, new_h },
                             .filter = job.filter,
                             .out = out };
    if (ampi_resize(NULL, &job, &error) == AMP_OK)
        answer(new_w, new_h, out, out_size);
    else
        refuse(&error);
    free(in);
    free(out);
}

static ampi_prepare parse(const char *text)
{
    ampi_prepare prepare;
    amp_error error = { 0 };

    check(ampi_prepare_parse(&prepare, text, &error) == AMP_OK, error.message);
    return prepare;
}

static void do_prepare(const char *line)
{
    unsigned w, h;
    char text[LINE];
    amp_error error;
    ampi_prepare p;
    ampi_raster raster;
    size_t size, n;
    uint8_t *in, *out;

    check(sscanf(line, "prepare %u %u %1000s %zu", &w, &h, text, &size) == 4, line);
    check(size == (size_t)w * h * 3, "prepare: wrong size");
    p = parse(text);
    n = (size_t)p.height * p.width * p.channels;
    in = take(size);
    out = malloc(n * 5 + 3);
    check(out != NULL, "out of memory");
    raster = (ampi_raster){ in, w, h, (size_t)w * 3 };
    if (ampi_prepare_pixels(NULL, &p, &raster, out, &error) == AMP_OK) {
        float *planes = malloc(n * sizeof *planes);

        check(planes != NULL, "out of memory");
        ampi_prepare_normalise(&p, out, planes);
        memcpy(out + n, planes, n * sizeof *planes);
        free(planes);
        answer(p.width, p.height, out, n * 5);
    } else {
        refuse(&error);
    }
    free(in);
    free(out);
}

static void do_transform(const char *line)
{
    ampi_transform_draw d = { 0 };
    int kind, flip, jitter, grey;
    char text[LINE];
    ampi_prepare p;
    size_t size, n;
    float *in, *out;

    check(sscanf(line, "transform %d %u %u %u %u %d %d %f %f %d %1000s %zu", &kind, &d.top, &d.left,
                 &d.height, &d.width, &flip, &jitter, &d.brightness, &d.sigma, &grey, text,
                 &size) == 12,
          line);
    d.flip = flip != 0;
    d.jitter = jitter != 0;
    d.grey = grey != 0;
    p = parse(text);
    n = (size_t)p.height * p.width * p.channels;
    check(size == n * sizeof *in, "transform: wrong size");
    in = take(size);
    out = malloc(3 * size); /* the result, then the scratch */
    check(out != NULL, "out of memory");
    ampi_transform_apply(&d, (ampi_transform_kind)kind, &p, in, out, out + n);
    answer(p.width, p.height, out, size);
    free(in);
    free(out);
}

int main(void)
{
    char line[LINE];

    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "decode ", 7) == 0)
            do_decode(line);
        else if (strncmp(line, "resize ", 7) == 0)
            do_resize(line);
        else if (strncmp(line, "prepare ", 8) == 0)
            do_prepare(line);
        else if (strncmp(line, "transform ", 10) == 0)
            do_transform(line);
        else
            check(0, line);
    }
    return 0;
}
