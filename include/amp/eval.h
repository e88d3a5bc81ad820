/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/eval.h - thresholds, out-of-distribution metrics, temperature scaling and calibration
 * metrics: arrays in, numbers out.
 *
 * This part knows no model and keeps nothing between calls: no handle, no context.  Arrays are
 * borrowed for the call.  Every function may run on any thread, any number at a time, and gives
 * the same bits for the same input.
 *
 * Scores: one a image, higher = more in-distribution.  "In" is the in-distribution set (ID),
 * "out" the other one (OOD).  A NaN or an infinity is refused with its index; -0 equals +0.
 * Sets may hold 1..2147483647 scores each.  All rates are fractions 0..1.
 */
#ifndef AMP_EVAL_H
#define AMP_EVAL_H

#include <amp/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How the operating point, and so the false positive rate, is read at TPR level L.
 *
 * The rules differ only on ties and in small sets, by up to one step of the curve.  All but the two
 * OOD-positive rules take ID as positive: TPR = share of ID accepted, FPR = share of OOD accepted.
 * The OOD-positive rules turn both round: TPR = share of OOD caught, FPR = share of ID rejected.
 */
typedef enum amp_ood_rule {
    /** "recommended" (default): the largest threshold t with TPR(score >= t) >= L; OOD counts
     *  when score >= t.  With it a stored threshold and the reported FPR belong together. */
    AMP_OOD_RULE_RECOMMENDED = 0,
    /** "amp": the code of the AMP paper and of the Mahalanobis and Gram detectors.  Samples leave
     *  from the lowest up, ID before OOD on equal scores; first point with the least
     *  |TPR - L|.  Ties count against the detector. */
    AMP_OOD_RULE_AMP = 1,
    /** "energy": the code of the energy and outlier-exposure detectors.  Distinct thresholds, least
     *  |TPR - L|; of equal ones the lowest threshold, except at TPR 1, where it is the highest. */
    AMP_OOD_RULE_ENERGY = 2,
    /** "scood": the code of SCOOD and ViM.  t = the floor(L * n_in)-th largest ID score; OOD counts
     *  only when score > t.  Ties count in favour of the detector. */
    AMP_OOD_RULE_SCOOD = 3,
    /** "openood": the code of OpenOOD, OOD positive.  scikit-learn's ROC with its collinear points
     *  dropped; first point with TPR >= L.  An image is rejected when score <= t. */
    AMP_OOD_RULE_OPENOOD = 4,
    /** "odin": the code of ODIN.  Mean FPR (score > t) over the thresholds of an even grid whose
     * TPR (score >= t) lies within L +- 0.0005; threshold and tpr are means too.  All three are NaN
     * when no threshold of the grid does. */
    AMP_OOD_RULE_ODIN = 5,
    /** "ood_positive": the recommended rule with OOD as positive (pytorch-ood).  An image is
     *  rejected when score <= t; t = the smallest that catches a share >= L of OOD. */
    AMP_OOD_RULE_OOD_POSITIVE = 6
} amp_ood_rule;

/** How the areas under the curves are taken. */
typedef enum amp_ood_area {
    /** "average_precision" (default): AUPR = sum of (R_i - R_{i-1}) P_i over distinct thresholds,
     *  scikit-learn's average_precision_score; AUROC with ties one half. */
    AMP_OOD_AREA_AVERAGE_PRECISION = 0,
    /** "trapezoid": AUPR by trapezoids on scikit-learn's precision_recall_curve (SCOOD, OpenOOD,
     *  ViM, pytorch-ood; optimistic); AUROC with ties one half. */
    AMP_OOD_AREA_TRAPEZOID = 1,
    /** "amp": the AMP paper's code.  AUPR by trapezoids sample by sample, precision 0 at recall 0;
     *  AUROC counts a tie of ID and OOD as 0. */
    AMP_OOD_AREA_AMP = 2
} amp_ood_area;

/** Fill with amp_ood_options_init(), then change fields. */
typedef struct amp_ood_options {
    size_t struct_size;  /**< sizeof as the caller compiled it; set by _init                */
    double tpr_level;    /**< L, 0 < L <= 1; default 0.95                                   */
    int32_t rule;        /**< an amp_ood_rule; default AMP_OOD_RULE_RECOMMENDED             */
    int32_t area;        /**< an amp_ood_area; default AMP_OOD_AREA_AVERAGE_PRECISION       */
    double grid_low;     /**< "odin" only: first threshold of the grid                      */
    double grid_high;    /**< its end; both 0 (default): from the lowest to the highest score */
    uint64_t grid_steps; /**< steps of the grid, 1..10000000; default 100000                */
} amp_ood_options;

/** Set struct_size, or the whole by `amp_ood_metrics metrics = { .struct_size = sizeof metrics }`.
 */
typedef struct amp_ood_metrics {
    size_t struct_size; /**< sizeof as the caller compiled it                              */
    uint64_t n_in;      /**< ID scores                                                     */
    uint64_t n_out;     /**< OOD scores; AUPR-in of a random score is n_in / (n_in + n_out) */
    double threshold;   /**< score at the operating point; +infinity when it accepts nothing */
    double tpr;         /**< true positive rate there, by the rule                         */
    double fpr;         /**< false positive rate there, by the rule                        */
    double auroc;       /**< P(in > out) + P(in = out) / 2, exact from integer counts      */
    double aupr_in;     /**< area under precision-recall, ID positive                      */
    double aupr_out;    /**< the same, OOD positive, on negated scores                     */
    double dtacc;       /**< max over thresholds of (TPR + 1 - FPR) / 2, ID positive       */
} amp_ood_metrics;

/** Defaults into *options; `size` is sizeof(amp_ood_options) of the caller. */
AMP_API void amp_ood_options_init(amp_ood_options *options, size_t size);

/** "recommended", "amp", ... (above); NULL for a value that is none. */
AMP_API const char *amp_ood_rule_name(int32_t rule);

/** "average_precision", "trapezoid", "amp"; NULL for a value that is none. */
AMP_API const char *amp_ood_area_name(int32_t area);

/**
 * The rule of a name.
 *
 * @param rule   receives an amp_ood_rule; untouched on failure.
 * @param name   NUL-terminated.
 * @param error  NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT  a pointer is NULL, or no rule has the name
 */
AMP_API AMP_MUST_USE amp_status amp_ood_rule_parse(int32_t *rule, const char *name,
                                                   amp_error *error);

/** The area of a name; as amp_ood_rule_parse().
 *  @retval AMP_E_ARGUMENT  a pointer is NULL, or no area has the name */
AMP_API AMP_MUST_USE amp_status amp_ood_area_parse(int32_t *area, const char *name,
                                                   amp_error *error);

/**
 * FPR at a TPR, AUROC, AUPR and detection accuracy of ID scores against OOD scores.
 *
 * @param id_scores  [n_id], finite, higher = more in-distribution.
 * @param ood        [n_ood], finite.
 * @param options    NULL for the defaults.
 * @param out        filled on success, untouched on failure; its struct_size must be set.
 * @param error      NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT     a pointer is NULL, a set is empty, a score is not finite, an option
 *                            is out of range
 * @retval AMP_E_LIMIT        a set has more than 2147483647 scores
 * @retval AMP_E_UNSUPPORTED  a longer options struct with unknown fields set
 * @retval AMP_E_NOMEM        no memory for the sort
 * Cost: O(n log n) at most, about 8 * (n_id + n_ood + max(n_id, n_ood)) bytes; 1e7 scores: seconds.
 */
AMP_API AMP_MUST_USE amp_status amp_ood_evaluate(const double *id_scores, size_t n_id,
                                                 const double *ood, size_t n_ood,
                                                 const amp_ood_options *options,
                                                 amp_ood_metrics *out, amp_error *error);

/**
 * The threshold that accepts a share `tpr` of these ID scores: the largest t, one of the scores,
 * with share(score >= t) >= tpr.  An image is in-distribution when its score >= t.
 *
 * @param scores     [n], finite, of held-out in-distribution images.
 * @param tpr        0 < tpr <= 1, for example 0.95.
 * @param threshold  receives t; untouched on failure.
 * @param error      NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT  a pointer is NULL, n is 0, a score is not finite, tpr is out of range
 * @retval AMP_E_LIMIT     n > 2147483647
 * @retval AMP_E_NOMEM     no memory for the sort
 */
AMP_API AMP_MUST_USE amp_status amp_threshold_at_tpr(const double *scores, size_t n, double tpr,
                                                     double *threshold, amp_error *error);

/** Fill with amp_temperature_options_init(), then change fields. */
typedef struct amp_temperature_options {
    size_t struct_size;     /**< sizeof as the caller compiled it; set by _init         */
    double min_temperature; /**< 1e-6..1e6, default 0.01                                */
    double max_temperature; /**< 1e-6..1e6, > min_temperature; default 100              */
    double tolerance;       /**< relative, of T; 1e-14..0.1, default 1e-12              */
} amp_temperature_options;

/** Defaults into *options; `size` is sizeof(amp_temperature_options) of the caller. */
AMP_API void amp_temperature_options_init(amp_temperature_options *options, size_t size);

/**
 * Temperature scaling (Guo et al. 2017): the T > 0 that minimises the mean negative log-likelihood
 * of softmax(logits / T).
 *
 * The loss is convex in 1/T; a Newton search kept inside a shrinking bracket finds the minimum.
 * Where the loss falls all the way to a bound (separable data: T -> 0; worse than random: T ->
 * infinity), T is exactly that bound.  Where T makes no difference (equal logits in every
 * row, one class), T is 1, or the bound nearest to 1.
 *
 * @param logits       [n][classes], finite.
 * @param labels       [n], 0..classes-1.
 * @param n            >= 1.
 * @param classes      1..2147483647.
 * @param options      NULL for the defaults.
 * @param temperature  receives T; untouched on failure.
 * @param error        NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT     a pointer is NULL, n or classes is 0, a logit is not finite, a label
 * or an option is out of range
 * @retval AMP_E_LIMIT        n * classes does not fit in memory
 * @retval AMP_E_UNSUPPORTED  a longer options struct with unknown fields set
 * Cost: usually under 15 passes over the logits; no memory.
 */
AMP_API AMP_MUST_USE amp_status amp_temperature_fit(const float *logits, const int32_t *labels,
                                                    size_t n, size_t classes,
                                                    const amp_temperature_options *options,
                                                    double *temperature, amp_error *error);

/** Fill with amp_calibration_options_init(), then change fields. */
typedef struct amp_calibration_options {
    size_t struct_size; /**< sizeof as the caller compiled it; set by _init                  */
    double temperature; /**< logits are divided by it; 1e-6..1e6, default 1                  */
    uint64_t bins;      /**< of equal width, for the ECE; 1..65536, default 15               */
} amp_calibration_options;

/** Set struct_size before the call. */
typedef struct amp_calibration_metrics {
    size_t struct_size; /**< sizeof as the caller compiled it                                */
    uint64_t n;         /**< rows                                                            */
    double accuracy;    /**< share of rows whose largest value is at the label; ties: first  */
    double confidence;  /**< mean of the largest probability                                 */
    double nll;         /**< mean of -log p[label], natural; +infinity when some p[label] is 0 */
    double brier;       /**< mean of the SUM over classes of (p - onehot)^2, 0..2            */
    double ece;         /**< sum over bins (lower, upper] of share * |confidence - accuracy| */
} amp_calibration_metrics;

/** Defaults into *options; `size` is sizeof(amp_calibration_options) of the caller. */
AMP_API void amp_calibration_options_init(amp_calibration_options *options, size_t size);

/**
 * Accuracy, NLL, Brier score and expected calibration error of softmax(logits / temperature).
 *
 * @param logits   [n][classes], finite.
 * @param labels   [n], 0..classes-1.
 * @param n        >= 1.
 * @param classes  1..2147483647.
 * @param options  NULL for the defaults.
 * @param out      filled on success, untouched on failure; its struct_size must be set.
 * @param error    NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT     a pointer is NULL, n or classes is 0, a logit is not finite, a label
 * or an option is out of range
 * @retval AMP_E_LIMIT        n * classes does not fit in memory
 * @retval AMP_E_UNSUPPORTED  a longer options struct with unknown fields set
 * @retval AMP_E_NOMEM        no memory for the bins
 */
AMP_API AMP_MUST_USE amp_status amp_calibration_evaluate(const float *logits, const int32_t *labels,
                                                         size_t n, size_t classes,
                                                         const amp_calibration_options *options,
                                                         amp_calibration_metrics *out,
                                                         amp_error *error);

/**
 * The same from probabilities.  options->temperature must be 1.
 * @param probabilities  [n][classes], each 0..1, each row summing to 1 within 0.001.
 * @retval AMP_E_ARGUMENT  also: a value outside 0..1, a row with another sum, a temperature
 * Otherwise as amp_calibration_evaluate().
 */
AMP_API AMP_MUST_USE amp_status amp_calibration_evaluate_probabilities(
    const double *probabilities, const int32_t *labels, size_t n, size_t classes,
    const amp_calibration_options *options, amp_calibration_metrics *out, amp_error *error);

#ifdef __cplusplus
}
#endif

#endif
