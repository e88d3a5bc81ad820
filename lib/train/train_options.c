/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/train_options.c - the declared options of training.
 */
#include "train/train_options.h"

#include <amp/train.h>

#include <string.h>

#define ROW(key, type, field, low, high, choices, standard, help)                                  \
    {                                                                                              \
        key, type, offsetof(ampi_train_options, field), sizeof(((ampi_train_options *)0)->field),  \
            low, high, choices, standard, help                                                     \
    }

/* The back end that is there. */
#if AMPI_DNNL_MAJOR > 0
#define ENGINE "onednn"
#else
#define ENGINE "reference"
#endif

static const ampi_option table[] = {
    ROW("epochs", AMPI_OPTION_INT, epochs, 1, 10000, NULL, "20", "passes over the training images"),
    ROW("batch", AMPI_OPTION_INT, batch, 1, 8192, NULL, "128",
        "images a step; at most the number of training images"),
    ROW("seed", AMPI_OPTION_INT, seed, 0, 9007199254740991.0, NULL, "0",
        "of the order, augmentation, anchors, dropout and the held-out part"),
    ROW("lr", AMPI_OPTION_FLOAT, lr, 1e-8, 1000, NULL, "0.1", "highest learning rate"),
    ROW("schedule", AMPI_OPTION_CHOICE, schedule, 0, 0, "constant|multistep|cosine|onecycle|linear",
        "onecycle", "how the rate moves"),
    ROW("warmup", AMPI_OPTION_FLOAT, warmup, 0, 0.9, NULL, "0.25",
        "onecycle and linear: share of the steps over which the rate rises"),
    ROW("lr_start", AMPI_OPTION_FLOAT, lr_start, 0, 1, NULL, "0.1",
        "onecycle and linear: first rate, as a share of lr"),
    ROW("lr_end", AMPI_OPTION_FLOAT, lr_end, 0, 1, NULL, "0.0001",
        "onecycle, linear and cosine: last rate, as a share of lr"),
    ROW("milestones", AMPI_OPTION_TEXT, milestones, 0, 0, NULL, "60:120:160",
        "multistep: epochs after which the rate is multiplied by gamma"),
    ROW("gamma", AMPI_OPTION_FLOAT, gamma, 1e-6, 1, NULL, "0.2", "multistep: the factor"),
    ROW("momentum", AMPI_OPTION_FLOAT, momentum, 0, 0.9999, NULL, "0.9", "of SGD"),
    ROW("nesterov", AMPI_OPTION_BOOL, nesterov, 0, 0, NULL, "1", "Nesterov momentum"),
    ROW("weight_decay", AMPI_OPTION_FLOAT, weight_decay, 0, 1, NULL, "0.0005",
        "on all trained values, whatever the factors below"),
    ROW("decay_vectors", AMPI_OPTION_BOOL, decay_vectors, 0, 0, NULL, "1",
        "weight decay on biases and batch norms too"),
    ROW("bias_lr", AMPI_OPTION_FLOAT, bias_lr, 0, 1000, NULL, "1",
        "factor on the rate of the biases of batch norms; 0 = fixed"),
    ROW("gain_lr", AMPI_OPTION_FLOAT, gain_lr, 0, 1000, NULL, "1",
        "factor on the rate of the gains of batch norms; 0 = fixed"),
    ROW("head_lr", AMPI_OPTION_FLOAT, head_lr, 0, 1000, NULL, "1",
        "factor on the rate of the last layer; 1/64 does what logits times 1/8 would"),
    ROW("clip_norm", AMPI_OPTION_FLOAT, clip_norm, 0, 1e9, NULL, "0",
        "longest gradient of a batch, over all trained values; 0 = any"),
    ROW("ema", AMPI_OPTION_FLOAT, ema, 0, 0.999999, NULL, "0",
        "keep the mean of past weights, this share of it a step; measured and exported; 0 = none"),
    ROW("lookahead", AMPI_OPTION_INT, lookahead, 0, 1000000, NULL, "0",
        "slow weights every n steps, that training goes on from; measured and exported; 0 = none"),
    ROW("whiten", AMPI_OPTION_CHOICE, whiten, 0, 0, "none|start|fixed", "none",
        "first convolution from the covariance of the patches of training input; fixed = stays so"),
    ROW("label_smoothing", AMPI_OPTION_FLOAT, label_smoothing, 0, 0.99, NULL, "0",
        "share of the target spread over all classes; it distorts logits"),
    ROW("crop", AMPI_OPTION_INT, crop, 0, 512, NULL, "4",
        "random crop after padding by this many pixels; 0 = none"),
    ROW("border", AMPI_OPTION_CHOICE, border, 0, 0, "black|reflect", "black",
        "what crop pads with"),
    ROW("flip", AMPI_OPTION_BOOL, flip, 0, 0, NULL, "1", "mirror half of the images"),
    ROW("alternate_flip", AMPI_OPTION_BOOL, alternate_flip, 0, 0, NULL, "0",
        "flip: each image every other epoch, not by chance"),
    ROW("cutout", AMPI_OPTION_INT, cutout, 0, 512, NULL, "0",
        "blank a square of this side in each image; 0 = none"),
    ROW("mixup", AMPI_OPTION_FLOAT, mixup, 0, 100, NULL, "0",
        "blend images in pairs, the share from Beta(v, v); it distorts logits; 0 = none"),
    ROW("corrupt_every", AMPI_OPTION_INT, corrupt_every, 0, 1000000, NULL, "5",
        "anchors of every n-th batch go through the transform; 0 = never"),
    ROW("transform", AMPI_OPTION_CHOICE, transform, 0, 0, "image|released", "image",
        "drawn per image on [0,1] pixels, or once a batch on normalised values"),
    ROW("mask_alpha", AMPI_OPTION_FLOAT, mask_alpha, 0, 1, NULL, "0",
        "share of batches whose anchors are shown as zeros, in place of any transform"),
    ROW("mask_target", AMPI_OPTION_CHOICE, mask_target, 0, 0, "label|uniform", "label",
        "target of such batches: the label, or all classes alike"),
    ROW("held_out", AMPI_OPTION_INT, held_out, -1, 1e9, NULL, "-1",
        "images never trained on; -1 = a tenth, at most 2000"),
    ROW("held_out_anchors", AMPI_OPTION_INT, held_out_anchors, 1, 64, NULL, "1",
        "anchors for the held-out accuracy of each epoch"),
    ROW("threads", AMPI_OPTION_INT, threads, 0, 1024, NULL, "0", "0 = the context's budget"),
    ROW("workers", AMPI_OPTION_INT, workers, 0, 1, NULL, "1",
        "1 = a thread makes the next batch meanwhile, 0 = no extra thread"),
    ROW("cache_mib", AMPI_OPTION_INT, cache_mib, 0, 1048576, NULL, "4096",
        "keep decoded images in memory up to this size"),
    ROW("precision", AMPI_OPTION_CHOICE, precision, 0, 0, "auto|fp32|bf16", "auto",
        "of values and their gradients; auto = bf16 where the processor has it"),
    ROW("backend", AMPI_OPTION_CHOICE, backend, 0, 0, "onednn|reference", ENGINE,
        "reference = plain loops, slow"),
};

#define ROWS (sizeof table / sizeof table[0])

amp_status ampi_train_options_parse(ampi_train_options *out, const char *text, amp_error *error)
{
    uint32_t milestones[AMPI_MILESTONES], n;

    memset(out, 0, sizeof *out);
    ampi_options_default(table, ROWS, out);
    AMPI_TRY(ampi_options_parse(table, ROWS, out, text, ',', "train", error));
    if (out->ema > 0.0 && out->lookahead > 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "train",
                         "ema and lookahead are both averages: one at "
                         "a time");
    return ampi_train_milestones(out->milestones, milestones, &n, error);
}

size_t ampi_train_options_format(const ampi_train_options *options, bool only_changed, char *out,
                                 size_t size)
{
    return ampi_options_format(table, ROWS, options, only_changed, out, size);
}

amp_status ampi_train_milestones(const char *text, uint32_t out[AMPI_MILESTONES], uint32_t *n,
                                 amp_error *error)
{
    *n = 0;
    while (*text) {
        const size_t length = strcspn(text, ":");
        int64_t epoch;
        if (*n == AMPI_MILESTONES || !ampi_text_to_int64(text, length, &epoch) || epoch < 1 ||
            epoch > 10000 || (*n > 0 && (uint32_t)epoch <= out[*n - 1]))
            return ampi_fail(error, AMP_E_ARGUMENT, "train",
                             "milestones at '%.40s': rising epochs 1..10000, at most %u", text,
                             AMPI_MILESTONES);
        out[(*n)++] = (uint32_t)epoch;
        text += length;
        text += *text == ':';
    }
    return AMP_OK;
}

uint32_t amp_train_option_count(void)
{
    return (uint32_t)ROWS;
}

const char *amp_train_option_key(uint32_t index)
{
    return index < ROWS ? table[index].key : NULL;
}

const char *amp_train_option_help(uint32_t index)
{
    return index < ROWS ? table[index].help : NULL;
}

size_t amp_train_option_range(uint32_t index, char *out, size_t size)
{
    return index < ROWS ? ampi_options_describe(&table[index], out, size) : 0;
}
