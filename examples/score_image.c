/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_image.c - one image in, one verdict out, in C.
 *
 *   cc score_image.c $(pkg-config --cflags --libs amp) -o score_image
 *   ./score_image model.safetensors photo.jpg
 */
#include <amp/amp.h>
#include <stdio.h>

static amp_status score(const amp_model *model, amp_scorer *scorer, const amp_image *image,
                        amp_error *error)
{
    static const char *const verdicts[] = { "unknown", "out", "in" }; /* AMP_VERDICT_x + 1 */
    double value, confidence;
    int32_t label;
    int8_t verdict;
    const amp_scores out = { .struct_size = sizeof out,
                             .score = &value,
                             .verdict = &verdict,
                             .label = &label,
                             .confidence = &confidence };
    const amp_status status = amp_scorer_run(scorer, 1, &image, &out, error);

    if (status == AMP_OK) {
        const char *const name = amp_model_class_name(model, (uint32_t)label);
        printf("class %s, confidence %.4f, score %.6f, verdict %s\n", name ? name : "?", confidence,
               value, verdicts[verdict + 1]);
    }
    return status;
}

int main(int argc, char **argv)
{
    amp_model *model = NULL;
    amp_scorer *scorer = NULL;
    amp_image *image = NULL;
    amp_error error; /* filled by the call that fails */

    if (argc != 3) {
        fprintf(stderr, "usage: score_image MODEL IMAGE\n");
        return 2;
    }
    amp_status status = amp_model_open(&model, NULL, argv[1], &error);
    if (status == AMP_OK)
        status = amp_scorer_create(&scorer, model, NULL, NULL, NULL, &error);
    if (status == AMP_OK)
        status = amp_image_open(&image, amp_model_context(model), argv[2], NULL, &error);
    if (status == AMP_OK)
        status = score(model, scorer, image, &error);
    if (status != AMP_OK)
        fprintf(stderr, "score_image: %s: %s\n", amp_status_text(status), error.message);
    amp_image_free(image);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    return status == AMP_OK ? 0 : 1;
}
