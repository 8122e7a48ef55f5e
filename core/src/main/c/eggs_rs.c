/*
 * The inner loop of the erasure code for x86-64 (blocks.md section 9): a matrix over GF(2^8) with
 * polynomial 0x11B applied at every byte position. It is the field of AES, so gf2p8mulb multiplies
 * in it directly; without GFNI two look-ups of 16 entries per byte do the same.
 *
 * No state, no allocation, no library call except memcpy: callers may run it inside a critical
 * section of a garbage collector. NativeKernel.java is the only caller and checks every length.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Codes have at most 15 data and 15 parity blocks. */
#define INPUTS_MAX 15
#define OUTPUTS_MAX 15
#define BLOCKS_MAX (INPUTS_MAX + OUTPUTS_MAX)

/* Bytes of every block that are done before the next ones: 15 + 15 pieces stay in a 512 KiB L2. */
#define CHUNK 8192

enum level { LEVEL_NONE = 0, LEVEL_AVX2 = 1, LEVEL_GFNI_AVX2 = 2, LEVEL_GFNI_AVX512 = 3 };

/* The fastest level of this processor and operating system. */
int eggs_rs_level(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) {
    return LEVEL_NONE;
  }
  if (!__builtin_cpu_supports("gfni")) {
    return LEVEL_AVX2;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")) {
    return LEVEL_GFNI_AVX2;
  }
  return LEVEL_GFNI_AVX512;
}

#define INLINE static inline __attribute__((always_inline))

/*
 * Each level is one function over a compile-time number of outputs and of columns (vectors side by
 * side), so that all sums stay in registers: a data byte is loaded once for all its outputs.
 */

/* ---- GFNI, 64 bytes ---- */

#define TARGET_AVX512 __attribute__((target("gfni,avx512f,avx512bw")))

#define AVX512_COLUMNS(OUTPUTS, COLUMNS)                                                        \
  TARGET_AVX512 static size_t avx512_##OUTPUTS##x##COLUMNS(                                     \
      const __m512i *coefficients, int inputs, const uint8_t *const *in, uint8_t *const *out,   \
      size_t from, size_t to) {                                                                 \
    size_t at = from;                                                                           \
    for (; at + 64 * (COLUMNS) <= to; at += 64 * (COLUMNS)) {                                   \
      __m512i sums[OUTPUTS][COLUMNS];                                                           \
      _Pragma("GCC unroll 8") for (int r = 0; r < (OUTPUTS); r++)                               \
        _Pragma("GCC unroll 4") for (int c = 0; c < (COLUMNS); c++)                             \
          sums[r][c] = _mm512_setzero_si512();                                                  \
      const __m512i *coefficient = coefficients;                                                \
      for (int k = 0; k < inputs; k++) {                                                        \
        __m512i data[COLUMNS];                                                                  \
        _Pragma("GCC unroll 4") for (int c = 0; c < (COLUMNS); c++)                             \
          data[c] = _mm512_loadu_si512(in[k] + at + 64 * c);                                    \
        _Pragma("GCC unroll 8") for (int r = 0; r < (OUTPUTS); r++) {                           \
          __m512i factor = _mm512_load_si512(coefficient++);                                    \
          _Pragma("GCC unroll 4") for (int c = 0; c < (COLUMNS); c++)                           \
            sums[r][c] = _mm512_xor_si512(sums[r][c], _mm512_gf2p8mul_epi8(data[c], factor));   \
        }                                                                                       \
      }                                                                                         \
      _Pragma("GCC unroll 8") for (int r = 0; r < (OUTPUTS); r++)                               \
        _Pragma("GCC unroll 4") for (int c = 0; c < (COLUMNS); c++)                             \
          _mm512_storeu_si512(out[r] + at + 64 * c, sums[r][c]);                                \
    }                                                                                           \
    return at;                                                                                  \
  }

AVX512_COLUMNS(1, 4)
AVX512_COLUMNS(2, 4)
AVX512_COLUMNS(3, 4)
AVX512_COLUMNS(4, 4)
AVX512_COLUMNS(5, 2)
AVX512_COLUMNS(6, 2)
AVX512_COLUMNS(7, 2)
AVX512_COLUMNS(8, 2)

/* What is left of a chunk: fewer bytes than the columns of one step. */
TARGET_AVX512 static void avx512_rest(
    const __m512i *coefficients, int inputs, int outputs, const uint8_t *const *in,
    uint8_t *const *out, size_t from, size_t to) {
  for (size_t at = from; at < to; at += 64) {
    size_t left = to - at;
    __mmask64 mask = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    for (int r = 0; r < outputs; r++) {
      __m512i sum = _mm512_setzero_si512();
      for (int k = 0; k < inputs; k++) {
        __m512i data = _mm512_maskz_loadu_epi8(mask, in[k] + at);
        __m512i factor = _mm512_load_si512(coefficients + k * outputs + r);
        sum = _mm512_xor_si512(sum, _mm512_gf2p8mul_epi8(data, factor));
      }
      _mm512_mask_storeu_epi8(out[r] + at, mask, sum);
    }
  }
}

#define AVX512_OUTPUTS_MAX 8

TARGET_AVX512 static void apply_gfni_avx512(
    const uint8_t *coefficients, int inputs, int outputs, const uint8_t *const *in,
    uint8_t *const *out, size_t length) {
  for (size_t from = 0; from < length; from += CHUNK) {
    size_t to = length - from < CHUNK ? length : from + CHUNK;
    for (int first = 0; first < outputs; first += AVX512_OUTPUTS_MAX) {
      int count = outputs - first < AVX512_OUTPUTS_MAX ? outputs - first : AVX512_OUTPUTS_MAX;
      __m512i factors[INPUTS_MAX * AVX512_OUTPUTS_MAX];
      for (int k = 0; k < inputs; k++) {
        for (int r = 0; r < count; r++) {
          factors[k * count + r] =
              _mm512_set1_epi8((char)coefficients[(first + r) * inputs + k]);
        }
      }
      uint8_t *const *group = out + first;
      size_t at;
      switch (count) {
        case 1: at = avx512_1x4(factors, inputs, in, group, from, to); break;
        case 2: at = avx512_2x4(factors, inputs, in, group, from, to); break;
        case 3: at = avx512_3x4(factors, inputs, in, group, from, to); break;
        case 4: at = avx512_4x4(factors, inputs, in, group, from, to); break;
        case 5: at = avx512_5x2(factors, inputs, in, group, from, to); break;
        case 6: at = avx512_6x2(factors, inputs, in, group, from, to); break;
        case 7: at = avx512_7x2(factors, inputs, in, group, from, to); break;
        default: at = avx512_8x2(factors, inputs, in, group, from, to); break;
      }
      avx512_rest(factors, inputs, count, in, group, at, to);
    }
  }
}

/* ---- 32 bytes, with GFNI or with look-ups ---- */

#define TARGET_GFNI_AVX2 __attribute__((target("gfni,avx2")))
#define TARGET_AVX2 __attribute__((target("avx2")))
#define AVX2_OUTPUTS_MAX 4

/* The products of a coefficient with the low and with the high half of a byte. */
struct halves {
  uint8_t low[16];
  uint8_t high[16];
};

static void fill_halves(struct halves *table, uint8_t coefficient) {
  uint8_t *products[2] = {table->low, table->high};
  uint8_t shifted = coefficient;
  for (int half = 0; half < 2; half++) {
    uint8_t *product = products[half];
    product[0] = 0;
    for (int bit = 1; bit < 16; bit <<= 1) {
      for (int below = 0; below < bit; below++) {
        product[bit + below] = product[below] ^ shifted;
      }
      shifted = (uint8_t)((shifted << 1) ^ (shifted & 0x80 ? 0x1B : 0));
    }
  }
}

#define GFNI_AVX2_COLUMNS(OUTPUTS)                                                              \
  TARGET_GFNI_AVX2 static size_t gfni_avx2_##OUTPUTS(                                           \
      const __m256i *coefficients, int inputs, const uint8_t *const *in, uint8_t *const *out,   \
      size_t from, size_t to) {                                                                 \
    size_t at = from;                                                                           \
    for (; at + 64 <= to; at += 64) {                                                           \
      __m256i sums[OUTPUTS][2];                                                                 \
      _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++)                               \
        sums[r][0] = sums[r][1] = _mm256_setzero_si256();                                       \
      const __m256i *coefficient = coefficients;                                                \
      for (int k = 0; k < inputs; k++) {                                                        \
        __m256i data0 = _mm256_loadu_si256((const __m256i *)(in[k] + at));                      \
        __m256i data1 = _mm256_loadu_si256((const __m256i *)(in[k] + at + 32));                 \
        _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++) {                           \
          __m256i factor = _mm256_load_si256(coefficient++);                                    \
          sums[r][0] = _mm256_xor_si256(sums[r][0], _mm256_gf2p8mul_epi8(data0, factor));       \
          sums[r][1] = _mm256_xor_si256(sums[r][1], _mm256_gf2p8mul_epi8(data1, factor));       \
        }                                                                                       \
      }                                                                                         \
      _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++) {                             \
        _mm256_storeu_si256((__m256i *)(out[r] + at), sums[r][0]);                              \
        _mm256_storeu_si256((__m256i *)(out[r] + at + 32), sums[r][1]);                         \
      }                                                                                         \
    }                                                                                           \
    return at;                                                                                  \
  }

GFNI_AVX2_COLUMNS(1)
GFNI_AVX2_COLUMNS(2)
GFNI_AVX2_COLUMNS(3)
GFNI_AVX2_COLUMNS(4)

#define AVX2_COLUMNS(OUTPUTS)                                                                   \
  TARGET_AVX2 static size_t avx2_##OUTPUTS(                                                     \
      const struct halves *tables, int inputs, const uint8_t *const *in, uint8_t *const *out,   \
      size_t from, size_t to) {                                                                 \
    const __m256i half = _mm256_set1_epi8(0x0f);                                                \
    size_t at = from;                                                                           \
    for (; at + 64 <= to; at += 64) {                                                           \
      __m256i sums[OUTPUTS][2];                                                                 \
      _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++)                               \
        sums[r][0] = sums[r][1] = _mm256_setzero_si256();                                       \
      const struct halves *table = tables;                                                      \
      for (int k = 0; k < inputs; k++) {                                                        \
        __m256i data0 = _mm256_loadu_si256((const __m256i *)(in[k] + at));                      \
        __m256i data1 = _mm256_loadu_si256((const __m256i *)(in[k] + at + 32));                 \
        __m256i low0 = _mm256_and_si256(data0, half);                                           \
        __m256i low1 = _mm256_and_si256(data1, half);                                           \
        __m256i high0 = _mm256_and_si256(_mm256_srli_epi64(data0, 4), half);                    \
        __m256i high1 = _mm256_and_si256(_mm256_srli_epi64(data1, 4), half);                    \
        _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++, table++) {                  \
          __m256i products =                                                                    \
              _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table->low));        \
          sums[r][0] = _mm256_xor_si256(sums[r][0], _mm256_shuffle_epi8(products, low0));       \
          sums[r][1] = _mm256_xor_si256(sums[r][1], _mm256_shuffle_epi8(products, low1));       \
          products =                                                                            \
              _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table->high));       \
          sums[r][0] = _mm256_xor_si256(sums[r][0], _mm256_shuffle_epi8(products, high0));      \
          sums[r][1] = _mm256_xor_si256(sums[r][1], _mm256_shuffle_epi8(products, high1));      \
        }                                                                                       \
      }                                                                                         \
      _Pragma("GCC unroll 4") for (int r = 0; r < (OUTPUTS); r++) {                             \
        _mm256_storeu_si256((__m256i *)(out[r] + at), sums[r][0]);                              \
        _mm256_storeu_si256((__m256i *)(out[r] + at + 32), sums[r][1]);                         \
      }                                                                                         \
    }                                                                                           \
    return at;                                                                                  \
  }

AVX2_COLUMNS(1)
AVX2_COLUMNS(2)
AVX2_COLUMNS(3)
AVX2_COLUMNS(4)

/* Up to 63 bytes of any level below AVX-512, which has masks for them. */
static void halves_rest(
    const struct halves *tables, int inputs, int outputs, const uint8_t *const *in,
    uint8_t *const *out, size_t from, size_t to) {
  for (int r = 0; r < outputs; r++) {
    for (size_t at = from; at < to; at++) {
      uint8_t sum = 0;
      for (int k = 0; k < inputs; k++) {
        const struct halves *table = tables + k * outputs + r;
        sum ^= table->low[in[k][at] & 0x0f] ^ table->high[in[k][at] >> 4];
      }
      out[r][at] = sum;
    }
  }
}

INLINE int group_size(int outputs, int first) {
  return outputs - first < AVX2_OUTPUTS_MAX ? outputs - first : AVX2_OUTPUTS_MAX;
}

TARGET_GFNI_AVX2 static void apply_gfni_avx2(
    const uint8_t *coefficients, int inputs, int outputs, const uint8_t *const *in,
    uint8_t *const *out, size_t length) {
  for (size_t from = 0; from < length; from += CHUNK) {
    size_t to = length - from < CHUNK ? length : from + CHUNK;
    for (int first = 0; first < outputs; first += AVX2_OUTPUTS_MAX) {
      int count = group_size(outputs, first);
      __m256i factors[INPUTS_MAX * AVX2_OUTPUTS_MAX];
      for (int k = 0; k < inputs; k++) {
        for (int r = 0; r < count; r++) {
          factors[k * count + r] =
              _mm256_set1_epi8((char)coefficients[(first + r) * inputs + k]);
        }
      }
      uint8_t *const *group = out + first;
      size_t at;
      switch (count) {
        case 1: at = gfni_avx2_1(factors, inputs, in, group, from, to); break;
        case 2: at = gfni_avx2_2(factors, inputs, in, group, from, to); break;
        case 3: at = gfni_avx2_3(factors, inputs, in, group, from, to); break;
        default: at = gfni_avx2_4(factors, inputs, in, group, from, to); break;
      }
      if (at < to) {
        struct halves tables[INPUTS_MAX * AVX2_OUTPUTS_MAX];
        for (int k = 0; k < inputs; k++) {
          for (int r = 0; r < count; r++) {
            fill_halves(&tables[k * count + r], coefficients[(first + r) * inputs + k]);
          }
        }
        halves_rest(tables, inputs, count, in, group, at, to);
      }
    }
  }
}

TARGET_AVX2 static void apply_avx2(
    const uint8_t *coefficients, int inputs, int outputs, const uint8_t *const *in,
    uint8_t *const *out, size_t length) {
  /* One table set per group of outputs; 15 x 16 x 32 bytes in all, so made once for all chunks. */
  struct halves tables[INPUTS_MAX * (OUTPUTS_MAX + 1)];
  for (int first = 0; first < outputs; first += AVX2_OUTPUTS_MAX) {
    int count = group_size(outputs, first);
    for (int k = 0; k < inputs; k++) {
      for (int r = 0; r < count; r++) {
        fill_halves(
            &tables[first * inputs + k * count + r], coefficients[(first + r) * inputs + k]);
      }
    }
  }
  for (size_t from = 0; from < length; from += CHUNK) {
    size_t to = length - from < CHUNK ? length : from + CHUNK;
    for (int first = 0; first < outputs; first += AVX2_OUTPUTS_MAX) {
      int count = group_size(outputs, first);
      const struct halves *set = tables + first * inputs;
      uint8_t *const *group = out + first;
      size_t at;
      switch (count) {
        case 1: at = avx2_1(set, inputs, in, group, from, to); break;
        case 2: at = avx2_2(set, inputs, in, group, from, to); break;
        case 3: at = avx2_3(set, inputs, in, group, from, to); break;
        default: at = avx2_4(set, inputs, in, group, from, to); break;
      }
      halves_rest(set, inputs, count, in, group, at, to);
    }
  }
}

/*
 * out[r][i] = sum over k of coefficients[r * inputs + k] * in[k][i], for all i < length. The first
 * `inputs` blocks are read, the next `outputs` are written; the others are ignored. They are
 * parameters and no array, because only parameters may point into the Java heap.
 *
 * Returns 0, or -1 without touching anything if the level or a count is out of range.
 */
int eggs_rs_apply(
    int level, const uint8_t *coefficients, int inputs, int outputs, size_t length, uint8_t *b0,
    uint8_t *b1, uint8_t *b2, uint8_t *b3, uint8_t *b4, uint8_t *b5, uint8_t *b6, uint8_t *b7,
    uint8_t *b8, uint8_t *b9, uint8_t *b10, uint8_t *b11, uint8_t *b12, uint8_t *b13,
    uint8_t *b14, uint8_t *b15, uint8_t *b16, uint8_t *b17, uint8_t *b18, uint8_t *b19,
    uint8_t *b20, uint8_t *b21, uint8_t *b22, uint8_t *b23, uint8_t *b24, uint8_t *b25,
    uint8_t *b26, uint8_t *b27, uint8_t *b28, uint8_t *b29) {
  uint8_t *blocks[BLOCKS_MAX] = {b0,  b1,  b2,  b3,  b4,  b5,  b6,  b7,  b8,  b9,
                                 b10, b11, b12, b13, b14, b15, b16, b17, b18, b19,
                                 b20, b21, b22, b23, b24, b25, b26, b27, b28, b29};
  if (inputs < 1 || inputs > INPUTS_MAX || outputs < 1 || outputs > OUTPUTS_MAX) {
    return -1;
  }
  const uint8_t *const *in = (const uint8_t *const *)blocks;
  uint8_t *const *out = blocks + inputs;
  switch (level) {
    case LEVEL_GFNI_AVX512:
      apply_gfni_avx512(coefficients, inputs, outputs, in, out, length);
      return 0;
    case LEVEL_GFNI_AVX2:
      apply_gfni_avx2(coefficients, inputs, outputs, in, out, length);
      return 0;
    case LEVEL_AVX2:
      apply_avx2(coefficients, inputs, outputs, in, out, length);
      return 0;
    default:
      return -1;
  }
}
