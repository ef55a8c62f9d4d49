/** The hot path: one call receives or sends a burst. */
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "internal.h"

_Static_assert(sizeof(struct tw_rx) == 104, "struct tw_rx differs from native.ts");
_Static_assert(offsetof(struct tw_rx, port) == 56, "struct tw_rx differs from native.ts");
_Static_assert(offsetof(struct tw_rx, frames) == 72, "struct tw_rx differs from native.ts");
_Static_assert(sizeof(struct tw_tx) == 80, "struct tw_tx differs from native.ts");
_Static_assert(offsetof(struct tw_tx, port) == 48, "struct tw_tx differs from native.ts");
_Static_assert(offsetof(struct tw_tx, frames) == 64, "struct tw_tx differs from native.ts");

/** Copies a chain into its first segment; false when it does not fit. */
static bool linearize(struct rte_mbuf *mbuf)
{
	struct rte_mbuf *segment = mbuf->next;

	if (rte_mbuf_refcnt_read(mbuf) != 1 ||
	    mbuf->pkt_len - mbuf->data_len > rte_pktmbuf_tailroom(mbuf))
		return false;
	while (segment != NULL) {
		struct rte_mbuf *next = segment->next;

		memcpy(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, mbuf->data_len),
		       rte_pktmbuf_mtod(segment, uint8_t *), segment->data_len);
		mbuf->data_len += segment->data_len;
		rte_pktmbuf_free_seg(segment);
		segment = next;
	}
	mbuf->next = NULL;
	mbuf->nb_segs = 1;
	return true;
}

/** Rare frames: true when the frame can be used after all; else it is freed and counted. */
static bool admit(struct tw_rx *rx, struct rte_mbuf *mbuf)
{
	bool is_ours = true;

	for (struct rte_mbuf *m = mbuf; m != NULL; m = m->next)
		is_ours = is_ours && m->pool == rx->pool->mempool && RTE_MBUF_DIRECT(m);
	if (is_ours && (mbuf->nb_segs == 1 || linearize(mbuf)))
		return true;
	if (is_ours)
		rx->oversize += 1;
	else
		rx->foreign += 1;
	rte_pktmbuf_free(mbuf);
	return false;
}

/** What the NIC says about the checksums of a frame, as TW_RX_* bits. */
static uint32_t verdict(uint64_t offload)
{
	uint64_t transport = offload & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (transport == RTE_MBUF_F_RX_L4_CKSUM_BAD ||
	    (offload & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return TW_RX_BAD;
	return transport == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? TW_RX_VERIFIED : 0;
}

int32_t tw_rx_burst(struct tw_rx *rx, uint32_t max)
{
	struct rte_mbuf *mbufs[TW_BURST_MAX];
	const struct tw_pool *pool = rx->pool;
	const uint32_t mode = rx->mode;
	uint32_t count = 0;
	uint64_t bytes = 0;
	uint16_t received = rte_eth_rx_burst((uint16_t)rx->port, (uint16_t)rx->queue, mbufs,
					     (uint16_t)RTE_MIN(max, (uint32_t)TW_BURST_MAX));

	for (uint16_t i = 0; i < received; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		const uint8_t *data;
		uint32_t flags;

		if (i + 2 < received)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + 2], void *));
		if (unlikely(mbuf->nb_segs != 1 || mbuf->pool != pool->mempool ||
			     !RTE_MBUF_DIRECT(mbuf)) && !admit(rx, mbuf))
			continue;
		data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
		rx->frame[count] = pool->frame_of_slot[tw_slot(pool, mbuf)];
		rx->at[count] = (uint32_t)(data - pool->base);
		rx->length[count] = mbuf->data_len;
		bytes += mbuf->data_len;
		flags = mode == TW_SUM_NONE	   ? TW_RX_VERIFIED
			: mode == TW_SUM_UNLESS_NIC ? verdict(mbuf->ol_flags)
						    : 0;
		if (!(flags & TW_RX_VERIFIED) && mbuf->data_len >= TW_LINK_BYTES) {
			rx->sum[count] = tw_sum(data + TW_LINK_BYTES, mbuf->data_len - TW_LINK_BYTES);
			flags |= TW_RX_SUMMED;
		}
		if (mbuf->ol_flags & RTE_MBUF_F_RX_RSS_HASH) {
			rx->hash[count] = mbuf->hash.rss;
			flags |= TW_RX_HASHED;
		}
		rx->flags[count] = flags;
		count += 1;
	}
	rx->frames += count;
	rx->bytes += (double)bytes;
	return (int32_t)count;
}

/**
 * Makes a frame as long as Ethernet wants it. The bytes behind a frame that somebody retains may be
 * his (a window probe is the first byte of a longer frame), so such a frame is sent as a copy.
 */
static struct rte_mbuf *pad(const struct tw_pool *pool, struct rte_mbuf *mbuf)
{
	if (rte_mbuf_refcnt_read(mbuf) != 1) {
		struct rte_mbuf *copy = rte_pktmbuf_alloc(pool->mempool);

		if (copy == NULL)
			return NULL;
		memcpy(rte_pktmbuf_mtod(copy, uint8_t *), rte_pktmbuf_mtod(mbuf, uint8_t *),
		       mbuf->data_len);
		copy->data_len = mbuf->data_len;
		mbuf = copy;
	}
	if (rte_pktmbuf_tailroom(mbuf) < TW_FRAME_BYTES_MIN - mbuf->data_len) {
		/* The frame lies at the very end of its memory: it is moved to the front. */
		uint8_t *from = rte_pktmbuf_mtod(mbuf, uint8_t *);

		mbuf->data_off = RTE_PKTMBUF_HEADROOM;
		memmove(rte_pktmbuf_mtod(mbuf, uint8_t *), from, mbuf->data_len);
	}
	memset(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, mbuf->data_len), 0,
	       TW_FRAME_BYTES_MIN - mbuf->data_len);
	mbuf->data_len = TW_FRAME_BYTES_MIN;
	mbuf->pkt_len = TW_FRAME_BYTES_MIN;
	return mbuf;
}

/** True when the columns of frame `i` stay inside its memory. */
static bool is_inside(const struct tw_tx *tx, uint32_t i)
{
	const struct tw_pool *pool = tx->pool;
	uint64_t end = (uint64_t)tx->at[i] + tx->length[i];
	uint32_t data_at;

	if (tx->frame[i] >= pool->frames)
		return false;
	data_at = pool->data_at[tx->frame[i]];
	if (tx->at[i] < data_at - RTE_PKTMBUF_HEADROOM || tx->length[i] < TW_LINK_BYTES ||
	    end > (uint64_t)data_at + pool->data_room)
		return false;
	return tx->checksum_start[i] == 0 ||
	       (tx->checksum_start[i] >= tx->at[i] && tx->checksum_at[i] >= tx->checksum_start[i] &&
		(uint64_t)tx->checksum_at[i] + 2 <= end);
}

/** Sums from the start to the end of the frame, over the field's pseudo-header sum. */
static void fill_checksum(const struct tw_tx *tx, uint32_t i)
{
	uint32_t start = tx->checksum_start[i];
	uint16_t sum = (uint16_t)~tw_sum_native(tx->pool->base + start,
						tx->at[i] + tx->length[i] - start);

	sum = sum == 0 ? 0xffff : sum;
	memcpy(tx->pool->base + tx->checksum_at[i], &sum, 2);
}

int32_t tw_tx_burst(struct tw_tx *tx, uint32_t count)
{
	struct rte_mbuf *mbufs[TW_BURST_MAX];
	uint16_t pseudo[TW_BURST_MAX];
	const struct tw_pool *pool = tx->pool;
	const uint32_t mode = tx->mode;
	uint32_t ready;
	uint32_t taken;
	uint64_t bytes = 0;

	if (count > TW_BURST_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (unlikely(!is_inside(tx, i)))
			return -EINVAL;
	}
	for (ready = 0; ready < count; ready++) {
		const uint32_t at = tx->at[ready];
		const uint32_t buffer_at = pool->data_at[tx->frame[ready]] - RTE_PKTMBUF_HEADROOM;
		struct rte_mbuf *mbuf = tw_mbuf(pool, tx->frame[ready]);

		mbuf->data_off = (uint16_t)(at - buffer_at);
		mbuf->data_len = (uint16_t)tx->length[ready];
		mbuf->pkt_len = tx->length[ready];
		mbuf->nb_segs = 1;
		mbuf->next = NULL;
		mbuf->ol_flags = 0;
		if ((mode & TW_TX_CHECKSUM) && tx->checksum_start[ready] != 0) {
			memcpy(&pseudo[ready], pool->base + tx->checksum_at[ready], 2);
			fill_checksum(tx, ready);
		}
		if ((mode & TW_TX_PAD) && tx->length[ready] < TW_FRAME_BYTES_MIN) {
			mbuf = pad(pool, mbuf);
			if (mbuf == NULL)
				break;
		}
		mbufs[ready] = mbuf;
	}
	taken = rte_eth_tx_burst((uint16_t)tx->port, (uint16_t)tx->queue, mbufs, (uint16_t)ready);
	for (uint32_t i = 0; i < taken; i++) {
		bytes += tx->length[i];
		/* A padded copy went out in place of the frame, whose reference we drop now. */
		if ((mode & TW_TX_PAD) && mbufs[i] != tw_mbuf(pool, tx->frame[i]))
			rte_pktmbuf_free(tw_mbuf(pool, tx->frame[i]));
	}
	for (uint32_t i = taken; i < count; i++) {
		/* What was not taken goes back as it came, so that it can be offered again. */
		if (i < ready && mbufs[i] != tw_mbuf(pool, tx->frame[i]))
			rte_pktmbuf_free(mbufs[i]);
		if (i <= ready && (mode & TW_TX_CHECKSUM) && tx->checksum_start[i] != 0)
			memcpy(pool->base + tx->checksum_at[i], &pseudo[i], 2);
	}
	tx->frames += taken;
	tx->bytes += (double)bytes;
	return (int32_t)taken;
}
