/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/scorer.h - out-of-distribution scores for images.
 *
 * A scorer joins one model and one anchor bank with a list of methods and owns the memory of a
 * run.  It serves ONE thread at a time; amp_scorer_clone() makes more that share weights and
 * plans.  It keeps references: model, bank and scorer may be freed in any order.
 * Notation: n images, K anchors, M methods, C classes, H the mean of the K predictions (logits).
 * Arrays are row-major.  Higher scores mean more in-distribution, for every method.
 *
 * A method is a name and options, "amp:calibration=p-small,score=energy":
 *
 *   amp       H divided by a temperature made from the K predictions' disagreement (the paper).
 *             calibration=c-small (default: 1 + exp(tau_mean)), p-small (1 + exp(tau)), p-large
 *             (tau), c-large (tau_mean), none (1); p- and c-large are at least 1e-12.
 *             score=xent (default: eq. 2, log sum exp(z) - mean(z)), entropy, energy, msp
 *   msp       log of the largest softmax probability, in (-inf, 0]: ranks as the probability and
 *             does not saturate at 1
 *   maxlogit  the largest logit
 *   energy    T log sum exp(z / T); temperature=1 (default), 0.001..1000000
 *   entropy   sum of p log p, the negative entropy
 *
 * The last four read z = H (logits=raw, default) or, with logits=calibrated, H as `amp` divides it
 * (calibration= as there).  `amp` and logits=calibrated need an anchored network; on one anchor
 * (K = 1) nothing can disagree, they score uncalibrated logits and amp_scorer_note() says so.
 */
#ifndef AMP_SCORER_H
#define AMP_SCORER_H

#include <amp/bank.h>
#include <amp/base.h>
#include <amp/data.h>
#include <amp/image.h>
#include <amp/model.h>
#include <amp/precision.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_scorer amp_scorer;

/** Fill with amp_scorer_options_init(), then change fields.  Copied. */
typedef struct amp_scorer_options {
    size_t struct_size; /**< sizeof as the caller compiled it; set by _init              */
    uint32_t anchors;   /**< K: the first K of the bank; 0 = all (default)               */
    int32_t threads;    /**< most threads of one run, 1..1024; 0 = the context's (default) */
    double tpr;         /**< which stored threshold gives the verdict; 0 < tpr <= 1, default 0.95 */
    uint32_t chunk;     /**< images in one pass of the network, 1..4096; 0 = chosen (default) */
    int32_t precision;  /**< an amp_precision; default AMP_PRECISION_FP32                 */
    int32_t adaptive;   /**< 1 = take no more anchors than a verdict needs; default 0; see below */
    uint32_t reserved;  /**< 0                                                           */
} amp_scorer_options;

/* Adaptive anchors: K anchors are run one after the other, and an image leaves when its score so
   far is further from the threshold than held-out images' scores still moved from there: a
   sequential test whose margins amp_model_builder_calibrate() stores with each threshold, for 2 to
   32 anchors. Of images near the threshold at most a share `stop_error` then get another verdict
   than by all K, if they move as in-distribution images do.  All results are those of the anchors
   used: compare numbers by scorers without it. */

typedef enum amp_verdict {
    AMP_VERDICT_UNKNOWN = -1, /**< no threshold for this method, K, precision and TPR */
    AMP_VERDICT_OUT = 0,
    AMP_VERDICT_IN = 1
} amp_verdict;

/** Results: a NULL array is skipped.  The caller owns all arrays; no pointer is kept.  Set
 *  struct_size, or the whole by `amp_scores scores = { .struct_size = sizeof scores }`. */
typedef struct amp_scores {
    size_t struct_size;
    double *score;        /**< [M, n]     higher = more in-distribution                      */
    int8_t *verdict;      /**< [M, n]     an amp_verdict: score >= stored threshold = in     */
    double *tau;          /**< [n]        eq. (1), >= 0: sum over classes of the spread of the K
                                          sigmoids; NaN with fewer than 2 predictions        */
    double *tau_mean;     /**< [n]        the same, mean over classes                        */
    int32_t *label;       /**< [n]        arg max of H, 0..C-1                               */
    double *confidence;   /**< [n]        max softmax(H / temperature); 1 until one is fitted */
    float *logits;        /**< [n, C]     H, unscaled                                        */
    float *anchor_logits; /**< [n, K, C]  of a plain network [n, C]; NaN for an anchor not used */
    int32_t *anchors;     /**< [n]        anchors used: K, or fewer with options.adaptive    */
} amp_scores;

/** Defaults into *options; `size` is sizeof(amp_scorer_options) of the caller. */
AMP_API void amp_scorer_options_init(amp_scorer_options *options, size_t size);

/**
 * Create a scorer.
 *
 * @param out      receives the scorer, amp_scorer_free() it; NULL on failure.
 * @param model    borrowed; the scorer takes its own reference.
 * @param bank     the same; NULL = the model's.  NULL for a plain network.
 * @param methods  a list divided by ';', ' ' or ','; after ',' a "key=value" belongs to the method
 *                 before it.  NULL = the model's own default: what its file names, else "amp" or,
 *                 for a plain network, "msp".
 * @param options  NULL for the defaults.
 * @param error    NULL, or filled on failure and untouched on success.
 * @retval AMP_E_ARGUMENT     a NULL pointer, an unknown method or option, a value out of range,
 *                            more anchors than the bank has, no bank at all, another context
 * @retval AMP_E_SHAPE        a bank built for another network, preprocessing that does not fit
 * @retval AMP_E_UNSUPPORTED  a method that needs an anchored network, on a plain one; a precision
 *                            that this processor lacks, or int8 and no quantised form; adaptive,
 *                            and no margins are stored for a method, K, precision and TPR; a longer
 *                            struct with unknown fields set
 * @retval AMP_E_LIMIT        more than 64 methods
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 * @retval AMP_E_BACKEND      the compute back end refused; error->detail is its status
 * Threads: any; model and bank may be in use elsewhere.
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_create(amp_scorer **out, amp_model *model,
                                                  amp_bank *bank, const char *methods,
                                                  const amp_scorer_options *options,
                                                  amp_error *error);

/**
 * Make another scorer that does the same, for another thread.  Weights and plans are shared.
 *
 * @param out     receives the scorer; NULL on failure.
 * @param scorer  not NULL; not running while it is cloned.
 * @param error   NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_clone(amp_scorer **out, const amp_scorer *scorer,
                                                 amp_error *error);

/** M, the number of methods; 0 for NULL. */
AMP_API uint32_t amp_scorer_methods(const amp_scorer *scorer);

/** Canonical name of method `index`: "amp", "msp", "amp:score=energy" (options that differ from the
 *  default, in the order of the table).  Borrowed from the scorer; NULL past the end. */
AMP_API const char *amp_scorer_method(const amp_scorer *scorer, uint32_t index);

/** 1 and *threshold (NULL allowed) when the model has one for this method, K and TPR; else 0 and
 *  *threshold untouched. */
AMP_API int32_t amp_scorer_threshold(const amp_scorer *scorer, uint32_t index, double *threshold);

/** K, the anchors in use; 0 for a plain network and for NULL. */
AMP_API uint32_t amp_scorer_anchors(const amp_scorer *scorer);

/** The amp_precision in use, never AMP_PRECISION_AUTO; AMP_PRECISION_FP32 for NULL. */
AMP_API int32_t amp_scorer_precision(const amp_scorer *scorer);

/** Why scores are not as asked ("K = 1: calibration needs K >= 2, ..."), or NULL.  Static text. */
AMP_API const char *amp_scorer_note(const amp_scorer *scorer);

/**
 * Score n images of any size, resized, cropped and normalised as the model file says.
 *
 * In AMP_PRECISION_FP32 an image's results depend on the image alone: the same bits for any n,
 * chunk, number of threads and clone, on one machine and library.
 *
 * @param scorer  not NULL.
 * @param n       0 or more; memory does not grow with n.
 * @param images  [n], borrowed, of the model's context.
 * @param out     arrays for n images.
 * @param error   NULL, or filled on failure; arrays are then unspecified, the scorer still usable.
 * @retval AMP_E_ARGUMENT     a NULL pointer, an image of another context; the text has its index
 * @retval AMP_E_LIMIT        n is too large for any memory
 * @retval AMP_E_UNSUPPORTED  a longer struct with unknown arrays set
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 * @retval AMP_E_BACKEND      the network failed or gave a value that is not finite; with its index
 * Cost: K passes an image of the network, one of its first layer.  In a process forked after the
 * context was made a run takes one thread.
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_run(amp_scorer *scorer, size_t n,
                                               const amp_image *const *images,
                                               const amp_scores *out, amp_error *error);

/**
 * Score raw pixels, as amp_scorer_run().
 *
 * @param pixels         [n, height, width, 3] bytes R, G, B; read in place when they have the
 *                       network's size.
 * @param height, width  1 or more.
 * @retval AMP_E_ARGUMENT  also: height or width is 0
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_run_rgb8(amp_scorer *scorer, size_t n,
                                                    const uint8_t *pixels, uint32_t height,
                                                    uint32_t width, const amp_scores *out,
                                                    amp_error *error);

/**
 * Score images first .. first + n - 1 of a data set, as amp_scorer_run().
 *
 * @param dataset        of the model's context.
 * @param progress       NULL, or called on this thread after each chunk, stage "score".
 * @param progress_user  passed to progress.
 * @retval AMP_E_ARGUMENT   also: the data set has fewer images
 * @retval AMP_E_CANCELLED  progress asked to stop
 * And what reading an image may return.
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_run_dataset(amp_scorer *scorer, amp_dataset *dataset,
                                                       uint64_t first, size_t n,
                                                       const amp_scores *out,
                                                       amp_progress_fn progress,
                                                       void *progress_user, amp_error *error);

/** Free a scorer and drop its references.  NULL is ignored. */
AMP_API void amp_scorer_free(amp_scorer *scorer);

/** Number of methods that there are. */
AMP_API uint32_t amp_method_count(void);

/** Name of method `index`, "amp"; static text, NULL past the end. */
AMP_API const char *amp_method_name(uint32_t index);

/** What it is, in one line; static text, NULL past the end. */
AMP_API const char *amp_method_help(uint32_t index);

/**
 * Fit the temperature and, for each method, a threshold at each TPR into the builder's model.
 *
 * The images go through a scorer on the builder's bank.  Thresholds are stored under (method, K,
 * precision, TPR); equal keys are replaced, others stay.  The temperature minimises the negative
 * log-likelihood of H / T; without any label there is none, and only thresholds are stored.  The
 * model's default method is written down where it is not yet.
 *
 *   key         range                default
 *   tpr         above 0 up to 1      0.95     share of in-distribution images to accept; up to 16
 *                                             levels divided by ':', "0.9:0.95:0.99"
 *   anchors     0..1000              0        K; 0 = all of the bank
 *   stop_error  above 0 up to 0.5    0.01     of adaptive anchors, see amp_scorer_options
 *   precision   fp32 fast bf16 int8  fp32     of the thresholds; the temperature is of what was
 *                                             calibrated last.  int8 also makes the quantised
 *                                             form: lowest and highest value of each activation,
 *                                             means over 256 of the images, spread evenly, or all
 *
 * @param builder        not NULL.
 * @param held_out       in-distribution images, of the model's context, that were neither trained
 *                       on nor anchors; all labelled 0..C-1 or none.
 * @param methods        as for amp_scorer_create().
 * @param options        "tpr=0.95,anchors=0"; NULL = the defaults.
 * @param progress       NULL, or called on this thread: for int8 stage "ranges", then "score".
 * @param progress_user  passed to progress.
 * @param error          NULL, or filled on failure; the builder's model is then as before.
 * @retval AMP_E_ARGUMENT   a NULL pointer, no image, a label out of range or missing, a bad option
 * @retval AMP_E_LIMIT      more than 1,000 stored thresholds
 * @retval AMP_E_CANCELLED  progress asked to stop
 * And what amp_scorer_create() and amp_scorer_run_dataset() return.
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_calibrate(
    amp_model_builder *builder, amp_dataset *held_out, const char *methods, const char *options,
    amp_progress_fn progress, void *progress_user, amp_error *error);

#ifdef __cplusplus
}
#endif

#endif
