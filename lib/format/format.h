/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/format.h - the model file: a graph, its record and the sections of other rooms.
 *
 * Sections are opaque blobs named "amp.<section>.<name>"; the record is one JSON object.
 */
#ifndef AMPI_FORMAT_H
#define AMPI_FORMAT_H

#include "core/blob.h"
#include "graph/graph.h"
#include <amp/model.h>
#include <jansson.h>

/* ---- safetensors (safetensors_read.c, safetensors_write.c) ---- */
/* Every tensor and the metadata record "amp" (NULL when there is none, ampi_free it). */
amp_status ampi_safetensors_parse(ampi_blobs *out, char **record, const uint8_t *bytes, size_t size,
                                  const char *name, amp_error *error);
amp_status ampi_safetensors_write(const ampi_blobs *blobs, const char *record, const char *path,
                                  amp_error *error);

/* ---- models (model.c) ---- */
struct amp_model {
    amp_context *context;
    unsigned references_; /* through ampi_model_* only */
    ampi_graph *graph;    /* immutable from here on                                     */
    ampi_blobs sections;  /* everything named amp.*                                      */
    json_t *record;       /* parsed once, never changed, never handed out for writing    */
    char *record_text;    /* the same, as text                                          */
    amp_bank *bank;       /* attached by the score room after opening; owned            */
    void (*bank_unref)(amp_bank *bank);
};

/* Takes ownership of graph and of the content of sections; `record` is referenced. */
amp_status ampi_model_make(amp_model **out, ampi_graph *graph, ampi_blobs *sections, json_t *record,
                           amp_error *error);
/* File or memory -> model without its bank attached. */
amp_status ampi_model_parse(amp_model **out, amp_context *context, const uint8_t *bytes,
                            size_t size, const char *name, amp_error *error);

/* ---- record helpers (record.c): typed reads with clear errors ---- */
amp_status ampi_record_text(const json_t *object, const char *key, const char **out,
                            amp_error *error);
amp_status ampi_record_number(const json_t *object, const char *key, double low, double high,
                              double *out, amp_error *error);
amp_status ampi_record_integer(const json_t *object, const char *key, int64_t low, int64_t high,
                               int64_t *out, amp_error *error);

#endif
