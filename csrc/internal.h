/** What the files of the shim share among themselves. */
#ifndef TICKWIRE_INTERNAL_H
#define TICKWIRE_INTERNAL_H

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "tickwire.h"

/** Bytes from the start of an mbuf to the data of its frame: no private area lies between. */
#define TW_MBUF_DATA_BYTES (sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM)

struct tw_pool {
	struct rte_mempool *mempool;
	uint8_t *base;
	size_t length;
	uint32_t frames;
	uint32_t data_room;
	/** Offset of each frame's data. */
	uint32_t *data_at;
	/** Smallest distance of two frames, and ceil(2^64 / stride) to divide by it. */
	uint32_t stride;
	uint64_t inverse;
	/** Frame by (offset of its mbuf) / stride; gaps at page borders stay unused. */
	uint32_t *frame_of_slot;
};

/** Remembers why a function is about to return a null pointer. */
void *tw_fail(int error);

/**
 * EAL prints its usage, libbpf and libxdp print what they try: between begin and end all of that
 * goes to the log, because stdout and stderr belong to the application. Control plane only.
 */
struct tw_quiet {
	int saved[2];
};
void tw_quiet_begin(struct tw_quiet *quiet);
void tw_quiet_end(struct tw_quiet *quiet);

static inline struct rte_mbuf *tw_mbuf(const struct tw_pool *pool, uint32_t frame)
{
	return (struct rte_mbuf *)(pool->base + pool->data_at[frame] - TW_MBUF_DATA_BYTES);
}

/** Division by a constant as one multiplication; exact for 32-bit offsets (Lemire et al., 2019). */
static inline uint32_t tw_slot(const struct tw_pool *pool, const struct rte_mbuf *mbuf)
{
	uint64_t offset = (uint64_t)((const uint8_t *)mbuf - pool->base);
	return (uint32_t)(((unsigned __int128)offset * pool->inverse) >> 64);
}

/** Ones-complement sum in memory order, folded to 16 bits. */
uint16_t tw_sum_native(const uint8_t *data, uint32_t bytes);

#endif
