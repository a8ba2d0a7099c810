# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: the program without its debugging information, that beside it in a file which
# debuggers find by the build id, and the links. The program in the build folder stays whole.
include(GNUInstallDirs)
find_program(VIGIL_OBJCOPY NAMES objcopy llvm-objcopy REQUIRED)

# vigil_install_program(TARGET LINKS name...): each link is another name of it.
function(vigil_install_program target)
	cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
	# What identifies its bytes, and finds its symbols.
	target_link_options(${target} PRIVATE -Wl,--build-id=sha1)
	set(parts ${CMAKE_CURRENT_BINARY_DIR}/installed)
	file(MAKE_DIRECTORY ${parts})
	# The link names the file that holds the symbols, so this is done where that lies.
	add_custom_command(OUTPUT ${parts}/${target} ${parts}/${target}.debug
		COMMAND ${VIGIL_OBJCOPY} --only-keep-debug $<TARGET_FILE:${target}> ${target}.debug
		COMMAND ${VIGIL_OBJCOPY} --strip-all --add-gnu-debuglink=${target}.debug
			$<TARGET_FILE:${target}> ${target}
		DEPENDS ${target}
		WORKING_DIRECTORY ${parts}
		COMMENT "Symbols of ${target} apart"
		VERBATIM)
	add_custom_target(${target}_stripped DEPENDS ${parts}/${target} ${parts}/${target}.debug)
	install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --build \"${CMAKE_BINARY_DIR}\"
		--target ${target}_stripped COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)")
	install(PROGRAMS ${parts}/${target} TYPE BIN)
	# Where gdb and perf look whatever the prefix is.
	install(FILES ${parts}/${target}.debug DESTINATION ${CMAKE_INSTALL_BINDIR}/.debug)
	foreach(name IN LISTS arg_LINKS)
		file(CREATE_LINK ${target} ${CMAKE_BINARY_DIR}/${name} SYMBOLIC)
		install(FILES ${CMAKE_BINARY_DIR}/${name} TYPE BIN)
	endforeach()
endfunction()
