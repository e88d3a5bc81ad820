/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train.c - amp train: from a data set to a model file, with checkpoints on the way.
 */
#include "cli.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static const cli_flag flags[] = {
    { "data", 'd', "SPEC", "training images, for example cifar10:DIR#train or folder:DIR" },
    { "output", 'o', "FILE", "the model to write" },
    { "arch", 'a', "ARCH", "network, for example wrn:depth=16,width=4 (classes from the data)" },
    { "from", 0, "MODEL", "start from this model's weights instead of --arch" },
    { "plain", 0, NULL, "train without anchors (for comparison)" },
    { "size", 's', "N", "input side in pixels (default: the family's, 32 or 224)" },
    { "preprocess", 0, "TEXT", "resize, crop and normalisation; see docs/models.md" },
    { "set", 0, "KEY=VALUE", "a training option, see below; may be repeated" },
    { "epochs", 'e', "N", "short for --set epochs=N" },
    { "seed", 0, "N", "short for --set seed=N; draws the first weights too (default 0)" },
    { "checkpoint", 'c', "FILE", "where to save the run (default: OUTPUT.ckpt)" },
    { "every", 0, "N", "save the run every N batches too (default: after each epoch only)" },
    { "resume", 'r', NULL, "go on from the checkpoint if it is there" },
    { "log", 'l', "FILE", "append a line an epoch (JSON)" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

typedef struct run {
    const cli_arguments *arguments;
    amp_context *context;
    amp_dataset *dataset;
    amp_model *initial, *trained;
    amp_trainer *trainer;
    cli_progress progress;
    char checkpoint[4096];
    long long every;
    FILE *log;
    int failed; /* exit code of a save that failed inside the callback */
} run;

static void run_clear(run *r)
{
    cli_progress_clear(&r->progress);
    amp_trainer_free(r->trainer);
    amp_model_unref(r->trained);
    amp_model_unref(r->initial);
    amp_dataset_free(r->dataset);
    amp_context_unref(r->context);
    if (r->log)
        (void)fclose(r->log);
}

static void append(char *out, size_t size, const char *key, const char *value)
{
    const size_t used = strlen(out);

    if (value)
        (void)snprintf(out + used, size - used, "%s%s%s", used ? "," : "", key, value);
}

/* "key=value,key=value" of all --set, --epochs and --seed. */
static int gather_options(const cli_arguments *arguments, char *out, size_t size)
{
    const char *value;

    out[0] = '\0';
    for (int i = 0; (value = cli_get_nth(arguments, "set", i)) != NULL; i++)
        append(out, size, "", value);
    append(out, size, "epochs=", cli_get(arguments, "epochs", NULL));
    append(out, size, "seed=", cli_get(arguments, "seed", NULL));
    if (strlen(out) + 1 >= size) {
        cli_error("the options are longer than %zu bytes", size - 2);
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* "wrn:depth=16" -> "wrn:classes=10,anchored=1,depth=16": what the user wrote comes last and wins.
 */
static void complete_arch(const run *r, const char *arch, char *out, size_t size)
{
    const size_t family = strcspn(arch, ":");
    const char *const side = cli_get(r->arguments, "size", NULL);

    (void)snprintf(out, size, "%.*s:classes=%u,anchored=%d%s%s%s%s", (int)family, arch,
                   amp_dataset_classes(r->dataset), cli_has(r->arguments, "plain") ? 0 : 1,
                   side ? ",size=" : "", side ? side : "", arch[family] ? "," : "",
                   arch[family] ? arch + family + 1 : "");
}

static int new_model(run *r)
{
    const char *const arch = cli_get(r->arguments, "arch", NULL);
    long long seed;
    char text[512];
    amp_error error;

    if (!cli_get_number(r->arguments, "seed", 0, 0, LLONG_MAX, &seed))
        return CLI_USAGE;
    if (!arch) {
        cli_error("a network is needed: --arch wrn:depth=16,width=4, or --from MODEL");
        return CLI_USAGE;
    }
    complete_arch(r, arch, text, sizeof text);
    if (amp_model_create(&r->initial, r->context, text, cli_get(r->arguments, "preprocess", NULL),
                         (uint64_t)seed, &error) != AMP_OK)
        return cli_fail(&error, CLI_USAGE);
    return CLI_OK;
}

static int start_run(run *r)
{
    const char *const from = cli_get(r->arguments, "from", NULL);
    char options[1024];
    amp_error error;
    int code = gather_options(r->arguments, options, sizeof options);

    if (code != CLI_OK)
        return code;
    if (amp_dataset_open(&r->dataset, r->context, cli_get(r->arguments, "data", NULL), NULL,
                         &error) != AMP_OK)
        return cli_fail(&error, error.status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_INPUT);
    if (from && amp_model_open(&r->initial, r->context, from, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (!from)
        code = new_model(r);
    if (code != CLI_OK)
        return code;
    if (amp_trainer_create(&r->trainer, r->initial, r->dataset, options, &error) != AMP_OK)
        return cli_fail(&error, error.status == AMP_E_IO || error.status == AMP_E_FORMAT
                                    ? CLI_INPUT
                                    : CLI_USAGE);
    return CLI_OK;
}

static bool file_is_there(const char *path)
{
    FILE *const file = fopen(path, "rb");

    if (file)
        (void)fclose(file);
    return file != NULL;
}

static int resume_run(run *r)
{
    amp_error error;

    if (amp_trainer_resume(&r->trainer, r->context, r->checkpoint,
                           cli_get(r->arguments, "data", NULL), NULL, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}

static int save_checkpoint(run *r)
{
    amp_error error;

    if (amp_trainer_save_checkpoint(r->trainer, r->checkpoint, &error) != AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    return CLI_OK;
}

static void show_epoch(run *r, const amp_train_progress *p)
{
    char spent[32], left[32], held_out[32] = "-";

    cli_duration(p->seconds, spent, sizeof spent);
    cli_duration(p->eta_seconds, left, sizeof left);
    if (isfinite(p->held_out_accuracy))
        (void)snprintf(held_out, sizeof held_out, "%.2f %%", 100.0 * p->held_out_accuracy);
    cli_progress_clear(&r->progress);
    (void)fprintf(stderr,
                  "epoch %u/%u  loss %.4f  accuracy %.2f %%  held out %s  %.0f images/s  %s spent, "
                  "%s left\n",
                  p->epoch, p->epochs, p->loss, 100.0 * p->accuracy, held_out, p->images_per_second,
                  spent, left);
    if (!r->log)
        return;
    if (isfinite(p->held_out_accuracy))
        (void)snprintf(held_out, sizeof held_out, "%.9g", p->held_out_accuracy);
    (void)fprintf(r->log,
                  "{\"epoch\": %u, \"step\": %llu, \"learning_rate\": %.9g, \"loss\": %.9g, "
                  "\"accuracy\": %.9g, \"held_out_accuracy\": %s, \"images_per_second\": %.1f, "
                  "\"seconds\": %.1f}\n",
                  p->epoch, (unsigned long long)p->step, p->learning_rate, p->loss, p->accuracy,
                  isfinite(p->held_out_accuracy) ? held_out : "null", p->images_per_second,
                  p->seconds);
    (void)fflush(r->log);
}

static void show_step(run *r, const amp_train_progress *p)
{
    char text[200], left[32];

    cli_duration(p->eta_seconds, left, sizeof left);
    (void)snprintf(text, sizeof text,
                   "epoch %u/%u  batch %llu/%llu  loss %.4f  rate %.4f  %.0f images/s  %s left",
                   p->epoch, p->epochs, (unsigned long long)p->step, (unsigned long long)p->steps,
                   p->loss, p->learning_rate, p->images_per_second, left);
    cli_progress_line(&r->progress, false, text);
}

static int32_t on_progress(void *user, const amp_train_progress *p)
{
    run *const r = user;
    const bool epoch = p->kind == AMP_TRAIN_EPOCH;

    if (epoch)
        show_epoch(r, p);
    else
        show_step(r, p);
    if (epoch || (r->every > 0 && p->step % (unsigned long long)r->every == 0))
        r->failed = save_checkpoint(r);
    return r->failed != CLI_OK || cli_interrupted();
}

static int write_model(run *r)
{
    const char *const path = cli_get(r->arguments, "output", NULL);
    amp_error error;

    if (amp_trainer_model(r->trainer, &r->trained, &error) != AMP_OK ||
        amp_model_save(r->trained, path, &error) != AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    cli_note("wrote %s; next: amp bank, then amp calibrate", path);
    return CLI_OK;
}

static int train(run *r)
{
    amp_error error;
    const amp_status status = amp_trainer_run(r->trainer, on_progress, r, &error);

    cli_progress_clear(&r->progress);
    if (r->failed != CLI_OK)
        return r->failed;
    if (status == AMP_E_CANCELLED) {
        const int code = save_checkpoint(r);
        if (code != CLI_OK)
            return code;
        cli_note("interrupted; the run is saved, go on with the same command and --resume");
        return CLI_INTERRUPTED;
    }
    if (status != AMP_OK)
        return cli_fail(&error, CLI_INPUT);
    return write_model(r);
}

static int open_log(run *r)
{
    const char *const path = cli_get(r->arguments, "log", NULL);

    if (!path)
        return CLI_OK;
    r->log = fopen(path, "a");
    if (!r->log) {
        cli_error("cannot write %s", path);
        return CLI_RESOURCES;
    }
    return CLI_OK;
}

static int prepare(run *r)
{
    const char *const output = cli_get(r->arguments, "output", NULL);
    const char *const checkpoint = cli_get(r->arguments, "checkpoint", NULL);

    if (!output || !cli_get(r->arguments, "data", NULL) || r->arguments->n_operands > 0) {
        cli_error("--data SPEC and --output FILE are needed, and nothing else");
        return CLI_USAGE;
    }
    if (!cli_get_number(r->arguments, "every", 0, 0, 1000000000, &r->every))
        return CLI_USAGE;
    (void)snprintf(r->checkpoint, sizeof r->checkpoint, "%s%s", checkpoint ? checkpoint : output,
                   checkpoint ? "" : ".ckpt");
    cli_progress_start(&r->progress);
    return open_log(r);
}

static int run_train(const cli_arguments *arguments)
{
    run r;
    int code;

    memset(&r, 0, sizeof r);
    r.arguments = arguments;
    code = prepare(&r);
    if (code == CLI_OK)
        code = cli_context(arguments, &r.context);
    if (code == CLI_OK)
        code = cli_has(arguments, "resume") && file_is_there(r.checkpoint) ? resume_run(&r)
                                                                           : start_run(&r);
    if (code == CLI_OK)
        code = train(&r);
    run_clear(&r);
    return code;
}

static void options_help(FILE *out)
{
    (void)fprintf(out, "\ntraining options (--set KEY=VALUE):\n");
    for (uint32_t i = 0; i < amp_train_option_count(); i++) {
        char range[200];
        (void)amp_train_option_range(i, range, sizeof range);
        (void)fprintf(out, "  %-18s %s\n  %-18s %s\n", amp_train_option_key(i),
                      amp_train_option_help(i), "", range);
    }
}

const cli_command cli_train = {
    .name = "train",
    .summary = "train an anchored network on your images",
    .operands = "",
    .flags = flags,
    .details = "Ctrl-C finishes the batch, saves the run and exits with 130; a second one exits at "
               "once.\n--resume goes on with the same bits, also in the middle of an epoch.\n",
    .examples = "  amp train -d cifar10:cifar-10-binary.tar.gz#train -a wrn:depth=16,width=4 -e 20 "
                "-o model.safetensors\n"
                "  amp train -d folder:photos -a resnet18 -s 64 -o mine.safetensors --resume\n",
    .run = run_train,
    .more_help = options_help,
};
