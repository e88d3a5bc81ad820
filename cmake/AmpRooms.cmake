# SPDX-License-Identifier: Apache-2.0
#
# The rooms of lib/ as object libraries amp_<room>, the libraries made of them and the program.
# A room is found by its files, so a new source needs no change here.

# Who may use whom, carried over: the table of docs/architecture.md, which tests/style checks.
set(AMP_USES_core)
set(AMP_USES_image core)
set(AMP_USES_data image core)
set(AMP_USES_graph core)
set(AMP_USES_format graph core)
set(AMP_USES_exec graph core)
set(AMP_USES_eval core)
set(AMP_USES_anchor data image exec graph core)
set(AMP_USES_score anchor data image exec format graph eval core)
set(AMP_USES_train anchor data image exec format graph core)

set(AMP_NEEDS_core amp_dep_random Threads::Threads m)
set(AMP_NEEDS_image amp_dep_jpeg amp_dep_png m)
set(AMP_NEEDS_data amp_dep_archive Threads::Threads)
set(AMP_NEEDS_graph m)
set(AMP_NEEDS_format amp_dep_json amp_dep_deflate)
set(AMP_NEEDS_exec amp_dep_dnnl amp_dep_omp m)
set(AMP_NEEDS_eval m)
set(AMP_NEEDS_anchor m)
set(AMP_NEEDS_score amp_dep_json m)
set(AMP_NEEDS_train amp_dep_json Threads::Threads m)

# Sources of a room; lib/exec holds one dnnl_v<major>*.c a major version of oneDNN, and
# dnnl*.c not at all without it.
function(amp_room_sources room out)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/${room}/*.c")
    if(room STREQUAL "exec" AND AMP_ONEDNN)
        math(EXPR other "5 - ${AMP_DNNL_MAJOR}")
        list(FILTER sources EXCLUDE REGEX "/dnnl_v${other}[^/]*\\.c$")
    elseif(room STREQUAL "exec")
        list(FILTER sources EXCLUDE REGEX "/dnnl[^/]*\\.c$")
    endif()
    set(${out} ${sources} PARENT_SCOPE)
endfunction()

function(amp_add_room room)
    amp_room_sources(${room} sources)
    if(NOT sources)
        message(STATUS "lib/${room}: no sources yet")
        return()
    endif()
    add_library(amp_${room} OBJECT ${sources})
    if(room STREQUAL "exec" AND AMP_ONEDNN)
        # Their loops are written to become vectors, which gcc does from -O3 on.
        set_property(SOURCE "${PROJECT_SOURCE_DIR}/lib/exec/dnnl_join.c"
                     "${PROJECT_SOURCE_DIR}/lib/exec/dnnl_quantise.c" APPEND PROPERTY
                     COMPILE_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:-O3>")
    endif()
    target_include_directories(amp_${room} PUBLIC "${PROJECT_SOURCE_DIR}/include"
                               "${PROJECT_SOURCE_DIR}/lib")
    target_compile_definitions(amp_${room} PRIVATE AMP_BUILDING
        AMPI_DNNL_MAJOR=${AMP_DNNL_MAJOR} "AMPI_TRAINING=$<BOOL:${AMP_TRAINING}>")
    target_link_libraries(amp_${room} PRIVATE amp_flags amp_strict_flags
                          PUBLIC ${AMP_NEEDS_${room}})
endfunction()

# The rooms that `rooms` need, themselves included, each once.
function(amp_room_closure out)
    set(all ${ARGN})
    foreach(room IN LISTS ARGN)
        if(NOT DEFINED AMP_USES_${room} AND NOT room STREQUAL "core")
            message(FATAL_ERROR "lib/ has no room called ${room}")
        endif()
        list(APPEND all ${AMP_USES_${room}})
    endforeach()
    list(REMOVE_DUPLICATES all)
    set(${out} ${all} PARENT_SCOPE)
endfunction()

# libamp.so.<ABI> and libamp.a from the rooms there are.
function(amp_add_library)
    set(objects)
    set(needs)
    foreach(room IN LISTS AMP_ROOMS)
        if(TARGET amp_${room})
            list(APPEND objects $<TARGET_OBJECTS:amp_${room}>)
            list(APPEND needs ${AMP_NEEDS_${room}})
        endif()
    endforeach()
    if(NOT objects)
        return()
    endif()
    list(REMOVE_DUPLICATES needs)
    set(map "${PROJECT_SOURCE_DIR}/lib/libamp.map")

    add_library(amp SHARED ${objects})
    set_target_properties(amp PROPERTIES LINKER_LANGUAGE C SOVERSION ${AMP_ABI_VERSION}
                          VERSION ${AMP_ABI_VERSION}.${PROJECT_VERSION} LINK_DEPENDS "${map}")
    target_link_options(amp PRIVATE "LINKER:--version-script=${map}")
    if(NOT AMP_SANITIZE)
        target_link_options(amp PRIVATE LINKER:-z,defs)
    endif()
    add_library(amp_static STATIC ${objects})
    set_target_properties(amp_static PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME amp)
    foreach(library amp amp_static)
        target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:amp_flags> ${needs})
        target_include_directories(${library} INTERFACE
            "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
            "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    endforeach()
endfunction()

# The amp program: the public headers and the shared library, as any other user.
function(amp_add_program)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.c")
    if(NOT AMP_TRAINING)
        list(FILTER sources EXCLUDE REGEX "/cmd_train[^/]*\\.c$")
    endif()
    if(NOT sources OR NOT TARGET amp)
        return()
    endif()
    add_executable(amp_program ${sources})
    set_target_properties(amp_program PROPERTIES OUTPUT_NAME amp
        INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    target_compile_definitions(amp_program PRIVATE "AMP_WITH_TRAINING=$<BOOL:${AMP_TRAINING}>")
    target_include_directories(amp_program PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(amp_program PRIVATE amp amp_flags amp_strict_flags amp_dep_json m)
endfunction()
