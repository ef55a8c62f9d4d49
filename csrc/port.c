/** The control plane of ports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "internal.h"

_Static_assert(sizeof(struct tw_port_config) == 40, "struct tw_port_config differs from native.ts");
_Static_assert(sizeof(struct tw_port_info) == 48, "struct tw_port_info differs from native.ts");
_Static_assert(sizeof(struct tw_port_stats) == 64, "struct tw_port_stats differs from native.ts");

/** Descriptors per queue unless asked otherwise: dpdk-net's default. */
#define DESCRIPTORS 1024
/** Received checksums that a NIC has to check before we believe it. */
#define RX_CHECKSUM                                                                                \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
/** Fields that RSS hashes. */
#define RSS_FIELDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

static int32_t open_port(const char *devargs)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_dev_iterator iterator;
	uint16_t port;
	int status = rte_dev_probe(devargs);

	/* EFAULT is the answer when no driver knows the name. */
	if (status < 0)
		return status == -EFAULT ? -ENODEV : status;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(devargs, ","), devargs);
	if (rte_eth_dev_get_port_by_name(name, &port) == 0)
		return port;
	/* Some drivers name their ports in their own way. */
	RTE_ETH_FOREACH_MATCHING_DEV(port, name, &iterator)
	{
		rte_eth_iterator_cleanup(&iterator);
		return port;
	}
	return -ENODEV;
}

int32_t tw_port_open(const char *devargs)
{
	struct tw_quiet quiet;

	tw_quiet_begin(&quiet);
	int32_t status = open_port(devargs);
	tw_quiet_end(&quiet);
	return status;
}

static int32_t close_port(uint32_t port)
{
	struct rte_eth_dev_info info;
	int status = rte_eth_dev_info_get((uint16_t)port, &info);

	if (status < 0)
		return status;
	status = rte_eth_dev_stop((uint16_t)port);
	if (status < 0 && status != -ENOTSUP)
		return status;
	status = rte_eth_dev_close((uint16_t)port);
	return status < 0 ? status : rte_dev_remove(info.device);
}

int32_t tw_port_close(uint32_t port)
{
	struct tw_quiet quiet;

	tw_quiet_begin(&quiet);
	int32_t status = close_port(port);
	tw_quiet_end(&quiet);
	return status;
}

int32_t tw_port_info(uint32_t port, struct tw_port_info *out)
{
	struct rte_eth_dev_info info;
	uint16_t mtu = 0;
	int status = rte_eth_dev_info_get((uint16_t)port, &info);

	if (status < 0)
		return status;
	rte_eth_dev_get_mtu((uint16_t)port, &mtu);
	*out = (struct tw_port_info){
		.rx_queues_max = info.max_rx_queues,
		.tx_queues_max = info.max_tx_queues,
		.mtu_min = info.min_mtu,
		.mtu_max = info.max_mtu,
		.reta_size = info.reta_size,
		.rss_key_bytes = info.hash_key_size,
		.rx_checksum = (info.rx_offload_capa & RX_CHECKSUM) == RX_CHECKSUM,
		.rss = (info.flow_type_rss_offloads & RSS_FIELDS) != 0,
		.if_index = info.if_index,
		.socket = rte_eth_dev_socket_id((uint16_t)port),
		.mtu = mtu,
	};
	return 0;
}

int32_t tw_port_driver(uint32_t port, char *out, uint32_t bytes)
{
	struct rte_eth_dev_info info;
	int status = rte_eth_dev_info_get((uint16_t)port, &info);

	if (status < 0)
		return status;
	return snprintf(out, bytes, "%s", info.driver_name);
}

int32_t tw_port_configure(uint32_t port, struct tw_pool *pool, const struct tw_port_config *config)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	struct tw_quiet quiet;
	uint16_t rx = (uint16_t)(config->rx_descriptors ? config->rx_descriptors : DESCRIPTORS);
	uint16_t tx = (uint16_t)(config->tx_descriptors ? config->tx_descriptors : DESCRIPTORS);
	int socket = rte_eth_dev_socket_id((uint16_t)port);
	int status = rte_eth_dev_info_get((uint16_t)port, &info);

	if (status < 0)
		return status;
	if (config->mtu != 0)
		conf.rxmode.mtu = config->mtu;
	if (config->flags & TW_PORT_RX_CHECKSUM)
		conf.rxmode.offloads |= info.rx_offload_capa & RX_CHECKSUM;
	if ((config->flags & TW_PORT_RSS) && config->rx_queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RSS_FIELDS;
		conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)config->rss_key;
		conf.rx_adv_conf.rss_conf.rss_key_len = (uint8_t)config->rss_key_bytes;
		conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	}
	tw_quiet_begin(&quiet);
	/* MBUF_FAST_FREE stays off: frames are retained while they wait to be acknowledged. */
	status = rte_eth_dev_configure((uint16_t)port, (uint16_t)config->rx_queues,
				       (uint16_t)config->tx_queues, &conf);
	if (status == 0)
		status = rte_eth_dev_adjust_nb_rx_tx_desc((uint16_t)port, &rx, &tx);
	for (uint16_t queue = 0; status == 0 && queue < config->rx_queues; queue++)
		status = rte_eth_rx_queue_setup((uint16_t)port, queue, rx, (unsigned)socket, NULL,
						pool->mempool);
	for (uint16_t queue = 0; status == 0 && queue < config->tx_queues; queue++)
		status = rte_eth_tx_queue_setup((uint16_t)port, queue, tx, (unsigned)socket, NULL);
	tw_quiet_end(&quiet);
	return status;
}

int32_t tw_port_start(uint32_t port)
{
	return rte_eth_dev_start((uint16_t)port);
}

int32_t tw_port_mac(uint32_t port, uint8_t *out)
{
	return rte_eth_macaddr_get((uint16_t)port, (struct rte_ether_addr *)out);
}

int32_t tw_port_set_mac(uint32_t port, const uint8_t *mac)
{
	struct rte_ether_addr address;

	memcpy(&address, mac, sizeof(address));
	return rte_eth_dev_default_mac_addr_set((uint16_t)port, &address);
}

int32_t tw_port_set_mtu(uint32_t port, uint32_t mtu)
{
	return rte_eth_dev_set_mtu((uint16_t)port, (uint16_t)mtu);
}

int32_t tw_port_promiscuous(uint32_t port, uint32_t on)
{
	return on ? rte_eth_promiscuous_enable((uint16_t)port)
		  : rte_eth_promiscuous_disable((uint16_t)port);
}

int32_t tw_port_multicast(uint32_t port, const uint8_t *macs, uint32_t count)
{
	struct rte_ether_addr *list = (struct rte_ether_addr *)(uintptr_t)macs;
	int status = -ENOTSUP;

	if (macs != NULL)
		status = rte_eth_dev_set_mc_addr_list((uint16_t)port, list, count);
	if (status == 0)
		return 0;
	if (status == -ENOTSUP || status == -ENOSPC)
		status = rte_eth_allmulticast_enable((uint16_t)port);
	if (status == -ENOTSUP)
		status = rte_eth_promiscuous_enable((uint16_t)port);
	return status < 0 ? status : 1;
}

int32_t tw_port_stats(uint32_t port, struct tw_port_stats *out)
{
	struct rte_eth_stats stats;
	int status = rte_eth_stats_get((uint16_t)port, &stats);

	if (status < 0)
		return status;
	*out = (struct tw_port_stats){
		.rx_frames = (double)stats.ipackets,
		.tx_frames = (double)stats.opackets,
		.rx_bytes = (double)stats.ibytes,
		.tx_bytes = (double)stats.obytes,
		.rx_missed = (double)stats.imissed,
		.rx_errors = (double)stats.ierrors,
		.tx_errors = (double)stats.oerrors,
		.rx_no_memory = (double)stats.rx_nombuf,
	};
	return 0;
}

int32_t tw_port_link(uint32_t port)
{
	struct rte_eth_link link;
	int status = rte_eth_link_get_nowait((uint16_t)port, &link);

	return status < 0 ? status : link.link_status == RTE_ETH_LINK_UP;
}

int32_t tw_port_reclaim(uint32_t port, uint32_t queue)
{
	int status = rte_eth_tx_done_cleanup((uint16_t)port, (uint16_t)queue, 0);

	/* Drivers without the call reclaim when they send: nothing, in this case. */
	if (status == -ENOTSUP)
		status = rte_eth_tx_burst((uint16_t)port, (uint16_t)queue, NULL, 0);
	return status;
}

struct tw_ring_pair {
	uint32_t queues;
	uint16_t port[2];
	struct rte_ring *ring[2][TW_QUEUES_MAX];
};

uint32_t tw_ring_pair_port(const struct tw_ring_pair *pair, uint32_t side)
{
	return pair->port[side & 1];
}

static void free_rings(struct tw_ring_pair *pair)
{
	void *mbuf;

	for (uint32_t i = 0; i < 2 * pair->queues; i++) {
		struct rte_ring *ring = pair->ring[i & 1][i >> 1];

		while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
			rte_pktmbuf_free(mbuf);
		rte_ring_free(ring);
	}
	free(pair);
}

struct tw_ring_pair *tw_ring_pair_open(const char *name, uint32_t size, uint32_t queues)
{
	struct tw_ring_pair *pair;
	char text[RTE_RING_NAMESIZE];

	if (queues == 0 || queues > TW_QUEUES_MAX)
		return tw_fail(-EINVAL);
	pair = calloc(1, sizeof(*pair));
	if (pair == NULL)
		return tw_fail(-ENOMEM);
	pair->queues = queues;
	/* One thread polls a queue, so every ring has one producer and one consumer. */
	for (uint32_t i = 0; i < 2 * queues; i++) {
		struct rte_ring *ring;

		snprintf(text, sizeof(text), "%s%c%u", name, 'a' + (i & 1), i >> 1);
		ring = rte_ring_create(text, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		pair->ring[i & 1][i >> 1] = ring;
		if (ring == NULL) {
			int error = -rte_errno;

			free_rings(pair);
			return tw_fail(error);
		}
	}
	for (uint32_t side = 0; side < 2; side++) {
		int port;

		snprintf(text, sizeof(text), "%s%c", name, 'a' + side);
		port = rte_eth_from_rings(text, pair->ring[side], queues, pair->ring[1 - side], queues, 0);
		if (port < 0) {
			int error = -rte_errno;

			if (side == 1)
				tw_port_close(pair->port[0]);
			free_rings(pair);
			return tw_fail(error);
		}
		pair->port[side] = (uint16_t)port;
	}
	return pair;
}

void tw_ring_pair_close(struct tw_ring_pair *pair)
{
	tw_port_close(pair->port[0]);
	tw_port_close(pair->port[1]);
	free_rings(pair);
}
