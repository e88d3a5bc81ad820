# SPDX-License-Identifier: Apache-2.0
#
# Compiler and linker flags, as interface targets:
#   amp_flags         every C file: standard, warnings, hardening or sanitizers
#   amp_strict_flags  lib/, src/ and examples/: the warnings that Check's macros cannot meet
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(amp_flags INTERFACE)
target_compile_definitions(amp_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE
                           _FILE_OFFSET_BITS=64)
# A product and a sum stay two roundings on every machine.
target_compile_options(amp_flags INTERFACE -ffp-contract=off -fno-common
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
    -Wformat=2 -Wnull-dereference -Wpointer-arith -Wwrite-strings)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(amp_flags INTERFACE -Wduplicated-cond -Wlogical-op
                           -Wimplicit-fallthrough=5)
else()
    target_compile_options(amp_flags INTERFACE -Wimplicit-fallthrough)
endif()
if(AMP_WERROR)
    target_compile_options(amp_flags INTERFACE -Werror)
endif()

add_library(amp_strict_flags INTERFACE)
target_compile_options(amp_strict_flags INTERFACE -Wconversion -Wsign-conversion -Wcast-qual
                       -Wdouble-promotion -Wswitch-enum -Wfloat-equal)

if(AMP_SANITIZE)
    target_compile_options(amp_flags INTERFACE -fsanitize=${AMP_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(amp_flags INTERFACE -fsanitize=${AMP_SANITIZE})
else()
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
        string(MAKE_C_IDENTIFIER "AMP_HAS${flag}" known)
        check_c_compiler_flag(${flag} ${known})
        if(${known})
            target_compile_options(amp_flags INTERFACE ${flag})
        endif()
    endforeach()
    if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        target_compile_options(amp_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif()
    target_link_options(amp_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
