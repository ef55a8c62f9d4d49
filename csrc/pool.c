/** Packet memory: an rte_mempool whose frames are known by a dense index. */
#include <errno.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>

#include "internal.h"

/* TypeScript reads and changes the reference count in place. */
_Static_assert(offsetof(struct rte_mbuf, buf_addr) == 0, "rte_mbuf.buf_addr has moved");
_Static_assert(offsetof(struct rte_mbuf, data_off) == 16, "rte_mbuf.data_off has moved");
_Static_assert(offsetof(struct rte_mbuf, refcnt) == 18, "rte_mbuf.refcnt has moved");
_Static_assert(sizeof(((struct rte_mbuf *)0)->refcnt) == 2, "rte_mbuf.refcnt is not 16 bits");
_Static_assert(offsetof(struct rte_mbuf, nb_segs) == 20, "rte_mbuf.nb_segs has moved");
_Static_assert(offsetof(struct rte_mbuf, next) == 64, "rte_mbuf.next has left its cache line");
_Static_assert(sizeof(struct rte_mbuf) == 128, "rte_mbuf is not two cache lines");
_Static_assert(RTE_PKTMBUF_HEADROOM == 128, "headroom differs from FRAME_HEADROOM_BYTES");

/** Frames moved between TypeScript and the pool at once. */
#define CHUNK 256

struct walk {
	uint8_t **object;
	uint32_t count;
};

static void collect(struct rte_mempool *mempool, void *opaque, void *object, unsigned index)
{
	struct walk *walk = opaque;

	(void)mempool;
	(void)index;
	walk->object[walk->count++] = object;
}

static int by_address(const void *a, const void *b)
{
	const uint8_t *left = *(uint8_t *const *)a;
	const uint8_t *right = *(uint8_t *const *)b;

	return (left > right) - (left < right);
}

/** Gives every object its index, in the order of addresses. */
static int number_frames(struct tw_pool *pool)
{
	struct walk walk = {.object = calloc(pool->frames, sizeof(uint8_t *))};
	uint32_t slots;

	pool->data_at = calloc(pool->frames, sizeof(uint32_t));
	if (walk.object == NULL || pool->data_at == NULL) {
		free(walk.object);
		return -ENOMEM;
	}
	rte_mempool_obj_iter(pool->mempool, collect, &walk);
	qsort(walk.object, walk.count, sizeof(uint8_t *), by_address);
	pool->base = walk.object[0];
	pool->length = (size_t)(walk.object[walk.count - 1] - pool->base) + TW_MBUF_DATA_BYTES +
		       pool->data_room;
	if (walk.count != pool->frames || pool->length > UINT32_MAX) {
		free(walk.object);
		return -ERANGE;
	}
	pool->stride = UINT32_MAX;
	for (uint32_t i = 0; i < walk.count; i++) {
		pool->data_at[i] = (uint32_t)(walk.object[i] - pool->base) + TW_MBUF_DATA_BYTES;
		if (i > 0)
			pool->stride = RTE_MIN(pool->stride, pool->data_at[i] - pool->data_at[i - 1]);
	}
	free(walk.object);
	pool->inverse = UINT64_MAX / pool->stride + 1;
	slots = (uint32_t)(pool->length / pool->stride) + 1;
	pool->frame_of_slot = calloc(slots, sizeof(uint32_t));
	if (pool->frame_of_slot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < pool->frames; i++)
		pool->frame_of_slot[tw_slot(pool, tw_mbuf(pool, i))] = i;
	return 0;
}

/**
 * rte_pktmbuf_pool_create, but dense: without huge pages that would give each frame a 4 KiB page of
 * its own, which doubles the memory and puts all headers into the same few cache sets.
 */
static struct rte_mempool *make_mempool(const char *name, uint32_t frames, uint16_t buffer_bytes,
					uint32_t cache, int32_t socket)
{
	struct rte_pktmbuf_pool_private private = {.mbuf_data_room_size = buffer_bytes};
	unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
	struct rte_mempool *mempool = rte_mempool_create_empty(
		name, frames, sizeof(struct rte_mbuf) + buffer_bytes, cache, sizeof(private), socket, flags);
	int status;

	if (mempool == NULL)
		return NULL;
	status = rte_mempool_set_ops_byname(mempool, rte_mbuf_best_mempool_ops(), NULL);
	if (status == 0) {
		rte_pktmbuf_pool_init(mempool, &private);
		status = rte_mempool_populate_default(mempool);
	}
	if (status < 0) {
		rte_mempool_free(mempool);
		rte_errno = -status;
		return NULL;
	}
	rte_mempool_obj_iter(mempool, rte_pktmbuf_init, NULL);
	return mempool;
}

struct tw_pool *tw_pool_create(const char *name, uint32_t frames, uint32_t data_room,
			       uint32_t cache, int32_t socket)
{
	struct tw_pool *pool;
	int status;

	if (frames < 2 || data_room + RTE_PKTMBUF_HEADROOM > UINT16_MAX)
		return tw_fail(-EINVAL);
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return tw_fail(-ENOMEM);
	pool->frames = frames;
	pool->data_room = data_room;
	pool->mempool = make_mempool(name, frames, (uint16_t)(data_room + RTE_PKTMBUF_HEADROOM), cache,
				     socket);
	status = pool->mempool == NULL ? -rte_errno : number_frames(pool);
	if (status < 0) {
		tw_pool_free(pool);
		return tw_fail(status);
	}
	return pool;
}

void tw_pool_free(struct tw_pool *pool)
{
	rte_mempool_free(pool->mempool);
	free(pool->data_at);
	free(pool->frame_of_slot);
	free(pool);
}

void tw_pool_geometry(const struct tw_pool *pool, struct tw_geometry *out)
{
	*out = (struct tw_geometry){
		.base = (double)(uintptr_t)pool->base,
		.length = (double)pool->length,
		.frames = pool->frames,
		.headroom = RTE_PKTMBUF_HEADROOM,
		.data_room = pool->data_room,
	};
}

void tw_pool_tables(const struct tw_pool *pool, uint32_t *data_at, uint32_t *ref_at)
{
	const uint32_t refcnt = offsetof(struct rte_mbuf, refcnt);

	for (uint32_t i = 0; i < pool->frames; i++) {
		data_at[i] = pool->data_at[i];
		ref_at[i] = (pool->data_at[i] - (uint32_t)TW_MBUF_DATA_BYTES + refcnt) / 2;
	}
}

uint32_t tw_pool_alloc(struct tw_pool *pool, uint32_t *frames, uint32_t count)
{
	struct rte_mbuf *mbufs[CHUNK];
	uint32_t wanted = RTE_MIN(count, (uint32_t)CHUNK);

	/* rte_mempool gives all or nothing: a nearly empty pool is asked for less and less. */
	while (rte_mempool_get_bulk(pool->mempool, (void **)mbufs, wanted) < 0) {
		wanted /= 2;
		if (wanted == 0)
			return 0;
	}
	for (uint32_t i = 0; i < wanted; i++)
		frames[i] = pool->frame_of_slot[tw_slot(pool, mbufs[i])];
	return wanted;
}

void tw_pool_put(struct tw_pool *pool, const uint32_t *frames, uint32_t count)
{
	struct rte_mbuf *mbufs[CHUNK];

	while (count > 0) {
		uint32_t some = RTE_MIN(count, (uint32_t)CHUNK);

		for (uint32_t i = 0; i < some; i++)
			mbufs[i] = tw_mbuf(pool, frames[i]);
		rte_mempool_put_bulk(pool->mempool, (void *const *)mbufs, some);
		frames += some;
		count -= some;
	}
}

void tw_pool_release(struct tw_pool *pool, const uint32_t *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rte_pktmbuf_free(tw_mbuf(pool, frames[i]));
}

uint32_t tw_pool_available(const struct tw_pool *pool)
{
	return rte_mempool_avail_count(pool->mempool);
}
