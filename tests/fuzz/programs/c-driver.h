/* What generated C functions work on. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef uint8_t u8; typedef int8_t i8; typedef uint16_t u16; typedef int16_t i16; typedef uint32_t u32; typedef int32_t i32; typedef uint64_t u64; typedef int64_t i64;
enum { BYTES = 1024, WORDS = 128, LONGS = 64, DOUBLES = 64, FLOATS = 64, RECORDS = 16 };
/* Unaligned members. */
struct mixed { u8 tag; u32 count; double value; u64 wide; i16 small; } __attribute__((packed));
extern u8 bytes[]; extern u32 words[]; extern u64 longs[]; extern double doubles[]; extern float floats[]; extern struct mixed records[];
/* Loops and calls use it up; without any they end. */
extern int fuel;
extern sigjmp_buf recovery;
int by_value(const void *, const void *);
typedef u64 (*function)(u64 a, u32 b, double d, int depth);
extern const function c_cases[]; extern const u64 c_seeds[]; extern const int c_case_count;
