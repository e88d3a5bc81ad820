/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/cold_onnxruntime.c - one image from file to verdict by ONNX Runtime's C interface, as short
 * as it can be: what cold.py starts.
 *
 *   cold_onnxruntime MODEL THREADS LEVEL IMAGE ANCHORS MEAN STD
 *   cold_onnxruntime --save MODEL OPTIMISED [ORT]
 *
 * LEVEL is that of ONNX Runtime's graph optimisations: 99 all, 0 none, for a model that was saved
 * optimised.  IMAGE is a PNG file, ANCHORS float32 [K, 3, h, w] already normalised, MEAN and STD
 * are three numbers each, as "0.5:0.5:0.5".  Prints the class of the mean of the K predictions.
 */
#include <onnxruntime_c_api.h>
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    const OrtApi *api;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtValue *input, *output;
    float *pairs; /* [k, 6, h, w] */
    size_t plane; /* h * w */
    size_t k;
    const char *fault; /* NULL while all is well */
    OrtStatus *status;
} run;

/* Whether the last call went well; the first that did not is kept. */
static int fine(run *r, OrtStatus *status)
{
    if (status != NULL && r->status == NULL) {
        r->status = status;
        r->fault = r->api->GetErrorMessage(status);
    }
    return r->fault == NULL;
}

static int fail(run *r, const char *fault)
{
    if (r->fault == NULL)
        r->fault = fault;
    return 0;
}

static int set_options(run *r, int threads, int level)
{
    return fine(r, r->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "cold", &r->env)) &&
           fine(r, r->api->CreateSessionOptions(&r->options)) &&
           fine(r, r->api->SetIntraOpNumThreads(r->options, threads)) &&
           fine(r, r->api->SetSessionExecutionMode(r->options, ORT_SEQUENTIAL)) &&
           fine(r, r->api->SetSessionGraphOptimizationLevel(r->options,
                                                            (GraphOptimizationLevel)level));
}

static int save(run *r, const char *model, const char *optimised, int as_ort)
{
    if (!set_options(r, 1, ORT_ENABLE_ALL))
        return 0;
    if (as_ort &&
        !fine(r, r->api->AddSessionConfigEntry(r->options, "session.save_model_format", "ORT")))
        return 0;
    if (!fine(r, r->api->SetOptimizedModelFilePath(r->options, optimised)) ||
        !fine(r, r->api->CreateSession(r->env, model, r->options, &r->session)))
        return 0;
    return puts("{}") >= 0 && fflush(stdout) == 0;
}

static int read_three(const char *text, float *values)
{
    char *at = NULL;

    for (int i = 0; i < 3; i++, text = at + 1) {
        values[i] = strtof(text, &at);
        if (at == text || *at != (i < 2 ? ':' : '\0'))
            return 0;
    }
    return 1;
}

/* RGB of a PNG file, [h, w, 3]; NULL = it cannot be read. */
static uint8_t *read_png(const char *path, size_t *plane)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    uint8_t *pixels = NULL;

    if (!png_image_begin_read_from_file(&image, path))
        return NULL;
    image.format = PNG_FORMAT_RGB;
    *plane = (size_t)image.width * image.height;
    pixels = malloc(PNG_IMAGE_SIZE(image));
    if (pixels == NULL || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
        png_image_free(&image);
        free(pixels);
        return NULL;
    }
    return pixels;
}

/* The anchors as the first half of each row. */
static int read_anchors(run *r, const char *path)
{
    FILE *const file = fopen(path, "rb");
    const size_t half = 3 * r->plane;
    long bytes = 0;
    int good = file != NULL && fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) > 0 &&
               fseek(file, 0, SEEK_SET) == 0;

    r->k = good ? (size_t)bytes / (half * sizeof(float)) : 0;
    r->pairs = r->k > 0 ? malloc(2 * half * r->k * sizeof(float)) : NULL;
    good = r->pairs != NULL;
    for (size_t k = 0; good && k < r->k; k++)
        good = fread(r->pairs + 2 * half * k, sizeof(float), half, file) == half;
    if (file != NULL)
        (void)fclose(file);
    return good || fail(r, "ANCHORS cannot be read");
}

/* x - c as the second half of each row. */
static void subtract(run *r, const uint8_t *pixels, const float *mean, const float *std)
{
    for (size_t k = 0; k < r->k; k++) {
        for (size_t channel = 0; channel < 3; channel++) {
            const float *const c = r->pairs + (6 * k + channel) * r->plane;
            float *const d = r->pairs + (6 * k + 3 + channel) * r->plane;
            const float scale = 1 / (255 * std[channel]), shift = mean[channel] / std[channel];
            for (size_t i = 0; i < r->plane; i++)
                d[i] = (float)pixels[3 * i + channel] * scale - shift - c[i];
        }
    }
}

static int read_input(run *r, char **argv)
{
    float mean[3], std[3];
    uint8_t *pixels;
    int good;

    if (!read_three(argv[2], mean) || !read_three(argv[3], std))
        return fail(r, "MEAN and STD are three numbers each");
    pixels = read_png(argv[0], &r->plane);
    if (pixels == NULL)
        return fail(r, "IMAGE cannot be read");
    good = read_anchors(r, argv[1]);
    if (good)
        subtract(r, pixels, mean, std);
    free(pixels);
    return good;
}

/* The session and the output of one run; h and w are equal. */
static int predict(run *r, const char *model, int64_t side)
{
    static const char *const in = "pairs", *const out = "logits";
    const int64_t shape[] = { (int64_t)r->k, 6, side, side };
    OrtMemoryInfo *memory = NULL;
    int good;

    good = fine(r, r->api->AddFreeDimensionOverrideByName(r->options, "rows", shape[0])) &&
           fine(r, r->api->CreateSession(r->env, model, r->options, &r->session)) &&
           fine(r, r->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeCPU, &memory)) &&
           fine(r, r->api->CreateTensorWithDataAsOrtValue(
                       memory, r->pairs, 6 * r->k * r->plane * sizeof(float), shape, 4,
                       ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &r->input)) &&
           fine(r, r->api->Run(r->session, NULL, &in, (const OrtValue *const *)&r->input, 1, &out,
                               1, &r->output));
    if (memory != NULL)
        r->api->ReleaseMemoryInfo(memory);
    return good;
}

/* The class whose K logits sum up to most. */
static int print_label(run *r)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    float *logits = NULL, most = 0;
    size_t count = 0, label = 0;

    if (!fine(r, r->api->GetTensorTypeAndShape(r->output, &info)) ||
        !fine(r, r->api->GetTensorShapeElementCount(info, &count)) ||
        !fine(r, r->api->GetTensorMutableData(r->output, (void **)&logits)))
        return 0;
    r->api->ReleaseTensorTypeAndShapeInfo(info);
    count /= r->k;
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (size_t k = 0; k < r->k; k++)
            sum += logits[k * count + i];
        if (i == 0 || sum > most) {
            most = sum;
            label = i;
        }
    }
    (void)printf("{\"label\": %zu}\n", label);
    (void)fflush(stdout);
    return 1;
}

static int64_t side_of(size_t plane)
{
    int64_t side = 1;

    while ((size_t)(side * side) < plane)
        side++;
    return side;
}

static int work(run *r, int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "--save") == 0)
        return save(r, argv[2], argv[3], argc > 4);
    if (argc != 8)
        return fail(r, "MODEL THREADS LEVEL IMAGE ANCHORS MEAN STD");
    return set_options(r, (int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10)) &&
           read_input(r, argv + 4) && predict(r, argv[1], side_of(r->plane)) && print_label(r);
}

/* Ends without taking anything down: the verdict is out. */
int main(int argc, char **argv)
{
    run r = { .api = OrtGetApiBase()->GetApi(ORT_API_VERSION) };

    if (!work(&r, argc, argv)) {
        (void)fprintf(stderr, "cold_onnxruntime: %s\n", r.fault);
        _Exit(1);
    }
    _Exit(0);
}
