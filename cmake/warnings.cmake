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

# vigil_library(DIRECTORY LINKS target...): the library of the sources in src/DIRECTORY. Its link list
# names every layer that these may include.
function(vigil_library directory)
	cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
	string(REPLACE "/" "_" name vigil_${directory})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${directory}/*.cpp)
	add_library(${name} STATIC ${sources})
	target_link_libraries(${name} PUBLIC vigil_options ${arg_LINKS})
	set_property(GLOBAL APPEND PROPERTY VIGIL_LAYERS ${name})
endfunction()
