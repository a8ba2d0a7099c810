# SPDX-License-Identifier: Apache-2.0
# What every C++ file of the project is compiled with.
add_library(vigil_options INTERFACE)
target_compile_options(vigil_options INTERFACE
	-Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion
	-Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough)
target_include_directories(vigil_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
if(VIGIL_SANITIZE)
	target_compile_options(vigil_options INTERFACE
		-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(vigil_options INTERFACE -fsanitize=address,undefined)
endif()

# One library a folder; its link list is the list of layers that it may include.
function(vigil_library name)
	cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
	add_library(vigil_${name} STATIC ${arg_SOURCES})
	target_link_libraries(vigil_${name} PUBLIC vigil_options ${arg_LINKS})
endfunction()
