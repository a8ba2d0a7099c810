# SPDX-License-Identifier: Apache-2.0
# Compiles one hook a file, links them into one BPF object and makes its C++ skeleton.
find_program(VIGIL_CLANG NAMES clang clang-14 REQUIRED)
find_program(VIGIL_BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)

# vigil_bpf_skeleton(NAME source...): an interface library NAME with the header NAME.skel.h.
function(vigil_bpf_skeleton name)
	set(objects)
	foreach(source IN LISTS ARGN)
		get_filename_component(stem ${source} NAME_WE)
		set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o)
		add_custom_command(OUTPUT ${object}
			COMMAND ${VIGIL_CLANG} -target bpf -D__TARGET_ARCH_x86 -O2 -g
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
