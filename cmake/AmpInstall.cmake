# SPDX-License-Identifier: Apache-2.0
#
# cmake --install: libraries, headers, program, pkg-config file and CMake package.  All paths in
# them are relative, so DESTDIR and a moved prefix work.  `cmake --build . --target uninstall`
# removes what the last install wrote.
include(CMakePackageConfigHelpers)

set(AMP_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/amp")
install(DIRECTORY include/amp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(TARGET amp)
    install(TARGETS amp EXPORT ampTargets
            LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS amp_static ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT ampTargets NAMESPACE amp:: DESTINATION "${AMP_CMAKE_DIR}")
    set(AMP_PC_DNNL "")
    set(AMP_STATIC_LIBS "gomp;pthread;m")
    if(AMP_ONEDNN)
        set(AMP_PC_DNNL "-ldnnl ")
        set(AMP_STATIC_LIBS "dnnl;${AMP_STATIC_LIBS}")
    endif()
    configure_package_config_file(pkgconfig/ampConfig.cmake.in
        "${PROJECT_BINARY_DIR}/ampConfig.cmake" INSTALL_DESTINATION "${AMP_CMAKE_DIR}"
        PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/ampConfigVersion.cmake"
                                     COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/ampConfig.cmake"
                  "${PROJECT_BINARY_DIR}/ampConfigVersion.cmake" DESTINATION "${AMP_CMAKE_DIR}")

    file(RELATIVE_PATH AMP_PC_PREFIX "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
    string(REGEX REPLACE "/$" "" AMP_PC_PREFIX "${AMP_PC_PREFIX}")
    configure_file(pkgconfig/amp.pc.in "${PROJECT_BINARY_DIR}/amp.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/amp.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
if(TARGET amp_program)
    install(TARGETS amp_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

add_custom_target(uninstall
    COMMAND "${CMAKE_COMMAND}" -D "MANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt"
            -P "${PROJECT_SOURCE_DIR}/cmake/Uninstall.cmake"
    COMMENT "Removing what the last install wrote")
