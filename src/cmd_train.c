/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train.c - amp train: from a data set to a model file, with checkpoints on the way.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include "cmd_train_options.h"
#include "cmd_train_report.h"
#include "outfile.h"
#include "steps.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

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
    { "keep", 0, "N", "also write the model of every N-th epoch: NAME.epochN.safetensors" },
    { "resume", 'r', NULL, "go on from the checkpoint if it is there" },
    { "log", 'l', "FILE", "append a line an epoch (JSON)" },
    { "quiet", 'q', NULL, "say nothing unless something is wrong" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

typedef struct run {
    const cli_arguments *arguments;
    amp_context *context;
    amp_dataset *dataset;
    amp_model *initial, *trained;
    amp_trainer *trainer;
    train_report report;
    char checkpoint[4096];
    long long every, keep;
    int failed; /* exit code of a save that failed inside the callback */
} run;

static void run_clear(run *r)
{
    train_report_end(&r->report);
    amp_trainer_free(r->trainer);
    amp_model_unref(r->trained);
    amp_model_unref(r->initial);
    amp_dataset_free(r->dataset);
    amp_context_unref(r->context);
}

static int new_model(run *r)
{
    long long seed;
    char text[512];
    amp_error error;
    int code;

    if (!cli_get_number(r->arguments, "seed", 0, 0, LLONG_MAX, &seed))
        return CLI_USAGE;
    code = train_arch_complete(r->arguments, amp_dataset_classes(r->dataset), text, sizeof text);
    if (code != CLI_OK)
        return code;
    if (amp_model_create(&r->initial, r->context, text, cli_get(r->arguments, "preprocess", NULL),
                         (uint64_t)seed, &error) != AMP_OK)
        return cli_fail(&error, CLI_USAGE);
    return CLI_OK;
}

static int open_initial(run *r)
{
    const char *const from = cli_get(r->arguments, "from", NULL);
    amp_error error;

    if (!from == !cli_has(r->arguments, "arch")) {
        cli_error("a network is needed: --arch wrn:depth=16,width=4, or else --from MODEL");
        return CLI_USAGE;
    }
    if (!from)
        return new_model(r);
    if (amp_model_open(&r->initial, r->context, from, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}

static int open_data(run *r)
{
    const char *const spec = cli_get(r->arguments, "data", NULL);
    const int code = cli_open_dataset(r->context, spec, &r->dataset);

    if (code != CLI_OK || amp_dataset_classes(r->dataset) >= 2)
        return code;
    cli_error("%s has images of %u classes, training needs 2 or more", spec,
              amp_dataset_classes(r->dataset));
    cli_note("in a folder of images each class is a folder of its own: photos/cat, photos/dog");
    return CLI_USAGE;
}

static int trainer_fault(const amp_error *error)
{
    const bool input =
        error->status == AMP_E_IO || error->status == AMP_E_FORMAT || error->status == AMP_E_LIMIT;

    return cli_fail(error, input ? CLI_INPUT : CLI_USAGE);
}

/* Weights that are no numbers any more are no model: that is not the disk's fault. */
static int save_fault(const amp_error *error)
{
    const bool diverged = error->status == AMP_E_FORMAT;
    const int code = cli_fail(error, diverged ? CLI_USAGE : CLI_RESOURCES);

    if (diverged)
        cli_note("the training diverged: a lower rate may help, --set lr=0.02");
    return code;
}

static int start_run(run *r)
{
    char options[1024];
    amp_error error;
    int code = train_options_gather(r->arguments, options, sizeof options);

    if (code == CLI_OK)
        code = open_data(r);
    if (code == CLI_OK)
        code = open_initial(r);
    if (code != CLI_OK)
        return code;
    if (amp_trainer_create(&r->trainer, r->initial, r->dataset, options, &error) != AMP_OK)
        return trainer_fault(&error);
    if (access(r->checkpoint, F_OK) == 0)
        cli_note("%s, of an earlier run, will be replaced: --resume would go on with it",
                 r->checkpoint);
    return CLI_OK;
}

static int resume_run(run *r)
{
    amp_dataset_options options;
    cli_progress progress;
    amp_status status;
    amp_error error;
    const int code = train_options_match(r->arguments, r->context, r->checkpoint);

    if (code != CLI_OK)
        return code;
    amp_dataset_options_init(&options, sizeof options);
    options.progress = cli_progress_step;
    options.progress_user = &progress;
    cli_progress_start(&progress);
    status = amp_trainer_resume(&r->trainer, r->context, r->checkpoint,
                                cli_get(r->arguments, "data", NULL), &options, &error);
    cli_progress_clear(&progress);
    if (status == AMP_OK)
        return CLI_OK;
    if (strcmp(error.where, "dataset") == 0 || strcmp(error.where, "image") == 0)
        return cli_dataset_fault(&error);
    return cli_fail(&error, status == AMP_E_SHAPE ? CLI_INPUT : CLI_MODEL);
}

static int save_checkpoint(run *r)
{
    amp_error error;

    if (amp_trainer_save_checkpoint(r->trainer, r->checkpoint, &error) != AMP_OK)
        return save_fault(&error);
    return CLI_OK;
}

/* The last batch of an epoch comes before its report: that one saves, and stops. */
static int32_t after_batch(run *r, const amp_train_progress *p)
{
    const uint64_t per_epoch = p->steps / p->epochs;

    train_report_step(&r->report, p);
    if (p->step % per_epoch == 0)
        return 0;
    if (r->every > 0 && p->step % (uint64_t)r->every == 0)
        r->failed = save_checkpoint(r);
    return r->failed != CLI_OK || cli_interrupted();
}

/* "DIR/NAME.safetensors" after epoch 8 -> "DIR/NAME.epoch8.safetensors". */
static int keep_model(run *r, uint32_t epoch)
{
    static const char ending[] = ".safetensors";
    const char *const output = cli_get(r->arguments, "output", NULL);
    const size_t length = strlen(output), last = sizeof ending - 1;
    const bool ends = length > last && strcmp(output + length - last, ending) == 0;
    amp_model *model = NULL;
    char path[4096];
    amp_error error;
    amp_status status;

    if ((size_t)snprintf(path, sizeof path, "%.*s.epoch%u%s", (int)(ends ? length - last : length),
                         output, epoch, ending) >= sizeof path) {
        cli_error("the path of the output is too long");
        return CLI_USAGE;
    }
    status = amp_trainer_model(r->trainer, &model, &error);
    if (status == AMP_OK)
        status = amp_model_save(model, path, &error);
    amp_model_unref(model);
    return status == AMP_OK ? CLI_OK : save_fault(&error);
}

static int32_t on_progress(void *user, const amp_train_progress *p)
{
    run *const r = user;
    int code;

    if (p->kind != AMP_TRAIN_EPOCH)
        return after_batch(r, p);
    code = train_report_epoch(&r->report, p);
    r->failed = save_checkpoint(r);
    r->failed = code != CLI_OK ? code : r->failed;
    if (r->failed == CLI_OK && r->keep > 0 && p->epoch % r->keep == 0)
        r->failed = keep_model(r, p->epoch);
    return r->failed != CLI_OK || (cli_interrupted() && p->step < p->steps);
}

static int write_model(run *r)
{
    const char *const path = cli_get(r->arguments, "output", NULL);
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error;

    if (amp_trainer_model(r->trainer, &r->trained, &error) != AMP_OK ||
        amp_model_save(r->trained, path, &error) != AMP_OK ||
        amp_model_get_info(r->trained, &info, &error) != AMP_OK)
        return save_fault(&error);
    if (!r->report.quiet)
        cli_note("wrote %s; next: %samp calibrate", path, info.anchored ? "amp bank, then " : "");
    return CLI_OK;
}

static int stop_run(run *r)
{
    /* The run is over by its own will: nothing else than the interrupt counts. */
    if (save_checkpoint(r) == CLI_OK)
        cli_note("interrupted; the run is saved in %s, go on with the same command and --resume",
                 r->checkpoint);
    return CLI_INTERRUPTED;
}

static int train(run *r)
{
    amp_error error;
    const amp_status status = amp_trainer_run(r->trainer, on_progress, r, &error);

    cli_progress_clear(&r->report.progress);
    if (status == AMP_E_CANCELLED && cli_interrupted())
        return stop_run(r);
    if (r->failed != CLI_OK)
        return r->failed;
    if (status != AMP_OK)
        return trainer_fault(&error);
    return write_model(r);
}

static int check_place(const char *path)
{
    char why[128];

    if (outfile_check_plain(path, why, sizeof why))
        return CLI_OK;
    cli_error("%s: %s", path, why);
    return CLI_RESOURCES;
}

static int prepare(run *r)
{
    const char *const output = cli_get(r->arguments, "output", NULL);
    const char *const checkpoint = cli_get(r->arguments, "checkpoint", NULL);
    int code;

    if (!output || !cli_get(r->arguments, "data", NULL) || r->arguments->n_operands > 0) {
        cli_error("--data SPEC and --output FILE are needed, and nothing else");
        return CLI_USAGE;
    }
    if (!cli_get_number(r->arguments, "every", 0, 0, 1000000000, &r->every) ||
        !cli_get_number(r->arguments, "keep", 0, 0, 1000000000, &r->keep))
        return CLI_USAGE;
    if ((size_t)snprintf(r->checkpoint, sizeof r->checkpoint, "%s%s",
                         checkpoint ? checkpoint : output,
                         checkpoint ? "" : ".ckpt") >= sizeof r->checkpoint) {
        cli_error("the path of the checkpoint is too long");
        return CLI_USAGE;
    }
    code = check_place(output);
    if (code == CLI_OK)
        code = check_place(r->checkpoint);
    return code == CLI_OK ? train_report_start(&r->report, r->arguments) : code;
}

static int run_train(const cli_arguments *arguments)
{
    static run r;
    int code;

    r.arguments = arguments;
    code = prepare(&r);
    if (code == CLI_OK)
        code = cli_context(arguments, &r.context);
    if (code == CLI_OK)
        code = cli_has(arguments, "resume") && access(r.checkpoint, F_OK) == 0 ? resume_run(&r)
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
    .details = "The run is saved after each epoch.  Ctrl-C finishes the batch, saves the run and "
               "exits with 130; a\nsecond one exits at once.  --resume goes on with the same bits, "
               "also in the middle of an epoch, when\nthe number of threads is the same.\n",
    .examples = "  amp train -d cifar10:cifar-10-binary.tar.gz#train -a wrn:depth=16,width=4 -e 20 "
                "-o model.safetensors\n"
                "  amp train -d folder:photos -a resnet18 -s 64 -o mine.safetensors --resume\n",
    .run = run_train,
    .more_help = options_help,
};
