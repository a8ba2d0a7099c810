# SPDX-License-Identifier: Apache-2.0
# What every C++ file of the project is compiled with.
add_library(vigil_options INTERFACE)
target_compile_options(vigil_options INTERFACE
	-Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion
	-Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough)
target_include_directories(vigil_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
# One unit compiles what isn't a template of Asio: src/wire/asio.cpp.
target_compile_definitions(vigil_options INTERFACE BOOST_ASIO_SEPARATE_COMPILATION)

if(VIGIL_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
	# From a precompiled header g++ 12 warns of what it finds in the standard library itself.
	target_compile_options(vigil_options INTERFACE -Wno-stringop-overread)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
	# Locks carry annotations (base/thread_annotations.h): a field that is used without its lock is
	# an error.
	target_compile_options(vigil_options INTERFACE -Wthread-safety)
endif()

# Sanitizers: address (with undefined behaviour; by clang also what fuzzers need) or thread.
if(VIGIL_SANITIZE STREQUAL "thread")
	set(vigil_sanitizers -fsanitize=thread -fno-omit-frame-pointer)
elseif(VIGIL_SANITIZE)
	set(vigil_sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
		# Clang 14 can't put what -fsanitize=function writes in front of a coroutine.
		list(APPEND vigil_sanitizers -fno-sanitize=function -fsanitize=fuzzer-no-link)
	endif()
endif()
if(vigil_sanitizers)
	target_compile_options(vigil_options INTERFACE ${vigil_sanitizers})
	target_link_options(vigil_options INTERFACE ${vigil_sanitizers})
endif()

# The same bytes wherever it is built: paths in the binary begin at the top of the tree. Debugging
# builds keep whole paths, so that debuggers find the sources from anywhere.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
	add_compile_options(
		-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
endif()

vigil_precompile(vigil_headers LINKS vigil_options fmt::fmt HEADERS ${vigil_precompiled})

# vigil_library(DIRECTORY LINKS target...): the library of the sources in src/DIRECTORY. Its link list
# names every layer that these may include.
function(vigil_library directory)
	cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
	string(REPLACE "/" "_" name vigil_${directory})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${directory}/*.cpp)
	add_library(${name} STATIC ${sources})
	target_link_libraries(${name} PUBLIC vigil_options ${arg_LINKS})
	set_property(GLOBAL APPEND PROPERTY VIGIL_LAYERS ${name})
	vigil_use_precompiled(${name} vigil_headers)
endfunction()
