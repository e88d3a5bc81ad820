# SPDX-License-Identifier: Apache-2.0
#
# What libamp stands on, all from Debian.  Each becomes a target that the rooms name.
#   amp_dep_jpeg amp_dep_png amp_dep_archive amp_dep_json amp_dep_deflate amp_dep_dnnl amp_dep_omp
#   amp_dep_random
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

pkg_check_modules(amp_jpeg REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(amp_png REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(amp_archive REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(amp_json REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(amp_deflate REQUIRED IMPORTED_TARGET libdeflate)
foreach(name jpeg png archive json deflate)
    add_library(amp_dep_${name} INTERFACE)
    target_link_libraries(amp_dep_${name} INTERFACE PkgConfig::amp_${name})
endforeach()

find_path(AMP_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
mark_as_advanced(AMP_RANDOM123_INCLUDE)
add_library(amp_dep_random INTERFACE)
target_include_directories(amp_dep_random SYSTEM INTERFACE ${AMP_RANDOM123_INCLUDE})

# libgomp under either compiler: two OpenMP run times in a process cannot see each other's threads,
# and oneDNN brings libgomp.  lib/exec/omp.c calls it by name, so -fopenmp is given to neither.
add_library(amp_dep_omp INTERFACE)
target_link_libraries(amp_dep_omp INTERFACE gomp Threads::Threads)

set(AMP_DNNL_MAJOR 0)
set(AMP_DNNL_VERSION none)
add_library(amp_dep_dnnl INTERFACE)
if(AMP_ONEDNN)
    find_path(AMP_DNNL_INCLUDE oneapi/dnnl/dnnl.h REQUIRED)
    find_library(AMP_DNNL_LIBRARY dnnl REQUIRED)
    mark_as_advanced(AMP_DNNL_INCLUDE AMP_DNNL_LIBRARY)
    file(STRINGS "${AMP_DNNL_INCLUDE}/oneapi/dnnl/dnnl_version.h" lines
         REGEX "^#define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
    if(NOT lines MATCHES "MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+)")
        message(FATAL_ERROR "dnnl_version.h of ${AMP_DNNL_INCLUDE} names no version")
    endif()
    set(AMP_DNNL_MAJOR ${CMAKE_MATCH_1})
    set(AMP_DNNL_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
    if(NOT AMP_DNNL_MAJOR MATCHES "^[23]$")
        message(FATAL_ERROR "oneDNN ${AMP_DNNL_VERSION} is neither 2.x nor 3.x")
    endif()
    target_include_directories(amp_dep_dnnl SYSTEM INTERFACE ${AMP_DNNL_INCLUDE})
    target_link_libraries(amp_dep_dnnl INTERFACE ${AMP_DNNL_LIBRARY})
endif()
message(STATUS "oneDNN: ${AMP_DNNL_VERSION}")
