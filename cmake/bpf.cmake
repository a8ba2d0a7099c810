# SPDX-License-Identifier: Apache-2.0
# Compiles one hook a file, links them into one BPF object and makes its C++ skeleton.
find_program(VIGIL_CLANG NAMES clang-14 clang REQUIRED)
find_program(VIGIL_BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)

# The name that libbpf's headers have for the architecture that the compiler builds for.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -dumpmachine OUTPUT_VARIABLE vigil_machine
	OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(vigil_bpf_arch unknown)
foreach(pair x86_64=x86 i.86=x86 aarch64=arm64 arm=arm powerpc=powerpc s390=s390 riscv=riscv mips=mips
		loongarch=loongarch)
	string(REPLACE "=" ";" pair ${pair})
	list(GET pair 0 machine)
	if(vigil_bpf_arch STREQUAL "unknown" AND vigil_machine MATCHES "^${machine}")
		list(GET pair 1 vigil_bpf_arch)
	endif()
endforeach()

# vigil_bpf_skeleton(NAME source...): an interface library NAME with the header NAME.skel.h.
function(vigil_bpf_skeleton name)
	set(objects)
	foreach(source IN LISTS ARGN)
		get_filename_component(stem ${source} NAME_WE)
		set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o)
		# Line information is part of what is embedded: its paths begin at the top of the tree.
		add_custom_command(OUTPUT ${object}
			COMMAND ${VIGIL_CLANG} -target bpf -D__TARGET_ARCH_${vigil_bpf_arch} -O2 -g
				-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -fdebug-compilation-dir=.
				-Wall -Wextra -Werror -Wpadded -Wno-unused-parameter
				-MD -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
			DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
			DEPFILE ${object}.d
			COMMENT "BPF ${source}"
			VERBATIM)
		list(APPEND objects ${object})
	endforeach()
	set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
	set(header ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
	add_custom_command(OUTPUT ${linked}
		COMMAND ${VIGIL_BPFTOOL} gen object ${linked} ${objects}
		DEPENDS ${objects} VERBATIM)
	add_custom_command(OUTPUT ${header}
		COMMAND ${VIGIL_BPFTOOL} gen skeleton ${linked} name ${name} > ${header}
		DEPENDS ${linked} VERBATIM)
	add_custom_target(${name}_header DEPENDS ${header})
	add_library(${name} INTERFACE)
	add_dependencies(${name} ${name}_header)
	target_include_directories(${name} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
