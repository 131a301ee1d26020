/* GCC before 11.5, 12.4, 13.3 and 14 tells the optimiser of AMX instructions neither that they read the whole configuration nor that they read
 * memory (its PR target/114098). It then leaves out the stores of llama.cpp's tile configuration, and the first tile
 * instruction is illegal. These say what is read. */
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#undef _tile_loadd
#undef _tile_stream_loadd
#define HEADSTART_TILE_LOAD(instruction, tile, base, stride) \
    __asm__ volatile(instruction "\t(%0,%1,1), %%tmm" #tile ::"r"((const void *)(base)), "r"((long)(stride)) : "memory")
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg\t%X0" ::"m"(*(const char (*)[64])(config)))
#define _tile_loadd(tile, base, stride) HEADSTART_TILE_LOAD("tileloadd", tile, base, stride)
#define _tile_stream_loadd(tile, base, stride) HEADSTART_TILE_LOAD("tileloaddt1", tile, base, stride)
#endif
