/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_score.c - amp score: image files in, verdicts out, in the order given.
 *
 * Paths go to the reader, which decodes the next batches while one is in the network; a file that
 * cannot be read is reported in its place and the rest is still scored.
 */
#include "cli.h"

#include "paths.h"
#include "reader.h"
#include "score_output.h"
#include "steps.h"

#include <string.h>

_Static_assert((int)SCORE_MOST >= (int)READER_BATCH, "a batch's results fit");

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "method", 0, "NAME", "detector, for example amp, msp, energy (default: the model's)" },
    { "anchors", 'k', "K", "use the first K anchors (default: all of the bank)" },
    { "tpr", 0, "P", "take the verdict from the threshold stored for this TPR (default 0.95)" },
    { "precision", 0, "NAME",
      "fp32, fast, bf16, int8, or auto: what has thresholds here (default fp32)" },
    { "adaptive", 0, NULL,
      "take no more anchors than each verdict needs: faster, scores are rougher" },
    { "json", 'j', NULL, "one JSON object a line" },
    { "null", '0', NULL, "paths on standard input end with a NUL, as find -print0 writes them" },
    { "fail-on-ood", 0, NULL, "exit with 1 when some image is out of distribution" },
    { "threads", 't', "N", "threads of the network, and of reading (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

typedef struct session {
    amp_context *context;
    amp_model *model;
    amp_scorer *scorer;
    score_output output;
    reader *files;
    int code; /* of a fault that ends the run */
} session;

static bool run_images(session *s, const reader_batch *batch, score_results *results)
{
    const amp_image *images[READER_BATCH];
    size_t n = 0;
    amp_scores out;
    amp_error error;

    for (int i = 0; i < batch->n; i++) {
        if (batch->items[i]->image)
            images[n++] = batch->items[i]->image;
    }
    if (n == 0)
        return true;
    memset(&out, 0, sizeof out);
    out.struct_size = sizeof out;
    out.score = results->score;
    out.verdict = results->verdict;
    out.tau = results->tau;
    out.anchors = results->anchors;
    out.label = results->label;
    out.confidence = results->confidence;
    if (amp_scorer_run(s->scorer, n, images, &out, &error) == AMP_OK)
        return true;
    s->code = cli_fail(&error, CLI_MODEL);
    return false;
}

static void show_rows(session *s, const reader_batch *batch, const score_results *results)
{
    int scored = 0;

    for (int i = 0; i < batch->n; i++) {
        const reader_item *const one = batch->items[i];
        if (one->image)
            score_output_row(&s->output, one->path, results, scored++);
        else
            score_output_bad(&s->output, one->path, one->error.message);
    }
    if (s->output.failed || !cli_flush_output())
        s->code = CLI_RESOURCES;
}

/* No memory for a file is no fault of the file, and ends the run; NULL = no such item. */
static const reader_item *end_before_fatal(reader_batch *batch)
{
    for (int i = 0; i < batch->n; i++) {
        const reader_item *const one = batch->items[i];
        if (!one->image && cli_exit_code(&one->error, CLI_OK) != CLI_OK) {
            batch->n = i;
            return one;
        }
    }
    return NULL;
}

/* Scores and shows the next batch. */
static bool run_batch(session *s)
{
    reader_batch batch;
    score_results results;
    const reader_item *fatal;

    reader_next(s->files, &batch);
    if (batch.n == 0)
        return false;
    fatal = end_before_fatal(&batch);
    if (run_images(s, &batch, &results))
        show_rows(s, &batch, &results);
    if (fatal && s->code == CLI_OK)
        s->code = cli_fail(&fatal->error, CLI_RESOURCES);
    reader_give_back(s->files, &batch);
    return s->code == CLI_OK;
}

/* All that was added; with nothing added, the head of the table still is shown at once. */
static bool run_all(void *user)
{
    session *const s = user;
    bool go_on = true;

    while (go_on && !reader_is_empty(s->files))
        go_on = run_batch(s);
    if (!cli_flush_output())
        s->code = CLI_RESOURCES;
    return go_on && s->code == CLI_OK;
}

static bool add_path(session *s, const char *path, const char *why)
{
    if (cli_interrupted())
        return false;
    if (!reader_has_room(s->files) && !run_batch(s))
        return false;
    if (reader_add(s->files, path, why))
        return true;
    cli_error("no memory for a path");
    s->code = CLI_RESOURCES;
    return false;
}

static bool bad_path(void *user, const char *path, const char *why)
{
    return add_path(user, path, why);
}

static bool visit(void *user, const char *path)
{
    return add_path(user, path, *path ? NULL : "the path is empty");
}

static bool read_options(const cli_arguments *arguments, amp_scorer_options *options)
{
    long long anchors;

    amp_scorer_options_init(options, sizeof *options);
    if (!cli_get_number(arguments, "anchors", 0, 0, 1000000, &anchors) ||
        !cli_get_share(arguments, "tpr", 0.95, &options->tpr))
        return false;
    options->anchors = (uint32_t)anchors;
    options->adaptive = cli_has(arguments, "adaptive");
    return cli_get_precision(arguments, &options->precision) == CLI_OK;
}

static int make_scorer(const cli_arguments *arguments, session *s)
{
    amp_scorer_options options;
    amp_error error;

    if (!read_options(arguments, &options))
        return CLI_USAGE;
    if (amp_scorer_create(&s->scorer, s->model, NULL, cli_get(arguments, "method", NULL), &options,
                          &error) != AMP_OK) {
        const int code = cli_fail(&error, error.status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_MODEL);
        if (options.adaptive && error.status == AMP_E_UNSUPPORTED)
            cli_note("amp calibrate makes stopping rules, for 2 to 32 anchors");
        return code;
    }
    if (amp_scorer_methods(s->scorer) != 1) {
        cli_error("one method at a time");
        return cli_has(arguments, "method") ? CLI_USAGE : CLI_MODEL;
    }
    if (options.precision == AMP_PRECISION_AUTO)
        cli_note("precision: %s", amp_precision_name(amp_scorer_precision(s->scorer)));
    if (amp_scorer_note(s->scorer))
        cli_note("%s", amp_scorer_note(s->scorer));
    if (cli_has(arguments, "fail-on-ood") && !amp_scorer_threshold(s->scorer, 0, NULL)) {
        cli_error("the model has no threshold for method %s with %u anchors in %s at TPR %g",
                  amp_scorer_method(s->scorer, 0), amp_scorer_anchors(s->scorer),
                  amp_precision_name(amp_scorer_precision(s->scorer)), options.tpr);
        cli_note("amp info shows those that it has; amp calibrate makes more");
        return CLI_MODEL;
    }
    return CLI_OK;
}

/* --fail-on-ood: a guard that saw nothing must not let pass. */
static int guarded(const session *s, unsigned long long rows)
{
    if (rows > 0)
        return s->output.out > 0 ? CLI_FLAGGED : CLI_OK;
    cli_error("--fail-on-ood was given no image");
    return CLI_INPUT;
}

static int score_all(const cli_arguments *arguments, session *s)
{
    const bool guard = cli_has(arguments, "fail-on-ood");
    unsigned long long rows;
    const paths_client client = { visit, bad_path, run_all, s,
                                  cli_has(arguments, "null") ? '\0' : '\n' };

    score_output_start(&s->output, s->model, s->scorer, cli_has(arguments, "json"));
    if (paths_walk(&client, arguments->n_operands, arguments->operands))
        (void)run_all(s);
    rows = score_output_end(&s->output);
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    if (s->code != CLI_OK)
        return s->code;
    if (s->output.bad > 0)
        return CLI_INPUT;
    return guard ? guarded(s, rows) : CLI_OK;
}

static int make_reader(session *s)
{
    s->files = reader_create(s->context, amp_context_threads(s->context));
    if (s->files)
        return CLI_OK;
    cli_error("no memory to read files");
    return CLI_RESOURCES;
}

static int run_score(const cli_arguments *arguments)
{
    static session s;
    int code;

    if (arguments->n_operands == 0) {
        cli_error("image files or folders are needed, or - for paths on standard input");
        return CLI_USAGE;
    }
    code = cli_context(arguments, &s.context);
    if (code == CLI_OK)
        code = cli_open_model(arguments, s.context, &s.model);
    if (code == CLI_OK)
        code = cli_need_bank(s.model);
    if (code == CLI_OK)
        code = make_scorer(arguments, &s);
    if (code == CLI_OK)
        code = make_reader(&s);
    if (code == CLI_OK)
        code = score_all(arguments, &s);
    reader_free(s.files);
    amp_scorer_free(s.scorer);
    amp_model_unref(s.model);
    amp_context_unref(s.context);
    return code;
}

const cli_command cli_score = {
    .name = "score",
    .summary = "say of image files whether they belong to what the model was trained on",
    .operands = "FILE...",
    .flags = flags,
    .details =
        "Folders are walked for .png, .jpg and .jpeg files; - reads paths from standard input, one "
        "a line.\n"
        "Higher scores mean more in-distribution.  The verdict is in or out at the threshold "
        "stored in\nthe model, unknown (in JSON null) where there is none.\n"
        "While N threads run the network, N - 1 more (at most 7) read the files that come next; "
        "with\n--threads 1 there is one thread in all.\n\n"
        "exit code, the first that applies: 130 interrupted, 5 out of memory or disk, 4 model "
        "missing,\ninvalid or without threshold (--fail-on-ood), 2 usage, 3 some image unreadable, "
        "1 some image\nout of distribution (--fail-on-ood), 0 done.\n",
    .examples =
        "  amp score -m model.safetensors photo.jpg photos/\n"
        "  find /data -name '*.png' | amp score -m model.safetensors --json -\n"
        "  amp score -m model.safetensors --fail-on-ood photo.jpg || echo do not trust it\n",
    .run = run_score,
};
