/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_layout.h - memory descriptors, whatever the major version of oneDNN (see dnnl_api.h),
 * and what else differs between versions and must be known above.
 */
#ifndef AMPI_EXEC_DNNL_LAYOUT_H
#define AMPI_EXEC_DNNL_LAYOUT_H

#include "core/core.h"
#include <dnnl.h>

/* A borrowed memory descriptor. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t ampi_md;
#else
typedef const dnnl_memory_desc_t *ampi_md;
#endif

/* 2.x counts a batch norm's shift among the inputs of its backward pass, 3.x refuses it. */
#define AMPI_NORM_BACKWARD_SHIFT (DNNL_VERSION_MAJOR == 2)

/* 2.x has a convolution's scales in its descriptor and adds the bias in the unit of the integer
   sum; 3.x takes scales at each run, bias in real units. */
#define AMPI_SCALES_AT_RUN (DNNL_VERSION_MAJOR >= 3)
#if AMPI_SCALES_AT_RUN
#define AMPI_ARG_SCALES(of) (DNNL_ARG_ATTR_SCALES | (of))
#else
#define AMPI_ARG_SCALES(of) (of) /* never passed */
#endif

/* An owned one; zeroed = none. */
typedef struct ampi_layout {
    dnnl_memory_desc_t md;
    bool set;
} ampi_layout;

typedef struct ampi_dims {
    int n;
    dnnl_dims_t d;
} ampi_dims;

/* ---- by version ---- */
ampi_md ampi_layout_md(const ampi_layout *layout);
dnnl_status_t ampi_layout_copy(ampi_layout *out, ampi_md md);
dnnl_status_t ampi_layout_make(ampi_layout *out, const ampi_dims *dims, dnnl_format_tag_t tag,
                               dnnl_data_type_t type);
dnnl_data_type_t ampi_md_type(ampi_md md);
void ampi_layout_clear(ampi_layout *layout);

/* ---- the same in all versions (dnnl_common.c) ---- */
bool ampi_md_equal(ampi_md a, ampi_md b);
size_t ampi_md_bytes(ampi_md md);
/* nchw, nhwc, nChw8c or nChw16c of a 4-dimensional layout, dnnl_format_tag_undef otherwise. */
dnnl_format_tag_t ampi_md_tag(ampi_md md, const ampi_dims *dims);
ampi_md ampi_desc_md(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index);
ampi_dims ampi_dims4(dnnl_dim_t a, dnnl_dim_t b, dnnl_dim_t c, dnnl_dim_t d);

#endif
