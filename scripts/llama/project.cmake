# What cmake includes at each `project()` of llama.cpp (CMAKE_PROJECT_INCLUDE in env.sh).
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/amx.h\">")
