/** Sums, copies and hashes over bytes. */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_thash.h>

#include "internal.h"

/* One binary for every machine: the loader picks the variant. musl has no ifunc. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define TW_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TW_CLONES
#endif

/** Four 64-bit lanes: one register with AVX2, two with SSE2. */
typedef uint64_t tw_lanes __attribute__((vector_size(32)));
/** The same at any address: a memcpy into tw_lanes goes through the stack in GCC 12. */
typedef uint64_t tw_lanes_at __attribute__((vector_size(32), aligned(1), may_alias));

/**
 * 32-bit words are added into 64-bit lanes: 2^16 ones-complement words fold out of any sum of
 * 32-bit words (RFC 1071, 2 (C)), and 2^32 additions fit before a lane could overflow.
 */
TW_CLONES uint16_t tw_sum_native(const uint8_t *data, uint32_t bytes)
{
	uint64_t sum = 0;

	if (bytes >= 2 * sizeof(tw_lanes)) {
		/* Two accumulators each: the additions of one round do not wait for one another. */
		tw_lanes low[2] = {{0}, {0}};
		tw_lanes high[2] = {{0}, {0}};

		do {
			const tw_lanes first = ((const tw_lanes_at *)data)[0];
			const tw_lanes second = ((const tw_lanes_at *)data)[1];

			low[0] += first & 0xffffffff;
			high[0] += first >> 32;
			low[1] += second & 0xffffffff;
			high[1] += second >> 32;
			data += 2 * sizeof(tw_lanes);
			bytes -= 2 * sizeof(tw_lanes);
		} while (bytes >= 2 * sizeof(tw_lanes));
		low[0] += low[1] + high[0] + high[1];
		sum = low[0][0] + low[0][1] + low[0][2] + low[0][3];
	}
	while (bytes >= 8) {
		uint64_t pair;

		memcpy(&pair, data, 8);
		sum += (pair & 0xffffffff) + (pair >> 32);
		data += 8;
		bytes -= 8;
	}
	if (bytes > 0) {
		/* Zero bytes behind the end stand for the padding of an odd length. */
		uint64_t pair = 0;

		for (uint32_t i = 0; i < bytes; i++)
			pair |= (uint64_t)data[i] << (8 * i);
		sum += (pair & 0xffffffff) + (pair >> 32);
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

_Static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "the tail of tw_sum_native is little-endian");

uint32_t tw_sum(const uint8_t *data, uint32_t bytes)
{
	return rte_bswap16(tw_sum_native(data, bytes));
}

uint32_t tw_sum_reference(const uint8_t *data, uint32_t bytes)
{
	return rte_bswap16(rte_raw_cksum(data, bytes));
}

void tw_copy(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
	memcpy(to, from, bytes);
}

uint32_t tw_softrss(const uint8_t *key, const uint8_t *tuple, uint32_t bytes)
{
	uint32_t words[16];
	uint32_t count = RTE_MIN(bytes / 4, (uint32_t)RTE_DIM(words));

	for (uint32_t i = 0; i < count; i++) {
		memcpy(&words[i], tuple + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(words[i]);
	}
	return rte_softrss(words, count, key);
}
