# SPDX-License-Identifier: Apache-2.0
# What only makes builds quicker: ccache and another linker where they are found, precompiled
# headers. Nothing here changes what is built, and nothing is required.
option(VIGIL_PCH "Precompile the headers that most sources include" ON)

find_program(VIGIL_CCACHE ccache)
if(VIGIL_CCACHE)
	foreach(language C CXX)
		if(NOT CMAKE_${language}_COMPILER_LAUNCHER OR CMAKE_${language}_COMPILER_LAUNCHER STREQUAL "ccache")
			# Sloppiness: else ccache gives up on what uses a precompiled header. Depend: it takes the
			# list of headers from the compiler, and doesn't preprocess a source that it doesn't know.
			set(CMAKE_${language}_COMPILER_LAUNCHER /usr/bin/env
				CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
				CCACHE_DEPEND=1 ${VIGIL_CCACHE})
		endif()
	endforeach()
endif()

if(NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-fuse-ld=")
	find_program(VIGIL_MOLD mold)
	find_program(VIGIL_LLD ld.lld)
	if(VIGIL_MOLD)
		add_link_options(-fuse-ld=mold)
	elseif(VIGIL_LLD)
		add_link_options(-fuse-ld=lld)
	endif()
endif()

set(vigil_precompiled
	<algorithm> <array> <charconv> <chrono> <cstdint> <cstdio> <cstdlib> <cstring> <deque>
	<filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view>
	<thread> <tuple> <unordered_map> <unordered_set> <utility> <variant> <vector>
	<fmt/compile.h> <fmt/format.h>
	${CMAKE_SOURCE_DIR}/src/base/result.h)

# vigil_precompile(NAME HEADER...): a target NAME whose headers others take by vigil_use_precompiled;
# LINKS in front of the headers are what their options come from.
function(vigil_precompile name)
	cmake_parse_arguments(arg "" "" "HEADERS;LINKS" ${ARGN})
	if(VIGIL_PCH)
		file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp CONTENT "// only headers\n")
		add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
		target_link_libraries(${name} PRIVATE ${arg_LINKS})
		target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
	endif()
endfunction()

function(vigil_use_precompiled target name)
	if(VIGIL_PCH)
		target_precompile_headers(${target} REUSE_FROM ${name})
	endif()
endfunction()
