/**
 * tickwire's shim over DPDK: whatever TypeScript cannot do itself, and nothing else.
 *
 * - It knows ports, queues, packet memory and ones-complement sums; it knows no protocol.
 * - One call moves a burst. On the hot path only integers, doubles and pointers cross the border:
 *   no strings, no structs by value, no callbacks, no 64-bit integer returns (they become BigInt).
 * - A frame is its index in the pool. Its bytes lie at an offset from the base of the pool, which
 *   TypeScript maps once as one ArrayBuffer.
 * - Errors are negative errno values. Functions that return a pointer return 0 and leave the reason
 *   in tw_errno().
 * - Layouts shared with TypeScript are asserted when this compiles and compared again, by
 *   tw_layout(), when the library is loaded.
 */
#ifndef TICKWIRE_H
#define TICKWIRE_H

#include <stdint.h>

/** Changes whenever a signature or a shared layout below changes. */
#define TW_ABI_VERSION 1

/** Frames in one burst at most: the length of every column. Equal to BURST_MAX in TypeScript. */
#define TW_BURST_MAX 64
/** Queues per port at most. */
#define TW_QUEUES_MAX 16
/** The shortest Ethernet frame without its FCS. */
#define TW_FRAME_BYTES_MIN 60
/** Bytes of an Ethernet header, behind which receive sums start. */
#define TW_LINK_BYTES 14

/** Flags of a received frame: the RX_* constants of packages/phy. */
enum { TW_RX_VERIFIED = 1, TW_RX_BAD = 2, TW_RX_SUMMED = 4, TW_RX_HASHED = 8 };

/** struct tw_rx.mode: vouch for every frame, sum every frame, or sum what the NIC left open. */
enum { TW_SUM_NONE = 0, TW_SUM_ALL = 1, TW_SUM_UNLESS_NIC = 2 };

/** struct tw_tx.mode. */
enum { TW_TX_CHECKSUM = 1, TW_TX_PAD = 2 };

/** struct tw_port_config.flags. */
enum { TW_PORT_RSS = 1, TW_PORT_RX_CHECKSUM = 2 };

/** Packet memory; opaque to TypeScript, shared by all threads. */
struct tw_pool;
/** Two ports joined in memory; opaque to TypeScript. */
struct tw_ring_pair;

/** One receive queue as one thread sees it. Columns are uint32_t[TW_BURST_MAX]. */
struct tw_rx {
	struct tw_pool *pool;
	uint32_t *frame;
	uint32_t *at;
	uint32_t *length;
	uint32_t *flags;
	uint32_t *hash;
	uint32_t *sum;
	uint32_t port;
	uint32_t queue;
	uint32_t mode;
	uint32_t reserved;
	double frames;
	double bytes;
	/** Frames in several segments that do not fit into one. */
	double oversize;
	/** Frames that are not from the pool. */
	double foreign;
};

/** One transmit queue as one thread sees it. Columns are uint32_t[TW_BURST_MAX]. */
struct tw_tx {
	struct tw_pool *pool;
	const uint32_t *frame;
	const uint32_t *at;
	const uint32_t *length;
	const uint32_t *checksum_start;
	const uint32_t *checksum_at;
	uint32_t port;
	uint32_t queue;
	uint32_t mode;
	uint32_t reserved;
	double frames;
	double bytes;
};

/** Geometry of a pool, written by tw_pool_geometry(). */
struct tw_geometry {
	/** Address of the first byte that belongs to the pool. */
	double base;
	/** Bytes from there to the end of the last frame; below 4 GiB. */
	double length;
	uint32_t frames;
	/** Bytes before the data of a frame. */
	uint32_t headroom;
	/** Bytes from the data to the end of a frame. */
	uint32_t data_room;
	uint32_t reserved;
};

/** What tw_port_configure() reads. Zero stands for the driver's own choice. */
struct tw_port_config {
	uint32_t rx_queues;
	uint32_t tx_queues;
	uint32_t rx_descriptors;
	uint32_t tx_descriptors;
	uint32_t mtu;
	uint32_t flags;
	/** RSS key and its length, or 0. */
	const uint8_t *rss_key;
	uint32_t rss_key_bytes;
	uint32_t reserved;
};

/** What tw_port_info() writes. */
struct tw_port_info {
	uint32_t rx_queues_max;
	uint32_t tx_queues_max;
	uint32_t mtu_min;
	uint32_t mtu_max;
	uint32_t reta_size;
	uint32_t rss_key_bytes;
	/** 1 when the NIC can check IPv4, TCP and UDP checksums of received frames. */
	uint32_t rx_checksum;
	/** 1 when the NIC can spread received frames by the hash of addresses and ports. */
	uint32_t rss;
	uint32_t if_index;
	int32_t socket;
	uint32_t mtu;
	uint32_t reserved;
};

/** What tw_port_stats() writes: rte_eth_stats as doubles. */
struct tw_port_stats {
	double rx_frames, tx_frames, rx_bytes, tx_bytes;
	double rx_missed, rx_errors, tx_errors, rx_no_memory;
};

/* --- environment (eal.c) --- */

/** TW_ABI_VERSION of the library. */
uint32_t tw_abi_version(void);
/** Writes up to `count` sizes and offsets of shared layouts into `out`; returns how many exist. */
uint32_t tw_layout(uint32_t *out, uint32_t count);
/** Sends DPDK's log to the file `path`, or to an anonymous file when `path` is empty. */
int32_t tw_log_open(const char *path);
/** Copies the last bytes of the log, ended by 0, into `out`; returns their number. */
int32_t tw_log_tail(char *out, uint32_t bytes);
/** rte_eal_init with `count` zero-terminated arguments that lie back to back in `args`. */
int32_t tw_eal_init(const char *args, uint32_t count);
/** rte_eal_cleanup: the last call into the library. */
int32_t tw_eal_cleanup(void);
/** Why the last call of this thread that returned 0 as a pointer failed: a negative errno. */
int32_t tw_errno(void);
/** Text of an errno or DPDK error number. */
int32_t tw_error_text(int32_t code, char *out, uint32_t bytes);
/** Name and version of the DPDK in use. */
int32_t tw_version(char *out, uint32_t bytes);
/** Makes the calling thread known to DPDK: it gets a cache of its own in every pool. */
int32_t tw_thread_register(void);
/** Undoes tw_thread_register() for the calling thread. */
void tw_thread_unregister(void);
/** Binds the calling thread to one core. */
int32_t tw_pin(uint32_t core);
/** Time stamp counter since the library was loaded, in cycles. */
double tw_tsc(void);
/** Cycles per second of tw_tsc(). */
double tw_tsc_hz(void);
/** Returns its argument: what a call costs. */
uint32_t tw_nop(uint32_t value);

/* --- packet memory (pool.c) --- */

/** Makes a pool of `frames` frames with `data_room` bytes each behind the headroom. */
struct tw_pool *tw_pool_create(const char *name, uint32_t frames, uint32_t data_room,
			       uint32_t cache, int32_t socket);
/** Gives the memory back; no port may use it any more. */
void tw_pool_free(struct tw_pool *pool);
/** Fills `out`. */
void tw_pool_geometry(const struct tw_pool *pool, struct tw_geometry *out);
/** Fills, per frame, the offset of its data and the index of its 16-bit reference count. */
void tw_pool_tables(const struct tw_pool *pool, uint32_t *data_at, uint32_t *ref_at);
/** Takes up to `count` frames, fewer when the pool is nearly empty; returns how many. */
uint32_t tw_pool_alloc(struct tw_pool *pool, uint32_t *frames, uint32_t count);
/** Gives back `count` frames whose reference count is 1. */
void tw_pool_put(struct tw_pool *pool, const uint32_t *frames, uint32_t count);
/** Drops one reference of each of `count` frames as a driver does (rte_pktmbuf_free). */
void tw_pool_release(struct tw_pool *pool, const uint32_t *frames, uint32_t count);
/** Frames in the pool, those in the caches of other threads included. */
uint32_t tw_pool_available(const struct tw_pool *pool);

/* --- ports (port.c) --- */

/** Adds a device: "net_tap0,iface=x" or a PCI address; returns its port number. */
int32_t tw_port_open(const char *devargs);
/** Stops a port if it runs, closes it and removes its device. */
int32_t tw_port_close(uint32_t port);
/** Fills `out`. */
int32_t tw_port_info(uint32_t port, struct tw_port_info *out);
/** Name of the port's driver. */
int32_t tw_port_driver(uint32_t port, char *out, uint32_t bytes);
/** Configures the port and sets up its queues over `pool`. */
int32_t tw_port_configure(uint32_t port, struct tw_pool *pool, const struct tw_port_config *config);
/** Starts the port. */
int32_t tw_port_start(uint32_t port);
/** Copies the port's MAC address to `out`. */
int32_t tw_port_mac(uint32_t port, uint8_t *out);
/** Changes the port's MAC address. */
int32_t tw_port_set_mac(uint32_t port, const uint8_t *mac);
/** Changes the MTU (bytes of an IP packet). */
int32_t tw_port_set_mtu(uint32_t port, uint32_t mtu);
/** Switches promiscuous mode. */
int32_t tw_port_promiscuous(uint32_t port, uint32_t on);
/** Receives the `count` multicast addresses at `macs`, 6 bytes each; every multicast when `macs` is
 *  0. Returns 0, or 1 when the port receives every multicast (or every) frame instead. */
int32_t tw_port_multicast(uint32_t port, const uint8_t *macs, uint32_t count);
/** Fills `out`. */
int32_t tw_port_stats(uint32_t port, struct tw_port_stats *out);
/** 1 when the link is up, 0 when it is down. */
int32_t tw_port_link(uint32_t port);
/** Makes the driver free frames that were sent. */
int32_t tw_port_reclaim(uint32_t port, uint32_t queue);
/** Joins two new ports by rings of `size` slots, a power of two: each receives what the other
 *  sends. */
struct tw_ring_pair *tw_ring_pair_open(const char *name, uint32_t size, uint32_t queues);
/** Port number of side 0 or 1. */
uint32_t tw_ring_pair_port(const struct tw_ring_pair *pair, uint32_t side);
/** Closes both ports and frees the frames that are on their way. */
void tw_ring_pair_close(struct tw_ring_pair *pair);

/* --- bursts (burst.c) --- */

/** Receives up to `max` frames into the columns of `rx`; returns how many. */
int32_t tw_rx_burst(struct tw_rx *rx, uint32_t max);
/** Sends the first `count` frames of the columns of `tx`; returns how many were taken, or -EINVAL
 *  (nothing sent) when a column names bytes outside of its frame. */
int32_t tw_tx_burst(struct tw_tx *tx, uint32_t count);

/* --- bytes (checksum.c) --- */

/** Folded ones-complement sum of `bytes` bytes as big-endian 16-bit words, RFC 1071. */
uint32_t tw_sum(const uint8_t *data, uint32_t bytes);
/** The same by rte_raw_cksum, for tests. */
uint32_t tw_sum_reference(const uint8_t *data, uint32_t bytes);
/** memcpy. */
void tw_copy(uint8_t *to, const uint8_t *from, uint32_t bytes);
/** Toeplitz hash (rte_softrss) of `bytes` bytes, a multiple of 4, in network order. */
uint32_t tw_softrss(const uint8_t *key, const uint8_t *tuple, uint32_t bytes);

#endif
