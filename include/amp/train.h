/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/train.h - anchored training, from new or given weights, with checkpoints.
 */
#ifndef AMP_TRAIN_H
#define AMP_TRAIN_H

#include <amp/base.h>
#include <amp/data.h>
#include <amp/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_trainer amp_trainer;

/** After every batch (kind STEP) and every epoch (kind EPOCH).  Borrowed for the callback. */
typedef struct amp_train_progress {
    size_t struct_size;
    int32_t kind;           /**< AMP_TRAIN_STEP or AMP_TRAIN_EPOCH                          */
    uint32_t epoch, epochs; /**< epoch in progress or just ended, 1..epochs                 */
    uint64_t step, steps;   /**< batches done, in all                                       */
    double learning_rate;
    double loss;              /**< of this batch; EPOCH: mean of the epoch                    */
    double accuracy;          /**< training accuracy, same scope                              */
    double held_out_accuracy; /**< EPOCH only, else NaN; NaN without held-out data          */
    double images_per_second; /**< over the last batches                                    */
    double seconds;           /**< of training so far, over all resumed runs                */
    double eta_seconds;
} amp_train_progress;

enum { AMP_TRAIN_STEP = 0, AMP_TRAIN_EPOCH = 1 };

/** Return 0 to go on; anything else ends the run after this batch with AMP_E_CANCELLED. */
typedef int32_t (*amp_train_fn)(void *user, const amp_train_progress *progress);

/** options: "epochs=20,batch=128,lr=0.2,schedule=onecycle,..."; NULL = all defaults. */
AMP_API AMP_MUST_USE amp_status amp_trainer_create(amp_trainer **out, amp_model *initial,
                                                   amp_dataset *dataset, const char *options,
                                                   amp_error *error);
/** Continue a checkpoint: the same options, data set spec and bits as if never stopped. */
AMP_API AMP_MUST_USE amp_status amp_trainer_resume(amp_trainer **out, amp_context *context,
                                                   const char *path, const char *data_spec,
                                                   const amp_dataset_options *data_options,
                                                   amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_trainer_run(amp_trainer *trainer, amp_train_fn progress,
                                                void *user, amp_error *error);
/** One batch; *done is 1 when none is left. */
AMP_API AMP_MUST_USE amp_status amp_trainer_step(amp_trainer *trainer, int32_t *done,
                                                 amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_trainer_save_checkpoint(amp_trainer *trainer, const char *path,
                                                            amp_error *error);
/** The model as trained so far, with its training record. */
AMP_API AMP_MUST_USE amp_status amp_trainer_model(amp_trainer *trainer, amp_model **out,
                                                  amp_error *error);
/** The held-out images of the training set: temperature and thresholds come from them. */
AMP_API AMP_MUST_USE amp_status amp_trainer_held_out(amp_trainer *trainer, amp_dataset **out,
                                                     amp_error *error);
AMP_API void amp_trainer_free(amp_trainer *trainer);

/** Options table for help pages: number of rows, and each row's key, default and text. */
AMP_API uint32_t amp_train_option_count(void);
AMP_API const char *amp_train_option_key(uint32_t index);
AMP_API const char *amp_train_option_help(uint32_t index);
AMP_API size_t amp_train_option_range(uint32_t index, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
