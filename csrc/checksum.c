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

/** Words per round: enough that the vector loop runs on whole registers with four accumulators. */
#define ROUND_WORDS 32

/**
 * 32-bit words are added into 64-bit lanes: 2^16 ones-complement words fold out of any sum of
 * 32-bit words (RFC 1071, 2 (C)), and 2^32 additions fit before a lane could overflow.
 */
TW_CLONES uint16_t tw_sum_native(const uint8_t *data, uint32_t bytes)
{
	uint64_t lane[ROUND_WORDS / 2] = {0};
	uint64_t sum = 0;

	while (bytes >= ROUND_WORDS * 4) {
		uint64_t pair[ROUND_WORDS / 2];

		memcpy(pair, data, sizeof(pair));
		for (int i = 0; i < ROUND_WORDS / 2; i++)
			lane[i] += (pair[i] & 0xffffffff) + (pair[i] >> 32);
		data += ROUND_WORDS * 4;
		bytes -= ROUND_WORDS * 4;
	}
	for (int i = 0; i < ROUND_WORDS / 2; i++)
		sum += lane[i];
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
