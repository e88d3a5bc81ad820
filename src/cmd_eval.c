/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_eval.c - amp eval: methods over out-of-distribution sets, as a table or as JSON.
 */
#include "cli.h"

#include "eval_report.h"
#include "outfile.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "id", 'i', "SPEC", "in-distribution test set, with labels" },
    { "ood", 'o', "NAME=SPEC", "an out-of-distribution set; may be repeated" },
    { "method", 0, "LIST", "methods, for example 'amp;msp;energy' (default: all)" },
    { "anchors", 'k', "K", "use the first K anchors (default: all of the bank)" },
    { "tpr", 0, "P", "level of FPR at TPR (default 0.95)" },
    { "rule", 0, "NAME", "FPR rule: recommended, amp, energy, scood, openood, odin, ood_positive" },
    { "area", 0, "NAME", "AUPR rule: average_precision, trapezoid, amp" },
    { "precision", 0, "NAME",
      "fp32, fast, bf16, int8, or auto: what has thresholds here (default fp32)" },
    { "json", 'j', NULL, "one JSON object instead of the table" },
    { "scores", 0, "FILE.csv", "write every score" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

static int make_scorer(const cli_arguments *arguments, eval_run *run)
{
    amp_scorer_options options;
    char methods[1024];
    long long anchors;
    amp_error error;

    if (!cli_get_number(arguments, "anchors", 0, 0, 1000000, &anchors))
        return CLI_USAGE;
    cli_all_methods(run->model, methods, sizeof methods);
    amp_scorer_options_init(&options, sizeof options);
    if (cli_get_precision(arguments, &options.precision) != CLI_OK)
        return CLI_USAGE;
    options.anchors = (uint32_t)anchors;
    if (amp_scorer_create(&run->scorer, run->model, NULL, cli_get(arguments, "method", methods),
                          &options, &error) != AMP_OK)
        return cli_fail(&error, error.status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_MODEL);
    run->n_methods = amp_scorer_methods(run->scorer);
    if (amp_scorer_note(run->scorer))
        cli_note("%s", amp_scorer_note(run->scorer));
    return CLI_OK;
}

static int list_names(const char *what, const char *(*name_of)(int32_t))
{
    char text[200] = "";
    size_t used = 0;

    for (int32_t i = 0; name_of(i) && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", name_of(i));
    cli_note("%s:%s", what, text);
    return CLI_USAGE;
}

static int read_rules(const cli_arguments *arguments, eval_run *run)
{
    const char *const rule = cli_get(arguments, "rule", NULL);
    const char *const area = cli_get(arguments, "area", NULL);
    amp_error error;

    amp_ood_options_init(&run->options, sizeof run->options);
    if (!cli_get_share(arguments, "tpr", 0.95, &run->options.tpr_level))
        return CLI_USAGE;
    if (rule && amp_ood_rule_parse(&run->options.rule, rule, &error) != AMP_OK) {
        (void)cli_fail(&error, CLI_USAGE);
        return list_names("rules", amp_ood_rule_name);
    }
    if (area && amp_ood_area_parse(&run->options.area, area, &error) != AMP_OK) {
        (void)cli_fail(&error, CLI_USAGE);
        return list_names("areas", amp_ood_area_name);
    }
    return CLI_OK;
}

static int allocate_set(const eval_run *run, eval_set *set)
{
    set->score = calloc(set->n, run->n_methods * sizeof *set->score);
    set->tau = calloc(set->n, sizeof *set->tau);
    set->label = calloc(set->n, sizeof *set->label);
    set->predicted = calloc(set->n, sizeof *set->predicted);
    if (set->score && set->tau && set->label && set->predicted)
        return CLI_OK;
    cli_error("no memory for the scores of %zu images", set->n);
    return CLI_RESOURCES;
}

static int score_set(const eval_run *run, eval_set *set, amp_dataset *dataset)
{
    cli_progress progress;
    amp_status status;
    amp_scores out;
    amp_error error;

    memset(&out, 0, sizeof out);
    out.struct_size = sizeof out;
    out.score = set->score;
    out.tau = set->tau;
    out.label = set->predicted;
    cli_progress_start(&progress);
    status = amp_scorer_run_dataset(run->scorer, dataset, 0, set->n, &out, cli_progress_step,
                                    &progress, &error);
    cli_progress_clear(&progress);
    if (status != AMP_OK)
        return cli_fail(&error, CLI_INPUT);
    for (size_t i = 0; i < set->n; i++)
        set->label[i] = amp_dataset_label(dataset, i);
    return CLI_OK;
}

/* Names become keys of the JSON and a column of the CSV. */
static bool name_is_fit(const eval_run *run, const char *name)
{
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == ',' || *c == '"') {
            cli_error("--ood %s: a set's name has no comma, quote or control character", name);
            return false;
        }
    }
    for (int i = 0; i < run->n_sets; i++) {
        if (strcmp(run->sets[i].name, name) == 0) {
            cli_error("--ood %s: the name is taken%s", name,
                      i == 0 ? " by the in-distribution set" : "");
            return false;
        }
    }
    return true;
}

/* The name before '=' of NAME=SPEC, or "id". */
static int name_set(eval_run *run, const char *name, size_t length)
{
    eval_set *const set = &run->sets[run->n_sets];

    if (length >= sizeof set->name || length == 0) {
        cli_error("--ood %s: NAME=SPEC is needed, NAME of 1..%zu bytes", name,
                  sizeof set->name - 1);
        return CLI_USAGE;
    }
    memcpy(set->name, name, length);
    if (!name_is_fit(run, set->name))
        return CLI_USAGE;
    run->n_sets++;
    return CLI_OK;
}

/* Labels are numbers: the accuracy means nothing when they count other classes than the network's,
   as in a folder that lacks one. */
static void compare_classes(const eval_run *run, const amp_dataset *dataset)
{
    amp_model_info info = { .struct_size = sizeof info };
    const uint32_t classes = amp_dataset_classes(dataset);

    if (amp_model_get_info(run->model, &info, NULL) != AMP_OK || classes == 0)
        return;
    if (classes != info.classes)
        cli_note("the in-distribution set has %u classes, the network %u: see whether the accuracy "
                 "means anything",
                 classes, info.classes);
    for (uint32_t i = 0; i < classes && i < info.classes; i++) {
        const char *const here = amp_dataset_class_name(dataset, i);
        const char *const there = amp_model_class_name(run->model, i);
        if (!here || !there || strcmp(here, there) == 0)
            continue;
        cli_note("class %u is %s in the set and %s in the model: see whether the accuracy means "
                 "anything",
                 i, here, there);
        return;
    }
}

static int add_set(eval_run *run, eval_set *set)
{
    amp_dataset *dataset = NULL;
    int code = cli_open_dataset(run->context, set->spec, &dataset);

    if (code != CLI_OK)
        return code;
    if (set == &run->sets[0])
        compare_classes(run, dataset);
    set->n = (size_t)amp_dataset_size(dataset);
    code = allocate_set(run, set);
    if (code == CLI_OK)
        code = score_set(run, set, dataset);
    amp_dataset_free(dataset);
    return code;
}

/* Set 0 is the in-distribution one.  All names are read before the first image is scored. */
static int name_sets(const cli_arguments *arguments, eval_run *run)
{
    const char *text;
    int code = name_set(run, "id", 2);

    run->sets[0].spec = cli_get(arguments, "id", NULL);
    for (int i = 0; code == CLI_OK && (text = cli_get_nth(arguments, "ood", i)) != NULL; i++) {
        const char *const equals = strchr(text, '=');
        if (run->n_sets == EVAL_SETS) {
            cli_error("more than %d sets", EVAL_SETS - 1);
            return CLI_USAGE;
        }
        run->sets[run->n_sets].spec = equals ? equals + 1 : NULL;
        code = name_set(run, text, equals ? (size_t)(equals - text) : 0);
    }
    return code;
}

static int score_sets(eval_run *run)
{
    int code = CLI_OK;

    for (int i = 0; code == CLI_OK && i < run->n_sets; i++)
        code = add_set(run, &run->sets[i]);
    return code;
}

static void eval_clear(eval_run *run)
{
    for (int i = 0; i < run->n_sets; i++) {
        free(run->sets[i].score);
        free(run->sets[i].tau);
        free(run->sets[i].label);
        free(run->sets[i].predicted);
        free(run->sets[i].metrics);
    }
    amp_scorer_free(run->scorer);
    amp_model_unref(run->model);
    amp_context_unref(run->context);
}

static int evaluate(const cli_arguments *arguments, eval_run *run)
{
    const char *const scores = cli_get(arguments, "scores", NULL);
    int code = score_sets(run);

    if (code == CLI_OK)
        code = eval_measure(run);
    if (code == CLI_OK && scores)
        code = eval_write_scores(run, scores);
    if (code == CLI_OK)
        code = cli_has(arguments, "json") ? eval_print_json(run) : eval_print_table(run);
    return code;
}

static int check_arguments(const cli_arguments *arguments, eval_run *run)
{
    const char *const scores = cli_get(arguments, "scores", NULL);
    char why[128];

    if (!cli_has(arguments, "id") || !cli_has(arguments, "ood") || arguments->n_operands > 0) {
        cli_error("--id SPEC and at least one --ood NAME=SPEC are needed, and nothing else");
        return CLI_USAGE;
    }
    if (scores && !outfile_check(scores, why, sizeof why)) {
        cli_error("%s: %s", scores, why);
        return CLI_RESOURCES;
    }
    return read_rules(arguments, run);
}

static int run_eval(const cli_arguments *arguments)
{
    static eval_run run;
    int code = check_arguments(arguments, &run);

    if (code == CLI_OK)
        code = name_sets(arguments, &run);
    if (code == CLI_OK)
        code = cli_context(arguments, &run.context);
    if (code == CLI_OK)
        code = cli_open_model(arguments, run.context, &run.model);
    if (code == CLI_OK)
        code = cli_need_bank(run.model);
    if (code == CLI_OK)
        code = make_scorer(arguments, &run);
    if (code == CLI_OK)
        code = evaluate(arguments, &run);
    eval_clear(&run);
    return code;
}

const cli_command cli_eval = {
    .name = "eval",
    .summary = "measure methods over in- and out-of-distribution sets",
    .operands = "",
    .flags = flags,
    .details = "In-distribution is positive and scores higher.  FPR is the share of a set that is "
               "accepted at the\nthreshold accepting 95 % of the in-distribution images.  AUPR "
               "depends on the set sizes, which are\nprinted beside it.\n",
    .examples =
        "  amp eval -m model.safetensors -i cifar10:test_batch.bin -o svhn=cifar10:svhn.bin.gz \\\n"
        "      -o dtd=tar:dtd.tar --method 'amp;msp;energy' --scores scores.csv\n",
    .run = run_eval,
};
